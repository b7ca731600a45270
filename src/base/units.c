#include "base/units.h"

#include <math.h>
#include <stdio.h>

/* A decimal number as read: digits / 10^places. Digits past the ninth decimal place are below
 * every resolution used here and are dropped. */
struct decimal {
    uint64_t digits;
    uint64_t scale; /* 10^places */
};

struct unit {
    const char *name;
    uint64_t factor; /* in units of the result */
};

static const uint64_t SECOND_US = 1000000;

/* The longest first where one is the beginning of another does not matter: names are compared
 * whole. */
static const struct unit DURATION_UNITS[] = {
    {"d", UINT64_C(86400000000)},
    {"h", UINT64_C(3600000000)},
    {"min", 60000000},
    {"m", 60000000},
    {"s", 1000000},
    {"ms", 1000},
    {"us", 1},
    {"µs", 1},
    {NULL, 0},
};

static const struct unit RATE_UNITS[] = {
    {"/s", 3600}, {"/m", 60}, {"/min", 60}, {"/h", 1}, {NULL, 0},
};

static const struct unit BITRATE_UNITS[] = {
    {"bit/s", 1},
    {"kbit/s", 1000},
    {"Mbit/s", 1000000},
    {"Gbit/s", 1000000000},
    {"bps", 1},
    {"kbps", 1000},
    {"Mbps", 1000000},
    {"Gbps", 1000000000},
    {"k", 1000},
    {"M", 1000000},
    {"G", 1000000000},
    {"B/s", 8},
    {"kB/s", 8000},
    {"MB/s", 8000000},
    {"GB/s", UINT64_C(8000000000)},
    {"KiB/s", 8192},
    {"MiB/s", 8388608},
    {"GiB/s", UINT64_C(8589934592)},
    {NULL, 0},
};

static const struct unit SIZE_UNITS[] = {
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", UINT64_C(1000000000000)},
    {"KiB", 1024},
    {"MiB", 1048576},
    {"GiB", 1073741824},
    {"TiB", UINT64_C(1099511627776)},
    {NULL, 0},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes a number from the front of *rest. False when there is none or it is too large. */
static bool take_decimal(struct span *rest, struct decimal *out)
{
    struct decimal d = {0, 1};
    size_t i = 0;
    bool any = false, point = false;
    for (; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(c)) {
            break;
        }
        any = true;
        if (point && d.scale >= UINT64_C(1000000000)) {
            continue;
        }
        if (__builtin_mul_overflow(d.digits, UINT64_C(10), &d.digits) ||
            __builtin_add_overflow(d.digits, (uint64_t)(c - '0'), &d.digits)) {
            return false;
        }
        d.scale *= point ? 10 : 1;
    }
    if (!any) {
        return false;
    }
    *rest = span_skip(*rest, i);
    *out = d;
    return true;
}

/* digits / scale × factor, rounded; false when it exceeds `most`. */
static bool scale_decimal(struct decimal d, uint64_t factor, uint64_t most, uint64_t *out)
{
    unsigned __int128 value = (unsigned __int128)d.digits * factor;
    value = (value + d.scale / 2) / d.scale;
    if (value > most) {
        return false;
    }
    *out = (uint64_t)value;
    return true;
}

/* "KB" and "kB", "kib/s" and "KiB/s" mean the same to people, so k compares without case. The
 * other letters do not: Mbit is not mbit. */
static bool unit_matches(struct span text, const char *name)
{
    struct span whole = span_from_string(name);
    if (text.len != whole.len) {
        return false;
    }
    size_t skip = 0;
    if (text.len > 0 && (text.ptr[0] == 'k' || text.ptr[0] == 'K') &&
        (name[0] == 'k' || name[0] == 'K')) {
        skip = 1;
    }
    return span_equal(span_skip(text, skip), span_skip(whole, skip));
}

static const struct unit *find_unit(const struct unit *units, struct span text)
{
    for (; units->name != NULL; units++) {
        if (unit_matches(text, units->name)) {
            return units;
        }
    }
    return NULL;
}

/* The name of a unit at the front of *rest: everything up to the next digit. */
static struct span take_unit_name(struct span *rest)
{
    size_t i = 0;
    while (i < rest->len && !is_digit(rest->ptr[i]) && rest->ptr[i] != '.') {
        i++;
    }
    struct span name = {rest->ptr, i};
    *rest = span_skip(*rest, i);
    return name;
}

