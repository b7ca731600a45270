#include "shoal/observer.h"

#include "base/huge.h"
#include "stats/sampler_internal.h"
#include "stats/used.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct window {
    int64_t length_us;
    const struct shoal_ring *ring; /* where its baseline is looked for */
    uint64_t *memory;              /* owned, observer->words: the snapshot last fetched */
    uint64_t generation;           /* of that, in the ring; 0: none */
    const uint64_t *base;          /* memory, observer->zero or observer->now; NULL: not looked
                                    * for since the last update */
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
    /* What of `now` holds something, and so of any snapshot before it. */
    struct shoal_used *used;       /* owned; of each histogram where full */
    struct shoal_ring_part *parts; /* owned */
    uint32_t part_count;
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

/* All of an observer's blocks of words, and what tells which of them are in use. */
static int take_memory(struct shoal_observer *observer, uint32_t window_count)
{
    const struct shoal_schema *schema = observer->sampler->options.schema;
    uint32_t words = observer->full ? used_words(schema) : schema->counter_words;
    uint32_t histograms = observer->full ? schema->def.histogram_count : 0;
    size_t bytes = (size_t)words * (4 + window_count) * sizeof(uint64_t);
    uint64_t *memory = bytes < HUGE_BYTES / 4 ? calloc(1, bytes) : huge_calloc(bytes);
    observer->words = words;
    observer->zero = memory; /* first: it never moves, so free finds the block by it */
    observer->used = calloc(histograms + 1, sizeof(*observer->used));
    observer->parts = calloc(1 + 2 * (size_t)histograms, sizeof(*observer->parts));
    if (memory == NULL || observer->used == NULL || observer->parts == NULL) {
        return -ENOMEM;
    }
    observer->parts[0] = (struct shoal_ring_part){0, schema->counter_words};
    observer->part_count = 1;
    observer->now = memory + words;
    observer->base = memory + (size_t)words * 2;
    observer->scratch = memory + (size_t)words * 3;
    for (uint32_t i = 0; i < window_count; i++) {
        observer->windows[i].memory = memory + (size_t)words * (4 + i);
    }
    return 0;
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
    struct shoal_observer *observer = calloc(1, sizeof(*observer));
    if (observer == NULL) {
        return -ENOMEM;
    }
    observer->sampler = sampler;
    observer->full = detail == SHOAL_FULL;
    if (take_memory(observer, window_count) != 0) {
        shoal_observer_free(observer);
        return -ENOMEM;
    }
    observer->ring = observer->full ? &sampler->full_ring : &sampler->short_ring;
    observer->window_count = window_count;
    for (uint32_t i = 0; i < window_count; i++) {
        struct window *window = &observer->windows[i];
        window->length_us = windows_us[i];
        window->ring = ring_for(observer, windows_us[i]);
        window->base = observer->zero;
    }
    uint64_t start_us = (uint64_t)sampler->start_us;
    observer->zero[SHOAL_HEADER_TIME] = observer->zero[SHOAL_HEADER_START] = start_us;
    memcpy(observer->header, observer->zero, sizeof(observer->header));
    memcpy(observer->now, observer->zero, sizeof(observer->header));
    memcpy(observer->base, observer->zero, sizeof(observer->header));
    *ret_observer = observer;
    return 0;
}

void shoal_observer_free(struct shoal_observer *observer)
{
    if (observer == NULL) {
        return;
    }
    free(observer->zero);
    free(observer->used);
    free(observer->parts);
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

/* Fetches into the window's memory the snapshot of its ring from which it begins, or, where
 * that one has just been overwritten, the next. Only what `now` holds is copied: the rest is 0
 * in every earlier snapshot, and so it is in the window's memory. Returns whether there is one
 * from before `now`. */
static bool fetch_base(const struct shoal_observer *observer, struct window *window,
                       int64_t target_us)
{
    uint64_t generation = find_generation(window->ring, target_us);
    if (generation == window->generation) {
        return true;
    }
    window->generation = 0;
    for (; generation <= shoal_ring_head(window->ring); generation++) {
        if (shoal_ring_read_parts(window->ring, generation, window->memory, observer->parts,
                                  observer->part_count) == 0) {
            bool earlier = time_of(window->memory) < time_of(observer->now);
            window->generation = earlier ? generation : 0;
            return earlier;
        }
    }
    return false; /* lapped at every try */
}

static void find_base(const struct shoal_observer *observer, struct window *window)
{
    int64_t target_us = time_of(observer->now) - window->length_us;
    if (target_us <= time_of(observer->zero)) {
        window->base = observer->zero;
    } else if (fetch_base(observer, window, target_us)) {
        window->base = window->memory;
    } else {
        window->base = observer->now; /* an empty interval is the honest answer */
    }
}

/* Whether a snapshot only brings news of lanes that are late: nothing was counted and its time
 * moved just enough to be another. Rates over such an interval would be 0 or absurd. */
static bool is_standstill(const struct shoal_observer *observer, const uint64_t *snapshot)
{
    return time_of(snapshot) - time_of(observer->now) < observer->sampler->options.period_us &&
           memcmp(snapshot + SHOAL_HEADER_WORDS, observer->now + SHOAL_HEADER_WORDS,
                  (observer->words - SHOAL_HEADER_WORDS) * sizeof(uint64_t)) == 0;
}

/* Copies the newest snapshot into scratch, but of a full one only what holds something: the
 * rest of scratch is 0, since it held an earlier one. As shoal_ring_read. */
static int read_newest(struct shoal_observer *observer, uint64_t *ret_generation)
{
    enum { TRIES = 4 };
    const struct shoal_schema *schema = observer->sampler->options.schema;
    const struct shoal_ring *ring = observer->ring;
    if (!observer->full) {
        return shoal_ring_read(ring, observer->scratch, observer->words, ret_generation);
    }
    const struct shoal_ring_part behind = {schema->full_words, schema->def.histogram_count};
    for (int i = 0; i < TRIES; i++) {
        uint64_t generation = shoal_ring_head(ring);
        if (shoal_ring_read_parts(ring, generation, observer->scratch, &behind, 1) != 0) {
            continue;
        }
        used_get(schema, observer->scratch, observer->used);
        observer->part_count = used_parts(schema, observer->used, observer->parts);
        if (shoal_ring_read_parts(ring, generation, observer->scratch, observer->parts,
                                  observer->part_count) == 0) {
            *ret_generation = generation;
            return 0;
        }
    }
    return -EBUSY;
}

int shoal_observer_update(struct shoal_observer *observer)
{
    if (shoal_ring_head(observer->ring) == observer->generation) {
        return 0;
    }
    uint64_t generation;
    int error = read_newest(observer, &generation);
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
        observer->windows[i].base = NULL;
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
        .used = observer->full ? observer->used : NULL,
    };
}

struct shoal_interval shoal_observer_last(const struct shoal_observer *observer)
{
    return interval_from(observer, observer->base);
}

struct shoal_interval shoal_observer_window(struct shoal_observer *observer, uint32_t window)
{
    struct window *wanted = &observer->windows[window];
    if (wanted->base == NULL) {
        find_base(observer, wanted);
    }
    return interval_from(observer, wanted->base);
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
