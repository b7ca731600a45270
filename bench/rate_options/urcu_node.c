#include "rate_options/urcu_node.h"

#include <stdlib.h>

void *urcu_previous_open(struct rate_source *source, uint32_t callers)
{
    (void)callers;
    struct urcu_previous *state = aligned_alloc(SHOAL_LINE_BYTES, sizeof(*state));
    if (state == NULL) {
        abort();
    }
    struct urcu_node *first = urcu_node_new();
    rate_source_take(source, 0, &first->snapshot);
    state->source = source;
    atomic_init(&state->previous, first);
    return state;
}

void urcu_previous_close(void *opaque)
{
    struct urcu_previous *state = opaque;
    rcu_barrier();
    free(atomic_load_explicit(&state->previous, memory_order_relaxed));
    free(state);
}

void urcu_enter(void *state)
{
    (void)state;
    rcu_register_thread();
}

void urcu_leave(void *state)
{
    (void)state;
    rcu_unregister_thread();
}

struct urcu_node *urcu_node_new(void)
{
    struct urcu_node *node = malloc(sizeof(*node));
    if (node == NULL) {
        abort();
    }
    return node;
}

static void free_node(struct rcu_head *head)
{
    free(caa_container_of(head, struct urcu_node, head));
}

void urcu_node_retire(struct urcu_node *node)
{
    call_rcu(&node->head, free_node);
}
