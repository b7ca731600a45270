#include "engine/native/playlists.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct m3u8 *get(struct playlists *playlists, const char *text, const char *url)
{
    const struct m3u8_source source = {
        .text = span_from_string(text),
        .url = span_from_string(url),
    };
    struct m3u8 *playlist = NULL;
    assert_int_equal(playlists_get(playlists, &source, &playlist), M3U8_OK);
    return playlist;
}

#define TEXT "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n"

static void same_text_and_url_is_parsed_once(void **state)
{
    (void)state;
    struct playlists *playlists = calloc(1, sizeof *playlists);
    struct m3u8 *first = get(playlists, TEXT, "http://h/a.m3u8");
    struct m3u8 *again = get(playlists, TEXT, "http://h/a.m3u8");
    assert_ptr_equal(first, again);
    assert_int_equal(playlists->parses, 1);
    /* Relative URIs of the same text mean something else under another URL. */
    struct m3u8 *elsewhere = get(playlists, TEXT, "http://h/b/a.m3u8");
    assert_ptr_not_equal(first, elsewhere);
    struct m3u8 *grown = get(playlists, TEXT "#EXTINF:2,\nb.ts\n", "http://h/a.m3u8");
    assert_int_equal(grown->segment_count, 2);
    assert_int_equal(playlists->parses, 3);
    m3u8_unref(first);
    m3u8_unref(again);
    m3u8_unref(elsewhere);
    m3u8_unref(grown);
    playlists_fini(playlists);
    assert_int_equal(playlists->memory_bytes, 0);
    free(playlists);
}

static void playlist_outlives_its_place_in_the_cache(void **state)
{
    (void)state;
    struct playlists *playlists = calloc(1, sizeof *playlists);
    struct m3u8 *kept = get(playlists, TEXT, "http://h/kept.m3u8");
    for (unsigned i = 0; i < 4 * PLAYLISTS_SETS * PLAYLISTS_WAYS; i++) {
        char url[64];
        snprintf(url, sizeof url, "http://h/%u.m3u8", i);
        m3u8_unref(get(playlists, TEXT, url));
    }
    assert_true(playlists->memory_bytes < PLAYLISTS_MEMORY_BYTES);
    assert_int_equal(kept->segment_count, 1);
    assert_true(span_equal(kept->segments[0].uri, SPAN("a.ts")));
    m3u8_unref(kept);
    playlists_fini(playlists);
    free(playlists);
}

/* What viewers hold counts until they let go of it. */
static void playlists_are_bounded_together(void **state)
{
    (void)state;
    struct playlists *playlists = calloc(1, sizeof *playlists);
    struct m3u8 *held = get(playlists, TEXT, "http://h/1.m3u8");
    assert_int_equal(playlists->held_bytes, held->memory_bytes);
    playlists->limit_bytes = held->memory_bytes;
    const struct m3u8_source source = {.text = SPAN(TEXT), .url = SPAN("http://h/2.m3u8")};
    struct m3u8 *more = NULL;
    assert_int_equal(playlists_get(playlists, &source, &more), M3U8_NO_MEMORY);
    m3u8_unref(held);
    assert_int_equal(playlists->held_bytes, 0);
    assert_int_equal(playlists_get(playlists, &source, &more), M3U8_OK);
    m3u8_unref(more);
    playlists_fini(playlists);
    assert_int_equal(playlists->held_bytes, 0);
    free(playlists);
}

/* A kilobyte that a variable stands for, a thousand times in each of a thousand lines. */
static void playlist_that_swells_is_refused(void **state)
{
    (void)state;
    enum { NAME = 1024, LINES = 1000, TIMES = 1000 };
    struct buf text;
    buf_init(&text, (size_t)1 << 24);
    buf_append_string(&text, "#EXTM3U\n#EXT-X-DEFINE:NAME=\"x\",VALUE=\"");
    for (int i = 0; i < NAME; i++) {
        buf_append_string(&text, "y");
    }
    buf_append_string(&text, "\"\n#EXT-X-TARGETDURATION:2\n");
    for (int i = 0; i < LINES; i++) {
        buf_append_string(&text, "#EXTINF:2,\n");
        for (int j = 0; j < TIMES; j++) {
            buf_append_string(&text, "{$x}");
        }
        buf_append_string(&text, "\n");
    }
    struct playlists *playlists = calloc(1, sizeof *playlists);
    const struct m3u8_source source = {.text = span_of(text.ptr, text.len)};
    struct m3u8 *playlist = NULL;
    assert_int_equal(playlists_get(playlists, &source, &playlist), M3U8_TOO_LARGE);
    playlists_fini(playlists);
    free(playlists);
    buf_release(&text);
}

static void playlist_with_variables_is_not_shared(void **state)
{
    (void)state;
    static const char text[] = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"x\",VALUE=\"y\"\n"
                               "#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{$x}.ts\n";
    struct playlists *playlists = calloc(1, sizeof *playlists);
    struct m3u8 *first = get(playlists, text, "http://h/a.m3u8");
    struct m3u8 *again = get(playlists, text, "http://h/a.m3u8");
    assert_ptr_not_equal(first, again);
    m3u8_unref(first);
    m3u8_unref(again);
    playlists_fini(playlists);
    free(playlists);
}

static void what_is_no_playlist_is_not_kept(void **state)
{
    (void)state;
    struct playlists *playlists = calloc(1, sizeof *playlists);
    const struct m3u8_source source = {.text = SPAN("<html>"), .url = SPAN("http://h/a")};
    struct m3u8 *playlist = NULL;
    assert_int_equal(playlists_get(playlists, &source, &playlist), M3U8_NOT_PLAYLIST);
    assert_null(playlist);
    assert_int_equal(playlists->memory_bytes, 0);
    free(playlists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_text_and_url_is_parsed_once),
        cmocka_unit_test(playlist_outlives_its_place_in_the_cache),
        cmocka_unit_test(playlist_with_variables_is_not_shared),
        cmocka_unit_test(playlist_that_swells_is_refused),
        cmocka_unit_test(playlists_are_bounded_together),
        cmocka_unit_test(what_is_no_playlist_is_not_kept),
    };
    return cmocka_run_group_tests_name("playlists", tests, NULL, NULL);
}
