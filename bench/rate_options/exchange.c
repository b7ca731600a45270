/* An exchange in place of load and store: every snapshot is the baseline of exactly one call,
 * which then owns it, so the sum is right and nobody has to wait before it is freed. But
 * callers exchange in another order than they read the totals, so intervals can be negative,
 * and each caller still gets a part of the time at random. */
#include "rate_options/option.h"

#include <stdatomic.h>
#include <stdlib.h>

struct state {
    alignas(SHOAL_LINE_BYTES) struct rate_snapshot *_Atomic previous;
    const struct rate_source *source;
};

static struct rate_snapshot *take(const struct rate_source *source, uint64_t id)
{
    struct rate_snapshot *snapshot = malloc(sizeof(*snapshot));
    if (snapshot == NULL) {
        abort();
    }
    rate_source_take(source, id, snapshot);
    return snapshot;
}

static void *open_state(struct rate_source *source, uint32_t callers)
{
    (void)callers;
    struct state *state = aligned_alloc(SHOAL_LINE_BYTES, sizeof(*state));
    if (state == NULL) {
        abort();
    }
    state->source = source;
    atomic_init(&state->previous, take(source, 0));
    return state;
}

static void close_state(void *opaque)
{
    struct state *state = opaque;
    free(atomic_load_explicit(&state->previous, memory_order_relaxed));
    free(state);
}

static void call(void *opaque, uint32_t caller, uint64_t number, struct rate_answer *out)
{
    struct state *state = opaque;
    struct rate_snapshot *now = take(state->source, rate_id(caller, number));
    struct rate_snapshot mine = *now;
    /* Releases the new snapshot to the next exchange and acquires the old one from the last. */
    struct rate_snapshot *previous =
        atomic_exchange_explicit(&state->previous, now, memory_order_acq_rel);
    rate_answer_between(previous, &mine, out);
    free(previous);
}

const struct rate_option rate_exchange = {
    .name = "exchange",
    .does = "atomic exchange of the pointer",
    .open = open_state,
    .close = close_state,
    .call = call,
};
