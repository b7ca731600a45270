/* What failures lead to: retries at the times of the profile's table, other variants, the end
 * of the session, and never a storm. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BIT(resource) (1U << (resource))
#define MEDIA         (BIT(PLAYER_SEGMENT) | BIT(PLAYER_INIT_SECTION) | BIT(PLAYER_KEY))
#define ALL_RESOURCES (MEDIA | BIT(PLAYER_MULTIVARIANT) | BIT(PLAYER_MEDIA_PLAYLIST))
#define FOR_EVER      (INT64_MAX / 2)

static struct sim_network failing(int64_t from_us, int64_t to_us, uint32_t resources,
                                  enum fail fail)
{
    return (struct sim_network){.latency_us = 10 * MS,
                                .outages = {{.from_us = from_us,
                                             .to_us = to_us,
                                             .resources = resources,
                                             .variant = -1,
                                             .sequence = -1,
                                             .fail = fail}}};
}

static const struct sim_stream film = {.segments = 20, .segment_us = 4 * S};
static const struct sim_stream broadcast = {
    .live = true, .segments = 5000, .segment_us = 4 * S, .window = 6, .live_before = 10};

/* hls.js: the same URL 1, 2, 4, 8, 8, 8 s after each failure, rounded up to its tick. */
static void test_hlsjs_segment_503(void **state)
{
    (void)state;
    struct sim_network network = failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_STATUS_5XX);
    network.outages[0].sequence = 3;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1};
    struct sim *sim = sim_new(&film, &network, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_FAILED);
    assert_int_equal(sim->fail, FAIL_STATUS_5XX);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 0, false), 3 + 7);
    static const int64_t gaps_s[] = {1, 2, 4, 8, 8, 8};
    for (uint32_t i = 0; i < 6; i++) {
        const struct sim_request *before = sim_request(sim, PLAYER_SEGMENT, 0, 3 + i);
        const struct sim_request *after = sim_request(sim, PLAYER_SEGMENT, 0, 4 + i);
        assert_in_range(after->began_us - before->ended_us, gaps_s[i] * S,
                        gaps_s[i] * S + 100 * MS);
        assert_int_equal(after->attempt, i + 1);
    }
    sim_free(sim);
}

/* ffmpeg: twice at once, then with each 32 KiB that it plays of the segment before, thrice when
 * playing has come to it; then it is left out. */
static void test_ffmpeg_segment_404(void **state)
{
    (void)state;
    struct sim_network network = failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_STATUS_4XX);
    network.outages[0].sequence = 3;
    network.segment_bytes = (uint64_t)10 * 32768;
    struct sim_viewer viewer = {.profile = "ffmpeg", .seed = 1};
    struct sim *sim = sim_new(&film, &network, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim->told.skipped, 1);
    int64_t needed_us = sim_request(sim, PLAYER_SEGMENT, 0, 3)->began_us + 4 * S;
    const struct sim_request *before = sim_request(sim, PLAYER_SEGMENT, 0, 3);
    for (uint32_t i = 1; i < 14; i++) {
        const struct sim_request *after = sim_request(sim, PLAYER_SEGMENT, 0, 3 + i);
        assert_int_equal(after->sequence, 3);
        int64_t pause = i == 1 || i > 11 ? 0 : 400 * MS;
        int64_t began = before->ended_us + pause;
        assert_int_equal(after->began_us, i == 11 && began > needed_us ? needed_us : began);
        before = after;
    }
    assert_in_range(before->ended_us, needed_us, needed_us + 100 * MS);
    assert_int_equal(sim_request(sim, PLAYER_SEGMENT, 0, 17)->sequence, 4);
    sim_free(sim);
}

/* 404: the next lower level at once, round to the highest, then the end. */
static void test_hlsjs_segment_404(void **state)
{
    (void)state;
    struct sim_network network = failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_STATUS_4XX);
    network.outages[0].sequence = 3;
    struct sim_stream stream = film;
    stream.variants = 4;
    stream.audio = true;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .rule = PLAYER_VARIANT_INDEX};
    struct sim *sim = sim_new(&stream, &network, &viewer);
    sim->config.variant_index = 1;
    network.outages[0].variant = 0;
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_FAILED);
    assert_int_equal(sim->fail, FAIL_STATUS_4XX);
    static const uint32_t order[] = {1, 0, 3, 2};
    uint32_t tried = 0;
    for (uint32_t i = 0; i < sim->requests; i++) {
        const struct sim_request *request = &sim->log[i];
        if (request->resource == PLAYER_SEGMENT && request->sequence == 3 &&
            request->rendition == 0) {
            assert_true(tried < 4);
            assert_int_equal(request->variant, order[tried++]);
        }
    }
    /* Its audio is the same in all variants: where that fails no switch helps. */
    assert_true(tried == 4 || sim_count(sim, PLAYER_SEGMENT, 1, false) > 3);
    sim_free(sim);
}

