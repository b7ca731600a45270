/* A snapshot on the heap whose readers liburcu waits for before it is freed: C has no collector
 * that would do it. */
#ifndef BENCH_RATE_OPTIONS_URCU_NODE_H
#define BENCH_RATE_OPTIONS_URCU_NODE_H

#include "rate_options/option.h"

#include <stdatomic.h>
#include <urcu.h>

struct urcu_node {
    struct rcu_head head;
    struct rate_snapshot snapshot;
};

/* The state of the options that keep a pointer to the previous snapshot. */
struct urcu_previous {
    alignas(SHOAL_LINE_BYTES) struct urcu_node *_Atomic previous;
    const struct rate_source *source;
};

void *urcu_previous_open(struct rate_source *source, uint32_t callers);
void urcu_previous_close(void *state);
void urcu_enter(void *state);
void urcu_leave(void *state);

struct urcu_node *urcu_node_new(void);

/* Frees the node once no caller can read it any more. */
void urcu_node_retire(struct urcu_node *node);

#endif
