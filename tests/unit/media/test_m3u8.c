/* The lenient answer: what a player would play, and every fact derived. */
#include "media/m3u8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static enum m3u8_status parse_as(const char *text, const char *url, const struct m3u8 *top,
                                 struct m3u8 **out)
{
    const struct m3u8_source source = {
        .text = span_from_string(text),
        .url = span_from_string(url),
        .multivariant = top,
    };
    *out = NULL;
    return m3u8_parse(&source, out);
}

static struct m3u8 *parse(const char *text)
{
    struct m3u8 *m;
    assert_int_equal(parse_as(text, "http://h/a/b.m3u8?t=1", NULL, &m), M3U8_OK);
    return m;
}

static void expect_text(struct span got, const char *expected)
{
    if (!span_equal(got, span_from_string(expected))) {
        fail_msg("got \"%.*s\", expected \"%s\"", SPAN_ARGS(got), expected);
    }
}

static void test_media_facts(void **state)
{
    (void)state;
    struct m3u8 *m = parse("#EXTM3U\r\n#EXT-X-VERSION:6\r\n#EXT-X-TARGETDURATION:5\r\n"
                           "#EXT-X-MEDIA-SEQUENCE:7\r\n#EXT-X-DISCONTINUITY-SEQUENCE:3\r\n"
                           "#EXT-X-START:TIME-OFFSET=-4.5,PRECISE=YES\r\n\r\n"
                           "#EXTINF:4.5,first, with comma\r\n0.ts\r\n"
                           "#EXT-X-DISCONTINUITY\r\n#EXT-X-GAP\r\n#EXTINF:.0000005,\r\n1.ts\r\n"
                           "#EXT-X-BITRATE:800\r\n#EXTINF:5\r\n2.ts\r\n"
                           "#EXT-X-ENDLIST");
    assert_int_equal(m->kind, M3U8_MEDIA);
    assert_int_equal(m->version, 6);
    assert_int_equal(m->target_duration_us, 5 * SECOND);
    assert_int_equal(m->hold_back_us, 15 * SECOND);
    assert_int_equal(m->start_offset_us, -4500000);
    assert_true((m->flags & M3U8_HAS_START) && (m->flags & M3U8_START_PRECISE));
    assert_true(m3u8_is_final(m));
    assert_int_equal(m->segment_count, 3);
    const struct m3u8_segment *s = m->segments;
    expect_text(s[0].uri, "0.ts");
    expect_text(m3u8_segment_title(m, &s[0]), "first, with comma");
    assert_int_equal(s[0].sequence, 7);
    assert_int_equal(s[0].discontinuity_sequence, 3);
    assert_int_equal(s[0].line, 9);
    assert_int_equal(s[1].discontinuity_sequence, 4);
    assert_int_equal(s[1].flags, M3U8_SEGMENT_GAP | M3U8_SEGMENT_DISCONTINUITY);
    assert_int_equal(s[1].duration_us, 1);
    assert_int_equal(s[1].start_us, 4500000);
    assert_int_equal(s[2].bitrate_kbps, 800);
    assert_int_equal(s[2].start_us, 4500001);
    assert_int_equal(m->total_duration_us, 9500001);
    assert_int_equal(m->longest_duration_us, 5 * SECOND);
    assert_ptr_equal(m3u8_segment_by_sequence(m, 8), &s[1]);
    assert_null(m3u8_segment_by_sequence(m, 6));
    assert_null(m3u8_segment_by_sequence(m, 10));
    assert_ptr_equal(m3u8_segment_by_time(m, -1), &s[0]);
    assert_ptr_equal(m3u8_segment_by_time(m, 4500000), &s[1]);
    assert_ptr_equal(m3u8_segment_by_time(m, 99 * SECOND), &s[2]);
    m3u8_unref(m);
}

