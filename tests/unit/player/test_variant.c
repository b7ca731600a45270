#include "player/player.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct m3u8 *parse(const char *text)
{
    struct m3u8 *playlist = NULL;
    struct m3u8_source source = {.text = span_from_string(text),
                                 .url = SPAN("http://host/a/main.m3u8")};
    assert_int_equal(m3u8_parse(&source, &playlist), M3U8_OK);
    return playlist;
}

#define AUDIO(name, uri, more) \
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"" name "\",NAME=\"n\"" more uri "\n"
#define VARIANT(bandwidth, more, uri) \
    "#EXT-X-STREAM-INF:BANDWIDTH=" bandwidth more "\n" uri "\n"

static void test_renditions_needed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t one, all;
    } rows[] = {
        {"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n", 1, 1},
        {"#EXTM3U\n" VARIANT("1", "", "a"), 1, 1},
        {"#EXTM3U\n" VARIANT("1", "", "a") VARIANT("2", "", "b"), 1, 2},
        /* One variant listed for each of two audio groups. */
        {"#EXTM3U\n" AUDIO("x", ",URI=\"x1\"", "") AUDIO("y", ",URI=\"y1\"", "")
             VARIANT("1", ",AUDIO=\"x\"", "a") VARIANT("2", ",AUDIO=\"y\"", "a"),
         2, 3},
        /* Audio within the variant; a group that nobody uses. */
        {"#EXTM3U\n" AUDIO("x", "", "") AUDIO("z", ",URI=\"z1\"", "")
             VARIANT("1", ",AUDIO=\"x\"", "a"),
         1, 1},
        /* An audio-only variant that is the rendition itself. */
        {"#EXTM3U\n" AUDIO("x", ",URI=\"x1\"", "") VARIANT("1", ",AUDIO=\"x\"", "x1")
             VARIANT("2", ",AUDIO=\"x\"", "a"),
         2, 2},
        {"#EXTM3U\n", 1, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct m3u8 *playlist = parse(rows[i].text);
        struct player_config config;
        player_config_init(&config, player_profiles[0], SPAN("http://host/a/main.m3u8"));
        assert_int_equal(player_renditions_needed(&config, playlist), rows[i].one);
        config.variant_rule = PLAYER_VARIANT_ALL;
        assert_int_equal(player_renditions_needed(&config, playlist), rows[i].all);
        m3u8_unref(playlist);
    }
}

/* 100,000 variants without audio of their own, the second half another playlist than the first:
 * each compared with all before it and with 100,000 renditions would take minutes. */
static void test_variants_without_number(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct buf text;
    buf_init(&text, (size_t)1 << 26);
    buf_append_string(&text, "#EXTM3U\n");
    for (int i = 0; i < MANY; i++) {
        buf_append_string(&text, AUDIO("x", ",URI=\"x1\"", ""));
        buf_printf(&text, VARIANT("1", ",AUDIO=\"y\"", "%c"), i < MANY / 2 ? 'a' : 'b');
    }
    buf_append(&text, "", 1);
    struct m3u8 *playlist = parse(text.ptr);
    assert_int_equal(playlist->variant_count, MANY);
    struct player_config config;
    player_config_init(&config, player_profiles[0], SPAN("http://host/a/main.m3u8"));
    assert_int_equal(player_renditions_needed(&config, playlist), 1);
    config.variant_rule = PLAYER_VARIANT_ALL;
    assert_in_range(player_renditions_needed(&config, playlist), 1, PLAYER_RENDITIONS_MAX);
    m3u8_unref(playlist);
    buf_release(&text);
}

