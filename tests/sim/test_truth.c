/* Startup and stalls are what an independent reckoning from the arrival of segments gives, to
 * the microsecond, whatever the network does and however late the player is woken. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_truth(struct sim *sim, int64_t start_us, int64_t restart_us)
{
    struct sim_truth truth = sim_truth(sim, start_us, restart_us);
    assert_int_equal(sim->told.startup_us, truth.startup_us);
    assert_int_equal(sim->told.stalls, truth.stalls);
    assert_int_equal(sim->told.stalled_us, truth.stalled_us);
    assert_int_equal(sim->accounted.startup_us, truth.startup_us);
}

static void test_random_networks(void **state)
{
    (void)state;
    uint32_t stalls = 0;
    uint32_t without = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct rng rng = rng_make(seed, 5);
        struct sim_stream stream = {.segments = 60,
                                    .segment_us = 2 * S,
                                    .wobble_us = 700 * MS,
                                    .audio = rng_below(&rng, 2) == 0};
        struct sim_network network = {
            .latency_us = (int64_t)rng_below(&rng, 300000),
            .spread_us = (int64_t)rng_below(&rng, 300000),
            .download_us = (int64_t)rng_below(&rng, 1800000),
            .slow_us = (int64_t)rng_below(&rng, 3000000),
            .timer_late_us = (int64_t)rng_below(&rng, 500000),
        };
        if (rng_below(&rng, 2) == 0) {
            network.freeze_from_us = (int64_t)rng_below(&rng, 60 * S);
            network.freeze_to_us = network.freeze_from_us + (int64_t)rng_below(&rng, 20 * S);
        }
        struct sim_viewer viewer = {
            .profile = seed % 3 == 0 ? "drain" : "hlsjs",
            .seed = seed,
            .begins_us = (int64_t)rng_below(&rng, 9 * S),
            .buffer_us = (int64_t)(4 * S + rng_below(&rng, 10 * S)),
            .start_us = rng_below(&rng, 2) == 0 ? 0 : (int64_t)rng_below(&rng, 8 * S),
            .restart_us = rng_below(&rng, 2) == 0 ? 0 : (int64_t)rng_below(&rng, 8 * S),
        };
        struct sim *sim = sim_new(&stream, &network, &viewer);
        if (seed % 3 == 0) {
            /* Its session is over with the last byte; the reckoning knows no such end. */
            sim_run(sim, 40 * S);
            sim_free(sim);
            continue;
        }
        sim_run(sim, 36000 * S);
        assert_int_equal(sim->outcome, PLAYER_ENDED);
        assert_truth(sim, viewer.start_us, viewer.restart_us);
        int64_t whole = sim->starts[0][60] > sim->starts[1][60] || !stream.audio
                            ? sim->starts[0][60]
                            : sim->starts[1][60];
        assert_int_equal(sim->accounted.playing_us, whole);
        stalls += sim->told.stalls;
        without += sim->told.stalls == 0;
        sim_free(sim);
    }
    /* Both kinds were among them. */
    assert_true(stalls > 300);
    assert_true(without > 50);
}

/* The freeze of the acceptance test: 3 s, 1 s segments, two seconds behind the edge. */
static void test_frozen_origin(void **state)
{
    (void)state;
    for (int64_t offset = 0; offset < 1000; offset += 37) {
        struct sim_stream stream = {
            .live = true, .segments = 500, .segment_us = 1 * S, .window = 8, .live_before = 20};
        struct sim_network network = {.latency_us = 2 * MS,
                                      .download_us = 3 * MS,
                                      .timer_late_us = 4 * MS,
                                      .freeze_from_us = 60 * S,
                                      .freeze_to_us = 63 * S};
        struct sim_viewer viewer = {.profile = "hlsjs",
                                    .seed = (uint64_t)offset,
                                    .begins_us = 10 * S + offset * MS,
                                    .live_offset_us = 2 * S,
                                    .length_us = 120 * S};
        struct sim *sim = sim_new(&stream, &network, &viewer);
        sim_run(sim, 59 * S);
        assert_int_equal(sim->told.stalls, 0);
        sim_run(sim, 300 * S);
        assert_int_equal(sim->outcome, PLAYER_ENDED);
        assert_true(sim->told.stalls >= 1);
        assert_in_range(sim->told.stalled_us, 1 * S, 3 * S);
        assert_truth(sim, 0, 0);
        sim_free(sim);
    }
}

/* A stall that goes on when the viewer leaves counts up to then. */
static void test_leaves_in_a_stall(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 50, .segment_us = 2 * S};
    struct sim_network network = {
        .latency_us = 10 * MS, .freeze_from_us = 20 * S, .freeze_to_us = 90 * S};
    struct sim_viewer viewer = {
        .profile = "hlsjs", .seed = 1, .buffer_us = 4 * S, .length_us = 60 * S};
    struct sim *sim = sim_new(&stream, &network, &viewer);
    sim_run(sim, 400 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim->told.stalls, 1);
    assert_int_equal(sim->told.over_us, 60 * S);
    int64_t played = sim->accounted.playing_us;
    assert_int_equal(sim->told.stalled_us, 60 * S - sim->told.startup_us - played);
    assert_true(sim->told.stalled_us > 30 * S);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_networks),
        cmocka_unit_test(test_frozen_origin),
        cmocka_unit_test(test_leaves_in_a_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
