/* Request heads: what is understood, refused, and waited for. */
#include "origin/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static enum request_state parse(const char *text, struct request *out)
{
    return request_parse(span_from_string(text), out);
}

static void test_fields(void **state)
{
    (void)state;
    struct request r;
    static const char text[] = "GET /live/v0/7.ts?a=b&c HTTP/1.1\r\nHost: example:8080\r\n"
                               "USER-AGENT:  a player/1 \r\nRange: bytes=10-99\r\n"
                               "Accept-Encoding: br;q=1, gzip\r\nX-Other: 1\r\n\r\nGET ";
    assert_int_equal(parse(text, &r), REQUEST_COMPLETE);
    assert_true(span_equal(r.method, SPAN("GET")));
    assert_true(span_equal(r.path, SPAN("/live/v0/7.ts")));
    assert_true(span_equal(r.query, SPAN("a=b&c")));
    assert_true(span_equal(r.host, SPAN("example:8080")));
    assert_true(span_equal(r.user_agent, SPAN("a player/1")));
    assert_int_equal(r.range, REQUEST_RANGE_WITHIN);
    assert_int_equal(r.range_first, 10);
    assert_int_equal(r.range_last, 99);
    assert_true(r.accepts_gzip);
    assert_true(r.keep_alive);
    assert_int_equal(r.head_bytes, sizeof text - 1 - 4);
}

/* Each part of a head is valid so far; each further byte changes nothing but its end. */
static void test_every_prefix_waits(void **state)
{
    (void)state;
    static const char text[] = "\r\nHEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    struct request r;
    for (size_t len = 0; len + 1 < sizeof text; len++) {
        char *part = malloc(len + 1);
        memcpy(part, text, len);
        enum request_state got = request_parse(span_of(part, len), &r);
        free(part);
        if (got != REQUEST_INCOMPLETE && len + 1 < sizeof text) {
            print_error("%zu bytes: got %d\n", len, got);
            fail();
        }
    }
    assert_int_equal(parse(text, &r), REQUEST_COMPLETE);
    assert_int_equal(r.head_bytes, sizeof text - 1);
    assert_true(r.is_http_1_0);
    assert_true(r.keep_alive);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"G ET / HTTP/1.1\r\n\r\n", 400},
        {"G@T / HTTP/1.1\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n\r\n", 400},
        {"GET index HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1 \r\n\r\n", 400},
        {"GET / HTTP/2.0\r\n\r\n", 505},
        {"GET / HTTP/0.9\r\n\r\n", 505},
        {"GET / http/1.1\r\n\r\n", 400},
        {"GET /\x7f HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nName\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: b\001\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request r;
        enum request_state got = parse(cases[i].text, &r);
        if (got != REQUEST_REFUSED || r.status != cases[i].status) {
            print_error("%s: got %d with %d, expected %d\n", cases[i].text, got, r.status,
                        cases[i].status);
            fail();
        }
    }
}

/* Writes the letters of a string and no NUL. */
static void overwrite(char *at, const char *text)
{
    while (*text != '\0') {
        *at++ = *text++;
    }
}

