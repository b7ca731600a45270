/* Undoing content codings: gzip and deflate by zlib, br by brotli. A worker has one decoder and
 * decodes whole bodies with it. One thread. */
#ifndef NET_DECODE_H
#define NET_DECODE_H

#include "base/fail.h"
#include "base/span.h"
#include "net/http1.h"

#include <stddef.h>

struct decoder;

/* NULL when memory is spent. */
struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/* Decodes `in` whole. Returns FAIL_NONE with *out in the decoder's memory, valid until the next
 * call; FAIL_DECODE_FAILED when it is broken or cut short; FAIL_BODY_TOO_LARGE when it grows
 * beyond `limit` bytes, which is as much memory as this takes; FAIL_ENCODING_UNKNOWN;
 * FAIL_MEMORY_SPENT. */
enum fail decoder_run(struct decoder *decoder, enum http1_coding coding, struct span in,
                      size_t limit, struct span *out);

#endif
