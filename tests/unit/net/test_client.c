/* What a client does around its fetches: connections kept and queued for, redirects, cookies,
 * ranges, the check of the first bytes, headers, pacing, cancelling, shortages. */
#include "base/clock.h"
#include "loop/loop.h"
#include "rig.h"
#include "server.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char *url_of(const struct server *server, const char *path)
{
    static char urls[4][512];
    static int turn;
    char *url = urls[turn++ % 4];
    char address[NET_ADDRESS_TEXT];
    net_address_format(&server->address, address);
    snprintf(url, sizeof(urls[0]), "http://%s%s", address, path);
    return url;
}

static bool asked_for(const struct server_connection *c, const char *path)
{
    size_t len = strlen(path);
    return strncmp(c->head, "GET ", 4) == 0 && strncmp(c->head + 4, path, len) == 0 &&
           c->head[4 + len] == ' ';
}

static bool server_hello(struct server_connection *c)
{
    return server_print(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void serve_hello(struct server_connection *c)
{
    while (server_read(c) && server_hello(c)) {
    }
}

struct fixture {
    struct server server;
    struct rig rig;
    struct trial trial;
};

static void fixture_open(struct fixture *f, void (*serve)(struct server_connection *c),
                         const void *user, const struct net_client_options *client_options)
{
    server_start(&f->server, "127.0.0.1", serve, user, NULL);
    rig_open(&f->rig, NULL, client_options);
    trial_init(&f->trial);
}

static void fixture_close(struct fixture *f)
{
    trial_fini(&f->trial);
    rig_close(&f->rig);
    server_stop(&f->server);
    server_free_log(&f->server);
}

static void expect_fail(const struct trial *trial, enum fail fail)
{
    if (trial->result.fail != fail) {
        fail_msg("failure %s, expected %s", fail_info(trial->result.fail)->label,
                 fail_info(fail)->label);
    }
}

static void test_connection_is_reused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_hello, NULL, NULL);
    for (int i = 0; i < 5; i++) {
        rig_get(&f.rig, &f.trial, url_of(&f.server, "/x"));
        expect_fail(&f.trial, FAIL_NONE);
        assert_int_equal(f.trial.result.reused, i > 0);
        assert_string_equal(f.trial.url, url_of(&f.server, "/x"));
        assert_true(f.trial.result.first_byte_seen);
        assert_true(f.trial.result.phases.total_us >= f.trial.result.phases.first_byte_us);
        assert_int_equal(f.trial.result.body_bytes, 5);
    }
    assert_int_equal(rig_count(&f.rig, METRIC_TCP_CONNECTS), 1);
    assert_int_equal(rig_count(&f.rig, METRIC_HTTP_REQUESTS), 5);
    assert_int_equal(rig_count(&f.rig, METRIC_BODY_BYTES), 25);
    assert_non_null(strstr(f.server.log[0], "User-Agent: shoal/" SHOAL_VERSION "\r\n"));
    fixture_close(&f);
}

/* Answers one request a connection, and closes when the second one has come in. */
static void serve_race(struct server_connection *c)
{
    if (server_read(c) && server_hello(c) && server_read(c)) {
        server_reset(c);
    }
}

static void test_keepalive_race_is_retried(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_race, NULL, NULL);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/1"));
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/2"));
    expect_fail(&f.trial, FAIL_NONE);
    assert_string_equal(f.trial.body, "hello");
    assert_false(f.trial.result.reused);
    assert_int_equal(rig_count(&f.rig, METRIC_KEEPALIVE_RETRIES), 1);
    assert_int_equal(rig_count(&f.rig, METRIC_HTTP_REQUESTS), 3);
    assert_int_equal(rig_count(&f.rig, METRIC_REQUESTS_FAILED), 1);
    assert_int_equal(rig_count(&f.rig, METRIC_FAILURES), 0);
    fixture_close(&f);
}

