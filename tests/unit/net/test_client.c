/* What a client does around its fetches: connections kept and queued for, redirects, cookies,
 * headers, source addresses, cancelling, shortages. What it makes of bodies: test_bodies.c. */
#include "base/clock.h"
#include "fixture.h"
#include "loop/loop.h"

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

static bool asked_for(const struct server_connection *c, const char *path)
{
    size_t len = strlen(path);
    return strncmp(c->head, "GET ", 4) == 0 && strncmp(c->head + 4, path, len) == 0 &&
           c->head[4 + len] == ' ';
}

static void test_connection_is_reused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, fixture_serve_hello, NULL, NULL);
    for (int i = 0; i < 5; i++) {
        rig_get(&f.rig, &f.trial, server_url(&f.server, "/x"));
        trial_expect(&f.trial, FAIL_NONE);
        assert_int_equal(f.trial.result.reused, i > 0);
        assert_string_equal(f.trial.url, server_url(&f.server, "/x"));
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

/* Answers by the path: /404 and /302, which leads to /x, and otherwise "hello". */
static void serve_statuses(struct server_connection *c)
{
    bool open = true;
    while (open && server_read(c)) {
        if (asked_for(c, "/404")) {
            open = server_print(c, "HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\ngone");
        } else if (asked_for(c, "/302")) {
            open = server_print(c, "HTTP/1.1 302 There\r\nLocation: /x\r\n"
                                   "Content-Length: 0\r\n\r\n");
        } else {
            open = server_hello(c);
        }
    }
}

/* What the request wants of its connection decides whether the next one needs another. */
static void test_connection_is_kept_as_told(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum fetch_keep keep;
        enum fail fail;
        uint32_t connects; /* for it and the request after it */
    } rows[] = {
        {"/x", FETCH_KEEP, FAIL_NONE, 1},        {"/404", FETCH_KEEP, FAIL_STATUS_4XX, 1},
        {"/x", FETCH_KEEP_GOOD, FAIL_NONE, 1},   {"/404", FETCH_KEEP_GOOD, FAIL_STATUS_4XX, 2},
        {"/302", FETCH_KEEP_GOOD, FAIL_NONE, 1}, {"/x", FETCH_KEEP_NOT, FAIL_NONE, 2},
        {"/302", FETCH_KEEP_NOT, FAIL_NONE, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        fixture_open(&f, serve_statuses, NULL, NULL);
        const struct fetch_request request = {
            .url = span_from_string(server_url(&f.server, rows[i].path)),
            .kind = METRIC_KIND_SEGMENT,
            .sink = FETCH_DRAIN,
            .keep = rows[i].keep};
        rig_fetch(&f.rig, &f.trial, &request);
        trial_expect(&f.trial, rows[i].fail);
        /* Closing it loses nothing of what came. */
        assert_int_equal(f.trial.result.media_bytes, rows[i].fail == FAIL_NONE ? 5 : 4);
        rig_get(&f.rig, &f.trial, server_url(&f.server, "/y"));
        trial_expect(&f.trial, FAIL_NONE);
        if (rig_count(&f.rig, METRIC_TCP_CONNECTS) != rows[i].connects) {
            fail_msg("row %zu: %llu connections, expected %u", i,
                     (unsigned long long)rig_count(&f.rig, METRIC_TCP_CONNECTS),
                     rows[i].connects);
        }
        assert_int_equal(rig_count(&f.rig, METRIC_KEEPALIVE_RETRIES), 0);
        assert_int_equal(rig_count(&f.rig, METRIC_BODIES_ABORTED), 0);
        fixture_close(&f);
    }
}

static void test_accept_encoding_as_told(void **state)
{
    (void)state;
    static const struct {
        const char *told, *sent;
        enum fetch_sink sink;
        bool has_range;
    } rows[] = {
        {NULL, "\r\nAccept-Encoding: gzip, br\r\n", FETCH_COLLECT, false},
        {"gzip, deflate", "\r\nAccept-Encoding: gzip, deflate\r\n", FETCH_COLLECT, false},
        {"", NULL, FETCH_COLLECT, false},
        {"gzip", NULL, FETCH_COLLECT, true},
        {"gzip", NULL, FETCH_DRAIN, false},
    };
    struct fixture f;
    fixture_open(&f, fixture_serve_hello, NULL, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct fetch_request request = {.url =
                                                  span_from_string(server_url(&f.server, "/x")),
                                              .kind = METRIC_KIND_MEDIA_PLAYLIST,
                                              .sink = rows[i].sink,
                                              .accept_encoding = rows[i].told,
                                              .has_range = rows[i].has_range,
                                              .range_optional = true,
                                              .range_last = UINT64_MAX};
        rig_fetch(&f.rig, &f.trial, &request);
        trial_expect(&f.trial, FAIL_NONE);
        const char *head = f.server.log[i];
        assert_true(rows[i].sent != NULL ? strstr(head, rows[i].sent) != NULL
                                         : strstr(head, "Accept-Encoding") == NULL);
    }
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
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/1"));
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/2"));
    trial_expect(&f.trial, FAIL_NONE);
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
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/1"));
    trial_expect(&f.trial, FAIL_CLOSED_BEFORE_RESPONSE);
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
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/1"));
    rig_run_until_true(&f.rig, no_connection, f.rig.worker);
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/2"));
    trial_expect(&f.trial, FAIL_NONE);
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
    fixture_open(&f, fixture_serve_hello, NULL, &options);
    struct trial trials[4];
    for (int i = 0; i < 4; i++) {
        trial_init(&trials[i]);
        struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/q")),
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
        trial_expect(&trials[i], FAIL_NONE);
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
    fixture_open(&f, fixture_serve_hello, NULL, &options);
    struct server other;
    server_start(&other, "127.0.0.1", fixture_serve_hello, NULL, NULL);
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/"));
    rig_get(&f.rig, &f.trial, server_url(&other, "/"));
    trial_expect(&f.trial, FAIL_NONE);
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
                     server_url(other, "/end page"));
        } else {
            snprintf(response, sizeof(response),
                     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        }
        if (!server_print(c, response)) {
            return;
        }
    }
}