static void test_byte_ranges(void **state)
{
    (void)state;
    struct m3u8 *m = parse("#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
                           "#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"720\"\n"
                           "#EXT-X-BYTERANGE:100@720\n#EXTINF:4,\na.mp4\n"
                           "#EXTINF:4,\n#EXT-X-BYTERANGE:200\na.mp4\n"
                           "#EXTINF:4,\n#EXT-X-BYTERANGE:300\nb.mp4\n"
                           "#EXTINF:4,\na.mp4\n"
                           "#EXTINF:4,\n#EXT-X-BYTERANGE:5\na.mp4\n"
                           "#EXTINF:4,\n#EXT-X-BYTERANGE:18446744073709551615@1\na.mp4\n");
    const struct m3u8_segment *s = m->segments;
    assert_int_equal(s[0].range.offset, 720);
    assert_int_equal(s[1].range.offset, 820);
    assert_int_equal(s[1].range.length, 200);
    assert_int_equal(s[1].flags, M3U8_SEGMENT_RANGE);
    assert_int_equal(s[2].range.offset, 1020); /* Another resource: players carry on. */
    assert_int_equal(s[2].flags, M3U8_SEGMENT_RANGE | M3U8_SEGMENT_OFFSET_GUESSED);
    assert_int_equal(s[3].flags, 0);
    assert_int_equal(s[4].range.offset, 0); /* Nothing to carry on from. */
    assert_int_equal(s[4].flags, M3U8_SEGMENT_RANGE | M3U8_SEGMENT_OFFSET_GUESSED);
    assert_int_equal(s[5].flags, 0); /* It would wrap around: no range. */
    assert_int_equal(m->maps[0].range.length, 720);
    assert_int_equal(m->maps[0].range.offset, 0);
    assert_int_equal(s[3].map, 0);
    m3u8_unref(m);
}

