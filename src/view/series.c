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

static double column_value(const struct column *column, const struct shoal_interval *interval)
{
    switch (column->kind) {
    case KIND_RATE:
        return shoal_rate(interval, column->number) +
               (column->second == METRIC_NONE ? 0 : shoal_rate(interval, column->second));
    case KIND_FIGURE:
        return shoal_derived(interval, column->number);
    case KIND_QUANTILE: {
        uint64_t us;
        shoal_percentiles(interval, column->number, &column->percent, 1, &us);
        return (double)us / 1e6;
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
        out->value[i] = column_value(&columns[i], interval);
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
    out->value[SERIES_ORIGIN_CPU] = own->origin.cpu;
    out->value[SERIES_ORIGIN_BYTES] = own->origin.bytes_per_s;
    out->value[SERIES_ORIGIN_REQUESTS] = own->origin.requests_per_s;
    out->value[SERIES_ORIGIN_CONNECTIONS] = own->origin.connections;
}

static bool is_summed(enum series series)
{
    if (series == SERIES_PROCESS_CPU || series == SERIES_RSS) {
        return true;
    }
    return series != SERIES_REBUFFER &&
           (columns[series].kind == KIND_RATE || columns[series].kind == KIND_FIGURE);
}

void series_merge(struct series_row *into, const struct series_row *other)
{
    for (unsigned i = 0; i < SERIES_COUNT; i++) {
        double *value = &into->value[i];
        if (is_summed(i)) {
            *value += other->value[i];
        } else if (i != SERIES_TIME && (other->value[i] > *value || isnan(*value))) {
            *value = other->value[i];
        }
    }
}
