/* Streams: their text, their time line, their paths, their sizes. */
#include "origin/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW  INT64_C(100000000)
#define WALL INT64_C(1700000000000000)

static struct stream *make(const char *text)
{
    struct err err = {0};
    struct stream *stream = stream_new(span_from_string(text), 0, NOW, WALL, &err);
    if (stream == NULL) {
        print_error("%s: %s\n", text, err.why);
        fail();
    }
    return stream;
}

static void test_bad_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "bitrates=1M",
        "name=",
        "name=a/b",
        "name=a,segment=0s",
        "name=a,segment=1",
        "name=a,segment=61s",
        "name=a,segment=50ms",
        "name=a,window=0",
        "name=a,vod=0s",
        "name=a,bitrates=",
        "name=a,bitrates=1",
        "name=a,bitrates=1k",
        "name=a,format=webm",
        "name=a,key=des",
        "name=a,uris=upside-down",
        "name=a,type=vod",
        "name=a,date=maybe",
        "name=a,gap=1",
        "name=a,unknown=1",
        "name=a,bitrates=1M+1M+1M+1M+1M+1M+1M+1M+1M+1M+1M+1M+1M+1M+1M+1M+1M",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err = {0};
        if (stream_new(span_from_string(texts[i]), 0, NOW, WALL, &err) != NULL ||
            err.kind != ERR_USAGE || err.why[0] == '\0') {
            print_error("'%s' was taken\n", texts[i]);
            fail();
        }
    }
}

static void test_live_window(void **state)
{
    (void)state;
    struct stream *stream = make("name=a,segment=2s,window=3,bitrates=500k");
    uint64_t first = 9;
    uint64_t end = 0;
    stream_window(stream, NOW, &first, &end);
    assert_int_equal(first, 0);
    assert_int_equal(end, 3);
    assert_int_equal(stream_next_change_us(stream, NOW), NOW + 2000000);
    stream_window(stream, NOW + 1999999, &first, &end);
    assert_int_equal(end, 3);
    stream_window(stream, NOW + 2000000, &first, &end);
    assert_int_equal(first, 1);
    assert_int_equal(end, 4);
    assert_true(stream_has_segment(stream, NOW + 2000000, 0));
    assert_false(stream_has_segment(stream, NOW + 2000000, 4));
    /* Ten segments stay behind the window. */
    int64_t later_us = NOW + 20 * INT64_C(2000000);
    stream_window(stream, later_us, &first, &end);
    assert_int_equal(first, 20);
    assert_true(stream_has_segment(stream, later_us, 10));
    assert_false(stream_has_segment(stream, later_us, 9));
    stream_free(stream);
}

static void test_event_and_phase(void **state)
{
    (void)state;
    struct stream *stream =
        make("name=a,segment=1s,window=2,type=event,phase=400ms,bitrates=500k");
    uint64_t first = 9;
    uint64_t end = 0;
    stream_window(stream, NOW, &first, &end);
    assert_int_equal(end, 2);
    assert_int_equal(stream_next_change_us(stream, NOW), NOW + 600000);
    stream_window(stream, NOW + 100600000, &first, &end);
    assert_int_equal(first, 0);
    assert_int_equal(end, 103);
    stream_free(stream);
}

static void test_vod_ends_with_a_short_segment(void **state)
{
    (void)state;
    struct stream *stream = make("name=a,segment=2s,vod=5s,bitrates=500k");
    uint64_t first = 9;
    uint64_t end = 0;
    stream_window(stream, NOW * 1000, &first, &end);
    assert_int_equal(first, 0);
    assert_int_equal(end, 3);
    assert_int_equal(stream_duration_us(stream, 1), 2000000);
    assert_int_equal(stream_duration_us(stream, 2), 1000000);
    assert_int_equal(stream_next_change_us(stream, NOW), INT64_MAX);
    const struct stream_rendition *video = &stream->video[0];
    assert_in_range(stream_segment_bytes(video, 0), 124000, 125000);
    assert_in_range(stream_segment_bytes(video, 2), 61000, 63000);
    stream_free(stream);
}

static void test_resolve(void **state)
{
    (void)state;
    struct stream *stream = make("name=a,audio=96k,bitrates=500k+1M,format=fmp4,key=aes128");
    static const struct {
        const char *path;
        enum stream_resource resource;
        int variant; /* -1: none, 9: the sound */
    } cases[] = {
        {"index.m3u8", STREAM_RESOURCE_MULTIVARIANT, -1},
        {"v1/index.m3u8", STREAM_RESOURCE_PLAYLIST, 1},
        {"audio/index.m3u8", STREAM_RESOURCE_PLAYLIST, 9},
        {"v0/17.m4s", STREAM_RESOURCE_SEGMENT, 0},
        {"v0/init.mp4", STREAM_RESOURCE_INIT, 0},
        {"v0/media.mp4", STREAM_RESOURCE_FILE, 0},
        {"key.bin", STREAM_RESOURCE_KEY, -1},
        {"v0/17.ts", STREAM_RESOURCE_NONE, 0},
        {"v0/x.m4s", STREAM_RESOURCE_NONE, 0},
        {"v0/99999999999999999999.m4s", STREAM_RESOURCE_NONE, 0},
        {"v0/", STREAM_RESOURCE_NONE, 0},
        {"v2/index.m3u8", STREAM_RESOURCE_NONE, -1},
        {"", STREAM_RESOURCE_NONE, -1},
        {"v0/sub/17.m4s", STREAM_RESOURCE_NONE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream_target got = stream_resolve(stream, span_from_string(cases[i].path));
        const struct stream_rendition *rendition = cases[i].variant == 9 ? &stream->audio
                                                   : cases[i].variant >= 0
                                                       ? &stream->video[cases[i].variant]
                                                       : NULL;
        if (got.resource != cases[i].resource || got.rendition != rendition) {
            print_error("%s: got %d\n", cases[i].path, got.resource);
            fail();
        }
    }
    assert_int_equal(stream_resolve(stream, SPAN("v0/17.m4s")).number, 17);
    stream_free(stream);
}

/* Sizes told beforehand are those of the bytes made: for every form, plain and encrypted. */
static void test_sizes_hold(void **state)
{
    (void)state;
    static const char *const forms[] = {"ts", "fmp4"};
    for (size_t i = 0; i < 4; i++) {
        char text[128];
        snprintf(text, sizeof text, "name=a,vod=5s,bitrates=300k,format=%s%s", forms[i % 2],
                 i >= 2 ? ",key=aes128" : "");
        struct stream *stream = make(text);
        const struct stream_rendition *video = &stream->video[0];
        uint64_t at = stream_segment_offset(video, 0);
        assert_int_equal(at, video->init_bytes);
        for (uint64_t number = 0; number < stream->segments; number++) {
            uint64_t len = stream_segment_bytes(video, number);
            assert_int_equal(stream_segment_offset(video, number), at);
            assert_int_equal(len % 16, i >= 2 ? 0 : len % 16);
            /* The address sanitizer sees a byte too many. */
            uint8_t *bytes = malloc(len);
            assert_int_equal(stream_make_segment(video, number, bytes), 0);
            free(bytes);
            at += len;
        }
        stream_free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_live_window),
        cmocka_unit_test(test_event_and_phase),
        cmocka_unit_test(test_vod_ends_with_a_short_segment),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_sizes_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
