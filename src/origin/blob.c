#include "origin/blob.h"

#include "base/rng.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each blob holds a descriptor, so their number is bounded as well as their bytes. */
#define BLOBS_MAX 400

void blob_cache_init(struct blob_cache *cache, size_t limit_bytes)
{
    *cache = (struct blob_cache){.limit_bytes = limit_bytes};
    list_init(&cache->order);
    for (unsigned i = 0; i < BLOB_BUCKETS; i++) {
        list_init(&cache->buckets[i]);
    }
}

static struct list *bucket_of(struct blob_cache *cache, uint64_t cache_id, uint64_t number)
{
    return &cache->buckets[rng_mix(cache_id << 48 ^ number) % BLOB_BUCKETS];
}

static void drop(struct blob_cache *cache, struct blob *blob)
{
    cache->held_bytes -= blob->len;
    cache->held_count--;
    list_remove(&blob->in_use_order);
    list_remove(&blob->in_bucket);
    munmap(blob->map, blob->len);
    close(blob->fd);
    free(blob);
}

/* Drops the least recently used blobs that nobody sends, until the bounds hold. */
static void trim(struct blob_cache *cache)
{
    list_for_each_safe (node, after, &cache->order) {
        if (cache->held_bytes <= cache->limit_bytes && cache->held_count <= BLOBS_MAX) {
            return;
        }
        struct blob *blob = list_entry(node, struct blob, in_use_order);
        if (blob->references == 0) {
            drop(cache, blob);
        }
    }
}

void blob_cache_fini(struct blob_cache *cache)
{
    list_for_each_safe (node, after, &cache->order) {
        drop(cache, list_entry(node, struct blob, in_use_order));
    }
}

static struct blob *make(const struct stream_rendition *rendition, uint64_t number)
{
    struct blob *blob = calloc(1, sizeof *blob);
    if (blob == NULL) {
        return NULL;
    }
    blob->len = stream_segment_bytes(rendition, number);
    blob->cache_id = rendition->cache_id;
    blob->number = number;
    blob->fd = memfd_create("shoal-segment", MFD_CLOEXEC);
    if (blob->fd < 0 || ftruncate(blob->fd, (off_t)blob->len) != 0) {
        goto failed;
    }
    uint8_t *map =
        mmap(NULL, blob->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, blob->fd, 0);
    if (map == MAP_FAILED) {
        goto failed;
    }
    blob->map = map;
    if (stream_make_segment(rendition, number, map) != 0) {
        munmap(map, blob->len);
        goto failed;
    }
    return blob;
failed:
    if (blob->fd >= 0) {
        close(blob->fd);
    }
    free(blob);
    return NULL;
}

struct blob *blob_cache_get(struct blob_cache *cache, const struct stream_rendition *rendition,
                            uint64_t number)
{
    struct list *bucket = bucket_of(cache, rendition->cache_id, number);
    list_for_each (node, bucket) {
        struct blob *blob = list_entry(node, struct blob, in_bucket);
        if (blob->cache_id == rendition->cache_id && blob->number == number) {
            blob->references++;
            list_remove(&blob->in_use_order);
            list_append(&cache->order, &blob->in_use_order);
            return blob;
        }
    }
    struct blob *blob = make(rendition, number);
    if (blob == NULL) {
        return NULL;
    }
    blob->references = 1;
    list_append(&cache->order, &blob->in_use_order);
    list_append(bucket, &blob->in_bucket);
    cache->held_bytes += blob->len;
    cache->held_count++;
    trim(cache);
    return blob;
}

void blob_release(struct blob_cache *cache, struct blob *blob)
{
    if (blob == NULL) {
        return;
    }
    blob->references--;
    trim(cache);
}
