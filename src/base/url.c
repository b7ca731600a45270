#include "base/url.h"

#include <stdint.h>

/* Classes of bytes, RFC 3986 section 2 and appendix A. */
enum byte_class {
    UNRESERVED = 1 << 0,
    SUB_DELIM = 1 << 1,
    ALPHA = 1 << 2,
    SCHEME_TAIL = 1 << 3,
    /* What stays as it is when a URL is written: all that RFC 3986 allows somewhere, '%' (even
     * a stray one), and '|' which players send as it is. */
    VERBATIM = 1 << 4,
};

#define LETTER (ALPHA | UNRESERVED | SCHEME_TAIL | VERBATIM)
#define DIGIT  (UNRESERVED | SCHEME_TAIL | VERBATIM)
#define MARK   (UNRESERVED | VERBATIM)
#define SUB    (SUB_DELIM | VERBATIM)

static const uint8_t classes[256] = {
    ['a' ... 'z'] = LETTER,
    ['A' ... 'Z'] = LETTER,
    ['0' ... '9'] = DIGIT,
    ['-'] = MARK | SCHEME_TAIL,
    ['.'] = MARK | SCHEME_TAIL,
    ['_'] = MARK,
    ['~'] = MARK,
    ['+'] = SUB | SCHEME_TAIL,
    ['!'] = SUB,
    ['$'] = SUB,
    ['&'] = SUB,
    ['\''] = SUB,
    ['('] = SUB,
    [')'] = SUB,
    ['*'] = SUB,
    [','] = SUB,
    [';'] = SUB,
    ['='] = SUB,
    [':'] = VERBATIM,
    ['/'] = VERBATIM,
    ['?'] = VERBATIM,
    ['#'] = VERBATIM,
    ['['] = VERBATIM,
    [']'] = VERBATIM,
    ['@'] = VERBATIM,
    ['%'] = VERBATIM,
    ['|'] = VERBATIM,
};

static bool has_class(char c, unsigned mask)
{
    return (classes[(unsigned char)c] & mask) != 0;
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

/* The length of a scheme at the start of text (before its ':'), or 0. */
static size_t scheme_length(struct span text)
{
    if (text.len == 0 || !has_class(text.ptr[0], ALPHA)) {
        return 0;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == ':') {
            return i;
        }
        if (!has_class(text.ptr[i], SCHEME_TAIL)) {
            return 0;
        }
    }
    return 0;
}

static int parse_port(struct span text, uint16_t *out)
{
    uint64_t value = 0;
    if (text.len == 0) {
        *out = 0;
        return 0;
    }
    if (!span_to_u64(text, &value) || value == 0 || value > 65535) {
        return -1;
    }
    *out = (uint16_t)value;
    return 0;
}

static int parse_ip_literal(struct span text, struct url *url, struct span *after)
{
    size_t close = span_find(text, ']');
    if (close == text.len || close < 2) {
        return -1;
    }
    url->host = span_of(text.ptr + 1, close - 1);
    url->host_is_ip_literal = true;
    for (size_t i = 0; i < url->host.len; i++) {
        /* IPv6 addresses, IPvFuture (section 3.2.2) and zones in either spelling. */
        if (!has_class(url->host.ptr[i], UNRESERVED | SUB_DELIM) && url->host.ptr[i] != ':' &&
            url->host.ptr[i] != '%') {
            return -1;
        }
    }
    *after = span_skip(text, close + 1);
    return 0;
}

static int parse_authority(struct span authority, struct url *url)
{
    struct span rest = authority;
    url->authority = authority;
    url->has_authority = true;
    for (size_t i = authority.len; i > 0; i--) {
        if (authority.ptr[i - 1] == '@') {
            url->userinfo = span_of(authority.ptr, i - 1);
            rest = span_skip(authority, i);
            break;
        }
    }
    if (rest.len > 0 && rest.ptr[0] == '[') {
        struct span after;
        if (parse_ip_literal(rest, url, &after) != 0) {
            return -1;
        }
        if (after.len == 0) {
            return 0;
        }
        return after.ptr[0] == ':' ? parse_port(span_skip(after, 1), &url->port) : -1;
    }
    size_t colon = span_find(rest, ':');
    url->host = span_of(rest.ptr, colon);
    return parse_port(span_skip(rest, colon + 1), &url->port);
}

