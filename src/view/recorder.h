/* The recorder keeps a run's timeline, one row a second, and judges as it goes: thresholds over
 * the run so far, and whether the generator keeps up. Reports, page and dashboard read from it.
 *
 * recorder_poll is called by one thread (views.c gives it one); everything else by any thread,
 * under a lock that is held for a copy at most. */
#ifndef VIEW_RECORDER_H
#define VIEW_RECORDER_H

#include "shoal/observer.h"
#include "view/failure_sample.h"
#include "view/own_cost.h"
#include "view/series.h"
#include "view/threshold.h"
#include "view/trust.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recorder;

enum {
    /* More rows than these are thinned: every second one goes, and from then on only every
     * second (fourth, …) second makes a row. */
    RECORDER_ROWS_MAX = 65536,
    RECORDER_FAILURES_MAX = 64, /* newest sampled failures kept */
};

struct recorder_options {
    const struct shoal_sampler *sampler;
    int64_t start_us;                   /* time 0 of the run */
    const struct threshold *thresholds; /* borrowed until recorder_free */
    unsigned threshold_count;
    unsigned workers;
    const struct origin_watch *origin; /* borrowed, or NULL */
};

/* What holds at the newest row. */
struct recorder_state {
    struct threshold_result thresholds[THRESHOLDS_MAX];
    struct trust_facts facts;
    struct own_cost cost;
    struct failure_tally failures;
    double process_cpu; /* in cores, over the last row */
    unsigned step_s;    /* seconds from row to row: 1 until thinned */
    size_t row_count;
    struct origin_figures origin[ORIGIN_SOURCES_MAX];
    unsigned origin_count;
    bool abort;                           /* a threshold marked `abort` has failed, */
    unsigned abort_by;                    /* its number, */
    struct threshold_result abort_result; /* and how it stood when it did */
    bool bottleneck;                      /* the generator is at its limits right now */
    char bottleneck_why[96];
};

/* Returns NULL when there is no memory. */
struct recorder *recorder_new(const struct recorder_options *options);

/* NULL is a no-op. */
void recorder_free(struct recorder *recorder);

/* Looks for a new second. Returns true when there was one: a row was made (copied to *ret_row
 * when that is not NULL) and the state is fresh. `cost` is what own_cost_read told just now. */
bool recorder_poll(struct recorder *recorder, const struct own_cost *cost,
                   struct series_row *ret_row);

/* Keeps a sampled failure for page, dashboard and report. */
void recorder_add_failure(struct recorder *recorder, const struct failure_sample *sample);

/* How many failures were not sampled, since the start. */
void recorder_set_not_sampled(struct recorder *recorder, uint64_t failures);

void recorder_state(const struct recorder *recorder, struct recorder_state *out);

/* Copies up to `room` rows from row number `first` on; returns how many. */
size_t recorder_rows(const struct recorder *recorder, size_t first, struct series_row *out,
                     size_t room);

/* The same of what the exporters said; 0 without exporters. */
size_t recorder_origin(const struct recorder *recorder, size_t first, struct series_origin *out,
                       size_t room);

/* Copies the newest sampled failures, newest first; returns how many. */
size_t recorder_failures(const struct recorder *recorder, struct failure_sample *out,
                         size_t room);

/* The whole run as of the newest row; the thread of recorder_poll, until its next call. */
struct shoal_interval recorder_run(const struct recorder *recorder);

#endif
