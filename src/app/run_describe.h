/* What the views are told of a run: names of the variants, the plan, the command line. Main
 * thread; constant once filled. */
#ifndef APP_RUN_DESCRIBE_H
#define APP_RUN_DESCRIBE_H

#include "app/preflight.h"
#include "app/run_options.h"
#include "stats/metrics.h"
#include "view/run_info.h"

struct run_describe {
    struct run_info info; /* what is filled points into this struct, the options, the stream */

    int argc;    /* set by the caller */
    char **argv; /* borrowed */

    uint32_t variant_count;
    const char *names[METRIC_VARIANTS_MAX];
    char name_text[METRIC_VARIANTS_MAX][64];
    char codecs_text[METRIC_VARIANTS_MAX][64];
    struct run_variant variants[METRIC_VARIANTS_MAX];
    uint32_t server_count;
    const char *servers[METRIC_SERVERS_MAX];
    char server_text[METRIC_SERVERS_MAX][NET_ADDRESS_TEXT];
    struct run_stage stages[PLAN_STAGES_MAX];
    char command[1024];
    char host[256];
    char id[64];
};

/* Fills the variants, the servers and the kind of stream. */
void run_describe_stream(struct run_describe *describe, const struct preflight_stream *stream);

/* Fills the rest; `start_us` is time 0 of the plan on the monotonic clock. */
void run_describe_run(struct run_describe *describe, const struct run_options *options,
                      int64_t start_us);

#endif
