#include "player/player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool known;
    } rows[] = {{"hlsjs", true},   {"drain", true}, {"ffmpeg", true}, {"gstreamer", true},
                {"hlsjs ", false}, {"", false},     {"HLSJS", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct player_profile *profile =
            player_profile_find(span_from_string(rows[i].name));
        assert_int_equal(profile != NULL, rows[i].known);
        assert_true(profile == NULL || strcmp(profile->name, rows[i].name) == 0);
    }
    assert_string_equal(player_profiles[0]->name, "hlsjs"); /* the default */
}

/* What the state machine takes for granted about a table. */
static void test_tables_are_sound(void **state)
{
    (void)state;
    for (const struct player_profile *const *p = player_profiles; *p != NULL; p++) {
        const struct player_profile *profile = *p;
        assert_true(strlen(profile->summary) > 0 && strlen(profile->summary) < 60);
        assert_true((profile->connections >= 1) != profile->connections_apart);
        assert_in_range(profile->segments_in_flight, 1, PLAYER_LINES_MEDIA);
        assert_true(profile->buffer_segments > 0 || profile->buffer_us > 0);
        assert_true(profile->buffer_segments == 0 ||
                    profile->buffer_segments >= profile->segments_in_flight);
        assert_true(profile->unchanged_pct > 0);
        assert_true(profile->join != PLAYER_JOIN_SEGMENT_COUNT || profile->join_segments > 0);
        for (int r = 0; r < PLAYER_RESOURCE_COUNT; r++) {
            assert_true(r == PLAYER_MEDIA_PLAYLIST || !profile->policy[r].first_must_come);
            for (int t = 0; t < PLAYER_TROUBLE_COUNT; t++) {
                const struct player_retry *retry = &profile->policy[r].retry[t];
                assert_true(retry->jitter_pct <= 100);
                assert_true(retry->factor_pct >= 100);
                assert_true(retry->cap_ms >= retry->first_ms);
                assert_true(r == PLAYER_MEDIA_PLAYLIST || !retry->at_reload);
                assert_true(r >= PLAYER_SEGMENT || retry->then != PLAYER_THEN_SKIP);
            }
        }
    }
}

static void test_trouble(void **state)
{
    (void)state;
    static const struct {
        enum fail fail;
        enum player_trouble trouble;
    } rows[] = {
        {FAIL_DNS_TIMEOUT, PLAYER_TROUBLE_TIMEOUT},
        {FAIL_CONNECT_TIMEOUT, PLAYER_TROUBLE_TIMEOUT},
        {FAIL_TLS_TIMEOUT, PLAYER_TROUBLE_TIMEOUT},
        {FAIL_FIRST_BYTE_TIMEOUT, PLAYER_TROUBLE_TIMEOUT},
        {FAIL_BODY_TIMEOUT, PLAYER_TROUBLE_TIMEOUT},
        {FAIL_DNS_NOT_FOUND, PLAYER_TROUBLE_CONNECTION},
        {FAIL_CONNECT_REFUSED, PLAYER_TROUBLE_CONNECTION},
        {FAIL_TLS_CERTIFICATE, PLAYER_TROUBLE_CONNECTION},
        {FAIL_RESET_BEFORE_RESPONSE, PLAYER_TROUBLE_CONNECTION},
        {FAIL_BODY_TRUNCATED, PLAYER_TROUBLE_CONNECTION},
        {FAIL_PORTS_SPENT, PLAYER_TROUBLE_CONNECTION},
        {FAIL_STATUS_4XX, PLAYER_TROUBLE_CLIENT},
        {FAIL_REDIRECT_LOOP, PLAYER_TROUBLE_CLIENT},
        {FAIL_STATUS_5XX, PLAYER_TROUBLE_SERVER},
        {FAIL_STATUS_UNEXPECTED, PLAYER_TROUBLE_CONTENT},
        {FAIL_NOT_PLAYLIST, PLAYER_TROUBLE_CONTENT},
        {FAIL_NOT_MEDIA, PLAYER_TROUBLE_CONTENT},
        {FAIL_KEY_INVALID, PLAYER_TROUBLE_CONTENT},
        {FAIL_RANGE_IGNORED, PLAYER_TROUBLE_CONTENT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (player_trouble_of(rows[i].fail) != rows[i].trouble) {
            fail_msg("%s: %d, expected %d", fail_info(rows[i].fail)->label,
                     (int)player_trouble_of(rows[i].fail), (int)rows[i].trouble);
        }
    }
}

static void test_connections(void **state)
{
    (void)state;
    const struct player_profile *hlsjs = player_profile_find(SPAN("hlsjs"));
    assert_int_equal(player_connections_kept(hlsjs, 2, true), 1);
    assert_int_equal(player_connections_most(hlsjs, 64), hlsjs->connections);
    const struct player_profile *ffmpeg = player_profile_find(SPAN("ffmpeg"));
    /* As in its traces: two for each playlist's segments, live one more for the reloads. */
    assert_int_equal(player_connections_kept(ffmpeg, 1, false), 2);
    assert_int_equal(player_connections_kept(ffmpeg, 3, true), 7);
    assert_true(player_connections_most(ffmpeg, 3) > 7);
    assert_int_equal(player_connections_most(ffmpeg, PLAYER_RENDITIONS_MAX), UINT8_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_tables_are_sound),
        cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
