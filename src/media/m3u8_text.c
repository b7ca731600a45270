#include "media/m3u8_text.h"

#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Adds the fraction at text[at...] in microseconds to *us; returns where it ends. The seventh
 * digit rounds. */
static size_t read_fraction(struct span text, size_t at, int64_t *us)
{
    int64_t scale = 100000;
    bool round = true;
    for (; at < text.len && is_digit(text.ptr[at]); at++) {
        int digit = text.ptr[at] - '0';
        if (scale > 0) {
            *us += digit * scale;
            scale /= 10;
        } else if (round) {
            *us += digit >= 5 ? 1 : 0;
            round = false;
        }
    }
    return at;
}

size_t m3u8_read_seconds(struct span text, int64_t *out)
{
    size_t at = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        at = 1;
    }
    size_t first = at;
    int64_t us = 0;
    for (; at < text.len && is_digit(text.ptr[at]); at++) {
        if (us <= M3U8_LIMIT_DURATION_US / 1000000) {
            us = us * 10 + (text.ptr[at] - '0');
        }
    }
    size_t digits = at - first;
    us = us >= M3U8_LIMIT_DURATION_US / 1000000 ? M3U8_LIMIT_DURATION_US : us * 1000000;
    if (at < text.len && text.ptr[at] == '.') {
        size_t end = read_fraction(text, at + 1, &us);
        digits += end - at - 1;
        at = end;
    }
    if (digits == 0) {
        return 0;
    }
    if (us > M3U8_LIMIT_DURATION_US) {
        us = M3U8_LIMIT_DURATION_US;
    }
    *out = negative ? -us : us;
    return at;
}

size_t m3u8_read_double(struct span text, double *out)
{
    double value = 0, scale = 1;
    size_t at = 0, digits = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    at = negative ? 1 : 0;
    for (; at < text.len && is_digit(text.ptr[at]); at++, digits++) {
        value = value < 1e300 ? value * 10 + (text.ptr[at] - '0') : value;
    }
    if (at < text.len && text.ptr[at] == '.') {
        for (at++; at < text.len && is_digit(text.ptr[at]); at++, digits++) {
            if (scale < 1e15) {
                scale *= 10;
                value = value * 10 + (text.ptr[at] - '0');
            }
        }
    }
    if (digits == 0) {
        return 0;
    }
    *out = (negative ? -value : value) / scale;
    return at;
}

bool m3u8_read_range(struct span text, struct m3u8_range *out, bool *has_offset)
{
    struct span rest = span_trim(text);
    struct span length = span_cut(&rest, '@');
    struct m3u8_range range = {0, 0};
    if (!span_to_u64(length, &range.length)) {
        return false;
    }
    if (rest.len > 0 && !span_to_u64(rest, &range.offset)) {
        return false;
    }
    uint64_t end;
    if (__builtin_add_overflow(range.offset, range.length, &end)) {
        return false;
    }
    *has_offset = rest.len > 0;
    *out = range;
    return true;
}

bool m3u8_read_resolution(struct span text, uint32_t *width, uint32_t *height)
{
    struct span rest = text;
    struct span first = span_cut(&rest, 'x');
    uint64_t w, h;
    if (!span_to_u64(first, &w) || !span_to_u64(rest, &h) || w > UINT32_MAX || h > UINT32_MAX) {
        return false;
    }
    *width = (uint32_t)w;
    *height = (uint32_t)h;
    return true;
}

/* Reads exactly `count` digits at *at. */
static bool read_digits(struct span text, size_t *at, unsigned count, int *out)
{
    int value = 0;
    if (text.len - *at < count) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        char c = text.ptr[*at + i];
        if (!is_digit(c)) {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    *at += count;
    *out = value;
    return true;
}

static bool skip_byte(struct span text, size_t *at, char c)
{
    if (*at < text.len && text.ptr[*at] == c) {
        (*at)++;
        return true;
    }
    return false;
}

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool read_day(struct span text, size_t *at, bool basic, int64_t *days)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!read_digits(text, at, 4, &year) || (!basic && !skip_byte(text, at, '-')) ||
        !read_digits(text, at, 2, &month) || (!basic && !skip_byte(text, at, '-')) ||
        !read_digits(text, at, 2, &day) || month < 1 || month > 12 || day < 1) {
        return false;
    }
    int most = month == 2 && is_leap(year) ? 29 : month_days[month - 1];
    *days = days_from_civil(year, month, day);
    return day <= most;
}

