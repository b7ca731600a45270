/* Names: addresses in turn, failover, the TTL, overrides, and every way in which a name server
 * can fail, against a name server of the test's own. */
#include "base/clock.h"
#include "loop/loop.h"
#include "rig.h"
#include "server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TYPE_A = 1,
    TYPE_AAAA = 28,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    SILENT = -1,
};

struct record {
    const char *name;
    const char *v4[4]; /* A records */
    const char *v6[2]; /* AAAA records */
    uint32_t ttl_s;
    int rcode; /* or SILENT */
};

static const struct record records[] = {
    {"one.test", {"127.0.0.1"}, {NULL}, 60, 0},
    {"short.test", {"127.0.0.1"}, {NULL}, 1, 0},
    {"pair.test", {"127.0.0.1", "127.0.0.2"}, {NULL}, 60, 0},
    {"half.test", {"127.0.0.9", "127.0.0.1"}, {NULL}, 60, 0},
    {"six.test", {NULL}, {"::1"}, 60, 0},
    {"dead.test", {"127.0.0.9", "127.0.0.8"}, {NULL}, 60, 0},
    {"nowhere.test", {"240.0.0.1"}, {NULL}, 60, 0},
    {"empty.test", {NULL}, {NULL}, 60, 0},
    {"broken.test", {NULL}, {NULL}, 0, RCODE_SERVFAIL},
    {"silent.test", {NULL}, {NULL}, 0, SILENT},
};

struct dns {
    int fd;
    int stop[2];
    pthread_t thread;
    char servers[64];
    int questions; /* of A records; read after dns_stop, or when nothing is asked */
};

static size_t put_u16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
    return 2;
}

static size_t put_answer(unsigned char *at, int type, uint32_t ttl_s, const char *address)
{
    size_t len = put_u16(at, 0xc00c); /* the name of the question */
    len += put_u16(at + len, (unsigned)type);
    len += put_u16(at + len, 1);
    len += put_u16(at + len, ttl_s >> 16);
    len += put_u16(at + len, ttl_s & 0xffff);
    len += put_u16(at + len, type == TYPE_A ? 4 : 16);
    inet_pton(type == TYPE_A ? AF_INET : AF_INET6, address, at + len);
    return len + (type == TYPE_A ? 4 : 16);
}

/* The name of the question in dotted form; returns the bytes up to its end. */
static size_t read_name(const unsigned char *query, char *name)
{
    size_t at = 12;
    size_t len = 0;
    while (query[at] != 0) {
        memcpy(name + len, query + at + 1, query[at]);
        len += query[at];
        name[len++] = '.';
        at += query[at] + 1u;
    }
    name[len > 0 ? len - 1 : 0] = '\0';
    return at + 1;
}

static void answer(struct dns *dns, unsigned char *query, const struct sockaddr_in *from)
{
    char name[256];
    size_t len = read_name(query, name);
    int type = query[len] << 8 | query[len + 1];
    len += 4;
    const struct record *record = NULL;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        if (strcmp(records[i].name, name) == 0) {
            record = &records[i];
        }
    }
    dns->questions += type == TYPE_A;
    int rcode = record == NULL ? RCODE_NXDOMAIN : record->rcode;
    if (rcode == SILENT) {
        return;
    }
    unsigned count = 0;
    for (int i = 0; record != NULL && type == TYPE_A && i < 4 && record->v4[i] != NULL; i++) {
        len += put_answer(query + len, type, record->ttl_s, record->v4[i]);
        count++;
    }
    for (int i = 0; record != NULL && type == TYPE_AAAA && i < 2 && record->v6[i] != NULL;
         i++) {
        len += put_answer(query + len, type, record->ttl_s, record->v6[i]);
        count++;
    }
    put_u16(query + 2, 0x8180 | (unsigned)rcode);
    put_u16(query + 6, count);
    put_u16(query + 10, 0);
    sendto(dns->fd, query, len, 0, (const struct sockaddr *)from, sizeof(*from));
}

static void *run_dns(void *argument)
{
    struct dns *dns = argument;
    for (;;) {
        struct pollfd wait[2] = {{.fd = dns->fd, .events = POLLIN},
                                 {.fd = dns->stop[0], .events = POLLIN}};
        poll(wait, 2, -1);
        if (wait[1].revents != 0) {
            return NULL;
        }
        unsigned char query[1024] = {0};
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        ssize_t n = recvfrom(dns->fd, query, 512, 0, (struct sockaddr *)&from, &size);
        if (n > 12) {
            answer(dns, query, &from);
        }
    }
}

static void dns_start(struct dns *dns)
{
    memset(dns, 0, sizeof(*dns));
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    dns->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dns->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(dns->fd, (struct sockaddr *)&address, &size), 0);
    snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(pipe(dns->stop), 0);
    assert_int_equal(pthread_create(&dns->thread, NULL, run_dns, dns), 0);
}