/* A first connection that dies is not retried: nothing was raced. */
static void serve_death(struct server_connection *c)
{
    server_read(c);
}

static void test_new_connection_is_not_retried(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_death, NULL, NULL);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/1"));
    expect_fail(&f.trial, FAIL_CLOSED_BEFORE_RESPONSE);
    assert_int_equal(rig_count(&f.rig, METRIC_KEEPALIVE_RETRIES), 0);
    assert_int_equal(f.server.count, 1);
    fixture_close(&f);
}

static void serve_one(struct server_connection *c)
{
    if (server_read(c)) {
        server_hello(c);
    }
}

static bool no_connection(const void *user)
{
    struct net_usage usage;
    net_worker_usage(user, &usage);
    return usage.connections == 0;
}

static void test_idle_close_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_one, NULL, NULL);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/1"));
    rig_run_until_true(&f.rig, no_connection, f.rig.worker);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/2"));
    expect_fail(&f.trial, FAIL_NONE);
    assert_int_equal(rig_count(&f.rig, METRIC_KEEPALIVE_RETRIES), 0);
    assert_int_equal(rig_count(&f.rig, METRIC_TCP_CONNECTS), 2);
    fixture_close(&f);
}

static bool all_done(const void *user)
{
    const struct trial *trials = user;
    return trials[0].done && trials[1].done && trials[2].done && trials[3].done;
}

static void test_queue_and_limit(void **state)
{
    (void)state;
    struct fixture f;
    struct net_client_options options = {.connections = 2};
    fixture_open(&f, serve_hello, NULL, &options);
    struct trial trials[4];
    for (int i = 0; i < 4; i++) {
        trial_init(&trials[i]);
        struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/q")),
                                        .kind = METRIC_KIND_SEGMENT,
                                        .sink = FETCH_DRAIN};
        assert_int_equal(fetch_start(&f.rig.client, &trials[i].fetch, &request), FAIL_NONE);
    }
    struct net_usage usage;
    net_worker_usage(f.rig.worker, &usage);
    assert_int_equal(usage.connections, 2);
    assert_int_equal(usage.fetches, 4);
    rig_run_until_true(&f.rig, all_done, trials);
    assert_int_equal(rig_count(&f.rig, METRIC_TCP_CONNECTS), 2);
    for (int i = 0; i < 4; i++) {
        expect_fail(&trials[i], FAIL_NONE);
        assert_int_equal(trials[i].calls, 1);
        trial_fini(&trials[i]);
    }
    fixture_close(&f);
}

/* An idle connection to another server makes room when the limit is reached. */
static void test_idle_connection_makes_room(void **state)
{
    (void)state;
    struct fixture f;
    struct net_client_options options = {.connections = 1};
    fixture_open(&f, serve_hello, NULL, &options);
    struct server other;
    server_start(&other, "127.0.0.1", serve_hello, NULL, NULL);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/"));
    rig_get(&f.rig, &f.trial, url_of(&other, "/"));
    expect_fail(&f.trial, FAIL_NONE);
    assert_int_equal(rig_count(&f.rig, METRIC_CONNECTIONS_CLOSED), 1);
    fixture_close(&f);
    server_stop(&other);
    server_free_log(&other);
}

