/* Fetches against a server on loopback: bodies in every framing, keep-alive, and each failure
 * that a server can cause. */
#include "rig.h"
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum ending {
    END_KEEP,  /* the next request on the same connection is answered too */
    END_CLOSE, /* FIN */
    END_RESET, /* RST */
    END_HOLD,  /* nothing more until the client closes */
};

struct script {
    const char *response;
    size_t len; /* 0: strlen */
    enum ending ending;
};

static void serve_script(struct server_connection *c)
{
    const struct script *script = c->server->user;
    while (server_read(c)) {
        size_t len = script->len != 0 ? script->len : strlen(script->response);
        if (!server_write(c, script->response, len)) {
            return;
        }
        switch (script->ending) {
        case END_KEEP:
            break;
        case END_CLOSE:
            return;
        case END_RESET:
            /* What was sent must arrive before the reset overtakes it. */
            server_wait_close(c, 50);
            server_reset(c);
            return;
        case END_HOLD:
            server_wait_close(c, 10000);
            return;
        }
    }
}

struct case_of_fetch {
    const char *name;
    const char *response;
    enum ending ending;
    enum fail fail;
    int status;
    bool kept;        /* the connection lives on */
    const char *body; /* when collected */
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct case_of_fetch cases[] = {
    {"length", OK "Content-Length: 5\r\n\r\nhello", END_KEEP, FAIL_NONE, 200, true, "hello"},
    {"empty", OK "Content-Length: 0\r\n\r\n", END_KEEP, FAIL_NONE, 200, true, ""},
    {"bare LF", "HTTP/1.1 200\nContent-Length: 2\n\nhi", END_KEEP, FAIL_NONE, 200, true, "hi"},
    {"until close", OK "\r\nhello", END_CLOSE, FAIL_NONE, 200, false, "hello"},
    {"chunked",
     OK "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: 1\r\n\r\n",
     END_KEEP, FAIL_NONE, 200, true, "hello"},
    {"said to close", OK "Connection: close\r\nContent-Length: 2\r\n\r\nhi", END_CLOSE,
     FAIL_NONE, 200, false, "hi"},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", END_CLOSE, FAIL_NONE, 200,
     false, "hi"},
    {"interim", "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK "Content-Length: 2\r\n\r\nhi",
     END_KEEP, FAIL_NONE, 200, true, "hi"},
    {"more than announced", OK "Content-Length: 2\r\n\r\nhiHTTP/1.1", END_KEEP, FAIL_NONE, 200,
     false, "hi"},
    {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", END_KEEP,
     FAIL_STATUS_4XX, 404, true, ""},
    {"503", "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", END_KEEP,
     FAIL_STATUS_5XX, 503, true, ""},
    {"204", "HTTP/1.1 204 No\r\n\r\n", END_KEEP, FAIL_STATUS_UNEXPECTED, 204, true, ""},
    {"206 unasked",
     "HTTP/1.1 206 P\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\nhi", END_KEEP,
     FAIL_STATUS_UNEXPECTED, 206, true, ""},
    {"304", "HTTP/1.1 304 Same\r\n\r\n", END_KEEP, FAIL_STATUS_UNEXPECTED, 304, true, ""},
    {"101", "HTTP/1.1 101 Switch\r\n\r\n", END_KEEP, FAIL_STATUS_UNEXPECTED, 101, false, ""},
    {"redirect without place", "HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n", END_KEEP,
     FAIL_REDIRECT_INVALID, 302, true, ""},
    {"redirect to ftp", "HTTP/1.1 302 F\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n",
     END_KEEP, FAIL_REDIRECT_INVALID, 302, true, ""},
    {"redirect loop", "HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", END_KEEP,
     FAIL_REDIRECT_LOOP, 302, true, ""},
    {"unknown coding", OK "Content-Encoding: zstd\r\nContent-Length: 2\r\n\r\nhi", END_KEEP,
     FAIL_ENCODING_UNKNOWN, 200, true, ""},
    {"bad gzip", OK "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", END_KEEP,
     FAIL_DECODE_FAILED, 200, true, ""},
    {"bad brotli", OK "Content-Encoding: br\r\nContent-Length: 2\r\n\r\nhi", END_KEEP,
     FAIL_DECODE_FAILED, 200, true, ""},
    {"closed at once", "", END_CLOSE, FAIL_CLOSED_BEFORE_RESPONSE, 0, false, ""},
    {"reset at once", "", END_RESET, FAIL_RESET_BEFORE_RESPONSE, 0, false, ""},
    {"closed in the head", "HTTP/1.1 200 OK\r\nContent-", END_CLOSE,
     FAIL_CLOSED_BEFORE_RESPONSE, 0, false, ""},
    {"reset in the head", "HTTP/1.1 200 OK\r\nContent-", END_RESET, FAIL_RESET_BEFORE_RESPONSE,
     0, false, ""},
    {"garbage", "SSH-2.0-OpenSSH_9.2\r\n", END_HOLD, FAIL_RESPONSE_MALFORMED, 0, false, ""},
    {"folded", OK "A: b\r\n c\r\nContent-Length: 0\r\n\r\n", END_HOLD, FAIL_RESPONSE_MALFORMED,
     0, false, ""},
    {"two lengths", OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", END_HOLD,
     FAIL_RESPONSE_MALFORMED, 0, false, ""},
    {"silent", "", END_HOLD, FAIL_FIRST_BYTE_TIMEOUT, 0, false, ""},
    {"body missing", OK "Content-Length: 5\r\n\r\nhi", END_HOLD, FAIL_BODY_TIMEOUT, 200, false,
     ""},
    {"body short", OK "Content-Length: 5\r\n\r\nhi", END_CLOSE, FAIL_BODY_TRUNCATED, 200, false,
     ""},
    {"chunks short", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhi", END_CLOSE,
     FAIL_BODY_TRUNCATED, 200, false, ""},
    {"body reset", OK "Content-Length: 5\r\n\r\nhi", END_RESET, FAIL_BODY_RESET, 200, false,
     ""},
    {"body too large", OK "Content-Length: 99999999999\r\n\r\nhi", END_HOLD,
     FAIL_BODY_TOO_LARGE, 200, false, ""},
    {"bad chunk", OK "Transfer-Encoding: chunked\r\n\r\nhello\r\n", END_HOLD,
     FAIL_CHUNK_MALFORMED, 200, false, ""},
};

