/* The boxes of an MP4 file (ISO 14496-12 section 4.2), one after another. Pure, any thread;
 * never reads outside of the span. */
#ifndef MEDIA_MP4_BOX_H
#define MEDIA_MP4_BOX_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct mp4_box {
    uint32_t type; /* MP4_TYPE('m', 'o', 'o', 'v') */
    struct span body;
};

#define MP4_TYPE(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Takes the next box off *rest; false at the end or at nonsense. */
bool mp4_next_box(struct span *rest, struct mp4_box *out);

/* The body of the first box of that type inside; empty when there is none. */
struct span mp4_find_box(struct span inside, uint32_t type);

/* The big-endian number in the body of a box that begins with version and flags: at byte `at0`,
 * or at `at1` when the version is 1. 0 when the body is too short. */
uint32_t mp4_full_box_u32(struct span body, size_t at0, size_t at1);

static inline uint32_t mp4_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