static void serve_redirects(struct server_connection *c)
{
    const struct server *other = c->server->user;
    while (server_read(c)) {
        char response[1024];
        if (asked_for(c, "/start")) {
            snprintf(response, sizeof(response),
                     "HTTP/1.1 307 T\r\nLocation: folder/next?x=1#part\r\n"
                     "Content-Length: 3\r\n\r\nabc");
        } else if (asked_for(c, "/folder/next?x=1")) {
            snprintf(response, sizeof(response),
                     "HTTP/1.1 301 M\r\nLocation: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "2\r\nab\r\n0\r\n\r\n",
                     url_of(other, "/end page"));
        } else {
            snprintf(response, sizeof(response),
                     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        }
        if (!server_print(c, response)) {
            return;
        }
    }
}

static void test_redirects(void **state)
{
    (void)state;
    struct server other;
    server_start(&other, "::1", serve_hello, NULL, NULL);
    struct server server;
    server_start(&server, "127.0.0.1", serve_redirects, &other, NULL);
    struct net_options options = {.extra_headers =
                                      "authorization: Basic eA==\r\nX-Token: 7\r\n"};
    struct rig rig;
    rig_open(&rig, &options, NULL);
    struct trial trial;
    trial_init(&trial);
    rig_get(&rig, &trial, url_of(&server, "/start"));
    expect_fail(&trial, FAIL_NONE);
    assert_string_equal(trial.body, "hello");
    assert_string_equal(trial.url, url_of(&other, "/end%20page"));
    assert_int_equal(trial.result.redirects, 2);
    assert_int_equal(rig_count(&rig, METRIC_REDIRECTS), 2);
    assert_int_equal(rig_count(&rig, METRIC_HTTP_REQUESTS), 3);
    assert_int_equal(rig_count(&rig, METRIC_HTTP_RESPONSES_3XX), 2);
    assert_int_equal(rig_count(&rig, METRIC_TCP_CONNECTS), 2);
    assert_int_equal(server.count, 1);
    /* Credentials stay with the host they were given for; other headers go along. */
    assert_non_null(strstr(server.log[0], "authorization: Basic"));
    assert_null(strstr(other.log[0], "authorization: Basic"));
    assert_non_null(strstr(other.log[0], "X-Token: 7\r\n"));
    assert_non_null(strstr(other.log[0], "GET /end%20page HTTP/1.1\r\nHost: [::1]:"));
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_stop(&other);
    server_free_log(&server);
    server_free_log(&other);
}

static void serve_cookies(struct server_connection *c)
{
    while (server_read(c)) {
        if (!server_print(c, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\n"
                             "Set-Cookie: b=2; Path=/deep\r\nSet-Cookie: c=3; Secure\r\n"
                             "Content-Length: 0\r\n\r\n")) {
            return;
        }
    }
}

static void test_cookies(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_cookies, NULL, NULL);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/x"));
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/x?deep"));
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/deep/x"));
    assert_null(strstr(f.server.log[0], "Cookie:"));
    assert_non_null(strstr(f.server.log[1], "Cookie: a=1\r\n"));
    assert_non_null(strstr(f.server.log[2], "Cookie: b=2; a=1\r\n"));
    fixture_close(&f);
    struct net_client_options off = {.cookies_off = true};
    fixture_open(&f, serve_cookies, NULL, &off);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/x"));
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/x"));
    assert_null(strstr(f.server.log[1], "Cookie:"));
    fixture_close(&f);
}

static void serve_text(struct server_connection *c)
{
    while (server_read(c) && server_print(c, c->server->user)) {
    }
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *response;
        uint64_t last;
        enum fail fail;
        bool kept;
    } cases[] = {
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nContent-Length: 4\r\n\r\nabcd", 5,
         FAIL_NONE, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-8/9\r\nContent-Length: 7\r\n\r\nabcdefg",
         UINT64_MAX, FAIL_NONE, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4\r\nabcd\r\n0\r\n\r\n",
         5, FAIL_NONE, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n0\r\n\r\n",
         5, FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nContent-Length: 3\r\n\r\nabc", 5,
         FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-4/9\r\nContent-Length: 3\r\n\r\nabc", 5,
         FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 4\r\n\r\nabcd", 5,
         FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Length: 4\r\n\r\nabcd", 5, FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", 5, FAIL_RANGE_IGNORED, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabcd", 5, FAIL_RANGE_IGNORED, false},
        {"HTTP/1.1 416 R\r\nContent-Length: 0\r\n\r\n", 5, FAIL_STATUS_4XX, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_open(&f, serve_text, cases[i].response, NULL);
        struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/r")),
                                        .kind = METRIC_KIND_SEGMENT,
                                        .sink = FETCH_DRAIN,
                                        .has_range = true,
                                        .range_first = 2,
                                        .range_last = cases[i].last};
        rig_fetch(&f.rig, &f.trial, &request);
        if (f.trial.result.fail != cases[i].fail) {
            fail_msg("case %zu: %s", i, fail_info(f.trial.result.fail)->label);
        }
        assert_non_null(strstr(f.server.log[0], cases[i].last == UINT64_MAX
                                                    ? "\r\nRange: bytes=2-\r\n"
                                                    : "\r\nRange: bytes=2-5\r\n"));
        struct net_usage usage;
        net_worker_usage(f.rig.worker, &usage);
        assert_int_equal(usage.connections, cases[i].kept);
        fixture_close(&f);
    }
}