/* Each case over both sinks: the failure must not depend on where the body goes. */
static void run_case(const struct case_of_fetch *c, enum fetch_sink sink)
{
    struct script script = {.response = c->response, .ending = c->ending};
    struct server server;
    server_start(&server, "127.0.0.1", serve_script, &script, NULL);
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct trial trial;
    trial_init(&trial);
    struct fetch_request request = {.url = span_from_string(server_url(&server, "/a?b")),
                                    .kind = METRIC_KIND_MEDIA_PLAYLIST,
                                    .sink = sink,
                                    .first_byte_timeout_us = 300000,
                                    .idle_timeout_us = 300000};
    rig_fetch(&rig, &trial, &request);
    if (trial.result.fail != c->fail || trial.result.status != c->status) {
        fail_msg("%s (%s): failure %s, status %d; expected %s, %d", c->name,
                 sink == FETCH_DRAIN ? "drain" : "collect", fail_info(trial.result.fail)->label,
                 trial.result.status, fail_info(c->fail)->label, c->status);
    }
    if (sink == FETCH_COLLECT) {
        assert_string_equal(trial.body, c->body);
    } else if (c->fail == FAIL_NONE) {
        assert_int_equal(trial.result.media_bytes, strlen(c->body));
    }
    assert_int_equal(rig_count(&rig, METRIC_FAILURES), c->fail != FAIL_NONE ? 1 : 0);
    struct net_usage usage;
    net_worker_usage(rig.worker, &usage);
    if ((usage.connections == 1) != c->kept) {
        fail_msg("%s: %u connections are open", c->name, usage.connections);
    }
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
}

static void test_collect(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_case(&cases[i], FETCH_COLLECT);
    }
}

static void test_drain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct case_of_fetch c = cases[i];
        if (c.fail == FAIL_DECODE_FAILED) {
            c.fail = FAIL_ENCODING_UNKNOWN; /* media is not asked for compressed */
        }
        run_case(&c, FETCH_DRAIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect),
        cmocka_unit_test(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
