#include "run/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void make(struct plan *plan, const struct plan_stage *stages, unsigned count,
                 enum plan_arrival arrival)
{
    struct err err = {0};
    assert_int_equal(plan_init(plan, stages, count, arrival, 7, &err), 0);
}

static void ramp_up_is_even(void **state)
{
    (void)state;
    struct plan plan;
    const struct plan_stage stages[] = {{10000000, 10}};
    make(&plan, stages, 1, PLAN_ARRIVAL_LINEAR);
    struct plan_cursor cursor;
    plan_cursor_init(&cursor, &plan, 0, 1);
    struct plan_switch found;
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(plan_cursor_next(&cursor, &found));
        assert_true(found.on);
        assert_int_equal(found.viewer, i);
        assert_int_equal(found.at_us, (int64_t)i * 1000000);
    }
    assert_false(plan_cursor_next(&cursor, &found));
    plan_fini(&plan);
}

static void down_leaves_last_first(void **state)
{
    (void)state;
    struct plan plan;
    const struct plan_stage stages[] = {{0, 4}, {1000000, 4}, {2000000, 2}};
    make(&plan, stages, 3, PLAN_ARRIVAL_LINEAR);
    const struct plan_switch expected[] = {
        {0, 0, true}, {0, 1, true},        {0, 2, true},
        {0, 3, true}, {2000000, 3, false}, {3000000, 2, false},
    };
    struct plan_cursor cursor;
    plan_cursor_init(&cursor, &plan, 0, 1);
    struct plan_switch found;
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(plan_cursor_next(&cursor, &found));
        assert_int_equal(found.at_us, expected[i].at_us);
        assert_int_equal(found.viewer, expected[i].viewer);
        assert_int_equal(found.on, expected[i].on);
    }
    assert_false(plan_cursor_next(&cursor, &found));
    assert_int_equal(plan_peak(&plan), 4);
    assert_int_equal(plan_length_us(&plan), 3000000);
    assert_int_equal(plan_target_at(&plan, 1500000), 3);
    assert_int_equal(plan_target_at(&plan, 9000000), 2);
    plan_fini(&plan);
}

/* Counts what one of several workers sees of a plan: only its own viewers, in the order of
 * time. */
static void count_switches(const struct plan *plan, uint32_t worker, uint32_t workers,
                           unsigned *ups, unsigned *downs)
{
    struct plan_cursor cursor;
    plan_cursor_init(&cursor, plan, worker, workers);
    struct plan_switch found;
    int64_t last_us = 0;
    while (plan_cursor_next(&cursor, &found)) {
        assert_int_equal(found.viewer % workers, worker);
        assert_true(found.at_us >= last_us);
        last_us = found.at_us;
        *ups += found.on;
        *downs += !found.on;
    }
}

/* Whatever the number of workers, together they see each switch once. */
static void workers_share_one_schedule(void **state)
{
    (void)state;
    const struct plan_stage stages[] = {{3000000, 100}, {1000000, 37}, {5000000, 250}};
    for (unsigned arrival = PLAN_ARRIVAL_LINEAR; arrival <= PLAN_ARRIVAL_POISSON; arrival++) {
        struct plan plan;
        make(&plan, stages, 3, (enum plan_arrival)arrival);
        for (uint32_t workers = 1; workers <= 7; workers++) {
            unsigned ups = 0, downs = 0;
            for (uint32_t worker = 0; worker < workers; worker++) {
                count_switches(&plan, worker, workers, &ups, &downs);
            }
            assert_int_equal(ups, 100 + 213);
            assert_int_equal(downs, 63);
        }
        plan_fini(&plan);
    }
}

static void poisson_gaps_vary_as_they_should(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct plan plan;
    const struct plan_stage stages[] = {{INT64_C(1000) * N, N}};
    make(&plan, stages, 1, PLAN_ARRIVAL_POISSON);
    struct plan_cursor cursor;
    plan_cursor_init(&cursor, &plan, 0, 1);
    struct plan_switch found;
    double sum = 0, squares = 0;
    int64_t last_us = 0;
    unsigned count = 0;
    while (plan_cursor_next(&cursor, &found)) {
        double gap = (double)(found.at_us - last_us);
        last_us = found.at_us;
        sum += gap;
        squares += gap * gap;
        count++;
    }
    assert_int_equal(count, N);
    double mean = sum / count;
    double variance = squares / count - mean * mean;
    /* Exponential gaps have a standard deviation equal to their mean. */
    assert_true(mean > 970 && mean < 1030);
    assert_true(variance > 0.9 * mean * mean && variance < 1.1 * mean * mean);
    plan_fini(&plan);
}

static void too_many_stages_are_refused(void **state)
{
    (void)state;
    struct plan_stage stages[PLAN_STAGES_MAX + 1] = {0};
    struct plan plan;
    struct err err = {0};
    assert_int_equal(
        plan_init(&plan, stages, PLAN_STAGES_MAX + 1, PLAN_ARRIVAL_LINEAR, 1, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_int_equal(plan_init(&plan, stages, 0, PLAN_ARRIVAL_LINEAR, 1, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ramp_up_is_even),
        cmocka_unit_test(down_leaves_last_first),
        cmocka_unit_test(workers_share_one_schedule),
        cmocka_unit_test(poisson_gaps_vary_as_they_should),
        cmocka_unit_test(too_many_stages_are_refused),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
