/* A viewer of a whole film: each segment once and only once, paced by the profile. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct sim_network calm = {
    .latency_us = 20 * MS, .spread_us = 10 * MS, .download_us = 100 * MS, .slow_us = 50 * MS};

static void assert_each_once(const struct sim *sim, int rendition, uint32_t segments)
{
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, rendition, false), segments);
    for (uint32_t i = 0; i < segments; i++) {
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, rendition, i)->sequence, i);
    }
}

static void test_hlsjs_plays_to_the_end(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 150, .segment_us = 4 * S, .wobble_us = 500 * MS};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 7 * S};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 3600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_each_once(sim, 0, 150);
    assert_int_equal(sim_count(sim, PLAYER_MULTIVARIANT, -1, false), 1);
    assert_int_equal(sim_count(sim, PLAYER_MEDIA_PLAYLIST, -1, false), 1);
    assert_int_equal(sim->told.started, 1);
    assert_int_equal(sim->told.stalls, 0);
    assert_int_equal(sim->told.missed, 0);
    assert_int_equal(sim->told.in_time, 149);
    assert_int_equal(sim->accounted.playing_us, sim->starts[0][150]);
    assert_int_equal(sim->told.over_us, 7 * S + sim->told.startup_us + sim->starts[0][150]);
    /* Startup: multivariant, media playlist, first segment. */
    assert_int_equal(sim->told.startup_us,
                     sim_request(sim, PLAYER_SEGMENT, 0, 0)->ended_us - 7 * S);
    sim_free(sim);
}

/* At 1 Mbit/s the goal of hls.js is 480 s: 60 MB. */
static void test_hlsjs_keeps_its_buffer_goal(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 300, .segment_us = 4 * S};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 60 * S);
    uint32_t burst = sim_count(sim, PLAYER_SEGMENT, 0, true);
    sim_run(sim, 100 * S);
    uint32_t later = sim_count(sim, PLAYER_SEGMENT, 0, true);
    int64_t ahead = player_buffered_us(&sim->player);
    sim_free(sim);
    assert_in_range(burst, (480 + 56) / 4, (480 + 64) / 4);
    assert_int_equal(later - burst, 10);
    assert_in_range(ahead, 476 * S, 484 * S);
}

static void test_buffer_override_paces(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 15, .segment_us = 4 * S};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .buffer_us = 8 * S};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 300 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_each_once(sim, 0, 15);
    for (uint32_t i = 3; i < 15; i++) {
        int64_t began = sim_request(sim, PLAYER_SEGMENT, 0, i)->began_us;
        int64_t played = sim->told.startup_us + 4 * S * (int64_t)(i - 2);
        assert_in_range(began, played, played + 100 * MS);
    }
    sim_free(sim);
}

static void test_drain_ends_with_the_last_byte(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 100, .segment_us = 6 * S, .audio = true};
    struct sim_viewer viewer = {.profile = "drain", .seed = 3};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 3600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_each_once(sim, 0, 100);
    assert_each_once(sim, 1, 100);
    assert_in_range(sim->told.over_us, 10 * S, 20 * S);
    assert_int_equal(sim->log[sim->requests - 1].ended_us, sim->told.over_us);
    sim_free(sim);
}

/* Audio segments of another length line up all the same. */
static void test_audio_beside_video(void **state)
{
    (void)state;
    struct sim_stream stream = {
        .segments = 60, .segment_us = 4 * S, .audio = true, .audio_segment_us = 3200 * MS};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 5};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 3600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_each_once(sim, 0, 60);
    assert_each_once(sim, 1, 60);
    assert_int_equal(sim->told.stalls, 0);
    assert_int_equal(sim->accounted.playing_us, 240 * S);
    sim_free(sim);
}

