/* A pool of equal blocks, allocated once, taken and given back without malloc. An empty pool
 * gives NULL, which its user must count as a failure. One thread. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

struct pool {
    unsigned char *memory; /* owned */
    void *free_list;       /* blocks given back, linked through their first word */
    size_t block_bytes;
    size_t capacity; /* blocks */
    size_t fresh;    /* blocks never yet taken */
    size_t in_use;
};

/* Reserves address space for `capacity` blocks of `block_bytes`; pages are touched only as
 * blocks are first taken. Returns 0, or -1 when there is no memory. */
int pool_init(struct pool *pool, size_t block_bytes, size_t capacity);

/* Frees the memory; blocks still taken become invalid. */
void pool_fini(struct pool *pool);

/* A block of undefined content, aligned for any type, or NULL when all are taken. */
void *pool_take(struct pool *pool);

/* Gives a block back. NULL is a no-op. */
void pool_give(struct pool *pool, void *block);

#endif
