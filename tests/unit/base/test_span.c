#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void comparing(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN("abc"), SPAN("abc")));
    assert_false(span_equal(SPAN("abc"), SPAN("abC")));
    assert_false(span_equal(SPAN("abc"), SPAN("ab")));
    assert_true(span_equal((struct span){NULL, 0}, SPAN("")));
    assert_true(span_equal_nocase(SPAN("Content-LENGTH"), SPAN("content-length")));
    /* Letters only: '[' and '{' differ by the same bit. */
    assert_false(span_equal_nocase(SPAN("["), SPAN("{")));
    assert_false(span_equal_nocase(SPAN("\xc4"), SPAN("\xe4")));
    assert_true(span_starts_with(SPAN("#EXTINF:4"), SPAN("#EXTINF:")));
    assert_false(span_starts_with(SPAN("#EXT"), SPAN("#EXTINF:")));
    assert_true(span_starts_with(SPAN(""), SPAN("")));
    assert_true(span_ends_with(SPAN("a.m3u8"), SPAN(".m3u8")));
    assert_false(span_ends_with(SPAN("m3u8"), SPAN(".m3u8")));
}

static void cutting(void **state)
{
    (void)state;
    struct span rest = SPAN("a,,b");
    assert_true(span_equal(span_cut(&rest, ','), SPAN("a")));
    assert_true(span_equal(span_cut(&rest, ','), SPAN("")));
    assert_true(span_equal(span_cut(&rest, ','), SPAN("b")));
    assert_int_equal(rest.len, 0);
    assert_true(span_equal(span_cut(&rest, ','), SPAN("")));
    assert_true(span_equal(span_trim(SPAN(" \t a b\t ")), SPAN("a b")));
    assert_int_equal(span_trim(SPAN(" \t ")).len, 0);
    assert_int_equal(span_skip(SPAN("ab"), 3).len, 0);
    assert_int_equal(span_find(SPAN("ab"), 'c'), 2);
    assert_int_equal(span_find((struct span){NULL, 0}, 'c'), 0);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value; /* 7: refused */
    } rows[] = {
        {"0", 0},
        {"00000000000000000001", 1},
        {"18446744073709551615", UINT64_MAX},
        {"18446744073709551616", 7},
        {"99999999999999999999", 7},
        {"000000000000000000001", 7},
        {"", 7},
        {"-1", 7},
        {"+1", 7},
        {"1 ", 7},
        {"0x1", 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 7;
        bool ok = span_to_u64(span_from_string(rows[i].text), &value);
        if (value != rows[i].value || ok != (rows[i].value != 7)) {
            fail_msg("'%s': %llu", rows[i].text, (unsigned long long)value);
        }
    }
}

static void copying(void **state)
{
    (void)state;
    char text[4] = "xyz";
    assert_true(span_to_string(SPAN("abc"), text, sizeof text));
    assert_string_equal(text, "abc");
    assert_false(span_to_string(SPAN("abcd"), text, sizeof text));
    assert_string_equal(text, "");
    assert_true(span_to_string((struct span){NULL, 0}, text, sizeof text));
    assert_false(span_to_string(SPAN(""), text, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing),
        cmocka_unit_test(cutting),
        cmocka_unit_test(numbers),
        cmocka_unit_test(copying),
    };
    return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
