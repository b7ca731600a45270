#include "base/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void expect_span(struct span got, const char *expected, const char *input)
{
    struct span want = span_from_string(expected);
    if (!span_equal(got, want)) {
        fail_msg("%s: got \"%.*s\", expected \"%s\"", input, SPAN_ARGS(got), expected);
    }
}

static int resolve(const char *base_text, const char *reference, char *dst, size_t size,
                   struct span *out)
{
    struct url base;
    assert_int_equal(url_parse(span_from_string(base_text), &base), 0);
    return url_resolve(&base, span_from_string(reference), dst, size, out);
}

struct pair {
    const char *input, *expected;
};

/* RFC 3986 sections 5.4.1 and 5.4.2, every example, against the base of that section. */
static const struct pair rfc_examples[] = {
    {"g:h", "g:h"},
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {"#s", "http://a/b/c/d;p?q#s"},
    {"g#s", "http://a/b/c/g#s"},
    {"g?y#s", "http://a/b/c/g?y#s"},
    {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"},
    {"g;x?y#s", "http://a/b/c/g;x?y#s"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../", "http://a/"},
    {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"},
    {"../../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."},
    {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"},
    {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"g#s/./x", "http://a/b/c/g#s/./x"},
    {"g#s/../x", "http://a/b/c/g#s/../x"},
    {"http:g", "http:g"},
};

static void test_rfc_examples(void **state)
{
    (void)state;
    char text[URL_MAX];
    for (size_t i = 0; i < COUNT(rfc_examples); i++) {
        struct span out;
        const struct pair *row = &rfc_examples[i];
        assert_int_equal(resolve("http://a/b/c/d;p?q", row->input, text, sizeof text, &out), 0);
        expect_span(out, row->expected, row->input);
    }
}

static const struct {
    const char *base, *reference, *expected;
} resolutions[] = {
    {"http://h", "seg.ts", "http://h/seg.ts"},
    {"http://h?q", "seg.ts", "http://h/seg.ts"},
    {"http://h/live/a.m3u8?token=a/b/c", "seg.ts", "http://h/live/seg.ts"},
    {"https://u:p@h:8443/x/y", "/z", "https://u:p@h:8443/z"},
    {"http://[::1]:8080/a/b", "c?d", "http://[::1]:8080/a/c?d"},
    {"https://h/a/", "//cdn.example/x", "https://cdn.example/x"},
    {"http://h/a//b/c", "d", "http://h/a//b/d"},
    {"http://h/a//b/c", "../d", "http://h/a//d"},
    {"http://h/a/", "two words.ts", "http://h/a/two%20words.ts"},
    {"http://h/a/", "f\xc3\xbcr.ts?q=\xc3\xbc", "http://h/a/f%C3%BCr.ts?q=%C3%BC"},
    {"http://h/a/", "x\"<>`{}^\\", "http://h/a/x%22%3C%3E%60%7B%7D%5E%5C"},
    {"http://h/a/", "100%.ts", "http://h/a/100%.ts"},
    {"http://h/a/", "a%20b%2f.ts", "http://h/a/a%20b%2f.ts"},
    {"http://h/a/", "a|[b].ts", "http://h/a/a|[b].ts"},
    {"http://h/a/", "HTTP://X/Y", "HTTP://X/Y"},
    {"http://h/a/", "seg:1.ts", "seg:1.ts"},
    {"http://h/a/", "./seg:1.ts", "http://h/a/seg:1.ts"},
    {"http://h/a/", "1seg:1.ts", "http://h/a/1seg:1.ts"},
    {"file:///home/x/a.m3u8", "b.ts", "file:///home/x/b.ts"},
};

static void test_resolutions(void **state)
{
    (void)state;
    char text[URL_MAX];
    for (size_t i = 0; i < COUNT(resolutions); i++) {
        struct span out;
        assert_int_equal(
            resolve(resolutions[i].base, resolutions[i].reference, text, sizeof text, &out), 0);
        expect_span(out, resolutions[i].expected, resolutions[i].reference);
    }
}

static void test_parse_pieces(void **state)
{
    (void)state;
    struct url url;
    const char *text = "HTTPS://user:pa@ss@[2001:DB8::1]:8443/p/a?x=1&y#frag?#";
    assert_int_equal(url_parse_http(span_from_string(text), &url), 0);
    expect_span(url.scheme, "HTTPS", text);
    expect_span(url.userinfo, "user:pa@ss", text);
    expect_span(url.host, "2001:DB8::1", text);
    expect_span(url.authority, "user:pa@ss@[2001:DB8::1]:8443", text);
    expect_span(url.path, "/p/a", text);
    expect_span(url.query, "x=1&y", text);
    expect_span(url.fragment, "frag?#", text);
    expect_span(url_target(&url), "/p/a?x=1&y", text);
    assert_true(url.host_is_ip_literal && url.has_authority && url.has_query);
    assert_int_equal(url.port, 8443);
    assert_true(url_is_https(&url) && !url_is_http(&url));

    assert_int_equal(url_parse_http(SPAN("http://h?q"), &url), 0);
    expect_span(url_target(&url), "?q", "http://h?q");
    assert_int_equal(url_port(&url), 80);
    assert_int_equal(url_parse_http(SPAN("http://h?"), &url), 0);
    expect_span(url_target(&url), "?", "http://h?");
    assert_int_equal(url_parse_http(SPAN("https://h:/x"), &url), 0);
    assert_int_equal(url_port(&url), 443);
    assert_int_equal(url_parse(SPAN("a/b:c?d"), &url), 0);
    assert_false(url_is_absolute(&url));
    expect_span(url.path, "a/b:c", "a/b:c?d");
    assert_int_equal(url_parse(SPAN(""), &url), 0);
    assert_int_equal(url_port(&url), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct span refused[] = {
        {"http://h/a\nb", 12},
        {"http://h/a\0b", 12},
        {"http://h/\x7f", 10},
        {"http://h/\tx", 11},
        {"http://h:0/", 11},
        {"http://h:65536/", 15},
        {"http://h:8a/", 12},
        {"http://[::1", 11},
        {"http://[]/", 10},
        {"http://[::1]8080/", 17},
        {"http://[::g z]/", 15},
        {"http://h:-1/", 12},
        {"http://h:99999999999999999999999/", 33},
    };
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct url url = {.port = 7};
        if (url_parse(refused[i], &url) != -1 || url.port != 7) {
            fail_msg("accepted \"%.*s\"", SPAN_ARGS(refused[i]));
        }
    }
    static const char *const unfetchable[] = {
        "",          "/path",    "http:g",      "http:///x",
        "ftp://h/x", "data:x,y", "http://a b/", "http://a<b/",
    };
    for (size_t i = 0; i < COUNT(unfetchable); i++) {
        struct url url;
        if (url_parse_http(span_from_string(unfetchable[i]), &url) != -1) {
            fail_msg("accepted \"%s\"", unfetchable[i]);
        }
    }
    /* A name of 253 bytes, and one of 254. */
    char text[7 + 254];
    struct url url;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i < 7 ? "http://"[i] : 'a';
    }
    assert_int_equal(url_parse_http(span_of(text, 7 + 253), &url), 0);
    assert_int_equal(url_parse_http(span_of(text, 7 + 254), &url), -1);
}

static void test_bounds(void **state)
{
    (void)state;
    static char longest[URL_MAX + 1], text[2 * URL_MAX];
    memset(longest, 'a', sizeof longest);
    struct url url, base;
    struct span out = SPAN("untouched");
    assert_int_equal(url_parse(span_of(longest, URL_MAX), &url), 0);
    assert_int_equal(url_parse(span_of(longest, URL_MAX + 1), &url), -1);
    assert_int_equal(url_parse(SPAN("http://h/x"), &base), 0);
    struct span most = span_of(longest, URL_MAX - 9);
    assert_int_equal(url_resolve(&base, most, text, sizeof text, &out), 0);
    assert_int_equal(out.len, URL_MAX);
    assert_int_equal(url_resolve(&base, most, text, URL_MAX, &out), 0);
    out = SPAN("untouched");
    assert_int_equal(url_resolve(&base, most, text, URL_MAX - 1, &out), -1);
    assert_int_equal(url_resolve(&base, span_of(longest, URL_MAX - 8), text, sizeof text, &out),
                     -1);
    expect_span(out, "untouched", "too long");
    assert_int_equal(url_parse(SPAN("relative/base"), &base), 0);
    assert_int_equal(url_resolve(&base, SPAN("x"), text, sizeof text, &out), -1);
    assert_int_equal(url_resolve(&base, SPAN("http://h/x"), text, sizeof text, &out), 0);
}

static const struct pair normal_forms[] = {
    {"HTTP://User@EXAMPLE.com:80/%7esmith/a%2fb/../c", "http://User@example.com/~smith/c"},
    {"https://h:443", "https://h/"},
    {"https://h:80/?", "https://h:80/?"},
    {"http://h/%e4%41?%7e#frag", "http://h/%E4A?~"},
    {"http://[2001:DB8::A]:8080/", "http://[2001:db8::a]:8080/"},
    {"http://ex%c3%a4MPLE/", "http://ex%C3%A4mple/"},
    {"urn:a/../b", "urn:b"},
};

static void test_normal_forms(void **state)
{
    (void)state;
    char text[URL_MAX], again[URL_MAX];
    for (size_t i = 0; i < COUNT(normal_forms); i++) {
        struct url url;
        struct span out, twice;
        assert_int_equal(url_parse(span_from_string(normal_forms[i].input), &url), 0);
        assert_int_equal(url_normalise(&url, text, sizeof text, &out), 0);
        expect_span(out, normal_forms[i].expected, normal_forms[i].input);
        assert_int_equal(url_parse(out, &url), 0);
        assert_int_equal(url_normalise(&url, again, sizeof again, &twice), 0);
        assert_true(span_equal(out, twice));
    }
}

static void test_query(void **state)
{
    (void)state;
    struct url url;
    struct span value;
    char text[8];
    assert_int_equal(url_parse(SPAN("http://h/?a=1&bb=2%20x&a=3&c&=d"), &url), 0);
    assert_true(url_query_find(&url, SPAN("a"), &value));
    expect_span(value, "1", "a");
    assert_true(url_query_find(&url, SPAN("c"), &value));
    assert_int_equal(value.len, 0);
    assert_true(url_query_find(&url, SPAN("bb"), &value));
    assert_int_equal(url_percent_decode(value, text, sizeof text), 3);
    assert_memory_equal(text, "2 x", 3);
    assert_false(url_query_find(&url, SPAN("b"), &value));
    assert_int_equal(url_percent_decode(SPAN("%4%zz%41%"), text, sizeof text), 7);
    assert_memory_equal(text, "%4%zzA%", 7);
    assert_int_equal(url_percent_decode(SPAN("123456789"), text, sizeof text), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_examples), cmocka_unit_test(test_resolutions),
        cmocka_unit_test(test_parse_pieces), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bounds),       cmocka_unit_test(test_normal_forms),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
