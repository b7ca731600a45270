/* JSON of what is not plain: text that others wrote (URLs, header values, a command line),
 * numbers that may not be known, the names of what is absent. */
#ifndef VIEW_JSON_UTIL_H
#define VIEW_JSON_UTIL_H

#include "shoal/schema.h"

#include <jansson.h>

/* A new string; null for NULL. Where the text is not UTF-8 its bytes above 127 become '?'. */
json_t *json_util_text(const char *text);

/* A real number; null for what is not known (NAN). */
json_t *json_util_real(double value);

/* The names of the counters, histograms and derived figures that this run cannot tell. */
json_t *json_util_absent(const struct shoal_schema *schema);

#endif
