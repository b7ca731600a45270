/* Reading the machine's clocks. Everything inside Shoal counts int64_t microseconds of
 * CLOCK_MONOTONIC; only reports and PROGRAM-DATE-TIME use the wall clock. Pure modules (player,
 * codecs, parsers) never include this: they are told the time. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t clock_monotonic_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

/* Microseconds since 1970-01-01T00:00:00Z; may jump. */
static inline int64_t clock_wall_us(void)
{
    return clock_read_us(CLOCK_REALTIME);
}

/* CPU time used so far by the calling thread. */
static inline int64_t clock_thread_cpu_us(void)
{
    return clock_read_us(CLOCK_THREAD_CPUTIME_ID);
}

#endif
