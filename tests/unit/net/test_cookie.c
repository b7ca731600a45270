/* Cookies: parsing, dates, matching, expiry, order, bounds. */
#include "net/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000LL

/* 2020-01-01T00:00:00Z */
#define NOW (1577836800LL * S)

static struct cookie_place place_of(const char *url)
{
    /* "https://host/path" or "http://host/path". */
    struct cookie_place place = {.secure = strncmp(url, "https", 5) == 0};
    const char *host = strstr(url, "//") + 2;
    const char *path = strchr(host, '/');
    place.host = span_of(host, (size_t)(path - host));
    place.path = span_from_string(path);
    place.host_is_address = host[0] >= '0' && host[0] <= '9';
    return place;
}

static uint32_t set(struct cookie_jar **jar, const char *url, const char *cookie)
{
    struct cookie_place place = place_of(url);
    return cookie_jar_set(jar, span_from_string(cookie), &place, NOW);
}

static void expect_at(struct cookie_jar *jar, const char *url, int64_t at_us,
                      const char *expected)
{
    struct cookie_place place = place_of(url);
    struct span header = cookie_jar_header(jar, &place, at_us);
    if (!span_equal(header, span_from_string(expected))) {
        fail_msg("%s is sent '%.*s', expected '%s'", url, SPAN_ARGS(header), expected);
    }
}

static void expect(struct cookie_jar *jar, const char *url, const char *expected)
{
    expect_at(jar, url, NOW, expected);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        int64_t seconds;
    } cases[] = {
        {"Wed, 09 Jun 2021 10:18:14 GMT", true, 1623233894},
        {"Wednesday, 09-Jun-21 10:18:14 GMT", true, 1623233894},
        {"Wed Jun  9 10:18:14 2021", true, 1623233894},
        {"1 jan 70 0:0:0", true, 0},
        {"29 Feb 2020 00:00:00", true, 1582934400},
        {"31 Dec 1999 23:59:59", true, 946684799},
        {"1 Jan 69 00:00:00", true, 3124224000},
        {"2021 09 Jun", false, 0},
        {"32 Jan 2020 00:00:00", false, 0},
        {"1 Jan 2020 24:00:00", false, 0},
        {"1 Jan 1600 00:00:00", false, 0},
        {"", false, 0},
        {"never", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t us = -1;
        bool valid = cookie_date_parse(span_from_string(cases[i].text), &us);
        if (valid != cases[i].valid || (valid && us != cases[i].seconds * S)) {
            fail_msg("'%s': %d, %lld", cases[i].text, valid, (long long)us);
        }
    }
}

static void test_parse(void **state)
{
    (void)state;
    struct cookie_parsed p;
    assert_true(cookie_parse(SPAN(" a = b=c ; Path=/x; Secure; Domain=.Example.com; HttpOnly"),
                             NOW, &p));
    assert_true(span_equal(p.name, SPAN("a")));
    assert_true(span_equal(p.value, SPAN("b=c")));
    assert_true(span_equal(p.path, SPAN("/x")));
    assert_true(span_equal(p.domain, SPAN("Example.com")));
    assert_true(p.secure);
    assert_false(p.has_expiry);
    assert_true(cookie_parse(SPAN("a=; Path=x; Path"), NOW, &p));
    assert_int_equal(p.value.len, 0);
    assert_int_equal(p.path.len, 0);
    assert_true(
        cookie_parse(SPAN("a=b; Max-Age=10; Expires=Wed, 09 Jun 2021 10:18:14 GMT"), NOW, &p));
    assert_true(p.has_expiry && p.expires_us == NOW + 10 * S);
    assert_true(
        cookie_parse(SPAN("a=b; Expires=Wed, 09 Jun 2021 10:18:14 GMT; max-age=10"), NOW, &p));
    assert_true(p.has_expiry && p.expires_us == NOW + 10 * S);
    assert_true(cookie_parse(SPAN("a=b; Max-Age=x"), NOW, &p));
    assert_false(p.has_expiry);
    assert_true(cookie_parse(SPAN("a=b; Max-Age=99999999999999999999"), NOW, &p));
    assert_true(p.expires_us == NOW + 400LL * 86400 * S);
    assert_false(cookie_parse(SPAN("novalue; Path=/"), NOW, &p));
    assert_false(cookie_parse(SPAN("=b"), NOW, &p));
    assert_false(cookie_parse(SPAN(""), NOW, &p));
    assert_false(cookie_parse(SPAN("a=b\001"), NOW, &p));
}

