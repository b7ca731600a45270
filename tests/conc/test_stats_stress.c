/* Writers, the sampler's own thread and many observers at once, more threads than cores. Every
 * snapshot that any observer sees must hold the invariants of whole events; every observer's
 * deltas must sum to the true totals. */
#include "shoal/stats.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { STARTED, OK, FAILED, BYTES, FAULTS, COUNTERS };
enum { LATENCY };
enum {
    WORKERS = 3,
    OBSERVERS = 24,
    UPDATES = 200, /* that each observer must have seen */
    FAULT_VALUES = 4,
    BYTES_PER_OK = 1000,
    DEADLINE_S = 100,
};

struct stress {
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    _Atomic int ready;      /* observers that have made their first update */
    _Atomic int eager_left; /* observers that want more updates */
    _Atomic int finished;   /* the sampler has ticked its last */
    uint64_t truth[WORKERS][COUNTERS];
};

struct worker {
    struct stress *stress;
    uint32_t number;
};

struct watcher {
    struct stress *stress;
    uint32_t number;
    uint64_t updates, busy, violations;
    uint64_t deltas[COUNTERS];
    int64_t elapsed_us, run_us;
    char first_violation[160];
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return *seed >> 33;
}

/* One event: several counters and the histogram change together. */
static void count_event(struct shoal_lane *lane, uint64_t *seed, uint64_t *in_flight)
{
    uint64_t r = draw(seed);
    if (*in_flight == 0 || (*in_flight < 50 && (r & 1) != 0)) {
        shoal_lane_add(lane, STARTED, 1);
        ++*in_flight;
        return;
    }
    --*in_flight;
    if ((r & 6) != 0) {
        shoal_lane_add(lane, OK, 1);
        shoal_lane_add(lane, BYTES, BYTES_PER_OK);
    } else {
        shoal_lane_add(lane, FAILED, 1);
        shoal_lane_add_at(lane, FAULTS, (uint32_t)(r >> 3) % FAULT_VALUES, 1);
    }
    shoal_lane_record(lane, LATENCY, (int64_t)(r % 100000));
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct stress *stress = worker->stress;
    struct shoal_lane *lane = shoal_sampler_lane(stress->sampler, worker->number);
    uint64_t seed = 12345 + worker->number, in_flight = 0;
    shoal_lane_open(lane, now_us());
    int64_t end_us = now_us() + (int64_t)DEADLINE_S * 1000000;
    for (;;) {
        int64_t now = now_us();
        for (int i = 0; i < 50; i++) {
            count_event(lane, &seed, &in_flight);
        }
        if (shoal_lane_due(lane, now)) {
            shoal_lane_cut(lane, now);
            sched_yield();
        }
        if (atomic_load_explicit(&stress->eager_left, memory_order_relaxed) == 0 ||
            now > end_us) {
            break;
        }
    }
    shoal_lane_close(lane, now_us());
    for (uint32_t i = 0; i < COUNTERS; i++) {
        stress->truth[worker->number][i] = shoal_lane_get(lane, i);
    }
    return NULL;
}

static void expect(struct watcher *watcher, bool holds, const char *what)
{
    if (!holds && watcher->violations++ == 0) {
        snprintf(watcher->first_violation, sizeof(watcher->first_violation), "%s", what);
    }
}

static void check_snapshot(struct watcher *watcher, const struct shoal_interval *last)
{
    uint64_t ok = shoal_total(last, OK), failed = shoal_total(last, FAILED), faults = 0;
    for (uint32_t i = 0; i < FAULT_VALUES; i++) {
        faults += shoal_total_at(last, FAULTS, i);
    }
    expect(watcher, shoal_total(last, STARTED) >= ok + failed, "ended without a start");
    expect(watcher, shoal_total(last, STARTED) <= ok + failed + 50ull * WORKERS, "lost events");
    expect(watcher, shoal_total(last, BYTES) == BYTES_PER_OK * ok, "bytes of half an event");
    expect(watcher, faults == failed, "faults differ from failures");
    expect(watcher, shoal_total(last, FAULTS) == faults, "label values do not sum up");
    expect(watcher, last->elapsed_us > 0, "no time elapsed");
    if (last->full) {
        struct shoal_summary summary;
        shoal_summarize(last, LATENCY, &summary);
        expect(watcher, summary.count == shoal_delta(last, OK) + shoal_delta(last, FAILED),
               "records differ from events");
    }
    for (uint32_t i = 0; i < COUNTERS; i++) {
        expect(watcher, shoal_delta(last, i) <= shoal_total(last, i), "counter went back");
        watcher->deltas[i] += shoal_delta(last, i);
    }
    watcher->elapsed_us += last->elapsed_us;
}

