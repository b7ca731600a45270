/* The document's first alternative: read the previous snapshot under a read lock, write the new
 * one under a write lock. Between the two any number of callers use the same baseline. */
#include "rate_options/option.h"

#include <pthread.h>
#include <stdlib.h>

struct state {
    const struct rate_source *source;
    pthread_rwlock_t lock;
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
    pthread_rwlock_init(&state->lock, NULL);
    rate_source_take(source, 0, &state->previous);
    return state;
}

static void close_state(void *opaque)
{
    struct state *state = opaque;
    pthread_rwlock_destroy(&state->lock);
    free(state);
}

static void call(void *opaque, uint32_t caller, uint64_t number, struct rate_answer *out)
{
    struct state *state = opaque;
    struct rate_snapshot now, previous;
    rate_source_take(state->source, rate_id(caller, number), &now);
    pthread_rwlock_rdlock(&state->lock);
    previous = state->previous;
    pthread_rwlock_unlock(&state->lock);
    rate_answer_between(&previous, &now, out);
    pthread_rwlock_wrlock(&state->lock);
    state->previous = now;
    pthread_rwlock_unlock(&state->lock);
}

const struct rate_option rate_rwlock = {
    .name = "rwlock",
    .does = "read lock to read the previous snapshot, write lock to replace it",
    .open = open_state,
    .close = close_state,
    .call = call,
};
