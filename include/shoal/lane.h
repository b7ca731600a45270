/* A lane is the block of counters of one thread, its owner. Counting is a relaxed load, an
 * addition and a relaxed store: no locked instruction, no line that another thread writes.
 *
 * Between two events, never inside one, the owner publishes a cut: a copy of its block. So all
 * counters of an event are in a cut or none is, and whatever holds among the counters after
 * each event holds in every snapshot. Counters are cut every period (100 ms), at multiples of
 * it, so that the lanes' cuts lie close together; once every full period (1 s) the cut carries
 * the histograms as well. An idle lane must be cut too, else it counts as stale.
 *
 * Lanes belong to a sampler (sampler.h). Every function here is for the owner alone. */
#ifndef SHOAL_LANE_H
#define SHOAL_LANE_H

#include "shoal/histogram.h"
#include "shoal/ring.h"
#include "shoal/schema.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shoal_lane {
    const struct shoal_schema *schema; /* borrowed from the sampler's maker */
    int64_t period_us, full_period_us;
    int64_t next_cut_us, next_full_us; /* INT64_MAX until opened and once closed */
    struct shoal_ring counters;        /* cuts without histograms */
    struct shoal_ring full;            /* cuts with histograms */
    alignas(SHOAL_LINE_BYTES) _Atomic uint64_t words[]; /* schema->full_words */
};

/* Adds to a word of the block. Layout numbers come from the schema. */
static inline void shoal_lane_add_word(struct shoal_lane *lane, uint32_t word, uint64_t n)
{
    /* Relaxed suffices: only the owner writes, and what leaves the thread leaves it through
     * the ring. A plain word would not do: compilers join neighbours into 16-byte accesses,
     * which stall on store forwarding (2.8 ns for four counters instead of 1.1). */
    uint64_t old = atomic_load_explicit(&lane->words[word], memory_order_relaxed);
    atomic_store_explicit(&lane->words[word], old + n, memory_order_relaxed);
}

/* Counts n events. For a labelled counter these are events without a label value. */
static inline void shoal_lane_add(struct shoal_lane *lane, uint32_t counter, uint64_t n)
{
    shoal_lane_add_word(lane, SHOAL_HEADER_WORDS + counter, n);
}

/* Counts n events under value number `value` of the counter's label. */
static inline void shoal_lane_add_at(struct shoal_lane *lane, uint32_t counter, uint32_t value,
                                     uint64_t n)
{
    assert(value < lane->schema->def.counters[counter].value_count);
    shoal_lane_add_word(lane, lane->schema->counter[counter].labels + value, n);
}

/* What this lane itself has counted so far, label values not included. */
static inline uint64_t shoal_lane_get(const struct shoal_lane *lane, uint32_t counter)
{
    return atomic_load_explicit(&lane->words[SHOAL_HEADER_WORDS + counter],
                                memory_order_relaxed);
}

/* Sets this lane's part of a gauge that is the counter `up` less the counter `down`. */
static inline void shoal_lane_set_gauge(struct shoal_lane *lane, uint32_t up, uint32_t down,
                                        uint64_t value)
{
    uint64_t held = shoal_lane_get(lane, up) - shoal_lane_get(lane, down);
    if (value >= held) {
        shoal_lane_add(lane, up, value - held);
    } else {
        shoal_lane_add(lane, down, held - value);
    }
}

/* Records into the histogram at `place`; a negative value counts as 0. Use shoal_lane_record
 * unless the place is known at compile time. */
static inline void shoal_lane_record_place(struct shoal_lane *lane,
                                           struct shoal_histogram_place place, uint32_t bits,
                                           int64_t value)
{
    uint64_t positive = value < 0 ? 0 : (uint64_t)value;
    uint32_t bucket = shoal_bucket_of(positive, bits);
    bucket = bucket < place.bucket_count ? bucket : place.bucket_count - 1;
    shoal_lane_add_word(lane, place.buckets + bucket, 1);
    shoal_lane_add_word(lane, place.sum, positive);
}

static inline void shoal_lane_record(struct shoal_lane *lane, uint32_t histogram, int64_t value)
{
    const struct shoal_schema *schema = lane->schema;
    shoal_lane_record_place(lane, schema->histogram[histogram],
                            schema->def.histograms[histogram].bits, value);
}

/* The owner takes its lane into use, on its own thread: touches its memory and publishes the
 * first cut. now_us is the monotonic clock that the sampler uses. */
SHOAL_API void shoal_lane_open(struct shoal_lane *lane, int64_t now_us);

/* Whether it is time to cut. Check it once a round of the event loop; the loop must wake up at
 * lane->next_cut_us at the latest. */
static inline bool shoal_lane_due(const struct shoal_lane *lane, int64_t now_us)
{
    return now_us >= lane->next_cut_us;
}

/* Publishes a cut, between two events; one with histograms when that is due. */
SHOAL_API void shoal_lane_cut(struct shoal_lane *lane, int64_t now_us);

/* Publishes the last cut, with histograms, and marks it so; the owner counts no more. Closing
 * a lane twice or one never opened is a no-op. */
SHOAL_API void shoal_lane_close(struct shoal_lane *lane, int64_t now_us);

#endif
