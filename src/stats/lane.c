#include "stats/lane_internal.h"

#include <string.h>
#include <sys/mman.h>

enum {
    /* A sampler late by 7 periods still copies a whole cut at its first try. */
    COUNTERS_SLOTS = 8,
    FULL_SLOTS = 4,
};

static size_t lane_bytes(const struct shoal_schema *schema)
{
    return sizeof(struct shoal_lane) + sizeof(uint64_t) * schema->full_words;
}

struct shoal_lane *lane_new(const struct shoal_schema *schema, int64_t period_us,
                            int64_t full_period_us)
{
    /* Fresh pages: zero, aligned, and first touched by the owner. */
    struct shoal_lane *lane = mmap(NULL, lane_bytes(schema), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lane == MAP_FAILED) {
        return NULL;
    }
    lane->schema = schema;
    lane->period_us = period_us;
    lane->full_period_us = full_period_us;
    lane->next_cut_us = lane->next_full_us = INT64_MAX;
    if (shoal_ring_init(&lane->counters, COUNTERS_SLOTS, schema->counter_words) != 0 ||
        shoal_ring_init(&lane->full, FULL_SLOTS, schema->full_words) != 0) {
        lane_free(lane);
        return NULL;
    }
    return lane;
}

void lane_free(struct shoal_lane *lane)
{
    if (lane == NULL) {
        return;
    }
    shoal_ring_fini(&lane->counters);
    shoal_ring_fini(&lane->full);
    munmap(lane, lane_bytes(lane->schema));
}

/* The first multiple of the period after now. */
static int64_t next_multiple(int64_t now_us, int64_t period_us)
{
    return now_us - now_us % period_us + period_us;
}

static void set_header(struct shoal_lane *lane, enum shoal_header word, uint64_t value)
{
    atomic_store_explicit(&lane->words[word], value, memory_order_relaxed);
}

void shoal_lane_open(struct shoal_lane *lane, int64_t now_us)
{
    for (uint32_t i = 0; i < lane->schema->full_words; i++) {
        shoal_lane_add_word(lane, i, 0);
    }
    set_header(lane, SHOAL_HEADER_TIME, (uint64_t)now_us);
    /* Once into each slot, so that no later cut waits for a page fault. */
    for (int i = 0; i < FULL_SLOTS; i++) {
        shoal_ring_publish_atomic(&lane->full, lane->words);
    }
    for (int i = 0; i < COUNTERS_SLOTS; i++) {
        shoal_ring_publish_atomic(&lane->counters, lane->words);
    }
    lane->next_cut_us = next_multiple(now_us, lane->period_us);
    lane->next_full_us = next_multiple(now_us, lane->full_period_us);
}

void shoal_lane_cut(struct shoal_lane *lane, int64_t now_us)
{
    set_header(lane, SHOAL_HEADER_TIME, (uint64_t)now_us);
    /* The full cut first: a sampler that finds both new has the same counters in both, or
     * older ones in the cut without histograms for one tick. */
    if (now_us >= lane->next_full_us) {
        lane->next_full_us = next_multiple(now_us, lane->full_period_us);
        shoal_ring_publish_atomic(&lane->full, lane->words);
    }
    lane->next_cut_us = next_multiple(now_us, lane->period_us);
    shoal_ring_publish_atomic(&lane->counters, lane->words);
}

void shoal_lane_close(struct shoal_lane *lane, int64_t now_us)
{
    if (lane->next_cut_us == INT64_MAX) {
        return;
    }
    set_header(lane, SHOAL_HEADER_FLAGS, SHOAL_FLAG_CLOSED);
    lane->next_full_us = INT64_MIN;
    shoal_lane_cut(lane, now_us);
    lane->next_cut_us = lane->next_full_us = INT64_MAX;
}
