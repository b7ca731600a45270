#include "view/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

char *format_count(char *dst, size_t size, uint64_t count)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    size_t at = 0;
    for (int i = 0; i < n && at + 1 < size; i++) {
        if (i > 0 && (n - i) % 3 == 0 && at + 2 < size) {
            dst[at++] = ',';
        }
        dst[at++] = digits[i];
    }
    dst[at] = '\0';
    return dst;
}

/* Three significant digits for a value of 0 to 999.5, whole above. */
static void three_digits(char *dst, size_t size, double value, const char *unit)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(dst, size, "%.*f%s", decimals, value, unit);
}

struct scale {
    double unit;
    const char *suffix;
};

/* Writes `value` in the largest of the scales (descending, the last is the smallest) that it
 * reaches once rounded. */
static char *scaled(char *dst, size_t size, double value, const struct scale *scales)
{
    while (scales[1].suffix != NULL && value < scales->unit * 0.9995) {
        scales++;
    }
    three_digits(dst, size, value / scales->unit, scales->suffix);
    return dst;
}

char *format_number(char *dst, size_t size, double number)
{
    static const struct scale scales[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {0}};
    if (number == 0) {
        snprintf(dst, size, "0");
        return dst;
    }
    if (fabs(number) < 999.5) {
        three_digits(dst, size, number, "");
        return dst;
    }
    if (number > 0 && number < 9999.5) {
        return format_count(dst, size, (uint64_t)(number + 0.5));
    }
    return scaled(dst, size, number, scales);
}

char *format_duration(char *dst, size_t size, int64_t us)
{
    double ms = (double)us / 1000;
    if (us == 0) {
        snprintf(dst, size, "0 ms");
    } else if (ms < 0.9995) {
        snprintf(dst, size, "%.3f ms", ms);
    } else if (ms < 999.5) {
        three_digits(dst, size, ms, " ms");
    } else if (ms < 99950) {
        three_digits(dst, size, ms / 1000, " s");
    } else if (ms < 3599500) {
        int64_t seconds = (us + 500000) / 1000000;
        snprintf(dst, size, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
    } else {
        int64_t minutes = (us + 30000000) / 60000000;
        snprintf(dst, size, "%" PRId64 "h%02" PRId64 "m", minutes / 60, minutes % 60);
    }
    return dst;
}

char *format_clock(char *dst, size_t size, int64_t us)
{
    int64_t seconds = us > 0 ? us / 1000000 : 0;
    if (seconds < 3600) {
        snprintf(dst, size, "%" PRId64 ":%02" PRId64, seconds / 60, seconds % 60);
    } else {
        snprintf(dst, size, "%" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600,
                 seconds / 60 % 60, seconds % 60);
    }
    return dst;
}

char *format_bytes(char *dst, size_t size, double bytes)
{
    static const struct scale scales[] = {{1e15, " PB"}, {1e12, " TB"}, {1e9, " GB"},
                                          {1e6, " MB"},  {1e3, " kB"},  {0}};
    if (bytes < 999.5) {
        snprintf(dst, size, "%.0f B", bytes);
        return dst;
    }
    return scaled(dst, size, bytes, scales);
}

char *format_bitrate(char *dst, size_t size, double bytes_per_second)
{
    static const struct scale scales[] = {
        {1e12, " Tbit/s"}, {1e9, " Gbit/s"}, {1e6, " Mbit/s"}, {1e3, " kbit/s"}, {0}};
    double bits = bytes_per_second * 8;
    if (bits < 999.5) {
        snprintf(dst, size, "%.0f bit/s", bits);
        return dst;
    }
    return scaled(dst, size, bits, scales);
}

char *format_percent(char *dst, size_t size, double fraction)
{
    double percent = fraction * 100;
    if (percent == 0) {
        snprintf(dst, size, "0 %%");
    } else if (percent > 0 && percent < 0.01) {
        snprintf(dst, size, "<0.01 %%");
    } else {
        three_digits(dst, size, percent, " %");
    }
    return dst;
}

char *format_timestamp(char *dst, size_t size, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(dst, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        dst[0] = '\0';
    }
    return dst;
}
