/* Buckets cover every value once; percentiles are within their promised error of the exact
 * ones, over the run and over a window. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void test_buckets_are_gapless(void **state)
{
    (void)state;
    for (uint32_t bits = 1; bits <= 10; bits++) {
        uint32_t last = shoal_bucket_of(3600000000, bits);
        assert_int_equal(shoal_bucket_low(0, bits), 0);
        for (uint32_t i = 0; i <= last; i++) {
            uint64_t low = shoal_bucket_low(i, bits), high = shoal_bucket_high(i, bits);
            assert_int_equal(shoal_bucket_of(low, bits), i);
            assert_int_equal(shoal_bucket_of(high, bits), i);
            assert_int_equal(shoal_bucket_low(i + 1, bits), high + 1);
            uint64_t middle = shoal_bucket_middle(i, bits);
            assert_true(low <= middle && middle <= high);
        }
    }
}

static void test_error_is_bounded(void **state)
{
    (void)state;
    for (uint32_t bits = 5; bits <= 7; bits++) {
        for (uint64_t value = 1; value < 3600000000; value += 1 + value / 777) {
            uint64_t middle = shoal_bucket_middle(shoal_bucket_of(value, bits), bits);
            uint64_t error = middle > value ? middle - value : value - middle;
            if (value < (2ull << bits)) {
                assert_int_equal(error, 0);
            }
            assert_true(error * (2ull << bits) <= value);
        }
    }
}

static void test_extremes_find_a_place(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_lane *lane = fixture_lane(&f, 0);
    shoal_lane_record(lane, LATENCY, INT64_MIN);
    shoal_lane_record(lane, LATENCY, -1);
    shoal_lane_record(lane, LATENCY, 0);
    shoal_lane_record(lane, LATENCY, INT64_MAX / 4);
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_FULL, NULL, 0, &observer), 0);
    fixture_advance(&f, 1100000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval run = shoal_observer_run(observer);
    struct shoal_summary summary;
    shoal_summarize(&run, LATENCY, &summary);
    assert_int_equal(summary.count, 4);
    assert_int_equal(summary.min, 0);
    assert_int_equal(summary.sum, INT64_MAX / 4);
    /* Above the range: the last bucket, the one that holds the greatest value. */
    uint32_t last = shoal_bucket_of(3600000000, 6);
    assert_int_equal(summary.max, shoal_bucket_middle(last, 6));
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

enum { SAMPLES = 5000 };

/* Values over seven decades. */
static void draw(int64_t *values, uint64_t seed)
{
    for (int i = 0; i < SAMPLES; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        values[i] = (int64_t)((seed >> 20) % 1000) << (seed >> 60);
    }
}

static void check_percentiles(const struct shoal_interval *interval, int64_t *values)
{
    static const double percents[] = {0, 1, 25, 50, 90, 95, 99, 99.9, 100};
    enum { COUNT = sizeof(percents) / sizeof(percents[0]) };
    uint64_t got[COUNT];
    shoal_percentiles(interval, LATENCY, percents, COUNT, got);
    qsort(values, SAMPLES, sizeof(values[0]), compare);
    uint64_t sum = 0;
    for (int i = 0; i < SAMPLES; i++) {
        sum += (uint64_t)values[i];
    }
    for (int i = 0; i < COUNT; i++) {
        int rank = (int)(percents[i] / 100 * SAMPLES + 0.999);
        int64_t exact = values[rank < 1 ? 0 : rank - 1];
        int64_t error = llabs((int64_t)got[i] - exact);
        if (error * 128 > exact) {
            fail_msg("p%g is %llu, exactly %lld", percents[i], (unsigned long long)got[i],
                     (long long)exact);
        }
    }
    struct shoal_summary summary;
    shoal_summarize(interval, LATENCY, &summary);
    assert_int_equal(summary.count, SAMPLES);
    assert_int_equal(summary.sum, sum);
}

static void test_percentiles_of_run_and_interval(void **state)
{
    (void)state;
    static int64_t values[SAMPLES];
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_FULL, NULL, 0, &observer), 0);
    for (uint64_t round = 0; round < 3; round++) {
        draw(values, 42 + round);
        for (int i = 0; i < SAMPLES; i++) {
            shoal_lane_record(fixture_lane(&f, (uint32_t)i % 2), LATENCY, values[i]);
        }
        fixture_advance(&f, 1100000);
        assert_int_equal(shoal_observer_update(observer), 1);
        struct shoal_interval interval =
            round == 0 ? shoal_observer_run(observer) : shoal_observer_last(observer);
        check_percentiles(&interval, values);
        assert_true(interval.used != NULL);
        assert_true(interval.used[LATENCY].end < f.schema->histogram[LATENCY].bucket_count);
        assert_true(interval.used[COARSE_LATENCY].first >= interval.used[COARSE_LATENCY].end);
        interval.used = NULL; /* all are looked at: the same */
        check_percentiles(&interval, values);
    }
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_counts_at_bounds_are_exact(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    for (int64_t value = 1; value <= 10000; value++) {
        shoal_lane_record(fixture_lane(&f, 0), LATENCY, value);
    }
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f.sampler, SHOAL_FULL, NULL, 0, &observer), 0);
    fixture_advance(&f, 1100000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval run = shoal_observer_run(observer);
    for (uint64_t value = 1; value <= 9000; value += 321) {
        uint64_t bound = shoal_bound_near(f.schema, LATENCY, value);
        assert_true(bound >= value && (bound - value) * 64 <= value);
        assert_int_equal(shoal_count_at_most(&run, LATENCY, bound), bound);
    }
    assert_int_equal(shoal_count_at_most(&run, LATENCY, UINT64_MAX), 10000);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_are_gapless),
        cmocka_unit_test(test_error_is_bounded),
        cmocka_unit_test(test_extremes_find_a_place),
        cmocka_unit_test(test_percentiles_of_run_and_interval),
        cmocka_unit_test(test_counts_at_bounds_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
