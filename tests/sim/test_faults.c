/* Each way in which a server's playlists break its duties is told under its own name, and a
 * stream without such ways under none. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct sim_network calm = {
    .latency_us = 20 * MS, .spread_us = 30 * MS, .download_us = 100 * MS};

static const struct sim_stream plain = {.live = true,
                                        .segments = 2000,
                                        .segment_us = 4 * S,
                                        .window = 6,
                                        .live_before = 10,
                                        .odd_from_us = 99 * S,
                                        .odd_to_us = 101 * S};

/* Plays 300 s; what must be told is exactly `expected` (a list ended by FAIL_NONE). */
static void assert_faults(const struct sim_stream *stream, const enum fail *expected)
{
    struct sim_viewer viewer = {
        .profile = "hlsjs", .seed = 1, .begins_us = 500 * MS, .length_us = 300 * S};
    struct sim *sim = sim_new(stream, &calm, &viewer);
    sim_run(sim, 400 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    for (int fail = FAIL_NONE; fail < FAIL_COUNT; fail++) {
        bool wanted = false;
        for (const enum fail *e = expected; *e != FAIL_NONE; e++) {
            wanted = wanted || *e == (enum fail)fail;
        }
        if ((sim->told.faults[fail] > 0) != wanted) {
            fail_msg("%s told %u times", fail_info((enum fail)fail)->label,
                     sim->told.faults[fail]);
        }
    }
    sim_free(sim);
}

static void test_none(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    assert_faults(&stream, (enum fail[]){FAIL_NONE});
    /* Segments as packagers make them: durations vary below the target. */
    stream.wobble_us = 800 * MS;
    stream.discontinuity_at = 20;
    stream.map = true;
    stream.audio = true;
    assert_faults(&stream, (enum fail[]){FAIL_NONE});
}

static void test_stale_then_late(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    stream.odd_frozen = true;
    stream.odd_to_us = 112 * S;
    assert_faults(&stream, (enum fail[]){FAIL_PLAYLIST_STALE, FAIL_SEGMENT_LATE, FAIL_NONE});
    /* For ever: no late segment, since none comes. */
    stream.odd_to_us = 4000 * S;
    assert_faults(&stream, (enum fail[]){FAIL_PLAYLIST_STALE, FAIL_NONE});
    /* Shorter than 1.5 target durations: nothing to be said. */
    stream.odd_to_us = 102 * S;
    assert_faults(&stream, (enum fail[]){FAIL_NONE});
}

static void test_sequence_regressed(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    stream.odd_back_us = 9 * S; /* an old copy of the playlist */
    assert_faults(&stream, (enum fail[]){FAIL_SEQUENCE_REGRESSED, FAIL_NONE});
}

/* The packager begins anew with other numbers, and stays so: the viewer goes on with it. */
static void test_numbering_begins_anew(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    stream.odd_sequence = -20;
    stream.odd_to_us = 4000 * S;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 500 * MS};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 300 * S);
    assert_int_equal(sim->outcome, PLAYER_WAIT);
    assert_int_equal(sim->told.faults[FAIL_SEQUENCE_REGRESSED], 3);
    int64_t last_us = 0;
    for (uint32_t i = 0; i < sim->requests; i++) {
        if (sim->log[i].resource == PLAYER_SEGMENT) {
            last_us = sim->log[i].began_us;
        }
    }
    assert_true(last_us > 290 * S);
    sim_free(sim);
}

static void test_discontinuity_regressed(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    stream.odd_discontinuity = -3;
    assert_faults(&stream, (enum fail[]){FAIL_DISCONTINUITY_REGRESSED, FAIL_NONE});
}

static void test_target_changed(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    stream.odd_target_s = 6;
    assert_faults(&stream, (enum fail[]){FAIL_TARGET_DURATION_CHANGED, FAIL_NONE});
}

static void test_extinf_too_long(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    stream.target_s = 4;
    stream.wobble_us = 900 * MS;
    assert_faults(&stream, (enum fail[]){FAIL_EXTINF_TOO_LONG, FAIL_NONE});
    stream.wobble_us = 490 * MS; /* rounds to 4 */
    assert_faults(&stream, (enum fail[]){FAIL_NONE});
}

static void test_uri_changed(void **state)
{
    (void)state;
    struct sim_stream stream = plain;
    stream.odd_uris = true;
    assert_faults(&stream, (enum fail[]){FAIL_URI_CHANGED, FAIL_NONE});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_stale_then_late),
        cmocka_unit_test(test_sequence_regressed),
        cmocka_unit_test(test_numbering_begins_anew),
        cmocka_unit_test(test_discontinuity_regressed),
        cmocka_unit_test(test_target_changed),
        cmocka_unit_test(test_extinf_too_long),
        cmocka_unit_test(test_uri_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