/* Hours, minutes, seconds with fraction; a leap second is allowed. */
static bool read_time(struct span text, size_t *at, bool basic, int64_t *us)
{
    int hour, minute, second = 0;
    if (!read_digits(text, at, 2, &hour) || (!basic && !skip_byte(text, at, ':')) ||
        !read_digits(text, at, 2, &minute)) {
        return false;
    }
    bool seconds = basic ? *at < text.len && is_digit(text.ptr[*at]) : skip_byte(text, at, ':');
    if (seconds && !read_digits(text, at, 2, &second)) {
        return false;
    }
    if (hour > 24 || minute > 59 || second > 60) {
        return false;
    }
    *us = (((int64_t)hour * 60 + minute) * 60 + second) * 1000000;
    if (*at < text.len && (text.ptr[*at] == '.' || text.ptr[*at] == ',')) {
        size_t end = read_fraction(text, *at + 1, us);
        if (end == *at + 1) {
            return false;
        }
        *at = end;
    }
    return hour < 24 || *us == INT64_C(86400000000);
}

/* "Z", "+hh:mm", "+hhmm", "+hh"; *us is what must be subtracted to get UTC. */
static bool read_zone(struct span text, size_t *at, int64_t *us, bool *loose)
{
    *us = 0;
    if (skip_byte(text, at, 'Z')) {
        return true;
    }
    if (skip_byte(text, at, 'z')) {
        *loose = true;
        return true;
    }
    int sign = skip_byte(text, at, '+') ? 1 : skip_byte(text, at, '-') ? -1 : 0;
    int hours, minutes = 0;
    if (sign == 0 || !read_digits(text, at, 2, &hours)) {
        return false;
    }
    bool colon = skip_byte(text, at, ':');
    if ((colon || *at < text.len) && !read_digits(text, at, 2, &minutes)) {
        return false;
    }
    *us = sign * ((int64_t)hours * 60 + minutes) * 60000000;
    return hours < 24 && minutes < 60;
}

enum m3u8_date_form m3u8_read_date(struct span text, int64_t *out)
{
    size_t at = 0;
    int64_t days, time_us, zone_us = 0;
    bool loose = false;
    bool basic = text.len > 4 && is_digit(text.ptr[4]);
    if (!read_day(text, &at, basic, &days)) {
        return M3U8_DATE_BAD;
    }
    if (!skip_byte(text, &at, 'T')) {
        if (!skip_byte(text, &at, ' ') && !skip_byte(text, &at, 't')) {
            return M3U8_DATE_BAD;
        }
        loose = true;
    }
    if (!read_time(text, &at, basic, &time_us)) {
        return M3U8_DATE_BAD;
    }
    enum m3u8_date_form form = M3U8_DATE_GOOD;
    if (at == text.len) {
        form = M3U8_DATE_NO_ZONE;
    } else if (!read_zone(text, &at, &zone_us, &loose) || at != text.len) {
        return M3U8_DATE_BAD;
    }
    *out = days * INT64_C(86400000000) + time_us - zone_us;
    return loose ? M3U8_DATE_LOOSE : form;
}

size_t m3u8_write_date(int64_t date_us, char *dst, size_t size)
{
    int64_t day_us = INT64_C(86400000000);
    int64_t days = date_us / day_us - (date_us % day_us < 0 ? 1 : 0);
    int64_t us = date_us - days * day_us;
    /* The inverse of days_from_civil. */
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    int year = (int)(yoe + era * 400 + (month <= 2 ? 1 : 0));
    int len =
        snprintf(dst, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year, month,
                 (int)(doy - (153 * mp + 2) / 5 + 1), (int)(us / 3600000000),
                 (int)(us / 60000000 % 60), (int)(us / 1000000 % 60), (int)(us % 1000000));
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

bool m3u8_read_iv(struct span text, uint8_t out[16])
{
    if (text.len < 3 || text.len > 34 || text.ptr[0] != '0' ||
        (text.ptr[1] != 'x' && text.ptr[1] != 'X')) {
        return false;
    }
    uint8_t iv[16] = {0};
    size_t digits = text.len - 2;
    for (size_t i = 0; i < digits; i++) {
        char c = text.ptr[text.len - 1 - i];
        int value = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (value < 0) {
            return false;
        }
        iv[15 - i / 2] |= (uint8_t)(value << (i % 2 == 0 ? 0 : 4));
    }
    memcpy(out, iv, 16);
    return true;
}
