/* What happened between two snapshots: differences, rates, percentiles, derived figures. An
 * interval is two blocks of words in the layout of a schema; observers hand them out, and a
 * program may build one from blocks of its own (a merge of several runs: add the words).
 *
 * Pure; valid as long as what it points to; any thread that may read that memory. */
#ifndef SHOAL_INTERVAL_H
#define SHOAL_INTERVAL_H

#include "shoal/schema.h"

#include <stdbool.h>
#include <stdint.h>

/* Which buckets of a histogram are in use: all below `first` and from `end` on are 0. */
struct shoal_used {
    uint32_t first, end;
};

struct shoal_interval {
    const struct shoal_schema *schema;
    const uint64_t *now;  /* the later snapshot */
    const uint64_t *base; /* the earlier one */
    int64_t elapsed_us; /* between their times; 0 when there is no interval yet: rates are 0 */
    bool full;          /* whether both hold histograms */
    /* Of each histogram in `now`, and so in `base` too, since words only grow; spares looking
     * at the rest. NULL: not known, all are looked at. */
    const struct shoal_used *used;
};

/* Totals since the start of the run, and what the interval added. */
static inline uint64_t shoal_total(const struct shoal_interval *interval, uint32_t counter)
{
    return interval->now[SHOAL_HEADER_WORDS + counter];
}

static inline uint64_t shoal_delta(const struct shoal_interval *interval, uint32_t counter)
{
    return shoal_total(interval, counter) - interval->base[SHOAL_HEADER_WORDS + counter];
}

/* Events a second over the interval. rate × elapsed is the delta, to a double's last digit. */
SHOAL_API double shoal_rate(const struct shoal_interval *interval, uint32_t counter);

/* The same for one value of a labelled counter. */
SHOAL_API uint64_t shoal_total_at(const struct shoal_interval *interval, uint32_t counter,
                                  uint32_t value);
SHOAL_API uint64_t shoal_delta_at(const struct shoal_interval *interval, uint32_t counter,
                                  uint32_t value);
SHOAL_API double shoal_rate_at(const struct shoal_interval *interval, uint32_t counter,
                               uint32_t value);

/* A derived figure: gauges as of now, ratios over the interval. */
SHOAL_API double shoal_derived(const struct shoal_interval *interval, uint32_t derived);

/* A histogram over the interval, in its unit. All 0 when nothing was recorded. min and max are
 * the middles of the first and last bucket in use. */
struct shoal_summary {
    uint64_t count;
    uint64_t sum; /* exact */
    double mean;  /* exact */
    uint64_t min, max;
};

/* These need interval->full. */
SHOAL_API void shoal_summarize(const struct shoal_interval *interval, uint32_t histogram,
                               struct shoal_summary *out);

/* The values below which `percents[i]` percent of the records lie (nearest rank), in one pass.
 * percents ascend, 0 to 100; out has as many places; 0 when nothing was recorded. */
SHOAL_API void shoal_percentiles(const struct shoal_interval *interval, uint32_t histogram,
                                 const double *percents, uint32_t count, uint64_t *out);

/* How many records are at most `bound`. Exact when bound is a bucket's greatest value, as
 * shoal_bound_near gives it; otherwise the bucket that holds bound is left out. */
SHOAL_API uint64_t shoal_count_at_most(const struct shoal_interval *interval,
                                       uint32_t histogram, uint64_t bound);

/* The greatest value of the bucket that holds `value`: a bound at which counts are exact. */
SHOAL_API uint64_t shoal_bound_near(const struct shoal_schema *schema, uint32_t histogram,
                                    uint64_t value);

#endif