static void test_matching(void **state)
{
    (void)state;
    struct cookie_jar *jar = NULL;
    set(&jar, "http://www.example.com/dir/page", "host=1");
    set(&jar, "http://www.example.com/dir/page", "wide=2; Domain=example.com; Path=/");
    set(&jar, "https://www.example.com/dir/page", "safe=3; Secure; Path=/dir");
    expect(jar, "http://www.example.com/dir/other?q", "host=1; wide=2");
    expect(jar, "https://www.example.com/dir", "host=1; safe=3; wide=2");
    expect(jar, "http://www.example.com/dirt", "wide=2");
    expect(jar, "http://example.com/dir/x", "wide=2");
    expect(jar, "http://a.b.example.com/", "wide=2");
    expect(jar, "http://badexample.com/", "");
    expect(jar, "http://example.org/", "");
    cookie_jar_free(jar);
}

static void test_refused_domains(void **state)
{
    (void)state;
    struct cookie_jar *jar = NULL;
    set(&jar, "http://www.example.com/", "a=1; Domain=other.com");
    set(&jar, "http://www.example.com/", "a=1; Domain=com");
    set(&jar, "http://www.example.com/", "a=1; Domain=deep.www.example.com");
    set(&jar, "http://10.0.0.1/", "a=1; Domain=0.0.1");
    assert_null(jar);
    set(&jar, "http://localhost/", "a=1; Domain=localhost");
    expect(jar, "http://localhost/", "a=1");
    set(&jar, "http://10.0.0.1/", "b=2; Domain=10.0.0.1");
    expect(jar, "http://10.0.0.1/", "b=2");
    cookie_jar_free(jar);
}

static void test_replace_expire_order(void **state)
{
    (void)state;
    struct cookie_jar *jar = NULL;
    set(&jar, "http://h/", "a=1");
    set(&jar, "http://h/", "b=2");
    set(&jar, "http://h/", "c=3; Path=/deep");
    set(&jar, "http://h/", "a=4");
    expect(jar, "http://h/deep", "c=3; a=4; b=2");
    set(&jar, "http://h/", "b=; Max-Age=0");
    expect(jar, "http://h/", "a=4");
    set(&jar, "http://h/", "t=5; Max-Age=10");
    expect_at(jar, "http://h/", NOW + 9 * S, "a=4; t=5");
    expect_at(jar, "http://h/", NOW + 10 * S, "a=4");
    set(&jar, "http://h/", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    expect_at(jar, "http://h/", NOW + 10 * S, "");
    cookie_jar_free(jar);
}

static void test_bounds(void **state)
{
    (void)state;
    struct cookie_jar *jar = NULL;
    uint32_t dropped = 0;
    char text[8192];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "name%d=%0*d", i, 500, i);
        dropped += set(&jar, "http://h/", text);
    }
    assert_int_equal(dropped, 1000 - COOKIES_MAX);
    memset(text, 'x', sizeof(text) - 1);
    text[1] = '=';
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(set(&jar, "http://h/", text), 1);
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "large%d=%0*d", i, 4000, i);
        set(&jar, "http://h/", text);
    }
    struct cookie_place place = place_of("http://h/");
    assert_true(cookie_jar_header(jar, &place, NOW).len <= COOKIE_JAR_BYTES_MAX + 200);
    /* Twice the text (the jar and its header) and the structs. */
    assert_true(cookie_jar_bytes(jar) < 3ULL * COOKIE_JAR_BYTES_MAX);
    cookie_jar_free(jar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_refused_domains),
        cmocka_unit_test(test_replace_expire_order),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