/* A body of `length` bytes that count up, in one of several framings and rhythms. */
struct plan {
    size_t length;
    bool chunked;
    size_t piece; /* bytes a write; chunks are of this size too */
};

static void serve_plan(struct server_connection *c)
{
    const struct plan *plan = c->server->user;
    char *body = malloc(plan->length + 1);
    for (size_t i = 0; i < plan->length; i++) {
        body[i] = (char)(i % 251);
    }
    while (server_read(c)) {
        char line[128];
        snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                 plan->length);
        bool ok = server_print(
            c, plan->chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" : line);
        for (size_t at = 0; ok && at < plan->length; at += plan->piece) {
            size_t n = plan->length - at < plan->piece ? plan->length - at : plan->piece;
            snprintf(line, sizeof(line), "%zx\r\n", n);
            ok = (!plan->chunked || server_print(c, line)) && server_write(c, body + at, n) &&
                 (!plan->chunked || server_print(c, "\r\n"));
        }
        if (!ok || (plan->chunked && !server_print(c, "0\r\n\r\n"))) {
            break;
        }
    }
    free(body);
}

static size_t checked_len;
static int checks;
static enum fail check_result;

static enum fail check_counting(struct fetch *fetch, struct span first)
{
    (void)fetch;
    checks++;
    checked_len = first.len;
    for (size_t i = 0; i < first.len; i++) {
        assert_int_equal((unsigned char)first.ptr[i], i % 251);
    }
    return check_result;
}

static void expect_drained(struct fixture *f, const struct plan *plan, enum fail fail)
{
    checks = 0;
    check_result = fail;
    struct fetch_request request = {.url = span_from_string(url_of(&f->server, "/")),
                                    .kind = METRIC_KIND_SEGMENT,
                                    .sink = FETCH_DRAIN,
                                    .check = check_counting};
    rig_fetch(&f->rig, &f->trial, &request);
    expect_fail(&f->trial, fail);
    assert_int_equal(f->trial.result.check_failed, fail != FAIL_NONE);
    assert_int_equal(rig_count(&f->rig, METRIC_FAILURES), 0);
    assert_int_equal(checks, 1);
    assert_int_equal(checked_len,
                     plan->length < FETCH_CHECK_BYTES ? plan->length : FETCH_CHECK_BYTES);
    assert_int_equal(f->trial.result.media_bytes, plan->length);
    assert_int_equal(f->trial.result.body_bytes, rig_count(&f->rig, METRIC_BODY_BYTES));
    if (!plan->chunked) {
        assert_int_equal(f->trial.result.body_bytes, plan->length);
    }
}

static void expect_collected(struct fixture *f, const struct plan *plan)
{
    rig_get(&f->rig, &f->trial, url_of(&f->server, "/"));
    expect_fail(&f->trial, FAIL_NONE);
    assert_int_equal(f->trial.result.body.len, plan->length);
    for (size_t i = 0; i < plan->length; i++) {
        if ((unsigned char)f->trial.body[i] != i % 251) {
            fail_msg("byte %zu of %zu is wrong", i, plan->length);
        }
    }
}