static void dns_stop(struct dns *dns)
{
    close(dns->stop[1]);
    pthread_join(dns->thread, NULL);
    close(dns->stop[0]);
    close(dns->fd);
}

static void serve_hello(struct server_connection *c)
{
    while (server_read(c) &&
           server_print(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n"
                           "hello")) {
        return;
    }
}

struct fixture {
    struct dns dns;
    struct server server;
    struct rig rig;
    struct trial trial;
    char url[256];
};

static void fixture_open(struct fixture *f, const struct net_override *overrides,
                         uint32_t override_count, const char *host)
{
    dns_start(&f->dns);
    server_start(&f->server, host, serve_hello, NULL, NULL);
    struct net_options options = {.dns_servers = f->dns.servers,
                                  .dns_timeout_us = 400000,
                                  .connect_timeout_us = 400000,
                                  .overrides = overrides,
                                  .override_count = override_count};
    rig_open(&f->rig, &options, NULL);
    trial_init(&f->trial);
}

static void fixture_close(struct fixture *f)
{
    trial_fini(&f->trial);
    rig_close(&f->rig);
    server_stop(&f->server);
    server_free_log(&f->server);
    dns_stop(&f->dns);
}

static void get(struct fixture *f, const char *host)
{
    snprintf(f->url, sizeof(f->url), "http://%s:%u/", host, f->server.port);
    rig_get(&f->rig, &f->trial, f->url);
}

static void expect_fail(const struct fixture *f, enum fail fail)
{
    if (f->trial.result.fail != fail) {
        fail_msg("%s: failure %s, expected %s", f->url, fail_info(f->trial.result.fail)->label,
                 fail_info(fail)->label);
    }
}

static uint64_t dns_records(const struct fixture *f)
{
    struct shoal_histogram_place place = metric_histograms[METRIC_DNS];
    uint64_t count = 0;
    for (uint32_t i = 0; i < place.bucket_count; i++) {
        count +=
            atomic_load_explicit(&f->rig.lane->words[place.buckets + i], memory_order_relaxed);
    }
    return count;
}

static void test_cache_and_ttl(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "127.0.0.1");
    for (int i = 0; i < 3; i++) {
        get(&f, "ONE.test");
        expect_fail(&f, FAIL_NONE);
        assert_int_equal(f.trial.result.phases.dns_us > 0, i == 0);
    }
    assert_int_equal(f.dns.questions, 1);
    assert_int_equal(rig_count(&f.rig, METRIC_DNS_LOOKUPS), 1);
    assert_int_equal(dns_records(&f), 1);
    get(&f, "short.test");
    int64_t until_us = clock_monotonic_us() + 1100000;
    while (clock_monotonic_us() < until_us) {
        loop_run_once(f.rig.loop, until_us - clock_monotonic_us());
    }
    get(&f, "short.test");
    expect_fail(&f, FAIL_NONE);
    assert_int_equal(rig_count(&f.rig, METRIC_DNS_LOOKUPS), 3);
    fixture_close(&f);
}

static void test_round_robin(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "0.0.0.0");
    uint32_t seen[2] = {0};
    for (int i = 0; i < 6; i++) {
        get(&f, "pair.test");
        expect_fail(&f, FAIL_NONE);
        seen[ntohl(f.trial.result.address.in.sin_addr.s_addr) & 1]++;
    }
    assert_int_equal(seen[0], 3);
    assert_int_equal(seen[1], 3);
    fixture_close(&f);
}

/* The server listens on 127.0.0.1 only: 127.0.0.9 refuses. */
static void test_failover(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "127.0.0.1");
    for (int i = 0; i < 4; i++) {
        get(&f, "half.test");
        expect_fail(&f, FAIL_NONE);
    }
    assert_int_equal(rig_count(&f.rig, METRIC_FAILURES), 0);
    get(&f, "dead.test");
    expect_fail(&f, FAIL_CONNECT_REFUSED);
    get(&f, "nowhere.test");
    assert_int_equal(fail_info(f.trial.result.fail)->class, FAIL_CLASS_CONNECT);
    fixture_close(&f);
}

static void test_ipv6(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "::1");
    get(&f, "six.test");
    expect_fail(&f, FAIL_NONE);
    assert_int_equal(f.trial.result.address.family, AF_INET6);
    get(&f, "[::1]");
    expect_fail(&f, FAIL_NONE);
    fixture_close(&f);
}

static void test_localhost(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "127.0.0.1");
    get(&f, "localhost");
    expect_fail(&f, FAIL_NONE);
    assert_int_equal(f.dns.questions, 0);
    fixture_close(&f);
}

