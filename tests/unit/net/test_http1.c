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
    uint64_t length;
    enum http1_framing framing;
    bool keep_alive;
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct head_case heads[] = {
    {"length", OK "Content-Length: 12\r\n\r\n", 0, 200, 12, HTTP1_FRAMING_LENGTH, true},
    {"bare LF", "HTTP/1.1 200 OK\ncontent-length:12\n\n", 0, 200, 12, HTTP1_FRAMING_LENGTH,
     true},
    {"mixed line ends", "HTTP/1.1 200 OK\r\nContent-Length: 12\n\r\n", 0, 200, 12,
     HTTP1_FRAMING_LENGTH, true},
    {"no reason", "HTTP/1.1 200\r\n\r\n", 0, 200, 0, HTTP1_FRAMING_CLOSE, false},
    {"empty reason", "HTTP/1.1 200 \r\n\r\n", 0, 200, 0, HTTP1_FRAMING_CLOSE, false},
    {"chunked", OK "Transfer-Encoding: Chunked\r\n\r\n", 0, 200, 0, HTTP1_FRAMING_CHUNKED,
     true},
    {"identity, chunked", OK "Transfer-Encoding: identity, chunked\r\n\r\n", 0, 200, 0,
     HTTP1_FRAMING_CHUNKED, true},
    {"chunked and length", OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 200,
     0, HTTP1_FRAMING_CHUNKED, false},
    {"gzip, chunked", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", -1, 0, 0, 0, false},
    {"chunked twice", OK "Transfer-Encoding: chunked, chunked\r\n\r\n", -1, 0, 0, 0, false},
    {"equal lengths", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 200, 5,
     HTTP1_FRAMING_LENGTH, true},
    {"equal lengths in a list", OK "Content-Length: 5, 5\r\n\r\n", 0, 200, 5,
     HTTP1_FRAMING_LENGTH, true},
    {"different lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", -1, 0, 0, 0,
     false},
    {"different in a list", OK "Content-Length: 5, 6\r\n\r\n", -1, 0, 0, 0, false},
    {"largest length", OK "Content-Length: 18446744073709551615\r\n\r\n", 0, 200, UINT64_MAX,
     HTTP1_FRAMING_LENGTH, true},
    {"length overflow", OK "Content-Length: 18446744073709551616\r\n\r\n", -1, 0, 0, 0, false},
    {"length with sign", OK "Content-Length: +5\r\n\r\n", -1, 0, 0, 0, false},
    {"negative length", OK "Content-Length: -5\r\n\r\n", -1, 0, 0, 0, false},
    {"hex length", OK "Content-Length: 0x5\r\n\r\n", -1, 0, 0, 0, false},
    {"empty length", OK "Content-Length:\r\n\r\n", -1, 0, 0, 0, false},
    {"close", OK "Connection: Close\r\nContent-Length: 0\r\n\r\n", 0, 200, 0,
     HTTP1_FRAMING_LENGTH, false},
    {"close in a list", OK "Connection: x, close\r\nContent-Length: 0\r\n\r\n", 0, 200, 0,
     HTTP1_FRAMING_LENGTH, false},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, 0,
     HTTP1_FRAMING_LENGTH, false},
    {"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
     0, 200, 0, HTTP1_FRAMING_LENGTH, true},
    {"101 has no body and ends HTTP", "HTTP/1.1 101 Go\r\nUpgrade: h2c\r\n\r\n", 0, 101, 0,
     HTTP1_FRAMING_NONE, false},
    {"204 has no body", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", 0, 204, 0,
     HTTP1_FRAMING_NONE, true},
    {"304 has no body", "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", 0, 304, 0,
     HTTP1_FRAMING_NONE, true},
    {"100", "HTTP/1.1 100 Continue\r\n\r\n", 0, 100, 0, HTTP1_FRAMING_NONE, true},
    {"folded", OK "A: b\r\n c\r\n\r\n", -1, 0, 0, 0, false},
    {"space before colon", OK "A : b\r\n\r\n", -1, 0, 0, 0, false},
    {"no colon", OK "abc\r\n\r\n", -1, 0, 0, 0, false},
    {"no name", OK ": b\r\n\r\n", -1, 0, 0, 0, false},
    {"control byte", OK "A: b\001c\r\n\r\n", -1, 0, 0, 0, false},
    {"CR in a value", OK "A: b\rc\r\n\r\n", -1, 0, 0, 0, false},
    {"tab in a value", OK "A: b\tc\r\n\r\n", 0, 200, 0, HTTP1_FRAMING_CLOSE, false},
    {"UTF-8 in a value", OK "A: \303\244\r\n\r\n", 0, 200, 0, HTTP1_FRAMING_CLOSE, false},
    {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"ICY", "ICY 200 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"status 600", "HTTP/1.1 600 Odd\r\n\r\n", -1, 0, 0, 0, false},
    {"status 099", "HTTP/1.1 099 Odd\r\n\r\n", -1, 0, 0, 0, false},
    {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", -1, 0, 0, 0, false},
    {"empty line first", "\r\n\r\n", -1, 0, 0, 0, false},
};

/* The end is found, and found only there, at once and byte by byte. */
static void expect_scan(const struct head_case *c, const char *bytes, size_t len)
{
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
}

static void expect_head(const struct head_case *c, const char *bytes, size_t len)
{
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

static void test_heads(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t len = strlen(heads[i].head);
        const char *bytes = guarded_put(&g, heads[i].head, len);
        expect_scan(&heads[i], bytes, len);
        expect_head(&heads[i], bytes, len);
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
    enum http1_step end; /* after all bytes */
    uint64_t length;
    const char *bytes;
    const char *content;
    size_t unused; /* bytes after the end */
};

static const struct body_case bodies[] = {
    {"none", HTTP1_FRAMING_NONE, HTTP1_DONE, 0, "x", "", 1},
    {"length", HTTP1_FRAMING_LENGTH, HTTP1_DONE, 5, "helloHTTP", "hello", 4},
    {"length zero", HTTP1_FRAMING_LENGTH, HTTP1_DONE, 0, "", "", 0},
    {"length goes on", HTTP1_FRAMING_LENGTH, HTTP1_MORE, 6, "hello", "hello", 0},
    {"close", HTTP1_FRAMING_CLOSE, HTTP1_MORE, 0, "hello", "hello", 0},
    {"chunks", HTTP1_FRAMING_CHUNKED, HTTP1_DONE, 0, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\nX",
     "hello", 1},
    {"bare LF", HTTP1_FRAMING_CHUNKED, HTTP1_DONE, 0, "3\nhel\n2\nlo\n0\n\n", "hello", 0},
    {"extensions", HTTP1_FRAMING_CHUNKED, HTTP1_DONE, 0,
     "5 ; a=\"b\"\r\nhello\r\n000;x\r\n\r\n", "hello", 0},
    {"trailers", HTTP1_FRAMING_CHUNKED, HTTP1_DONE, 0, "0\r\nA: b\r\nC: d\r\n\r\n", "", 0},
    {"capital hex", HTTP1_FRAMING_CHUNKED, HTTP1_DONE, 0, "A\r\n0123456789\r\n0\r\n\r\n",
     "0123456789", 0},
    {"many zeros", HTTP1_FRAMING_CHUNKED, HTTP1_DONE, 0,
     "00000000000000000001\r\na\r\n0\r\n\r\n", "a", 0},
    {"goes on", HTTP1_FRAMING_CHUNKED, HTTP1_MORE, 0, "3\r\nhe", "he", 0},
    {"no size", HTTP1_FRAMING_CHUNKED, HTTP1_MALFORMED, 0, "\r\n", "", 1},
    {"bad digit", HTTP1_FRAMING_CHUNKED, HTTP1_MALFORMED, 0, "g\r\n", "", 2},
    {"negative", HTTP1_FRAMING_CHUNKED, HTTP1_MALFORMED, 0, "-1\r\n", "", 3},
    {"0x", HTTP1_FRAMING_CHUNKED, HTTP1_MALFORMED, 0, "0x5\r\n", "", 3},
    {"overflow", HTTP1_FRAMING_CHUNKED, HTTP1_MALFORMED, 0, "11111111111111111\r\n", "", 2},
    {"content too long", HTTP1_FRAMING_CHUNKED, HTTP1_MALFORMED, 0, "3\r\nhelX", "hel", 0},
    {"CR without LF", HTTP1_FRAMING_CHUNKED, HTTP1_MALFORMED, 0, "3\rX", "", 0},
};

/* What reading a body came to. */
struct reading {
    enum http1_step end;
    size_t unused;
    size_t content_len;
    char content[256];
};

/* Feeds the bytes in pieces of `step`. */
static struct reading read_body(const struct body_case *c, struct span bytes, size_t step)
{
    struct http1_body body;
    http1_body_start(&body, c->framing, c->length);
    struct reading r = {.end = http1_body_is_done(&body) ? HTTP1_DONE : HTTP1_MORE};
    while (bytes.len > 0 && r.end == HTTP1_MORE) {
        size_t n = bytes.len < step ? bytes.len : step;
        size_t used;
        struct span data;
        r.end = http1_body_feed(&body, span_of(bytes.ptr, n), &used, &data);
        assert_true(used <= n);
        assert_true(data.len == 0 ||
                    (data.ptr >= bytes.ptr && data.ptr + data.len == bytes.ptr + used));
        if (data.len > 0) {
            memcpy(r.content + r.content_len, data.ptr, data.len);
            r.content_len += data.len;
        }
        bytes = span_skip(bytes, used);
    }
    assert_int_equal(body.content, r.content_len);
    r.unused = bytes.len;
    return r;
}

static void expect_body(const struct body_case *c, const char *bytes, size_t len)
{
    for (size_t step = 1; step <= len + 1; step++) {
        struct reading r = read_body(c, span_of(bytes, len), step);
        struct span content = span_of(r.content, r.content_len);
        if (r.end != c->end || r.unused != c->unused ||
            !span_equal(content, span_from_string(c->content))) {
            fail_msg("%s by %zu: step %d, content '%.*s', %zu unused", c->name, step,
                     (int)r.end, SPAN_ARGS(content), r.unused);
        }
    }
}

static void test_bodies(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        size_t len = strlen(bodies[i].bytes);
        expect_body(&bodies[i], guarded_put(&g, bodies[i].bytes, len), len);
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
