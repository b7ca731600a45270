#include "net/decode.h"

#define ZLIB_CONST /* next_in points to const */

#include <brotli/decode.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    FIRST_BYTES = 65536,
    /* More than this is not kept for the next body. */
    KEPT_BYTES = 1 << 20,
    /* zlib's window_bits name the format too. */
    ZLIB_WINDOW = 15,
    GZIP_WINDOW = 15 + 16,
    RAW_WINDOW = -15,
};

struct decoder {
    z_stream zlib;
    bool has_zlib;
    char *bytes; /* owned */
    size_t capacity;
};

struct decoder *decoder_new(void)
{
    return calloc(1, sizeof(struct decoder));
}

void decoder_free(struct decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    if (decoder->has_zlib) {
        inflateEnd(&decoder->zlib);
    }
    free(decoder->bytes);
    free(decoder);
}

/* Makes the output buffer larger, to at most one byte above the limit: that byte tells a body
 * of exactly the limit from a larger one. */
static enum fail grow(struct decoder *decoder, size_t limit)
{
    if (decoder->capacity > limit) {
        return FAIL_BODY_TOO_LARGE;
    }
    size_t wanted = decoder->capacity == 0 ? FIRST_BYTES : decoder->capacity * 2;
    wanted = wanted < limit + 1 ? wanted : limit + 1;
    char *bytes = realloc(decoder->bytes, wanted);
    if (bytes == NULL) {
        return FAIL_MEMORY_SPENT;
    }
    decoder->bytes = bytes;
    decoder->capacity = wanted;
    return FAIL_NONE;
}

static int reset_zlib(struct decoder *decoder, int window_bits)
{
    if (decoder->has_zlib) {
        return inflateReset2(&decoder->zlib, window_bits);
    }
    int result = inflateInit2(&decoder->zlib, window_bits);
    decoder->has_zlib = result == Z_OK;
    return result;
}

/* A step of inflate that did not come to the end. */
static enum fail judge_progress(const z_stream *z, int result)
{
    bool starved = z->avail_in == 0 && z->avail_out > 0;
    if (result == Z_MEM_ERROR) {
        return FAIL_MEMORY_SPENT;
    }
    return starved || (result != Z_OK && result != Z_BUF_ERROR) ? FAIL_DECODE_FAILED
                                                                : FAIL_NONE;
}

static enum fail run_zlib(struct decoder *decoder, int window_bits, struct span in,
                          size_t limit, size_t *ret_len)
{
    if (reset_zlib(decoder, window_bits) != Z_OK) {
        return FAIL_MEMORY_SPENT;
    }
    z_stream *z = &decoder->zlib;
    z->next_in = (z_const Bytef *)in.ptr;
    z->avail_in = (uInt)in.len;
    size_t len = 0;
    for (;;) {
        if (len == decoder->capacity) {
            enum fail fail = grow(decoder, limit);
            if (fail != FAIL_NONE) {
                return fail;
            }
        }
        z->next_out = (Bytef *)decoder->bytes + len;
        z->avail_out = (uInt)(decoder->capacity - len);
        int result = inflate(z, Z_NO_FLUSH);
        len = decoder->capacity - z->avail_out;
        if (result != Z_STREAM_END) {
            enum fail fail = judge_progress(z, result);
            if (fail != FAIL_NONE) {
                return fail;
            }
        } else if (z->avail_in == 0) {
            *ret_len = len;
            return len > limit ? FAIL_BODY_TOO_LARGE : FAIL_NONE;
        } else if (window_bits < GZIP_WINDOW || inflateReset(z) != Z_OK) {
            /* RFC 1952 section 2.2: only a gzip body may have several members. */
            return FAIL_DECODE_FAILED;
        }
    }
}

static enum fail run_brotli(struct decoder *decoder, struct span in, size_t limit,
                            size_t *ret_len)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (state == NULL) {
        return FAIL_MEMORY_SPENT;
    }
    const uint8_t *next_in = (const uint8_t *)in.ptr;
    size_t avail_in = in.len;
    size_t len = 0;
    enum fail fail = FAIL_NONE;
    for (;;) {
        if (len == decoder->capacity) {
            fail = grow(decoder, limit);
            if (fail != FAIL_NONE) {
                break;
            }
        }
        uint8_t *next_out = (uint8_t *)decoder->bytes + len;
        size_t avail_out = decoder->capacity - len;
        BrotliDecoderResult result = BrotliDecoderDecompressStream(state, &avail_in, &next_in,
                                                                   &avail_out, &next_out, NULL);
        len = decoder->capacity - avail_out;
        if (result == BROTLI_DECODER_RESULT_SUCCESS) {
            *ret_len = len;
            fail = avail_in > 0  ? FAIL_DECODE_FAILED
                   : len > limit ? FAIL_BODY_TOO_LARGE
                                 : FAIL_NONE;
            break;
        }
        if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
            fail = FAIL_DECODE_FAILED;
            break;
        }
    }
    BrotliDecoderDestroyInstance(state);
    return fail;
}

enum fail decoder_run(struct decoder *decoder, enum http1_coding coding, struct span in,
                      size_t limit, struct span *out)
{
    if (decoder->capacity > KEPT_BYTES || decoder->capacity > limit) {
        free(decoder->bytes);
        decoder->bytes = NULL;
        decoder->capacity = 0;
    }
    size_t len = 0;
    enum fail fail;
    switch (coding) {
    case HTTP1_CODING_IDENTITY:
        *out = in;
        return FAIL_NONE;
    case HTTP1_CODING_GZIP:
        fail = run_zlib(decoder, GZIP_WINDOW, in, limit, &len);
        break;
    case HTTP1_CODING_DEFLATE:
        /* "deflate" is zlib's format (RFC 9110 section 8.4.1.2), yet some send it bare. */
        fail = run_zlib(decoder, ZLIB_WINDOW, in, limit, &len);
        if (fail == FAIL_DECODE_FAILED) {
            fail = run_zlib(decoder, RAW_WINDOW, in, limit, &len);
        }
        break;
    case HTTP1_CODING_BR:
        fail = run_brotli(decoder, in, limit, &len);
        break;
    default:
        return FAIL_ENCODING_UNKNOWN;
    }
    if (fail == FAIL_NONE) {
        *out = span_of(decoder->bytes, len);
    }
    return fail;
}