static void test_keys_and_maps(void **state)
{
    (void)state;
    struct m3u8 *m =
        parse("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:258\n"
              "#EXTINF:4,\n0.ts\n"
              "#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n#EXT-X-MAP:URI=\"i1\"\n#EXTINF:4,\n1.ts\n"
              "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://"
              "2\",KEYFORMAT=\"com.apple.streamingkeydelivery\","
              "KEYFORMATVERSIONS=\"1\"\n#EXTINF:4,\n2.ts\n"
              "#EXT-X-KEY:METHOD=AES-128,URI=\"k3\",IV=0X0102030405060708090A0B0C0D0E0F10\n"
              "#EXTINF:4,\n3.ts\n"
              "#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\n4.ts\n"
              "#EXT-X-KEY:METHOD=ROT13,URI=\"k5\"\n#EXTINF:4,\n5.ts\n");
    const struct m3u8_segment *s = m->segments;
    uint8_t iv[16];
    assert_int_equal(s[0].key_count, 0);
    assert_int_equal(s[0].map, M3U8_NONE);
    const struct m3u8_key *key = m3u8_identity_key(m, s[1].key_first, s[1].key_count);
    assert_non_null(key);
    expect_text(key->uri, "k1");
    m3u8_key_iv(key, s[1].sequence, iv);
    assert_memory_equal(iv, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\3", 16);
    assert_int_equal(m->maps[s[1].map].key_count, 1);
    assert_int_equal(s[2].key_count, 2);
    expect_text(m3u8_identity_key(m, s[2].key_first, s[2].key_count)->uri, "k1");
    assert_int_equal(m->keys[s[2].key_first + 1].format, M3U8_KEY_FAIRPLAY);
    assert_int_equal(s[3].key_count, 2);
    key = m3u8_identity_key(m, s[3].key_first, s[3].key_count);
    expect_text(key->uri, "k3");
    m3u8_key_iv(key, s[3].sequence, iv);
    assert_memory_equal(iv, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 16);
    assert_int_equal(s[4].key_count, 0);
    assert_int_equal(s[5].key_count, 1);
    assert_null(m3u8_identity_key(m, s[5].key_first, s[5].key_count));
    assert_int_equal(m->keys[s[5].key_first].method, M3U8_METHOD_UNKNOWN);
    m3u8_unref(m);
}

static void test_dates(void **state)
{
    (void)state;
    struct m3u8 *m =
        parse("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.ts\n"
              "#EXTINF:2.5,\n1.ts\n"
              "#EXT-X-PROGRAM-DATE-TIME:2010-02-19T14:54:23.031+08:00\n"
              "#EXTINF:4,\n2.ts\n#EXTINF:4,\n3.ts\n"
              "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n"
              "#EXTINF:4,\n4.ts\n");
    int64_t at = INT64_C(1266562463031000);
    assert_int_equal(m->segments[0].date_us, at - 6500000);
    assert_int_equal(m->segments[1].date_us, at - 2500000);
    assert_int_equal(m->segments[2].date_us, at);
    assert_int_equal(m->segments[3].date_us, at + 4 * SECOND);
    assert_int_equal(m->segments[3].flags & M3U8_SEGMENT_DATE, 0);
    assert_int_equal(m->segments[4].date_us, INT64_C(1767225600000000));
    assert_int_equal(m->tail.date_us, INT64_C(1767225604000000));
    m3u8_unref(m);
}

static void test_low_latency(void **state)
{
    (void)state;
    struct m3u8 *m = parse(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-VERSION:9\n"
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=24,"
        "HOLD-BACK=13\n#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:9\n"
        "#EXT-X-PART:DURATION=0.5,URI=\"9.mp4\",BYTERANGE=\"100@0\",INDEPENDENT=YES\n"
        "#EXT-X-PART:DURATION=0.5,URI=\"9.mp4\",BYTERANGE=50\n#EXTINF:1,\n9.mp4\n"
        "#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.5,URI=\"10a.mp4\",GAP=YES\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"10b.mp4\",BYTERANGE-START=7\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"no.mp4\"\n#EXT-X-PRELOAD-HINT:TYPE=FOO,URI=\"x\"\n"
        "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"i.mp4\",BYTERANGE-LENGTH=9\n"
        "#EXT-X-RENDITION-REPORT:URI=\"../b.m3u8\",LAST-MSN=10,LAST-PART=0\n"
        "#EXT-X-RENDITION-REPORT:URI=\"../c.m3u8\"\n");
    assert_int_equal(m->part_target_us, SECOND / 2);
    assert_int_equal(m3u8_hold_back_us(m, true), 1500000);
    assert_int_equal(m3u8_hold_back_us(m, false), 13 * SECOND);
    assert_int_equal(m->can_skip_until_us, 24 * SECOND);
    assert_int_equal(m->segments[0].part_count, 2);
    assert_int_equal(m->parts[0].flags, M3U8_PART_INDEPENDENT | M3U8_PART_RANGE);
    assert_int_equal(m->parts[1].range.offset, 100);
    assert_int_equal(m->tail.part_count, 1);
    assert_int_equal(m->tail.part_first, 2);
    assert_int_equal(m->tail.sequence, 10);
    assert_int_equal(m->tail.discontinuity_sequence, 1);
    assert_int_equal(m->tail.duration_us, SECOND / 2);
    assert_int_equal(m->parts[2].flags, M3U8_PART_GAP);
    expect_text(m->part_hint.uri, "10b.mp4");
    assert_int_equal(m->part_hint.offset, 7);
    assert_true(m->part_hint.length == M3U8_TO_THE_END);
    assert_int_equal(m->map_hint.length, 9);
    assert_int_equal(m->report_count, 2);
    assert_int_equal(m->reports[0].last_sequence, 10);
    assert_true(m->reports[1].last_part == UINT64_MAX);
    assert_int_equal(m->ignored_tags, 2);
    m3u8_unref(m);
}

static void test_multivariant_facts(void **state)
{
    (void)state;
    struct m3u8 *m = parse(
        "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"one\",LANGUAGE=\"en\",CHANNELS=\"2\"\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"two\",AUTOSELECT=YES,URI=\"two.m3u8\"\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"one\",DEFAULT=YES\n"
        "#EXT-X-MEDIA:TYPE=SMELL,GROUP-ID=\"b\",NAME=\"one\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,RESOLUTION=640x360,"
        "FRAME-RATE=29.97,CODECS=\"avc1.4d401e,mp4a.40.2\",AUDIO=\"a\",CLOSED-CAPTIONS=NONE,"
        "X-OWN=1\n# a comment\nlow.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=2,REQ-NEW=1\nignored.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3,REQ-VIDEO-LAYOUT=\"CH-TRIO\"\nignored.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=4,PATHWAY-ID=\"B\",SCORE=1.5\nhi.m3u8\n"
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=5,URI=\"i.m3u8\"\n"
        "#EXT-X-SESSION-DATA:DATA-ID=\"d\",VALUE=\"v\"\n"
        "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n"
        "#EXT-X-CONTENT-STEERING:SERVER-URI=\"s\",PATHWAY-ID=\"B\"\n#EXT-X-NEW-TAG:1\n");
    assert_int_equal(m->kind, M3U8_MULTIVARIANT);
    assert_int_equal(m->variant_count, 2);
    const struct m3u8_variant *v = m->variants;
    assert_int_equal(v[0].bandwidth_bps, 1280000);
    assert_int_equal(v[0].width, 640);
    assert_true(v[0].frame_rate > 29.96 && v[0].frame_rate < 29.98);
    assert_true(v[0].captions_none && v[0].score < 0);
    expect_text(v[0].pathway, ".");
    expect_text(v[0].uri, "low.m3u8");
    expect_text(v[1].uri, "hi.m3u8");
    expect_text(v[1].pathway, "B");
    assert_int_equal(m->rendition_count, 3);
    assert_int_equal(m3u8_rendition_pick(m, M3U8_AUDIO, SPAN("a")), 1);
    assert_int_equal(m3u8_rendition_pick(m, M3U8_AUDIO, SPAN("b")), 2);
    assert_true(m3u8_rendition_pick(m, M3U8_VIDEO, SPAN("b")) == M3U8_NONE);
    assert_int_equal(m->i_frame_variant_count, 1);
    assert_int_equal(m->session_data_count, 1);
    assert_int_equal(m->session_key_count, 1);
    expect_text(m->steering_uri, "s");
    assert_int_equal(m->unknown_tags, 1);
    assert_int_equal(m->unknown_attributes, 2);
    m3u8_unref(m);
}

static void test_variables(void **state)
{
    (void)state;
    struct m3u8 *top =
        parse("#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-DEFINE:NAME=\"host\",VALUE=\"h2\"\n"
              "#EXT-X-DEFINE:NAME=\"empty\",VALUE=\"\"\n"
              "#EXT-X-STREAM-INF:BANDWIDTH=1\n{$host}/{$empty}v.m3u8\n");
    expect_text(top->variants[0].uri, "h2/v.m3u8");
    struct m3u8 *m;
    assert_int_equal(
        parse_as("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-DEFINE:IMPORT=\"host\"\n"
                 "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXT-X-DEFINE:NAME=\"n\",VALUE=\"{$host}{"
                 "x}\"\n"
                 "#EXT-X-KEY:METHOD=AES-128,URI=\"k?{$token}\",IV=0x{$hex}\n"
                 "#EXT-X-DEFINE:NAME=\"hex\",VALUE=\"01\"\n#EXTINF:4,{$title}\n{$n}-{y}.ts\n",
                 "http://h/?token=a%20b", top, &m),
        M3U8_INVALID);
    assert_int_equal(
        parse_as("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-DEFINE:IMPORT=\"host\"\n"
                 "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXT-X-DEFINE:NAME=\"n\",VALUE=\"{$host}{"
                 "x}\"\n"
                 "#EXT-X-DEFINE:NAME=\"hex\",VALUE=\"0F\"\n"
                 "#EXT-X-KEY:METHOD=AES-128,URI=\"k?{$token}\",IV=0x{$hex}\n"
                 "#EXTINF:4,{$title}\n{$n}-{y}.ts\n",
                 "http://h/?token=a%20b", top, &m),
        M3U8_OK);
    expect_text(m->segments[0].uri, "h2{x}-{y}.ts");
    expect_text(m3u8_segment_title(m, m->segments), "{$title}");
    expect_text(m->keys[0].uri, "k?a b");
    assert_int_equal(m->keys[0].iv[15], 15);
    m3u8_unref(m);
    static const char *const refused[] = {
        "#EXT-X-DEFINE:IMPORT=\"other\"\n",
        "#EXT-X-DEFINE:QUERYPARAM=\"other\"\n",
        "#EXT-X-DEFINE:NAME=\"a\"\n",
        "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\",IMPORT=\"host\"\n",
        "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\"\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\"\n",
        "#EXTINF:4,\n{$host}.ts\n",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n%s", refused[i]);
        if (parse_as(text, "http://h/?token=a", top, &m) != M3U8_INVALID) {
            fail_msg("accepted: %s", refused[i]);
        }
    }
    m3u8_unref(top);
}

static void test_what_players_survive(void **state)
{
    (void)state;
    struct m3u8 *m =
        parse("\xef\xbb\xbf\n  #EXTM3U \n#EXT-X-TARGETDURATION: 4 \n#EXTINF: 3.5 , a \n"
              " a.ts \n#EXTINF:-1,\nb.ts\nc.ts\n#EXTINF:x,\nd.ts\n#ext-x-endlist\n"
              "#EXT-X-PLAYLIST-TYPE:LIVE\n");
    assert_int_equal(m->segment_count, 4);
    expect_text(m->segments[0].uri, "a.ts");
    assert_int_equal(m->segments[0].duration_us, 3500000);
    assert_int_equal(m->segments[1].duration_us, 0);
    assert_int_equal(m->segments[2].duration_us, 4 * SECOND);
    assert_int_equal(m->segments[3].duration_us, 4 * SECOND);
    assert_int_equal(m->segments[3].start_us, 7500000);
    assert_int_equal(m->total_duration_us, 11500000);
    assert_int_equal(m->media_sequence, 0);
    assert_false(m3u8_is_final(m));
    m3u8_unref(m);
    m = parse("#EXTM3U\n#EXTINF:4.2,\na.ts\n");
    assert_int_equal(m->target_duration_us, 5 * SECOND);
    m3u8_unref(m);
    m = parse("#EXTM3U\na.ts\n");
    assert_int_equal(m->kind, M3U8_MULTIVARIANT);
    assert_int_equal(m->ignored_uris, 1);
    m3u8_unref(m);
    m = parse("#EXTM3U\n#EXT-X-TARGETDURATION:\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n");
    assert_int_equal(m->kind, M3U8_MULTIVARIANT);
    assert_true(m->flags & M3U8_MIXED);
    m3u8_unref(m);
    assert_int_equal(parse_as("", "", NULL, &m), M3U8_NOT_PLAYLIST);
    assert_int_equal(parse_as("<html>", "", NULL, &m), M3U8_NOT_PLAYLIST);
    assert_int_equal(parse_as("# x\n", "", NULL, &m), M3U8_NOT_PLAYLIST);
    assert_int_equal(parse_as("#EXTINF:4,\n#EXTM3U\n", "", NULL, &m), M3U8_NOT_PLAYLIST);
    m = parse("# x\n\n#EXTM3U\n#EXT-X-TARGETDURATION:4\n");
    assert_int_equal(m->kind, M3U8_MEDIA);
    m3u8_unref(m);
    m = parse("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000.7,AVERAGE-BANDWIDTH=9x\na.m3u8\n");
    assert_int_equal(m->variants[0].bandwidth_bps, 1280000);
    assert_int_equal(m->variants[0].average_bandwidth_bps, 9);
    m3u8_unref(m);
}

/* Sequence tags that come too late, and twice. */
static void test_late_sequences(void **state)
{
    (void)state;
    struct m3u8 *m = parse("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:3\n"
                           "#EXTINF:4,\na.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\nb.ts\n"
                           "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:20\n"
                           "#EXT-X-DISCONTINUITY\n#EXTINF:4,\nc.ts\n"
                           "#EXT-X-PART:DURATION=1,URI=\"d.0.ts\"\n");
    assert_int_equal(m->media_sequence, 7);
    assert_int_equal(m->discontinuity_sequence, 20);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(m->segments[i].sequence, 7 + i);
        assert_int_equal(m->segments[i].discontinuity_sequence, 20 + i);
    }
    assert_int_equal(m->tail.sequence, 10);
    assert_int_equal(m->tail.discontinuity_sequence, 22);
    m3u8_unref(m);
}

