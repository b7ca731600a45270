/* Writes bit fields, most significant bit first, into memory of the caller, as H.264 and AAC
 * want them. Writing past the end is a bug of the caller and asserted. One thread. */
#ifndef MEDIA_BITS_H
#define MEDIA_BITS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
    uint8_t *ptr; /* borrowed */
    size_t size;  /* bytes there */
    size_t bit;   /* bits written so far */
};

static inline struct bits bits_over(uint8_t *ptr, size_t size)
{
    return (struct bits){ptr, size, 0};
}

/* Appends the low `count` bits of value, count at most 32. */
static inline void bits_put(struct bits *bits, unsigned count, uint32_t value)
{
    assert(bits->bit + count <= bits->size * 8);
    while (count > 0) {
        count--;
        size_t byte = bits->bit / 8;
        unsigned shift = 7 - (unsigned)(bits->bit % 8);
        if (shift == 7) {
            bits->ptr[byte] = 0;
        }
        bits->ptr[byte] |= (uint8_t)((value >> count & 1) << shift);
        bits->bit++;
    }
}

/* Exp-Golomb, unsigned: H.264 section 9.1. */
static inline void bits_put_ue(struct bits *bits, uint32_t value)
{
    unsigned length = 31 - (unsigned)__builtin_clz(value + 1);
    bits_put(bits, length, 0);
    bits_put(bits, length + 1, value + 1);
}

/* Exp-Golomb, signed: H.264 section 9.1.1. */
static inline void bits_put_se(struct bits *bits, int32_t value)
{
    bits_put_ue(bits, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

/* Zero bits up to the next whole byte. */
static inline void bits_align(struct bits *bits)
{
    bits_put(bits, (unsigned)(-bits->bit & 7), 0);
}

/* Whole bytes written; meaningful after an alignment. */
static inline size_t bits_bytes(const struct bits *bits)
{
    return bits->bit / 8;
}

#endif
