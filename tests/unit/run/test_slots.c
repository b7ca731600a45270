#include "run/slots.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* An engine that plays nothing and remembers what it was told. */
struct engine {
    unsigned starts, leaves;
    uint32_t viewer;
    uint64_t session;
    int64_t intended_us, length_us;
    int start_status;
};

static struct engine told;

static int fake_start(struct engine *engine, uint32_t viewer, uint64_t session,
                      int64_t intended_us, int64_t length_us)
{
    engine->starts++;
    engine->viewer = viewer;
    engine->session = session;
    engine->intended_us = intended_us;
    engine->length_us = length_us;
    return engine->start_status;
}

static void fake_leave(struct engine *engine, uint32_t viewer)
{
    engine->leaves++;
    engine->viewer = viewer;
}

static const struct engine_type fake_engine = {
    .name = "fake",
    .viewer_start = fake_start,
    .viewer_leave = fake_leave,
};

static unsigned idles;

static void on_idle(struct slots *slots)
{
    (void)slots;
    idles++;
}

/* Slots of worker 1 of 3 with viewers 1, 4 and 7. */
static void make(struct slots *slots, struct loop *loop, bool once, int64_t session_mean_us)
{
    const struct slots_setup setup = {
        .loop = loop,
        .engine = &fake_engine,
        .number = 1,
        .workers = 3,
        .viewers_limit = 10,
        .seed = 5,
        .session_mean_us = session_mean_us,
        .once = once,
        .on_idle = on_idle,
    };
    struct err err = {0};
    told = (struct engine){0};
    idles = 0;
    assert_int_equal(slots_init(slots, &setup, &err), 0);
    slots->engine = &told;
    assert_int_equal(slots->count, 3);
}

static void unmake(struct slots *slots, struct loop *loop)
{
    slots_stop(slots);
    slots_fini(slots);
    loop_free(loop);
}

static void over(struct slots *slots, uint32_t viewer, enum engine_outcome outcome)
{
    slots->listener.on_session_over(&slots->listener, viewer, outcome);
}

static void ended_session_is_replaced_at_once(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 0);
    slots_want(&slots, 4, 1234);
    assert_int_equal(told.starts, 1);
    assert_int_equal(told.viewer, 4);
    assert_int_equal(told.intended_us, 1234);
    assert_int_equal(told.length_us, 0);
    over(&slots, 4, ENGINE_SESSION_ENDED);
    assert_int_equal(told.starts, 2);
    assert_int_equal(told.session, 1);
    assert_int_equal(slots.busy, 1);
    assert_int_equal(idles, 0);
    unmake(&slots, loop);
}

static void failed_session_is_replaced_later(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 0);
    for (uint32_t viewer = 1; viewer < 10; viewer += 3) {
        int64_t before_us = clock_monotonic_us();
        slots_want(&slots, viewer, 0);
        unsigned starts = told.starts;
        over(&slots, viewer, ENGINE_SESSION_FAILED);
        struct slot *slot = &slots.all[viewer / 3];
        assert_int_equal(told.starts, starts);
        assert_int_equal(slot->state, SLOT_WAITING);
        assert_true(slot->replace.at_us >= before_us + SLOTS_REPLACE_MIN_US);
        assert_true(slot->replace.at_us <= clock_monotonic_us() + SLOTS_REPLACE_MAX_US);
    }
    /* The waits differ, so that replacements do not come in step. */
    assert_true(slots.all[0].replace.at_us != slots.all[1].replace.at_us);
    slots_end(&slots);
    assert_int_equal(slots.busy, 0);
    unmake(&slots, loop);
}

static void unwanted_viewer_leaves_and_is_not_replaced(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 0);
    slots_want(&slots, 1, 0);
    slots_unwant(&slots, 1);
    assert_int_equal(told.leaves, 1);
    assert_int_equal(slots.busy, 1);
    over(&slots, 1, ENGINE_SESSION_ENDED);
    assert_int_equal(told.starts, 1);
    assert_int_equal(idles, 1);
    assert_int_equal(slots.busy, 0);
    unmake(&slots, loop);
}

