/* Says what is wrong with a name in a threshold, and what may have been meant. Pure. */
#ifndef VIEW_THRESHOLD_WORDS_H
#define VIEW_THRESHOLD_WORDS_H

#include "base/err.h"
#include "base/span.h"
#include "shoal/schema.h"

/* What a threshold wanted at the place of the name. */
enum threshold_place {
    THRESHOLD_PLACE_COUNTER,   /* count(…), rate(…) */
    THRESHOLD_PLACE_HISTOGRAM, /* p99(…), mean(…), min(…), max(…) */
    THRESHOLD_PLACE_FIGURE,    /* alone */
};

/* Writes the `what` of an error: "--threshold count(stalls)==0". */
void threshold_name(struct span text, char *dst, size_t size);

/* Fills *err (ERR_USAGE): that `name` is none, and in the hint the right way to ask for what
 * has that name, the nearest name there is, or a list. Returns -1. */
int threshold_refuse_name(const struct shoal_schema *schema, struct span text,
                          enum threshold_place place, struct span name, struct err *err);

#endif
