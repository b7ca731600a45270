#include "net/blocks.h"

#include <stdlib.h>
#include <string.h>

/* At most 13 MiB are kept. */
static const struct {
    size_t bytes;
    uint32_t kept_max;
} classes[BLOCKS_CLASSES] = {
    {2048, 1024}, {8192, 256}, {32768, 64}, {131072, 16}, {524288, 8},
};

static int class_of(size_t bytes)
{
    for (int i = 0; i < BLOCKS_CLASSES; i++) {
        if (bytes <= classes[i].bytes) {
            return i;
        }
    }
    return -1;
}

static char *take(struct blocks *blocks, size_t *capacity)
{
    int class = class_of(*capacity);
    if (class < 0) {
        return malloc(*capacity);
    }
    *capacity = classes[class].bytes;
    void *block = blocks->free_list[class];
    if (block == NULL) {
        return malloc(*capacity);
    }
    memcpy(&blocks->free_list[class], block, sizeof(void *));
    blocks->kept[class]--;
    return block;
}

static void give(struct blocks *blocks, char *block, size_t capacity)
{
    int class = class_of(capacity);
    if (class < 0 || blocks->kept[class] >= classes[class].kept_max) {
        free(block);
        return;
    }
    memcpy(block, &blocks->free_list[class], sizeof(void *));
    blocks->free_list[class] = block;
    blocks->kept[class]++;
}

void blocks_fini(struct blocks *blocks)
{
    for (int i = 0; i < BLOCKS_CLASSES; i++) {
        while (blocks->free_list[i] != NULL) {
            void *block = blocks->free_list[i];
            memcpy(&blocks->free_list[i], block, sizeof(void *));
            free(block);
        }
        blocks->kept[i] = 0;
    }
}

int block_reserve(struct blocks *blocks, struct block *block, size_t capacity)
{
    if (capacity <= block->capacity) {
        return 0;
    }
    /* Beyond the classes it doubles, so that a body that trickles in is not copied each time.
     */
    size_t doubled = block->capacity * 2;
    size_t wanted = class_of(capacity) < 0 && capacity < doubled ? doubled : capacity;
    if (blocks->limit_bytes > 0 &&
        blocks->out_bytes - block->capacity + wanted > blocks->limit_bytes) {
        return -1;
    }
    char *ptr = take(blocks, &wanted);
    if (ptr == NULL) {
        return -1;
    }
    if (block->len > 0) {
        memcpy(ptr, block->ptr, block->len);
    }
    if (block->ptr != NULL) {
        give(blocks, block->ptr, block->capacity);
    }
    blocks->out_bytes += wanted - block->capacity;
    block->ptr = ptr;
    block->capacity = wanted;
    return 0;
}

int block_append(struct blocks *blocks, struct block *block, const char *bytes, size_t len)
{
    if (block_reserve(blocks, block, block->len + len) != 0) {
        return -1;
    }
    if (len > 0) {
        memcpy(block->ptr + block->len, bytes, len);
        block->len += len;
    }
    return 0;
}

void block_release(struct blocks *blocks, struct block *block)
{
    if (block->ptr != NULL) {
        blocks->out_bytes -= block->capacity;
        give(blocks, block->ptr, block->capacity);
    }
    *block = (struct block){0};
}
