/* The tests that the founding document of the rate tracking asks for, of our observers: a
 * hundred threads calling at once, rates after known activity without sleeping, two threads
 * under the race detector, and zero rates at the first call. */
#include "shoal/stats.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEGMENTS, PLAYLISTS, HTTP_REQUESTS, TCP_CONNECTS, COUNTERS };

struct swarm {
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    struct shoal_lane *lane;
    _Atomic int64_t now_us;
};

static int64_t read_clock(void *context)
{
    struct swarm *swarm = context;
    return atomic_load_explicit(&swarm->now_us, memory_order_relaxed);
}

static void swarm_init(struct swarm *swarm)
{
    static const struct shoal_counter_def counters[COUNTERS] = {
        {"segments", "1", "", NULL, NULL, 0},
        {"playlists", "1", "", NULL, NULL, 0},
        {"http_requests", "1", "", NULL, NULL, 0},
        {"tcp_connects", "1", "", NULL, NULL, 0},
    };
    const struct shoal_schema_def def = {.counters = counters, .counter_count = COUNTERS};
    assert_int_equal(shoal_schema_new(&def, &swarm->schema), 0);
    atomic_init(&swarm->now_us, 5000000);
    const struct shoal_sampler_options options = {
        .schema = swarm->schema, .lanes = 1, .clock = {read_clock, swarm}};
    assert_int_equal(shoal_sampler_new(&options, &swarm->sampler), 0);
    swarm->lane = shoal_sampler_lane(swarm->sampler, 0);
    shoal_lane_open(swarm->lane, read_clock(swarm));
}

static void swarm_fini(struct swarm *swarm)
{
    shoal_sampler_free(swarm->sampler);
    shoal_schema_free(swarm->schema);
}

/* A tenth of a second goes by, with so many events of each kind in it. */
static void swarm_tenth(struct swarm *swarm, uint64_t events)
{
    for (uint32_t i = 0; i < COUNTERS; i++) {
        shoal_lane_add(swarm->lane, i, events * (i + 1));
    }
    int64_t now_us = read_clock(swarm) + 100000;
    atomic_store_explicit(&swarm->now_us, now_us, memory_order_relaxed);
    shoal_lane_cut(swarm->lane, now_us);
    shoal_sampler_tick(swarm->sampler, now_us + 50000);
}

struct caller {
    struct swarm *swarm;
    int calls;
    uint64_t claimed, total;
};

static void *call(void *argument)
{
    struct caller *caller = argument;
    struct shoal_observer *observer;
    if (shoal_observer_new(caller->swarm->sampler, SHOAL_COUNTERS, NULL, 0, &observer) != 0) {
        abort();
    }
    shoal_observer_update(observer);
    struct shoal_interval run = shoal_observer_run(observer);
    caller->claimed = shoal_total(&run, SEGMENTS);
    for (int i = 0; i < caller->calls; i++) {
        if (shoal_observer_update(observer) == 1) {
            struct shoal_interval last = shoal_observer_last(observer);
            caller->claimed += shoal_delta(&last, SEGMENTS);
        }
    }
    run = shoal_observer_run(observer);
    caller->total = shoal_total(&run, SEGMENTS);
    shoal_observer_free(observer);
    return NULL;
}

static void run_callers(uint32_t count, int calls)
{
    enum { CALLERS_MAX = 100 };
    struct swarm swarm;
    static struct caller callers[CALLERS_MAX];
    pthread_t threads[CALLERS_MAX];
    swarm_init(&swarm);
    for (uint32_t i = 0; i < count; i++) {
        callers[i] = (struct caller){&swarm, calls, 0, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < 500; i++) {
        swarm_tenth(&swarm, 7);
    }
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].claimed, callers[i].total);
    }
    swarm_fini(&swarm);
}

static void test_concurrent_access(void **state)
{
    (void)state;
    run_callers(100, 100);
}

static void test_race_condition(void **state)
{
    (void)state;
    run_callers(2, 1000);
}

static void test_rate_calculation(void **state)
{
    (void)state;
    struct swarm swarm;
    struct shoal_observer *observer;
    swarm_init(&swarm);
    assert_int_equal(shoal_observer_new(swarm.sampler, SHOAL_COUNTERS, NULL, 0, &observer), 0);
    swarm_tenth(&swarm, 3);

    /* First call: totals, zero rates. */
    assert_int_equal(shoal_observer_update(observer), 1);
    struct shoal_interval last = shoal_observer_last(observer);
    for (uint32_t i = 0; i < COUNTERS; i++) {
        assert_int_equal(shoal_total(&last, i), 3 * (i + 1));
        assert_true(!(shoal_rate(&last, i) > 0 || shoal_rate(&last, i) < 0));
    }

    /* One second later, with 10 events a tenth: 100, 200, 300, 400 a second. */
    for (int i = 0; i < 10; i++) {
        swarm_tenth(&swarm, 10);
    }
    assert_int_equal(shoal_observer_update(observer), 1);
    last = shoal_observer_last(observer);
    assert_int_equal(last.elapsed_us, 1000000);
    for (uint32_t i = 0; i < COUNTERS; i++) {
        double rate = shoal_rate(&last, i), expected = 100.0 * (i + 1);
        if (rate > expected || rate < expected) {
            fail_msg("rate %g instead of %g", rate, expected);
        }
    }
    shoal_observer_free(observer);
    swarm_fini(&swarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concurrent_access),
        cmocka_unit_test(test_rate_calculation),
        cmocka_unit_test(test_race_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
