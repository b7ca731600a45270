/* The bytes of a response's body, read piece by piece as the connection takes them: shared
 * text, a stretch of a rendition's media, or a block repeated without end. One thread. */
#ifndef ORIGIN_BODY_H
#define ORIGIN_BODY_H

#include "base/span.h"
#include "origin/blob.h"
#include "origin/text.h"

#include <stdint.h>

/* Left bytes of a body that has no end. */
#define BODY_ENDLESS UINT64_MAX

struct body {
    struct text *text;                        /* a reference of its own, or NULL */
    const struct stream_rendition *rendition; /* NULL unless media */
    struct blob *blob; /* a reference; the segment last asked for, or NULL */
    struct span block; /* borrowed, static; repeated when the text is over */
    uint64_t at;       /* offset of the next byte in the text or the rendition's file */
    uint64_t left;     /* bytes still to come */
};

/* A piece of the body: memory, and for segments also where it lies in a file. */
struct body_piece {
    const char *ptr;
    size_t len;
    int fd;          /* -1: memory only */
    uint64_t offset; /* in the file */
};

/* The whole of a text, whose reference it takes over. */
struct body body_of_text(struct text *text);

/* `len` bytes from offset `at` of the rendition's file: init section, then segments. */
struct body body_of_media(const struct stream_rendition *rendition, uint64_t at, uint64_t len);

/* The block, again and again. */
struct body body_of_block(struct span block);

/* Shows the next bytes, at most `most` of them; there must be some left. Returns 0, or -1 when
 * the segment cannot be made. */
int body_peek(struct body *body, struct blob_cache *blobs, uint64_t most,
              struct body_piece *out);

/* Goes on by n bytes of what was shown. */
void body_advance(struct body *body, struct blob_cache *blobs, size_t n);

/* Gives back what it holds and leaves it empty. */
void body_release(struct body *body, struct blob_cache *blobs);

#endif