/* A variant that fails is left, and the film goes on in another without a gap. */
static void test_switch_goes_on(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct sim_network network = failing(30 * S, FOR_EVER, ALL_RESOURCES, FAIL_STATUS_4XX);
        network.outages[0].variant = 2;
        struct sim_stream stream = live ? broadcast : film;
        stream.variants = 3;
        struct sim_viewer viewer = {.profile = "hlsjs",
                                    .seed = 1,
                                    .rule = PLAYER_VARIANT_HIGHEST,
                                    .buffer_us = 12 * S,
                                    .length_us = live ? 200 * S : 0};
        struct sim *sim = sim_new(&stream, &network, &viewer);
        sim_run(sim, 600 * S);
        assert_int_equal(sim->outcome, PLAYER_ENDED);
        assert_int_equal(sim->told.switched, 1);
        assert_int_equal(sim->told.stalls, 0);
        int64_t expected = sim_request(sim, PLAYER_SEGMENT, 0, 0)->sequence;
        for (uint32_t i = 0; i < sim->requests; i++) {
            const struct sim_request *request = &sim->log[i];
            if (request->resource == PLAYER_SEGMENT && request->fail == FAIL_NONE) {
                assert_int_equal(request->sequence, expected++);
                assert_int_equal(request->variant, request->began_us < 30 * S ? 2 : 1);
            }
        }
        sim_free(sim);
    }
}

static void test_timeouts_are_tried_again_at_once(void **state)
{
    (void)state;
    struct sim_network network =
        failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_FIRST_BYTE_TIMEOUT);
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1};
    struct sim *sim = sim_new(&film, &network, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_FAILED);
    assert_int_equal(sim->fail, FAIL_FIRST_BYTE_TIMEOUT);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 0, false), 5);
    sim_free(sim);
}

/* The server is away for some seconds: refused connects, and every viewer comes through. */
static void test_server_restarts(void **state)
{
    (void)state;
    static const char *const profiles[] = {"hlsjs", "drain"};
    for (int i = 0; i < 2; i++) {
        for (int64_t offset = 0; offset < 4000; offset += 97) {
            struct sim_network network = failing(60 * S + offset * MS, 64 * S + offset * MS,
                                                 ALL_RESOURCES, FAIL_CONNECT_REFUSED);
            struct sim_viewer viewer = {
                .profile = profiles[i], .seed = 1, .length_us = 150 * S};
            struct sim *sim = sim_new(&broadcast, &network, &viewer);
            sim_run(sim, 600 * S);
            assert_int_equal(sim->outcome, PLAYER_ENDED);
            assert_int_equal(sim->told.skipped, 0);
            sim_free(sim);
        }
    }
}

static void check_gives_up(const struct player_profile *profile, uint32_t resource,
                           enum fail fail)
{
    if (profile->policy[resource].retry[player_trouble_of(fail)].retries > 100) {
        return; /* its storm has a test of its own */
    }
    struct sim_network network = failing(0, FOR_EVER, BIT(resource), fail);
    struct sim_stream stream = film;
    stream.map = true;
    stream.key_each = 4;
    stream.variants = 3;
    struct sim_viewer viewer = {.profile = profile->name, .seed = 1};
    struct sim *sim = sim_new(&stream, &network, &viewer);
    sim_run(sim, 3600 * S);
    assert_int_equal(sim->outcome, PLAYER_FAILED);
    assert_int_equal(sim->fail, fail);
    assert_int_equal(sim->told.started, 0);
    assert_true(sim->requests < 150); /* drain asks six times for each of the 20 */
    sim_free(sim);
}

/* What a session that can never begin comes to: it fails, soon and in few requests. */
static void test_nothing_works(void **state)
{
    (void)state;
    static const enum fail fails[] = {FAIL_CONNECT_REFUSED, FAIL_STATUS_4XX, FAIL_STATUS_5XX,
                                      FAIL_FIRST_BYTE_TIMEOUT, FAIL_NOT_PLAYLIST};
    for (size_t f = 0; f < sizeof(fails) / sizeof(fails[0]); f++) {
        for (uint32_t r = 0; r < PLAYER_RESOURCE_COUNT; r++) {
            for (const struct player_profile *const *p = player_profiles; *p != NULL; p++) {
                check_gives_up(*p, r, fails[f]);
            }
        }
    }
}

