#include "media/mp4_box.h"

bool mp4_next_box(struct span *rest, struct mp4_box *out)
{
    const uint8_t *p = (const uint8_t *)rest->ptr;
    if (rest->len < 8) {
        return false;
    }
    uint64_t size = mp4_u32(p);
    size_t head = 8;
    if (size == 1 && rest->len >= 16) {
        size = (uint64_t)mp4_u32(p + 8) << 32 | mp4_u32(p + 12);
        head = 16;
    } else if (size == 0) {
        size = rest->len;
    }
    if (size < head || size > rest->len) {
        return false;
    }
    out->type = mp4_u32(p + 4);
    out->body = span_of(rest->ptr + head, (size_t)size - head);
    *rest = span_skip(*rest, (size_t)size);
    return true;
}

struct span mp4_find_box(struct span inside, uint32_t type)
{
    struct mp4_box box;
    while (mp4_next_box(&inside, &box)) {
        if (box.type == type) {
            return box.body;
        }
    }
    return (struct span){0};
}

uint32_t mp4_full_box_u32(struct span body, size_t at0, size_t at1)
{
    size_t at = body.len > 0 && body.ptr[0] == 1 ? at1 : at0;
    return body.len >= at + 4 ? mp4_u32((const uint8_t *)body.ptr + at) : 0;
}
