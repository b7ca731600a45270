/* The small values of a playlist read from text: durations, integers, ranges, dates. Pure; the
 * text need not end in NUL. Part of media/m3u8. */
#ifndef MEDIA_M3U8_TEXT_H
#define MEDIA_M3U8_TEXT_H

#include "base/span.h"
#include "media/m3u8.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads a decimal number of seconds at the start of text, "6", "6.006", ".5", "-1.5", as
 * microseconds rounded to nearest, at most M3U8_LIMIT_DURATION_US either way. Returns how many
 * bytes belong to it, or 0 when no number stands there; *out is set only then. */
size_t m3u8_read_seconds(struct span text, int64_t *out);

/* Reads a decimal number at the start of text as a double (never NaN or infinite); results as
 * m3u8_read_seconds. */
size_t m3u8_read_double(struct span text, double *out);

/* Reads "n" or "n@o" (also "n@", as some write). *has_offset tells whether o was there.
 * Returns false when it is neither. */
bool m3u8_read_range(struct span text, struct m3u8_range *out, bool *has_offset);

/* Reads "WxH". */
bool m3u8_read_resolution(struct span text, uint32_t *width, uint32_t *height);

/* How a date was written. */
enum m3u8_date_form {
    M3U8_DATE_BAD,     /* no date */
    M3U8_DATE_NO_ZONE, /* read as UTC (section 4.4.4.6) */
    M3U8_DATE_LOOSE,   /* understood, but not by ISO 8601: a space for 'T', 'z' ... */
    M3U8_DATE_GOOD,
};

/* Reads an ISO 8601 date with time as microseconds since 1970 UTC; *out is set unless BAD. */
enum m3u8_date_form m3u8_read_date(struct span text, int64_t *out);

/* Writes such a date, "2026-11-23T20:46:00.000000Z"; returns its length (27), or less than size
 * bytes needed: 0. */
size_t m3u8_write_date(int64_t date_us, char *dst, size_t size);

/* Reads "0x" or "0X" and up to 32 hexadecimal digits as a 128-bit big-endian number. */
bool m3u8_read_iv(struct span text, uint8_t out[16]);

#endif
