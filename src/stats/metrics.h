/* Shoal's own table on libshoal-stats. metrics.def declares what is counted; from it come the
 * numbers here, with which writers count at places known at compile time, and the schema, with
 * which observers find names, units and label values.
 *
 * Counting functions are for the owner of the lane; numbers are also the arguments of
 * shoal_total(interval, METRIC_SEGMENTS), shoal_percentiles(interval, METRIC_STARTUP, …) and
 * shoal_derived(interval, METRIC_REBUFFER_RATIO). */
#ifndef STATS_METRICS_H
#define STATS_METRICS_H

#include "base/fail.h"
#include "shoal/lane.h"
#include "shoal/schema.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* Values of the label `kind`: what a request is for. */
enum metric_kind {
    METRIC_KIND_MULTIVARIANT,
    METRIC_KIND_MEDIA_PLAYLIST,
    METRIC_KIND_SEGMENT,
    METRIC_KIND_INIT_SECTION,
    METRIC_KIND_KEY,
    METRIC_KIND_OTHER,
    METRIC_KIND_COUNT,
};

enum {
    /* Label `variant`: the variants by their order in the multivariant playlist (0 for a lone
     * media playlist), then one value for all beyond these and for renditions. */
    METRIC_VARIANTS_MAX = 64,
    METRIC_VARIANT_OTHER = METRIC_VARIANTS_MAX,
    /* Label `server`: the addresses known before the run, then one value for all others. */
    METRIC_SERVERS_MAX = 16,
    METRIC_SERVER_OTHER = METRIC_SERVERS_MAX,
    /* Label `worker`: by number; workers beyond share the last value. */
    METRIC_WORKERS_MAX = 64,
    /* Label `viewer`: the first viewers by number. */
    METRIC_VIEWERS_TOLD_MAX = 64,
    /* Label `status`: exact codes; others are counted without a label value. */
    METRIC_STATUS_MIN = 100,
    METRIC_STATUS_MAX = 599,
};

/* How many values each label has. `failure` is indexed by enum fail; FAIL_NONE is unused. */
enum {
    METRIC_VALUES_kind = METRIC_KIND_COUNT,
    METRIC_VALUES_status = METRIC_STATUS_MAX - METRIC_STATUS_MIN + 1,
    METRIC_VALUES_variant = METRIC_VARIANTS_MAX + 1,
    METRIC_VALUES_server = METRIC_SERVERS_MAX + 1,
    METRIC_VALUES_failure = FAIL_COUNT,
    METRIC_VALUES_worker = METRIC_WORKERS_MAX,
    METRIC_VALUES_viewer = METRIC_VIEWERS_TOLD_MAX,
};

#define COUNTER(symbol, name, unit, help)
#define LABELLED(symbol, name, unit, help, label)
#define HISTOGRAM(symbol, name, unit, help, bits)
#define DERIVED(symbol, name, unit, help, kind, plus, minus, over)

/* The counters: METRIC_HTTP_REQUESTS, … */
enum metric {
#undef COUNTER
#undef LABELLED
#define COUNTER(symbol, name, unit, help)         METRIC_##symbol,
#define LABELLED(symbol, name, unit, help, label) METRIC_##symbol,
#include "stats/metrics.def"
#undef COUNTER
#undef LABELLED
#define COUNTER(symbol, name, unit, help)
#define LABELLED(symbol, name, unit, help, label)
    METRIC_COUNT,
};

/* The histograms: METRIC_DNS, … */
enum metric_histogram {
#undef HISTOGRAM
#define HISTOGRAM(symbol, name, unit, help, bits) METRIC_##symbol,
#include "stats/metrics.def"
#undef HISTOGRAM
#define HISTOGRAM(symbol, name, unit, help, bits)
    METRIC_HISTOGRAM_COUNT,
};

/* The derived figures: METRIC_VIEWERS_ACTIVE, … */
enum metric_derived {
#undef DERIVED
#define DERIVED(symbol, name, unit, help, kind, plus, minus, over) METRIC_##symbol,
#include "stats/metrics.def"
#undef DERIVED
#define DERIVED(symbol, name, unit, help, kind, plus, minus, over)
    METRIC_DERIVED_COUNT,
};

/* Histograms hold values of 0 µs to one hour. */
#define METRIC_HISTOGRAM_MAX_US 3600000000ull

/* shoal_bucket_of(METRIC_HISTOGRAM_MAX_US, bits) + 1 as a constant; the maximum has 32 bits. */
#define METRIC_BUCKETS(bits) \
    (((31 - (bits)) << (bits)) + (int)(METRIC_HISTOGRAM_MAX_US >> (31 - (bits))) + 1)

