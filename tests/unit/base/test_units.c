#include "base/units.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1: refused */
    } rows[] = {
        {"0s", 0},
        {"1us", 1},
        {"1µs", 1},
        {"500ms", 500000},
        {"2s", 2000000},
        {"1.5m", 90000000},
        {"1.5min", 90000000},
        {"1h", INT64_C(3600000000)},
        {"2d", INT64_C(172800000000)},
        {"1h30m", INT64_C(5400000000)},
        {"1m30.5s", 90500000},
        {".5s", 500000},
        {"5.s", 5000000},
        {"0.0000004s", 0},
        {"0.0000005s", 1},
        {"0.00000049999999999999999999999s", 0},
        {"3650d", INT64_C(315360000000000)},
        {"3650d1us", -1},
        {"3651d", -1},
        {"18446744073709551615s", -1},
        {"18446744073709551616s", -1},
        {"99999999999999999999999s", -1},
        {"", -1},
        {"5", -1},
        {"0", -1},
        {"s", -1},
        {".s", -1},
        {"-1s", -1},
        {"+1s", -1},
        {" 1s", -1},
        {"1s ", -1},
        {"1 s", -1},
        {"1e3s", -1},
        {"1,5s", -1},
        {"1S", -1},
        {"1..5s", -1},
        {"1m1m", -1},
        {"1s1m", -1},
        {"1h30", -1},
        {"1fortnight", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t us = -1;
        const char *why = units_parse_duration(span_from_string(rows[i].text), &us);
        if (us != rows[i].us || (why == NULL) != (rows[i].us >= 0)) {
            fail_msg("'%s': %lld µs, expected %lld", rows[i].text, (long long)us,
                     (long long)rows[i].us);
        }
    }
}

static void a_bare_number_names_the_form_to_use(void **state)
{
    (void)state;
    int64_t us = 7;
    double rate = 7, ratio = 7;
    uint64_t bps = 7, bytes = 7;
    assert_string_equal(units_parse_duration(SPAN("5"), &us),
                        "has no unit; write 500ms, 2s, 1.5m or 1h");
    assert_string_equal(units_parse_rate(SPAN("5"), &rate),
                        "has no unit; write 500/s, 30/m or 2/h");
    assert_string_equal(units_parse_bitrate(SPAN("5"), &bps),
                        "has no unit; write 8Mbit/s, 800kbit/s or 8M");
    assert_string_equal(units_parse_size(SPAN("5"), &bytes),
                        "has no unit; write 512B, 64KiB or 10MB");
    assert_string_equal(units_parse_percent(SPAN("5"), &ratio),
                        "has no percent sign; write 0.5%");
    assert_int_equal(us, 7);
    assert_true(rate == 7 && ratio == 7 && bps == 7 && bytes == 7);
}

static void rates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double per_s; /* 0: refused */
    } rows[] = {
        {"500/s", 500},    {"30/m", 0.5},
        {"30/min", 0.5},   {"1.5/h", 1.5 / 3600},
        {"0.001/s", .001}, {"1000000000/s", 1e9},
        {"0/s", 0},        {"1000000001/s", 0},
        {"500", 0},        {"/s", 0},
        {"500/", 0},       {"500/d", 0},
        {"500s", 0},       {"-1/s", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double per_s = 0;
        units_parse_rate(span_from_string(rows[i].text), &per_s);
        if (per_s < rows[i].per_s * 0.999999 || per_s > rows[i].per_s * 1.000001) {
            fail_msg("'%s': %f, expected %f", rows[i].text, per_s, rows[i].per_s);
        }
    }
}

static void bitrates_and_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value; /* UINT64_MAX: refused */
        bool size;
    } rows[] = {
        {"8Mbit/s", 8000000, false},
        {"2M", 2000000, false},
        {"2.5Mbps", 2500000, false},
        {"800k", 800000, false},
        {"800K", 800000, false},
        {"1G", 1000000000, false},
        {"0bit/s", 0, false},
        {"1MB/s", 8000000, false},
        {"1KiB/s", 8192, false},
        {"10000Gbit/s", UINT64_C(10000000000000), false},
        {"10001Gbit/s", UINT64_MAX, false},
        {"1m", UINT64_MAX, false},
        {"1mbit/s", UINT64_MAX, false},
        {"8Mbit", UINT64_MAX, false},
        {"64KiB", 65536, true},
        {"10MB", 10000000, true},
        {"1.5GiB", UINT64_C(1610612736), true},
        {"512B", 512, true},
        {"2TB", UINT64_C(2000000000000), true},
        {"1048576TiB", UINT64_C(1) << 60, true},
        {"1048577TiB", UINT64_MAX, true},
        {"1b", UINT64_MAX, true},
        {"1M", UINT64_MAX, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t value = UINT64_MAX;
        struct span text = span_from_string(rows[i].text);
        const char *why =
            rows[i].size ? units_parse_size(text, &value) : units_parse_bitrate(text, &value);
        if (value != rows[i].value || (why == NULL) != (rows[i].value != UINT64_MAX)) {
            fail_msg("'%s': %llu, expected %llu", rows[i].text, (unsigned long long)value,
                     (unsigned long long)rows[i].value);
        }
    }
}