static void get_over(struct fixture *f, struct trial *trial, uint8_t connection,
                     enum fetch_keep keep)
{
    const struct fetch_request request = {.url = span_from_string(server_url(&f->server, "/n")),
                                          .kind = METRIC_KIND_SEGMENT,
                                          .keep = keep,
                                          .connection = connection};
    assert_int_equal(fetch_start(&f->rig.client, &trial->fetch, &request), FAIL_NONE);
}

/* Requests of one number go over one connection, one after the other; those of another do not
 * wait for them, nor share it when it is idle. */
static void test_numbered_connections(void **state)
{
    (void)state;
    static const uint8_t numbers[] = {1, 1, 2, 1};
    struct fixture f;
    struct net_client_options options = {.connections = 4};
    fixture_open(&f, fixture_serve_hello, NULL, &options);
    struct trial trials[4];
    for (int i = 0; i < 4; i++) {
        trial_init(&trials[i]);
        get_over(&f, &trials[i], numbers[i], FETCH_KEEP);
    }
    struct net_usage usage;
    net_worker_usage(f.rig.worker, &usage);
    assert_int_equal(usage.connections, 2);
    rig_run_until_true(&f.rig, all_done, trials);
    for (int i = 0; i < 4; i++) {
        trial_expect(&trials[i], FAIL_NONE);
        assert_int_equal(trials[i].result.reused, i == 1 || i == 3);
        trial_fini(&trials[i]);
    }
    assert_int_equal(rig_count(&f.rig, METRIC_TCP_CONNECTS), 2);
    /* One of no number takes neither. */
    get_over(&f, &f.trial, 0, FETCH_KEEP);
    rig_run_until(&f.rig, &f.trial.done);
    assert_false(f.trial.result.reused);
    assert_int_equal(rig_count(&f.rig, METRIC_TCP_CONNECTS), 3);
    fixture_close(&f);
}

/* A connection that its request does not keep is gone after it. */
static void test_connection_is_not_kept(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, fixture_serve_hello, NULL, NULL);
    get_over(&f, &f.trial, 0, FETCH_KEEP_NOT);
    rig_run_until(&f.rig, &f.trial.done);
    trial_expect(&f.trial, FAIL_NONE);
    assert_true(no_connection(f.rig.worker));
    assert_int_equal(rig_count(&f.rig, METRIC_CONNECTIONS_CLOSED), 1);
    fixture_close(&f);
}