static uint32_t most_in_a_second(const struct sim *sim)
{
    uint32_t most = 0;
    uint32_t first = 0;
    for (uint32_t i = 0; i < sim->requests; i++) {
        while (sim->log[i].began_us - sim->log[first].began_us >= S) {
            first++;
        }
        most = i - first + 1 > most ? i - first + 1 : most;
    }
    return most;
}

/* Answers come at once and are all wrong: the viewer's requests stay few. */
static void test_no_storm(void **state)
{
    (void)state;
    static const enum fail fails[] = {FAIL_CONNECT_REFUSED, FAIL_STATUS_4XX, FAIL_STATUS_5XX,
                                      FAIL_BODY_TIMEOUT, FAIL_NOT_MEDIA};
    for (size_t f = 0; f < sizeof(fails) / sizeof(fails[0]); f++) {
        struct sim_network network = failing(40 * S, FOR_EVER, ALL_RESOURCES, fails[f]);
        network.latency_us = 0;
        struct sim_stream stream = broadcast;
        stream.variants = 4;
        stream.audio = true;
        struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1, .begins_us = 20 * S};
        struct sim *sim = sim_new(&stream, &network, &viewer);
        sim_run(sim, 400 * S);
        assert_int_equal(sim->outcome, PLAYER_FAILED);
        assert_in_range(most_in_a_second(sim), 1, 20);
        sim_free(sim);
    }
}

/* GStreamer asks for a segment that is answered with 5xx without end, some 90 times a second as
 * measured, each time over a new connection; for one that is missing, three times more. */
static void test_gstreamer_storms(void **state)
{
    (void)state;
    struct sim_network network = failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_STATUS_5XX);
    network.outages[0].sequence = 3;
    network.latency_us = 0;
    struct sim_viewer viewer = {.profile = "gstreamer", .seed = 1};
    struct sim *sim = sim_new(&film, &network, &viewer);
    sim_run(sim, 300 * S);
    assert_int_not_equal(sim->outcome, PLAYER_FAILED);
    assert_in_range(most_in_a_second(sim), 80, 100);
    assert_in_range(sim_count(sim, PLAYER_SEGMENT, 0, false), 299 * 80, 300 * 100);
    for (uint32_t i = 0; i < sim->requests; i++) {
        const struct sim_request *request = &sim->log[i];
        assert_int_equal(request->keep, request->resource == PLAYER_MULTIVARIANT
                                            ? PLAYER_KEEP_NOT
                                            : PLAYER_KEEP_GOOD);
    }
    sim_free(sim);

    network.outages[0].fail = FAIL_STATUS_4XX;
    sim = sim_new(&film, &network, &viewer);
    sim_run(sim, 30 * S);
    assert_int_equal(sim->outcome, PLAYER_FAILED);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 0, false), 3 + 4);
    sim_free(sim);
}

/* Live also 4xx makes a storm, which ends with the session at a reload: once the segment is not
 * the last one listed, and the one that playing began with is not listed any more. */
static void test_gstreamer_storm_ends_behind_the_window(void **state)
{
    (void)state;
    static const struct {
        int64_t fails;   /* number of the segment */
        uint32_t window; /* segments listed */
        uint32_t loads;  /* of the playlist after the first failure; 0: it goes on */
    } rows[] = {{20, 6, 2}, {7, 6, 4}, {20, 40, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_stream stream = broadcast;
        stream.window = rows[i].window;
        struct sim_network network = failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_STATUS_4XX);
        network.outages[0].sequence = rows[i].fails;
        network.latency_us = 0;
        struct sim_viewer viewer = {
            .profile = "gstreamer", .seed = 1, .begins_us = 1 * S, .length_us = 100 * S};
        struct sim *sim = sim_new(&stream, &network, &viewer);
        sim_run(sim, 200 * S);
        int64_t first_us = INT64_MAX;
        uint32_t loads = 0;
        for (uint32_t j = 0; j < sim->requests; j++) {
            const struct sim_request *request = &sim->log[j];
            if (request->fail != FAIL_NONE && first_us == INT64_MAX) {
                first_us = request->began_us;
            }
            loads += request->resource == PLAYER_MEDIA_PLAYLIST && request->began_us > first_us;
        }
        assert_int_not_equal(first_us, INT64_MAX);
        assert_int_equal(sim->outcome, rows[i].loads > 0 ? PLAYER_FAILED : PLAYER_ENDED);
        assert_true(rows[i].loads == 0 || loads == rows[i].loads);
        assert_int_equal(sim->told.skipped, 0);
        sim_free(sim);
    }
}