static void test_bodies_and_checks(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 1023, 1024, 1025, 4096, 70000, 3000000};
    static const size_t pieces[] = {1, 100, 1000, 1500, 65536, 10000000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t j = 0; j < 2 * sizeof(pieces) / sizeof(pieces[0]); j++) {
            struct plan plan = {
                .length = lengths[i], .piece = pieces[j / 2], .chunked = j % 2 == 1};
            if (plan.length > 5000 && plan.piece < 1000) {
                continue;
            }
            struct fixture f;
            fixture_open(&f, serve_plan, &plan, NULL);
            expect_drained(&f, &plan, j % 3 == 0 ? FAIL_NOT_MEDIA : FAIL_NONE);
            expect_collected(&f, &plan);
            assert_int_equal(rig_count(&f.rig, METRIC_TCP_CONNECTS), 1);
            fixture_close(&f);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        for (int sink = 0; sink < 2; sink++) {
            struct plan plan = {.length = 5000, .piece = 5000, .chunked = chunked};
            struct fixture f;
            fixture_open(&f, serve_plan, &plan, NULL);
            struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/")),
                                            .kind = METRIC_KIND_KEY,
                                            .sink = sink == 0 ? FETCH_COLLECT : FETCH_DRAIN,
                                            .body_limit = 4999};
            rig_fetch(&f.rig, &f.trial, &request);
            expect_fail(&f.trial, FAIL_BODY_TOO_LARGE);
            request.body_limit = 5000;
            rig_fetch(&f.rig, &f.trial, &request);
            expect_fail(&f.trial, FAIL_NONE);
            fixture_close(&f);
        }
    }
}

static void test_pace(void **state)
{
    (void)state;
    struct plan plan = {.length = 400000, .piece = 400000};
    struct fixture f;
    struct net_client_options options = {.bytes_per_s = 1000000};
    fixture_open(&f, serve_plan, &plan, &options);
    for (int sink = 0; sink < 2; sink++) {
        struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/")),
                                        .kind = METRIC_KIND_SEGMENT,
                                        .sink = sink == 0 ? FETCH_DRAIN : FETCH_COLLECT};
        rig_fetch(&f.rig, &f.trial, &request);
        expect_fail(&f.trial, FAIL_NONE);
        /* 400 kB at 1 MB/s: 400 ms, less the last read that needs no waiting for (100 ms at
         * most), plus what a busy machine adds. */
        int64_t took_us = f.trial.result.phases.total_us;
        if (took_us < 280000 || took_us > 1500000) {
            fail_msg("took %lld us", (long long)took_us);
        }
    }
    fixture_close(&f);
}

static void serve_nothing(struct server_connection *c)
{
    server_wait_close(c, 10000);
}

static void serve_half(struct server_connection *c)
{
    server_read(c);
    server_print(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    server_wait_close(c, 10000);
}

static bool has_started_body(const void *user)
{
    return rig_count(user, METRIC_HTTP_RESPONSES) == 1;
}

static bool has_written(const void *user)
{
    return rig_count(user, METRIC_HTTP_REQUESTS) == 1;
}

static void test_cancel(void **state)
{
    (void)state;
    for (int stage = 0; stage < 4; stage++) {
        struct fixture f;
        fixture_open(&f, stage == 3 ? serve_half : serve_nothing, NULL, NULL);
        struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/")),
                                        .kind = METRIC_KIND_SEGMENT,
                                        .sink = FETCH_DRAIN};
        assert_int_equal(fetch_start(&f.rig.client, &f.trial.fetch, &request), FAIL_NONE);
        assert_true(fetch_is_started(&f.trial.fetch));
        if (stage == 2) {
            rig_run_until_true(&f.rig, has_written, &f.rig);
        } else if (stage == 3) {
            rig_run_until_true(&f.rig, has_started_body, &f.rig);
        }
        if (stage == 0) {
            net_client_close(&f.rig.client);
            static const struct net_client_options none = {0};
            net_client_open(&f.rig.client, f.rig.worker, &none);
        } else {
            fetch_cancel(&f.trial.fetch);
        }
        assert_false(fetch_is_started(&f.trial.fetch));
        loop_run_once(f.rig.loop, 10000);
        assert_int_equal(f.trial.calls, 0);
        assert_int_equal(rig_count(&f.rig, METRIC_REQUESTS_ABORTED), stage == 2);
        assert_int_equal(rig_count(&f.rig, METRIC_BODIES_ABORTED), stage == 3);
        assert_int_equal(rig_count(&f.rig, METRIC_FAILURES), 0);
        fetch_cancel(&f.trial.fetch);
        fixture_close(&f);
    }
}

