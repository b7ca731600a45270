#include "view/series.h"

#include "stats/metrics.h"

#include <math.h>
#include <stdbool.h>

enum kind {
    KIND_RATE,
    KIND_FIGURE,
    KIND_QUANTILE,
    KIND_OTHER,
};

struct column {
    const char *name;
    enum kind kind;
    uint32_t number; /* of the counter, derived figure or histogram */
    uint32_t second; /* rate: another counter to add, or METRIC_COUNT */
    double percent;
};

#define METRIC_NONE METRIC_COUNT

static const struct column columns[SERIES_COUNT] = {
#define RATE(symbol, name, metric, second) \
    [SERIES_##symbol] = {#name, KIND_RATE, METRIC_##metric, METRIC_##second, 0},
#define FIGURE(symbol, name, derived) \
    [SERIES_##symbol] = {#name, KIND_FIGURE, METRIC_##derived, METRIC_NONE, 0},
#define QUANTILE(symbol, name, histogram, percent) \
    [SERIES_##symbol] = {#name, KIND_QUANTILE, METRIC_##histogram, METRIC_NONE, percent},
#define OTHER(symbol, name) [SERIES_##symbol] = {#name, KIND_OTHER, 0, METRIC_NONE, 0},
#include "view/series.def"
#undef RATE
#undef FIGURE
#undef QUANTILE
#undef OTHER
};

const char *series_name(enum series series)
{
    return columns[series].name;
}

bool series_is_absent(enum series series, const struct shoal_schema *schema)
{
    const struct column *column = &columns[series];
    switch (column->kind) {
    case KIND_RATE:
        return schema->def.counters[column->number].absent ||
               (column->second != METRIC_NONE && schema->def.counters[column->second].absent);
    case KIND_FIGURE:
        return schema->def.derived[column->number].absent;
    case KIND_QUANTILE:
        return schema->def.histograms[column->number].absent;
    case KIND_OTHER:
        break;
    }
    return false;
}

static double column_value(const struct column *column, const struct shoal_interval *interval)
{
    switch (column->kind) {
    case KIND_RATE:
        return shoal_rate(interval, column->number) +
               (column->second == METRIC_NONE ? 0 : shoal_rate(interval, column->second));
    case KIND_FIGURE:
        return shoal_derived(interval, column->number);
    case KIND_QUANTILE: {
        struct shoal_summary summary;
        uint64_t us;
        shoal_summarize(interval, column->number, &summary);
        shoal_percentiles(interval, column->number, &column->percent, 1, &us);
        return summary.count > 0 ? (double)us / 1e6 : (double)NAN;
    }
    case KIND_OTHER:
        break;
    }
    return 0;
}

void series_fill(const struct shoal_interval *interval, int64_t start_us,
                 const struct series_own *own, struct series_row *out)
{
    for (unsigned i = 0; i < SERIES_COUNT; i++) {
        out->value[i] = series_is_absent(i, interval->schema)
                            ? (double)NAN
                            : column_value(&columns[i], interval);
    }
    double busiest = 0;
    for (uint32_t worker = 0; worker < METRIC_WORKERS_MAX; worker++) {
        double share = shoal_rate_at(interval, METRIC_WORKER_CPU, worker) / 1e6;
        busiest = share > busiest ? share : busiest;
    }
    out->value[SERIES_TIME] =
        (double)((int64_t)interval->now[SHOAL_HEADER_TIME] - start_us) / 1e6;
    out->value[SERIES_INTERVAL] = (double)interval->elapsed_us / 1e6;
    out->value[SERIES_WORKER_CPU] = busiest;
    out->value[SERIES_PROCESS_CPU] = own->process_cpu;
    out->value[SERIES_RSS] = own->rss_bytes;
    out->value[SERIES_ORIGIN_CPU] = own->origin[ORIGIN_CPU];
    out->value[SERIES_ORIGIN_BYTES] = own->origin[ORIGIN_BYTES];
    out->value[SERIES_ORIGIN_REQUESTS] = own->origin[ORIGIN_REQUESTS];
    out->value[SERIES_ORIGIN_CONNECTIONS] = own->origin[ORIGIN_CONNECTIONS];
}

void series_add_rates(struct series_row *into, const struct series_row *other, double share)
{
    for (unsigned i = 0; i < SERIES_COUNT; i++) {
        if (columns[i].kind == KIND_RATE) {
            into->value[i] += share * other->value[i];
        }
    }
}

/* Of two ratios, each over its viewers. */
static double weigh(double a, double viewers_a, double b, double viewers_b)
{
    double viewers = viewers_a + viewers_b;
    return viewers > 0 ? (a * viewers_a + b * viewers_b) / viewers : a;
}

void series_add_figures(struct series_row *into, const struct series_row *other)
{
    double *a = into->value;
    const double *b = other->value;
    a[SERIES_REBUFFER] =
        weigh(a[SERIES_REBUFFER], a[SERIES_ACTIVE], b[SERIES_REBUFFER], b[SERIES_ACTIVE]);
    for (unsigned i = 0; i < SERIES_COUNT; i++) {
        bool summed =
            columns[i].kind == KIND_FIGURE || i == SERIES_PROCESS_CPU || i == SERIES_RSS;
        bool kept = columns[i].kind == KIND_RATE || i == SERIES_REBUFFER || i == SERIES_TIME ||
                    i == SERIES_INTERVAL;
        if (summed && !kept) {
            a[i] += b[i];
        } else if (!kept && (b[i] > a[i] || isnan(a[i]))) {
            a[i] = b[i];
        }
    }
}
