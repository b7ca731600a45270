/* Live streams: where viewers join, when they ask, how far behind they are. The figures of real
 * players: docs/player-profiles.md. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct sim_network calm = {.latency_us = 20 * MS, .download_us = 100 * MS};

/* 4 s segments, six listed, n4 to n9 when the viewer comes at time 0: as in the traces. */
static const struct sim_stream four_seconds = {
    .live = true, .segments = 30000, .segment_us = 4 * S, .window = 6, .live_before = 10};

static int64_t sum_of_gaps(const struct sim *sim, uint32_t count)
{
    return sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, count)->began_us -
           sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, 0)->began_us;
}

static void test_hlsjs_cadence(void **state)
{
    (void)state;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 1 * S};
    struct sim *sim = sim_new(&four_seconds, &calm, &viewer);
    sim_run(sim, 401 * S);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence, 7);
    /* A playlist exactly each 4 s from the begin of the request, whatever answers take. */
    for (uint32_t i = 1; i < 99; i++) {
        int64_t gap = sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, i)->began_us -
                      sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, i - 1)->began_us;
        assert_int_equal(gap, 4 * S);
    }
    /* 0.5 requests a second. */
    assert_in_range(sim->requests, 199, 206);
    assert_int_equal(sim->told.stalls, 0);
    assert_int_equal(sim->told.unchanged, 0);
    assert_int_equal(sim->told.skipped, 0);
    assert_in_range(sim->told.least_latency_us, 11 * S, 13 * S);
    assert_in_range(sim->told.greatest_latency_us, 11 * S, 13 * S);
    for (enum fail fail = FAIL_NONE; fail < FAIL_COUNT; fail++) {
        assert_int_equal(sim->told.faults[fail], 0);
    }
    sim_free(sim);
}

/* The trace of GStreamer 1.22: the fourth last segment first, then a playlist and a segment
 * each segment's length. */
static void test_gstreamer_cadence(void **state)
{
    (void)state;
    struct sim_viewer viewer = {.profile = "gstreamer", .seed = 1, .begins_us = 1 * S};
    struct sim *sim = sim_new(&four_seconds, &calm, &viewer);
    sim_run(sim, 201 * S);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence, 6);
    assert_in_range(sum_of_gaps(sim, 40), 40 * (4 * S), 40 * (4 * S + 50 * MS));
    assert_in_range(sim->requests, 98, 108);
    assert_int_equal(sim->told.stalls, 0);
    sim_free(sim);
}

/* Up to version 5 after the duration of the last segment, then after the target duration. */
static void test_gstreamer_reloads_by_version(void **state)
{
    (void)state;
    static const struct {
        int version;
        int64_t gap_us;
    } rows[] = {{3, 3600 * MS}, {5, 3600 * MS}, {6, 4 * S}, {7, 4 * S}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_stream stream = four_seconds;
        stream.version = rows[i].version;
        stream.segment_us = 3600 * MS;
        struct sim_viewer viewer = {.profile = "gstreamer", .seed = 1, .begins_us = 1 * S};
        struct sim *sim = sim_new(&stream, &calm, &viewer);
        sim_run(sim, 60 * S);
        assert_in_range(sum_of_gaps(sim, 10), 10 * rows[i].gap_us,
                        10 * (rows[i].gap_us + 50 * MS));
        assert_int_equal(sim->told.stalls, 0);
        sim_free(sim);
    }
}

/* Timers that are late do not shift the grid. */
static void test_late_timers_do_not_add_up(void **state)
{
    (void)state;
    struct sim_network network = calm;
    network.timer_late_us = 50 * MS;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 1 * S};
    struct sim *sim = sim_new(&four_seconds, &network, &viewer);
    sim_run(sim, 401 * S);
    assert_in_range(sum_of_gaps(sim, 95), 95 * (4 * S) - 100 * MS, 95 * (4 * S) + 100 * MS);
    for (uint32_t i = 0; i < sim->requests; i++) {
        assert_in_range(sim->log[i].began_us - sim->log[i].intended_us, 0, 50 * MS);
    }
    sim_free(sim);
}

