/* What a report read from JSON points to; shared by report_load.c and report_merge.c alone. */
#ifndef VIEW_REPORT_LOADED_H
#define VIEW_REPORT_LOADED_H

#include "shoal/schema.h"
#include "view/run_info.h"

#include <jansson.h>
#include <stdint.h>

struct report_loaded {
    json_t *root; /* owned; its strings are the report's */
    json_t *kept; /* owned array of further strings: what merging adds */
    json_t *runs; /* owned array: the ids of the runs in it, as far as they are known */
    struct shoal_schema *schema;
    struct run_variant *variants;
    uint64_t *base, *now; /* one block: the zeros, and the totals */
};

#endif
