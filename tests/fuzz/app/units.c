/* Durations, rates, sizes from any bytes: each value that is accepted lies in its range,
 * nothing is written when it is refused, and an exact duration reads back as itself. */
#include "base/units.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_duration(struct span text)
{
    int64_t us = -7;
    if (units_parse_duration(text, &us) != NULL) {
        assert(us == -7);
        return;
    }
    assert(us >= 0 && us <= INT64_C(3650) * 86400 * 1000000);
    char exact[UNITS_TEXT];
    int64_t again = -7;
    const char *why =
        units_parse_duration(span_from_string(units_format_duration_exact(us, exact)), &again);
    assert(why == NULL && again == us);
    units_format_duration(us, exact);
}

static void check_double(const char *(*parse)(struct span, double *), struct span text,
                         double high)
{
    double value = -7;
    const char *why = parse(text, &value);
    assert(why == NULL ? value >= 0 && value <= high : value == -7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of((const char *)data, size);
    uint64_t count = 7;
    check_duration(text);
    check_double(units_parse_rate, text, 1e9);
    check_double(units_parse_percent, text, 10000);
    check_double(units_parse_number, text, 1e15);
    if (units_parse_bitrate(text, &count) == NULL) {
        assert(count <= UINT64_C(10000000000000));
    } else {
        assert(count == 7);
    }
    count = 7;
    if (units_parse_size(text, &count) == NULL) {
        char written[UNITS_TEXT];
        assert(count <= UINT64_C(1) << 60);
        units_format_size(count, written);
        units_format_count(count, written);
    } else {
        assert(count == 7);
    }
    return 0;
}
