/* Servers that mean harm cost one fetch, are told apart, and never take more memory than the
 * bounds say. */
#include "rig.h"
#include "server.h"

#include "base/clock.h"
#include "loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#define OK "HTTP/1.1 200 OK\r\n"

enum { MIB = 1 << 20 };

/* Sends `start`, then `again` without end. */
struct endless {
    const char *start;
    const char *again;
    size_t again_len; /* 0: strlen */
    int pause_ms;     /* between two pieces */
};

static void serve_endless(struct server_connection *c)
{
    const struct endless *endless = c->server->user;
    size_t len = endless->again_len != 0 ? endless->again_len : strlen(endless->again);
    if (!server_read(c) || !server_print(c, endless->start)) {
        return;
    }
    while (server_write(c, endless->again, len)) {
        if (endless->pause_ms > 0 && server_wait_close(c, endless->pause_ms)) {
            return;
        }
    }
}

/* Runs one fetch and returns the most memory that its buffers took. */
static uint64_t run(struct endless *endless, enum fetch_sink sink, enum fail fail)
{
    struct server server;
    server_start(&server, "127.0.0.1", serve_endless, endless, NULL);
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct trial trial;
    trial_init(&trial);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
    struct fetch_request request = {.url = span_from_string(url),
                                    .kind = METRIC_KIND_MEDIA_PLAYLIST,
                                    .sink = sink,
                                    .body_limit = sink == FETCH_DRAIN ? 64 * MIB : 0,
                                    .idle_timeout_us = 1000000,
                                    .total_timeout_us = endless->pause_ms > 0 ? 300000 : 0};
    assert_int_equal(fetch_start(&rig.client, &trial.fetch, &request), FAIL_NONE);
    uint64_t most = 0;
    int64_t deadline_us = clock_monotonic_us() + 20000000;
    while (!trial.done) {
        assert_true(clock_monotonic_us() < deadline_us);
        loop_run_once(rig.loop, 100000);
        struct net_usage usage;
        net_worker_usage(rig.worker, &usage);
        most = usage.buffer_bytes > most ? usage.buffer_bytes : most;
    }
    if (trial.result.fail != fail) {
        fail_msg("'%.20s' again and again: %s, expected %s", endless->again,
                 fail_info(trial.result.fail)->label, fail_info(fail)->label);
    }
    struct net_usage usage;
    net_worker_usage(rig.worker, &usage);
    assert_int_equal(usage.connections, 0);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
    return most;
}

