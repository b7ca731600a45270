/* Playlists as written, letter by letter. */
#include "media/m3u8_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_written(struct buf *buf, const char *expected)
{
    if (!span_equal(buf_span(buf), span_from_string(expected))) {
        print_error("got:\n%.*s\nexpected:\n%s\n", (int)buf->len, buf->ptr, expected);
        fail();
    }
    buf_release(buf);
}

static void test_multivariant(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    struct m3u8_write_rendition sound = {.group = SPAN("g"),
                                         .name = SPAN("English"),
                                         .language = SPAN("en"),
                                         .uri = SPAN("audio.m3u8"),
                                         .channels = 2,
                                         .is_default = true};
    struct m3u8_write_rendition muxed = {.group = SPAN("g"), .name = SPAN("None")};
    struct m3u8_write_variant video = {.uri = SPAN("v0.m3u8"),
                                       .codecs = SPAN("avc1.42c01f,mp4a.40.2"),
                                       .audio = SPAN("g"),
                                       .bandwidth = 2000000,
                                       .average = 1900000,
                                       .width = 1280,
                                       .height = 720,
                                       .frame_rate = 25};
    struct m3u8_write_variant bare = {.uri = SPAN("v1.m3u8"), .bandwidth = 1};
    assert_int_equal(m3u8_write_multivariant_start(&buf, 4), 0);
    assert_int_equal(m3u8_write_rendition(&buf, &sound), 0);
    assert_int_equal(m3u8_write_rendition(&buf, &muxed), 0);
    assert_int_equal(m3u8_write_variant(&buf, &video), 0);
    assert_int_equal(m3u8_write_variant(&buf, &bare), 0);
    assert_written(&buf,
                   "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                   "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"English\",LANGUAGE=\"en\","
                   "DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\"\n"
                   "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"None\","
                   "DEFAULT=NO,AUTOSELECT=YES\n"
                   "#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1900000,"
                   "CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720,"
                   "FRAME-RATE=25.000,AUDIO=\"g\"\nv0.m3u8\n"
                   "#EXT-X-STREAM-INF:BANDWIDTH=1\nv1.m3u8\n");
}

static void test_live(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    static const uint8_t iv[16] = {0xab, [15] = 1};
    struct m3u8_write_media media = {.version = 6,
                                     .target_duration_s = 4,
                                     .media_sequence = 17,
                                     .discontinuity_sequence = 2};
    struct m3u8_write_segment segment = {.uri = SPAN("17.m4s"),
                                         .duration_us = 3960000,
                                         .program_date_us = INT64_C(1700000000123456),
                                         .range = {1000, 70000}};
    assert_int_equal(m3u8_write_media_start(&buf, &media), 0);
    assert_int_equal(m3u8_write_map(&buf, SPAN("init.mp4"), (struct m3u8_write_range){700, 0}),
                     0);
    assert_int_equal(m3u8_write_key(&buf, SPAN("key"), iv), 0);
    assert_int_equal(m3u8_write_segment(&buf, &segment), 0);
    segment = (struct m3u8_write_segment){.uri = SPAN("18.m4s"),
                                          .duration_us = 4000001,
                                          .program_date_us = -1,
                                          .discontinuity = true,
                                          .gap = true};
    assert_int_equal(m3u8_write_segment(&buf, &segment), 0);
    assert_written(
        &buf, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n"
              "#EXT-X-MEDIA-SEQUENCE:17\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n"
              "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"700@0\"\n"
              "#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0xab000000000000000000000000000001\n"
              "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.123Z\n"
              "#EXTINF:3.960000,\n#EXT-X-BYTERANGE:1000@70000\n17.m4s\n"
              "#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXTINF:4.000001,\n18.m4s\n");
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        struct m3u8_write_media media;
        const char *expected;
    } cases[] = {
        {{.version = 3, .target_duration_s = 2, .type = M3U8_WRITE_VOD},
         "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
         "#EXT-X-ENDLIST\n"},
        {{.version = 3, .target_duration_s = 2, .type = M3U8_WRITE_EVENT},
         "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
         "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-ENDLIST\n"},
        {{.version = 3, .target_duration_s = 2, .media_sequence = 9, .no_media_sequence = true},
         "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-ENDLIST\n"},
        {{.version = 3, .target_duration_s = 2, .has_discontinuities = true},
         "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
         "#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-ENDLIST\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf buf;
        buf_init(&buf, 4096);
        assert_int_equal(m3u8_write_media_start(&buf, &cases[i].media), 0);
        assert_int_equal(m3u8_write_media_end(&buf), 0);
        assert_written(&buf, cases[i].expected);
    }
}

static void test_a_full_buffer_is_told(void **state)
{
    (void)state;
    struct m3u8_write_segment segment = {
        .uri = SPAN("1.ts"), .duration_us = 1, .program_date_us = -1};
    for (size_t limit = 0; limit < 20; limit++) {
        struct buf buf;
        buf_init(&buf, limit);
        assert_true(m3u8_write_segment(&buf, &segment) != 0);
        assert_true(buf.len <= limit);
        buf_release(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multivariant),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
