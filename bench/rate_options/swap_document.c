/* What the document recommends: load the pointer to the previous snapshot, compute, store the
 * pointer to the new one (Go's atomic.Value). Nothing joins the load to the store, so callers
 * that overlap count the same interval once each. */
#include "rate_options/urcu_node.h"

static void call(void *opaque, uint32_t caller, uint64_t number, struct rate_answer *out)
{
    struct urcu_previous *state = opaque;
    struct urcu_node *now = urcu_node_new();
    rate_source_take(state->source, rate_id(caller, number), &now->snapshot);
    rcu_read_lock();
    /* Sequentially consistent, as all of Go's atomics; acquire would do, against the store. */
    struct urcu_node *previous = atomic_load_explicit(&state->previous, memory_order_seq_cst);
    rate_answer_between(&previous->snapshot, &now->snapshot, out);
    rcu_read_unlock();
    /* The store of the document. It is an exchange here only to learn which node it has
     * replaced and must free; nothing is computed from what it returns. */
    urcu_node_retire(atomic_exchange_explicit(&state->previous, now, memory_order_seq_cst));
}

const struct rate_option rate_swap_document = {
    .name = "swap_document",
    .does = "load, compute, store of an atomic pointer (the document's advice)",
    .open = urcu_previous_open,
    .close = urcu_previous_close,
    .enter = urcu_enter,
    .leave = urcu_leave,
    .call = call,
};