/* Places of label values and histograms, as shoal_schema_new lays them out (tested). */
enum metric_place {
    METRIC_PLACE_BEFORE_LABELS = SHOAL_HEADER_WORDS + METRIC_COUNT - 1,
#undef LABELLED
#undef HISTOGRAM
#define LABELLED(symbol, name, unit, help, label) \
    METRIC_LABELS_##symbol,                       \
        METRIC_LABELS_END_##symbol = METRIC_LABELS_##symbol + METRIC_VALUES_##label - 1,
#define HISTOGRAM(symbol, name, unit, help, bits) \
    METRIC_SUM_##symbol, METRIC_SUM_END_##symbol = METRIC_SUM_##symbol + METRIC_BUCKETS(bits),
#include "stats/metrics.def"
    METRIC_WORDS,
};

static const uint32_t metric_labels[METRIC_COUNT] = {
#undef LABELLED
#undef HISTOGRAM
#define LABELLED(symbol, name, unit, help, label) [METRIC_##symbol] = METRIC_LABELS_##symbol,
#define HISTOGRAM(symbol, name, unit, help, bits)
#include "stats/metrics.def"
};

static const uint32_t metric_values[METRIC_COUNT] = {
#undef LABELLED
#define LABELLED(symbol, name, unit, help, label) [METRIC_##symbol] = METRIC_VALUES_##label,
#include "stats/metrics.def"
};

static const uint32_t metric_bits[METRIC_HISTOGRAM_COUNT] = {
#undef LABELLED
#undef HISTOGRAM
#define LABELLED(symbol, name, unit, help, label)
#define HISTOGRAM(symbol, name, unit, help, bits) [METRIC_##symbol] = (bits),
#include "stats/metrics.def"
};

static const struct shoal_histogram_place metric_histograms[METRIC_HISTOGRAM_COUNT] = {
#undef HISTOGRAM
#define HISTOGRAM(symbol, name, unit, help, bits) \
    [METRIC_##symbol] = {METRIC_SUM_##symbol, METRIC_SUM_##symbol + 1, METRIC_BUCKETS(bits)},
#include "stats/metrics.def"
};

#undef COUNTER
#undef LABELLED
#undef HISTOGRAM
#undef DERIVED

/* Counts n events of a counter without a label. */
static inline void metrics_add(struct shoal_lane *lane, enum metric metric, uint64_t n)
{
    assert(metric_values[metric] == 0);
    shoal_lane_add(lane, metric, n);
}

/* Counts n events of a labelled counter under one of its values. */
static inline void metrics_add_at(struct shoal_lane *lane, enum metric metric, uint32_t value,
                                  uint64_t n)
{
    assert(value < metric_values[metric]);
    shoal_lane_add_word(lane, metric_labels[metric] + value, n);
}

/* Counts one failure or stream fault. */
static inline void metrics_add_failure(struct shoal_lane *lane, enum fail fail)
{
    assert(fail != FAIL_NONE);
    metrics_add_at(lane, METRIC_FAILURES, fail, 1);
}

/* Counts one response head: its exact status and its class. */
void metrics_add_response(struct shoal_lane *lane, unsigned status);

/* Records a time into a histogram; a negative one counts as 0. */
static inline void metrics_record(struct shoal_lane *lane, enum metric_histogram histogram,
                                  int64_t us)
{
    shoal_lane_record_place(lane, metric_histograms[histogram], metric_bits[histogram], us);
}

/* Sets this lane's part of the viewers' target, of which all lanes' sum is shown. */
static inline void metrics_set_target(struct shoal_lane *lane, uint64_t viewers)
{
    shoal_lane_set_gauge(lane, METRIC_TARGET_RAISED, METRIC_TARGET_LOWERED, viewers);
}

/* Whether the counter tells single viewers. Such detail is counted only when it is asked for,
 * is shown by /metrics alone and belongs to no report: viewers of several machines share
 * numbers. */
bool metrics_is_by_viewer(const struct shoal_counter_def *counter);

/* What the writers of a run cannot tell: marked absent in its schema, with all that is derived
 * from it, and shown by no view. */
struct metrics_absent {
    const enum metric *counters;
    uint32_t counter_count;
    const enum metric_histogram *histograms;
    uint32_t histogram_count;
};

/* Makes the schema of the table. `variants` are the names of the variants as preflight found
 * them (NULL: "0", "1", …), variant_count of them; those beyond METRIC_VARIANTS_MAX share the
 * value "other". `servers` are the addresses of servers as text, server_count of them, with
 * METRIC_SERVERS_MAX in the same way; may be NULL with 0. `absent` is NULL when all can be
 * told. Returns 0, or -ENOMEM. Free with shoal_schema_free. */
int metrics_schema_new(const char *const *variants, uint32_t variant_count,
                       const char *const *servers, uint32_t server_count,
                       const struct metrics_absent *absent, struct shoal_schema **ret_schema);

#endif
