#include "stats/metrics.h"

#include <stdio.h>
#include <string.h>

/* Numbers as text: the names of the values of `status`, `worker`, unnamed variants. */
struct numbers {
    char text[METRIC_STATUS_MAX + 1][4];
};

static const char *const kind_names[METRIC_KIND_COUNT] = {
    [METRIC_KIND_MULTIVARIANT] = "multivariant",
    [METRIC_KIND_MEDIA_PLAYLIST] = "media_playlist",
    [METRIC_KIND_SEGMENT] = "segment",
    [METRIC_KIND_INIT_SECTION] = "init_section",
    [METRIC_KIND_KEY] = "key",
    [METRIC_KIND_OTHER] = "other",
};

/* The names of all values of all labels while a schema is made; it copies them. */
struct label_names {
    const char *kind[METRIC_VALUES_kind];
    const char *status[METRIC_VALUES_status];
    const char *variant[METRIC_VALUES_variant];
    const char *server[METRIC_VALUES_server];
    const char *failure[METRIC_VALUES_failure];
    const char *worker[METRIC_VALUES_worker];
    const char *viewer[METRIC_VALUES_viewer];
};

/* Those named at run time. */
static void name_run_values(struct label_names *names, const struct numbers *numbers,
                            const char *const *variants, uint32_t variant_count,
                            const char *const *servers, uint32_t server_count)
{
    for (unsigned i = 0; i < METRIC_VARIANTS_MAX && i < variant_count; i++) {
        names->variant[i] = variants != NULL ? variants[i] : numbers->text[i];
    }
    names->variant[METRIC_VARIANT_OTHER] = "other";
    for (unsigned i = 0; i < METRIC_SERVERS_MAX && i < server_count; i++) {
        names->server[i] = servers[i];
    }
    names->server[METRIC_SERVER_OTHER] = "other";
}

static void name_fixed_values(struct label_names *names, struct numbers *numbers)
{
    memset(names, 0, sizeof(*names));
    for (unsigned i = 0; i <= METRIC_STATUS_MAX; i++) {
        snprintf(numbers->text[i], sizeof(numbers->text[i]), "%u", i % 1000);
    }
    memcpy(names->kind, kind_names, sizeof(kind_names));
    for (unsigned i = 0; i < METRIC_VALUES_status; i++) {
        names->status[i] = numbers->text[METRIC_STATUS_MIN + i];
    }
    for (unsigned i = FAIL_NONE + 1; i < FAIL_COUNT; i++) {
        names->failure[i] = fail_info(i)->label;
    }
    for (unsigned i = 0; i < METRIC_WORKERS_MAX; i++) {
        names->worker[i] = numbers->text[i];
    }
    for (unsigned i = 0; i < METRIC_VIEWERS_TOLD_MAX; i++) {
        names->viewer[i] = numbers->text[i];
    }
}

#define PLUS(...)  __VA_ARGS__
#define MINUS(...) __VA_ARGS__
#define OVER(...)  __VA_ARGS__

/* Terms of formulas: the number of the counter + 1. */
enum {
#define COUNTER(symbol, name, unit, help)         symbol = METRIC_##symbol + 1,
#define LABELLED(symbol, name, unit, help, label) symbol = METRIC_##symbol + 1,
#define HISTOGRAM(symbol, name, unit, help, bits)
#define DERIVED(symbol, name, unit, help, kind, plus, minus, over)
#include "stats/metrics.def"
#undef COUNTER
#undef LABELLED
#undef HISTOGRAM
#undef DERIVED
};

#define COUNTER(symbol, name, unit, help)
#define LABELLED(symbol, name, unit, help, label)
#define HISTOGRAM(symbol, name, unit, help, bits)
#define DERIVED(symbol, name, unit, help, kind, plus, minus, over) \
    {#name, unit, help, SHOAL_##kind, {plus}, {minus}, {over}, false},
static const struct shoal_derived_def derived_rows[] = {
#include "stats/metrics.def"
};
#undef HISTOGRAM
#undef DERIVED

#define HISTOGRAM(symbol, name, unit, help, bits) \
    {#name, unit, help, bits, METRIC_HISTOGRAM_MAX_US, false},
#define DERIVED(symbol, name, unit, help, kind, plus, minus, over)
static const struct shoal_histogram_def histogram_rows[] = {
#include "stats/metrics.def"
};
#undef COUNTER
#undef LABELLED
#undef HISTOGRAM

static void mark_absent(const struct metrics_absent *absent, struct shoal_counter_def *counters,
                        struct shoal_histogram_def *histograms)
{
    for (uint32_t i = 0; absent != NULL && i < absent->counter_count; i++) {
        counters[absent->counters[i]].absent = true;
    }
    for (uint32_t i = 0; absent != NULL && i < absent->histogram_count; i++) {
        histograms[absent->histograms[i]].absent = true;
    }
}

int metrics_schema_new(const char *const *variants, uint32_t variant_count,
                       const char *const *servers, uint32_t server_count,
                       const struct metrics_absent *absent, struct shoal_schema **ret_schema)
{
    struct numbers numbers;
    struct label_names names;
    name_fixed_values(&names, &numbers);
    name_run_values(&names, &numbers, variants, variant_count, servers, server_count);
#define COUNTER(symbol, name, unit, help) {#name, unit, help, NULL, NULL, 0, false},
#define LABELLED(symbol, name, unit, help, label) \
    {#name, unit, help, #label, names.label, METRIC_VALUES_##label, false},
#define HISTOGRAM(symbol, name, unit, help, bits)
    struct shoal_counter_def counter_rows[] = {
#include "stats/metrics.def"
    };
    struct shoal_histogram_def histograms[METRIC_HISTOGRAM_COUNT];
    memcpy(histograms, histogram_rows, sizeof(histograms));
    mark_absent(absent, counter_rows, histograms);
    struct shoal_schema_def def = {
        .counters = counter_rows,
        .counter_count = METRIC_COUNT,
        .histograms = histograms,
        .histogram_count = METRIC_HISTOGRAM_COUNT,
        .derived = derived_rows,
        .derived_count = METRIC_DERIVED_COUNT,
    };
    return shoal_schema_new(&def, ret_schema);
}

bool metrics_is_by_viewer(const struct shoal_counter_def *counter)
{
    return counter->label != NULL && strcmp(counter->label, "viewer") == 0;
}

void metrics_add_response(struct shoal_lane *lane, unsigned status)
{
    static const enum metric classes[] = {
        METRIC_HTTP_RESPONSES_2XX,
        METRIC_HTTP_RESPONSES_3XX,
        METRIC_HTTP_RESPONSES_4XX,
        METRIC_HTTP_RESPONSES_5XX,
    };
    if (status < METRIC_STATUS_MIN || status > METRIC_STATUS_MAX) {
        shoal_lane_add(lane, METRIC_HTTP_RESPONSES, 1);
        return;
    }
    metrics_add_at(lane, METRIC_HTTP_RESPONSES, status - METRIC_STATUS_MIN, 1);
    if (status >= 200) {
        metrics_add(lane, classes[status / 100 - 2], 1);
    }
}
