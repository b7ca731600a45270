/* Figures as people read them, the same in terminal, progress lines and reports: at most four
 * significant digits, a unit always, never locale's. Each writes a string that ends in NUL, cut
 * when it does not fit, and returns dst. Pure, any thread. */
#ifndef VIEW_FORMAT_H
#define VIEW_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* Room for any result of this file. */
#define FORMAT_MAX 32

/* "1,234,567" */
char *format_count(char *dst, size_t size, uint64_t count);

/* "0", "0.52", "12.3", "1,234", "12.3k", "4.56M": something a second, or a plain number. */
char *format_number(char *dst, size_t size, double number);

/* "0 ms", "0.812 ms", "12.3 ms", "812 ms", "1.23 s", "75.0 s", "12m05s", "2h05m" */
char *format_duration(char *dst, size_t size, int64_t us);

/* Time into a run: "0:07", "12:05", "1:02:03". Below zero counts as zero. */
char *format_clock(char *dst, size_t size, int64_t us);

/* "812 B", "12.3 kB", "4.56 GB" */
char *format_bytes(char *dst, size_t size, double bytes);

/* Bytes a second as line rate: "0 bit/s", "812 kbit/s", "1.23 Gbit/s" */
char *format_bitrate(char *dst, size_t size, double bytes_per_second);

/* A fraction as "0 %", "0.52 %", "12.3 %"; a fraction above 0 never shows as 0. */
char *format_percent(char *dst, size_t size, double fraction);

/* "2026-03-01T12:34:56Z" from microseconds since 1970. */
char *format_timestamp(char *dst, size_t size, int64_t wall_us);

#endif
