/* An observer reads the sampler's snapshots at a pace of its own and keeps its own baseline, in
 * memory of its own. So any number of them, however often each looks, see rates that cover
 * exactly their own intervals, and none disturbs another, the sampler or the writers.
 *
 * - The first update gives totals and zero rates.
 * - Later updates give the interval since this observer's update before: the deltas of all its
 *   updates sum exactly to the last total less the first.
 * - An update that finds nothing new changes nothing: the last rates stay.
 *
 * Each declared window (1 s, 10 s, …) is an interval that ends now and began at the newest
 * snapshot at least that old; it covers the run so far while that is shorter. What it really
 * covers is its elapsed_us. Windows to 12 s are found to within 100 ms (counters) or 1 s
 * (full), to one minute within 1 s, longer ones within 10 s.
 *
 * One thread at a time per observer. A dashboard that shows rates every 100 ms and percentiles
 * too opens two observers. */
#ifndef SHOAL_OBSERVER_H
#define SHOAL_OBSERVER_H

#include "shoal/interval.h"
#include "shoal/sampler.h"

#include <stdbool.h>
#include <stdint.h>

struct shoal_observer;

enum shoal_detail {
    SHOAL_COUNTERS, /* counters only, new every 100 ms */
    SHOAL_FULL,     /* counters and histograms of the same moment, new every second */
};

enum { SHOAL_WINDOWS_MAX = 8 };

/* Makes an observer with `window_count` windows (at most SHOAL_WINDOWS_MAX, 0 allowed) of
 * these lengths. The sampler must outlive it. Returns 0, -EINVAL or -ENOMEM. Any thread. */
SHOAL_API int shoal_observer_new(const struct shoal_sampler *sampler, enum shoal_detail detail,
                                 const int64_t *windows_us, uint32_t window_count,
                                 struct shoal_observer **ret_observer);

/* NULL is a no-op. */
SHOAL_API void shoal_observer_free(struct shoal_observer *observer);

/* Looks for a new snapshot. Returns 1 when there was one; 0 when there was none; -EBUSY when
 * the sampler lapped every try (then also nothing changes). */
SHOAL_API int shoal_observer_update(struct shoal_observer *observer);

/* The intervals as of the last update. They point into the observer and hold until its next
 * update. Before the first update all is zero. */
SHOAL_API struct shoal_interval shoal_observer_last(const struct shoal_observer *observer);
/* Window number 0 to window_count - 1. Its baseline is fetched when it is first asked for after
 * an update, so a window that nobody looks at costs nothing. One that is asked for only when
 * the sampler has gone on so far that its baseline is gone is shorter, and says so. */
SHOAL_API struct shoal_interval shoal_observer_window(struct shoal_observer *observer,
                                                      uint32_t window);
/* The whole run: baseline zero at the sampler's start. */
SHOAL_API struct shoal_interval shoal_observer_run(const struct shoal_observer *observer);

/* A word of the newest header seen: what the sampler knows of the lanes and of itself. */
SHOAL_API uint64_t shoal_observer_header(const struct shoal_observer *observer,
                                         enum shoal_header word);

/* Whether the snapshot is the final one: every lane closed, totals exact. */
SHOAL_API bool shoal_observer_is_final(const struct shoal_observer *observer);

#endif
