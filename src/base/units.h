/* Quantities as people write them: durations, rates, bit rates, sizes, percentages; read from
 * text and written to it. A bare number where a unit is needed is refused, since nobody can
 * tell whether 5 means seconds or minutes. Never dependent on the locale: the decimal point is
 * a point. Numbers are plain decimal, digits with at most one point; no sign, no exponent.
 *
 * Each units_parse_… reads the whole span and returns NULL with *out written, or one clause
 * that says what is wrong and which form to use (a string literal), with *out untouched.
 * Values round to the nearest unit of the result. Pure functions, any thread. */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include "base/span.h"

#include <stdint.h>

/* 250us 500ms 2s 1.5m (or 1.5min) 1h 2d, also several in falling order: 1h30m, 1m30s.
 * At most 10 years. */
const char *units_parse_duration(struct span text, int64_t *out_us);

/* Events per time: 500/s, 30/m, 1.5/h; in events per second, above 0 and at most 1e9. */
const char *units_parse_rate(struct span text, double *out_per_s);

/* Bits per second: 8Mbit/s, 800kbit/s, 2.5Mbps, or short 8M, 800k, 1G; decimal prefixes.
 * Also bytes per second: 1MB/s, 512KiB/s. At most 10 Tbit/s. */
const char *units_parse_bitrate(struct span text, uint64_t *out_bps);

/* 10MB is 10,000,000 bytes, 64KiB is 65,536; B KB MB GB TB, KiB MiB GiB TiB (k and K are the
 * same). At most 2^60 bytes. */
const char *units_parse_size(struct span text, uint64_t *out_bytes);

/* 0.5% as the ratio 0.005; the sign is needed. At most 1,000,000 %. */
const char *units_parse_percent(struct span text, double *out_ratio);

/* A bare number such as 0.25, at most 1e15. */
const char *units_parse_number(struct span text, double *out);

/* Each units_format_… writes into text, which UNITS_TEXT bytes always suffice for, ends it with
 * NUL, and returns text. */
enum { UNITS_TEXT = 32 };

/* Three significant digits in the unit that suits: 0s, 12µs, 1.25ms, 2s, 1m30s, 2h05m. Negative
 * durations carry a sign. */
char *units_format_duration(int64_t us, char text[UNITS_TEXT]);

/* The exact duration in a form that units_parse_duration reads back: 1500ms, 90s, 2m. */
char *units_format_duration_exact(int64_t us, char text[UNITS_TEXT]);

/* 8Mbit/s, 812kbit/s, 0bit/s. */
char *units_format_bitrate(double bps, char text[UNITS_TEXT]);

/* 512B, 64KiB, 1.5GiB. */
char *units_format_size(uint64_t bytes, char text[UNITS_TEXT]);

/* A count with commas at the thousands: 1,234,567. */
char *units_format_count(uint64_t count, char text[UNITS_TEXT]);

#endif