static void test_cancel_queued_and_ended(void **state)
{
    (void)state;
    struct fixture f;
    struct net_client_options options = {.connections = 1};
    fixture_open(&f, serve_nothing, NULL, &options);
    struct trial queued;
    struct trial ended;
    trial_init(&queued);
    trial_init(&ended);
    struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/")),
                                    .kind = METRIC_KIND_SEGMENT,
                                    .sink = FETCH_DRAIN};
    fetch_start(&f.rig.client, &f.trial.fetch, &request);
    fetch_start(&f.rig.client, &queued.fetch, &request);
    request.url = SPAN("ftp://nowhere/");
    fetch_start(&f.rig.client, &ended.fetch, &request);
    fetch_cancel(&queued.fetch);
    fetch_cancel(&ended.fetch);
    fetch_cancel(&f.trial.fetch);
    loop_run_once(f.rig.loop, 10000);
    assert_int_equal(queued.calls + ended.calls + f.trial.calls, 0);
    trial_fini(&queued);
    trial_fini(&ended);
    fixture_close(&f);
}

/* on_done may close its own client. */
static struct net_client *client_to_close;

static void on_done_close(struct fetch *fetch, const struct fetch_result *result)
{
    struct trial *trial = list_entry(fetch, struct trial, fetch);
    net_client_close(client_to_close);
    /* Still there: nothing of the result goes with the client. */
    assert_true(span_equal(result->body, SPAN("hello")));
    trial->done = true;
}

static void test_close_inside_on_done(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_hello, NULL, NULL);
    client_to_close = &f.rig.client;
    f.trial.fetch.on_done = on_done_close;
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/"));
    fixture_close(&f);
}

/* Ports that nobody listens on: bound, so that nobody else gets them, but not listening. */
static uint16_t closed_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static void test_connect_failures(void **state)
{
    (void)state;
    int fd;
    uint16_t port = closed_port(&fd);
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct trial trial;
    trial_init(&trial);
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    rig_get(&rig, &trial, url);
    expect_fail(&trial, FAIL_CONNECT_REFUSED);
    rig_get(&rig, &trial, "http://[ff0e::1]:9/");
    assert_int_equal(fail_info(trial.result.fail)->class, FAIL_CLASS_CONNECT);
    rig_get(&rig, &trial, "ftp://127.0.0.1/");
    expect_fail(&trial, FAIL_CONNECT_FAILED);
    rig_get(&rig, &trial, "/relative");
    expect_fail(&trial, FAIL_CONNECT_FAILED);
    assert_int_equal(rig_count(&rig, METRIC_FAILURES), 4);
    assert_int_equal(rig_count(&rig, METRIC_TCP_CONNECTS), 0);
    trial_fini(&trial);
    rig_close(&rig);
    close(fd);
}

