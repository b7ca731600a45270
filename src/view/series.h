/* One row of a run's timeline: what happened in about one second. Pure, any thread. */
#ifndef VIEW_SERIES_H
#define VIEW_SERIES_H

#include "shoal/interval.h"
#include "view/origin_watch.h"

#include <stdbool.h>
#include <stdint.h>

enum series {
#define RATE(symbol, name, metric, second)         SERIES_##symbol,
#define FIGURE(symbol, name, derived)              SERIES_##symbol,
#define QUANTILE(symbol, name, histogram, percent) SERIES_##symbol,
#define OTHER(symbol, name)                        SERIES_##symbol,
#include "view/series.def"
#undef RATE
#undef FIGURE
#undef QUANTILE
#undef OTHER
    SERIES_COUNT,
};

struct series_row {
    double value[SERIES_COUNT];
};

/* What no snapshot holds, measured over the same interval. */
struct series_own {
    double process_cpu;            /* of this process, in cores */
    double rss_bytes;              /* resident now */
    double origin[ORIGIN_FIGURES]; /* of all exporters together */
};

/* Beside a row, where there are exporters: what each of them said in that second. */
struct series_origin {
    double value[ORIGIN_SOURCES_MAX][ORIGIN_FIGURES];
};

/* The column's name: CSV head, JSON key. */
const char *series_name(enum series series);

/* Whether the run's engine cannot tell the column: its values are NAN. */
bool series_is_absent(enum series series, const struct shoal_schema *schema);

/* Fills a row from an interval with histograms. start_us is time 0 of the run, on the clock of
 * the snapshots. */
void series_fill(const struct shoal_interval *interval, int64_t start_us,
                 const struct series_own *own, struct series_row *out);

/* Adds another run's rates, as far as its row lies in this one: `share` of this one's length.
 */
void series_add_rates(struct series_row *into, const struct series_row *other, double share);

/* Adds another run's figures of the same moment: gauges sum, the rebuffer ratio is weighed by
 * the viewers. Percentiles of two rows cannot be joined; the greater stays, which for the
 * buffer left is the better and for all else the worse of the two. */
void series_add_figures(struct series_row *into, const struct series_row *other);

#endif