static void test_redirects(void **state)
{
    (void)state;
    struct server other;
    server_start(&other, "::1", fixture_serve_hello, NULL, NULL);
    struct server server;
    server_start(&server, "127.0.0.1", serve_redirects, &other, NULL);
    struct net_options options = {.extra_headers =
                                      "authorization: Basic eA==\r\nX-Token: 7\r\n"};
    struct rig rig;
    rig_open(&rig, &options, NULL);
    struct trial trial;
    trial_init(&trial);
    rig_get(&rig, &trial, server_url(&server, "/start"));
    trial_expect(&trial, FAIL_NONE);
    assert_string_equal(trial.body, "hello");
    assert_string_equal(trial.url, server_url(&other, "/end%20page"));
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
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/x"));
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/x?deep"));
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/deep/x"));
    assert_null(strstr(f.server.log[0], "Cookie:"));
    assert_non_null(strstr(f.server.log[1], "Cookie: a=1\r\n"));
    assert_non_null(strstr(f.server.log[2], "Cookie: b=2; a=1\r\n"));
    fixture_close(&f);
    struct net_client_options off = {.cookies_off = true};
    fixture_open(&f, serve_cookies, NULL, &off);
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/x"));
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/x"));
    assert_null(strstr(f.server.log[1], "Cookie:"));
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
        struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/")),
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
    struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/")),
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
    fixture_open(&f, fixture_serve_hello, NULL, NULL);
    client_to_close = &f.rig.client;
    f.trial.fetch.on_done = on_done_close;
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/"));
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
    trial_expect(&trial, FAIL_CONNECT_REFUSED);
    rig_get(&rig, &trial, "http://[ff0e::1]:9/");
    assert_int_equal(fail_info(trial.result.fail)->class, FAIL_CLASS_CONNECT);
    rig_get(&rig, &trial, "ftp://127.0.0.1/");
    trial_expect(&trial, FAIL_CONNECT_FAILED);
    rig_get(&rig, &trial, "/relative");
    trial_expect(&trial, FAIL_CONNECT_FAILED);
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
    server_start(&server, "127.0.0.1", fixture_serve_hello, NULL, NULL);
    union net_address sources[2];
    net_address_parse(SPAN("::1"), 0, &sources[0]);
    net_address_parse(SPAN("192.0.2.1"), 0, &sources[1]);
    struct net_options options = {.sources = sources, .source_count = 1};
    struct rig rig;
    struct trial trial;
    trial_init(&trial);
    rig_open(&rig, &options, NULL);
    rig_get(&rig, &trial, server_url(&server, "/"));
    trial_expect(&trial, FAIL_NONE);
    rig_close(&rig);
    options.sources = &sources[1];
    rig_open(&rig, &options, NULL);
    rig_get(&rig, &trial, server_url(&server, "/"));
    trial_expect(&trial, FAIL_CONNECT_FAILED);
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
            rig_get(&rig, &trial, server_url(&server, "/"));
            trial_expect(&trial, FAIL_NONE);
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

static void test_descriptors_spent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, fixture_serve_hello, NULL, NULL);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    struct rlimit none = limit;
    int lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);
    none.rlim_cur = (rlim_t)lowest;
    close(lowest);
    setrlimit(RLIMIT_NOFILE, &none);
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/"));
    setrlimit(RLIMIT_NOFILE, &limit);
    trial_expect(&f.trial, FAIL_DESCRIPTORS_SPENT);
    rig_get(&f.rig, &f.trial, server_url(&f.server, "/"));
    trial_expect(&f.trial, FAIL_NONE);
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
    struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/")),
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

static void serve_megabyte(struct server_connection *c)
{
    static char body[1 << 20];
    while (server_read(c)) {
        if (!server_print(c, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n") ||
            !server_write(c, body, sizeof(body))) {
            return;
        }
    }
}

/* A megabyte does not fit into what bodies may take in all; nothing of it stays behind. */
static void test_bodies_are_bounded_together(void **state)
{
    (void)state;
    struct server server;
    memset(&server, 0, sizeof(server));
    server_start(&server, "127.0.0.1", serve_megabyte, NULL, NULL);
    struct net_options options = {.bodies_limit_bytes = 600000};
    struct rig rig;
    rig_open(&rig, &options, NULL);
    for (int i = 0; i < 2; i++) {
        struct trial trial;
        trial_init(&trial);
        struct fetch_request request = {.url = span_from_string(server_url(&server, "/")),
                                        .kind = METRIC_KIND_MEDIA_PLAYLIST};
        rig_fetch(&rig, &trial, &request);
        assert_int_equal(trial.result.fail, FAIL_MEMORY_SPENT);
        struct net_usage usage;
        net_worker_usage(rig.worker, &usage);
        assert_int_equal(usage.buffer_bytes, 0);
        trial_fini(&trial);
    }
    assert_int_equal(rig_failures(&rig, FAIL_MEMORY_SPENT), 2);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
}

static void test_request_details(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, "127.0.0.1", fixture_serve_hello, NULL, NULL);
    struct net_options options = {.extra_headers = "Referer: http://r/\r\n",
                                  .user_agent = "worker/1"};
    struct net_client_options client_options = {.user_agent = "viewer/2"};
    struct rig rig;
    rig_open(&rig, &options, &client_options);
    struct trial trial;
    trial_init(&trial);
    int64_t intended_us = clock_monotonic_us() - 250000;
    struct fetch_request request = {.url = span_from_string(server_url(&server, "?a b#frag")),
                                    .headers = SPAN("X-One: 1\r\n"),
                                    .kind = METRIC_KIND_MULTIVARIANT,
                                    .sink = FETCH_COLLECT,
                                    .intended_us = intended_us};
    rig_fetch(&rig, &trial, &request);
    trial_expect(&trial, FAIL_NONE);
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
        cmocka_unit_test(test_connection_is_kept_as_told),
        cmocka_unit_test(test_accept_encoding_as_told),
        cmocka_unit_test(test_keepalive_race_is_retried),
        cmocka_unit_test(test_new_connection_is_not_retried),
        cmocka_unit_test(test_idle_close_is_noticed),
        cmocka_unit_test(test_queue_and_limit),
        cmocka_unit_test(test_idle_connection_makes_room),
        cmocka_unit_test(test_numbered_connections),
        cmocka_unit_test(test_connection_is_not_kept),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_queued_and_ended),
        cmocka_unit_test(test_close_inside_on_done),
        cmocka_unit_test(test_connect_failures),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_sources_in_turn),
        cmocka_unit_test(test_descriptors_spent),
        cmocka_unit_test(test_memory_spent),
        cmocka_unit_test(test_bodies_are_bounded_together),
        cmocka_unit_test(test_request_details),
        cmocka_unit_test(test_bad_extra_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