/* The length of text up to the first byte that is '?', '#' or `also`. */
static size_t component_length(struct span text, char also)
{
    size_t i = 0;
    while (i < text.len && text.ptr[i] != '?' && text.ptr[i] != '#' && text.ptr[i] != also) {
        i++;
    }
    return i;
}

int url_parse(struct span text, struct url *out)
{
    if (text.len > URL_MAX || has_control(text)) {
        return -1;
    }
    struct url url = {.text = text};
    struct span rest = text;
    size_t scheme = scheme_length(text);
    if (scheme > 0) {
        url.scheme = span_of(text.ptr, scheme);
        rest = span_skip(text, scheme + 1);
    }
    if (span_starts_with(rest, SPAN("//"))) {
        rest = span_skip(rest, 2);
        size_t len = component_length(rest, '/');
        if (parse_authority(span_of(rest.ptr, len), &url) != 0) {
            return -1;
        }
        rest = span_skip(rest, len);
    }
    size_t path = component_length(rest, '?');
    url.path = span_of(rest.ptr, path);
    rest = span_skip(rest, path);
    if (rest.len > 0 && rest.ptr[0] == '?') {
        rest = span_of(rest.ptr + 1, rest.len - 1);
        size_t query = span_find(rest, '#');
        url.query = span_of(rest.ptr, query);
        url.has_query = true;
        rest = span_skip(rest, query);
    }
    if (rest.len > 0) {
        url.fragment = span_skip(rest, 1);
        url.has_fragment = true;
    }
    *out = url;
    return 0;
}

bool url_is_http(const struct url *url)
{
    return span_equal_nocase(url->scheme, SPAN("http"));
}

bool url_is_https(const struct url *url)
{
    return span_equal_nocase(url->scheme, SPAN("https"));
}

/* Bytes of a name (RFC 1035 section 2.3.4). */
#define HOST_MAX 253

int url_parse_http(struct span text, struct url *out)
{
    struct url url;
    if (url_parse(text, &url) != 0 || !(url_is_http(&url) || url_is_https(&url)) ||
        url.host.len == 0 || url.host.len > HOST_MAX) {
        return -1;
    }
    for (size_t i = 0; i < url.host.len && !url.host_is_ip_literal; i++) {
        unsigned char c = (unsigned char)url.host.ptr[i];
        /* Non-ASCII names pass: it is for the resolver to know them or not. */
        if (c < 0x80 && !has_class((char)c, UNRESERVED | SUB_DELIM) && c != '%') {
            return -1;
        }
    }
    *out = url;
    return 0;
}

uint16_t url_port(const struct url *url)
{
    if (url->port != 0) {
        return url->port;
    }
    return url_is_http(url) ? 80 : url_is_https(url) ? 443 : 0;
}

struct span url_target(const struct url *url)
{
    if (!url->has_query) {
        return url->path;
    }
    if (url->path.len == 0) {
        return span_of(url->query.ptr - 1, url->query.len + 1);
    }
    return span_of(url->path.ptr, url->path.len + 1 + url->query.len);
}

