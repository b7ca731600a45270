/* The viewer slots of one worker: which are wanted, which play, which wait for a replacement.
 * Slots know no plan and no counters; they drive the engine. The worker's thread only. */
#ifndef RUN_SLOTS_H
#define RUN_SLOTS_H

#include "base/err.h"
#include "engine/engine.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

/* Bounds of the wait before a viewer whose session failed is replaced. */
#define SLOTS_REPLACE_MIN_US INT64_C(1000000)
#define SLOTS_REPLACE_MAX_US INT64_C(30000000)

enum slot_state {
    SLOT_IDLE,
    SLOT_PLAYING,
    SLOT_LEAVING, /* told to leave, not yet over */
    SLOT_WAITING, /* for its replacement timer */
    SLOT_DONE,    /* --once: has played */
};

struct slot {
    struct slots *slots;
    struct loop_timer replace;
    int64_t intended_us; /* when the plan last wanted the viewer */
    uint32_t viewer;
    uint32_t sessions; /* started so far */
    uint8_t state;     /* enum slot_state */
    bool wanted;
};

struct slots_setup {
    struct loop *loop;
    const struct engine_type *engine;
    uint32_t number, workers; /* viewer numbers are number, number + workers, … */
    uint32_t viewers_limit;
    uint64_t seed;
    int64_t session_mean_us; /* 0: sessions are not bounded */
    bool once;
    void (*on_idle)(struct slots *slots); /* busy has become 0, outside of any call below */
};

struct slots {
    struct slots_setup setup;
    struct engine_listener listener; /* to be given to the engine */
    struct engine *engine;           /* set by the worker, borrowed */
    struct slot *all;                /* owned */
    uint32_t count;
    uint32_t wanted; /* slots wanted now */
    uint32_t busy;   /* slots that play, leave or wait */
    bool ending;
};

/* Returns 0, or -1 with *err filled; slots_fini is right after either. */
int slots_init(struct slots *slots, const struct slots_setup *setup, struct err *err);
void slots_fini(struct slots *slots);

/* The viewer is wanted from now on: starts its session, whose latencies count from
 * intended_us. A viewer beyond the limit or already wanted is left alone. */
void slots_want(struct slots *slots, uint32_t viewer, int64_t intended_us);

/* The viewer is no longer wanted: it leaves, and nobody takes its place. */
void slots_unwant(struct slots *slots, uint32_t viewer);

/* All leave, nobody is replaced. */
void slots_end(struct slots *slots);

/* Stops every timer, before the engine is closed. */
void slots_stop(struct slots *slots);

#endif
