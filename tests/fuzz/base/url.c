/* Fuzzes URLs: pieces lie inside of the text, resolving and normalising are idempotent and make
 * what parses again. The input may be a base and a reference, split at a form feed. */
#include "base/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A function, so that it does not add to the paths through its callers. */
static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_inside(struct span piece, struct span text)
{
    must(piece.len == 0 ||
         (piece.ptr >= text.ptr && piece.ptr + piece.len <= text.ptr + text.len));
}

static void check_pieces(const struct url *url, struct span text)
{
    check_inside(url->scheme, text);
    check_inside(url->userinfo, text);
    check_inside(url->host, text);
    check_inside(url->authority, text);
    check_inside(url->path, text);
    check_inside(url->query, text);
    check_inside(url->fragment, text);
    check_inside(url_target(url), text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first[URL_MAX], second[URL_MAX];
    struct span text = span_of((const char *)data, size);
    size_t split = span_find(text, '\f');
    struct span reference = span_skip(text, split + 1);
    struct url base, parsed;
    struct span out, again;
    text.len = split;
    if (url_parse(text, &base) != 0) {
        return 0;
    }
    check_pieces(&base, text);
    if (url_resolve(&base, reference, first, sizeof first, &out) == 0) {
        check_inside(out, span_of(first, sizeof first));
        must(url_parse(out, &parsed) == 0 && url_is_absolute(&parsed));
        check_pieces(&parsed, out);
        /* An absolute URL without dot segments resolves to itself, whatever the base. */
        bool rooted =
            parsed.has_authority || (parsed.path.len > 0 && parsed.path.ptr[0] == '/');
        if (rooted && url_resolve(&base, out, second, sizeof second, &again) == 0) {
            must(url_resolve(&base, again, first, sizeof first, &out) == 0);
            must(span_equal(out, again));
        }
    }
    if (url_normalise(&base, first, sizeof first, &out) == 0) {
        must(url_parse(out, &parsed) == 0);
        if (url_normalise(&parsed, second, sizeof second, &again) == 0 &&
            parsed.has_authority) {
            must(span_equal(out, again));
        }
    }
    return 0;
}