static void test_unchanged_halves_the_wait(void **state)
{
    (void)state;
    struct sim_stream stream = four_seconds;
    stream.odd_from_us = 99 * S;
    stream.odd_to_us = 103 * S;
    stream.odd_frozen = true;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 500 * MS};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 98 * S);
    uint32_t before = sim_count(sim, PLAYER_MEDIA_PLAYLIST, 0, false);
    sim_run(sim, 107 * S);
    /* Loads at 96.5, 100.5 (unchanged), 102.5 (unchanged), 104.5 (changed). */
    assert_int_equal(sim->told.unchanged, 2);
    const struct sim_request *last = sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, before - 1);
    const struct sim_request *a = sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, before);
    const struct sim_request *b = sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, before + 1);
    const struct sim_request *c = sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, before + 2);
    assert_int_equal(a->began_us - last->began_us, 4 * S);
    assert_int_equal(b->began_us - a->began_us, 2 * S);
    assert_int_equal(c->began_us - b->began_us, 2 * S);
    sim_free(sim);
}

/* A day of it: nothing drifts, nothing is fetched twice, nothing is left out. */
static void test_a_day(void **state)
{
    (void)state;
    struct sim_stream stream = four_seconds;
    stream.segment_us = 6 * S;
    stream.wobble_us = 300 * MS;
    stream.target_s = 7;
    struct sim_network network = calm;
    network.spread_us = 80 * MS;
    network.slow_us = 900 * MS;
    network.timer_late_us = 5 * MS;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 8, .begins_us = 1 * S};
    struct sim *sim = sim_new(&stream, &network, &viewer);
    sim_run(sim, 86400 * S);
    assert_int_equal(sim->outcome, PLAYER_WAIT);
    uint32_t segments = 0;
    int64_t expected = -1;
    for (uint32_t i = 0; i < sim->requests; i++) {
        if (sim->log[i].resource == PLAYER_SEGMENT) {
            assert_true(expected < 0 || sim->log[i].sequence == expected);
            expected = sim->log[i].sequence + 1;
            segments++;
        }
    }
    assert_in_range(segments, 86399 / 6 - 10, 86399 / 6 + 10);
    assert_int_equal(sim->told.stalls, 0);
    assert_int_equal(sim->told.missed, 0);
    assert_int_equal(sim->told.skipped, 0);
    assert_in_range(sim->told.greatest_latency_us, 15 * S, 29 * S);
    sim_free(sim);
}

static void test_live_offset(void **state)
{
    (void)state;
    struct sim_stream stream = {
        .live = true, .segments = 500, .segment_us = 1 * S, .window = 10, .live_before = 20};
    static const struct {
        int64_t offset_us, first;
    } rows[] = {{2 * S, 18}, {1 * S, 19}, {5 * S, 15}, {50 * S, 10}, {1, 19}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_viewer viewer = {.profile = "hlsjs",
                                    .seed = 1,
                                    .begins_us = 200 * MS,
                                    .live_offset_us = rows[i].offset_us};
        struct sim *sim = sim_new(&stream, &calm, &viewer);
        sim_run(sim, 30 * S);
        assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence, rows[i].first);
        sim_free(sim);
    }
}

/* HOLD-BACK wins over three target durations; hls.js begins inside the segment. */
static void test_hold_back(void **state)
{
    (void)state;
    struct sim_stream stream = four_seconds;
    stream.tags = "#EXT-X-SERVER-CONTROL:HOLD-BACK=18\n";
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 1 * S};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 30 * S);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence, 5);
    assert_in_range(sim->told.least_latency_us, 17 * S, 19 * S);
    sim_free(sim);
    /* drain begins with the segment. */
    viewer.profile = "drain";
    sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 30 * S);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence, 5);
    assert_in_range(sim->told.least_latency_us, 19 * S, 21 * S);
    sim_free(sim);
}

static void test_end_of_a_live_stream(void **state)
{
    (void)state;
    struct sim_stream stream = four_seconds;
    stream.ends_us = 100 * S;
    stream.audio = true;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 1 * S};
    struct sim *sim = sim_new(&stream, &calm, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim->told.stalls, 0);
    /* Segments 7 to 34: n10 began at 0, so n34 ends at 100 s. */
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 0, true), 28);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 1, true), 28);
    assert_int_equal(sim->accounted.playing_us, 28 * (4 * S));
    const struct sim_request *last = &sim->log[sim->requests - 1];
    assert_true(last->began_us < 106 * S); /* and no reload after ENDLIST */
    sim_free(sim);
}

