#include "media/m3u8_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *input;
    size_t len; /* bytes that belong to the number */
    int64_t us;
} seconds[] = {
    {"6", 1, 6000000},
    {"6.006", 5, 6006000},
    {".5", 2, 500000},
    {"5.", 2, 5000000},
    {"0", 1, 0},
    {"-1.5", 4, -1500000},
    {"+2", 2, 2000000},
    {"0.0000005", 9, 1},
    {"0.00000049", 10, 0},
    {"1.9999999", 9, 2000000},
    {"6,title", 1, 6000000},
    {"6s", 1, 6000000},
    {"999999", 6, INT64_C(999999000000)},
    {"1000000", 7, M3U8_LIMIT_DURATION_US},
    {"1000000.5", 9, M3U8_LIMIT_DURATION_US},
    {"99999999999999999999999999", 26, M3U8_LIMIT_DURATION_US},
    {"-99999999999999999999999999", 27, -M3U8_LIMIT_DURATION_US},
    {"", 0, 77},
    {".", 0, 77},
    {"-", 0, 77},
    {"x", 0, 77},
    {" 6", 0, 77},
};

static void test_seconds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(seconds); i++) {
        int64_t us = 77;
        size_t len = m3u8_read_seconds(span_from_string(seconds[i].input), &us);
        if (len != seconds[i].len || us != seconds[i].us) {
            fail_msg("\"%s\": %zu bytes, %lld; expected %zu bytes, %lld", seconds[i].input, len,
                     (long long)us, seconds[i].len, (long long)seconds[i].us);
        }
    }
}

static const struct {
    const char *input;
    enum m3u8_date_form form;
    int64_t us;
} dates[] = {
    {"1970-01-01T00:00:00Z", M3U8_DATE_GOOD, 0},
    {"2010-02-19T14:54:23.031+08:00", M3U8_DATE_GOOD, INT64_C(1266562463031000)},
    {"2010-02-19T14:54:23.031+0800", M3U8_DATE_GOOD, INT64_C(1266562463031000)},
    {"2010-02-19T14:54:23.031+08", M3U8_DATE_GOOD, INT64_C(1266562463031000)},
    {"20100219T145423.031+0800", M3U8_DATE_GOOD, INT64_C(1266562463031000)},
    {"2010-02-19T14:54:23,031Z", M3U8_DATE_GOOD, INT64_C(1266591263031000)},
    {"2010-02-19T14:54Z", M3U8_DATE_GOOD, INT64_C(1266591240000000)},
    {"2010-02-19T14:54:23.031", M3U8_DATE_NO_ZONE, INT64_C(1266591263031000)},
    {"2010-02-19 14:54:23Z", M3U8_DATE_LOOSE, INT64_C(1266591263000000)},
    {"2010-02-19t14:54:23z", M3U8_DATE_LOOSE, INT64_C(1266591263000000)},
    {"2000-02-29T00:00:00Z", M3U8_DATE_GOOD, INT64_C(951782400000000)},
    {"1969-12-31T23:59:59.5Z", M3U8_DATE_GOOD, -500000},
    {"2016-12-31T23:59:60Z", M3U8_DATE_GOOD, INT64_C(1483228800000000)},
    {"2010-02-19T24:00:00Z", M3U8_DATE_GOOD, INT64_C(1266624000000000)},
    {"2010-02-19T24:00:01Z", M3U8_DATE_BAD, 77},
    {"1900-02-29T00:00:00Z", M3U8_DATE_BAD, 77},
    {"2010-13-01T00:00:00Z", M3U8_DATE_BAD, 77},
    {"2010-00-01T00:00:00Z", M3U8_DATE_BAD, 77},
    {"2010-01-01T25:00:00Z", M3U8_DATE_BAD, 77},
    {"2010-01-01T00:60:00Z", M3U8_DATE_BAD, 77},
    {"2010-01-01T00:00:00.Z", M3U8_DATE_BAD, 77},
    {"2010-01-01T00:00:00+", M3U8_DATE_BAD, 77},
    {"2010-01-01T00:00:00Zx", M3U8_DATE_BAD, 77},
    {"2010-01-01", M3U8_DATE_BAD, 77},
    {"10-01-01T00:00:00Z", M3U8_DATE_BAD, 77},
    {"", M3U8_DATE_BAD, 77},
};

