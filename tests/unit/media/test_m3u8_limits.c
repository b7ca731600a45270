/* Limits and robustness: nothing is read past the end, nothing grows beyond what is stated, no
 * changed byte does harm. */
#include "base/buf.h"
#include "base/rng.h"
#include "media/m3u8.h"
#include "media/m3u8_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const char sample_media[] =
    "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:5\n"
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n"
    "#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-DEFINE:NAME=\"v\",VALUE=\"w\"\n"
    "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x0123456789ABCDEF0123456789ABCDEF\n"
    "#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"10@0\"\n"
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n"
    "#EXTINF:4.004,title\n#EXT-X-BYTERANGE:100@10\na-{$v}.mp4\n#EXT-X-DISCONTINUITY\n"
    "#EXT-X-DATERANGE:ID=\"d\",START-DATE=\"2026-01-01T00:00:00.000Z\",X-A=\"b\"\n"
    "#EXT-X-PART:DURATION=0.5,URI=\"p.mp4\",INDEPENDENT=YES\n#EXTINF:4,\nb.mp4\n"
    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"q.mp4\"\n#EXT-X-RENDITION-REPORT:URI=\"r\",LAST-MSN=6";
static const char sample_multivariant[] =
    "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",CHANNELS=\"2\",URI=\"a.m3u8\"\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x1,CODECS=\"avc1,mp4a\",AUDIO=\"a\"\nv.m3u8\n"
    "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8\"\n"
    "#EXT-X-SESSION-DATA:DATA-ID=\"x\",VALUE=\"y\"\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI="
    "\"k\"\n"
    "#EXT-X-CONTENT-STEERING:SERVER-URI=\"s\"";

/* Linked in place of the library's; see meson.build. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned allocations;

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    allocations++;
    return __real_realloc(memory, size);
}

static enum m3u8_status parse(struct span text, struct m3u8_report *report, struct m3u8 **out)
{
    const struct m3u8_source source = {
        .text = text, .url = SPAN("http://h/a?b=c"), .report = report, .alone = true};
    *out = NULL;
    return m3u8_parse(&source, out);
}

/* Parses both ways and frees; the sanitizers watch. */
static void parse_and_drop(struct span text)
{
    struct m3u8 *m;
    struct m3u8_report report;
    m3u8_report_init(&report, 20);
    parse(text, NULL, &m);
    m3u8_unref(m);
    parse(text, &report, &m);
    m3u8_unref(m);
    m3u8_report_clear(&report);
}

/* Every prefix of the samples, placed so that the byte after it cannot be read. The parser
 * reads its own copy, so the copy's source is what is guarded here; what reads the copy is left
 * to the address sanitizer and the fuzzer. */
static void test_guard_page(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
    const struct span samples[] = {SPAN(sample_media), SPAN(sample_multivariant)};
    for (size_t k = 0; k < 2; k++) {
        for (size_t len = 0; len <= samples[k].len; len++) {
            char *at = memory + page - len;
            memcpy(at, samples[k].ptr, len);
            parse_and_drop(span_of(at, len));
        }
    }
    munmap(memory, 2 * page);
}

static void test_any_changed_byte(void **state)
{
    (void)state;
    static const char bytes[] = "\0\n\r\t \",:=#@{$}-0A\x80\xff";
    const struct span samples[] = {SPAN(sample_media), SPAN(sample_multivariant)};
    char text[2048];
    for (size_t k = 0; k < 2; k++) {
        memcpy(text, samples[k].ptr, samples[k].len);
        for (size_t at = 0; at < samples[k].len; at++) {
            for (size_t b = 0; b < sizeof bytes - 1; b++) {
                text[at] = bytes[b];
                parse_and_drop(span_of(text, samples[k].len));
            }
            text[at] = samples[k].ptr[at];
        }
    }
}

/* Lines of the samples in any order and number. */
static void test_shuffled_lines(void **state)
{
    (void)state;
    struct rng rng = rng_make(7, 1);
    struct span lines[64];
    unsigned count = 0;
    struct span rest = SPAN(sample_media);
    while (rest.len > 0) {
        lines[count++] = span_cut(&rest, '\n');
    }
    rest = SPAN(sample_multivariant);
    while (rest.len > 0) {
        lines[count++] = span_cut(&rest, '\n');
    }
    for (int round = 0; round < 2000; round++) {
        struct buf text;
        buf_init(&text, 65536);
        assert_int_equal(buf_append_string(&text, "#EXTM3U\n"), 0);
        for (uint64_t i = rng_below(&rng, 40); i > 0; i--) {
            assert_int_equal(buf_append_span(&text, lines[rng_below(&rng, count)]), 0);
            assert_int_equal(buf_append(&text, "\n", 1), 0);
        }
        parse_and_drop(buf_span(&text));
        buf_release(&text);
    }
}

/* A media playlist of `count` segments. */
static void build(struct buf *out, uint32_t count)
{
    buf_init(out, (size_t)256 << 20);
    assert_int_equal(buf_append_string(out, "#EXTM3U\n#EXT-X-TARGETDURATION:6\n"), 0);
    for (uint32_t i = 0; i < count; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "#EXTINF:6.006,\nsegment_%07u.ts\n", i);
        assert_int_equal(buf_append(out, line, (size_t)len), 0);
    }
}

