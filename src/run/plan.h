/* The plan of a run: how many viewers there should be at any moment, and so when each one
 * arrives and leaves. A pure function of the options and the seed: every worker, and every
 * machine of a larger run, derives the same times without a message.
 *
 * Viewer i is wanted whenever the target is above i. The target moves linearly from stage to
 * stage and stays at the last stage's. A plan is constant after plan_init and may be read by
 * any thread. */
#ifndef RUN_PLAN_H
#define RUN_PLAN_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PLAN_STAGES_MAX = 64,
    PLAN_VIEWERS_MAX = 10000000,
};

enum plan_arrival {
    PLAN_ARRIVAL_LINEAR,  /* evenly spaced */
    PLAN_ARRIVAL_POISSON, /* as many in a stage, at random moments of it */
};

struct plan_stage {
    int64_t duration_us; /* how long the target takes to get there; 0: at once */
    uint32_t target;     /* viewers at the stage's end */
};

struct plan {
    struct plan_stage stages[PLAN_STAGES_MAX];
    unsigned stage_count;
    enum plan_arrival arrival;
    /* Poisson arrivals only, owned: for the up-going stages one after another, the place of
     * each arrival within its stage, 0 to 2^32-1, ascending. */
    uint32_t *places;
};

/* Makes the plan from 1 to PLAN_STAGES_MAX stages. Returns 0, or -1 with *err filled. */
int plan_init(struct plan *plan, const struct plan_stage *stages, unsigned count,
              enum plan_arrival arrival, uint64_t seed, struct err *err);

void plan_fini(struct plan *plan);

/* Viewers wanted at a time after the start. */
uint32_t plan_target_at(const struct plan *plan, int64_t at_us);

/* The most viewers that the plan ever wants at once. */
uint32_t plan_peak(const struct plan *plan);

/* How long until the last stage is reached. */
int64_t plan_length_us(const struct plan *plan);

/* One arrival or departure. */
struct plan_switch {
    int64_t at_us; /* after the start of the run */
    uint32_t viewer;
    bool on; /* arrives, or leaves */
};

/* A worker's place in the plan: it visits the switches of the viewers `worker`,
 * `worker + workers`, … in the order of time. One thread. */
struct plan_cursor {
    const struct plan *plan; /* borrowed */
    uint32_t worker, workers;
    unsigned stage;
    uint32_t level; /* target at the stage's start */
    int64_t stage_start_us;
    uint32_t done;      /* switches of this stage passed, of all workers' viewers */
    uint32_t places_at; /* first of this stage's places */
};

void plan_cursor_init(struct plan_cursor *cursor, const struct plan *plan, uint32_t worker,
                      uint32_t workers);

/* The next switch of this worker's viewers, and steps past it. Returns false at the end. */
bool plan_cursor_next(struct plan_cursor *cursor, struct plan_switch *out);

#endif
