#include "origin/respond.h"

#include "origin/shared_playlist.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE_LIMIT  (1u << 20)
#define CHUNK_BYTES 4096

static const char html_page[] =
    "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>\n"
    "<body><h1>It works!</h1><p>This is not what was asked for.</p></body></html>\n";

/* What is to be sent, before the faults of the body. */
struct content {
    const char *type;
    struct body body;
    uint64_t total; /* bytes of the whole resource */
    bool is_gzip;
    bool is_playlist; /* not to be cached */
};

struct stream_target respond_resolve(struct origin *origin, struct span path)
{
    struct stream_target none = {STREAM_RESOURCE_NONE, NULL, NULL, 0};
    struct span rest = span_skip(path, 1);
    /* A redirect to another folder puts one name before the stream's. */
    for (unsigned depth = 0; depth < 2; depth++) {
        struct span name = span_cut(&rest, '/');
        for (unsigned i = 0; i < origin->stream_count; i++) {
            if (span_equal(name, span_from_string(origin->streams[i]->name))) {
                return stream_resolve(origin->streams[i], rest);
            }
        }
    }
    return none;
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {204, "No Content"},
                   {206, "Partial Content"},
                   {302, "Found"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {416, "Range Not Satisfiable"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

static int put_status(const struct origin *origin, int status, struct response *out)
{
    out->status = status;
    return buf_printf(&out->head,
                      "HTTP/1.1 %d %s\r\nServer: shoal-origin\r\nDate: %s\r\n"
                      "Access-Control-Allow-Origin: *\r\n%s",
                      status, reason(status), origin->date,
                      out->keep_alive ? "" : "Connection: close\r\n");
}

/* A response of a few words. */
static int respond_short(const struct origin *origin, int status, const char *extra,
                         bool is_head, struct response *out)
{
    char words[128];
    int len = snprintf(words, sizeof words, "%d %s\n", status, reason(status));
    int failed = put_status(origin, status, out);
    failed |= buf_append_string(&out->head, extra);
    if (status == 204 || status == 304) {
        return failed | buf_append_string(&out->head, "\r\n");
    }
    failed |=
        buf_printf(&out->head, "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n", len);
    struct text *text = is_head ? NULL : text_new(words, (size_t)len);
    if (text != NULL) {
        out->body = body_of_text(text);
    }
    return failed;
}

int respond_refuse(struct origin *origin, int status, struct response *out)
{
    return respond_short(origin, status, "", false, out);
}

/* The time as of which a fault shows the playlist. */
static int64_t playlist_time(const struct stream *stream, const struct fault_plan *plan,
                             int64_t now_us)
{
    if (plan->stale_since_us > 0 && plan->stale_since_us < now_us) {
        now_us = plan->stale_since_us;
    }
    if (plan->publish_every > 1 && stream->kind != STREAM_VOD) {
        int64_t group_us = stream->segment_us * plan->publish_every;
        now_us = stream->epoch_us + (now_us - stream->epoch_us) / group_us * group_us;
    }
    return now_us;
}

static int playlist_content(struct origin *origin, const struct stream_target *target,
                            const struct request *request, const struct fault_plan *plan,
                            struct span base, struct content *out)
{
    int64_t now_us = loop_now_us(origin->loop);
    struct playlist_request wanted = {
        .target = *target,
        .now_us = playlist_time(target->stream, plan, now_us),
        .base = base,
        .defects = plan->defects,
        .variation = plan->variation,
    };
    bool shared = plan->defects == 0 && wanted.now_us == now_us &&
                  target->stream->uris != STREAM_URIS_ABSOLUTE;
    bool as_gzip = request->accepts_gzip && request->range == REQUEST_RANGE_NONE &&
                   plan->encoding.len == 0 && plan->body == FAULT_BODY_NORMAL;
    struct text *text = NULL;
    if (shared) {
        text = shared_playlist_get(origin, &wanted, as_gzip);
    } else {
        text = shared_playlist_render(&wanted);
        if (text != NULL && as_gzip) {
            struct text *packed = shared_playlist_gzip(text);
            text_release(text);
            text = packed;
        }
    }
    if (text == NULL) {
        return -1;
    }
    *out = (struct content){.type = "application/vnd.apple.mpegurl",
                            .body = body_of_text(text),
                            .total = text->len,
                            .is_gzip = as_gzip,
                            .is_playlist = true};
    return 0;
}

static int text_content(const char *type, const void *bytes, size_t len, struct content *out)
{
    struct text *text = text_new(bytes, len);
    if (text == NULL) {
        return -1;
    }
    *out = (struct content){.type = type, .body = body_of_text(text), .total = len};
    return 0;
}

static void media_content(const struct stream_target *target, int64_t now_us,
                          struct content *out)
{
    const struct stream_rendition *rendition = target->rendition;
    uint64_t at = 0;
    uint64_t len = rendition->init_bytes;
    if (target->resource == STREAM_RESOURCE_SEGMENT) {
        at = stream_segment_offset(rendition, target->number);
        len = stream_segment_bytes(rendition, target->number);
    } else if (target->resource == STREAM_RESOURCE_FILE) {
        uint64_t first = 0;
        uint64_t end = 0;
        stream_window(target->stream, now_us, &first, &end);
        len = end == 0 ? len
                       : stream_segment_offset(rendition, end - 1) +
                             stream_segment_bytes(rendition, end - 1);
    }
    *out = (struct content){
        .type = target->stream->format == STREAM_TS ? "video/mp2t" : "video/mp4",
        .body = body_of_media(rendition, at, len),
        .total = len,
    };
}

/* The pages of the origin itself. Returns 1 when path is none of them. */
static int own_content(const struct origin *origin, struct span path, struct content *out)
{
    struct buf buf;
    buf_init(&buf, PAGE_LIMIT);
    const char *type = "text/plain; charset=utf-8";
    int status = 1;
    if (span_equal(path, SPAN("/_origin/stats.json"))) {
        type = "application/json";
        status = stats_write_json(&origin->stats, &origin->faults, &buf);
    } else if (span_equal(path, SPAN("/_origin/metrics"))) {
        type = "text/plain; version=0.0.4; charset=utf-8";
        status = stats_write_metrics(&origin->stats, &origin->faults, &buf);
    } else if (span_equal(path, SPAN("/"))) {
        status = 0;
        for (unsigned i = 0; i < origin->stream_count; i++) {
            status |= buf_printf(&buf, "/%s/index.m3u8\n", origin->streams[i]->name);
        }
    }
    if (status == 0) {
        status = text_content(type, buf.ptr, buf.len, out);
    }
    buf_release(&buf);
    return status;
}

/* Finds what the request asks for. Returns 0, 1 when there is no such thing, -1 when memory is
 * spent. */
static int find_content(struct origin *origin, const struct request *request,
                        const struct fault_plan *plan, bool is_tls, struct response *response,
                        struct content *out)
{
    struct stream_target target = respond_resolve(origin, request->path);
    int64_t now_us = loop_now_us(origin->loop);
    char base[300];
    response->kind = target.resource;
    switch (target.resource) {
    case STREAM_RESOURCE_MULTIVARIANT:
    case STREAM_RESOURCE_PLAYLIST:
        snprintf(base, sizeof base, "%s://%.*s", is_tls ? "https" : "http",
                 request->host.len < 256 ? (int)request->host.len : 256,
                 request->host.len > 0 ? request->host.ptr : "");
        return playlist_content(origin, &target, request, plan, span_from_string(base), out);
    case STREAM_RESOURCE_SEGMENT:
        if (!stream_has_segment(target.stream, now_us, target.number)) {
            return 1;
        }
        media_content(&target, now_us, out);
        return 0;
    case STREAM_RESOURCE_INIT:
    case STREAM_RESOURCE_FILE:
        media_content(&target, now_us, out);
        return 0;
    case STREAM_RESOURCE_KEY:
        return text_content("application/octet-stream", target.stream->key, STREAM_KEY_BYTES,
                            out);
    case STREAM_RESOURCE_NONE:
    case STREAM_RESOURCE_COUNT:
        break;
    }
    return own_content(origin, request->path, out);
}

/* Cuts the content down to the range asked for. Returns the status: 200, 206 or 416; with 206
 * *first and *last are its bounds in the resource. */
static int apply_range(const struct request *request, struct content *content, uint64_t *first,
                       uint64_t *last)
{
    uint64_t total = content->total;
    if (request->range == REQUEST_RANGE_NONE || content->is_gzip) {
        return 200;
    }
    *first = request->range_first;
    *last = total - 1;
    if (request->range == REQUEST_RANGE_SUFFIX) {
        *first = request->range_last < total ? total - request->range_last : 0;
        if (request->range_last == 0) {
            return 416;
        }
    } else if (request->range == REQUEST_RANGE_WITHIN && request->range_last < *last) {
        *last = request->range_last;
    }
    if (total == 0 || *first >= total) {
        return 416;
    }
    content->body.at += *first;
    content->body.left = *last - *first + 1;
    return 206;
}

/* All that is left of a body as one text, which replaces it. */
static int flatten(struct origin *origin, struct body *body)
{
    struct text *text = malloc(sizeof *text + body->left);
    if (text == NULL) {
        return -1;
    }
    *text = (struct text){.len = body->left, .references = 1};
    size_t at = 0;
    while (body->left > 0) {
        struct body_piece piece;
        if (body_peek(body, &origin->blobs, body->left, &piece) != 0) {
            text_release(text);
            return -1;
        }
        memcpy(text->bytes + at, piece.ptr, piece.len);
        at += piece.len;
        body_advance(body, &origin->blobs, piece.len);
    }
    *body = body_of_text(text);
    return 0;
}

/* Replaces a body by its chunked form, RFC 9112 section 7.1. */
static int make_chunked(struct origin *origin, struct body *body)
{
    if (flatten(origin, body) != 0) {
        return -1;
    }
    size_t len = body->text->len;
    struct buf buf;
    buf_init(&buf, len + len / CHUNK_BYTES * 16 + 64);
    int status = 0;
    for (size_t at = 0; at < len; at += CHUNK_BYTES) {
        size_t n = len - at < CHUNK_BYTES ? len - at : CHUNK_BYTES;
        status |= buf_printf(&buf, "%zx\r\n", n);
        status |= buf_append(&buf, body->text->bytes + at, n);
        status |= buf_append_string(&buf, "\r\n");
    }
    status |= buf_append_string(&buf, "0\r\n\r\n");
    struct text *text = status == 0 ? text_new(buf.ptr, buf.len) : NULL;
    buf_release(&buf);
    if (text == NULL) {
        return -1;
    }
    body_release(body, &origin->blobs);
    *body = body_of_text(text);
    return 0;
}

static int replace_text(struct origin *origin, struct content *content, const void *bytes,
                        size_t len)
{
    body_release(&content->body, &origin->blobs);
    content->is_gzip = false;
    return text_content(content->type, bytes, len, content);
}

/* More bytes after the true ones, up to `len`, of a kind that a reader goes on believing in. */
static int make_longer(struct origin *origin, struct content *content, uint64_t len)
{
    static char packets[188 * 64];
    for (size_t at = 0; at < sizeof packets; at += 188) {
        memset(packets + at, 0xff, 188);
        packets[at] = 0x47;
        packets[at + 1] = 0x1f;
        packets[at + 3] = 0x10;
    }
    if (flatten(origin, &content->body) != 0) {
        return -1;
    }
    content->body.left = len > content->total ? len : content->total;
    content->total = content->body.left;
    content->body.block = content->is_playlist ? SPAN("# and so on, without an end\n")
                                               : span_of(packets, sizeof packets);
    return 0;
}

/* Puts in the place of the body what the plan says. */
static int apply_body_fault(struct origin *origin, const struct fault_plan *plan,
                            struct content *content)
{
    switch (plan->body) {
    case FAULT_BODY_HTML: {
        int status = replace_text(origin, content, html_page, sizeof html_page - 1);
        content->type = "text/html";
        return status;
    }
    case FAULT_BODY_SHORT_KEY:
        return replace_text(origin, content, "fifteen bytes..", 15);
    case FAULT_BODY_BAD_GZIP:
        /* A right gzip header, then a block type that does not exist. */
        return replace_text(origin, content, "\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff",
                            14);
    case FAULT_BODY_BAD_CHUNK:
        return replace_text(origin, content, "5\r\nhello\r\nzz\r\nnot a length\r\n", 28);
    case FAULT_BODY_ENDLESS:
        content->is_gzip = false;
        return make_longer(origin, content, BODY_ENDLESS);
    case FAULT_BODY_PADDED:
        return make_longer(origin, content, plan->body_bytes);
    case FAULT_BODY_WRONG_RANGE:
    case FAULT_BODY_NORMAL:
        break;
    }
    return 0;
}

static int put_content_fields(const struct content *content, const struct fault_plan *plan,
                              struct response *out)
{
    int failed = buf_printf(&out->head, "Content-Type: %s\r\n", content->type);
    if (plan->encoding.len > 0) {
        failed |=
            buf_printf(&out->head, "Content-Encoding: %.*s\r\n", SPAN_ARGS(plan->encoding));
    } else if (content->is_gzip || plan->body == FAULT_BODY_BAD_GZIP) {
        failed |= buf_append_string(&out->head, "Content-Encoding: gzip\r\n");
    }
    if (plan->cookie.len > 0) {
        failed |= buf_printf(&out->head, "Set-Cookie: %.*s\r\n", SPAN_ARGS(plan->cookie));
    }
    if (content->is_playlist) {
        failed |= buf_append_string(&out->head,
                                    "Cache-Control: no-cache\r\nVary: Accept-Encoding\r\n");
    } else {
        failed |= buf_append_string(&out->head, "Accept-Ranges: bytes\r\n");
    }
    return failed;
}

/* Says how long the body is, in whichever way the plan wants, and ends the head. */
static int put_framing(struct origin *origin, const struct fault_plan *plan,
                       struct content *content, struct response *out)
{
    if (plan->body == FAULT_BODY_BAD_CHUNK) {
        return buf_append_string(&out->head, "Transfer-Encoding: chunked\r\n\r\n");
    }
    if (plan->until_close || content->body.left == BODY_ENDLESS) {
        return buf_append_string(&out->head, "\r\n");
    }
    if (plan->chunked) {
        return make_chunked(origin, &content->body) |
               buf_append_string(&out->head, "Transfer-Encoding: chunked\r\n\r\n");
    }
    uint64_t len = plan->short_length ? content->body.left / 2 : content->body.left;
    return buf_printf(&out->head, "Content-Length: %" PRIu64 "\r\n\r\n", len);
}

static int respond_content(struct origin *origin, const struct request *request,
                           const struct fault_plan *plan, struct content *content,
                           struct response *out)
{
    uint64_t first = 0;
    uint64_t last = 0;
    if (apply_body_fault(origin, plan, content) != 0) {
        return -1;
    }
    int status = 200;
    if (!plan->ignore_range && plan->body != FAULT_BODY_ENDLESS &&
        plan->body != FAULT_BODY_PADDED) {
        status = apply_range(request, content, &first, &last);
    }
    if (status == 416) {
        char extra[64];
        snprintf(extra, sizeof extra, "Content-Range: bytes */%" PRIu64 "\r\n", content->total);
        body_release(&content->body, &origin->blobs);
        return respond_short(origin, status, extra, false, out);
    }
    if (status == 206 && plan->body == FAULT_BODY_WRONG_RANGE) {
        last = first + (last - first) / 2;
        content->body.left = last - first + 1;
    }
    out->keep_alive &= !plan->until_close && content->body.left != BODY_ENDLESS;
    int failed = put_status(origin, status, out);
    failed |= put_content_fields(content, plan, out);
    if (status == 206) {
        failed |= buf_printf(&out->head,
                             "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
                             first, last, content->total);
    }
    failed |= put_framing(origin, plan, content, out);
    if (span_equal(request->method, SPAN("HEAD"))) {
        body_release(&content->body, &origin->blobs);
    }
    out->body = content->body;
    out->cut = plan->cut;
    out->cut_after = plan->cut_after < UINT64_MAX ? plan->cut_after : content->body.left / 2;
    out->bandwidth_bps = plan->bandwidth_bps;
    if (plan->cut_anywhere) {
        size_t of_head =
            plan->cut_after < out->head.len ? (size_t)plan->cut_after : out->head.len;
        out->head.len = of_head;
        out->cut_after = plan->cut_after - of_head;
    }
    return failed;
}

static int respond_redirect(const struct origin *origin, const struct request *request,
                            const struct fault_plan *plan, struct response *out)
{
    char extra[REQUEST_TARGET_MAX + 128] = "";
    struct span folder = plan->redirect == FAULT_REDIRECT_FOLDER ? plan->folder : SPAN("");
    if (plan->redirect != FAULT_REDIRECT_INVALID) {
        snprintf(extra, sizeof extra, "Location: %.*s%.*s%s%.*s\r\n", SPAN_ARGS(folder),
                 SPAN_ARGS(request->path), request->query.len > 0 ? "?" : "",
                 SPAN_ARGS(request->query));
    }
    return respond_short(origin, 302, extra, false, out);
}

/* Answers that are no HTTP response at all. */
static int respond_nonsense(const struct fault_plan *plan, struct response *out)
{
    out->keep_alive = false;
    if (plan->answer == FAULT_ANSWER_GARBAGE) {
        return buf_append_string(&out->head, "SSH-2.0-OpenSSH_9.2p1\r\n\x01\x02\x03\r\n\r\n");
    }
    out->status = 200;
    out->body = body_of_block(SPAN("X-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"));
    return buf_append_string(&out->head, "HTTP/1.1 200 OK\r\n");
}

int respond_make(struct origin *origin, const struct request *request,
                 const struct fault_plan *plan, bool is_tls, struct response *out)
{
    bool is_head = span_equal(request->method, SPAN("HEAD"));
    out->keep_alive = request->keep_alive;
    out->cut = FAULT_CUT_NONE;
    if (plan->answer == FAULT_ANSWER_GARBAGE || plan->answer == FAULT_ANSWER_ENDLESS_HEADER) {
        return respond_nonsense(plan, out);
    }
    if (span_equal(request->method, SPAN("OPTIONS"))) {
        return respond_short(
            origin, 204,
            "Allow: GET, HEAD, OPTIONS\r\nAccess-Control-Allow-Methods: GET\r\n"
            "Access-Control-Allow-Headers: *\r\n",
            true, out);
    }
    if (!is_head && !span_equal(request->method, SPAN("GET"))) {
        return respond_short(origin, 405, "Allow: GET, HEAD, OPTIONS\r\n", false, out);
    }
    if (plan->redirect != FAULT_REDIRECT_NONE) {
        return respond_redirect(origin, request, plan, out);
    }
    if (plan->status > 0) {
        return respond_short(origin, plan->status, "", is_head, out);
    }
    struct content content = {0};
    switch (find_content(origin, request, plan, is_tls, out, &content)) {
    case 0:
        return respond_content(origin, request, plan, &content, out);
    case 1:
        return respond_short(origin, 404, "", is_head, out);
    default:
        return respond_short(origin, 500, "", is_head, out);
    }
}
