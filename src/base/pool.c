#include "base/pool.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

int pool_init(struct pool *pool, size_t block_bytes, size_t capacity)
{
    size_t align = alignof(max_align_t);
    size_t rounded = (block_bytes + align - 1) / align * align;
    if (rounded == 0) {
        rounded = align;
    }
    size_t total;
    if (capacity == 0 || __builtin_mul_overflow(rounded, capacity, &total)) {
        return -1;
    }
    void *memory = mmap(NULL, total, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return -1;
    }
    *pool = (struct pool){.memory = memory, .block_bytes = rounded, .capacity = capacity};
    return 0;
}

void pool_fini(struct pool *pool)
{
    if (pool->memory != NULL) {
        munmap(pool->memory, pool->block_bytes * pool->capacity);
    }
    *pool = (struct pool){0};
}

void *pool_take(struct pool *pool)
{
    void *block = pool->free_list;
    if (block != NULL) {
        memcpy(&pool->free_list, block, sizeof pool->free_list);
    } else if (pool->fresh < pool->capacity) {
        block = pool->memory + pool->fresh * pool->block_bytes;
        pool->fresh++;
    } else {
        return NULL;
    }
    pool->in_use++;
    return block;
}

void pool_give(struct pool *pool, void *block)
{
    if (block == NULL) {
        return;
    }
    assert((uintptr_t)block >= (uintptr_t)pool->memory &&
           (uintptr_t)block < (uintptr_t)pool->memory + pool->block_bytes * pool->capacity);
    memcpy(block, &pool->free_list, sizeof pool->free_list);
    pool->free_list = block;
    pool->in_use--;
}
