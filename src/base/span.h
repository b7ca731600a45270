/* A span is a run of bytes that somebody else owns: a part of a playlist, of a response, of a
 * command line. It need not end in NUL. A span is valid as long as the bytes it points into.
 *
 * Pure functions, any thread. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *ptr; /* borrowed; may be NULL when len is 0 */
    size_t len;
};

/* A span over a string literal, its NUL left out. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

/* printf arguments for "%.*s". */
#define SPAN_ARGS(s) (int)(s).len, (s).len > 0 ? (s).ptr : ""

static inline struct span span_of(const char *ptr, size_t len)
{
    return (struct span){ptr, len};
}

static inline struct span span_from_string(const char *string)
{
    return (struct span){string, strlen(string)};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII letters compare without case; other bytes compare as they are. */
bool span_equal_nocase(struct span a, struct span b);

static inline bool span_starts_with(struct span s, struct span prefix)
{
    return s.len >= prefix.len &&
           (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool span_ends_with(struct span s, struct span suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* The span without its first n bytes; empty when it has fewer. */
static inline struct span span_skip(struct span s, size_t n)
{
    return n >= s.len ? (struct span){s.ptr, 0} : (struct span){s.ptr + n, s.len - n};
}

/* Without leading and trailing spaces and tabs. */
struct span span_trim(struct span s);

/* The place of the first byte c, or s.len when there is none. */
static inline size_t span_find(struct span s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

/* Cuts *rest at the first separator: returns what stands before it and leaves in *rest what
 * stands after it. Without a separator returns all of *rest and leaves it empty. */
struct span span_cut(struct span *rest, char separator);

/* Reads the whole span as an unsigned decimal number of 1 to 20 digits.
 * Returns false, and leaves *out alone, when it is anything else or does not fit. */
bool span_to_u64(struct span s, uint64_t *out);

/* Copies into dst and ends it with NUL. Returns false, leaving dst an empty string, when the
 * span with its NUL does not fit in size bytes. */
bool span_to_string(struct span s, char *dst, size_t size);

#endif
