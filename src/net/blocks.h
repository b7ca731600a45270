/* Blocks of bytes in a few sizes, kept when given back, so that partial heads and bodies cost
 * no malloc once the worker has warmed up. A few of each size are kept; blocks larger than the
 * largest size come from malloc. One thread. */
#ifndef NET_BLOCKS_H
#define NET_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

enum {
    BLOCKS_CLASSES = 5, /* 2, 8, 32, 128, 512 KiB */
};

struct blocks {
    void *free_list[BLOCKS_CLASSES]; /* owned, linked through their first word */
    uint32_t kept[BLOCKS_CLASSES];
    uint64_t out_bytes;   /* given out at this moment */
    uint64_t limit_bytes; /* of out_bytes; 0: none */
};

/* A growing run of bytes in a block. Zeroed it is empty and holds nothing. */
struct block {
    char *ptr; /* owned, of `blocks`; NULL while capacity is 0 */
    size_t len;
    size_t capacity;
};

/* Zeroed memory is a valid `struct blocks`; fini frees what is kept. */
void blocks_fini(struct blocks *blocks);

/* Makes room for `capacity` bytes in all, keeping the content. Returns 0, or -1 when memory is
 * spent; the block is untouched then. */
int block_reserve(struct blocks *blocks, struct block *block, size_t capacity);

/* Appends. Returns 0 or -1 as block_reserve. */
int block_append(struct blocks *blocks, struct block *block, const char *bytes, size_t len);

/* Gives the memory back and leaves the block empty. */
void block_release(struct blocks *blocks, struct block *block);

#endif
