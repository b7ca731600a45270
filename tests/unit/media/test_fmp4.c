/* What fmp4_make writes, fmp4_check finds right; and fmp4_check finds what is wrong. That
 * players decode it is for the integration tests. */
#include "media/fmp4_check.h"
#include "media/fmp4_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct make_spec specs[] = {
    {{1280, 720}, 256, 50, 500000}, {{640, 360}, 170, 50, 125000}, {{320, 180}, 0, 25, 0},
    {{0, 0}, 256, 50, 0},           {{16, 16}, 8, 1, 0},           {{256, 144}, 1536, 37, 0},
};

#define SPECS (sizeof specs / sizeof specs[0])

static struct make_spec usable(size_t i)
{
    struct make_spec spec = specs[i];
    uint64_t least = fmp4_make_least_bytes(&spec);
    spec.segment_bytes = spec.segment_bytes > least ? spec.segment_bytes : least;
    return spec;
}

static uint8_t *make(const struct make_spec *spec, const struct make_segment *segment,
                     size_t *out_len)
{
    *out_len = fmp4_make_segment_bytes(spec, segment);
    uint8_t *bytes = malloc(*out_len);
    assert_non_null(bytes);
    assert_int_equal(fmp4_make_segment(spec, segment, bytes), 0);
    return bytes;
}

static const char *check_segment(const uint8_t *bytes, size_t len, size_t piece)
{
    struct fmp4_check check;
    fmp4_check_init(&check);
    for (size_t at = 0; at < len; at += piece) {
        fmp4_check_feed(&check,
                        span_of((const char *)bytes + at, len - at < piece ? len - at : piece));
    }
    return fmp4_check_end_segment(&check);
}

static void assert_right(size_t i, const struct make_segment *segment)
{
    struct make_spec spec = usable(i);
    size_t len = 0;
    uint8_t *bytes = make(&spec, segment, &len);
    const char *wrong = check_segment(bytes, len, len);
    free(bytes);
    if (wrong != NULL) {
        print_error("spec %zu, %u pictures: %s\n", i, segment->pictures, wrong);
        fail();
    }
    assert_true(len <= spec.segment_bytes);
}

static void test_every_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPECS; i++) {
        for (uint64_t number = 0; number < 10; number++) {
            for (uint32_t pictures = 1; pictures <= specs[i].segment_pictures; pictures += 6) {
                assert_right(i, &(struct make_segment){number, pictures, 0});
            }
        }
    }
}

static void test_every_init(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPECS; i++) {
        struct make_spec spec = usable(i);
        uint8_t bytes[FMP4_MAKE_INIT_MAX];
        size_t len = fmp4_make_init(&spec, bytes);
        struct fmp4_check check;
        fmp4_check_init(&check);
        assert_null(fmp4_check_feed(&check, span_of((char *)bytes, len)));
        assert_null(fmp4_check_end_init(&check));
        fmp4_check_init(&check);
        fmp4_check_feed(&check, span_of((char *)bytes, len));
        assert_string_equal(fmp4_check_end_segment(&check), "no moof box");
    }
}

static void test_pieces_and_cuts(void **state)
{
    (void)state;
    struct make_spec spec = usable(2);
    struct make_segment segment = {1, 5, 0};
    size_t len = 0;
    uint8_t *bytes = make(&spec, &segment, &len);
    for (size_t piece = 1; piece < 40; piece += 3) {
        assert_null(check_segment(bytes, len, piece));
    }
    assert_string_equal(check_segment(bytes, 0, 1), "no box");
    /* The one cut that leaves whole boxes is behind styp, and behind moof. */
    for (size_t cut = 1; cut < len; cut++) {
        const char *wrong = check_segment(bytes, cut, cut);
        if (wrong == NULL) {
            print_error("cut at %zu of %zu: nothing found\n", cut, len);
            fail();
        }
    }
    assert_string_equal(check_segment(bytes, 24, 24), "no moof box");
    free(bytes);
}

struct box_case {
    const char *name;
    struct span bytes;
    const char *expected;
};

static void test_broken_boxes(void **state)
{
    (void)state;
    static const struct box_case cases[] = {
        {"small", {"\0\0\0\7moof", 8}, "a box smaller than its header"},
        {"small and wide",
         {"\0\0\0\1mdat\0\0\0\0\0\0\0\17", 16},
         "a box smaller than its header"},
        {"wide zero", {"\0\0\0\1mdat\0\0\0\0\0\0\0\0", 16}, "a box smaller than its header"},
        {"huge",
         {"\0\0\0\1mdat\xff\xff\xff\xff\xff\xff\xff\xff", 16},
         "a box too large to be true"},
        {"child", {"\0\0\0\x10moof\0\0\0\x20traf", 16}, "a box that leaves its parent"},
        {"endless child",
         {"\0\0\0\x10moof\0\0\0\0traf", 16},
         "a box without an end inside another"},
        {"header", {"\0\0\0\x0cmoof\0\0\0\x08traf", 16}, "a box header that leaves its parent"},
        {"no data", {"\0\0\0\x08moof", 8}, "no media data behind the moof box"},
        {"no sample", {"\0\0\0\x08moof\0\0\0\x08mdat", 16}, "no sample"},
        {"to the end", {"\0\0\0\x10moof\0\0\0\x08trun\0\0\0\0mdatxyz", 27}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got =
            check_segment((const uint8_t *)cases[i].bytes.ptr, cases[i].bytes.len, 5);
        if ((got == NULL) != (cases[i].expected == NULL) ||
            (got != NULL && strcmp(got, cases[i].expected) != 0)) {
            print_error("%s: got %s\n", cases[i].name, got != NULL ? got : "nothing");
            fail();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_segment),
        cmocka_unit_test(test_every_init),
        cmocka_unit_test(test_pieces_and_cuts),
        cmocka_unit_test(test_broken_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
