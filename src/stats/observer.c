#include "shoal/observer.h"

#include "stats/sampler_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct window {
    int64_t length_us;
    const struct shoal_ring *ring; /* where its baseline is looked for */
    uint64_t *base;                /* owned, observer->words */
};

struct shoal_observer {
    const struct shoal_sampler *sampler;
    const struct shoal_ring *ring;
    bool full;
    uint32_t words;
    uint64_t generation; /* of the snapshot in now; 0 before the first update */
    uint64_t *now, *base, *scratch;
    uint64_t *zero;                      /* the baseline of the run */
    uint64_t header[SHOAL_HEADER_WORDS]; /* newest seen */
    uint32_t window_count;
    struct window windows[SHOAL_WINDOWS_MAX];
};

static int64_t time_of(const uint64_t *snapshot)
{
    return (int64_t)snapshot[SHOAL_HEADER_TIME];
}

/* The finest ring that still holds a snapshot of that age; a few slots are spared for those
 * being overwritten. */
static const struct shoal_ring *ring_for(const struct shoal_observer *observer,
                                         int64_t length_us)
{
    const struct shoal_sampler *sampler = observer->sampler;
    const struct shoal_sampler_options *options = &sampler->options;
    if (!observer->full &&
        length_us <=
            (int64_t)(options->short_slots - options->short_slots / 8) * options->period_us) {
        return &sampler->short_ring;
    }
    if (length_us <=
        (int64_t)(options->full_slots - options->full_slots / 16) * options->full_period_us) {
        return &sampler->full_ring;
    }
    return &sampler->coarse_ring;
}

int shoal_observer_new(const struct shoal_sampler *sampler, enum shoal_detail detail,
                       const int64_t *windows_us, uint32_t window_count,
                       struct shoal_observer **ret_observer)
{
    if (window_count > SHOAL_WINDOWS_MAX) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < window_count; i++) {
        if (windows_us[i] <= 0) {
            return -EINVAL;
        }
    }
    const struct shoal_schema *schema = sampler->options.schema;
    bool full = detail == SHOAL_FULL;
    uint32_t words = full ? schema->full_words : schema->counter_words;
    struct shoal_observer *observer = calloc(1, sizeof(*observer));
    uint64_t *memory = calloc((size_t)words * (4 + window_count), sizeof(uint64_t));
    if (observer == NULL || memory == NULL) {
        free(observer);
        free(memory);
        return -ENOMEM;
    }
    observer->sampler = sampler;
    observer->full = full;
    observer->words = words;
    observer->ring = full ? &sampler->full_ring : &sampler->short_ring;
    observer->zero = memory; /* first: it never moves, so free finds the block by it */
    observer->now = memory + words;
    observer->base = memory + (size_t)words * 2;
    observer->scratch = memory + (size_t)words * 3;
    observer->window_count = window_count;
    for (uint32_t i = 0; i < window_count; i++) {
        observer->windows[i] = (struct window){windows_us[i], ring_for(observer, windows_us[i]),
                                               memory + (size_t)words * (4 + i)};
    }
    uint64_t start_us = (uint64_t)sampler->start_us;
    observer->zero[SHOAL_HEADER_TIME] = observer->zero[SHOAL_HEADER_START] = start_us;
    memcpy(observer->header, observer->zero, sizeof(observer->header));
    memcpy(observer->now, observer->zero, sizeof(observer->header));
    memcpy(observer->base, observer->zero, sizeof(observer->header));
    for (uint32_t i = 0; i < window_count; i++) {
        memcpy(observer->windows[i].base, observer->zero, sizeof(observer->header));
    }
    *ret_observer = observer;
    return 0;
}

void shoal_observer_free(struct shoal_observer *observer)
{
    if (observer == NULL) {
        return;
    }
    free(observer->zero);
    free(observer);
}

/* The newest generation whose time is at most time_us, by bisection since times ascend;
 * the oldest one readable when all are later. */
static uint64_t find_generation(const struct shoal_ring *ring, int64_t time_us)
{
    uint64_t high = shoal_ring_head(ring);
    uint64_t low = high > ring->slots - 2 ? high - (ring->slots - 2) : 1;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        uint64_t time;
        /* One that is gone was older than any that is left. */
        if (shoal_ring_read_generation(ring, middle, &time, 1) != 0 ||
            (int64_t)time <= time_us) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

static void refresh_window(const struct shoal_observer *observer, struct window *window)
{
    int64_t target_us = time_of(observer->now) - window->length_us;
    if (target_us <= time_of(observer->zero)) {
        memcpy(window->base, observer->zero, observer->words * sizeof(uint64_t));
        return;
    }
    uint64_t generation = find_generation(window->ring, target_us);
    for (; generation <= shoal_ring_head(window->ring); generation++) {
        if (shoal_ring_read_generation(window->ring, generation, window->base,
                                       observer->words) == 0) {
            return;
        }
    }
    /* Unreachable while this thread gets any time at all: the newest is always there. An
     * empty interval is the honest answer. */
    memcpy(window->base, observer->now, observer->words * sizeof(uint64_t));
}

/* Whether a snapshot only brings news of lanes that are late: nothing was counted and its time
 * moved just enough to be another. Rates over such an interval would be 0 or absurd. */
static bool is_standstill(const struct shoal_observer *observer, const uint64_t *snapshot)
{
    return time_of(snapshot) - time_of(observer->now) < observer->sampler->options.period_us &&
           memcmp(snapshot + SHOAL_HEADER_WORDS, observer->now + SHOAL_HEADER_WORDS,
                  (observer->words - SHOAL_HEADER_WORDS) * sizeof(uint64_t)) == 0;
}

int shoal_observer_update(struct shoal_observer *observer)
{
    if (shoal_ring_head(observer->ring) == observer->generation) {
        return 0;
    }
    uint64_t generation;
    int error =
        shoal_ring_read(observer->ring, observer->scratch, observer->words, &generation);
    if (error != 0) {
        return error;
    }
    bool first = observer->generation == 0;
    observer->generation = generation;
    memcpy(observer->header, observer->scratch, sizeof(observer->header));
    if (!first && is_standstill(observer, observer->scratch)) {
        return 0;
    }
    uint64_t *spent = observer->base;
    observer->base = observer->now;
    observer->now = observer->scratch;
    observer->scratch = spent;
    if (first) {
        memcpy(observer->base, observer->now, observer->words * sizeof(uint64_t));
    }
    for (uint32_t i = 0; i < observer->window_count; i++) {
        refresh_window(observer, &observer->windows[i]);
    }
    return 1;
}

static struct shoal_interval interval_from(const struct shoal_observer *observer,
                                           const uint64_t *base)
{
    return (struct shoal_interval){
        .schema = observer->sampler->options.schema,
        .now = observer->now,
        .base = base,
        .elapsed_us = time_of(observer->now) - time_of(base),
        .full = observer->full,
    };
}

struct shoal_interval shoal_observer_last(const struct shoal_observer *observer)
{
    return interval_from(observer, observer->base);
}

struct shoal_interval shoal_observer_window(const struct shoal_observer *observer,
                                            uint32_t window)
{
    return interval_from(observer, observer->windows[window].base);
}

struct shoal_interval shoal_observer_run(const struct shoal_observer *observer)
{
    return interval_from(observer, observer->zero);
}

uint64_t shoal_observer_header(const struct shoal_observer *observer, enum shoal_header word)
{
    return observer->header[word];
}

bool shoal_observer_is_final(const struct shoal_observer *observer)
{
    return (observer->header[SHOAL_HEADER_FLAGS] & SHOAL_FLAG_CLOSED) != 0;
}
