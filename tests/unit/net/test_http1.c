/* The HTTP/1.1 codec: heads and bodies from tables, each fed whole, byte by byte, and against a
 * guard page that a read past the end would hit. */
#include "net/http1.h"
#include "net/http1_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* Memory whose last byte is followed by a page that must not be touched. */
struct guarded {
    char *memory;
    size_t size;
};

static void guarded_open(struct guarded *g)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    g->size = 4 * page;
    g->memory =
        mmap(NULL, g->size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g->memory != MAP_FAILED);
    assert_int_equal(mprotect(g->memory + g->size, page, PROT_NONE), 0);
}

static void guarded_close(struct guarded *g)
{
    munmap(g->memory, g->size + (size_t)sysconf(_SC_PAGESIZE));
}

static char *guarded_put(struct guarded *g, const char *bytes, size_t len)
{
    char *at = g->memory + g->size - len;
    memcpy(at, bytes, len);
    return at;
}

struct head_case {
    const char *name;
    const char *head;
    int result; /* 0: parsed */
    unsigned status;
    enum http1_framing framing;
    uint64_t length;
    bool keep_alive;
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct head_case heads[] = {
    {"length", OK "Content-Length: 12\r\n\r\n", 0, 200, HTTP1_FRAMING_LENGTH, 12, true},
    {"bare LF", "HTTP/1.1 200 OK\ncontent-length:12\n\n", 0, 200, HTTP1_FRAMING_LENGTH, 12,
     true},
    {"mixed line ends", "HTTP/1.1 200 OK\r\nContent-Length: 12\n\r\n", 0, 200,
     HTTP1_FRAMING_LENGTH, 12, true},
    {"no reason", "HTTP/1.1 200\r\n\r\n", 0, 200, HTTP1_FRAMING_CLOSE, 0, false},
    {"empty reason", "HTTP/1.1 200 \r\n\r\n", 0, 200, HTTP1_FRAMING_CLOSE, 0, false},
    {"chunked", OK "Transfer-Encoding: Chunked\r\n\r\n", 0, 200, HTTP1_FRAMING_CHUNKED, 0,
     true},
    {"identity, chunked", OK "Transfer-Encoding: identity, chunked\r\n\r\n", 0, 200,
     HTTP1_FRAMING_CHUNKED, 0, true},
    {"chunked and length", OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 200,
     HTTP1_FRAMING_CHUNKED, 0, false},
    {"gzip, chunked", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", -1, 0, 0, 0, false},
    {"chunked twice", OK "Transfer-Encoding: chunked, chunked\r\n\r\n", -1, 0, 0, 0, false},
    {"equal lengths", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 200,
     HTTP1_FRAMING_LENGTH, 5, true},
    {"equal lengths in a list", OK "Content-Length: 5, 5\r\n\r\n", 0, 200, HTTP1_FRAMING_LENGTH,
     5, true},
    {"different lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", -1, 0, 0, 0,
     false},
    {"different in a list", OK "Content-Length: 5, 6\r\n\r\n", -1, 0, 0, 0, false},
    {"largest length", OK "Content-Length: 18446744073709551615\r\n\r\n", 0, 200,
     HTTP1_FRAMING_LENGTH, UINT64_MAX, true},
    {"length overflow", OK "Content-Length: 18446744073709551616\r\n\r\n", -1, 0, 0, 0, false},
    {"length with sign", OK "Content-Length: +5\r\n\r\n", -1, 0, 0, 0, false},
    {"negative length", OK "Content-Length: -5\r\n\r\n", -1, 0, 0, 0, false},
    {"hex length", OK "Content-Length: 0x5\r\n\r\n", -1, 0, 0, 0, false},
    {"empty length", OK "Content-Length:\r\n\r\n", -1, 0, 0, 0, false},
    {"close", OK "Connection: Close\r\nContent-Length: 0\r\n\r\n", 0, 200, HTTP1_FRAMING_LENGTH,
     0, false},
    {"close in a list", OK "Connection: x, close\r\nContent-Length: 0\r\n\r\n", 0, 200,
     HTTP1_FRAMING_LENGTH, 0, false},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, HTTP1_FRAMING_LENGTH,
     0, false},
    {"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
     0, 200, HTTP1_FRAMING_LENGTH, 0, true},
    {"204 has no body", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", 0, 204,
     HTTP1_FRAMING_NONE, 0, true},
    {"304 has no body", "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", 0, 304,
     HTTP1_FRAMING_NONE, 0, true},
    {"100", "HTTP/1.1 100 Continue\r\n\r\n", 0, 100, HTTP1_FRAMING_NONE, 0, true},
    {"folded", OK "A: b\r\n c\r\n\r\n", -1, 0, 0, 0, false},
    {"space before colon", OK "A : b\r\n\r\n", -1, 0, 0, 0, false},
    {"no colon", OK "abc\r\n\r\n", -1, 0, 0, 0, false},
    {"no name", OK ": b\r\n\r\n", -1, 0, 0, 0, false},
    {"control byte", OK "A: b\001c\r\n\r\n", -1, 0, 0, 0, false},
    {"CR in a value", OK "A: b\rc\r\n\r\n", -1, 0, 0, 0, false},
    {"tab in a value", OK "A: b\tc\r\n\r\n", 0, 200, HTTP1_FRAMING_CLOSE, 0, false},
    {"UTF-8 in a value", OK "A: \303\244\r\n\r\n", 0, 200, HTTP1_FRAMING_CLOSE, 0, false},
    {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"ICY", "ICY 200 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"status 600", "HTTP/1.1 600 Odd\r\n\r\n", -1, 0, 0, 0, false},
    {"status 099", "HTTP/1.1 099 Odd\r\n\r\n", -1, 0, 0, 0, false},
    {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"empty line first", "\r\n\r\n", -1, 0, 0, 0, false},
};

static void test_heads(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        const struct head_case *c = &heads[i];
        size_t len = strlen(c->head);
        char *bytes = guarded_put(&g, c->head, len);
        struct http1_scan whole = {0};
        if (http1_scan_head(&whole, bytes, len) != len) {
            fail_msg("%s: the end of the head is not found", c->name);
        }
        struct http1_scan slow = {0};
        for (size_t n = 0; n < len; n++) {
            if (http1_scan_head(&slow, bytes, n) != 0) {
                fail_msg("%s: an end is found after %zu bytes", c->name, n);
            }
        }
        assert_int_equal(http1_scan_head(&slow, bytes, len), len);
        struct http1_response r;
        int result = http1_parse_response(span_of(bytes, len), &r);
        if (result != c->result) {
            fail_msg("%s: result %d, expected %d", c->name, result, c->result);
        }
        if (result == 0 && (r.status != c->status || r.framing != c->framing ||
                            r.content_length != c->length || r.keep_alive != c->keep_alive)) {
            fail_msg("%s: status %u framing %d length %llu keep-alive %d", c->name, r.status,
                     (int)r.framing, (unsigned long long)r.content_length, r.keep_alive);
        }
    }
    guarded_close(&g);
}

static void test_head_ends_before_the_body(void **state)
{
    (void)state;
    static const char bytes[] = OK "\r\n\r\n\r\n";
    struct http1_scan scan = {0};
    assert_int_equal(http1_scan_head(&scan, bytes, sizeof(bytes) - 1), strlen(OK) + 2);
}

static void test_beginnings(void **state)
{
    (void)state;
    assert_true(http1_may_be_response("", 0));
    assert_true(http1_may_be_response("H", 1));
    assert_true(http1_may_be_response("HTTP/1.1", 8));
    assert_false(http1_may_be_response("HTTP/2", 6));
    assert_false(http1_may_be_response("h", 1));
}

static void test_fields(void **state)
{
    (void)state;
    static const char head[] = OK "Location: /next\r\nAge: 17\r\nRetry-After: 120\r\n"
                                  "Content-Encoding: gzip\r\nContent-Type: video/mp2t\r\n"
                                  "Set-Cookie: a=b\r\n\r\n";
    struct http1_response r;
    assert_int_equal(http1_parse_response(span_of(head, sizeof(head) - 1), &r), 0);
    assert_true(r.has_location && span_equal(r.location, SPAN("/next")));
    assert_int_equal(r.age_s, 17);
    assert_int_equal(r.retry_after_s, 120);
    assert_int_equal(r.coding, HTTP1_CODING_GZIP);
    assert_true(span_equal(r.content_type, SPAN("video/mp2t")));
    assert_true(r.has_set_cookie);
    assert_true(http1_fields_have(r.fields, SPAN("age")));
    assert_false(http1_fields_have(r.fields, SPAN("ag")));
    static const char dated[] = OK "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"
                                   "Content-Encoding: gzip\r\nContent-Encoding: br\r\n\r\n";
    assert_int_equal(http1_parse_response(span_of(dated, sizeof(dated) - 1), &r), 0);
    assert_int_equal(r.retry_after_s, -1);
    assert_int_equal(r.age_s, -1);
    assert_int_equal(r.coding, HTTP1_CODING_UNKNOWN);
}

static void test_content_range(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool valid;
        uint64_t first, last;
    } cases[] = {
        {"bytes 0-499/1234", true, 0, 499},
        {"bytes 500-500/*", true, 500, 500},
        {"Bytes 1-2/3", true, 1, 2},
        {"bytes */1234", false, 0, 0},
        {"bytes 5-4/9", false, 0, 0},
        {"bytes 0-9/9", false, 0, 0},
        {"bytes 0-9", false, 0, 0},
        {"items 0-9/10", false, 0, 0},
        {"bytes 0-99999999999999999999/*", false, 0, 0},
        {"", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf head;
        buf_init(&head, 4096);
        assert_int_equal(buf_printf(&head, OK "Content-Range: %s\r\n\r\n", cases[i].value), 0);
        struct http1_response r;
        assert_int_equal(http1_parse_response(buf_span(&head), &r), 0);
        if (r.has_content_range != cases[i].valid || r.range_first != cases[i].first ||
            r.range_last != cases[i].last) {
            fail_msg("'%s' is read as %d %llu-%llu", cases[i].value, r.has_content_range,
                     (unsigned long long)r.range_first, (unsigned long long)r.range_last);
        }
        buf_release(&head);
    }
}

struct body_case {
    const char *name;
    enum http1_framing framing;
    uint64_t length;
    const char *bytes;
    enum http1_step end; /* after all bytes */
    const char *content;
    size_t unused; /* bytes after the end */
};

static const struct body_case bodies[] = {
    {"none", HTTP1_FRAMING_NONE, 0, "x", HTTP1_DONE, "", 1},
    {"length", HTTP1_FRAMING_LENGTH, 5, "helloHTTP", HTTP1_DONE, "hello", 4},
    {"length zero", HTTP1_FRAMING_LENGTH, 0, "", HTTP1_DONE, "", 0},
    {"length goes on", HTTP1_FRAMING_LENGTH, 6, "hello", HTTP1_MORE, "hello", 0},
    {"close", HTTP1_FRAMING_CLOSE, 0, "hello", HTTP1_MORE, "hello", 0},
    {"chunks", HTTP1_FRAMING_CHUNKED, 0, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\nX", HTTP1_DONE,
     "hello", 1},
    {"bare LF", HTTP1_FRAMING_CHUNKED, 0, "3\nhel\n2\nlo\n0\n\n", HTTP1_DONE, "hello", 0},
    {"extensions", HTTP1_FRAMING_CHUNKED, 0, "5 ; a=\"b\"\r\nhello\r\n000;x\r\n\r\n",
     HTTP1_DONE, "hello", 0},
    {"trailers", HTTP1_FRAMING_CHUNKED, 0, "0\r\nA: b\r\nC: d\r\n\r\n", HTTP1_DONE, "", 0},
    {"capital hex", HTTP1_FRAMING_CHUNKED, 0, "A\r\n0123456789\r\n0\r\n\r\n", HTTP1_DONE,
     "0123456789", 0},
    {"many zeros", HTTP1_FRAMING_CHUNKED, 0, "00000000000000000001\r\na\r\n0\r\n\r\n",
     HTTP1_DONE, "a", 0},
    {"goes on", HTTP1_FRAMING_CHUNKED, 0, "3\r\nhe", HTTP1_MORE, "he", 0},
    {"no size", HTTP1_FRAMING_CHUNKED, 0, "\r\n", HTTP1_MALFORMED, "", 1},
    {"bad digit", HTTP1_FRAMING_CHUNKED, 0, "g\r\n", HTTP1_MALFORMED, "", 2},
    {"negative", HTTP1_FRAMING_CHUNKED, 0, "-1\r\n", HTTP1_MALFORMED, "", 3},
    {"0x", HTTP1_FRAMING_CHUNKED, 0, "0x5\r\n", HTTP1_MALFORMED, "", 3},
    {"overflow", HTTP1_FRAMING_CHUNKED, 0, "11111111111111111\r\n", HTTP1_MALFORMED, "", 2},
    {"content too long", HTTP1_FRAMING_CHUNKED, 0, "3\r\nhelX", HTTP1_MALFORMED, "hel", 0},
    {"CR without LF", HTTP1_FRAMING_CHUNKED, 0, "3\rX", HTTP1_MALFORMED, "", 0},
};

static enum http1_step feed(struct http1_body *body, const char *bytes, size_t len, size_t step,
                            char *content, size_t *content_len, size_t *unused)
{
    enum http1_step result = http1_body_is_done(body) ? HTTP1_DONE : HTTP1_MORE;
    size_t at = 0;
    while (at < len && result == HTTP1_MORE) {
        size_t n = len - at < step ? len - at : step;
        size_t used;
        struct span data;
        result = http1_body_feed(body, span_of(bytes + at, n), &used, &data);
        assert_true(used <= n);
        assert_true(data.len == 0 ||
                    (data.ptr >= bytes + at && data.ptr + data.len == bytes + at + used));
        if (data.len > 0) {
            memcpy(content + *content_len, data.ptr, data.len);
            *content_len += data.len;
        }
        at += used;
    }
    *unused = len - at;
    return result;
}

static void test_bodies(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct body_case *c = &bodies[i];
        size_t len = strlen(c->bytes);
        const char *bytes = guarded_put(&g, c->bytes, len);
        for (size_t step = 1; step <= len + 1; step++) {
            struct http1_body body;
            char content[256];
            size_t content_len = 0;
            size_t unused;
            http1_body_start(&body, c->framing, c->length);
            enum http1_step end = feed(&body, bytes, len, step, content, &content_len, &unused);
            if (end != c->end || unused != c->unused || content_len != strlen(c->content) ||
                memcmp(content, c->content, content_len) != 0 || body.content != content_len) {
                fail_msg("%s by %zu: step %d, content '%.*s', %zu unused", c->name, step,
                         (int)end, (int)content_len, content, unused);
            }
        }
    }
    guarded_close(&g);
}

