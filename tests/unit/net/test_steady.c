/* The steady path over plain HTTP calls malloc not once, and an idle connection holds no
 * buffer. Linked with malloc and its kin wrapped. */
#include "loop/loop.h"
#include "net/conn.h"
#include "rig.h"
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of this thread alone: the server's threads allocate as they like. */
static _Thread_local volatile bool counting;
static _Thread_local volatile int allocations; /* compilers think malloc touches nothing */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations += counting;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations += counting;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    allocations += counting;
    return __real_realloc(ptr, size);
}

enum {
    ROUNDS = 50,
    PLAYLIST_BYTES = 20000,
    SEGMENT_BYTES = 300000,
};

/* Playlists come in two pieces, so that a body is gathered from several reads. */
static void serve(struct server_connection *c)
{
    static const char body[SEGMENT_BYTES];
    while (server_read(c)) {
        bool segment = strncmp(c->head, "GET /segment", 12) == 0;
        size_t len = segment ? SEGMENT_BYTES : PLAYLIST_BYTES;
        char head[128];
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
        if (!server_print(c, head) || !server_write(c, body, 3000) ||
            (!segment && server_wait_close(c, 2)) || !server_write(c, body, len - 3000)) {
            return;
        }
    }
}

/* Does not copy the result, unlike the rig's. */
struct steady {
    struct fetch fetch;
    bool done;
    enum fail fail;
    uint64_t bytes;
};

static void on_done(struct fetch *fetch, const struct fetch_result *result)
{
    struct steady *s = list_entry(fetch, struct steady, fetch);
    s->done = true;
    s->fail = result->fail;
    s->bytes = result->media_bytes;
}

static enum fail check(struct fetch *fetch, struct span first_bytes)
{
    (void)fetch;
    return first_bytes.len == FETCH_CHECK_BYTES ? FAIL_NONE : FAIL_NOT_MEDIA;
}

static void get(struct rig *rig, struct steady *s, const char *url, enum fetch_sink sink)
{
    struct fetch_request request = {.url = span_from_string(url),
                                    .kind = METRIC_KIND_SEGMENT,
                                    .sink = sink,
                                    .check = check};
    s->done = false;
    assert_int_equal(fetch_start(&rig->client, &s->fetch, &request), FAIL_NONE);
    rig_run_until(rig, &s->done);
    assert_int_equal(s->fail, FAIL_NONE);
    assert_int_equal(s->bytes, sink == FETCH_DRAIN ? SEGMENT_BYTES : PLAYLIST_BYTES);
}

static void test_no_malloc(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, "127.0.0.1", serve, NULL, NULL);
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct steady s;
    fetch_init(&s.fetch, on_done);
    char playlist[64];
    char segment[64];
    snprintf(playlist, sizeof(playlist), "http://127.0.0.1:%u/playlist", server.port);
    snprintf(segment, sizeof(segment), "http://127.0.0.1:%u/segment", server.port);
    for (int i = 0; i < ROUNDS; i++) {
        /* The first round warms up: peer, blocks, the loop's heap. */
        counting = i > 0;
        get(&rig, &s, playlist, FETCH_COLLECT);
        get(&rig, &s, segment, FETCH_DRAIN);
        counting = false;
        struct net_usage usage;
        net_worker_usage(rig.worker, &usage);
        assert_int_equal(usage.buffer_bytes, 0);
        assert_int_equal(usage.fetches, 0);
        assert_int_equal(usage.connections, 1);
    }
    assert_int_equal(allocations, 0);
    assert_int_equal(rig_count(&rig, METRIC_TCP_CONNECTS), 1);
    /* What counts the allocations does count. */
    counting = true;
    char *volatile probe = malloc(1);
    counting = false;
    free(probe);
    assert_int_equal(allocations, 1);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
}

static void test_idle_bytes(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct net_usage usage;
    net_worker_usage(rig.worker, &usage);
    assert_int_equal(usage.connection_bytes, sizeof(struct conn));
    assert_in_range(usage.connection_bytes + sizeof(struct net_client), 1, 1024);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_malloc),
        cmocka_unit_test(test_idle_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
