/* Anything may happen: random streams, networks, failures and settings. What must hold at each
 * step is in world.c. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static bool chance(struct rng *rng, unsigned percent)
{
    return rng_below(rng, 100) < percent;
}

static int64_t between(struct rng *rng, int64_t least, int64_t most)
{
    return least + (int64_t)rng_below(rng, (uint64_t)(most - least + 1));
}

static void draw_stream(struct rng *rng, struct sim_stream *stream)
{
    *stream = (struct sim_stream){
        .live = chance(rng, 60),
        .audio = chance(rng, 40),
        .media_only = chance(rng, 10),
        .variants = (uint32_t)between(rng, 1, 4),
        .segments = (uint32_t)between(rng, 1, 200),
        .segment_us = between(rng, 200, 8000) * MS,
        .window = chance(rng, 80) ? (uint32_t)between(rng, 1, 12) : 0,
        .live_before = (uint32_t)between(rng, 0, 20),
        .map = chance(rng, 30),
        .dates = chance(rng, 40),
        .ranges = chance(rng, 20),
        .key_each = chance(rng, 30) ? (uint32_t)between(rng, 1, 10) : 0,
        .gap_at = chance(rng, 30) ? (uint32_t)between(rng, 1, 20) : 0,
        .discontinuity_at = chance(rng, 30) ? (uint32_t)between(rng, 1, 20) : 0,
        .odd_from_us = between(rng, 0, 100 * S),
        .odd_frozen = chance(rng, 20),
        .odd_back_us = chance(rng, 20) ? between(rng, 0, 60 * S) : 0,
        .odd_target_s = chance(rng, 10) ? between(rng, 1, 12) : 0,
        .odd_uris = chance(rng, 10),
        .odd_sequence = chance(rng, 20) ? between(rng, -30, 60) : 0,
        .odd_discontinuity = chance(rng, 10) ? between(rng, -9, 5) : 0,
    };
    stream->odd_to_us = stream->odd_from_us + between(rng, 0, 60 * S);
    stream->audio_groups = !stream->audio && chance(rng, 30) ? (uint32_t)rng_below(rng, 16) : 0;
    stream->wobble_us = between(rng, 0, stream->segment_us / 2);
    stream->audio_segment_us = chance(rng, 30) ? between(rng, 200, 8000) * MS : 0;
    stream->ends_us = chance(rng, 30) ? between(rng, 1, 200) * S : 0;
    if (stream->live_before > stream->segments) {
        stream->live_before = stream->segments;
    }
    if (stream->odd_sequence < -(int64_t)stream->live_before) {
        stream->odd_sequence = 0; /* numbers are not negative */
    }
}

static void draw_network(struct rng *rng, struct sim_network *network)
{
    *network = (struct sim_network){
        .latency_us = between(rng, 0, 400) * MS,
        .spread_us = between(rng, 0, 400) * MS,
        .download_us = between(rng, 0, 2000) * MS,
        .slow_us = between(rng, 0, 5000) * MS,
        .loss = chance(rng, 50) ? rng_unit(rng) * 0.3 : 0,
        .freeze_from_us = between(rng, 0, 100 * S),
        .timer_late_us = chance(rng, 50) ? between(rng, 0, 300) * MS : 0,
    };
    network->freeze_to_us = network->freeze_from_us + between(rng, 0, 40 * S);
    for (int i = 0; i < SIM_OUTAGES; i++) {
        network->outages[i] = (struct sim_outage){
            .from_us = between(rng, 0, 150 * S),
            .resources = (uint32_t)rng_below(rng, 32),
            .variant = chance(rng, 50) ? -1 : (int32_t)between(rng, 0, 3),
            .fail = (enum fail)between(rng, 1, FAIL_COUNT - 1),
            .status = chance(rng, 10) ? 416 : 0,
            .retry_after_us = chance(rng, 20) ? between(rng, 0, 20 * S) : 0,
            .sequence = -1,
            .rendition = chance(rng, 30) ? (uint32_t)between(rng, 1, 3) : 0,
        };
        network->outages[i].to_us =
            network->outages[i].from_us + (chance(rng, 40) ? between(rng, 0, 20 * S) : 0);
    }
}

static int64_t drawn_or_default(struct rng *rng)
{
    return chance(rng, 30) ? between(rng, 0, 20000) * MS : 0;
}

static void play(uint64_t seed, uint32_t *outcomes)
{
    struct rng rng = rng_make(seed, 77);
    struct sim_stream stream;
    struct sim_network network;
    draw_stream(&rng, &stream);
    draw_network(&rng, &network);
    static const char *const profiles[] = {"hlsjs", "drain", "ffmpeg"};
    struct sim_viewer viewer = {
        .profile = profiles[rng_below(&rng, 3)],
        .rule = (enum player_variant_rule)rng_below(&rng, PLAYER_VARIANT_ALL + 1),
        .seed = seed,
        .begins_us = between(&rng, 0, 60 * S),
        .length_us = chance(&rng, 40) ? between(&rng, 1, 200 * S) : 0,
        .live_offset_us = drawn_or_default(&rng),
        .buffer_us = drawn_or_default(&rng),
        .start_us = drawn_or_default(&rng),
        .restart_us = drawn_or_default(&rng),
        .capacity = (uint32_t)between(&rng, 1, 8),
    };
    struct sim *sim = sim_new(&stream, &network, &viewer);
    int64_t until = viewer.begins_us + 300 * S;
    sim_run(sim, until);
    outcomes[sim->outcome]++;
    if (sim->outcome == PLAYER_WAIT && chance(&rng, 50)) {
        player_leave(&sim->player, sim->now_us);
        sim_run(sim, until + 300 * S);
        assert_int_equal(sim->outcome, PLAYER_ENDED);
    }
    if (sim->outcome != PLAYER_WAIT) {
        assert_int_equal(sim->told.over, 1);
        for (uint32_t i = 0; i < sim->requests; i++) {
            assert_true(sim->log[i].ended_us >= 0);
        }
    }
    sim_free(sim);
}

static void test_chaos(void **state)
{
    (void)state;
    const char *only = getenv("SIM_SEED");
    uint32_t outcomes[4] = {0};
    if (only != NULL) {
        play(strtoull(only, NULL, 10), outcomes);
        return;
    }
    const char *runs = getenv("SIM_RUNS");
    uint64_t count = runs != NULL ? strtoull(runs, NULL, 10) : 3000;
    for (uint64_t seed = 0; seed < count; seed++) {
        print_message("# seed %llu\n", (unsigned long long)seed);
        play(seed, outcomes);
    }
    /* All ends were reached. */
    assert_true(outcomes[PLAYER_WAIT] > count / 50);
    assert_true(outcomes[PLAYER_ENDED] > count / 50);
    assert_true(outcomes[PLAYER_FAILED] > count / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chaos)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
