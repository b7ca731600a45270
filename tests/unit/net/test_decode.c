/* Content codings: round trips, broken and cut bodies, bombs. */
#include "net/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

enum {
    GZIP = 31,
    ZLIB = 15,
    RAW = -15,
    OUT_MAX = 1 << 20,
};

static size_t deflate_all(int window_bits, const void *in, size_t len, unsigned char *out)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = in;
    z.avail_in = (uInt)len;
    z.next_out = out;
    z.avail_out = OUT_MAX;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = OUT_MAX - z.avail_out;
    deflateEnd(&z);
    return n;
}

static enum fail run(struct decoder *d, enum http1_coding coding, const void *in, size_t len,
                     size_t limit, struct span *out)
{
    return decoder_run(d, coding, span_of(in, len), limit, out);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct decoder *d = decoder_new();
    unsigned char *packed = malloc(OUT_MAX);
    static char text[200000];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)('a' + i * i % 23);
    }
    static const struct {
        int window_bits;
        enum http1_coding coding;
    } ways[] = {
        {GZIP, HTTP1_CODING_GZIP}, {ZLIB, HTTP1_CODING_DEFLATE}, {RAW, HTTP1_CODING_DEFLATE}};
    for (size_t i = 0; i < 3; i++) {
        size_t n = deflate_all(ways[i].window_bits, text, sizeof(text), packed);
        struct span out;
        assert_int_equal(run(d, ways[i].coding, packed, n, sizeof(text), &out), FAIL_NONE);
        assert_int_equal(out.len, sizeof(text));
        assert_memory_equal(out.ptr, text, sizeof(text));
        assert_int_equal(run(d, ways[i].coding, packed, n, sizeof(text) - 1, &out),
                         FAIL_BODY_TOO_LARGE);
        for (size_t cut = 0; cut < n; cut += 1 + n / 50) {
            assert_int_equal(run(d, ways[i].coding, packed, cut, sizeof(text), &out),
                             FAIL_DECODE_FAILED);
        }
    }
    free(packed);
    decoder_free(d);
}

static void test_members(void **state)
{
    (void)state;
    struct decoder *d = decoder_new();
    unsigned char *packed = malloc((size_t)2 * OUT_MAX);
    size_t n = deflate_all(GZIP, "hello ", 6, packed);
    n += deflate_all(GZIP, "world", 5, packed + n);
    struct span out;
    assert_int_equal(run(d, HTTP1_CODING_GZIP, packed, n, 100, &out), FAIL_NONE);
    assert_true(span_equal(out, SPAN("hello world")));
    packed[n] = 'x';
    assert_int_equal(run(d, HTTP1_CODING_GZIP, packed, n + 1, 100, &out), FAIL_DECODE_FAILED);
    free(packed);
    decoder_free(d);
}

/* 100 KB that would become 100 MiB. */
static void test_bomb(void **state)
{
    (void)state;
    struct decoder *d = decoder_new();
    unsigned char *packed = malloc(OUT_MAX);
    char *zeros = calloc(1, (size_t)100 << 20);
    size_t n = deflate_all(GZIP, zeros, (size_t)100 << 20, packed);
    free(zeros);
    struct span out;
    assert_int_equal(run(d, HTTP1_CODING_GZIP, packed, n, 1 << 20, &out), FAIL_BODY_TOO_LARGE);
    free(packed);
    decoder_free(d);
}

static void test_brotli(void **state)
{
    (void)state;
    /* "hello world" by brotli's own tool, and an empty stream. */
    static const unsigned char packed[] = {0x0b, 0x05, 0x80, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
                                           0x20, 0x77, 0x6f, 0x72, 0x6c, 0x64, 0x03};
    static const unsigned char empty[] = {0x06};
    struct decoder *d = decoder_new();
    struct span out;
    assert_int_equal(run(d, HTTP1_CODING_BR, packed, sizeof(packed), 11, &out), FAIL_NONE);
    assert_true(span_equal(out, SPAN("hello world")));
    assert_int_equal(run(d, HTTP1_CODING_BR, packed, sizeof(packed), 10, &out),
                     FAIL_BODY_TOO_LARGE);
    assert_int_equal(run(d, HTTP1_CODING_BR, empty, sizeof(empty), 10, &out), FAIL_NONE);
    assert_int_equal(out.len, 0);
    for (size_t cut = 0; cut < sizeof(packed); cut++) {
        assert_int_equal(run(d, HTTP1_CODING_BR, packed, cut, 100, &out), FAIL_DECODE_FAILED);
    }
    decoder_free(d);
}

static void test_others(void **state)
{
    (void)state;
    struct decoder *d = decoder_new();
    struct span out;
    assert_int_equal(run(d, HTTP1_CODING_IDENTITY, "x", 1, 10, &out), FAIL_NONE);
    assert_int_equal(out.len, 1);
    assert_int_equal(run(d, HTTP1_CODING_UNKNOWN, "x", 1, 10, &out), FAIL_ENCODING_UNKNOWN);
    assert_int_equal(run(d, HTTP1_CODING_GZIP, "not gzip", 8, 10, &out), FAIL_DECODE_FAILED);
    decoder_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_members),
        cmocka_unit_test(test_bomb),        cmocka_unit_test(test_brotli),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