/* Alternate audio with other segment durations, with and without dates. */
static void test_audio_lines_up(void **state)
{
    (void)state;
    for (int dates = 0; dates < 2; dates++) {
        struct sim_stream stream = four_seconds;
        stream.audio = true;
        stream.audio_segment_us = dates ? 3 * S : 0;
        stream.dates = dates;
        struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 1 * S};
        struct sim *sim = sim_new(&stream, &calm, &viewer);
        if (dates) {
            /* The numbers of the audio have nothing to do with those of the video. */
            sim->stream.live_before = 12;
        }
        sim_run(sim, 300 * S);
        const struct sim_request *video = sim_request(sim, PLAYER_SEGMENT, 0, 0);
        const struct sim_request *audio = sim_request(sim, PLAYER_SEGMENT, 1, 0);
        int64_t video_at = sim->starts[0][video->sequence];
        int64_t audio_at = sim->starts[1][audio->sequence];
        assert_true(audio_at <= video_at && audio_at + audio->duration_us > video_at);
        assert_int_equal(sim->told.stalls, 0);
        assert_int_equal(sim->told.skipped, 0);
        sim_free(sim);
    }
}

/* The origin is cut off for a minute: the window has moved on by ten segments. */
static void test_behind_the_window(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sim_stream stream = four_seconds;
        stream.audio = i == 1;
        struct sim_network network = calm;
        network.freeze_from_us = 100 * S;
        network.freeze_to_us = 160 * S;
        struct sim_viewer viewer = {
            .profile = i == 0 ? "drain" : "hlsjs", .seed = 1, .begins_us = 1 * S};
        struct sim *sim = sim_new(&stream, &network, &viewer);
        sim_run(sim, 400 * S);
        assert_int_equal(sim->outcome, PLAYER_WAIT);
        assert_true(sim->told.skipped > 0);
        assert_int_equal(sim->told.stalls, sim->told.stalls > 0 ? sim->told.stalls : 1);
        /* What was left out is neither played nor waited for. */
        int64_t latency = sim->renditions[0].edge_us - sim->player.playhead_us;
        assert_in_range(latency, 4 * S, 28 * S);
        assert_in_range(sim->told.stalled_us, 40 * S, 70 * S);
        sim_free(sim);
    }
}

/* ffmpeg -re: the second segment once the first begins to arrive, one each 4 s from then on, a
 * playlist each 8 s: 0.37 requests a second. */
static void test_ffmpeg_cadence(void **state)
{
    (void)state;
    struct sim_viewer viewer = {.profile = "ffmpeg", .seed = 1, .begins_us = 1 * S};
    struct sim *sim = sim_new(&four_seconds, &calm, &viewer);
    sim_run(sim, 801 * S);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence, 7);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->first_us,
                     sim_request(sim, PLAYER_SEGMENT, 0, 1)->began_us);
    for (uint32_t i = 2; i < 98; i++) {
        int64_t gap = sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, i)->began_us -
                      sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, i - 1)->began_us;
        assert_int_equal(gap, 8 * S);
        gap = sim_request(sim, PLAYER_SEGMENT, 0, 2 * i)->began_us -
              sim_request(sim, PLAYER_SEGMENT, 0, 2 * i - 2)->began_us;
        assert_in_range(gap, 8 * S - 100 * MS, 8 * S + 100 * MS);
    }
    assert_in_range(sim->requests, 295, 305);
    assert_int_equal(sim->told.stalls, 0);
    assert_int_equal(sim->told.skipped, 0);
    sim_free(sim);
}

/* Audio, which the multivariant playlist names first, and two variants. */
static const struct sim_stream apart = {.live = true,
                                        .audio = true,
                                        .variants = 2,
                                        .segments = 100,
                                        .segment_us = 4 * S,
                                        .window = 6,
                                        .live_before = 10};

/* ffmpeg loads one playlist after the other, as they are named, and then the first segment of
 * one after that of the other; the second of each once the first begins to arrive. */