/* Skipping unseen comes to the same as reading. */
static void test_skipping(void **state)
{
    (void)state;
    struct http1_body body;
    size_t used;
    struct span data;
    http1_body_start(&body, HTTP1_FRAMING_CHUNKED, 0);
    assert_int_equal(http1_body_skippable(&body), 0);
    assert_int_equal(http1_body_feed(&body, SPAN("1"), &used, &data), HTTP1_MORE);
    assert_int_equal(http1_body_skippable(&body), 0);
    assert_int_equal(http1_body_feed(&body, SPAN("0\r\n"), &used, &data), HTTP1_MORE);
    assert_int_equal(http1_body_skippable(&body), 16);
    assert_int_equal(http1_body_skip(&body, 16), HTTP1_MORE);
    assert_int_equal(http1_body_skippable(&body), 0);
    assert_int_equal(http1_body_feed(&body, SPAN("\r\n0\r\n\r\n"), &used, &data), HTTP1_DONE);
    assert_int_equal(body.content, 16);
    http1_body_start(&body, HTTP1_FRAMING_LENGTH, 10);
    assert_int_equal(http1_body_skip(&body, 10), HTTP1_DONE);
    http1_body_start(&body, HTTP1_FRAMING_CLOSE, 0);
    assert_int_equal(http1_body_skip(&body, 10), HTTP1_MORE);
    assert_int_equal(http1_body_end(&body), HTTP1_DONE);
    assert_int_equal(body.content, 10);
    http1_body_start(&body, HTTP1_FRAMING_LENGTH, 10);
    assert_int_equal(http1_body_end(&body), HTTP1_MALFORMED);
}

