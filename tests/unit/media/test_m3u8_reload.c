/* Delta updates merged with the copy held, faults counted, lateness proven. What each rule of
 * two loads breaks is in rules.txt. */
#include "media/m3u8_reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD                                                \
    "#EXTM3U\n#EXT-X-VERSION:10\n#EXT-X-TARGETDURATION:4\n" \
    "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=24,CAN-SKIP-DATERANGES=YES\n"

static struct m3u8 *parse(const char *text)
{
    struct m3u8 *m = NULL;
    const struct m3u8_source source = {.text = span_from_string(text),
                                       .url = SPAN("http://h/a/b.m3u8")};
    assert_int_equal(m3u8_parse(&source, &m), M3U8_OK);
    return m;
}

static const char held_text[] =
    HEAD "#EXT-X-MEDIA-SEQUENCE:10\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n"
         "#EXT-X-DATERANGE:ID=\"old\",START-DATE=\"2026-01-01T00:00:00.000Z\",X-A=\"1\"\n"
         "#EXT-X-DATERANGE:ID=\"gone\",START-DATE=\"2026-01-01T00:00:00.000Z\"\n"
         "#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n#EXT-X-MAP:URI=\"i1.mp4\"\n#EXT-X-BITRATE:500\n"
         "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n"
         "#EXTINF:4,ten\n#EXT-X-BYTERANGE:100@0\na.mp4\n"
         "#EXTINF:4,eleven\n#EXT-X-BYTERANGE:50\na.mp4\n"
         "#EXT-X-DATERANGE:ID=\"old\",DURATION=3\n"
         "#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,twelve\n12.mp4\n"
         "#EXT-X-GAP\n#EXTINF:4,\n13.mp4\n#EXTINF:4,\n14.mp4";

/* Sequence 11 is now the first; 11 to 13 are skipped. */
static const char delta_text[] =
    HEAD "#EXT-X-MEDIA-SEQUENCE:11\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n"
         "#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES=\"x\tgone\"\n"
         "#EXTINF:4,\n14.mp4\n#EXTINF:4,\n15.mp4\n"
         "#EXT-X-DATERANGE:ID=\"new\",START-DATE=\"2026-01-01T00:00:01.000Z\"\n";

static void test_merge(void **state)
{
    (void)state;
    struct m3u8 *held = parse(held_text), *delta = parse(delta_text), *whole = NULL;
    const struct m3u8_source limits = {0};
    assert_int_equal(delta->skipped_segments, 3);
    assert_int_equal(delta->segments[0].sequence, 14);
    assert_int_equal(m3u8_merge(held, delta, &limits, &whole), M3U8_MERGED);
    assert_int_equal(whole->segment_count, 5);
    assert_int_equal(whole->skipped_segments, 0);
    assert_false(whole->flags & M3U8_HAS_SKIP);
    for (uint32_t i = 0; i < 4; i++) {
        const struct m3u8_segment *now = &whole->segments[i];
        const struct m3u8_segment *then = m3u8_segment_by_sequence(held, now->sequence);
        assert_non_null(then);
        assert_int_equal(now->sequence, 11 + i);
        assert_true(span_equal(now->uri, then->uri));
        assert_true(now->range.offset == then->range.offset &&
                    now->range.length == then->range.length);
        assert_int_equal(now->discontinuity_sequence, then->discontinuity_sequence);
        assert_int_equal(now->date_us, then->date_us);
        assert_int_equal(now->key_count, then->key_count);
        assert_int_equal(now->flags & M3U8_SEGMENT_GAP, then->flags & M3U8_SEGMENT_GAP);
        assert_true(span_equal(whole->maps[now->map].uri, held->maps[then->map].uri));
        assert_true(span_equal(m3u8_segment_title(whole, now), m3u8_segment_title(held, then)));
    }
    assert_true(span_equal(whole->keys[whole->segments[0].key_first].uri, SPAN("k1")));
    assert_int_equal(whole->daterange_count, 2);
    assert_true(span_equal(whole->dateranges[0].id, SPAN("old")));
    assert_int_equal(whole->dateranges[0].duration_us, 3000000);
    assert_true(span_equal(whole->dateranges[1].id, SPAN("new")));
    m3u8_unref(held);
    m3u8_unref(delta);
    /* A merged playlist is a playlist: the next delta merges with it. */
    delta = parse(delta_text);
    struct m3u8 *again = NULL;
    assert_int_equal(m3u8_merge(whole, delta, &limits, &again), M3U8_MERGED);
    assert_true(m3u8_is_same(whole, again) || again->segment_count == whole->segment_count);
    m3u8_unref(again);
    m3u8_unref(whole);
    m3u8_unref(delta);
}

/* The discontinuity of the first segment skipped is counted once: by the delta's sequence
 * number, by the tag that the delta kept, or by the tag of the copy held. */
static void test_merge_discontinuity(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "#EXT-X-DISCONTINUITY-SEQUENCE:8\n",
        "#EXT-X-DISCONTINUITY-SEQUENCE:7\n#EXT-X-DISCONTINUITY\n",
        "#EXT-X-DISCONTINUITY-SEQUENCE:7\n",
    };
    const struct m3u8_source limits = {0};
    struct m3u8 *held = parse(
        HEAD "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n#EXTINF:4,\n1.ts\n"
             "#EXT-X-DISCONTINUITY\n#EXTINF:4,\n2.ts\n#EXTINF:4,\n3.ts\n");
    for (size_t i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 HEAD "#EXT-X-MEDIA-SEQUENCE:2\n%s#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n"
                      "#EXTINF:4,\n3.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\n4.ts\n",
                 heads[i]);
        struct m3u8 *delta = parse(text), *whole = NULL;
        assert_int_equal(m3u8_merge(held, delta, &limits, &whole), M3U8_MERGED);
        assert_int_equal(whole->segment_count, 3);
        assert_int_equal(whole->segments[0].discontinuity_sequence, 8);
        assert_int_equal(whole->segments[1].discontinuity_sequence, 8);
        assert_int_equal(whole->segments[2].discontinuity_sequence, 9);
        m3u8_unref(whole);
        m3u8_unref(delta);
    }
    m3u8_unref(held);
}

