/* What caches say, as they say it. */
#include "net/cache_status.h"

#include "net/http1.h"
#include "rig.h"
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *cloudflare; /* NULL: absent */
    const char *x_cache;
    int64_t age_s;
    enum cache_status expected;
};

#define SILENT CACHE_STATUS_SILENT
#define HIT    CACHE_STATUS_HIT
#define MISS   CACHE_STATUS_MISS

static const struct row rows[] = {
    {NULL, NULL, -1, SILENT},
    {NULL, NULL, 0, SILENT},
    {NULL, NULL, 1, HIT},
    {NULL, "", 0, SILENT},
    {NULL, "HIT", -1, HIT},
    {NULL, "hit", 0, HIT},
    {NULL, "Miss", -1, MISS},
    {NULL, "MISS", 20, MISS},
    {NULL, "Hit from cloudfront", -1, HIT},
    {NULL, "Miss from cloudfront", -1, MISS},
    {NULL, "RefreshHit from cloudfront", -1, HIT},
    {NULL, "Error from cloudfront", -1, SILENT},
    {NULL, "Error from cloudfront", 3, HIT},
    {NULL, "TCP_HIT from a23-1-2-3.deploy.example (AkamaiGHost/10.1)", -1, HIT},
    {NULL, "TCP_MEM_HIT from a23-1-2-3", -1, HIT},
    {NULL, "TCP_REFRESH_MISS from a23-1-2-3", -1, MISS},
    {NULL, "TCP_DENIED from a23-1-2-3", -1, SILENT},
    {NULL, "MISS from squid.example:3128", -1, MISS},
    {NULL, "HIT, MISS", -1, MISS},
    {NULL, "MISS, HIT", -1, HIT},
    {NULL, "MISS,MISS,HIT", -1, HIT},
    {NULL, "HIT,\tMISS , ", -1, MISS},
    {NULL, " , ,", -1, SILENT},
    {NULL, "HIT, who knows", -1, SILENT},
    {NULL, "cp3066 miss, cp3066 hit/4", -1, HIT},
    {NULL, "cp3066 hit/4, cp3066 pass", -1, MISS},
    {NULL, "HIT:2", -1, HIT},
    {NULL, "BYPASS", -1, MISS},
    {NULL, "EXPIRED", -1, MISS},
    {NULL, "STALE", -1, HIT},
    {NULL, "UPDATING", -1, HIT},
    {NULL, "REVALIDATED", -1, HIT},
    {NULL, "white", -1, SILENT},
    {NULL, "hitman", -1, SILENT},
    {"HIT", NULL, -1, HIT},
    {"MISS", NULL, 5, MISS},
    {"EXPIRED", NULL, -1, MISS},
    {"BYPASS", NULL, -1, MISS},
    {"DYNAMIC", NULL, -1, MISS},
    {"REVALIDATED", NULL, -1, HIT},
    {"UPDATING", NULL, -1, HIT},
    {"STALE", NULL, -1, HIT},
    {"hit", "MISS", -1, HIT},
    {"DYNAMIC", "HIT", 9, MISS},
    {"NONE", "HIT", -1, HIT},
    {"UNKNOWN", NULL, -1, SILENT},
};

static struct span span_or_none(const char *text)
{
    return text == NULL ? span_of(NULL, 0) : span_from_string(text);
}

static void test_what_caches_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        enum cache_status got = cache_status_of(span_or_none(row->cloudflare),
                                                span_or_none(row->x_cache), row->age_s);
        if (got != row->expected) {
            fail_msg("CF-Cache-Status %s, X-Cache %s, Age %d: %d instead of %d",
                     row->cloudflare != NULL ? row->cloudflare : "-",
                     row->x_cache != NULL ? row->x_cache : "-", (int)row->age_s, (int)got,
                     (int)row->expected);
        }
    }
}

/* Lines of the same name are a list in their order (RFC 9110 section 5.3): the last line holds
 * the last item. */
