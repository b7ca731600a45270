/* Segments that have been made, kept in memory files so that sendfile(2) hands their pages to
 * the kernel without a copy. The cache holds a bounded number of bytes; what is being sent
 * stays until it is released. One thread. */
#ifndef ORIGIN_BLOB_H
#define ORIGIN_BLOB_H

#include "base/list.h"
#include "origin/stream.h"

#include <stddef.h>
#include <stdint.h>

struct blob {
    int fd;       /* owned; a memory file of len bytes */
    uint8_t *map; /* owned; the same bytes */
    size_t len;
    unsigned references;
    uint64_t cache_id, number; /* which segment it is */
    struct list in_use_order;  /* in blob_cache.order, least recently used first */
    struct list in_bucket;
};

#define BLOB_BUCKETS 1024

struct blob_cache {
    size_t limit_bytes; /* what is not in use is dropped beyond this */
    size_t held_bytes;
    unsigned held_count;
    struct list order;
    struct list buckets[BLOB_BUCKETS];
};

void blob_cache_init(struct blob_cache *cache, size_t limit_bytes);

/* Frees everything; nothing may be referenced any more. */
void blob_cache_fini(struct blob_cache *cache);

/* The segment, made now if it is not held; the caller gives its reference back with
 * blob_release(). NULL when memory or descriptors are spent. */
struct blob *blob_cache_get(struct blob_cache *cache, const struct stream_rendition *rendition,
                            uint64_t number);

/* Gives a reference back. NULL is a no-op. */
void blob_release(struct blob_cache *cache, struct blob *blob);

#endif