static void numbers_and_percentages(void **state)
{
    (void)state;
    double value = -1;
    assert_null(units_parse_percent(SPAN("0.5%"), &value));
    assert_true(value > 0.00499999 && value < 0.00500001);
    assert_null(units_parse_percent(SPAN("0%"), &value));
    assert_true(value == 0);
    assert_non_null(units_parse_percent(SPAN("1000001%"), &value));
    assert_non_null(units_parse_percent(SPAN("%"), &value));
    assert_null(units_parse_number(SPAN("0.25"), &value));
    assert_true(value == 0.25);
    assert_non_null(units_parse_number(SPAN("1e3"), &value));
    assert_non_null(units_parse_number(SPAN("1000000000000001"), &value));
    assert_true(value == 0.25);
}

/* Only the span is read, whatever follows it. */
static void a_span_ends_where_it_ends(void **state)
{
    (void)state;
    int64_t us = 0;
    assert_null(units_parse_duration(span_of("2s30", 2), &us));
    assert_int_equal(us, 2000000);
}

static void durations_are_written(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {1, "1µs"},
        {999, "999µs"},
        {1000, "1ms"},
        {1250, "1.25ms"},
        {12345, "12.3ms"},
        {123456, "123ms"},
        {999499, "999ms"},
        {999500, "1s"},
        {1234567, "1.23s"},
        {59949999, "59.9s"},
        {59950000, "1m00s"},
        {90000000, "1m30s"},
        {INT64_C(3599500000), "1h00m"},
        {INT64_C(7500000000), "2h05m"},
        {-1500, "-1.5ms"},
    };
    char text[UNITS_TEXT];
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(units_format_duration(rows[i].us, text), rows[i].text);
    }
    units_format_duration(INT64_MIN, text);
    units_format_duration(INT64_MAX, text);
}

/* What the exact form says is what is read back. */
static void exact_durations_round_trip(void **state)
{
    (void)state;
    static const int64_t rows[] = {0,         1,
                                   1500,      1000000,
                                   1500000,   90000000,
                                   60000000,  INT64_C(3600000000),
                                   123456789, INT64_C(315360000000000)};
    char text[UNITS_TEXT];
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t us = -1;
        units_format_duration_exact(rows[i], text);
        assert_null(units_parse_duration(span_from_string(text), &us));
        assert_int_equal(us, rows[i]);
    }
    assert_string_equal(units_format_duration_exact(1500000, text), "1500ms");
}

static void the_rest_is_written(void **state)
{
    (void)state;
    char text[UNITS_TEXT];
    assert_string_equal(units_format_bitrate(0, text), "0bit/s");
    assert_string_equal(units_format_bitrate(812345, text), "812kbit/s");
    assert_string_equal(units_format_bitrate(8e6, text), "8Mbit/s");
    assert_string_equal(units_format_bitrate(999600, text), "1Mbit/s");
    assert_string_equal(units_format_bitrate(1e30, text), "999999Tbit/s");
    assert_string_equal(units_format_size(512, text), "512B");
    assert_string_equal(units_format_size(65536, text), "64KiB");
    assert_string_equal(units_format_size(UINT64_C(1610612736), text), "1.5GiB");
    assert_string_equal(units_format_size(UINT64_MAX, text), "16EiB");
    assert_string_equal(units_format_count(0, text), "0");
    assert_string_equal(units_format_count(999, text), "999");
    assert_string_equal(units_format_count(1234567, text), "1,234,567");
    assert_string_equal(units_format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
    /* A locale with a decimal comma, where the machine has one, must change nothing. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(a_bare_number_names_the_form_to_use),
        cmocka_unit_test(rates),
        cmocka_unit_test(bitrates_and_sizes),
        cmocka_unit_test(numbers_and_percentages),
        cmocka_unit_test(a_span_ends_where_it_ends),
        cmocka_unit_test(durations_are_written),
        cmocka_unit_test(exact_durations_round_trip),
        cmocka_unit_test(the_rest_is_written),
    };
    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
