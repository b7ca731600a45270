/* Ours: writers publish cuts of their lanes, the sampler publishes their sum in a ring, and
 * each caller is an observer with a baseline of its own. */
#include "rate_options/option.h"

#include <stdlib.h>

struct state {
    struct rate_source *source;
    uint32_t callers;
    struct shoal_observer *observers[];
};

static void *open_state(struct rate_source *source, uint32_t callers)
{
    struct state *state = calloc(1, sizeof(*state) + callers * sizeof(struct shoal_observer *));
    if (state == NULL) {
        abort();
    }
    state->source = source;
    state->callers = callers;
    for (uint32_t i = 0; i < callers; i++) {
        if (shoal_observer_new(source->sampler, SHOAL_COUNTERS, NULL, 0,
                               &state->observers[i]) != 0) {
            abort();
        }
        /* The baseline of everybody's first interval, as the other options take theirs. */
        shoal_observer_update(state->observers[i]);
    }
    return state;
}

static void close_state(void *opaque)
{
    struct state *state = opaque;
    for (uint32_t i = 0; i < state->callers; i++) {
        shoal_observer_free(state->observers[i]);
    }
    free(state);
}

static void call(void *opaque, uint32_t caller, uint64_t number, struct rate_answer *out)
{
    (void)number;
    struct state *state = opaque;
    struct shoal_observer *observer = state->observers[caller];
    bool fresh = shoal_observer_update(observer) == 1;
    struct shoal_interval last = shoal_observer_last(observer);
    *out = (struct rate_answer){
        .fresh = fresh,
        .baseline_id = rate_id(caller, last.base[SHOAL_HEADER_TICKS]),
        .as_of_ns = (int64_t)last.now[SHOAL_HEADER_TIME] * 1000,
        .elapsed_ns = last.elapsed_us * 1000,
    };
    for (uint32_t k = 0; k < RATE_COUNTERS; k++) {
        out->delta[k] = (int64_t)shoal_delta(&last, k);
        out->total[k] = shoal_total(&last, k);
    }
}

static void settle(void *opaque)
{
    struct state *state = opaque;
    shoal_sampler_stop(state->source->sampler);
}

const struct rate_option rate_ring = {
    .name = "ring",
    .does = "private baselines on the sampler's ring (libshoal-stats)",
    .own_baseline = true,
    .open = open_state,
    .close = close_state,
    .call = call,
    .settle = settle,
};
