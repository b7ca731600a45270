#include "stats/sampler_internal.h"

#include "stats/lane_internal.h"
#include "stats/used.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LANES_MAX = 1024,
    SLOTS_MAX = 65536,
    /* A full snapshot waits this many ticks for a late lane before it takes the lane's older
     * cut. */
    FULL_WAITS = 3,
};

static int64_t monotonic_us(void *context)
{
    (void)context;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t floor_to(int64_t time_us, int64_t period_us)
{
    return time_us - time_us % period_us;
}

static int64_t max_us(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void fill_defaults(struct shoal_sampler_options *options)
{
    if (options->clock.now_us == NULL) {
        options->clock.now_us = monotonic_us;
    }
    if (options->period_us == 0) {
        options->period_us = 100000;
    }
    if (options->full_period_us == 0) {
        options->full_period_us = 1000000;
    }
    if (options->coarse_period_us == 0) {
        options->coarse_period_us = 10000000;
    }
    if (options->short_slots == 0) {
        options->short_slots = 128;
    }
    if (options->full_slots == 0) {
        options->full_slots = 64;
    }
    if (options->coarse_slots == 0) {
        options->coarse_slots = 64;
    }
}

static bool options_are_good(const struct shoal_sampler_options *options)
{
    return options->schema != NULL && options->lanes >= 1 && options->lanes <= LANES_MAX &&
           options->period_us >= 2 && options->full_period_us >= options->period_us &&
           options->full_period_us % options->period_us == 0 &&
           options->coarse_period_us >= options->full_period_us &&
           options->coarse_period_us % options->full_period_us == 0 &&
           options->short_slots <= SLOTS_MAX && options->full_slots <= SLOTS_MAX &&
           options->coarse_slots <= SLOTS_MAX;
}

static int make_rings(struct shoal_sampler *sampler)
{
    const struct shoal_sampler_options *options = &sampler->options;
    const struct shoal_schema *schema = options->schema;
    int error =
        shoal_ring_init(&sampler->short_ring, options->short_slots, schema->counter_words);
    if (error == 0) {
        error = shoal_ring_init(&sampler->full_ring, options->full_slots, used_words(schema));
    }
    if (error == 0) {
        error =
            shoal_ring_init(&sampler->coarse_ring, options->coarse_slots, used_words(schema));
    }
    return error;
}

static int make_lanes(struct shoal_sampler *sampler)
{
    const struct shoal_sampler_options *options = &sampler->options;
    const struct shoal_schema *schema = options->schema;
    sampler->lanes = calloc(options->lanes, sizeof(*sampler->lanes));
    sampler->spare_counters = calloc(schema->counter_words, sizeof(uint64_t));
    sampler->spare_full = calloc(schema->full_words, sizeof(uint64_t));
    sampler->sum = calloc(used_words(schema), sizeof(uint64_t));
    if (sampler->lanes == NULL || sampler->spare_counters == NULL ||
        sampler->spare_full == NULL || sampler->sum == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < options->lanes; i++) {
        struct sampler_lane *lane = &sampler->lanes[i];
        lane->lane = lane_new(schema, options->period_us, options->full_period_us);
        lane->counters = calloc(schema->counter_words, sizeof(uint64_t));
        lane->full = calloc(schema->full_words, sizeof(uint64_t));
        if (lane->lane == NULL || lane->counters == NULL || lane->full == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* The snapshot of zeros at the start: the baseline of the run. */
static void publish_start(struct shoal_sampler *sampler)
{
    uint64_t *sum = sampler->sum;
    sampler->health[SHOAL_HEADER_START] = (uint64_t)sampler->start_us;
    sum[SHOAL_HEADER_TIME] = sum[SHOAL_HEADER_START] = (uint64_t)sampler->start_us;
    shoal_ring_publish(&sampler->short_ring, sum);
    shoal_ring_publish(&sampler->full_ring, sum);
    shoal_ring_publish(&sampler->coarse_ring, sum);
    sampler->last_us = sampler->last_full_us = sampler->start_us;
    sampler->full_boundary_us = floor_to(sampler->start_us, sampler->options.full_period_us);
    sampler->coarse_boundary_us =
        floor_to(sampler->start_us, sampler->options.coarse_period_us);
}

int shoal_sampler_new(const struct shoal_sampler_options *options,
                      struct shoal_sampler **ret_sampler)
{
    struct shoal_sampler *sampler =
        aligned_alloc(SHOAL_LINE_BYTES, (sizeof(*sampler) + SHOAL_LINE_BYTES - 1) /
                                            SHOAL_LINE_BYTES * SHOAL_LINE_BYTES);
    if (sampler == NULL) {
        return -ENOMEM;
    }
    memset(sampler, 0, sizeof(*sampler));
    sampler->options = *options;
    fill_defaults(&sampler->options);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&sampler->lock, NULL);
    pthread_cond_init(&sampler->wake, &attributes);
    pthread_condattr_destroy(&attributes);

    int error = options_are_good(&sampler->options) ? 0 : -EINVAL;
    if (error == 0) {
        error = make_rings(sampler);
    }
    if (error == 0) {
        error = make_lanes(sampler);
    }
    if (error != 0) {
        shoal_sampler_free(sampler);
        return error;
    }
    sampler->start_us = shoal_sampler_now_us(sampler);
    publish_start(sampler);
    *ret_sampler = sampler;
    return 0;
}

void shoal_sampler_free(struct shoal_sampler *sampler)
{
    if (sampler == NULL) {
        return;
    }
    shoal_sampler_stop(sampler);
    for (uint32_t i = 0; sampler->lanes != NULL && i < sampler->options.lanes; i++) {
        lane_free(sampler->lanes[i].lane);
        free(sampler->lanes[i].counters);
        free(sampler->lanes[i].full);
    }
    free(sampler->lanes);
    free(sampler->spare_counters);
    free(sampler->spare_full);
    free(sampler->sum);
    shoal_ring_fini(&sampler->short_ring);
    shoal_ring_fini(&sampler->full_ring);
    shoal_ring_fini(&sampler->coarse_ring);
    pthread_cond_destroy(&sampler->wake);
    pthread_mutex_destroy(&sampler->lock);
    free(sampler);
}

struct shoal_lane *shoal_sampler_lane(struct shoal_sampler *sampler, uint32_t number)
{
    assert(number < sampler->options.lanes);
    return sampler->lanes[number].lane;
}

const struct shoal_schema *shoal_sampler_schema(const struct shoal_sampler *sampler)
{
    return sampler->options.schema;
}

int64_t shoal_sampler_now_us(const struct shoal_sampler *sampler)
{
    return sampler->options.clock.now_us(sampler->options.clock.context);
}

/* Takes the newest cut of a ring unless it is the one kept already: reads it into *spare and
 * swaps that with *kept. Returns whether it did. */
static bool take_cut(const struct shoal_ring *ring, uint64_t **kept, uint64_t **spare,
                     uint64_t *kept_generation)
{
    uint64_t generation;
    if (shoal_ring_head(ring) == *kept_generation ||
        shoal_ring_read(ring, *spare, ring->words, &generation) != 0) {
        return false;
    }
    uint64_t *old = *kept;
    *kept = *spare;
    *spare = old;
    *kept_generation = generation;
    return true;
}

static bool cut_is_open(const uint64_t *cut, uint64_t generation)
{
    return generation != 0 && (cut[SHOAL_HEADER_FLAGS] & SHOAL_FLAG_CLOSED) == 0;
}

/* The time up to which a lane's cut is true. One that is closed or not yet open counts nothing
 * more, so its cut stays true as time goes on. */
static int64_t cut_time(const uint64_t *cut, uint64_t generation, int64_t floor_us)
{
    int64_t time_us = (int64_t)cut[SHOAL_HEADER_TIME];
    return cut_is_open(cut, generation) ? time_us : max_us(time_us, floor_us);
}

/* Adds `count` words of `from` to those of `to`, four at a time: the sum of many lanes'
 * histograms is most of a tick's work. */
static void add_words(uint64_t *to, const uint64_t *from, uint32_t count)
{
    typedef uint64_t four __attribute__((vector_size(32), aligned(8), may_alias));
    uint32_t i = 0;
    for (; i + 4 <= count; i += 4) {
        *(four *)(void *)(to + i) += *(const four *)(const void *)(from + i);
    }
    for (; i < count; i++) {
        to[i] += from[i];
    }
}

/* Adds up the label values into the totals. */
static void sum_labels(const struct shoal_schema *schema, uint64_t *sum)
{
    for (uint32_t i = 0; i < schema->def.counter_count; i++) {
        struct shoal_counter_place place = schema->counter[i];
        for (uint32_t k = 0; k < schema->def.counters[i].value_count; k++) {
            sum[place.total] += sum[place.labels + k];
        }
    }
}

/* Sums one cut of each lane into sampler->sum with its header, but for the time. Returns the
 * mean time of the cuts. */
static int64_t sum_cuts(struct shoal_sampler *sampler, bool full, int64_t now_us)
{
    const struct shoal_schema *schema = sampler->options.schema;
    uint32_t words = full ? schema->full_words : schema->counter_words;
    uint64_t *sum = sampler->sum;
    memset(sum, 0, words * sizeof(*sum));
    memcpy(sum, sampler->health, sizeof(sampler->health));
    int64_t floor_us = floor_to(now_us, sampler->options.period_us);
    int64_t base_us = sampler->start_us; /* keeps the sum of times small */
    int64_t times = 0, oldest = INT64_MAX, newest = 0;
    for (uint32_t i = 0; i < sampler->options.lanes; i++) {
        const struct sampler_lane *lane = &sampler->lanes[i];
        const uint64_t *cut = full ? lane->full : lane->counters;
        uint64_t generation = full ? lane->full_generation : lane->counters_generation;
        times += cut_time(cut, generation, floor_us) - base_us;
        if (cut_is_open(cut, generation)) {
            int64_t time_us = (int64_t)cut[SHOAL_HEADER_TIME];
            oldest = time_us < oldest ? time_us : oldest;
            newest = max_us(newest, time_us);
        }
        add_words(sum + SHOAL_HEADER_WORDS, cut + SHOAL_HEADER_WORDS,
                  words - SHOAL_HEADER_WORDS);
    }
    sum_labels(schema, sum);
    sum[SHOAL_HEADER_CUT_OLDEST] = newest == 0 ? 0 : (uint64_t)oldest;
    sum[SHOAL_HEADER_CUT_NEWEST] = (uint64_t)newest;
    return base_us + times / (int64_t)sampler->options.lanes;
}

static void publish_counters(struct shoal_sampler *sampler, int64_t now_us)
{
    int64_t time_us = sum_cuts(sampler, false, now_us);
    sampler->last_us = max_us(time_us, sampler->last_us + 1);
    sampler->sum[SHOAL_HEADER_TIME] = (uint64_t)sampler->last_us;
    shoal_ring_publish(&sampler->short_ring, sampler->sum);
}

static void publish_full(struct shoal_sampler *sampler, int64_t now_us, bool final)
{
    int64_t time_us = sum_cuts(sampler, true, now_us);
    sampler->last_full_us = max_us(time_us, sampler->last_full_us + 1);
    sampler->sum[SHOAL_HEADER_TIME] = (uint64_t)sampler->last_full_us;
    used_find(sampler->options.schema, sampler->sum);
    shoal_ring_publish(&sampler->full_ring, sampler->sum);
    int64_t coarse_us = floor_to(now_us, sampler->options.coarse_period_us);
    if (final || coarse_us > sampler->coarse_boundary_us) {
        sampler->coarse_boundary_us = coarse_us;
        shoal_ring_publish(&sampler->coarse_ring, sampler->sum);
    }
}

/* Takes the lanes' newest counters and notes which lanes have none. */
static void take_counters(struct shoal_sampler *sampler, int64_t now_us)
{
    uint64_t *health = sampler->health;
    uint64_t open = 0, opened = 0, stale = 0;
    for (uint32_t i = 0; i < sampler->options.lanes; i++) {
        struct sampler_lane *lane = &sampler->lanes[i];
        bool is_new = take_cut(&lane->lane->counters, &lane->counters, &sampler->spare_counters,
                               &lane->counters_generation);
        opened += lane->counters_generation != 0;
        if (!cut_is_open(lane->counters, lane->counters_generation)) {
            continue;
        }
        open++;
        int64_t age_us = now_us - (int64_t)lane->counters[SHOAL_HEADER_TIME];
        if (age_us > (int64_t)health[SHOAL_HEADER_STALE_MAX_US]) {
            health[SHOAL_HEADER_STALE_MAX_US] = (uint64_t)age_us;
        }
        stale += !is_new && age_us > sampler->options.period_us;
    }
    health[SHOAL_HEADER_FLAGS] = opened > 0 && open == 0 ? SHOAL_FLAG_CLOSED : 0;
    health[SHOAL_HEADER_LANES_OPEN] = open;
    health[SHOAL_HEADER_STALE_LANES] = stale;
    health[SHOAL_HEADER_STALE_CUTS] += stale;
}

/* Takes the lanes' newest full cuts. Returns whether every open lane has one made since the
 * boundary. */
static bool take_full(struct shoal_sampler *sampler, int64_t boundary_us)
{
    bool complete = true;
    for (uint32_t i = 0; i < sampler->options.lanes; i++) {
        struct sampler_lane *lane = &sampler->lanes[i];
        take_cut(&lane->lane->full, &lane->full, &sampler->spare_full, &lane->full_generation);
        complete = complete && (!cut_is_open(lane->full, lane->full_generation) ||
                                (int64_t)lane->full[SHOAL_HEADER_TIME] >= boundary_us);
    }
    return complete;
}

int64_t shoal_sampler_tick(struct shoal_sampler *sampler, int64_t now_us)
{
    const struct shoal_sampler_options *options = &sampler->options;
    uint64_t *health = sampler->health;
    health[SHOAL_HEADER_TICKS]++;
    if (sampler->due_us != 0 &&
        now_us - sampler->due_us > (int64_t)health[SHOAL_HEADER_LATE_MAX_US]) {
        health[SHOAL_HEADER_LATE_MAX_US] = (uint64_t)(now_us - sampler->due_us);
    }
    take_counters(sampler, now_us);
    publish_counters(sampler, now_us);

    int64_t boundary_us = floor_to(now_us, options->full_period_us);
    if (boundary_us > sampler->full_boundary_us) {
        if (take_full(sampler, boundary_us) || ++sampler->full_waits > FULL_WAITS) {
            sampler->full_boundary_us = boundary_us;
            sampler->full_waits = 0;
            publish_full(sampler, now_us, false);
        }
    }
    sampler->due_us =
        floor_to(now_us, options->period_us) + options->period_us + options->period_us / 2;
    return sampler->due_us;
}

void shoal_sampler_finish(struct shoal_sampler *sampler, int64_t now_us)
{
    sampler->due_us = 0;
    shoal_sampler_tick(sampler, now_us);
    take_full(sampler, 0);
    publish_full(sampler, now_us, true);
}

/* Waits for a time of the machine's monotonic clock. Returns whether to stop. */
static bool wait_until(struct shoal_sampler *sampler, int64_t time_us)
{
    struct timespec deadline = {.tv_sec = time_us / 1000000,
                                .tv_nsec = time_us % 1000000 * 1000};
    pthread_mutex_lock(&sampler->lock);
    int result = 0;
    while (!sampler->stop && result != ETIMEDOUT) {
        result = pthread_cond_timedwait(&sampler->wake, &sampler->lock, &deadline);
    }
    bool stop = sampler->stop;
    pthread_mutex_unlock(&sampler->lock);
    return stop;
}

static void *run(void *argument)
{
    struct shoal_sampler *sampler = argument;
    int64_t wait_us = sampler->options.period_us / 2;
    while (!wait_until(sampler, monotonic_us(NULL) + wait_us)) {
        int64_t now_us = shoal_sampler_now_us(sampler);
        int64_t due_us = shoal_sampler_tick(sampler, now_us);
        /* The wait is real even where the clock is not. */
        wait_us = due_us - shoal_sampler_now_us(sampler);
        wait_us = max_us(wait_us, 0);
    }
    shoal_sampler_finish(sampler, shoal_sampler_now_us(sampler));
    return NULL;
}

int shoal_sampler_start(struct shoal_sampler *sampler)
{
    assert(!sampler->running);
    sampler->stop = false;
    /* Signals are for the program's own threads. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&sampler->thread, NULL, run, sampler);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    sampler->running = error == 0;
    return -error;
}

void shoal_sampler_stop(struct shoal_sampler *sampler)
{
    if (!sampler->running) {
        return;
    }
    pthread_mutex_lock(&sampler->lock);
    sampler->stop = true;
    pthread_cond_signal(&sampler->wake);
    pthread_mutex_unlock(&sampler->lock);
    pthread_join(sampler->thread, NULL);
    sampler->running = false;
}