static void test_a_million_segments(void **state)
{
    (void)state;
    struct buf text;
    struct m3u8 *m;
    build(&text, 1000000);
    assert_int_equal(parse(buf_span(&text), NULL, &m), M3U8_OK);
    assert_int_equal(m->segment_count, 1000000);
    assert_int_equal(m->total_duration_us, INT64_C(6006000) * 1000000);
    assert_int_equal(m->segments[999999].sequence, 999999);
    /* The stated budget: the text, and at most 128 bytes a segment with an eighth to spare. */
    assert_true(m->memory_bytes <= text.len + 4096 + (size_t)1000000 * 144);
    m3u8_unref(m);
    buf_release(&text);
}

/* One block for the playlist, and its segments grow by what the text so far has needed. */
static void test_no_allocation_per_line(void **state)
{
    (void)state;
    static const struct {
        uint32_t segments;
        unsigned most;
    } sizes[] = {{6, 2}, {1000, 5}, {100000, 5}};
    for (size_t i = 0; i < 3; i++) {
        struct buf text;
        struct m3u8 *m;
        build(&text, sizes[i].segments);
        allocations = 0;
        assert_int_equal(parse(buf_span(&text), NULL, &m), M3U8_OK);
        if (allocations > sizes[i].most) {
            fail_msg("%u segments took %u allocations, at most %u", sizes[i].segments,
                     allocations, sizes[i].most);
        }
        assert_true(allocations > 0);
        m3u8_unref(m);
        buf_release(&text);
    }
}

static void test_a_hundred_megabytes(void **state)
{
    (void)state;
    struct buf text;
    struct m3u8 *m;
    build(&text, 100);
    size_t size = (size_t)100 << 20;
    assert_int_equal(buf_append_string(&text, "#"), 0);
    assert_int_equal(buf_reserve(&text, size), 0);
    memset(text.ptr + text.len, 'x', size);
    text.len += size;
    assert_int_equal(parse(buf_span(&text), NULL, &m), M3U8_OK);
    assert_int_equal(m->segment_count, 100);
    m3u8_unref(m);
    buf_release(&text);
}

static void test_limits_hold(void **state)
{
    (void)state;
    struct buf text;
    struct m3u8 *m = NULL;
    build(&text, 10000);
    struct m3u8_source source = {.text = buf_span(&text), .limit_text_bytes = text.len - 1};
    assert_int_equal(m3u8_parse(&source, &m), M3U8_TOO_LARGE);
    source.limit_text_bytes = text.len;
    source.limit_memory_bytes = text.len + 500000;
    assert_int_equal(m3u8_parse(&source, &m), M3U8_TOO_LARGE);
    source.limit_memory_bytes = text.len + 2000000;
    assert_int_equal(m3u8_parse(&source, &m), M3U8_OK);
    assert_true(m->memory_bytes <= source.limit_memory_bytes);
    m3u8_unref(m);
    buf_release(&text);
}

/* A variable that doubles a variable that doubles ... is bounded by the limit of memory. */
static void test_growing_variables(void **state)
{
    (void)state;
    struct buf text;
    struct m3u8 *m = NULL;
    buf_init(&text, 1 << 20);
    assert_int_equal(buf_append_string(&text,
                                       "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
                                       "#EXT-X-DEFINE:NAME=\"v0\",VALUE=\"0123456789\"\n"),
                     0);
    for (int i = 1; i < 40; i++) {
        assert_int_equal(buf_printf(&text,
                                    "#EXT-X-DEFINE:NAME=\"v%d\",VALUE=\"{$v%d}{$v%d}\"\n", i,
                                    i - 1, i - 1),
                         0);
    }
    const struct m3u8_source source = {.text = buf_span(&text),
                                       .limit_memory_bytes = (size_t)4 << 20};
    assert_int_equal(m3u8_parse(&source, &m), M3U8_TOO_LARGE);
    buf_release(&text);
    buf_init(&text, 1 << 20);
    assert_int_equal(buf_append_string(&text, "#EXTM3U\n"), 0);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(buf_printf(&text, "#EXT-X-DEFINE:NAME=\"v%d\",VALUE=\"\"\n", i), 0);
    }
    assert_int_equal(parse(buf_span(&text), NULL, &m), M3U8_TOO_LARGE);
    buf_release(&text);
}

/* Sums of durations stay sums, whatever is written. */
static void test_huge_numbers(void **state)
{
    (void)state;
    struct m3u8 *m;
    assert_int_equal(
        parse(SPAN("#EXTM3U\n#EXT-X-TARGETDURATION:99999999999999999999\n"
                   "#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n"
                   "#EXTINF:99999999999999999999999999,\na\n#EXTINF:99999999999999999999,\nb\n"
                   "#EXT-X-PART:DURATION=99999999999999999999,URI=\"p\"\n"
                   "#EXT-X-PART:DURATION=99999999999999999999,URI=\"p\"\n"),
              NULL, &m),
        M3U8_OK);
    assert_int_equal(m->segments[0].duration_us, M3U8_LIMIT_DURATION_US);
    assert_int_equal(m->total_duration_us, 2 * M3U8_LIMIT_DURATION_US);
    assert_int_equal(m->tail.duration_us, M3U8_LIMIT_DURATION_US);
    assert_int_equal(m->media_sequence, 0);
    m3u8_unref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_page),
        cmocka_unit_test(test_any_changed_byte),
        cmocka_unit_test(test_shuffled_lines),
        cmocka_unit_test(test_a_million_segments),
        cmocka_unit_test(test_a_hundred_megabytes),
        cmocka_unit_test(test_no_allocation_per_line),
        cmocka_unit_test(test_limits_hold),
        cmocka_unit_test(test_growing_variables),
        cmocka_unit_test(test_huge_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