/* A reload that fails is repeated as reloads come; a playlist that never came is not. */
static void test_gstreamer_playlist_fails(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool first = i == 0;
        struct sim_network network =
            failing(first ? 0 : 30 * S, FOR_EVER, BIT(PLAYER_MEDIA_PLAYLIST), FAIL_STATUS_4XX);
        struct sim_viewer viewer = {.profile = "gstreamer", .seed = 1};
        struct sim *sim = sim_new(&broadcast, &network, &viewer);
        sim_run(sim, 200 * S);
        assert_int_equal(sim->outcome, PLAYER_FAILED);
        assert_int_equal(sim->fail, FAIL_STATUS_4XX);
        uint32_t loads = sim_count(sim, PLAYER_MEDIA_PLAYLIST, 0, false);
        assert_int_equal(loads - sim_count(sim, PLAYER_MEDIA_PLAYLIST, 0, true), first ? 1 : 4);
        for (uint32_t n = 1; n < loads; n++) {
            assert_in_range(sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, n)->began_us -
                                sim_request(sim, PLAYER_MEDIA_PLAYLIST, 0, n - 1)->ended_us,
                            4 * S, 4 * S + 10 * MS);
        }
        sim_free(sim);
    }
}

/* drain leaves out what it cannot get. */
static void test_drain_skips(void **state)
{
    (void)state;
    struct sim_network network = failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_STATUS_4XX);
    network.outages[0].sequence = 5;
    struct sim_viewer viewer = {.profile = "drain", .seed = 1};
    struct sim *sim = sim_new(&film, &network, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim->told.skipped, 1);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 0, true), 19);
    sim_free(sim);
}

static void test_range_beyond_its_resource(void **state)
{
    (void)state;
    struct sim_network network = failing(0, FOR_EVER, BIT(PLAYER_SEGMENT), FAIL_STATUS_4XX);
    network.outages[0].sequence = 5;
    network.outages[0].status = 416;
    struct sim_stream stream = film;
    stream.ranges = true;
    struct sim_viewer viewer = {.profile = "hlsjs", .seed = 1};
    struct sim *sim = sim_new(&stream, &network, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_FAILED);
    assert_int_equal(sim->told.faults[FAIL_BYTERANGE_MISSING], 1);
    sim_free(sim);
}

/* In all-variants mode one bad variant does not end the others. */
static void test_all_but_one(void **state)
{
    (void)state;
    struct sim_network network = failing(10 * S, FOR_EVER, ALL_RESOURCES, FAIL_STATUS_4XX);
    network.outages[0].variant = 1;
    struct sim_stream stream = film;
    stream.variants = 3;
    struct sim_viewer viewer = {
        .profile = "hlsjs", .seed = 1, .rule = PLAYER_VARIANT_ALL, .buffer_us = 12 * S};
    struct sim *sim = sim_new(&stream, &network, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 0, true), 20);
    assert_in_range(sim_count(sim, PLAYER_SEGMENT, 1, true), 3, 8);
    assert_int_equal(sim_count(sim, PLAYER_SEGMENT, 2, true), 20);
    assert_int_equal(sim->told.stalls, 0);
    sim_free(sim);
}

/* Each successful segment of the rendition follows the one before it; one that was in flight at
 * a switch may be asked for again in the other variant. */
static void assert_without_gap(const struct sim *sim, uint32_t rendition, int64_t from_us)
{
    int64_t expected = -1;
    uint32_t variant = 0;
    for (uint32_t i = 0; i < sim->requests; i++) {
        const struct sim_request *request = &sim->log[i];
        if (request->resource == PLAYER_SEGMENT && request->fail == FAIL_NONE &&
            request->rendition == rendition && request->began_us >= from_us) {
            bool again = request->sequence == expected - 1 && request->variant != variant;
            assert_true(expected < 0 || request->sequence == expected || again);
            expected = request->sequence + 1;
            variant = request->variant;
        }
    }
    assert_true(expected > 0);
}

/* Variants with audio renditions of their own, or with the audio inside: a switch takes the
 * audio along, whichever of the two was in trouble. */
