/* Fault rules: their text, their conditions, their order. */
#include "origin/fault.h"
#include "origin/playlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define START INT64_C(5000000)

static struct fault_set set_of(const char *const *rules, size_t count)
{
    struct fault_set set;
    fault_set_init(&set, 1, START);
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        if (fault_set_add(&set, span_from_string(rules[i]), &err) != 0) {
            print_error("%s: %s\n", rules[i], err.why);
            fail();
        }
    }
    return set;
}

#define SET(...)                               \
    set_of((const char *const[]){__VA_ARGS__}, \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct fault_plan plan_at(struct fault_set *set, const char *path,
                                 enum stream_resource resource, int64_t age_us)
{
    struct fault_plan plan = {0};
    fault_plan_request(set, span_from_string(path), resource, START + age_us, &plan);
    return plan;
}

static void test_glob(void **state)
{
    (void)state;
    static const struct {
        const char *glob, *name;
        bool matches;
    } cases[] = {
        {"*", "", true},
        {"*", "/a/b.ts", true},
        {"", "", true},
        {"", "a", false},
        {"/a/*.ts", "/a/7.ts", true},
        {"/a/*.ts", "/a/b/7.ts", true},
        {"/a/*.ts", "/a/7.m4s", false},
        {"*v?/*", "/live/v0/7.ts", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"**a", "xa", true},
        {"*ab*ab", "abab", true},
        {"*ab*ab", "ab", false},
        {"abc", "abcd", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool got = fault_glob(span_from_string(cases[i].glob), span_from_string(cases[i].name));
        if (got != cases[i].matches) {
            print_error("%s on %s: got %d\n", cases[i].glob, cases[i].name, got);
            fail();
        }
    }
}

static void test_bad_rules(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "",
        "nonsense",
        "status",
        "status=1",
        "status=abc",
        "latency=5",
        "latency",
        "bandwidth=0k",
        "freeze=1",
        "truncate=x",
        "redirect",
        "status=404,p=1.5",
        "status=404,p=x",
        "status=404,after=-1",
        "status=404,count=x",
        "status=404,from=5",
        "status=404,path=",
        "status=404,when=now",
        "status=404,from=2s,to=1s",
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct fault_set set;
        struct err err = {0};
        fault_set_init(&set, 1, 0);
        if (fault_set_add(&set, span_from_string(rules[i]), &err) == 0 ||
            err.kind != ERR_USAGE) {
            print_error("'%s' was taken\n", rules[i]);
            fail();
        }
        fault_set_fini(&set);
    }
}

static void test_after_and_count(void **state)
{
    (void)state;
    struct fault_set set = SET("status=503,after=2,count=3");
    int seen[8];
    for (size_t i = 0; i < 8; i++) {
        seen[i] = plan_at(&set, "/a", STREAM_RESOURCE_SEGMENT, 0).status;
    }
    static const int expected[8] = {0, 0, 503, 503, 503, 0, 0, 0};
    assert_memory_equal(seen, expected, sizeof seen);
    assert_int_equal(set.rules[0].applied, 3);
    assert_int_equal(set.rules[0].matched, 8);
    fault_set_fini(&set);
}

static void test_window_of_time(void **state)
{
    (void)state;
    struct fault_set set = SET("status=404,from=1s,to=2s");
    static const int64_t ages[] = {0, 999999, 1000000, 1999999, 2000000};
    static const int expected[] = {0, 0, 404, 404, 0};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(plan_at(&set, "/a", STREAM_RESOURCE_NONE, ages[i]).status,
                         expected[i]);
    }
    fault_set_fini(&set);
}

static void test_scopes(void **state)
{
    (void)state;
    struct fault_set set = SET("not_playlist", "bad_key", "stale_playlist,path=/a/*");
    assert_int_equal(plan_at(&set, "/b", STREAM_RESOURCE_PLAYLIST, 0).body, FAULT_BODY_HTML);
    assert_int_equal(plan_at(&set, "/b", STREAM_RESOURCE_MULTIVARIANT, 0).body,
                     FAULT_BODY_HTML);
    assert_int_equal(plan_at(&set, "/b", STREAM_RESOURCE_SEGMENT, 0).body, FAULT_BODY_NORMAL);
    assert_int_equal(plan_at(&set, "/b", STREAM_RESOURCE_KEY, 0).body, FAULT_BODY_SHORT_KEY);
    /* Stale as of the first time that it applied. */
    assert_int_equal(plan_at(&set, "/b", STREAM_RESOURCE_PLAYLIST, 9).stale_since_us, 0);
    assert_int_equal(plan_at(&set, "/a/x", STREAM_RESOURCE_PLAYLIST, 10).stale_since_us,
                     START + 10);
    assert_int_equal(plan_at(&set, "/a/x", STREAM_RESOURCE_PLAYLIST, 99).stale_since_us,
                     START + 10);
    fault_set_fini(&set);
}

