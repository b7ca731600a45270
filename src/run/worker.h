/* A worker is a thread with a loop, an engine and a lane of its own, which plays every viewer
 * whose number leaves its own when divided by the number of workers. It visits the plan by
 * itself; nobody sends it a viewer. What may change under way (phase, target) it reads from
 * struct worker_orders on its own tick, or when woken.
 *
 * A viewer slot whose session ends gets a new viewer at once, so that the population stays; one
 * whose session failed gets it after 1 to 30 s, so that a dead server is not stormed. */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include "base/err.h"
#include "engine/engine.h"
#include "run/plan.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shoal_lane;
struct worker;

enum worker_phase {
    WORKER_PHASE_RUNNING,
    WORKER_PHASE_ENDING, /* no arrivals, no new requests; what is in flight may finish */
    WORKER_PHASE_ABORT,  /* what is still in flight is cut short */
};

enum { WORKER_TARGET_PLAN = -1 };

/* What the client manager tells its workers. Written by the manager's side only; each word
 * stands alone, so relaxed accesses suffice, and a wake-up follows where it is urgent. */
struct worker_orders {
    _Atomic int phase;      /* enum worker_phase, never goes back */
    _Atomic int64_t target; /* viewers wanted in place of the plan's, or WORKER_TARGET_PLAN */
};

struct worker_setup {
    uint32_t number, workers;
    const struct plan *plan; /* borrowed, as all pointers, until worker_join */
    const struct worker_orders *orders;
    const struct engine_type *engine;
    const void *engine_options;
    struct engine_witness *witness; /* or NULL */
    struct shoal_lane *lane;        /* this worker is its owner from worker_start on */
    uint64_t seed;
    int64_t session_mean_us;    /* sessions are exponential with this mean; 0: unbounded */
    uint32_t viewers_limit;     /* viewer numbers stay below this */
    uint32_t change_per_second; /* how fast a target given by hand is followed, all workers */
    bool once;                  /* one session a viewer, and the worker is done */

    /* Called on the worker's thread as its last act. */
    void (*on_finished)(void *user);
    void *user;
};

/* Starts the thread, which opens its loop, engine and lane and then waits for worker_begin.
 * Returns when that is done, or NULL with *err filled. */
struct worker *worker_start(const struct worker_setup *setup, struct err *err);

/* Lets the worker begin: time 0 of the plan is start_us on the monotonic clock. */
void worker_begin(struct worker *worker, int64_t start_us);

/* Makes the worker read its orders now. Any thread, until worker_join. */
void worker_wake(struct worker *worker);

/* Waits for the thread to end and frees the worker. Give it the order to end before, and begin
 * it if that was not done. NULL is a no-op. */
void worker_join(struct worker *worker);

#endif