static void test_switch_takes_audio_along(void **state)
{
    (void)state;
    static const struct {
        uint32_t groups;    /* variants with audio of their own */
        uint32_t rendition; /* in trouble, from 1 */
        uint32_t audio_playlists;
    } rows[] = {{7, 1, 2}, {7, 2, 2}, {6, 1, 2}, {5, 1, 1}, {5, 2, 1}, {3, 1, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_network network = failing(30 * S, FOR_EVER, MEDIA, FAIL_STATUS_4XX);
        network.outages[0].variant = 2;
        network.outages[0].rendition = rows[i].rendition;
        struct sim_stream stream = film;
        stream.variants = 3;
        stream.audio_groups = rows[i].groups;
        struct sim_viewer viewer = {
            .profile = "hlsjs", .seed = 1, .rule = PLAYER_VARIANT_HIGHEST, .buffer_us = 12 * S};
        struct sim *sim = sim_new(&stream, &network, &viewer);
        sim_run(sim, 600 * S);
        assert_int_equal(sim->outcome, PLAYER_ENDED);
        assert_int_equal(sim->told.switched, 1);
        assert_int_equal(sim->told.stalls, 0);
        assert_int_equal(sim->accounted.playing_us, 80 * S);
        assert_without_gap(sim, 0, 0);
        assert_without_gap(sim, 1, 0);
        assert_int_equal(sim_count(sim, PLAYER_MEDIA_PLAYLIST, 0, true), 2);
        assert_int_equal(sim_count(sim, PLAYER_MEDIA_PLAYLIST, 1, true),
                         rows[i].audio_playlists);
        sim_free(sim);
    }
}

/* From a variant with audio apart to one with the audio inside and on to one with it apart
 * again. */
static void test_audio_comes_back(void **state)
{
    (void)state;
    struct sim_network network = failing(30 * S, FOR_EVER, MEDIA, FAIL_STATUS_4XX);
    network.outages[0].variant = 2;
    network.outages[1] = network.outages[0];
    network.outages[1].from_us = 50 * S;
    network.outages[1].variant = 1;
    struct sim_stream stream = film;
    stream.variants = 3;
    stream.audio_groups = 5;
    struct sim_viewer viewer = {
        .profile = "hlsjs", .seed = 1, .rule = PLAYER_VARIANT_HIGHEST, .buffer_us = 12 * S};
    struct sim *sim = sim_new(&stream, &network, &viewer);
    sim_run(sim, 600 * S);
    assert_int_equal(sim->outcome, PLAYER_ENDED);
    assert_int_equal(sim->told.switched, 2);
    assert_int_equal(sim->told.stalls, 0);
    assert_without_gap(sim, 0, 0);
    assert_without_gap(sim, 1, 50 * S);
    sim_free(sim);
}

/* drain waits as long as the server asks it to, hls.js does not read that. */
static void test_retry_after(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sim_network network =
            failing(0, 10 * S, BIT(PLAYER_MULTIVARIANT), FAIL_STATUS_5XX);
        network.outages[0].retry_after_us = 10 * S;
        struct sim_viewer viewer = {.profile = i == 0 ? "drain" : "hlsjs", .seed = 1};
        struct sim *sim = sim_new(&film, &network, &viewer);
        sim_run(sim, 600 * S);
        assert_int_equal(sim->outcome, i == 0 ? PLAYER_ENDED : PLAYER_FAILED);
        int64_t waited = sim_request(sim, PLAYER_MULTIVARIANT, 0, 1)->began_us -
                         sim_request(sim, PLAYER_MULTIVARIANT, 0, 0)->ended_us;
        assert_int_equal(waited, i == 0 ? 10 * S : 1 * S);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hlsjs_segment_503),
        cmocka_unit_test(test_ffmpeg_segment_404),
        cmocka_unit_test(test_hlsjs_segment_404),
        cmocka_unit_test(test_switch_goes_on),
        cmocka_unit_test(test_timeouts_are_tried_again_at_once),
        cmocka_unit_test(test_server_restarts),
        cmocka_unit_test(test_nothing_works),
        cmocka_unit_test(test_no_storm),
        cmocka_unit_test(test_gstreamer_storms),
        cmocka_unit_test(test_gstreamer_storm_ends_behind_the_window),
        cmocka_unit_test(test_gstreamer_playlist_fails),
        cmocka_unit_test(test_switch_takes_audio_along),
        cmocka_unit_test(test_audio_comes_back),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_drain_skips),
        cmocka_unit_test(test_range_beyond_its_resource),
        cmocka_unit_test(test_all_but_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
