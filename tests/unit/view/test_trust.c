#include "view/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_each_limit_alone(void **state)
{
    static const struct {
        struct trust_facts facts;
        int broken; /* enum trust_check, -1: none */
    } cases[] = {
        {{0}, -1},
        {{.timer_delay_p99_us = TRUST_TIMER_DELAY_P99_US}, -1},
        {{.timer_delay_p99_us = TRUST_TIMER_DELAY_P99_US + 1}, TRUST_TIMER_DELAY},
        {{.worker_busy_us = TRUST_WORKER_BUSY_US, .worker_busy = 3}, -1},
        {{.worker_busy_us = TRUST_WORKER_BUSY_US + 1, .worker_busy = 3}, TRUST_WORKER_CPU},
        {{.stale_cut_us = TRUST_STALE_CUT_US}, -1},
        {{.stale_cut_us = TRUST_STALE_CUT_US + 1}, TRUST_STALE_CUT},
        {{.descriptors_spent = 1}, TRUST_DESCRIPTORS},
        {{.ports_spent = 1}, TRUST_PORTS},
        {{.memory_spent = 1}, TRUST_MEMORY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trust_verdict verdict;
        trust_judge(&cases[i].facts, &verdict);
        assert_int_equal(verdict.trusted, cases[i].broken < 0);
        for (int c = 0; c < TRUST_CHECKS; c++) {
            assert_int_equal(verdict.rows[c].ok, c != cases[i].broken);
            assert_true(strlen(verdict.rows[c].text) > 0);
        }
        assert_string_equal(verdict.why,
                            cases[i].broken < 0 ? "" : verdict.rows[cases[i].broken].text);
    }
}

static void test_all_that_is_wrong_is_said(void **state)
{
    struct trust_facts facts = {.timer_delay_p99_us = 80000, .ports_spent = 12};
    struct trust_verdict verdict;
    (void)state;
    trust_judge(&facts, &verdict);
    assert_string_equal(verdict.why, "timers late by 80.0 ms (limit 50.0 ms); "
                                     "out of source ports 12 times");
}

static void test_watch_counts_time_on_end(void **state)
{
    struct trust_watch watch = {0};
    (void)state;
    for (int i = 0; i < 4; i++) {
        trust_watch_worker(&watch, 1, 1000000, 990000);
        trust_watch_worker(&watch, 2, 1000000, 950000); /* at the limit, not above */
    }
    assert_int_equal(watch.longest_us, 4000000);
    assert_int_equal(watch.longest_worker, 1);
    trust_watch_worker(&watch, 1, 1000000, 500000); /* a pause */
    for (int i = 0; i < 3; i++) {
        trust_watch_worker(&watch, 1, 1000000, 1000000);
    }
    assert_int_equal(watch.longest_us, 4000000);
    trust_watch_worker(&watch, TRUST_WORKERS_MAX, 9000000, 9000000);
    trust_watch_worker(&watch, 1, 0, 0);
    assert_int_equal(watch.longest_us, 4000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_limit_alone),
        cmocka_unit_test(test_all_that_is_wrong_is_said),
        cmocka_unit_test(test_watch_counts_time_on_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
