/* The document's last alternative: the result is kept for 100 ms and handed to everybody who
 * asks in between. Cheap, and every caller is told of the same interval again and again. */
#include "rate_options/option.h"

#include <pthread.h>
#include <stdlib.h>

enum { CACHE_NS = 100000000 };

struct state {
    const struct rate_source *source;
    pthread_mutex_t lock;
    struct rate_snapshot previous; /* guarded by lock, like all below */
    struct rate_answer answer;
};

static void *open_state(struct rate_source *source, uint32_t callers)
{
    (void)callers;
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        abort();
    }
    state->source = source;
    pthread_mutex_init(&state->lock, NULL);
    rate_source_take(source, 0, &state->previous);
    return state;
}

static void close_state(void *opaque)
{
    struct state *state = opaque;
    pthread_mutex_destroy(&state->lock);
    free(state);
}

static void call(void *opaque, uint32_t caller, uint64_t number, struct rate_answer *out)
{
    struct state *state = opaque;
    pthread_mutex_lock(&state->lock);
    if (rate_source_now_ns(state->source) - state->previous.time_ns >= CACHE_NS) {
        struct rate_snapshot now;
        rate_source_take(state->source, rate_id(caller, number), &now);
        rate_answer_between(&state->previous, &now, &state->answer);
        state->previous = now;
    }
    *out = state->answer;
    pthread_mutex_unlock(&state->lock);
}

const struct rate_option rate_cached = {
    .name = "cached",
    .does = "result kept for 100 ms, under a mutex",
    .open = open_state,
    .close = close_state,
    .call = call,
};