/* Lines that end in CR alone, and the two other ends among them. */
static void test_cr_lines(void **state)
{
    (void)state;
    struct m3u8 *m = parse("#EXTM3U\r#EXT-X-TARGETDURATION:4\r\r#EXTINF:4,one\ra.ts\r\n"
                           "#EXTINF:3,two\nb.ts\r#EXT-X-ENDLIST");
    assert_int_equal(m->segment_count, 2);
    expect_text(m->segments[0].uri, "a.ts");
    expect_text(m3u8_segment_title(m, &m->segments[0]), "one");
    expect_text(m3u8_segment_title(m, &m->segments[1]), "two");
    assert_int_equal(m->segments[1].line, 7);
    assert_int_equal(m->lines, 8);
    assert_true(m3u8_is_final(m));
    m3u8_unref(m);
    /* The first CR tells: here it belongs to CRLF, and one within a line is no end. */
    m = parse("#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n#EXTINF:4,a\rb\r\na.ts\r\n");
    assert_int_equal(m->segment_count, 1);
    expect_text(m->segments[0].uri, "a.ts");
    m3u8_unref(m);
}

/* IMPORT has no place in a multivariant playlist; it is passed over until it is missed. */
static void test_import_in_multivariant(void **state)
{
    (void)state;
    struct m3u8 *m = parse("#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"a\"\n"
                           "#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n");
    assert_int_equal(m->variant_count, 1);
    m3u8_unref(m);
    assert_int_equal(parse_as("#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"a\"\n"
                              "#EXT-X-STREAM-INF:BANDWIDTH=1\n{$a}.m3u8\n",
                              "", NULL, &m),
                     M3U8_INVALID);
}

