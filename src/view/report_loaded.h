/* What a report read from JSON points to; shared by report_load.c and report_merge.c alone. */
#ifndef VIEW_REPORT_LOADED_H
#define VIEW_REPORT_LOADED_H

#include "shoal/schema.h"
#include "stats/metrics.h"
#include "view/run_info.h"

#include <jansson.h>
#include <stdint.h>

/* What the engine of the run cannot tell. */
struct report_absent {
    enum metric counters[METRIC_COUNT];
    enum metric_histogram histograms[METRIC_HISTOGRAM_COUNT];
    struct metrics_absent list; /* of the above */
};

struct report_loaded {
    json_t *root; /* owned; its strings are the report's */
    json_t *kept; /* owned array of further strings: what merging adds */
    json_t *runs; /* owned array: the ids of the runs in it, as far as they are known */
    struct shoal_schema *schema;
    struct run_variant *variants;
    struct report_absent absent;
    uint64_t *base, *now; /* one block: the zeros, and the totals */
};

#endif