static void test_limits(void **state)
{
    (void)state;
    static char text[REQUEST_HEAD_MAX + 100];
    struct request r;
    memset(text, 'a', sizeof text);
    overwrite(text, "GET / HTTP/1.1\r\nA: ");
    assert_int_equal(request_parse(span_of(text, REQUEST_HEAD_MAX - 1), &r),
                     REQUEST_INCOMPLETE);
    assert_int_equal(request_parse(span_of(text, REQUEST_HEAD_MAX), &r), REQUEST_REFUSED);
    assert_int_equal(r.status, 431);
    memset(text, 'a', sizeof text);
    assert_int_equal(request_parse(span_of(text, sizeof text), &r), REQUEST_REFUSED);
    assert_int_equal(r.status, 431);
    overwrite(text, "GET /");
    overwrite(text + 5 + REQUEST_TARGET_MAX, " HTTP/1.1\r\n\r\n");
    assert_int_equal(request_parse(span_of(text, sizeof text), &r), REQUEST_REFUSED);
    assert_int_equal(r.status, 414);
    overwrite(text + 4 + REQUEST_TARGET_MAX, " HTTP/1.1\r\n\r\n");
    assert_int_equal(request_parse(span_of(text, sizeof text), &r), REQUEST_COMPLETE);
    assert_int_equal(r.path.len, REQUEST_TARGET_MAX);
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum request_range range;
        uint64_t first, last;
    } cases[] = {
        {"bytes=0-", REQUEST_RANGE_FROM, 0, 0},
        {"bytes=5-5", REQUEST_RANGE_WITHIN, 5, 5},
        {"Bytes=5-7", REQUEST_RANGE_WITHIN, 5, 7},
        {"bytes=-9", REQUEST_RANGE_SUFFIX, 0, 9},
        {"bytes=7-5", REQUEST_RANGE_NONE, 0, 0},
        {"bytes=-", REQUEST_RANGE_NONE, 0, 0},
        {"bytes=", REQUEST_RANGE_NONE, 0, 0},
        {"bytes=1-2,4-5", REQUEST_RANGE_NONE, 0, 0},
        {"items=1-2", REQUEST_RANGE_NONE, 0, 0},
        {"bytes=0x1-2", REQUEST_RANGE_NONE, 0, 0},
        {"bytes=1-99999999999999999999", REQUEST_RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        struct request r;
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nRange: %s\r\n\r\n", cases[i].value);
        assert_int_equal(parse(text, &r), REQUEST_COMPLETE);
        if (r.range != cases[i].range || r.range_first != cases[i].first ||
            r.range_last != cases[i].last) {
            print_error("%s: got %d %llu-%llu\n", cases[i].value, r.range,
                        (unsigned long long)r.range_first, (unsigned long long)r.range_last);
            fail();
        }
    }
}

static void test_connection_and_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool keep_alive, gzip;
    } cases[] = {
        {"HTTP/1.1\r\n", true, false},
        {"HTTP/1.0\r\n", false, false},
        {"HTTP/1.1\r\nConnection: close\r\n", false, false},
        {"HTTP/1.1\r\nConnection: TE, Close\r\n", false, false},
        {"HTTP/1.0\r\nConnection: Keep-Alive\r\n", true, false},
        {"HTTP/1.1\r\nAccept-Encoding: gzip\r\n", true, true},
        {"HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n", true, false},
        {"HTTP/1.1\r\nAccept-Encoding: gzip;q=0.000\r\n", true, false},
        {"HTTP/1.1\r\nAccept-Encoding: gzip ; q=0.5\r\n", true, true},
        {"HTTP/1.1\r\nAccept-Encoding: gzipped, br\r\n", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        struct request r;
        snprintf(text, sizeof text, "GET / %s\r\n", cases[i].head);
        assert_int_equal(parse(text, &r), REQUEST_COMPLETE);
        if (r.keep_alive != cases[i].keep_alive || r.accepts_gzip != cases[i].gzip) {
            print_error("%s: keep_alive %d gzip %d\n", cases[i].head, r.keep_alive,
                        r.accepts_gzip);
            fail();
        }
    }
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path, *query;
    } cases[] = {
        {"/", "/", ""},     {"/a?b?c", "/a", "b?c"},          {"/a?", "/a", ""},
        {"/a#b", "/a", ""}, {"http://host:1/a?b", "/a", "b"}, {"HTTPS://host/a", "/a", ""},
        {"*", "*", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        struct request r;
        snprintf(text, sizeof text, "OPTIONS %s HTTP/1.1\n\n", cases[i].target);
        assert_int_equal(parse(text, &r), REQUEST_COMPLETE);
        if (!span_equal(r.path, span_from_string(cases[i].path)) ||
            !span_equal(r.query, span_from_string(cases[i].query))) {
            print_error("%s: got '%.*s' and '%.*s'\n", cases[i].target, SPAN_ARGS(r.path),
                        SPAN_ARGS(r.query));
            fail();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),   cmocka_unit_test(test_every_prefix_waits),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ranges),   cmocka_unit_test(test_connection_and_encoding),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