static void test_keys_and_init_sections_once(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 40,
                                .segment_us = 4 * S,
                                .audio = true,
                                .map = true,
                                .key_each = 10,
                                .discontinuity_at = 20};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 5};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 3600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    /* Four keys for both renditions together, two init sections for each. */
    assert_int_equal(sim_count(sim, PLAYER_KEY, -1, false), 4);
    assert_int_equal(sim_count(sim, PLAYER_INIT_SECTION, 0, false), 2);
    assert_int_equal(sim_count(sim, PLAYER_INIT_SECTION, 1, false), 2);
    assert_each_once(sim, 0, 40);
    assert_each_once(sim, 1, 40);
    sim_free(sim);
}

static void test_byte_ranges(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 20, .segment_us = 2 * S, .ranges = true};
    struct sim_viewer viewer = {.profile = "drain", .seed = 5};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 600 * S);
    assert_each_once(sim, 0, 20);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, i)->range_offset, i * 1000);
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, i)->range_length, 1000);
    }
    sim_free(sim);
}

static void test_media_playlist_alone(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 10, .segment_us = 2 * S, .media_only = true};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 5};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim_count(sim, PLAYER_MULTIVARIANT, -1, false), 1);
    assert_int_equal(sim_count(sim, PLAYER_MEDIA_PLAYLIST, -1, false), 0);
    assert_each_once(sim, 0, 10);
    sim_free(sim);
}

static void test_gap_is_not_loaded(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 20, .segment_us = 4 * S, .gap_at = 7};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 5};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 0, false), 19);
    for (uint32_t i = 0; i < 19; i++) {
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, i)->sequence, i < 7 ? i : i + 1);
    }
    assert_int_equal(sim->accounted.playing_us, 19 * (4 * S));
    assert_int_equal(sim->told.skipped, 0);
    assert_int_equal(sim->told.stalls, 0);
    sim_free(sim);
}

/* The audio's gaps take the playhead to its end, past as many gaps and segments of the video,
 * in turn, as a playlist can name: what one call tells has room all the same. */
static void test_gaps_without_number(void **state)
{
    (void)state;
    struct sim_stream stream = {
        .segments = 1000, .segment_us = 1 * S, .audio = true, .gap_most = true};
    static const char *const profiles[] = {"hlsjs", "drain", "ffmpeg"};
    for (uint32_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        struct sim_viewer viewer = {.profile = profiles[i], .seed = 5};
        struct sim *sim = sim_new(&stream, &calm, &viewer);
        sim_run(sim, 600 * S);
        assert_int_equal(sim->outcome, PLAYER_ENDED);
        assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 1, false), 1);
        assert_int_equal(sim->told.gaps, 999 + 500);
        assert_int_equal(sim->told.skipped + sim_count(sim, PLAYER_SEGMENT, 0, false), 500);
        sim_free(sim);
    }
}

static void test_start_tag(void **state)
{
    (void)state;
    static const struct {
        const char *tags, *main_tags;
        int64_t first, playing_us;
    } rows[] = {
        {"#EXT-X-START:TIME-OFFSET=21\n", NULL, 5, 60 * S},
        {"#EXT-X-START:TIME-OFFSET=21,PRECISE=YES\n", NULL, 5, 59 * S},
        {"#EXT-X-START:TIME-OFFSET=-10\n", NULL, 17, 12 * S},
        {"#EXT-X-START:TIME-OFFSET=-1000\n", NULL, 0, 80 * S},
        {"#EXT-X-START:TIME-OFFSET=1000\n", NULL, 19, 4 * S},
        {"#EXT-X-START:TIME-OFFSET=21\n", "#EXT-X-START:TIME-OFFSET=41\n", 10, 40 * S},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_stream stream = {.segments = 20,
                                    .segment_us = 4 * S,
                                    .tags = rows[i].tags,
                                    .main_tags = rows[i].main_tags,
                                    .audio = true};
        struct sim_viewer viewer = {.profile = "hlsjs", .seed = 5};
        struct sim *sim = sim_new(&stream, &calm, &viewer);
        sim_run(sim, 600 * S);
        assert_int_equal(sim->outcome, PLAYER_ENDED);
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence, rows[i].first);
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 1, 0)->sequence, rows[i].first);
        assert_int_equal(sim->accounted.playing_us, rows[i].playing_us);
        sim_free(sim);
    }
}

