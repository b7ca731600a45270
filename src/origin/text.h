/* Bytes shared by the responses that send them, counted by reference. One thread. */
#ifndef ORIGIN_TEXT_H
#define ORIGIN_TEXT_H

#include <stdlib.h>
#include <string.h>

struct text {
    size_t len;
    unsigned references;
    char bytes[];
};

/* A copy of the bytes with one reference, or NULL when memory is spent. */
static inline struct text *text_new(const void *bytes, size_t len)
{
    struct text *text = malloc(sizeof *text + len);
    if (text != NULL) {
        text->len = len;
        text->references = 1;
        if (len > 0) {
            memcpy(text->bytes, bytes, len);
        }
    }
    return text;
}

static inline struct text *text_share(struct text *text)
{
    text->references++;
    return text;
}

/* NULL is a no-op. */
static inline void text_release(struct text *text)
{
    if (text != NULL && --text->references == 0) {
        free(text);
    }
}

#endif