static void test_own_pages_are_spared(void **state)
{
    (void)state;
    struct fault_set set = SET("status=500");
    assert_int_equal(plan_at(&set, "/_origin/stats.json", STREAM_RESOURCE_NONE, 0).status, 0);
    assert_int_equal(set.rules[0].matched, 0);
    fault_set_fini(&set);
}

static void test_probability(void **state)
{
    (void)state;
    struct fault_set one = SET("status=404,p=0.25");
    struct fault_set two = SET("status=404,p=0.25");
    unsigned hits = 0;
    for (unsigned i = 0; i < 4000; i++) {
        int a = plan_at(&one, "/a", STREAM_RESOURCE_SEGMENT, 0).status;
        int b = plan_at(&two, "/a", STREAM_RESOURCE_SEGMENT, 0).status;
        assert_int_equal(a, b);
        hits += a != 0;
    }
    assert_in_range(hits, 900, 1100);
    fault_set_fini(&one);
    fault_set_fini(&two);
}

static void test_rules_add_up(void **state)
{
    (void)state;
    struct fault_set set = SET("latency=100ms", "latency=50ms", "freeze,to=3s", "long_extinf",
                               "uri_change", "truncate=7");
    struct fault_plan plan = plan_at(&set, "/a", STREAM_RESOURCE_PLAYLIST, 0);
    assert_int_equal(plan.latency_us, 150000);
    assert_int_equal(plan.hold_until_us, START + 3000000);
    assert_int_equal(plan.defects, PLAYLIST_LONG_EXTINF | PLAYLIST_URI_CHANGE);
    assert_int_equal(plan.cut, FAULT_CUT_CLOSE);
    assert_int_equal(plan.cut_after, 7);
    fault_set_fini(&set);
    set = SET("freeze");
    assert_int_equal(plan_at(&set, "/a", STREAM_RESOURCE_KEY, 0).hold_until_us, INT64_MAX);
    fault_set_fini(&set);
}

static void test_redirect_is_not_repeated(void **state)
{
    (void)state;
    struct fault_set set = SET("redirect=/moved");
    assert_int_equal(plan_at(&set, "/a", STREAM_RESOURCE_NONE, 0).redirect,
                     FAULT_REDIRECT_FOLDER);
    assert_int_equal(plan_at(&set, "/moved/a", STREAM_RESOURCE_NONE, 0).redirect,
                     FAULT_REDIRECT_NONE);
    fault_set_fini(&set);
}

static void test_listener_states(void **state)
{
    (void)state;
    struct fault_set set =
        SET("refuse,from=1s,to=2s", "blackhole,from=3s", "tls_silent,count=1");
    assert_int_equal(fault_listener_state(&set, START), FAULT_SPECIAL_NONE);
    assert_int_equal(fault_listener_change_us(&set, START), START + 1000000);
    assert_int_equal(fault_listener_state(&set, START + 1000000), FAULT_LISTENER_REFUSE);
    assert_int_equal(fault_listener_change_us(&set, START + 1000000), START + 2000000);
    assert_int_equal(fault_listener_state(&set, START + 2000000), FAULT_SPECIAL_NONE);
    assert_int_equal(fault_listener_state(&set, START + 3000000), FAULT_LISTENER_BLACKHOLE);
    assert_int_equal(fault_listener_change_us(&set, START + 3000000), INT64_MAX);
    assert_int_equal(fault_plan_special(&set, FAULT_SCOPE_TLS, SPAN(""), START),
                     FAULT_TLS_SILENT);
    assert_int_equal(fault_plan_special(&set, FAULT_SCOPE_TLS, SPAN(""), START),
                     FAULT_SPECIAL_NONE);
    fault_set_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_after_and_count),
        cmocka_unit_test(test_window_of_time),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_own_pages_are_spared),
        cmocka_unit_test(test_probability),
        cmocka_unit_test(test_rules_add_up),
        cmocka_unit_test(test_redirect_is_not_repeated),
        cmocka_unit_test(test_listener_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
