#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_release(struct buf *buf)
{
    free(buf->ptr);
    buf_init(buf, buf->limit);
}

int buf_reserve(struct buf *buf, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(buf->len, more, &need) || need > buf->limit) {
        return -1;
    }
    if (need <= buf->capacity) {
        return 0;
    }
    size_t capacity = buf->capacity < 256 ? 256 : buf->capacity;
    while (capacity < need) {
        capacity *= 2;
    }
    if (capacity > buf->limit) {
        capacity = buf->limit;
    }
    char *ptr = realloc(buf->ptr, capacity);
    if (ptr == NULL) {
        return -1;
    }
    buf->ptr = ptr;
    buf->capacity = capacity;
    return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0) {
        return 0;
    }
    if (buf_reserve(buf, len) != 0) {
        return -1;
    }
    memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    return 0;
}

int buf_append_span(struct buf *buf, struct span span)
{
    return buf_append(buf, span.ptr, span.len);
}

int buf_append_string(struct buf *buf, const char *string)
{
    return buf_append(buf, string, strlen(string));
}

int buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    int status = -1;
    /* vsnprintf needs room for a NUL that the buffer does not count. */
    if (len >= 0 && buf_reserve(buf, (size_t)len + 1) == 0) {
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
        status = 0;
    }
    va_end(again);
    return status;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = buf_vprintf(buf, format, args);
    va_end(args);
    return status;
}
