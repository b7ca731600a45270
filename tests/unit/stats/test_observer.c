/* Observers: private baselines, telescoping, windows, derived figures. */
#include "fixture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void expect_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-9 * fmax(1, fabs(expected)))) {
        fail_msg("got %.12g, expected %.12g", got, expected);
    }
}

static struct shoal_observer *observe(struct fixture *f, const int64_t *windows, uint32_t count)
{
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f->sampler, SHOAL_COUNTERS, windows, count, &observer),
                     0);
    return observer;
}

static void test_arguments_are_checked(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    int64_t windows[SHOAL_WINDOWS_MAX + 1] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct shoal_observer *observer = NULL;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_COUNTERS, windows,
                                        SHOAL_WINDOWS_MAX + 1, &observer),
                     -EINVAL);
    windows[1] = 0;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_COUNTERS, windows, 2, &observer),
                     -EINVAL);
    assert_null(observer);
    shoal_observer_free(NULL);
    fixture_fini(&f);
}

static void test_before_any_update_all_is_zero(void **state)
{
    (void)state;
    struct fixture f;
    const int64_t second = 1000000;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    shoal_lane_add(fixture_lane(&f, 0), OK, 5);
    fixture_advance(&f, 500000);
    struct shoal_observer *observer = observe(&f, &second, 1);
    const struct shoal_interval intervals[] = {shoal_observer_last(observer),
                                               shoal_observer_run(observer),
                                               shoal_observer_window(observer, 0)};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shoal_total(&intervals[i], OK), 0);
        assert_int_equal(intervals[i].elapsed_us, 0);
        expect_near(shoal_rate(&intervals[i], OK), 0);
        expect_near(shoal_derived(&intervals[i], OK_RATIO), 0);
    }
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_first_update_has_totals_and_no_rates(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    shoal_lane_add(fixture_lane(&f, 0), OK, 5);
    fixture_advance(&f, 500000);
    struct shoal_observer *observer = observe(&f, NULL, 0);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval last = shoal_observer_last(observer);
    assert_int_equal(shoal_total(&last, OK), 5);
    assert_int_equal(shoal_delta(&last, OK), 0);
    expect_near(shoal_rate(&last, OK), 0);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_rates_after_known_activity(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observer = observe(&f, NULL, 0);
    fixture_advance(&f, 150000);
    shoal_observer_update(observer);
    shoal_lane_add(fixture_lane(&f, 0), OK, 30);
    shoal_lane_add(fixture_lane(&f, 1), OK, 20);
    shoal_lane_add_at(fixture_lane(&f, 1), FAULTS, 1, 4);
    fixture_advance(&f, 500000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval last = shoal_observer_last(observer);
    assert_int_equal(last.elapsed_us, 500000);
    expect_near(shoal_rate(&last, OK), 100);
    expect_near(shoal_rate_at(&last, FAULTS, 1), 8);
    assert_int_equal(shoal_delta_at(&last, FAULTS, 0), 0);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_nothing_new_keeps_the_last_rates(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_observer *observer = observe(&f, NULL, 0);
    fixture_advance(&f, 150000);
    shoal_observer_update(observer);
    shoal_lane_add(fixture_lane(&f, 0), OK, 10);
    fixture_advance(&f, 100000);
    assert_int_equal(shoal_observer_update(observer), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shoal_observer_update(observer), 0);
        struct shoal_interval last = shoal_observer_last(observer);
        expect_near(shoal_rate(&last, OK), 100);
    }
    /* A snapshot in which no lane has moved on is no interval either. */
    shoal_sampler_tick(f.sampler, f.now_us + 10);
    assert_int_equal(shoal_observer_update(observer), 0);
    struct shoal_interval last = shoal_observer_last(observer);
    expect_near(shoal_rate(&last, OK), 100);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_standstill_of_a_whole_period_is_rate_zero(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_observer *observer = observe(&f, NULL, 0);
    shoal_lane_add(fixture_lane(&f, 0), OK, 10);
    fixture_advance(&f, 150000);
    shoal_observer_update(observer);
    fixture_advance(&f, 100000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval last = shoal_observer_last(observer);
    assert_int_equal(last.elapsed_us, 100000);
    expect_near(shoal_rate(&last, OK), 0);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

/* Several observers with periods of their own: each accounts for every event by itself. */
static void test_every_observer_accounts_for_everything(void **state)
{
    (void)state;
    enum { OBSERVERS = 4 };
    static const int every[OBSERVERS] = {1, 3, 7, 20}; /* steps between its updates */
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observers[OBSERVERS];
    uint64_t deltas[OBSERVERS] = {0};
    double claimed[OBSERVERS] = {0};
    for (int i = 0; i < OBSERVERS; i++) {
        observers[i] = observe(&f, NULL, 0);
        shoal_observer_update(observers[i]);
    }
    uint64_t truth = 0, seed = 3;
    for (int step = 1; step <= 420; step++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t n = (seed >> 40) % 1000;
        shoal_lane_add(fixture_lane(&f, (uint32_t)step % 2), BYTES, n);
        truth += n;
        fixture_advance(&f, 50000 + (int64_t)(seed >> 50) % 30000);
        if (step == 420) {
            for (uint32_t i = 0; i < 2; i++) {
                shoal_lane_close(fixture_lane(&f, i), f.now_us);
            }
            shoal_sampler_finish(f.sampler, f.now_us);
        }
        for (int i = 0; i < OBSERVERS; i++) {
            if (step % every[i] == 0 && shoal_observer_update(observers[i]) == 1) {
                struct shoal_interval last = shoal_observer_last(observers[i]);
                assert_true(last.elapsed_us > 0);
                deltas[i] += shoal_delta(&last, BYTES);
                claimed[i] += shoal_rate(&last, BYTES) * (double)last.elapsed_us / 1e6;
            }
        }
    }
    for (int i = 0; i < OBSERVERS; i++) {
        assert_int_equal(deltas[i], truth);
        expect_near(claimed[i], (double)truth);
        shoal_observer_free(observers[i]);
    }
    fixture_fini(&f);
}

/* Counts 1 event a 100 ms in the first ten minutes and 10 from then on, and looks through
 * windows at any distance. */
static void test_windows(void **state)
{
    (void)state;
    enum { WINDOWS = 5, TENTHS = 8000 };
    static const int64_t lengths[WINDOWS] = {1000000, 10000000, 30000000, 60000000, 300000000};
    static const int64_t granularity[WINDOWS] = {100000, 100000, 1000000, 10000000, 10000000};
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_observer *observer = observe(&f, lengths, WINDOWS);
    for (int tenth = 0; tenth < TENTHS; tenth++) {
        shoal_lane_add(fixture_lane(&f, 0), OK, 1);
        fixture_advance(&f, 100000);
        shoal_observer_update(observer);
        struct shoal_interval run = shoal_observer_run(observer);
        for (uint32_t i = 0; i < WINDOWS; i++) {
            struct shoal_interval window = shoal_observer_window(observer, i);
            int64_t age_us = run.elapsed_us;
            if (age_us <= lengths[i]) {
                assert_int_equal(window.elapsed_us, age_us);
            } else {
                assert_in_range(window.elapsed_us, lengths[i], lengths[i] + granularity[i]);
            }
            assert_int_equal(shoal_delta(&window, OK), window.elapsed_us / 100000);
        }
    }
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_windows_of_histograms(void **state)
{
    (void)state;
    static const int64_t lengths[] = {10000000, 120000000};
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_FULL, lengths, 2, &observer), 0);
    for (int second = 0; second < 300; second++) {
        shoal_lane_record(fixture_lane(&f, 0), LATENCY, second < 200 ? 100 : 120);
        fixture_advance(&f, 1000000);
        shoal_observer_update(observer);
    }
    fixture_advance(&f, 60000);
    shoal_observer_update(observer);
    struct shoal_interval window = shoal_observer_window(observer, 0);
    struct shoal_summary summary;
    shoal_summarize(&window, LATENCY, &summary);
    assert_int_equal(summary.count, 10);
    assert_int_equal(summary.min, 120);
    window = shoal_observer_window(observer, 1);
    shoal_summarize(&window, LATENCY, &summary);
    assert_int_equal(summary.count, 120);
    const double percents[] = {16, 17};
    uint64_t values[2];
    shoal_percentiles(&window, LATENCY, percents, 2, values);
    assert_int_equal(values[0], 100);
    assert_int_equal(values[1], 120);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

/* A window that is looked at only now and then begins at the very snapshot that it should, and
 * holds all of it, however the histograms have spread since it was looked at last. */
static void test_windows_looked_at_now_and_then(void **state)
{
    (void)state;
    enum { SECONDS = 55, WINDOWS = 3 };
    static const int64_t lengths[WINDOWS] = {1000000, 10000000, 30000000};
    static const int every[WINDOWS] = {2, 7, 1}; /* seconds between looks */
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    const uint32_t words = f.schema->full_words;
    uint64_t *history = calloc((size_t)words * (SECONDS + 1), sizeof(*history));
    if (history == NULL) {
        fail_msg("out of memory");
        return;
    }
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_FULL, lengths, WINDOWS, &observer), 0);
    history[SHOAL_HEADER_TIME] = FIXTURE_START_US;
    for (int second = 1; second <= SECONDS; second++) {
        int64_t spread = 1ll << (second / 3);
        shoal_lane_record(fixture_lane(&f, 0), LATENCY, 1000000 / spread);
        shoal_lane_record(fixture_lane(&f, 0), LATENCY, 1000000 + 100 * spread);
        shoal_lane_record(fixture_lane(&f, 0), COARSE_LATENCY, 77);
        fixture_advance(&f, second == 1 ? 1060000 : 1000000);
        assert_int_equal(shoal_observer_update(observer), 1);
        struct shoal_interval run = shoal_observer_run(observer);
        const uint64_t *now = run.now;
        struct shoal_summary summary;
        shoal_summarize(&run, LATENCY, &summary);
        assert_int_equal(summary.count, 2 * second);
        memcpy(history + (size_t)words * (size_t)second, now, words * sizeof(*now));
        for (uint32_t i = 0; i < WINDOWS; i++) {
            if (second % every[i] != 0) {
                continue;
            }
            struct shoal_interval window = shoal_observer_window(observer, i);
            int begun = second;
            while (begun > 0 &&
                   now[SHOAL_HEADER_TIME] - history[(size_t)words * (size_t)begun] <
                       (uint64_t)lengths[i]) {
                begun--;
            }
            const uint64_t *expected = history + (size_t)words * (size_t)begun;
            assert_int_equal(window.base[SHOAL_HEADER_TIME], expected[SHOAL_HEADER_TIME]);
            assert_memory_equal(window.base + SHOAL_HEADER_WORDS, expected + SHOAL_HEADER_WORDS,
                                (words - SHOAL_HEADER_WORDS) * sizeof(*expected));
        }
    }
    free(history);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

/* Asked for when all that was before it is gone, a window is empty, and right again after the
 * next update. */
static void test_window_asked_for_too_late(void **state)
{
    (void)state;
    const struct shoal_sampler_options tiny = {
        .short_slots = 4, .full_slots = 4, .coarse_slots = 4};
    static const int64_t lengths[] = {1000000, 2000000};
    struct fixture f;
    fixture_init(&f, 1, &tiny);
    fixture_open(&f, 1);
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_FULL, lengths, 2, &observer), 0);
    for (int round = 0; round < 3; round++) {
        shoal_lane_record(fixture_lane(&f, 0), LATENCY, 100);
        fixture_advance(&f, 5000000);
        assert_int_equal(shoal_observer_update(observer), 1);
        uint64_t total = shoal_observer_run(observer).now[f.schema->histogram[LATENCY].sum];
        for (int i = 0; i < 20; i++) { /* twice around each ring */
            shoal_lane_record(fixture_lane(&f, 0), LATENCY, 1ll << i);
            fixture_advance(&f, 10000000);
        }
        struct shoal_summary summary;
        for (uint32_t i = 0; i < 2; i++) {
            struct shoal_interval window = shoal_observer_window(observer, i);
            shoal_summarize(&window, LATENCY, &summary);
            assert_int_equal(window.elapsed_us, 0);
            assert_int_equal(summary.count, 0);
            assert_int_equal(window.now[f.schema->histogram[LATENCY].sum], total);
        }
        assert_int_equal(shoal_observer_update(observer), 1);
        for (uint32_t i = 0; i < 2; i++) {
            struct shoal_interval window = shoal_observer_window(observer, i);
            shoal_summarize(&window, LATENCY, &summary);
            assert_int_equal(window.elapsed_us, lengths[i]);
            assert_int_equal(summary.count, 0);
            assert_int_equal(window.base[f.schema->histogram[LATENCY].sum],
                             total + (1ull << 20) - 1);
        }
    }
    shoal_observer_free(observer);
    fixture_fini(&f);
}

/* The baseline has been overwritten: the window is shorter, and says so. */
static void test_window_beyond_history(void **state)
{
    (void)state;
    const struct shoal_sampler_options tiny = {
        .short_slots = 4, .full_slots = 4, .coarse_slots = 4};
    const int64_t hour = 3600000000;
    struct fixture f;
    fixture_init(&f, 1, &tiny);
    fixture_open(&f, 1);
    struct shoal_observer *observer = observe(&f, &hour, 1);
    for (int second = 0; second < 4000; second++) {
        shoal_lane_add(fixture_lane(&f, 0), OK, 1);
        fixture_advance(&f, 1000000);
    }
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval window = shoal_observer_window(observer, 0);
    assert_in_range(window.elapsed_us, 10000000, 30000000);
    assert_int_equal(shoal_delta(&window, OK), (window.elapsed_us + 999999) / 1000000);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_derived_figures(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_lane *lane = fixture_lane(&f, 0);
    struct shoal_observer *observer = observe(&f, NULL, 0);
    shoal_lane_add(lane, STARTED, 10);
    shoal_lane_add(lane, OK, 4);
    shoal_lane_add(lane, FAILED, 4);
    fixture_advance(&f, 150000);
    shoal_observer_update(observer);
    shoal_lane_add(lane, STARTED, 5);
    shoal_lane_add(lane, OK, 3);
    shoal_lane_add(lane, FAILED, 1);
    fixture_advance(&f, 100000);
    shoal_observer_update(observer);
    struct shoal_interval last = shoal_observer_last(observer);
    struct shoal_interval run = shoal_observer_run(observer);
    expect_near(shoal_derived(&last, ACTIVE), 3);
    expect_near(shoal_derived(&run, ACTIVE), 3);
    expect_near(shoal_derived(&last, OK_RATIO), 0.75);
    expect_near(shoal_derived(&run, OK_RATIO), 7.0 / 12);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_are_checked),
        cmocka_unit_test(test_before_any_update_all_is_zero),
        cmocka_unit_test(test_first_update_has_totals_and_no_rates),
        cmocka_unit_test(test_rates_after_known_activity),
        cmocka_unit_test(test_nothing_new_keeps_the_last_rates),
        cmocka_unit_test(test_standstill_of_a_whole_period_is_rate_zero),
        cmocka_unit_test(test_every_observer_accounts_for_everything),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_windows_of_histograms),
        cmocka_unit_test(test_windows_looked_at_now_and_then),
        cmocka_unit_test(test_window_asked_for_too_late),
        cmocka_unit_test(test_window_beyond_history),
        cmocka_unit_test(test_derived_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