static void test_date_ranges_merge(void **state)
{
    (void)state;
    struct m3u8 *m = parse(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PROGRAM-DATE-TIME:2014-03-05T11:15:00Z\n"
        "#EXTINF:4,\na.ts\n"
        "#EXT-X-DATERANGE:ID=\"s\",START-DATE=\"2014-03-05T11:15:00Z\",PLANNED-DURATION=59.993,"
        "SCTE35-OUT=0xFC00\n"
        "#EXT-X-DATERANGE:ID=\"t\",START-DATE=\"2014-03-05T11:15:00Z\",CLASS=\"c\",END-ON-NEXT="
        "YES\n"
        "#EXT-X-DATERANGE:ID=\"s\",DURATION=59.9,SCTE35-IN=0xFC01\n#EXT-X-DATERANGE:CLASS="
        "\"x\"\n");
    assert_int_equal(m->daterange_count, 2);
    assert_int_equal(m->dateranges[0].start_us, INT64_C(1394018100000000));
    assert_int_equal(m->dateranges[0].planned_duration_us, 59993000);
    assert_int_equal(m->dateranges[0].duration_us, 59900000);
    expect_text(m->dateranges[0].scte35_in, "0xFC01");
    assert_true(m->dateranges[1].end_on_next);
    assert_int_equal(m->ignored_tags, 1);
    m3u8_unref(m);
}