static void test_viewer_leaves_and_nothing_is_aborted(void **state)
{
    (void)state;
    struct sim_stream stream = {.segments = 200, .segment_us = 4 * S};
    struct sim_network slow = {.latency_us = 50 * MS, .download_us = 3500 * MS};
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 5, .length_us = 60 * S};
    struct sim *sim = sim_new(&stream, &slow, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim->told.over_us, 60 * S);
    assert_in_range(sim->now_us, 60 * S, 64 * S); /* the last segment was let in */
    for (uint32_t i = 0; i < sim->requests; i++) {
        assert_true(sim->log[i].began_us < 60 * S && sim->log[i].ended_us > 0);
    }
    sim_free(sim);
}

static void test_all_variants_at_once(void **state)
{
    (void)state;
    struct sim_stream stream = {
        .segments = 20, .segment_us = 4 * S, .variants = 5, .audio = true};
    struct sim_viewer viewer = {.profile = "hlsjs", .rule = PLAYER_VARIANT_ALL, .seed = 5};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim_count(sim, PLAYER_MEDIA_PLAYLIST, -1, false), 6);
    for (int i = 0; i < 6; i++) {
        assert_each_once(sim, i, 20);
    }
    assert_int_equal(sim->told.faults[FAIL_MEMORY_SPENT], 0);
    sim_free(sim);

    /* Where there is no room for all of them the rest is told of. */
    viewer.capacity = 4;
    sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim_count(sim, PLAYER_MEDIA_PLAYLIST, -1, false), 4);
    assert_int_equal(sim->told.faults[FAIL_MEMORY_SPENT], 1);
    sim_free(sim);
}

static void test_variant_rules(void **state)
{
    (void)state;
    static const struct {
        enum player_variant_rule rule;
        uint32_t index, variant;
    } rows[] = {{PLAYER_VARIANT_FIRST, 0, 0},
                {PLAYER_VARIANT_LOWEST, 0, 0},
                {PLAYER_VARIANT_HIGHEST, 0, 4},
                {PLAYER_VARIANT_INDEX, 2, 2},
                {PLAYER_VARIANT_INDEX, 99, 4}};
    struct sim_stream stream = {.segments = 2, .segment_us = 4 * S, .variants = 5};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_viewer viewer = {.profile = "drain", .rule = rows[i].rule, .seed = 5};
        struct sim *sim = sim_new(&stream, &calm, &viewer);
        sim->config.variant_index = rows[i].index;
        sim_run(sim, 600 * S);
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->variant, rows[i].variant);
        sim_free(sim);
    }
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim_viewer viewer = {
            .profile = "drain", .rule = PLAYER_VARIANT_RANDOM, .seed = seed};
        struct sim *sim = sim_new(&stream, &calm, &viewer);
        sim_run(sim, 600 * S);
        seen |= 1U << sim_request(sim, PLAYER_SEGMENT, 0, 0)->variant;
        sim_free(sim);
    }
    assert_int_equal(seen, 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hlsjs_plays_to_the_end),
        cmocka_unit_test(test_hlsjs_keeps_its_buffer_goal),
        cmocka_unit_test(test_buffer_override_paces),
        cmocka_unit_test(test_drain_ends_with_the_last_byte),
        cmocka_unit_test(test_audio_beside_video),
        cmocka_unit_test(test_keys_and_init_sections_once),
        cmocka_unit_test(test_byte_ranges),
        cmocka_unit_test(test_media_playlist_alone),
        cmocka_unit_test(test_gap_is_not_loaded),
        cmocka_unit_test(test_gaps_without_number),
        cmocka_unit_test(test_start_tag),
        cmocka_unit_test(test_viewer_leaves_and_nothing_is_aborted),
        cmocka_unit_test(test_all_variants_at_once),
        cmocka_unit_test(test_variant_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
