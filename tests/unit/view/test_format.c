#include "view/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CHECK(function, value, expected)                                    \
    do {                                                                    \
        char text[FORMAT_MAX];                                              \
        assert_string_equal(function(text, sizeof(text), value), expected); \
    } while (0)

static void test_counts(void **state)
{
    (void)state;
    CHECK(format_count, 0, "0");
    CHECK(format_count, 999, "999");
    CHECK(format_count, 1000, "1,000");
    CHECK(format_count, 1234567, "1,234,567");
    CHECK(format_count, UINT64_MAX, "18,446,744,073,709,551,615");
}

static void test_numbers(void **state)
{
    (void)state;
    CHECK(format_number, 0, "0");
    CHECK(format_number, 0.5234, "0.52");
    CHECK(format_number, 9.994, "9.99");
    CHECK(format_number, 9.996, "10.0");
    CHECK(format_number, 99.96, "100");
    CHECK(format_number, 999.6, "1,000");
    CHECK(format_number, 9999, "9,999");
    CHECK(format_number, 9999.6, "10.0k");
    CHECK(format_number, 999600, "1.00M");
    CHECK(format_number, 4.56e9, "4.56G");
}

static void test_durations(void **state)
{
    (void)state;
    CHECK(format_duration, 0, "0 ms");
    CHECK(format_duration, 1, "0.001 ms");
    CHECK(format_duration, 999, "0.999 ms");
    CHECK(format_duration, 1000, "1.00 ms");
    CHECK(format_duration, 812400, "812 ms");
    CHECK(format_duration, 999600, "1.00 s");
    CHECK(format_duration, 75000000, "75.0 s");
    CHECK(format_duration, 99990000, "1m40s");
    CHECK(format_duration, 3599600000, "1h00m");
    CHECK(format_duration, 7500000000, "2h05m");
    CHECK(format_clock, -5, "0:00");
    CHECK(format_clock, 7999999, "0:07");
    CHECK(format_clock, 3723000000, "1:02:03");
}

static void test_sizes_and_shares(void **state)
{
    (void)state;
    CHECK(format_bytes, 0, "0 B");
    CHECK(format_bytes, 999, "999 B");
    CHECK(format_bytes, 999.6, "1.00 kB");
    CHECK(format_bytes, 4.56e9, "4.56 GB");
    CHECK(format_bitrate, 0, "0 bit/s");
    CHECK(format_bitrate, 125000, "1.00 Mbit/s");
    CHECK(format_percent, 0, "0 %");
    CHECK(format_percent, 0.00001, "<0.01 %");
    CHECK(format_percent, 0.0052, "0.52 %");
    CHECK(format_percent, 1, "100 %");
    CHECK(format_timestamp, 1772368496000000, "2026-03-01T12:34:56Z");
}

static void test_what_does_not_fit_is_cut(void **state)
{
    char text[4];
    (void)state;
    assert_string_equal(format_duration(text, sizeof(text), 812400), "812");
    format_count(text, sizeof(text), 1234567);
    assert_true(text[3] == '\0' || text[2] == '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes_and_shares),
        cmocka_unit_test(test_what_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
