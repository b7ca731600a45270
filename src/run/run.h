/* The client manager: workers that play the plan, from the first viewer to the last cut. It
 * owns the threads and nothing of the statistics; the sampler is its caller's.
 *
 *     run_new      opens every worker and catches the signals; nothing is sent yet
 *     run_play     begins, and returns when the run is over
 *     run_free     lets go of the signals
 *
 * Signals that come before run_play take effect in it; those that come after it have none, so
 * that an impatient operator does not lose the report that is being written.
 *
 * On one thread, app's main; run_phase and the calls after it may be made from any. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "base/err.h"
#include "engine/engine.h"
#include "run/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;
struct shoal_sampler;

struct run_setup {
    const struct plan *plan; /* borrowed, as all pointers, until run_free */
    const struct engine_type *engine;
    const void *engine_options;
    struct engine_witness *witness; /* who keeps failures, or NULL */
    struct shoal_sampler *sampler;  /* worker i owns lane i */
    uint32_t workers;
    uint64_t seed;
    int64_t duration_us;        /* the run ends after this; 0: not by time */
    int64_t session_mean_us;    /* 0: sessions are not bounded */
    int64_t grace_us;           /* how long fetches in flight may take at the end */
    uint32_t viewers_limit;     /* the target never passes this */
    uint32_t change_per_second; /* how fast a target set by hand is followed */
    bool once;                  /* each viewer plays one session, the run ends with the last */
};

enum run_state {
    RUN_STATE_STARTING,
    RUN_STATE_RUNNING,
    RUN_STATE_ENDING, /* no new requests; what is in flight may finish */
    RUN_STATE_OVER,   /* every lane is closed */
};

/* How a run came to its end. */
enum run_end {
    RUN_END_DONE,        /* by time, or with the last session */
    RUN_END_INTERRUPTED, /* by SIGINT, SIGTERM, SIGHUP or run_stop, also during the grace */
};

/* What each viewer costs in a run besides what its engine takes. */
size_t run_bytes_per_viewer(void);

struct run *run_new(const struct run_setup *setup, struct err *err);

/* The time 0 of the plan on the monotonic clock: run_play begins the run at start_us. */
enum run_end run_play(struct run *run, int64_t start_us);

/* Ends the workers if they still run. NULL is a no-op. */
void run_free(struct run *run);

enum run_state run_state(const struct run *run);

/* Viewers wanted now. */
uint32_t run_target(const struct run *run);

/* Puts a target in place of the plan's, cut to viewers_limit. */
void run_set_target(struct run *run, uint32_t viewers);

/* As an interrupt: the first call ends arrivals and lets fetches in flight finish within the
 * grace, the second cuts them short. */
void run_stop(struct run *run);

#endif