static void test_urls_resolve(void **state)
{
    (void)state;
    struct m3u8 *m = parse("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n../x y.ts\n");
    char url[URL_MAX];
    struct span out = {0};
    assert_int_equal(m3u8_resolve(m, m->segments[0].uri, url, sizeof url, &out), 0);
    expect_text(out, "http://h/x%20y.ts");
    m3u8_ref(m);
    m3u8_unref(m);
    expect_text(m->segments[0].uri, "../x y.ts");
    m3u8_unref(m);
    m3u8_unref(NULL);
    assert_int_equal(
        parse_as("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n", "", NULL, &m),
        M3U8_OK);
    assert_int_equal(m3u8_resolve(m, m->segments[0].uri, url, sizeof url, &out), -1);
    assert_int_equal(m3u8_resolve(m, SPAN("http://h/x"), url, sizeof url, &out), 0);
    m3u8_unref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_facts),
        cmocka_unit_test(test_byte_ranges),
        cmocka_unit_test(test_keys_and_maps),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_low_latency),
        cmocka_unit_test(test_multivariant_facts),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_what_players_survive),
        cmocka_unit_test(test_date_ranges_merge),
        cmocka_unit_test(test_urls_resolve),
        cmocka_unit_test(test_late_sequences),
        cmocka_unit_test(test_cr_lines),
        cmocka_unit_test(test_import_in_multivariant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
