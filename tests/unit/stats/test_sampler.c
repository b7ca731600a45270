/* The sampler on an invented clock: what a snapshot holds, its time, stale and late lanes, the
 * two cadences, the end. */
#include "fixture.h"

#include <errno.h>

static uint64_t header(const struct shoal_observer *observer, enum shoal_header word)
{
    return shoal_observer_header(observer, word);
}

static struct shoal_observer *observe(struct fixture *f, enum shoal_detail detail)
{
    struct shoal_observer *observer;
    assert_int_equal(shoal_observer_new(f->sampler, detail, NULL, 0, &observer), 0);
    return observer;
}

static void test_options_are_checked(void **state)
{
    (void)state;
    struct shoal_schema_def def = fixture_schema_def();
    struct shoal_schema *schema;
    assert_int_equal(shoal_schema_new(&def, &schema), 0);
    const struct shoal_sampler_options bad[] = {
        {.schema = NULL, .lanes = 1},
        {.schema = schema, .lanes = 0},
        {.schema = schema, .lanes = 1025},
        {.schema = schema, .lanes = 1, .period_us = -1},
        {.schema = schema, .lanes = 1, .period_us = 300000},
        {.schema = schema, .lanes = 1, .full_period_us = 50000},
        {.schema = schema, .lanes = 1, .coarse_period_us = 2500000},
        {.schema = schema, .lanes = 1, .short_slots = 100},
        {.schema = schema, .lanes = 1, .full_slots = 1},
        {.schema = schema, .lanes = 1, .coarse_slots = 1 << 17},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct shoal_sampler *sampler = NULL;
        assert_int_equal(shoal_sampler_new(&bad[i], &sampler), -EINVAL);
        assert_null(sampler);
    }
    shoal_schema_free(schema);
}