/* A source address of another family cannot be used; one of no interface cannot be bound. */
static void test_sources(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, "127.0.0.1", serve_hello, NULL, NULL);
    union net_address sources[2];
    net_address_parse(SPAN("::1"), 0, &sources[0]);
    net_address_parse(SPAN("192.0.2.1"), 0, &sources[1]);
    struct net_options options = {.sources = sources, .source_count = 1};
    struct rig rig;
    struct trial trial;
    trial_init(&trial);
    rig_open(&rig, &options, NULL);
    rig_get(&rig, &trial, url_of(&server, "/"));
    expect_fail(&trial, FAIL_NONE);
    rig_close(&rig);
    options.sources = &sources[1];
    rig_open(&rig, &options, NULL);
    rig_get(&rig, &trial, url_of(&server, "/"));
    expect_fail(&trial, FAIL_CONNECT_FAILED);
    rig_close(&rig);
    trial_fini(&trial);
    server_stop(&server);
    server_free_log(&server);
}

/* Answers with the last number of the client's address. */
static void serve_source(struct server_connection *c)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    getpeername(c->fd, (struct sockaddr *)&peer, &size);
    char response[128];
    snprintf(response, sizeof(response), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%u",
             ntohl(peer.sin_addr.s_addr) & 0xff);
    while (server_read(c) && server_print(c, response)) {
    }
}

/* Viewers take the source addresses in turn, and each keeps its own. */
static void test_sources_in_turn(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, "127.0.0.1", serve_source, NULL, NULL);
    union net_address sources[3];
    net_address_parse(SPAN("127.0.0.7"), 0, &sources[0]);
    net_address_parse(SPAN("::1"), 0, &sources[1]);
    net_address_parse(SPAN("127.0.0.8"), 0, &sources[2]);
    struct net_options options = {.sources = sources, .source_count = 3};
    struct rig rig;
    struct trial trial;
    trial_init(&trial);
    rig_open(&rig, &options, NULL);
    static const struct net_client_options none = {0};
    static const char *const expected[] = {"7", "8", "8", "7"};
    for (int i = 0; i < 4; i++) {
        for (int again = 0; again < 2; again++) {
            rig_get(&rig, &trial, url_of(&server, "/"));
            expect_fail(&trial, FAIL_NONE);
            assert_string_equal(trial.body, expected[i]);
        }
        net_client_close(&rig.client);
        net_client_open(&rig.client, rig.worker, &none);
    }
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
}

/* Two downloads share a paced line: neither waits for the other to end. */
static void test_pace_is_shared(void **state)
{
    (void)state;
    struct plan plan = {.length = 300000, .piece = 300000};
    struct fixture f;
    struct net_client_options options = {.bytes_per_s = 1000000};
    fixture_open(&f, serve_plan, &plan, &options);
    struct trial other;
    trial_init(&other);
    struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/")),
                                    .kind = METRIC_KIND_SEGMENT,
                                    .sink = FETCH_DRAIN};
    fetch_start(&f.rig.client, &f.trial.fetch, &request);
    fetch_start(&f.rig.client, &other.fetch, &request);
    rig_run_until(&f.rig, &f.trial.done);
    rig_run_until(&f.rig, &other.done);
    expect_fail(&f.trial, FAIL_NONE);
    expect_fail(&other, FAIL_NONE);
    /* Turn by turn in reads of 100 ms each, the first to end has seen two of the other's. */
    assert_in_range(f.trial.result.phases.total_us, 350000, 2500000);
    assert_in_range(other.result.phases.total_us, 350000, 2500000);
    trial_fini(&other);
    fixture_close(&f);
}

static void test_descriptors_spent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_hello, NULL, NULL);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    struct rlimit none = limit;
    int lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);
    none.rlim_cur = (rlim_t)lowest;
    close(lowest);
    setrlimit(RLIMIT_NOFILE, &none);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/"));
    setrlimit(RLIMIT_NOFILE, &limit);
    expect_fail(&f.trial, FAIL_DESCRIPTORS_SPENT);
    rig_get(&f.rig, &f.trial, url_of(&f.server, "/"));
    expect_fail(&f.trial, FAIL_NONE);
    fixture_close(&f);
}