static void test_endless(void **state)
{
    (void)state;
    static char zeros[65536];
    static char text[10000];
    memset(text, 'x', sizeof(text) - 1);
    struct endless header = {OK, "X-Header: yes\r\n", 0, 0};
    struct endless line = {OK "X: ", text, 0, 0};
    struct endless interim = {"", "HTTP/1.1 100 Continue\r\n\r\n", 0, 0};
    struct endless body = {OK "\r\n", zeros, sizeof(zeros), 0};
    struct endless announced = {OK "Content-Length: 104857600\r\n\r\n", zeros, sizeof(zeros),
                                0};
    struct endless chunks = {OK "Transfer-Encoding: chunked\r\n\r\n", "2000\r\n", 0, 0};
    static char chunk[0x2000 + 8];
    snprintf(chunk, sizeof(chunk), "2000\r\n");
    chunk[6 + 0x2000] = '\r';
    chunk[6 + 0x2000 + 1] = '\n';
    chunks.again = chunk;
    chunks.again_len = sizeof(chunk);
    struct endless extension = {OK "Transfer-Encoding: chunked\r\n\r\n5;", text, 0, 0};
    struct endless trailer = {OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", 0, 0};
    for (int sink = FETCH_COLLECT; sink <= FETCH_DRAIN; sink++) {
        enum fetch_sink s = (enum fetch_sink)sink;
        assert_in_range(run(&header, s, FAIL_HEADER_TOO_LARGE), 0, 2 * FETCH_HEAD_MAX);
        assert_in_range(run(&line, s, FAIL_HEADER_TOO_LARGE), 0, 2 * FETCH_HEAD_MAX);
        assert_in_range(run(&interim, s, FAIL_HEADER_TOO_LARGE), 0, 2 * FETCH_HEAD_MAX);
        assert_in_range(run(&extension, s, FAIL_CHUNK_MALFORMED), 0, 16384);
        assert_in_range(run(&trailer, s, FAIL_CHUNK_MALFORMED), 0, 16384);
        uint64_t bound = s == FETCH_DRAIN ? 4096 : 2 * FETCH_COLLECT_LIMIT;
        assert_in_range(run(&body, s, FAIL_BODY_TOO_LARGE), 0, bound);
        assert_in_range(run(&chunks, s, FAIL_BODY_TOO_LARGE), 0, bound);
        assert_in_range(run(&announced, s, FAIL_BODY_TOO_LARGE), 0, 4096);
    }
}

static void test_slow_drip(void **state)
{
    (void)state;
    struct endless body = {OK "Content-Length: 1000000\r\n\r\n", "x", 0, 10};
    struct endless head = {OK "X: ", "x", 0, 10};
    struct endless chunk = {OK "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 0, 10};
    for (int sink = FETCH_COLLECT; sink <= FETCH_DRAIN; sink++) {
        enum fetch_sink s = (enum fetch_sink)sink;
        run(&body, s, FAIL_BODY_TIMEOUT);
        run(&head, s, FAIL_FIRST_BYTE_TIMEOUT);
        run(&chunk, s, FAIL_BODY_TIMEOUT);
    }
}

/* A whole response of which the server sends `cut` bytes. */
struct cut {
    const char *response;
    size_t len;
    size_t cut;
    bool reset;
};

static void serve_cut(struct server_connection *c)
{
    const struct cut *cut = c->server->user;
    if (!server_read(c) || !server_write(c, cut->response, cut->cut)) {
        return;
    }
    if (cut->reset) {
        server_reset(c);
    }
}

static void expect_cut(const struct cut *cut, size_t head_len, const struct trial *trial)
{
    enum fail fail = trial->result.fail;
    bool whole = cut->cut == cut->len;
    bool in_body = cut->cut >= head_len;
    bool ok;
    if (cut->reset) {
        /* A reset may overtake what was sent before it. */
        ok = fail == FAIL_RESET_BEFORE_RESPONSE || (in_body && fail == FAIL_BODY_RESET) ||
             (whole && fail == FAIL_NONE);
    } else {
        ok = fail == (whole     ? FAIL_NONE
                      : in_body ? FAIL_BODY_TRUNCATED
                                : FAIL_CLOSED_BEFORE_RESPONSE);
    }
    if (!ok) {
        fail_msg("%s after %zu of %zu bytes: %s", cut->reset ? "reset" : "close", cut->cut,
                 cut->len, fail_info(fail)->label);
    }
}

static void test_end_at_any_byte(void **state)
{
    (void)state;
    static const char *const responses[] = {
        OK "Content-Length: 10\r\n\r\n0123456789",
        OK "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n4\r\n6789\r\n0\r\nA: b\r\n\r\n",
    };
    for (size_t i = 0; i < 2; i++) {
        struct cut cut = {.response = responses[i], .len = strlen(responses[i])};
        size_t head_len = (size_t)(strstr(responses[i], "\r\n\r\n") + 4 - responses[i]);
        struct server server;
        server_start(&server, "127.0.0.1", serve_cut, &cut, NULL);
        struct rig rig;
        rig_open(&rig, NULL, NULL);
        struct trial trial;
        trial_init(&trial);
        char url[64];
        snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
        for (size_t n = 0; n <= 2 * cut.len + 1; n++) {
            if (server.count == SERVER_CONNECTIONS_MAX) {
                server_stop(&server);
                server_free_log(&server);
                server_start(&server, "127.0.0.1", serve_cut, &cut, NULL);
                snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
            }
            cut.cut = n / 2;
            cut.reset = n % 2 == 1;
            rig_get(&rig, &trial, url);
            expect_cut(&cut, head_len, &trial);
        }
        trial_fini(&trial);
        rig_close(&rig);
        server_stop(&server);
        server_free_log(&server);
    }
}

/* 100 KB of gzip that would be 100 MiB of playlist. */
static char *bomb;
static size_t bomb_len;

static void serve_bomb(struct server_connection *c)
{
    char head[256];
    snprintf(head, sizeof(head), OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
             bomb_len);
    if (server_read(c) && server_print(c, head) && server_write(c, bomb, bomb_len)) {
        server_wait_close(c, 10000);
    }
}

static void make_bomb(void)
{
    static char zeros[MIB];
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    bomb = malloc(MIB);
    z.next_out = (Bytef *)bomb;
    z.avail_out = MIB;
    for (int i = 0; i < 100; i++) {
        z.next_in = (Bytef *)zeros;
        z.avail_in = sizeof(zeros);
        deflate(&z, i == 99 ? Z_FINISH : Z_NO_FLUSH);
    }
    bomb_len = MIB - z.avail_out;
    deflateEnd(&z);
}

static void test_decompression_bomb(void **state)
{
    (void)state;
    make_bomb();
    struct server server;
    server_start(&server, "127.0.0.1", serve_bomb, NULL, NULL);
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct trial trial;
    trial_init(&trial);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
    rig_get(&rig, &trial, url);
    assert_int_equal(trial.result.fail, FAIL_BODY_TOO_LARGE);
    assert_int_equal(trial.result.body.len, 0);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
    free(bomb);
}

/* Cookies without end fill the jar and no more. */
static void serve_many_cookies(struct server_connection *c)
{
    while (server_read(c)) {
        char response[32768];
        size_t at = (size_t)snprintf(response, sizeof(response), OK "Content-Length: 0\r\n");
        for (int i = 0; i < 200; i++) {
            at += (size_t)snprintf(response + at, sizeof(response) - at,
                                   "Set-Cookie: c%d_%d=%0100d\r\n", c->server->request_count, i,
                                   i);
        }
        memcpy(response + at, "\r\n", 3);
        if (!server_print(c, response)) {
            return;
        }
    }
}

static void test_many_cookies(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, "127.0.0.1", serve_many_cookies, NULL, NULL);
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct trial trial;
    trial_init(&trial);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
    for (int i = 0; i < 5; i++) {
        rig_get(&rig, &trial, url);
        assert_int_equal(trial.result.fail, FAIL_NONE);
    }
    assert_int_equal(rig_count(&rig, METRIC_COOKIES_DROPPED), 5 * 200 - 64);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endless),         cmocka_unit_test(test_slow_drip),
        cmocka_unit_test(test_end_at_any_byte), cmocka_unit_test(test_decompression_bomb),
        cmocka_unit_test(test_many_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
