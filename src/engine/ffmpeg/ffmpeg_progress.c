#include "engine/ffmpeg/ffmpeg_progress.h"

#include "base/span.h"

void ffmpeg_progress_init(struct ffmpeg_progress *progress,
                          void (*on_report)(void *user,
                                            const struct ffmpeg_progress_report *report),
                          void *user)
{
    *progress = (struct ffmpeg_progress){.on_report = on_report, .user = user};
}

/* Microseconds; negative before the first packet of some streams. "N/A" leaves it absent. */
static void read_position(struct ffmpeg_progress_report *report, struct span value)
{
    bool negative = value.len > 0 && value.ptr[0] == '-';
    uint64_t us = 0;
    if (!span_to_u64(span_skip(value, negative ? 1 : 0), &us) || us > INT64_MAX / 2) {
        return;
    }
    report->has_position = true;
    report->position_us = negative ? -(int64_t)us : (int64_t)us;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Printed with "%4.3gx": "   1x", " 1.2x", "6.02x", "1.02e+03x", "N/A". */
static void read_speed(struct ffmpeg_progress_report *report, struct span value)
{
    if (value.len < 2 || value.ptr[value.len - 1] != 'x') {
        return;
    }
    value.len--;
    uint64_t mantissa = 0;
    int scale = 3; /* permille */
    bool fraction = false;
    size_t i = 0;
    for (; i < value.len && (is_digit(value.ptr[i]) || (value.ptr[i] == '.' && !fraction));
         i++) {
        if (value.ptr[i] == '.') {
            fraction = true;
        } else if (mantissa < 100000000) {
            mantissa = mantissa * 10 + (uint64_t)(value.ptr[i] - '0');
            scale -= fraction ? 1 : 0;
        }
    }
    if (i == 0) {
        return;
    }
    if (i < value.len) {
        uint64_t exponent = 0;
        bool below = value.len > i + 1 && value.ptr[i + 1] == '-';
        if (value.ptr[i] != 'e' || !span_to_u64(span_skip(value, i + 2), &exponent) ||
            exponent > 30) {
            return;
        }
        scale += below ? -(int)exponent : (int)exponent;
    }
    for (; scale > 0 && mantissa < UINT32_MAX; scale--) {
        mantissa *= 10;
    }
    for (; scale < 0; scale++) {
        mantissa /= 10;
    }
    report->has_speed = true;
    report->speed_permille = mantissa < UINT32_MAX ? (uint32_t)mantissa : UINT32_MAX;
}

static void take_line(struct ffmpeg_progress *progress, struct span line)
{
    struct span value = line;
    struct span key = span_cut(&value, '=');
    value = span_trim(value);
    if (span_equal(key, SPAN("out_time_us")) || span_equal(key, SPAN("out_time_ms"))) {
        /* Both in microseconds, whatever their names say; before version 4.1 there is only the
         * second. */
        read_position(&progress->report, value);
    } else if (span_equal(key, SPAN("speed"))) {
        read_speed(&progress->report, value);
    } else if (span_equal(key, SPAN("progress"))) {
        progress->report.at_end = span_equal(value, SPAN("end"));
        progress->blocks++;
        struct ffmpeg_progress_report report = progress->report;
        progress->report = (struct ffmpeg_progress_report){0};
        progress->on_report(progress->user, &report);
    }
}

static void keep(struct ffmpeg_progress *progress, const char *bytes, size_t len)
{
    size_t room = FFMPEG_PROGRESS_LINE_MAX - progress->len;
    if (len > room) {
        progress->len = FFMPEG_PROGRESS_LINE_MAX;
        return;
    }
    memcpy(progress->line + progress->len, bytes, len);
    progress->len += (uint32_t)len;
}

void ffmpeg_progress_feed(struct ffmpeg_progress *progress, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end == NULL ? len : (size_t)(end - bytes);
        keep(progress, bytes, part);
        if (end == NULL) {
            return;
        }
        uint32_t whole = progress->len;
        progress->len = 0;
        if (whole == FFMPEG_PROGRESS_LINE_MAX) {
            progress->cut++;
        } else {
            take_line(progress, span_of(progress->line, whole));
        }
        bytes = end + 1;
        len -= part + 1;
    }
}