static void test_fields_of_a_head(void **state)
{
    (void)state;
    struct http1_response response;
    assert_int_equal(http1_parse_response(SPAN("HTTP/1.1 200 OK\r\n"
                                               "x-cache: MISS from shield\r\n"
                                               "Age: 7\r\n"
                                               "CF-CACHE-STATUS:  DYNAMIC \r\n"
                                               "X-CACHE: HIT from edge\r\n"
                                               "X-Cached: MISS\r\n"
                                               "Content-Length: 0\r\n\r\n"),
                                          &response),
                     0);
    assert_true(span_equal(response.x_cache, SPAN("HIT from edge")));
    assert_true(span_equal(response.cf_cache_status, SPAN("DYNAMIC")));
    assert_int_equal(response.age_s, 7);
    assert_int_equal(http1_parse_response(SPAN("HTTP/1.1 200 OK\r\n\r\n"), &response), 0);
    assert_int_equal(response.x_cache.len, 0);
    assert_int_equal(response.cf_cache_status.len, 0);
}

/* Serves its user's text: all of a response. */
static void serve_text(struct server_connection *c)
{
    while (server_read(c)) {
        if (strstr(c->head, "GET /moved ") != NULL) {
            if (!server_print(c, "HTTP/1.1 302 Found\r\nLocation: /there\r\nX-Cache: MISS\r\n"
                                 "Content-Length: 0\r\n\r\n")) {
                return;
            }
        } else if (!server_print(c, c->server->user)) {
            return;
        }
    }
}

struct counted {
    const char *path;
    enum metric_kind kind;
    const char *fields;
    const char *text; /* of the result */
    enum cache_status status;
    uint64_t hits, misses;
};

static const struct counted counted[] = {
    {"/a", METRIC_KIND_SEGMENT, "X-Cache: HIT\r\n", "HIT", HIT, 1, 0},
    {"/a", METRIC_KIND_INIT_SECTION, "X-Cache: MISS\r\n", "MISS", MISS, 0, 1},
    {"/a", METRIC_KIND_MULTIVARIANT, "Age: 3\r\n", "", HIT, 1, 0},
    {"/a", METRIC_KIND_MEDIA_PLAYLIST, "CF-Cache-Status: DYNAMIC\r\nX-Cache: HIT\r\n",
     "DYNAMIC", MISS, 0, 1},
    {"/a", METRIC_KIND_SEGMENT, "Server: none\r\n", "", SILENT, 0, 0},
    {"/a", METRIC_KIND_KEY, "X-Cache: HIT\r\n", "HIT", HIT, 0, 0},
    {"/a", METRIC_KIND_OTHER, "X-Cache: MISS\r\n", "MISS", MISS, 0, 0},
    {"/moved", METRIC_KIND_SEGMENT, "X-Cache: HIT\r\n", "HIT", HIT, 1, 0},
    {"/moved", METRIC_KIND_SEGMENT, "Server: none\r\n", "", SILENT, 0, 0},
    {"/a", METRIC_KIND_SEGMENT, "X-Cache: HIT\tfrom \xc3\xa9\r\n", "HIT?from ??", HIT, 1, 0},
    {"/a", METRIC_KIND_SEGMENT,
     "X-Cache: TCP_MISS from a-very-long-name-of-a-server-that-nobody-reads-to-its-end\r\n",
     "TCP_MISS from a-very-long-name-of-a-server-that-nobody-reads-to", MISS, 0, 1},
};

static void test_fetches_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
        const struct counted *row = &counted[i];
        char response[512];
        snprintf(response, sizeof response,
                 "HTTP/1.1 200 OK\r\n%sContent-Length: 5\r\n\r\nhello", row->fields);
        struct server server;
        server_start(&server, "127.0.0.1", serve_text, response, NULL);
        struct rig rig;
        rig_open(&rig, NULL, NULL);
        struct trial trial;
        trial_init(&trial);
        struct fetch_request request = {.url = span_from_string(server_url(&server, row->path)),
                                        .kind = row->kind,
                                        .sink = FETCH_DRAIN};
        rig_fetch(&rig, &trial, &request);
        assert_int_equal(trial.result.fail, FAIL_NONE);
        assert_int_equal(trial.result.cache_status, row->status);
        assert_string_equal(trial.cache, row->text);
        assert_int_equal(rig_count(&rig, METRIC_CACHE_HITS), row->hits);
        assert_int_equal(rig_count(&rig, METRIC_CACHE_MISSES), row->misses);
        trial_fini(&trial);
        rig_close(&rig);
        server_stop(&server);
        server_free_log(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_caches_say),
        cmocka_unit_test(test_fields_of_a_head),
        cmocka_unit_test(test_fetches_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
