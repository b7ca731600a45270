/* HTTP responses of any bytes: the codec gives the same answer whether they come whole, byte by
 * byte, in pieces of any size, or with content skipped unseen; spans lie in the input; what it
 * calls content never exceeds what came. The first byte of the input seeds the pieces. */
#include "base/rng.h"
#include "net/http1.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that a reader learns of a response. */
struct outcome {
    size_t head_len; /* 0: it never ended */
    int parsed;
    struct http1_response response;
    enum http1_step end;
    size_t body_used;
    uint64_t content;
    uint64_t hash; /* of the content; not compared when some was skipped */
};

static void check_span(struct span part, struct span whole)
{
    assert(part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void check_head(struct span head, const struct http1_response *r)
{
    check_span(r->fields, head);
    check_span(r->location, head);
    check_span(r->content_type, head);
    assert(r->status >= 100 && r->status <= 599);
    assert(r->age_s >= -1 && r->retry_after_s >= -1);
    assert(!r->has_content_range || r->range_first <= r->range_last);
    assert(r->framing == HTTP1_FRAMING_LENGTH || r->content_length == 0);
    assert(!(r->keep_alive && r->framing == HTTP1_FRAMING_CLOSE));
    struct span rest = r->fields;
    struct http1_field field;
    int got;
    while ((got = http1_field_next(&rest, &field)) > 0) {
        check_span(field.name, head);
        check_span(field.value, head);
        assert(field.name.len > 0);
    }
    assert(got == 0);
}

static size_t piece(struct rng *rng, size_t most, size_t left)
{
    size_t n = most == 0 ? left : 1 + (size_t)rng_below(rng, most);
    return n < left ? n : left;
}

static void read_body(struct span bytes, size_t most, bool skips, struct rng *rng,
                      struct outcome *out)
{
    struct http1_body body;
    http1_body_start(&body, out->response.framing, out->response.content_length);
    out->end = http1_body_is_done(&body) ? HTTP1_DONE : HTTP1_MORE;
    out->hash = 0xcbf29ce484222325u;
    size_t at = 0;
    while (at < bytes.len && out->end == HTTP1_MORE) {
        size_t n = piece(rng, most, bytes.len - at);
        uint64_t skippable = http1_body_skippable(&body);
        if (skips && skippable > 0) {
            n = n < skippable ? n : (size_t)skippable;
            out->end = http1_body_skip(&body, n);
            at += n;
            continue;
        }
        size_t used;
        struct span given = span_of(bytes.ptr + at, n);
        struct span content;
        out->end = http1_body_feed(&body, given, &used, &content);
        assert(used <= n && (used == n || out->end != HTTP1_MORE || content.len > 0));
        check_span(content, span_of(given.ptr, used));
        for (size_t i = 0; i < content.len; i++) {
            out->hash = (out->hash ^ (unsigned char)content.ptr[i]) * 0x100000001b3u;
        }
        at += used;
    }
    out->body_used = at;
    out->content = body.content;
    assert(out->content <= bytes.len);
    if (out->end == HTTP1_MORE) {
        out->end = http1_body_end(&body);
    }
}

static struct outcome read_response(struct span bytes, size_t most, bool skips, uint64_t seed)
{
    struct rng rng = rng_make(seed, most);
    struct outcome out = {0};
    struct http1_scan scan = {0};
    size_t have = 0;
    while (out.head_len == 0 && have < bytes.len) {
        have += piece(&rng, most, bytes.len - have);
        out.head_len = http1_scan_head(&scan, bytes.ptr, have);
    }
    if (out.head_len == 0) {
        return out;
    }
    assert(out.head_len <= bytes.len);
    struct span head = span_of(bytes.ptr, out.head_len);
    out.parsed = http1_parse_response(head, &out.response);
    if (out.parsed != 0) {
        return out;
    }
    assert(http1_may_be_response(bytes.ptr, out.head_len));
    check_head(head, &out.response);
    read_body(span_skip(bytes, out.head_len), most, skips, &rng, &out);
    return out;
}

static void check_same(const struct outcome *a, const struct outcome *b, bool skipped)
{
    assert(a->head_len == b->head_len && a->parsed == b->parsed);
    if (a->head_len == 0 || a->parsed != 0) {
        return;
    }
    assert(a->response.status == b->response.status);
    assert(a->end == b->end && a->body_used == b->body_used && a->content == b->content);
    assert(skipped || a->hash == b->hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct span bytes = span_of((const char *)data + 1, size - 1);
    struct outcome whole = read_response(bytes, 0, false, 0);
    struct outcome single = read_response(bytes, 1, false, 0);
    struct outcome pieces = read_response(bytes, 1 + data[0], false, data[0]);
    struct outcome skipped = read_response(bytes, 1 + data[0], true, data[0]);
    check_same(&whole, &single, false);
    check_same(&whole, &pieces, false);
    check_same(&whole, &skipped, true);
    return 0;
}
