/* What every header of libshoal-stats needs: how its functions are exported, and the sizes
 * that are part of its binary interface.
 *
 * The library counts in many threads without locks and lets any number of others read totals,
 * rates and percentiles. It needs C11 atomics and POSIX threads, nothing else. Functions that
 * can fail return 0 or a negative errno value. */
#ifndef SHOAL_API_H
#define SHOAL_API_H

#include <stdint.h>

#define SHOAL_API __attribute__((visibility("default")))

enum {
    /* Data that different threads write is kept this far apart: two 64-byte lines, since x86
     * fetches them in pairs and some arm64 machines have lines of 128. */
    SHOAL_LINE_BYTES = 128,
};

_Static_assert(sizeof(_Atomic uint64_t) == 8, "counters need atomic 64-bit words");

#endif