static void test_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        int64_t us = 77;
        enum m3u8_date_form form = m3u8_read_date(span_from_string(dates[i].input), &us);
        if (form != dates[i].form || us != dates[i].us) {
            fail_msg("\"%s\": form %d, %lld; expected form %d, %lld", dates[i].input, (int)form,
                     (long long)us, (int)dates[i].form, (long long)dates[i].us);
        }
    }
}

static void test_dates_are_written_as_read(void **state)
{
    (void)state;
    static const int64_t moments[] = {0,
                                      -1,
                                      1,
                                      INT64_C(951782399999999),
                                      INT64_C(951868800000000),
                                      INT64_C(4102444800000000),
                                      INT64_C(-2208988800000000)};
    char text[40];
    for (size_t i = 0; i < COUNT(moments); i++) {
        int64_t us = 77;
        size_t len = m3u8_write_date(moments[i], text, sizeof text);
        assert_int_equal(len, 27);
        assert_int_equal(m3u8_read_date(span_of(text, len), &us), M3U8_DATE_GOOD);
        assert_int_equal(us, moments[i]);
    }
    assert_int_equal(m3u8_write_date(0, text, 27), 0);
}

static void test_ranges(void **state)
{
    (void)state;
    struct m3u8_range range;
    bool has_offset;
    assert_true(m3u8_read_range(SPAN("10@5"), &range, &has_offset));
    assert_true(range.length == 10 && range.offset == 5 && has_offset);
    assert_true(m3u8_read_range(SPAN("10"), &range, &has_offset));
    assert_true(range.length == 10 && range.offset == 0 && !has_offset);
    assert_true(m3u8_read_range(SPAN("10@"), &range, &has_offset) && !has_offset);
    static const char *const refused[] = {"",
                                          "@",
                                          "@5",
                                          "a",
                                          "1@a",
                                          "1@2@3",
                                          "-1",
                                          "18446744073709551615@1",
                                          "18446744073709551616"};
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (m3u8_read_range(span_from_string(refused[i]), &range, &has_offset)) {
            fail_msg("accepted \"%s\"", refused[i]);
        }
    }
    uint32_t width = 1, height = 2;
    assert_true(m3u8_read_resolution(SPAN("1920x1080"), &width, &height));
    assert_true(width == 1920 && height == 1080);
    assert_false(m3u8_read_resolution(SPAN("1920X1080"), &width, &height));
    assert_false(m3u8_read_resolution(SPAN("x1080"), &width, &height));
    assert_false(m3u8_read_resolution(SPAN("99999999999x1"), &width, &height));
}

static void test_vectors_and_numbers(void **state)
{
    (void)state;
    uint8_t iv[16] = {0};
    double value = 0;
    assert_true(m3u8_read_iv(SPAN("0x1f"), iv));
    assert_int_equal(iv[15], 0x1f);
    assert_false(m3u8_read_iv(SPAN("0x"), iv));
    assert_false(m3u8_read_iv(SPAN("1f"), iv));
    assert_false(m3u8_read_iv(SPAN("0xg"), iv));
    assert_false(m3u8_read_iv(SPAN("0x000000000000000000000000000000001"), iv));
    assert_int_equal(m3u8_read_double(SPAN("29.970"), &value), 6);
    assert_true(value > 29.9699 && value < 29.9701);
    assert_int_equal(m3u8_read_double(SPAN("-.25x"), &value), 4);
    assert_true(value < -0.2499 && value > -0.2501);
    assert_int_equal(m3u8_read_double(SPAN("."), &value), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_dates_are_written_as_read),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_vectors_and_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
