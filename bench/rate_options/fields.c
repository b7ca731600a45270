/* The document's second option: the previous snapshot as individual atomic fields. Each field
 * is whole, the set of them is not: a caller reads fields of several snapshots. */
#include "rate_options/option.h"

#include <stdatomic.h>
#include <stdlib.h>

struct state {
    const struct rate_source *source;
    _Atomic uint64_t id;
    _Atomic int64_t time_ns;
    _Atomic uint64_t count[RATE_COUNTERS];
    _Atomic uint64_t check;
};

/* Sequentially consistent, as all of Go's atomics: even so nothing makes the set whole. */
static void store(struct state *state, const struct rate_snapshot *snapshot)
{
    atomic_store_explicit(&state->id, snapshot->id, memory_order_seq_cst);
    atomic_store_explicit(&state->time_ns, snapshot->time_ns, memory_order_seq_cst);
    for (int k = 0; k < RATE_COUNTERS; k++) {
        atomic_store_explicit(&state->count[k], snapshot->count[k], memory_order_seq_cst);
    }
    atomic_store_explicit(&state->check, snapshot->check, memory_order_seq_cst);
}

static void load(struct state *state, struct rate_snapshot *snapshot)
{
    snapshot->id = atomic_load_explicit(&state->id, memory_order_seq_cst);
    snapshot->time_ns = atomic_load_explicit(&state->time_ns, memory_order_seq_cst);
    for (int k = 0; k < RATE_COUNTERS; k++) {
        snapshot->count[k] = atomic_load_explicit(&state->count[k], memory_order_seq_cst);
    }
    snapshot->check = atomic_load_explicit(&state->check, memory_order_seq_cst);
}

static void *open_state(struct rate_source *source, uint32_t callers)
{
    (void)callers;
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        abort();
    }
    state->source = source;
    struct rate_snapshot first;
    rate_source_take(source, 0, &first);
    store(state, &first);
    return state;
}

static void call(void *opaque, uint32_t caller, uint64_t number, struct rate_answer *out)
{
    struct state *state = opaque;
    struct rate_snapshot now, previous;
    rate_source_take(state->source, rate_id(caller, number), &now);
    load(state, &previous);
    rate_answer_between(&previous, &now, out);
    store(state, &now);
}

const struct rate_option rate_fields = {
    .name = "fields",
    .does = "individual atomic fields",
    .open = open_state,
    .close = free,
    .call = call,
};
