/* Compressed bodies of any bytes: the result keeps its bound, and each end is one of those
 * named. The first byte chooses the coding, the second the bound. */
#include "net/decode.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    static const enum http1_coding codings[] = {HTTP1_CODING_GZIP, HTTP1_CODING_DEFLATE,
                                                HTTP1_CODING_BR, HTTP1_CODING_UNKNOWN};
    enum http1_coding coding = codings[data[0] % 4];
    size_t limit = (size_t)data[1] * 1024;
    struct decoder *decoder = decoder_new();
    assert(decoder != NULL);
    struct span in = span_of((const char *)data + 2, size - 2);
    for (int i = 0; i < 2; i++) { /* a decoder works on after a failure */
        struct span out = {NULL, 0};
        enum fail fail = decoder_run(decoder, coding, in, limit, &out);
        assert(fail == FAIL_NONE || fail == FAIL_DECODE_FAILED || fail == FAIL_BODY_TOO_LARGE ||
               fail == FAIL_ENCODING_UNKNOWN);
        assert(fail != FAIL_NONE || out.len <= limit);
    }
    decoder_free(decoder);
    return 0;
}
