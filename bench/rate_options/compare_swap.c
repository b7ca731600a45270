/* Compare-and-swap, and totals read again whenever somebody else's newer ones are in place:
 * snapshots follow one another and each is a baseline once. What stays is that the callers
 * share them. */
#include "rate_options/urcu_node.h"

static bool is_older(const struct rate_snapshot *a, const struct rate_snapshot *b)
{
    if (a->time_ns >= b->time_ns) {
        return false;
    }
    for (int k = 0; k < RATE_COUNTERS; k++) {
        if (a->count[k] > b->count[k]) {
            return false;
        }
    }
    return true;
}

static void call(void *opaque, uint32_t caller, uint64_t number, struct rate_answer *out)
{
    struct urcu_previous *state = opaque;
    struct urcu_node *now = urcu_node_new();
    for (;;) {
        rate_source_take(state->source, rate_id(caller, number), &now->snapshot);
        rcu_read_lock();
        /* Acquires the snapshot that the compare-and-swap of another caller released. */
        struct urcu_node *previous =
            atomic_load_explicit(&state->previous, memory_order_acquire);
        struct urcu_node *expected = previous;
        bool won = is_older(&previous->snapshot, &now->snapshot);
        struct rate_answer answer;
        rate_answer_between(&previous->snapshot, &now->snapshot, &answer);
        won = won && atomic_compare_exchange_strong_explicit(&state->previous, &expected, now,
                                                             memory_order_acq_rel,
                                                             memory_order_relaxed);
        rcu_read_unlock();
        if (won) {
            *out = answer;
            urcu_node_retire(previous);
            return;
        }
    }
}

const struct rate_option rate_compare_swap = {
    .name = "compare_swap",
    .does = "compare-and-swap of the pointer, again when overtaken",
    .open = urcu_previous_open,
    .close = urcu_previous_close,
    .enter = urcu_enter,
    .leave = urcu_leave,
    .call = call,
};