static const char DURATION_FORM[] = "is not a duration; write 500ms, 2s, 1.5m or 1h";
static const char DURATION_UNIT[] = "has no unit; write 500ms, 2s, 1.5m or 1h";
static const char DURATION_LONG[] = "is too long; at most 3650d";

const char *units_parse_duration(struct span text, int64_t *out_us)
{
    const uint64_t most_us = UINT64_C(3650) * 86400 * SECOND_US;
    struct span rest = text;
    uint64_t total_us = 0;
    uint64_t last_factor = UINT64_MAX;
    do {
        struct decimal number;
        if (!take_decimal(&rest, &number)) {
            return DURATION_FORM;
        }
        struct span name = take_unit_name(&rest);
        if (name.len == 0) {
            return DURATION_UNIT;
        }
        const struct unit *unit = find_unit(DURATION_UNITS, name);
        if (unit == NULL || unit->factor >= last_factor) {
            return DURATION_FORM;
        }
        last_factor = unit->factor;
        uint64_t part_us;
        if (!scale_decimal(number, unit->factor, most_us, &part_us)) {
            return DURATION_LONG;
        }
        total_us += part_us;
        if (total_us > most_us) {
            return DURATION_LONG;
        }
    } while (rest.len > 0);
    *out_us = (int64_t)total_us;
    return NULL;
}

const char *units_parse_rate(struct span text, double *out_per_s)
{
    struct decimal number;
    struct span rest = text;
    if (!take_decimal(&rest, &number)) {
        return "is not a rate; write 500/s, 30/m or 2/h";
    }
    if (rest.len == 0) {
        return "has no unit; write 500/s, 30/m or 2/h";
    }
    const struct unit *unit = find_unit(RATE_UNITS, rest);
    if (unit == NULL) {
        return "is not a rate; write 500/s, 30/m or 2/h";
    }
    double per_s = (double)number.digits / (double)number.scale * (double)unit->factor / 3600.0;
    if (!(per_s > 0 && per_s <= 1e9)) {
        return "is out of range; above 0/s and at most 1000000000/s";
    }
    *out_per_s = per_s;
    return NULL;
}

const char *units_parse_bitrate(struct span text, uint64_t *out_bps)
{
    struct decimal number;
    struct span rest = text;
    if (!take_decimal(&rest, &number)) {
        return "is not a bit rate; write 8Mbit/s, 800kbit/s or 8M";
    }
    if (rest.len == 0) {
        return "has no unit; write 8Mbit/s, 800kbit/s or 8M";
    }
    const struct unit *unit = find_unit(BITRATE_UNITS, rest);
    if (unit == NULL) {
        return "is not a bit rate; write 8Mbit/s, 800kbit/s or 8M";
    }
    if (!scale_decimal(number, unit->factor, UINT64_C(10000000000000), out_bps)) {
        return "is too large; at most 10000Gbit/s";
    }
    return NULL;
}

const char *units_parse_size(struct span text, uint64_t *out_bytes)
{
    struct decimal number;
    struct span rest = text;
    if (!take_decimal(&rest, &number)) {
        return "is not a size; write 512B, 64KiB or 10MB";
    }
    if (rest.len == 0) {
        return "has no unit; write 512B, 64KiB or 10MB";
    }
    const struct unit *unit = find_unit(SIZE_UNITS, rest);
    if (unit == NULL) {
        return "is not a size; write 512B, 64KiB or 10MB";
    }
    if (!scale_decimal(number, unit->factor, UINT64_C(1) << 60, out_bytes)) {
        return "is too large; at most 1048576TiB";
    }
    return NULL;
}

const char *units_parse_percent(struct span text, double *out_ratio)
{
    struct decimal number;
    struct span rest = text;
    if (!take_decimal(&rest, &number)) {
        return "is not a percentage; write 0.5%";
    }
    if (rest.len == 0) {
        return "has no percent sign; write 0.5%";
    }
    if (!span_equal(rest, SPAN("%"))) {
        return "is not a percentage; write 0.5%";
    }
    double ratio = (double)number.digits / (double)number.scale / 100.0;
    if (ratio > 10000) {
        return "is too large; at most 1000000%";
    }
    *out_ratio = ratio;
    return NULL;
}

