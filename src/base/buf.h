/* A buffer of bytes that it owns, growing up to a bound that it never passes. One thread. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *ptr;       /* owned; NULL while nothing is held */
    size_t len;      /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* capacity never exceeds this */
};

/* An empty buffer that may grow to `limit` bytes; allocates nothing yet. */
void buf_init(struct buf *buf, size_t limit);

/* Frees what it holds and leaves it empty with the same limit. */
void buf_release(struct buf *buf);

/* Makes room for `more` bytes after len. Returns 0, or -1 when that would pass the limit or
 * memory is spent; the content is untouched then. */
int buf_reserve(struct buf *buf, size_t more);

/* Appends; 0 or -1 as buf_reserve. */
int buf_append(struct buf *buf, const void *bytes, size_t len);
int buf_append_span(struct buf *buf, struct span span);
int buf_append_string(struct buf *buf, const char *string);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static inline struct span buf_span(const struct buf *buf)
{
    return span_of(buf->ptr, buf->len);
}

#endif
