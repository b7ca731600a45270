/* Memory that lies idle most of the time and is then used all over: in huge pages, where the
 * system has them. Coming back to it costs one translation of an address and not one for each
 * 4 KiB, which on a guest whose host was busy elsewhere meanwhile is most of the work. */
#ifndef BASE_HUGE_H
#define BASE_HUGE_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_BYTES = 2 << 20 };

static inline size_t huge_round_up(size_t bytes)
{
    return (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
}

/* As calloc, but whole huge pages: for what fills a good part of one. free() it. */
static inline void *huge_calloc(size_t bytes)
{
    size_t size = huge_round_up(bytes);
    void *memory = aligned_alloc(HUGE_BYTES, size);
    if (memory != NULL) {
        madvise(memory, size, MADV_HUGEPAGE); /* where there are none, small pages will do */
        memset(memory, 0, bytes);
    }
    return memory;
}

#endif
