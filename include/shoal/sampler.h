/* The sampler owns the lanes, sums their newest cuts every period and publishes the sum as one
 * snapshot. It is the only reader of the lanes and the only writer of the snapshots, so its
 * cost depends on lanes and words, never on what is being counted or on how many observe.
 *
 * A snapshot's time is the mean time of the cuts in it (for steady rates exactly the time at
 * which its totals were true), and it strictly increases. Its rings of snapshots are
 *
 *     short    counters only, every period       128 slots: 12 s at 100 ms
 *     full     counters and histograms, every 1 s  64 slots: 1 minute
 *     coarse   the same, every 10 s                64 slots: 10 minutes
 *
 * Either run shoal_sampler_start, which ticks on a thread of its own, or call
 * shoal_sampler_tick from one thread of yours. */
#ifndef SHOAL_SAMPLER_H
#define SHOAL_SAMPLER_H

#include "shoal/lane.h"
#include "shoal/schema.h"

#include <stdint.h>

struct shoal_sampler;

/* A monotonic clock in microseconds; tests put their own here. */
struct shoal_clock {
    int64_t (*now_us)(void *context); /* NULL: CLOCK_MONOTONIC */
    void *context;
};

struct shoal_sampler_options {
    const struct shoal_schema *schema; /* borrowed until shoal_sampler_free */
    struct shoal_clock clock;
    int64_t period_us;        /* 0: 100 ms */
    int64_t full_period_us;   /* 0: 1 s; a multiple of period_us */
    int64_t coarse_period_us; /* 0: 10 s; a multiple of full_period_us */
    uint32_t lanes;           /* 1 to 1024 */
    uint32_t short_slots;     /* 0: 128; powers of two from 2 to 65536 */
    uint32_t full_slots;      /* 0: 64 */
    uint32_t coarse_slots;    /* 0: 64 */
};

/* Makes a sampler with its lanes, none of them open, and publishes the zero snapshot. Returns
 * 0, -EINVAL or -ENOMEM. */
SHOAL_API int shoal_sampler_new(const struct shoal_sampler_options *options,
                                struct shoal_sampler **ret_sampler);

/* Stops the thread if one runs, and frees the lanes too. Observers must be gone. NULL is a
 * no-op. */
SHOAL_API void shoal_sampler_free(struct shoal_sampler *sampler);

/* Lane number 0 to lanes - 1; valid until shoal_sampler_free. Any thread. */
SHOAL_API struct shoal_lane *shoal_sampler_lane(struct shoal_sampler *sampler, uint32_t number);

SHOAL_API const struct shoal_schema *shoal_sampler_schema(const struct shoal_sampler *sampler);

/* What the sampler's clock says. Any thread, if the clock allows it. */
SHOAL_API int64_t shoal_sampler_now_us(const struct shoal_sampler *sampler);

/* Ticks once: takes the newest cut of every open lane, keeps the last of a lane that has no
 * new one and counts it as stale, publishes. Returns the time of the next tick: half a period
 * after the lanes' next cuts. One thread. */
SHOAL_API int64_t shoal_sampler_tick(struct shoal_sampler *sampler, int64_t now_us);

/* Ticks once more and publishes every ring whatever is due. When all lanes have been closed
 * the totals are final and exact, and the snapshot is marked SHOAL_FLAG_CLOSED. The thread
 * that ticks, or any thread when none does. */
SHOAL_API void shoal_sampler_finish(struct shoal_sampler *sampler, int64_t now_us);

/* Ticks on a thread of its own. Returns 0, or a negative errno. Not with ticks of your own. */
SHOAL_API int shoal_sampler_start(struct shoal_sampler *sampler);

/* Ends that thread; its last act is shoal_sampler_finish. Close the lanes before for exact
 * totals. Without a thread a no-op. */
SHOAL_API void shoal_sampler_stop(struct shoal_sampler *sampler);

#endif