bool url_query_find(const struct url *url, struct span name, struct span *out)
{
    struct span rest = url->query;
    while (rest.len > 0) {
        struct span value = span_cut(&rest, '&');
        struct span key = span_cut(&value, '=');
        if (span_equal(key, name)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the percent code at text[at] stands for, or -1 when none starts there. */
static int percent_code(struct span text, size_t at)
{
    if (text.ptr[at] != '%' || text.len - at < 3) {
        return -1;
    }
    int high = hex_value(text.ptr[at + 1]);
    int low = hex_value(text.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int url_percent_decode(struct span text, char *dst, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; len++) {
        if (len >= size || len >= INT32_MAX) {
            return -1;
        }
        int code = percent_code(text, i);
        dst[len] = code < 0 ? text.ptr[i] : (char)code;
        i += code < 0 ? 1 : 3;
    }
    return (int)len;
}

/* Where a result is written. Once something did not fit, `full` stays set. */
struct writer {
    char *dst;
    size_t size, len;
    bool full;
};

static void put_byte(struct writer *w, char c)
{
    if (w->len < w->size) {
        w->dst[w->len++] = c;
    } else {
        w->full = true;
    }
}

static void put_code(struct writer *w, unsigned char c)
{
    put_byte(w, '%');
    put_byte(w, "0123456789ABCDEF"[c >> 4]);
    put_byte(w, "0123456789ABCDEF"[c & 15]);
}

static void put_encoded(struct writer *w, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (has_class(text.ptr[i], VERBATIM)) {
            put_byte(w, text.ptr[i]);
        } else {
            put_code(w, (unsigned char)text.ptr[i]);
        }
    }
}

static void put_lower(struct writer *w, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        put_byte(w, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
}

/* As put_encoded, but with percent codes in upper case and those of unreserved characters
 * decoded (section 6.2.2). */
static void put_normal(struct writer *w, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        int code = percent_code(text, i);
        if (code < 0 && text.ptr[i] == '%') {
            put_code(w, '%'); /* A stray one must not make a code with what follows. */
            continue;
        }
        if (code < 0) {
            put_encoded(w, span_of(text.ptr + i, 1));
            continue;
        }
        if (has_class((char)code, UNRESERVED)) {
            put_byte(w, (char)code);
        } else {
            put_code(w, (unsigned char)code);
        }
        i += 2;
    }
}

/* Removes dot segments (section 5.2.4) from what was written after `start`, in place: the
 * output never gets ahead of the input. */
static void remove_dots(struct writer *w, size_t start)
{
    const char *path = w->dst + start;
    size_t len = w->len - start;
    size_t in = 0, out = 0;
    bool rooted = len > 0 && path[0] == '/';
    while (in < len) {
        size_t begin = in;
        size_t slash = path[in] == '/' ? 1 : 0;
        in += slash;
        const char *next = memchr(path + in, '/', len - in);
        size_t end = next == NULL ? len : (size_t)(next - path);
        struct span segment = span_of(path + in, end - in);
        bool one = span_equal(segment, SPAN("."));
        bool two = span_equal(segment, SPAN(".."));
        in = end;
        if (!one && !two) {
            /* A path that began without a slash must not gain one at its start. */
            size_t skip = out == 0 && !rooted ? slash : 0;
            memmove(w->dst + start + out, path + begin + skip, end - begin - skip);
            out += end - begin - skip;
            continue;
        }
        while (two && out > 0 && w->dst[start + --out] != '/') {
        }
        if (in == len && (rooted || out > 0)) {
            w->dst[start + out++] = '/';
        }
    }
    w->len = start + out;
}

/* Without authority a path must not begin with "//" (RFC 3986 section 3.3): it would read as
 * one. Such a result is none. */
static void refuse_double_slash(struct writer *w, size_t start, bool has_authority)
{
    if (!has_authority &&
        span_starts_with(span_of(w->dst + start, w->len - start), SPAN("//"))) {
        w->full = true;
    }
}

static int finish(const struct writer *w, struct span *out)
{
    if (w->full || w->len > URL_MAX) {
        return -1;
    }
    *out = span_of(w->dst, w->len);
    return 0;
}

/* Merges base's path with a relative one (section 5.2.3). */
static void put_merged_path(struct writer *w, const struct url *base, struct span path)
{
    if (base->has_authority && base->path.len == 0) {
        put_byte(w, '/');
    } else {
        size_t keep = base->path.len;
        while (keep > 0 && base->path.ptr[keep - 1] != '/') {
            keep--;
        }
        put_encoded(w, span_of(base->path.ptr, keep));
    }
    put_encoded(w, path);
}

/* Writes the path and returns the query that goes with it, as section 5.2.2 chooses them. */
static void put_target(struct writer *w, const struct url *base, const struct url *r)
{
    const struct url *query = r;
    size_t start = w->len;
    bool whole = r->scheme.len > 0 || r->has_authority;
    if (whole || (r->path.len > 0 && r->path.ptr[0] == '/')) {
        put_encoded(w, r->path);
    } else if (r->path.len > 0) {
        put_merged_path(w, base, r->path);
    } else {
        put_encoded(w, base->path);
        query = r->has_query ? r : base;
    }
    if (r->path.len > 0 || whole) {
        remove_dots(w, start);
    }
    refuse_double_slash(w, start,
                        r->has_authority || (r->scheme.len == 0 && base->has_authority));
    if (query->has_query) {
        put_byte(w, '?');
        put_encoded(w, query->query);
    }
}

int url_resolve(const struct url *base, struct span reference, char *dst, size_t size,
                struct span *out)
{
    struct url r;
    if (url_parse(reference, &r) != 0 || (r.scheme.len == 0 && base->scheme.len == 0)) {
        return -1;
    }
    struct writer w = {.size = size};
    w.dst = dst;
    put_encoded(&w, r.scheme.len > 0 ? r.scheme : base->scheme);
    put_byte(&w, ':');
    const struct url *authority = r.scheme.len > 0 || r.has_authority ? &r : base;
    if (authority->has_authority) {
        put_byte(&w, '/');
        put_byte(&w, '/');
        put_encoded(&w, authority->authority);
    }
    put_target(&w, base, &r);
    if (r.has_fragment) {
        put_byte(&w, '#');
        put_encoded(&w, r.fragment);
    }
    return finish(&w, out);
}

static void put_decimal(struct writer *w, unsigned value)
{
    char digits[8];
    int len = 0;
    do {
        digits[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (len > 0) {
        put_byte(w, digits[--len]);
    }
}

static void put_normal_authority(struct writer *w, const struct url *url)
{
    put_byte(w, '/');
    put_byte(w, '/');
    if (url->userinfo.len > 0) {
        put_normal(w, url->userinfo);
        put_byte(w, '@');
    }
    if (url->host_is_ip_literal) {
        put_byte(w, '[');
        put_lower(w, url->host);
        put_byte(w, ']');
    } else {
        size_t start = w->len;
        put_normal(w, url->host);
        for (size_t i = start; i < w->len; i++) {
            bool code = i >= 1 && w->dst[i - 1] == '%';
            bool code_end = i >= 2 && w->dst[i - 2] == '%';
            if (!code && !code_end && w->dst[i] >= 'A' && w->dst[i] <= 'Z') {
                w->dst[i] = (char)(w->dst[i] - 'A' + 'a');
            }
        }
    }
    bool is_default =
        (url_is_http(url) && url->port == 80) || (url_is_https(url) && url->port == 443);
    if (url->port != 0 && !is_default) {
        put_byte(w, ':');
        put_decimal(w, url->port);
    }
}

int url_normalise(const struct url *url, char *dst, size_t size, struct span *out)
{
    if (url->scheme.len == 0) {
        return -1;
    }
    struct writer w = {.size = size};
    w.dst = dst;
    put_lower(&w, url->scheme);
    put_byte(&w, ':');
    if (url->has_authority) {
        put_normal_authority(&w, url);
    }
    size_t start = w.len;
    put_normal(&w, url->path);
    if (!w.full) {
        remove_dots(&w, start);
    }
    refuse_double_slash(&w, start, url->has_authority);
    if (w.len == start && (url_is_http(url) || url_is_https(url))) {
        put_byte(&w, '/');
    }
    if (url->has_query) {
        put_byte(&w, '?');
        put_normal(&w, url->query);
    }
    return finish(&w, out);
}