static void wanted_again_while_leaving_starts_anew_when_gone(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 0);
    slots_want(&slots, 1, 0);
    slots_unwant(&slots, 1);
    slots_want(&slots, 1, 4321);
    assert_int_equal(told.starts, 1);
    over(&slots, 1, ENGINE_SESSION_ENDED);
    assert_int_equal(told.starts, 2);
    /* The one that waited for the other to be gone counts from when it was to come. */
    assert_int_equal(told.intended_us, 4321);
    int64_t before_us = clock_monotonic_us();
    over(&slots, 1, ENGINE_SESSION_ENDED);
    assert_int_equal(told.starts, 3);
    assert_true(told.intended_us >= before_us);
    unmake(&slots, loop);
}

static void once_plays_one_session(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, true, 0);
    slots_want(&slots, 1, 0);
    slots_want(&slots, 4, 0);
    over(&slots, 1, ENGINE_SESSION_FAILED);
    assert_int_equal(idles, 0);
    over(&slots, 4, ENGINE_SESSION_ENDED);
    assert_int_equal(idles, 1);
    assert_int_equal(told.starts, 2);
    unmake(&slots, loop);
}

static void session_that_cannot_start_is_tried_again(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 0);
    told.start_status = -1;
    slots_want(&slots, 1, 0);
    assert_int_equal(slots.all[0].state, SLOT_WAITING);
    unmake(&slots, loop);
}

static void session_lengths_are_exponential(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 10000000);
    slots_want(&slots, 1, 0);
    double sum = 0;
    enum { N = 20000 };
    for (unsigned i = 0; i < N; i++) {
        assert_true(told.length_us > 0);
        sum += (double)told.length_us;
        over(&slots, 1, ENGINE_SESSION_ENDED);
    }
    assert_true(sum / N > 9.6e6 && sum / N < 10.4e6);
    unmake(&slots, loop);
}

/* How long a viewer waits says nothing about how long it then stays. */
static void waits_and_lengths_are_independent(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 10000000);
    slots_want(&slots, 1, 0);
    enum { N = 2000 };
    double waits = 0, lengths = 0, products = 0;
    for (unsigned i = 0; i < N; i++) {
        int64_t now_us = clock_monotonic_us();
        over(&slots, 1, ENGINE_SESSION_FAILED);
        double wait = (double)(slots.all[0].replace.at_us - now_us) / 1e6;
        slots.all[0].replace.on_due(&slots.all[0].replace);
        double length = (double)told.length_us / 1e6;
        waits += wait;
        lengths += length;
        products += wait * length;
    }
    /* Mean wait 15.5 s with deviation 8.4 s, mean length 10 s with deviation 10 s: of 2,000
     * independent pairs the covariance stays within 4 deviations of 84 / sqrt(2000). */
    double covariance = products / N - waits / N * (lengths / N);
    assert_true(covariance > -8 && covariance < 8);
    unmake(&slots, loop);
}

static void viewer_beyond_the_limit_is_left_alone(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slots slots;
    make(&slots, loop, false, 0);
    slots_want(&slots, 10, 0);
    assert_int_equal(told.starts, 0);
    unmake(&slots, loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ended_session_is_replaced_at_once),
        cmocka_unit_test(failed_session_is_replaced_later),
        cmocka_unit_test(unwanted_viewer_leaves_and_is_not_replaced),
        cmocka_unit_test(wanted_again_while_leaving_starts_anew_when_gone),
        cmocka_unit_test(once_plays_one_session),
        cmocka_unit_test(session_that_cannot_start_is_tried_again),
        cmocka_unit_test(session_lengths_are_exponential),
        cmocka_unit_test(waits_and_lengths_are_independent),
        cmocka_unit_test(viewer_beyond_the_limit_is_left_alone),
    };
    return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