/* Parses the text with other line ends. */
static struct m3u8 *parse_ended(const char *text, const char *line_end)
{
    char changed[4096];
    size_t used = 0;
    for (; *text != '\0'; text++) {
        const char *piece = *text == '\n' ? line_end : (char[]){*text, '\0'};
        used += (size_t)snprintf(changed + used, sizeof changed - used, "%s", piece);
        assert_true(used < sizeof changed);
    }
    return parse(changed);
}

/* Whatever ends the lines of either playlist, the whole one is the same. */
static void test_merge_line_ends(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    const struct m3u8_source limits = {0};
    for (size_t i = 0; i < 9; i++) {
        struct m3u8 *held = parse_ended(held_text, ends[i / 3]);
        struct m3u8 *delta = parse_ended(delta_text, ends[i % 3]), *whole = NULL;
        assert_int_equal(m3u8_merge(held, delta, &limits, &whole), M3U8_MERGED);
        assert_int_equal(whole->segment_count, 5);
        assert_int_equal(whole->segments[0].range.offset, 100);
        assert_int_equal(whole->segments[4].sequence, 15);
        assert_int_equal(whole->segments[4].discontinuity_sequence, 4);
        assert_true(span_equal(whole->segments[2].uri, SPAN("13.mp4")));
        assert_true(span_equal(m3u8_segment_title(whole, whole->segments), SPAN("eleven")));
        assert_int_equal(whole->daterange_count, 2);
        m3u8_unref(whole);
        m3u8_unref(delta);
        m3u8_unref(held);
    }
}

static void test_merge_incomplete(void **state)
{
    (void)state;
    struct m3u8 *held = parse(held_text), *out = NULL;
    const struct m3u8_source limits = {0};
    static const char *const beyond[] = {
        HEAD "#EXT-X-MEDIA-SEQUENCE:9\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:4,\na\n",
        HEAD "#EXT-X-MEDIA-SEQUENCE:13\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:4,\na\n",
        HEAD "#EXT-X-MEDIA-SEQUENCE:50\n#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:4,\na\n",
    };
    for (size_t i = 0; i < 3; i++) {
        struct m3u8 *delta = parse(beyond[i]);
        assert_int_equal(m3u8_merge(held, delta, &limits, &out), M3U8_MERGE_INCOMPLETE);
        assert_int_equal(m3u8_merge(NULL, delta, &limits, &out), M3U8_MERGE_INCOMPLETE);
        m3u8_unref(delta);
    }
    struct m3u8 *delta = parse(delta_text);
    const struct m3u8_source small = {.limit_text_bytes = 100};
    assert_int_equal(m3u8_merge(held, delta, &small, &out), M3U8_MERGE_FAILED);
    assert_null(out);
    /* What is no delta is its own merge. */
    assert_int_equal(m3u8_merge(NULL, held, &limits, &out), M3U8_MERGED);
    assert_ptr_equal(out, held);
    m3u8_unref(out);
    m3u8_unref(delta);
    m3u8_unref(held);
}

static void test_faults(void **state)
{
    (void)state;
    struct m3u8 *a = parse(HEAD "#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n"
                                "#EXTINF:4,\n5.ts\n#EXTINF:4.49,\n6.ts\n");
    struct m3u8 *b = parse("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:4\n"
                           "#EXTINF:3.5,\n4.ts\n#EXTINF:3,\nx.ts\n");
    assert_int_equal(m3u8_reload_faults(NULL, a), 0);
    assert_int_equal(m3u8_reload_faults(a, a), 0);
    assert_int_equal(m3u8_reload_faults(a, b),
                     M3U8_FAULT_SEQUENCE_REGRESSED | M3U8_FAULT_DISCONTINUITY_REGRESSED |
                         M3U8_FAULT_TARGET_CHANGED | M3U8_FAULT_URI_CHANGED |
                         M3U8_FAULT_TOO_LONG);
    m3u8_unref(a);
    m3u8_unref(b);
}

/* Only a load that still lacks the segment proves it late; it is told once. */
static void test_lateness(void **state)
{
    (void)state;
    struct m3u8 *a = parse(HEAD "#EXTINF:4,\n1.ts\n");
    struct m3u8 *b = parse(HEAD "#EXTINF:4,\n1.ts\n#EXTINF:4,\n2.ts\n");
    struct m3u8_watch watch = {0};
    struct m3u8_report report;
    m3u8_report_init(&report, 0);
    assert_true(m3u8_check_reload(&watch, NULL, a, 0, &report));
    assert_false(m3u8_check_reload(&watch, a, a, 6000000, &report));
    assert_true(m3u8_check_reload(&watch, a, b, 20000000, &report));
    assert_int_equal(report.count, 0);
    assert_false(m3u8_check_reload(&watch, b, b, 26200000, &report));
    assert_false(m3u8_check_reload(&watch, b, b, 28000000, &report));
    assert_int_equal(report.count, 1);
    assert_int_equal(report.findings[0].rule, M3U8_RULE_RELOAD_LATE);
    m3u8_report_clear(&report);
    m3u8_unref(a);
    m3u8_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),           cmocka_unit_test(test_merge_discontinuity),
        cmocka_unit_test(test_merge_line_ends), cmocka_unit_test(test_merge_incomplete),
        cmocka_unit_test(test_faults),          cmocka_unit_test(test_lateness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
