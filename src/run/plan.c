#include "run/plan.h"

#include "base/rng.h"

#include <stdlib.h>

/* Fills `places` with the places of n Poisson arrivals, given that n fall into the stage: the
 * normalised sums of n+1 exponential gaps are sorted uniform draws (Devroye 1986, V.2). */
static int draw_places(uint32_t *places, uint32_t n, struct rng *rng)
{
    double *sums = malloc(((size_t)n + 1) * sizeof *sums);
    if (sums == NULL) {
        return -1;
    }
    double sum = 0;
    for (uint32_t i = 0; i <= n; i++) {
        sum += rng_exponential(rng, 1.0);
        sums[i] = sum;
    }
    for (uint32_t i = 0; i < n; i++) {
        double place = sum > 0 ? sums[i] / sum * 0x1.0p32 : 0;
        places[i] = place >= 0x1.fffffffep31 ? UINT32_MAX : (uint32_t)place;
    }
    free(sums);
    return 0;
}

static uint64_t arrivals_of(const struct plan *plan)
{
    uint64_t arrivals = 0;
    uint32_t level = 0;
    for (unsigned i = 0; i < plan->stage_count; i++) {
        uint32_t target = plan->stages[i].target;
        arrivals += target > level ? target - level : 0;
        level = target;
    }
    return arrivals;
}

static int init_poisson(struct plan *plan, uint64_t seed)
{
    uint64_t arrivals = arrivals_of(plan);
    plan->places = malloc((arrivals > 0 ? arrivals : 1) * sizeof *plan->places);
    if (plan->places == NULL) {
        return -1;
    }
    struct rng rng = rng_make(seed, UINT64_MAX);
    uint32_t *places = plan->places;
    uint32_t level = 0;
    for (unsigned i = 0; i < plan->stage_count; i++) {
        uint32_t target = plan->stages[i].target;
        if (target > level) {
            if (draw_places(places, target - level, &rng) != 0) {
                return -1;
            }
            places += target - level;
        }
        level = target;
    }
    return 0;
}

int plan_init(struct plan *plan, const struct plan_stage *stages, unsigned count,
              enum plan_arrival arrival, uint64_t seed, struct err *err)
{
    if (count < 1 || count > PLAN_STAGES_MAX) {
        return err_set(err, ERR_USAGE, "--stage", "give fewer stages",
                       "%u stages, 1 to %d are possible", count, PLAN_STAGES_MAX);
    }
    *plan = (struct plan){.stage_count = count, .arrival = arrival};
    for (unsigned i = 0; i < count; i++) {
        if (stages[i].target > PLAN_VIEWERS_MAX || stages[i].duration_us < 0) {
            return err_set(err, ERR_USAGE, "--stage", NULL, "%u viewers, 0 to %d are possible",
                           stages[i].target, PLAN_VIEWERS_MAX);
        }
        plan->stages[i] = stages[i];
    }
    if (arrival == PLAN_ARRIVAL_POISSON && init_poisson(plan, seed) != 0) {
        plan_fini(plan);
        return err_set(err, ERR_START, "plan", NULL, "no memory for the arrivals");
    }
    return 0;
}

void plan_fini(struct plan *plan)
{
    free(plan->places);
    plan->places = NULL;
}

uint32_t plan_target_at(const struct plan *plan, int64_t at_us)
{
    uint32_t level = 0;
    for (unsigned i = 0; i < plan->stage_count; i++) {
        const struct plan_stage *stage = &plan->stages[i];
        if (at_us < stage->duration_us) {
            double part = (double)at_us / (double)stage->duration_us;
            return (uint32_t)((double)level + ((double)stage->target - (double)level) * part);
        }
        at_us -= stage->duration_us;
        level = stage->target;
    }
    return level;
}

uint32_t plan_peak(const struct plan *plan)
{
    uint32_t peak = 0;
    for (unsigned i = 0; i < plan->stage_count; i++) {
        peak = plan->stages[i].target > peak ? plan->stages[i].target : peak;
    }
    return peak;
}

int64_t plan_length_us(const struct plan *plan)
{
    int64_t length_us = 0;
    for (unsigned i = 0; i < plan->stage_count; i++) {
        length_us += plan->stages[i].duration_us;
    }
    return length_us;
}

void plan_cursor_init(struct plan_cursor *cursor, const struct plan *plan, uint32_t worker,
                      uint32_t workers)
{
    *cursor = (struct plan_cursor){.plan = plan, .worker = worker, .workers = workers};
}

/* The k-th switch of the stage the cursor is in, of `total`. Up-going, viewer level+k comes as
 * the target passes level+k; down-going, viewer level-1-k goes as the target reaches it. */
static struct plan_switch switch_of(const struct plan_cursor *cursor, uint32_t k,
                                    uint32_t total)
{
    const struct plan *plan = cursor->plan;
    const struct plan_stage *stage = &plan->stages[cursor->stage];
    bool on = stage->target > cursor->level;
    double part;
    if (!on) {
        part = ((double)k + 1) / (double)total;
    } else if (plan->arrival == PLAN_ARRIVAL_POISSON) {
        part = (double)plan->places[cursor->places_at + k] * 0x1.0p-32;
    } else {
        part = (double)k / (double)total;
    }
    return (struct plan_switch){
        .at_us = cursor->stage_start_us + (int64_t)(part * (double)stage->duration_us),
        .viewer = on ? cursor->level + k : cursor->level - 1 - k,
        .on = on,
    };
}

static void next_stage(struct plan_cursor *cursor)
{
    const struct plan_stage *stage = &cursor->plan->stages[cursor->stage];
    if (stage->target > cursor->level) {
        cursor->places_at += stage->target - cursor->level;
    }
    cursor->level = stage->target;
    cursor->stage_start_us += stage->duration_us;
    cursor->done = 0;
    cursor->stage++;
}

bool plan_cursor_next(struct plan_cursor *cursor, struct plan_switch *out)
{
    for (; cursor->stage < cursor->plan->stage_count; next_stage(cursor)) {
        uint32_t target = cursor->plan->stages[cursor->stage].target;
        uint32_t total =
            target > cursor->level ? target - cursor->level : cursor->level - target;
        while (cursor->done < total) {
            struct plan_switch found = switch_of(cursor, cursor->done, total);
            cursor->done++;
            if (found.viewer % cursor->workers == cursor->worker) {
                *out = found;
                return true;
            }
        }
    }
    return false;
}