const char *units_parse_number(struct span text, double *out)
{
    struct decimal number;
    struct span rest = text;
    if (!take_decimal(&rest, &number) || rest.len > 0) {
        return "is not a number; write 10 or 0.25";
    }
    double value = (double)number.digits / (double)number.scale;
    if (value > 1e15) {
        return "is too large; at most 1000000000000000";
    }
    *out = value;
    return NULL;
}

/* Three significant digits without exponent or trailing zeros, the decimal point a point
 * whatever the locale is. `value` is in 0 … 1000. */
static void format_significant(double value, char text[UNITS_TEXT])
{
    unsigned decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    unsigned scale = decimals == 0 ? 1 : decimals == 1 ? 10 : 100;
    unsigned whole = (unsigned)lround(value * scale);
    while (decimals > 0 && whole % 10 == 0) {
        whole /= 10;
        scale /= 10;
        decimals--;
    }
    if (decimals == 0) {
        snprintf(text, UNITS_TEXT, "%u", whole);
    } else {
        snprintf(text, UNITS_TEXT, "%u.%0*u", whole / scale, (int)decimals, whole % scale);
    }
}

static void format_clock(uint64_t us, const char *sign, char text[UNITS_TEXT])
{
    uint64_t seconds = (us + SECOND_US / 2) / SECOND_US;
    uint64_t minutes = seconds / 60;
    if (minutes < 60) {
        snprintf(text, UNITS_TEXT, "%s%um%02us", sign, (unsigned)minutes,
                 (unsigned)(seconds % 60));
    } else {
        snprintf(text, UNITS_TEXT, "%s%lluh%02um", sign, (unsigned long long)(minutes / 60),
                 (unsigned)(minutes % 60));
    }
}

char *units_format_duration(int64_t us, char text[UNITS_TEXT])
{
    const char *sign = us < 0 ? "-" : "";
    uint64_t size_us = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    char digits[UNITS_TEXT];
    if (size_us == 0) {
        snprintf(text, UNITS_TEXT, "0s");
    } else if (size_us < 1000) {
        snprintf(text, UNITS_TEXT, "%s%uµs", sign, (unsigned)size_us);
    } else if (size_us < 999500) {
        format_significant((double)size_us / 1e3, digits);
        snprintf(text, UNITS_TEXT, "%s%.8sms", sign, digits);
    } else if (size_us < 59950000) {
        format_significant((double)size_us / 1e6, digits);
        snprintf(text, UNITS_TEXT, "%s%.8ss", sign, digits);
    } else {
        format_clock(size_us, sign, text);
    }
    return text;
}

char *units_format_duration_exact(int64_t us, char text[UNITS_TEXT])
{
    const char *sign = us < 0 ? "-" : "";
    uint64_t size_us = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    static const struct unit units[] = {
        {"h", UINT64_C(3600000000)}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {"us", 1},
    };
    unsigned i = size_us == 0 ? 2 : 0;
    while (size_us % units[i].factor != 0) {
        i++;
    }
    snprintf(text, UNITS_TEXT, "%s%llu%s", sign,
             (unsigned long long)(size_us / units[i].factor), units[i].name);
    return text;
}

char *units_format_bitrate(double bps, char text[UNITS_TEXT])
{
    static const char *const names[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
    unsigned i = 0;
    double value = bps > 0 ? bps : 0;
    while (value >= 999.5 && i < 4) {
        value /= 1000;
        i++;
    }
    char digits[UNITS_TEXT];
    format_significant(value < 999999 ? value : 999999, digits);
    snprintf(text, UNITS_TEXT, "%.8s%s", digits, names[i]);
    return text;
}

char *units_format_size(uint64_t bytes, char text[UNITS_TEXT])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned i = 0;
    double value = (double)bytes;
    while (value >= 1023.5 && i < 6) {
        value /= 1024;
        i++;
    }
    char digits[UNITS_TEXT];
    format_significant(value, digits);
    snprintf(text, UNITS_TEXT, "%.8s%s", digits, names[i]);
    return text;
}

char *units_format_count(uint64_t count, char text[UNITS_TEXT])
{
    char digits[UNITS_TEXT];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *to = text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}