static void *watch(void *argument)
{
    struct watcher *watcher = argument;
    struct stress *stress = watcher->stress;
    enum shoal_detail detail = watcher->number % 4 == 0 ? SHOAL_FULL : SHOAL_COUNTERS;
    const int64_t windows[] = {5000, 50000};
    struct shoal_observer *observer;
    if (shoal_observer_new(stress->sampler, detail, windows, 2, &observer) != 0) {
        abort();
    }
    shoal_observer_update(observer);
    atomic_fetch_add_explicit(&stress->ready, 1, memory_order_release); /* the test's load */
    for (bool done = false; !done;) {
        /* Read before the update, so that the last update comes after the last tick. */
        done = atomic_load_explicit(&stress->finished, memory_order_acquire) != 0;
        int result = shoal_observer_update(observer);
        watcher->busy += result < 0;
        if (result == 1) {
            struct shoal_interval last = shoal_observer_last(observer);
            check_snapshot(watcher, &last);
            struct shoal_interval window = shoal_observer_window(observer, 0);
            expect(watcher, shoal_delta(&window, OK) <= shoal_total(&window, OK),
                   "window went back");
            if (++watcher->updates == UPDATES / (last.full ? 10 : 1)) {
                atomic_fetch_sub_explicit(&stress->eager_left, 1, memory_order_relaxed);
            }
        }
        /* Some spin, some pause. */
        for (uint32_t i = 0; i < watcher->number % 3; i++) {
            sched_yield();
        }
    }
    watcher->run_us = shoal_observer_run(observer).elapsed_us;
    shoal_observer_free(observer);
    return NULL;
}

static void make_sampler(struct stress *stress)
{
    static const char *const faults[FAULT_VALUES] = {"a", "b", "c", "d"};
    static const struct shoal_counter_def counters[COUNTERS] = {
        [STARTED] = {"started", "1", "", NULL, NULL, 0},
        [OK] = {"ok", "1", "", NULL, NULL, 0},
        [FAILED] = {"failed", "1", "", NULL, NULL, 0},
        [BYTES] = {"bytes", "bytes", "", NULL, NULL, 0},
        [FAULTS] = {"faults", "1", "", "fault", faults, FAULT_VALUES},
    };
    static const struct shoal_histogram_def latency = {"latency", "us", "", 5, 100000};
    const struct shoal_schema_def def = {
        .counters = counters,
        .counter_count = COUNTERS,
        .histograms = &latency,
        .histogram_count = 1,
    };
    assert_int_equal(shoal_schema_new(&def, &stress->schema), 0);
    const struct shoal_sampler_options options = {
        .schema = stress->schema,
        .lanes = WORKERS,
        .period_us = 1000,
        .full_period_us = 5000,
        .coarse_period_us = 50000,
    };
    assert_int_equal(shoal_sampler_new(&options, &stress->sampler), 0);
}

static void check_watcher(const struct stress *stress, const struct watcher *watcher)
{
    if (watcher->violations != 0) {
        fail_msg("observer %u: %llu violations, first: %s", watcher->number,
                 (unsigned long long)watcher->violations, watcher->first_violation);
    }
    for (uint32_t i = 0; i < COUNTERS; i++) {
        uint64_t truth = 0;
        for (int k = 0; k < WORKERS; k++) {
            truth += i == FAULTS ? stress->truth[k][FAILED] : stress->truth[k][i];
        }
        assert_int_equal(watcher->deltas[i], truth);
    }
    assert_int_equal(watcher->elapsed_us, watcher->run_us);
}

static void test_whole_events_and_exact_sums(void **state)
{
    (void)state;
    struct stress stress = {.eager_left = OBSERVERS};
    static struct watcher watchers[OBSERVERS];
    struct worker workers[WORKERS];
    pthread_t worker_threads[WORKERS], watcher_threads[OBSERVERS];
    make_sampler(&stress);
    /* Observers begin before anything is counted, so that their sums are the totals. */
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        watchers[i] = (struct watcher){.stress = &stress, .number = i};
        assert_int_equal(pthread_create(&watcher_threads[i], NULL, watch, &watchers[i]), 0);
    }
    /* Pairs with the observers' additions. */
    while (atomic_load_explicit(&stress.ready, memory_order_acquire) < OBSERVERS) {
        sched_yield();
    }
    assert_int_equal(shoal_sampler_start(stress.sampler), 0);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){&stress, i};
        assert_int_equal(pthread_create(&worker_threads[i], NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        pthread_join(worker_threads[i], NULL);
    }
    shoal_sampler_stop(stress.sampler);
    atomic_store_explicit(&stress.finished, 1, memory_order_release);
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        pthread_join(watcher_threads[i], NULL);
    }
    assert_int_equal(stress.eager_left, 0);
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        check_watcher(&stress, &watchers[i]);
    }
    shoal_sampler_free(stress.sampler);
    shoal_schema_free(stress.schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_events_and_exact_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
