/* The coded formats of segments that are made here, and which of them CODECS names. */
#include "media/fmp4_make.h"
#include "media/formats.h"
#include "media/ts_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[1 << 20], init[FMP4_MAKE_INIT_MAX];

static struct span made_ts(unsigned width)
{
    struct make_spec spec = {{width, width * 9 / 16 / 2 * 2}, 170, 25, 0};
    spec.segment_bytes = ts_make_least_bytes(&spec);
    const struct make_segment segment = {0, 25, 0};
    size_t len = ts_make_segment_bytes(&spec, &segment);
    assert_true(len <= sizeof bytes);
    assert_int_equal(ts_make_segment(&spec, &segment, bytes), 0);
    return span_of((const char *)bytes, len);
}

static void test_ts(void **state)
{
    (void)state;
    assert_int_equal(formats_find(span_of(NULL, 0), made_ts(320)),
                     1U << FORMAT_AVC | 1U << FORMAT_AAC);
    assert_int_equal(formats_find(span_of(NULL, 0), made_ts(0)), 1U << FORMAT_AAC);
}

/* The head of a box that is `size` bytes long. Returns where its body begins. */
static uint8_t *put_box(uint8_t *at, size_t size, const char *type)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(size >> (24 - 8 * i));
        at[4 + i] = (uint8_t)type[i];
    }
    return at + 8;
}

/* An MP4 file with one track whose sample entry is of that type; `original` is what it says to
 * be when it is encrypted. All boxes end where the text does. */
static struct span made_mp4(const char *entry, const char *original)
{
    static const char *const path[] = {"moov", "trak", "mdia", "minf", "stbl", "stsd"};
    const size_t end = 256;
    uint8_t *at = bytes;
    memset(bytes, 0, end);
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        at = put_box(at, (size_t)(bytes + end - at), path[i]);
    }
    at += 8; /* version, flags, one entry */
    at = put_box(at, (size_t)(bytes + end - at), entry);
    at += strcmp(entry, "enca") == 0 ? 28 : 78;
    at = put_box(at, 20, "sinf");
    at = put_box(at, 12, "frma");
    memcpy(at, original, 4);
    return span_of((const char *)bytes, end);
}

static void test_mp4(void **state)
{
    (void)state;
    struct make_spec spec = {{320, 180}, 170, 25, 0};
    size_t len = fmp4_make_init(&spec, init);
    assert_true(len > 0);
    static const char segment[16] = "\0\0\0\x10styp";
    assert_int_equal(
        formats_find(span_of((const char *)init, len), span_of(segment, sizeof segment)),
        1U << FORMAT_AVC | 1U << FORMAT_AAC);
    static const struct {
        const char *entry, *original;
        unsigned formats;
    } cases[] = {
        {"hvc1", "", 1U << FORMAT_HEVC},
        {"ac-3", "", 1U << FORMAT_AC3},
        {"ec-3", "", 1U << FORMAT_EC3},
        {"Opus", "", 1U << FORMAT_OPUS},
        {"what", "", 0},
        {"encv", "avc1", 1U << FORMAT_AVC},
        {"enca", "mp4a", 1U << FORMAT_AAC},
        {"encv", "what", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span text =
            made_mp4(cases[i].entry, cases[i].original[0] != '\0' ? cases[i].original : "none");
        assert_int_equal(formats_find(text, span_of(segment, sizeof segment)),
                         cases[i].formats);
        for (size_t cut = 0; cut < text.len; cut++) {
            (void)formats_find(span_of(text.ptr, cut), span_of(segment, sizeof segment));
        }
    }
}

static void test_codecs(void **state)
{
    (void)state;
    unsigned both = 1U << FORMAT_AVC | 1U << FORMAT_AAC;
    assert_int_equal(formats_unnamed(both, SPAN("avc1.42c01e,mp4a.40.2")), 0);
    assert_int_equal(formats_unnamed(both, SPAN("mp4a.40.2, avc3.64001f")), 0);
    assert_int_equal(formats_unnamed(both, SPAN("mp4a.40.2")), 1U << FORMAT_AVC);
    assert_int_equal(formats_unnamed(both, SPAN("hvc1,xmp4a")), both);
    assert_int_equal(formats_unnamed(1U << FORMAT_MP3, SPAN("mp4a.40.34")), 0);
    assert_int_equal(formats_unnamed(both, SPAN("")), both);
    for (unsigned f = 0; f < FORMAT_COUNT; f++) {
        assert_true(format_name((enum format)f)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ts),
        cmocka_unit_test(test_mp4),
        cmocka_unit_test(test_codecs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