static void test_failures(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "127.0.0.1");
    get(&f, "unknown.test");
    expect_fail(&f, FAIL_DNS_NOT_FOUND);
    get(&f, "empty.test");
    expect_fail(&f, FAIL_DNS_NOT_FOUND);
    get(&f, "broken.test");
    expect_fail(&f, FAIL_DNS_FAILED);
    get(&f, "silent.test");
    expect_fail(&f, FAIL_DNS_TIMEOUT);
    assert_int_equal(rig_count(&f.rig, METRIC_HTTP_REQUESTS), 0);
    assert_int_equal(rig_count(&f.rig, METRIC_FAILURES), 4);
    fixture_close(&f);
}

static void test_overrides(void **state)
{
    (void)state;
    struct net_override overrides[2] = {{.host = SPAN("Unknown.test")},
                                        {.host = SPAN("broken.test"), .port = 1}};
    net_address_parse(SPAN("127.0.0.1"), 0, &overrides[0].address);
    net_address_parse(SPAN("127.0.0.1"), 0, &overrides[1].address);
    struct fixture f;
    fixture_open(&f, overrides, 2, "127.0.0.1");
    get(&f, "unknown.test");
    expect_fail(&f, FAIL_NONE);
    assert_int_equal(f.dns.questions, 0);
    char host[64];
    snprintf(host, sizeof(host), "\r\nHost: unknown.test:%u\r\n", f.server.port);
    assert_non_null(strstr(f.server.log[0], host));
    get(&f, "broken.test"); /* overridden for another port only */
    expect_fail(&f, FAIL_DNS_FAILED);
    fixture_close(&f);
}

/* Many that wait for one name make one question, and may be cancelled while they wait. */
static void test_waiting_together(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "127.0.0.1");
    static const struct net_client_options none = {0};
    struct net_client clients[4];
    struct trial trials[4];
    snprintf(f.url, sizeof(f.url), "http://one.test:%u/", f.server.port);
    for (int i = 0; i < 4; i++) {
        net_client_open(&clients[i], f.rig.worker, &none);
        trial_init(&trials[i]);
        struct fetch_request request = {
            .url = span_from_string(f.url), .kind = METRIC_KIND_SEGMENT, .sink = FETCH_DRAIN};
        assert_int_equal(fetch_start(&clients[i], &trials[i].fetch, &request), FAIL_NONE);
    }
    fetch_cancel(&trials[1].fetch);
    net_client_close(&clients[2]);
    rig_run_until(&f.rig, &trials[0].done);
    rig_run_until(&f.rig, &trials[3].done);
    assert_int_equal(f.dns.questions, 1);
    assert_int_equal(trials[0].result.fail, FAIL_NONE);
    assert_int_equal(trials[3].result.fail, FAIL_NONE);
    assert_int_equal(trials[1].calls + trials[2].calls, 0);
    for (int i = 0; i < 4; i++) {
        net_client_close(&clients[i]);
        trial_fini(&trials[i]);
    }
    fixture_close(&f);
}

/* A worker may close while a question is out. */
static void test_close_while_asking(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL, 0, "127.0.0.1");
    struct fetch_request request = {
        .url = SPAN("http://silent.test/"), .kind = METRIC_KIND_SEGMENT, .sink = FETCH_DRAIN};
    assert_int_equal(fetch_start(&f.rig.client, &f.trial.fetch, &request), FAIL_NONE);
    loop_run_once(f.rig.loop, 1000);
    fixture_close(&f);
    assert_int_equal(f.trial.calls, 0);
}

/* A listener whose queue is full answers no more: connecting takes too long. */
static void test_connect_timeout(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    int fillers[4];
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, size);
    }
    struct rig rig;
    struct net_options options = {.connect_timeout_us = 300000};
    rig_open(&rig, &options, NULL);
    struct trial trial;
    trial_init(&trial);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    rig_get(&rig, &trial, url);
    assert_int_equal(trial.result.fail, FAIL_CONNECT_TIMEOUT);
    assert_true(trial.result.phases.total_us >= 300000);
    trial_fini(&trial);
    rig_close(&rig);
    for (int i = 0; i < 4; i++) {
        close(fillers[i]);
    }
    close(listener);
}

static void test_bad_server_list(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct net_options options = {.dns_servers = "not an address"};
    struct err err = {0};
    assert_null(net_worker_open(loop, NULL, &options, 0, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_and_ttl),      cmocka_unit_test(test_round_robin),
        cmocka_unit_test(test_failover),           cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_localhost),          cmocka_unit_test(test_failures),
        cmocka_unit_test(test_overrides),          cmocka_unit_test(test_waiting_together),
        cmocka_unit_test(test_close_while_asking), cmocka_unit_test(test_connect_timeout),
        cmocka_unit_test(test_bad_server_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