/* Framing that never ends is broken at a bound. */
static void test_endless_framing(void **state)
{
    (void)state;
    static const char *const starts[] = {"5;", "0\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct http1_body body;
        size_t used;
        struct span data;
        http1_body_start(&body, HTTP1_FRAMING_CHUNKED, 0);
        http1_body_feed(&body, span_from_string(starts[i]), &used, &data);
        enum http1_step step = HTTP1_MORE;
        size_t fed = 0;
        while (step == HTTP1_MORE && fed < 1000000) {
            step = http1_body_feed(&body, SPAN("aaaaaaaaaaaaaaaa"), &used, &data);
            fed += used;
        }
        assert_int_equal(step, HTTP1_MALFORMED);
        assert_true(fed < 100000);
    }
}

static void test_request(void **state)
{
    (void)state;
    static const struct {
        struct http1_request request;
        const char *expected;
    } cases[] = {
        {{.target = {"/a?b", 4}, .host = {"h:1", 3}},
         "GET /a?b HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n\r\n"},
        {{.target = {"?b", 2}, .host = {"h", 1}, .user_agent = {"u", 1}},
         "GET /?b HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nAccept: */*\r\n\r\n"},
        {{.target = {"", 0},
          .host = {"h", 1},
          .cookie = {"a=b", 3},
          .has_range = true,
          .range_first = 5,
          .range_last = 9},
         "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nRange: bytes=5-9\r\nCookie: a=b\r\n\r\n"},
        {{.target = {"/", 1},
          .host = {"h", 1},
          .has_range = true,
          .range_first = 5,
          .range_last = UINT64_MAX,
          .accept_encoding = {"gzip", 4}},
         "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
         "Range: bytes=5-\r\n\r\n"},
        {{.target = {"/", 1},
          .host = {"h", 1},
          .user_agent = {"u", 1},
          .extra = {{"user-agent: mine\r\n", 18}, {"X: y\r\nHOST: z\r\n", 15}}},
         "GET / HTTP/1.1\r\nAccept: */*\r\nuser-agent: mine\r\nX: y\r\nHOST: z\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(http1_write_request(&out, &cases[i].request), 0);
        assert_int_equal(buf_append(&out, "", 1), 0);
        assert_string_equal(out.ptr, cases[i].expected);
        buf_release(&out);
    }
    struct buf small;
    buf_init(&small, 40);
    assert_int_equal(http1_write_request(&small, &cases[2].request), -1);
    buf_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),         cmocka_unit_test(test_head_ends_before_the_body),
        cmocka_unit_test(test_beginnings),    cmocka_unit_test(test_fields),
        cmocka_unit_test(test_content_range), cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_skipping),      cmocka_unit_test(test_endless_framing),
        cmocka_unit_test(test_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