/* A session up to its first media fetches: which playlists it asks for. */
static void test_audio_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *video, *audio;
    } rows[] = {
        {"#EXTM3U\n" AUDIO("x", ",URI=\"x1\"", "") AUDIO("x", ",URI=\"x2\"", ",DEFAULT=YES")
             VARIANT("1", ",AUDIO=\"x\"", "a"),
         "a", "x2"},
        {"#EXTM3U\n" AUDIO("x", "", ",DEFAULT=YES") AUDIO("x", ",URI=\"x2\"", "")
             VARIANT("1", ",AUDIO=\"x\"", "a"),
         "a", NULL},
        {"#EXTM3U\n" VARIANT("1", ",AUDIO=\"nowhere\"", "a"), "a", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct m3u8 *playlist = parse(rows[i].text);
        struct player_config config;
        struct player player;
        struct player_rendition renditions[2];
        struct player_event events[PLAYER_EVENTS];
        struct player_session session = {.seed = 1, .intended_us = 5};
        struct player_action action;
        player_config_init(&config, player_profiles[0], SPAN("http://host/a/main.m3u8"));
        player_init(&player, renditions, 2, events, &config, &session);
        player_next(&player, 7, &action);
        assert_int_equal(action.what, PLAYER_FETCH);
        assert_int_equal(action.resource, PLAYER_MULTIVARIANT);
        assert_int_equal(action.intended_us, 5);
        assert_int_equal(player_on_playlist(&player, action.token, playlist, 9), FAIL_NONE);
        m3u8_unref(playlist);
        player_next(&player, 9, &action);
        assert_int_equal(action.what, PLAYER_FETCH);
        assert_true(span_equal(action.reference, span_from_string(rows[i].video)));
        player_next(&player, 9, &action);
        assert_int_equal(action.what, rows[i].audio != NULL ? PLAYER_FETCH : PLAYER_WAIT);
        assert_true(rows[i].audio == NULL ||
                    span_equal(action.reference, span_from_string(rows[i].audio)));
        player_fini(&player);
    }
}

static void test_unplayable_playlists(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "#EXTM3U\n",                                          /* nothing in it */
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-ENDLIST\n", /* the end of nothing */
        /* a delta update that nobody asked for */
        ("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n"
         "#EXTINF:4,\na.ts\n"),
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct m3u8 *playlist = parse(texts[i]);
        struct player_config config;
        struct player player;
        struct player_rendition rendition;
        struct player_event events[PLAYER_EVENTS];
        struct player_session session = {.seed = 1};
        struct player_action action;
        player_config_init(&config, player_profiles[0], SPAN("http://host/a/main.m3u8"));
        player_init(&player, &rendition, 1, events, &config, &session);
        player_next(&player, 0, &action);
        assert_int_equal(player_on_playlist(&player, action.token, playlist, 9),
                         FAIL_PLAYLIST_INVALID);
        m3u8_unref(playlist);
        player_next(&player, 9, &action);
        assert_int_equal(action.what, PLAYER_FAILED);
        assert_int_equal(action.fail, FAIL_PLAYLIST_INVALID);
        player_fini(&player);
    }
}

/* Gaps to the end: the session fails, and it is told why. */
static void test_nothing_but_gaps(void **state)
{
    (void)state;
    struct m3u8 *playlist = parse("#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
                                  "#EXT-X-GAP\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n");
    struct player_config config;
    struct player player;
    struct player_rendition rendition;
    struct player_event events[PLAYER_EVENTS], event;
    struct player_session session = {.seed = 1};
    struct player_action action;
    player_config_init(&config, player_profiles[0], SPAN("http://host/a/main.m3u8"));
    player_init(&player, &rendition, 1, events, &config, &session);
    player_next(&player, 0, &action);
    assert_int_equal(player_on_playlist(&player, action.token, playlist, 9), FAIL_NONE);
    m3u8_unref(playlist);
    player_next(&player, 9, &action);
    assert_int_equal(action.what, PLAYER_FAILED);
    assert_int_equal(action.fail, FAIL_PLAYLIST_INVALID);
    uint32_t told = 0;
    while (player_event(&player, &event)) {
        told += event.what == PLAYER_FAULT && event.fail == FAIL_PLAYLIST_INVALID;
    }
    assert_int_equal(told, 1);
    player_fini(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renditions_needed),
        cmocka_unit_test(test_variants_without_number),
        cmocka_unit_test(test_nothing_but_gaps),
        cmocka_unit_test(test_audio_is_chosen),
        cmocka_unit_test(test_unplayable_playlists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