static void test_snapshot_sums_lanes_and_labels(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 3, NULL);
    fixture_open(&f, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct shoal_lane *lane = fixture_lane(&f, i);
        shoal_lane_add(lane, STARTED, 10 + i);
        shoal_lane_add_at(lane, FAULTS, 0, 1);
        shoal_lane_add_at(lane, FAULTS, 2, 5);
        shoal_lane_add(lane, FAULTS, 100);
    }
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    fixture_advance(&f, 150000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval run = shoal_observer_run(observer);
    assert_int_equal(shoal_total(&run, STARTED), 33);
    assert_int_equal(shoal_total_at(&run, FAULTS, 0), 3);
    assert_int_equal(shoal_total_at(&run, FAULTS, 1), 0);
    assert_int_equal(shoal_total_at(&run, FAULTS, 2), 15);
    assert_int_equal(shoal_total(&run, FAULTS), 318);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_only_what_was_cut_is_seen(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_lane *lane = fixture_lane(&f, 0);
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    fixture_advance(&f, 100000);
    shoal_lane_add(lane, STARTED, 7); /* after the cut of this moment */
    fixture_advance(&f, 50000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval run = shoal_observer_run(observer);
    assert_int_equal(shoal_total(&run, STARTED), 0);
    fixture_advance(&f, 100000);
    assert_int_equal(shoal_observer_update(observer), 1);
    run = shoal_observer_run(observer);
    assert_int_equal(shoal_total(&run, STARTED), 7);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_time_is_the_mean_of_the_cuts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    shoal_lane_cut(fixture_lane(&f, 0), f.now_us + 101000);
    shoal_lane_cut(fixture_lane(&f, 1), f.now_us + 111000);
    assert_int_equal(shoal_sampler_tick(f.sampler, f.now_us + 150000), f.now_us + 250000);
    assert_int_equal(shoal_observer_update(observer), 1);
    assert_int_equal(header(observer, SHOAL_HEADER_TIME), f.now_us + 106000);
    assert_int_equal(header(observer, SHOAL_HEADER_CUT_OLDEST), f.now_us + 101000);
    assert_int_equal(header(observer, SHOAL_HEADER_CUT_NEWEST), f.now_us + 111000);
    assert_int_equal(header(observer, SHOAL_HEADER_LANES_OPEN), 2);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_stale_lane_is_kept_and_counted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    shoal_lane_add(fixture_lane(&f, 0), OK, 1);
    shoal_lane_add(fixture_lane(&f, 1), OK, 1);
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    fixture_advance(&f, 150000);
    assert_int_equal(shoal_observer_update(observer), 1);
    assert_int_equal(header(observer, SHOAL_HEADER_STALE_LANES), 0);

    /* Lane 1 hangs for half a second: its counts stay, lane 0's go on. */
    shoal_lane_add(fixture_lane(&f, 1), OK, 1000);
    fixture_lane(&f, 1)->next_cut_us = INT64_MAX;
    shoal_lane_add(fixture_lane(&f, 0), OK, 1);
    fixture_advance(&f, 500000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval run = shoal_observer_run(observer);
    assert_int_equal(shoal_total(&run, OK), 3);
    assert_int_equal(header(observer, SHOAL_HEADER_STALE_LANES), 1);
    assert_int_equal(header(observer, SHOAL_HEADER_STALE_CUTS), 5);
    assert_int_equal(header(observer, SHOAL_HEADER_STALE_MAX_US), 550000);
    /* The time of the snapshot admits it: half the lanes are half a second behind. */
    assert_int_equal(header(observer, SHOAL_HEADER_TIME), FIXTURE_START_US + 350000);

    fixture_lane(&f, 1)->next_cut_us = 0;
    fixture_advance(&f, 100000);
    assert_int_equal(shoal_observer_update(observer), 1);
    run = shoal_observer_run(observer);
    assert_int_equal(shoal_total(&run, OK), 1003);
    assert_int_equal(header(observer, SHOAL_HEADER_STALE_LANES), 0);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_early_tick_finds_no_lane_stale(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    for (int64_t after_us = 10; after_us <= 100000; after_us += 9998) {
        shoal_sampler_tick(f.sampler, f.now_us + after_us);
        shoal_observer_update(observer);
        assert_int_equal(header(observer, SHOAL_HEADER_STALE_LANES), 0);
    }
    shoal_sampler_tick(f.sampler, f.now_us + 100001);
    shoal_observer_update(observer);
    assert_int_equal(header(observer, SHOAL_HEADER_STALE_LANES), 2);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

/* Lanes cut at the same times whenever they were opened and however late they come. */
static void test_cuts_are_due_at_multiples_of_the_period(void **state)
{
    (void)state;
    static const struct {
        int64_t cut_us, next_us, next_full_us;
    } cases[] = {
        {0, 100000, 1000000},        {1, 100000, 1000000},        {99999, 100000, 1000000},
        {100000, 200000, 1000000},   {987654, 1000000, 1000000},  {1000000, 1100000, 2000000},
        {3456789, 3500000, 4000000}, {3499999, 3500000, 4000000},
    };
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct shoal_lane *lane = fixture_lane(&f, 0);
    assert_false(shoal_lane_due(lane, f.now_us));
    shoal_lane_open(lane, f.now_us + 12345);
    assert_int_equal(lane->next_cut_us, f.now_us + 100000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        shoal_lane_cut(lane, f.now_us + cases[i].cut_us);
        assert_int_equal(lane->next_cut_us, f.now_us + cases[i].next_us);
        assert_int_equal(lane->next_full_us, f.now_us + cases[i].next_full_us);
        assert_false(shoal_lane_due(lane, lane->next_cut_us - 1));
        assert_true(shoal_lane_due(lane, lane->next_cut_us));
    }
    fixture_fini(&f);
}

static void test_late_tick_is_noted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    int64_t due_us = shoal_sampler_tick(f.sampler, f.now_us + 50000);
    shoal_sampler_tick(f.sampler, due_us + 33000);
    shoal_observer_update(observer);
    assert_int_equal(header(observer, SHOAL_HEADER_LATE_MAX_US), 33000);
    assert_int_equal(header(observer, SHOAL_HEADER_TICKS), 2);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_times_ascend_without_new_cuts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    fixture_open(&f, 1);
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        shoal_sampler_tick(f.sampler, f.now_us + i * 10L);
        shoal_observer_update(observer);
        assert_true(header(observer, SHOAL_HEADER_TIME) > last);
        last = header(observer, SHOAL_HEADER_TIME);
    }
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_histograms_come_once_a_second_with_their_counters(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observer = observe(&f, SHOAL_FULL);
    shoal_observer_update(observer);
    int updates = 0;
    for (int i = 0; i < 100; i++) {
        shoal_lane_add(fixture_lane(&f, i & 1), OK, 1);
        shoal_lane_record(fixture_lane(&f, i & 1), LATENCY, i * 1000L);
        fixture_advance(&f, 50000);
        if (shoal_observer_update(observer) == 1) {
            updates++;
            struct shoal_interval run = shoal_observer_run(observer);
            struct shoal_summary summary;
            shoal_summarize(&run, LATENCY, &summary);
            assert_int_equal(summary.count, shoal_total(&run, OK));
        }
    }
    assert_int_equal(updates, 4);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_full_snapshot_waits_for_a_late_lane(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observer = observe(&f, SHOAL_FULL);
    shoal_observer_update(observer);
    fixture_advance(&f, 950000);
    /* Lane 1 reaches the second 120 ms late: two ticks later. */
    fixture_lane(&f, 1)->next_cut_us = f.now_us + 170000;
    shoal_lane_add(fixture_lane(&f, 1), OK, 9);
    fixture_advance(&f, 100000);
    assert_int_equal(shoal_observer_update(observer), 0);
    fixture_advance(&f, 200000);
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval run = shoal_observer_run(observer);
    assert_int_equal(shoal_total(&run, OK), 9);
    /* It does not wait for ever. */
    fixture_lane(&f, 1)->next_cut_us = INT64_MAX;
    fixture_advance(&f, 1250000);
    assert_int_equal(shoal_observer_update(observer), 1);
    shoal_observer_free(observer);
    fixture_fini(&f);
}

static void test_totals_are_exact_once_all_lanes_are_closed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 3, NULL);
    fixture_open(&f, 2); /* one is never used */
    struct shoal_observer *counters = observe(&f, SHOAL_COUNTERS);
    struct shoal_observer *full = observe(&f, SHOAL_FULL);
    fixture_advance(&f, 340000);
    for (uint32_t i = 0; i < 2; i++) {
        struct shoal_lane *lane = fixture_lane(&f, i);
        shoal_lane_add(lane, OK, 11);
        shoal_lane_record(lane, LATENCY, 5);
        shoal_lane_close(lane, f.now_us);
        shoal_lane_close(lane, f.now_us); /* no-op */
        assert_false(shoal_lane_due(lane, INT64_MAX - 1));
        assert_int_equal(shoal_observer_is_final(full), false);
    }
    shoal_sampler_finish(f.sampler, f.now_us + 1000);
    assert_int_equal(shoal_observer_update(counters), 1);
    assert_int_equal(shoal_observer_update(full), 1);
    assert_true(shoal_observer_is_final(counters));
    assert_true(shoal_observer_is_final(full));
    struct shoal_interval run = shoal_observer_run(counters);
    assert_int_equal(shoal_total(&run, OK), 22);
    run = shoal_observer_run(full);
    assert_int_equal(shoal_total(&run, OK), 22);
    struct shoal_summary summary;
    shoal_summarize(&run, LATENCY, &summary);
    assert_int_equal(summary.count, 2);
    shoal_observer_free(counters);
    shoal_observer_free(full);
    fixture_fini(&f);
}

static void test_gauge_follows_its_value(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 2, NULL);
    fixture_open(&f, 2);
    struct shoal_observer *observer = observe(&f, SHOAL_COUNTERS);
    static const uint64_t values[] = {5, 5, 100, 0, 3};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        shoal_lane_set_gauge(fixture_lane(&f, 0), STARTED, OK, values[i]);
        shoal_lane_set_gauge(fixture_lane(&f, 1), STARTED, OK, 10);
        fixture_advance(&f, 200000);
        assert_int_equal(shoal_observer_update(observer), 1);
        struct shoal_interval run = shoal_observer_run(observer);
        assert_int_equal((int)shoal_derived(&run, ACTIVE), values[i] + 10);
    }
    shoal_observer_free(observer);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_snapshot_sums_lanes_and_labels),
        cmocka_unit_test(test_only_what_was_cut_is_seen),
        cmocka_unit_test(test_time_is_the_mean_of_the_cuts),
        cmocka_unit_test(test_stale_lane_is_kept_and_counted),
        cmocka_unit_test(test_early_tick_finds_no_lane_stale),
        cmocka_unit_test(test_cuts_are_due_at_multiples_of_the_period),
        cmocka_unit_test(test_late_tick_is_noted),
        cmocka_unit_test(test_times_ascend_without_new_cuts),
        cmocka_unit_test(test_histograms_come_once_a_second_with_their_counters),
        cmocka_unit_test(test_full_snapshot_waits_for_a_late_lane),
        cmocka_unit_test(test_totals_are_exact_once_all_lanes_are_closed),
        cmocka_unit_test(test_gauge_follows_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