static void test_ffmpeg_starts_in_turn(void **state)
{
    (void)state;
    static const int named[] = {2, 0, 1};
    struct sim_viewer viewer = {.profile = "ffmpeg", .rule = PLAYER_VARIANT_ALL, .seed = 1};
    struct sim *sim = sim_new(&apart, &calm, &viewer);
    sim_run(sim, 3 * S);
    int64_t free_us = sim_request(sim, PLAYER_MULTIVARIANT, 0, 0)->ended_us;
    for (int i = 0; i < 3; i++) {
        const struct sim_request *playlist =
            sim_request(sim, PLAYER_MEDIA_PLAYLIST, named[i], 0);
        assert_int_equal(playlist->began_us, free_us);
        free_us = playlist->ended_us;
    }
    for (int i = 0; i < 3; i++) {
        const struct sim_request *first = sim_request(sim, PLAYER_SEGMENT, named[i], 0);
        const struct sim_request *second = sim_request(sim, PLAYER_SEGMENT, named[i], 1);
        assert_int_equal(first->began_us, free_us);
        assert_int_equal(second->began_us, first->first_us);
        free_us = first->ended_us;
    }
    assert_int_equal(sim->told.started, 1);
    assert_int_equal(sim->told.startup_us, free_us);
    sim_free(sim);
}

/* ffmpeg keeps one connection for its playlists, and two for the media of each, in turn. */
static void test_ffmpeg_connections(void **state)
{
    (void)state;
    struct sim_viewer viewer = {.profile = "ffmpeg", .rule = PLAYER_VARIANT_ALL, .seed = 1};
    struct sim *sim = sim_new(&apart, &calm, &viewer);
    sim_run(sim, 60 * S);
    assert_int_equal(sim_request(sim, PLAYER_MULTIVARIANT, 0, 0)->keep, PLAYER_KEEP_NOT);
    uint8_t of_playlists = sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, 0)->connection;
    uint8_t last = of_playlists;
    for (int i = 0; i < 3; i++) {
        const struct sim_request *request;
        for (uint32_t n = 0; (request = sim_request(sim, PLAYER_MEDIA_PLAYLIST, i, n)); n++) {
            assert_int_equal(request->connection, of_playlists);
        }
        for (uint32_t n = 0; (request = sim_request(sim, PLAYER_SEGMENT, i, n)); n++) {
            assert_in_range(request->connection, last + 1, last + 2);
            assert_int_equal(request->keep, PLAYER_KEEP_GOOD);
            assert_int_equal(request->connection,
                             sim_request(sim, PLAYER_SEGMENT, i, n % 2)->connection);
        }
        last += 2;
    }
    sim_free(sim);
}

/* The turn passes on from a rendition whose first segment cannot be had. */
static void test_ffmpeg_turn_passes_on(void **state)
{
    (void)state;
    struct sim_network network = calm;
    network.outages[0] = (struct sim_outage){.to_us = 1000 * S,
                                             .resources = 1 << PLAYER_SEGMENT,
                                             .variant = -1,
                                             .sequence = 7,
                                             .rendition = 3,
                                             .fail = FAIL_STATUS_4XX,
                                             .status = 404};
    struct sim_viewer viewer = {.profile = "ffmpeg", .rule = PLAYER_VARIANT_ALL, .seed = 1};
    struct sim *sim = sim_new(&apart, &network, &viewer);
    sim_run(sim, 30 * S);
    /* The others leave out what cannot be played without it. */
    assert_int_equal(sim->told.skipped, 3);
    assert_int_equal(sim->told.started, 1);
    const struct sim_request *only_try = sim_request(sim, PLAYER_SEGMENT, 2, 0);
    assert_int_equal(only_try->sequence, 7);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 2, 1)->sequence, 8);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 0)->began_us, only_try->ended_us);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hlsjs_cadence),
        cmocka_unit_test(test_gstreamer_cadence),
        cmocka_unit_test(test_gstreamer_reloads_by_version),
        cmocka_unit_test(test_ffmpeg_cadence),
        cmocka_unit_test(test_ffmpeg_starts_in_turn),
        cmocka_unit_test(test_ffmpeg_connections),
        cmocka_unit_test(test_ffmpeg_turn_passes_on),
        cmocka_unit_test(test_late_timers_do_not_add_up),
        cmocka_unit_test(test_unchanged_halves_the_wait),
        cmocka_unit_test(test_a_day),
        cmocka_unit_test(test_live_offset),
        cmocka_unit_test(test_hold_back),
        cmocka_unit_test(test_end_of_a_live_stream),
        cmocka_unit_test(test_audio_lines_up),
        cmocka_unit_test(test_behind_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