static void test_memory_spent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, serve_nothing, NULL, NULL);
    enum { MANY = 256 };
    static struct fetch fetches[MANY];
    int started = 0;
    struct fetch_request request = {.url = span_from_string(url_of(&f.server, "/")),
                                    .kind = METRIC_KIND_SEGMENT,
                                    .sink = FETCH_DRAIN};
    for (int i = 0; i < MANY; i++) {
        fetch_init(&fetches[i], NULL);
        enum fail fail = fetch_start(&f.rig.client, &fetches[i], &request);
        started += fail == FAIL_NONE;
        assert_true(fail == FAIL_NONE || fail == FAIL_MEMORY_SPENT);
    }
    assert_true(started > 0 && started < MANY);
    assert_int_equal(rig_failures(&f.rig, FAIL_MEMORY_SPENT), MANY - started);
    fixture_close(&f);
}

static void test_request_details(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, "127.0.0.1", serve_hello, NULL, NULL);
    struct net_options options = {.extra_headers = "Referer: http://r/\r\n",
                                  .user_agent = "worker/1"};
    struct net_client_options client_options = {.user_agent = "viewer/2"};
    struct rig rig;
    rig_open(&rig, &options, &client_options);
    struct trial trial;
    trial_init(&trial);
    int64_t intended_us = clock_monotonic_us() - 250000;
    struct fetch_request request = {.url = span_from_string(url_of(&server, "?a b#frag")),
                                    .headers = SPAN("X-One: 1\r\n"),
                                    .kind = METRIC_KIND_MULTIVARIANT,
                                    .sink = FETCH_COLLECT,
                                    .intended_us = intended_us};
    rig_fetch(&rig, &trial, &request);
    expect_fail(&trial, FAIL_NONE);
    assert_int_equal(trial.result.started_us, intended_us);
    assert_true(trial.result.phases.queue_us >= 250000);
    assert_true(trial.result.phases.total_us >= trial.result.phases.queue_us);
    assert_true(trial.result.done_us >= trial.result.written_us);
    assert_int_equal(ntohs(trial.result.address.in.sin_port), server.port);
    char expected[512];
    snprintf(
        expected, sizeof(expected),
        "GET /?a%%20b HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: viewer/2\r\n"
        "Accept: */*\r\nAccept-Encoding: gzip, br\r\nReferer: http://r/\r\nX-One: 1\r\n\r\n",
        server.port);
    assert_string_equal(server.log[0], expected);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
}

static void test_bad_extra_headers(void **state)
{
    (void)state;
    static const char *const bad[] = {"no colon\r\n", "A: b", "A: b\nC: d\r\n", "A b: c\r\n",
                                      "\r\n"};
    struct loop *loop = loop_new();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]) - 1; i++) {
        struct net_options options = {.extra_headers = bad[i]};
        struct err err = {0};
        assert_null(net_worker_open(loop, NULL, &options, 0, &err));
        assert_int_equal(err.kind, ERR_USAGE);
    }
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_is_reused),
        cmocka_unit_test(test_keepalive_race_is_retried),
        cmocka_unit_test(test_new_connection_is_not_retried),
        cmocka_unit_test(test_idle_close_is_noticed),
        cmocka_unit_test(test_queue_and_limit),
        cmocka_unit_test(test_idle_connection_makes_room),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_bodies_and_checks),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_queued_and_ended),
        cmocka_unit_test(test_close_inside_on_done),
        cmocka_unit_test(test_connect_failures),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_sources_in_turn),
        cmocka_unit_test(test_pace_is_shared),
        cmocka_unit_test(test_descriptors_spent),
        cmocka_unit_test(test_memory_spent),
        cmocka_unit_test(test_request_details),
        cmocka_unit_test(test_bad_extra_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
