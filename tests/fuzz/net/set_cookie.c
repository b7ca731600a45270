/* Set-Cookie of any bytes. The input is lines: a host, a path, then Set-Cookie values. What is
 * sent back holds no control bytes and keeps its bounds, the jar too, and never a cookie goes
 * to an unrelated host. */
#include "net/cookie.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parsed(struct span value, int64_t now_us)
{
    struct cookie_parsed p;
    if (!cookie_parse(value, now_us, &p)) {
        return;
    }
    const struct span parts[] = {p.name, p.value, p.domain, p.path};
    for (int i = 0; i < 4; i++) {
        assert(parts[i].len == 0 || (parts[i].ptr >= value.ptr &&
                                     parts[i].ptr + parts[i].len <= value.ptr + value.len));
    }
    assert(p.name.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t now_us = INT64_C(1577836800) * 1000000;
    struct span rest = span_of((const char *)data, size);
    struct cookie_place place = {.host = span_cut(&rest, '\n'), .path = span_cut(&rest, '\n')};
    struct cookie_jar *jar = NULL;
    while (rest.len > 0) {
        struct span value = span_cut(&rest, '\n');
        check_parsed(value, now_us);
        cookie_jar_set(&jar, value, &place, now_us);
    }
    if (jar == NULL) {
        return 0;
    }
    place.secure = true;
    struct span header = cookie_jar_header(jar, &place, now_us);
    assert(header.len <= COOKIE_JAR_BYTES_MAX + 3ULL * COOKIES_MAX);
    for (size_t i = 0; i < header.len; i++) {
        unsigned char c = (unsigned char)header.ptr[i];
        assert(c >= 0x20 && c != 0x7f);
    }
    struct cookie_place elsewhere = {
        .host = SPAN("unrelated.example"), .path = SPAN("/"), .secure = true};
    struct span leaked = cookie_jar_header(jar, &elsewhere, now_us);
    assert(leaked.len == 0 || span_ends_with(place.host, SPAN("example")) ||
           span_equal_nocase(place.host, elsewhere.host));
    assert(cookie_jar_bytes(jar) <= 4ULL * COOKIE_JAR_BYTES_MAX);
    cookie_jar_free(jar);
    return 0;
}
