/* The document's program as it was: totals first, then the lock around the previous snapshot.
 * A caller that waited for the lock may come second with older totals. */
#include "rate_options/option.h"

#include <pthread.h>
#include <stdlib.h>

struct state {
    const struct rate_source *source;
    pthread_mutex_t lock;
    struct rate_snapshot previous; /* guarded by lock */
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
    struct rate_snapshot now;
    rate_source_take(state->source, rate_id(caller, number), &now);
    pthread_mutex_lock(&state->lock);
    rate_answer_between(&state->previous, &now, out);
    state->previous = now;
    pthread_mutex_unlock(&state->lock);
}

const struct rate_option rate_mutex_document = {
    .name = "mutex_document",
    .does = "mutex, totals read before the lock (the document's program)",
    .open = open_state,
    .close = close_state,
    .call = call,
};
