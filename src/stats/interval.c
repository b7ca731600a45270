#include "shoal/interval.h"

#include "shoal/histogram.h"

#include <assert.h>
#include <stddef.h>

static double per_second(uint64_t delta, int64_t elapsed_us)
{
    return elapsed_us <= 0 ? 0 : (double)delta * 1e6 / (double)elapsed_us;
}

double shoal_rate(const struct shoal_interval *interval, uint32_t counter)
{
    return per_second(shoal_delta(interval, counter), interval->elapsed_us);
}

static uint32_t label_word(const struct shoal_interval *interval, uint32_t counter,
                           uint32_t value)
{
    assert(value < interval->schema->def.counters[counter].value_count);
    return interval->schema->counter[counter].labels + value;
}

uint64_t shoal_total_at(const struct shoal_interval *interval, uint32_t counter, uint32_t value)
{
    return interval->now[label_word(interval, counter, value)];
}

uint64_t shoal_delta_at(const struct shoal_interval *interval, uint32_t counter, uint32_t value)
{
    uint32_t word = label_word(interval, counter, value);
    return interval->now[word] - interval->base[word];
}

double shoal_rate_at(const struct shoal_interval *interval, uint32_t counter, uint32_t value)
{
    return per_second(shoal_delta_at(interval, counter, value), interval->elapsed_us);
}

/* The sum of the terms' totals, or of what the interval added to them. */
static double sum_terms(const struct shoal_interval *interval, const uint16_t *terms,
                        bool totals)
{
    uint64_t sum = 0;
    for (int i = 0; i < SHOAL_TERMS_MAX && terms[i] != 0; i++) {
        uint32_t counter = terms[i] - 1u;
        sum += totals ? shoal_total(interval, counter) : shoal_delta(interval, counter);
    }
    return (double)sum;
}

double shoal_derived(const struct shoal_interval *interval, uint32_t derived)
{
    assert(derived < interval->schema->def.derived_count);
    const struct shoal_derived_def *row = &interval->schema->def.derived[derived];
    bool totals = row->kind == SHOAL_GAUGE;
    double value =
        sum_terms(interval, row->plus, totals) - sum_terms(interval, row->minus, totals);
    if (row->over[0] == 0) {
        return value;
    }
    double over = sum_terms(interval, row->over, totals);
    return over > 0 ? value / over : 0;
}

static struct shoal_used used_of(const struct shoal_interval *interval, uint32_t histogram)
{
    uint32_t all = interval->schema->histogram[histogram].bucket_count;
    return interval->used == NULL ? (struct shoal_used){0, all} : interval->used[histogram];
}

static uint64_t bucket_delta(const struct shoal_interval *interval, uint32_t word)
{
    return interval->now[word] - interval->base[word];
}

/* How many records the interval added to a histogram. */
static uint64_t count_of(const struct shoal_interval *interval, uint32_t histogram)
{
    uint32_t buckets = interval->schema->histogram[histogram].buckets;
    struct shoal_used used = used_of(interval, histogram);
    uint64_t count = 0;
    for (uint32_t i = used.first; i < used.end; i++) {
        count += bucket_delta(interval, buckets + i);
    }
    return count;
}

void shoal_summarize(const struct shoal_interval *interval, uint32_t histogram,
                     struct shoal_summary *out)
{
    assert(interval->full);
    struct shoal_histogram_place place = interval->schema->histogram[histogram];
    uint32_t bits = interval->schema->def.histograms[histogram].bits;
    struct shoal_used used = used_of(interval, histogram);
    struct shoal_summary summary = {.count = count_of(interval, histogram),
                                    .sum = bucket_delta(interval, place.sum)};
    if (summary.count > 0) {
        uint32_t first = used.first, last = used.end - 1;
        while (bucket_delta(interval, place.buckets + first) == 0) {
            first++;
        }
        while (bucket_delta(interval, place.buckets + last) == 0) {
            last--;
        }
        summary.min = shoal_bucket_middle(first, bits);
        summary.max = shoal_bucket_middle(last, bits);
        summary.mean = (double)summary.sum / (double)summary.count;
    }
    *out = summary;
}

/* The nearest rank of a percentage of count records: 1 to count. */
static uint64_t rank_of(double percent, uint64_t count)
{
    double exact = percent / 100 * (double)count;
    uint64_t rank = (uint64_t)exact;
    /* A hair of rounding in the product is not a rank of its own. */
    if (exact - (double)rank > 1e-9 * exact) {
        rank++;
    }
    if (rank < 1) {
        rank = 1;
    }
    return rank < count ? rank : count;
}

void shoal_percentiles(const struct shoal_interval *interval, uint32_t histogram,
                       const double *percents, uint32_t count, uint64_t *out)
{
    assert(interval->full);
    struct shoal_histogram_place place = interval->schema->histogram[histogram];
    uint32_t bits = interval->schema->def.histograms[histogram].bits;
    uint64_t all = count_of(interval, histogram), seen = 0;
    uint32_t bucket = used_of(interval, histogram).first;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t rank = all > 0 ? rank_of(percents[i], all) : 0;
        while (seen < rank) {
            seen += bucket_delta(interval, place.buckets + bucket++);
        }
        out[i] = all > 0 ? shoal_bucket_middle(bucket - 1, bits) : 0;
    }
}

uint64_t shoal_count_at_most(const struct shoal_interval *interval, uint32_t histogram,
                             uint64_t bound)
{
    assert(interval->full);
    struct shoal_histogram_place place = interval->schema->histogram[histogram];
    uint32_t bits = interval->schema->def.histograms[histogram].bits;
    struct shoal_used used = used_of(interval, histogram);
    uint64_t count = 0;
    for (uint32_t i = used.first; i < used.end && shoal_bucket_high(i, bits) <= bound; i++) {
        count += bucket_delta(interval, place.buckets + i);
    }
    return count;
}

uint64_t shoal_bound_near(const struct shoal_schema *schema, uint32_t histogram, uint64_t value)
{
    uint32_t bits = schema->def.histograms[histogram].bits;
    uint32_t last = schema->histogram[histogram].bucket_count - 1;
    uint32_t bucket = shoal_bucket_of(value, bits);
    return shoal_bucket_high(bucket < last ? bucket : last, bits);
}
