#include "net/http1.h"

#include "base/field.h"

#include <assert.h>

enum {
    /* The longest line of chunk size and extensions that is read through; real ones have 10
     * bytes. */
    CHUNK_LINE_MAX = 4096,
    TRAILERS_MAX = 65536,
};

size_t http1_scan_head(struct http1_scan *scan, const char *bytes, size_t len)
{
    size_t at = scan->checked;
    for (;;) {
        const char *newline = at < len ? memchr(bytes + at, '\n', len - at) : NULL;
        if (newline == NULL) {
            scan->checked = len;
            return 0;
        }
        at = (size_t)(newline - bytes);
        size_t after = at + 1;
        if (after < len && bytes[after] == '\r') {
            after++;
        }
        if (after >= len) {
            /* What follows this line end decides. */
            scan->checked = at;
            return 0;
        }
        if (bytes[after] == '\n') {
            return after + 1;
        }
        at++;
    }
}

bool http1_may_be_response(const char *bytes, size_t len)
{
    static const char start[] = "HTTP/1.";
    size_t known = sizeof(start) - 1;
    return memcmp(bytes, start, len < known ? len : known) == 0;
}

/* Takes a line off *rest, without its line end. */
static struct span take_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

int http1_field_next(struct span *fields, struct http1_field *out)
{
    struct span line = take_line(fields);
    if (line.len == 0) {
        return fields->len == 0 ? 0 : -1;
    }
    size_t colon = span_find(line, ':');
    struct span name = span_of(line.ptr, colon);
    /* A folded line begins with a space, which is in no token: RFC 9112 section 5.2 lets a user
     * agent refuse it. */
    if (colon == line.len || !field_is_name(name)) {
        return -1;
    }
    struct span value = span_trim(span_skip(line, colon + 1));
    if (field_has_control(value)) {
        return -1;
    }
    out->name = name;
    out->value = value;
    return 1;
}

bool http1_fields_have(struct span fields, struct span name)
{
    struct http1_field field;
    while (http1_field_next(&fields, &field) > 0) {
        if (span_equal_nocase(field.name, name)) {
            return true;
        }
    }
    return false;
}

/* What the fields say, before section 6.3 of RFC 9112 makes a framing of it. */
struct collected {
    bool has_length;
    bool has_coding;
    bool chunked;
    bool close;
    bool stays;
};

/* Several equal values count as one (RFC 9110 section 8.6). */
static int read_content_length(struct span value, struct collected *seen, uint64_t *length)
{
    do {
        uint64_t number;
        struct span item = span_trim(span_cut(&value, ','));
        if (!span_to_u64(item, &number) || (seen->has_length && number != *length)) {
            return -1;
        }
        seen->has_length = true;
        *length = number;
    } while (value.len > 0);
    return 0;
}

static int read_transfer_encoding(struct span value, struct collected *seen)
{
    while (value.len > 0) {
        struct span coding = span_trim(span_cut(&value, ','));
        if (coding.len == 0) {
            continue;
        }
        /* We never ask for another coding; "identity" is obsolete and harmless. Anything after
         * chunked would hide where the body ends. */
        if (seen->chunked) {
            return -1;
        }
        if (span_equal_nocase(coding, SPAN("chunked"))) {
            seen->chunked = true;
        } else if (!span_equal_nocase(coding, SPAN("identity"))) {
            return -1;
        }
    }
    seen->has_coding = true;
    return 0;
}

static void read_connection(struct span value, struct collected *seen)
{
    while (value.len > 0) {
        struct span option = span_trim(span_cut(&value, ','));
        seen->close |= span_equal_nocase(option, SPAN("close"));
        seen->stays |= span_equal_nocase(option, SPAN("keep-alive"));
    }
}

static enum http1_coding content_coding(struct span value)
{
    if (span_equal_nocase(value, SPAN("gzip")) || span_equal_nocase(value, SPAN("x-gzip"))) {
        return HTTP1_CODING_GZIP;
    }
    if (span_equal_nocase(value, SPAN("br"))) {
        return HTTP1_CODING_BR;
    }
    if (span_equal_nocase(value, SPAN("deflate"))) {
        return HTTP1_CODING_DEFLATE;
    }
    if (value.len == 0 || span_equal_nocase(value, SPAN("identity"))) {
        return HTTP1_CODING_IDENTITY;
    }
    return HTTP1_CODING_UNKNOWN;
}

/* "bytes 0-499/1234" or "bytes 0-499" followed by "/" and "*" (RFC 9110 section 14.4). */
static void read_content_range(struct span value, struct http1_response *out)
{
    struct span unit = span_cut(&value, ' ');
    if (!span_equal_nocase(unit, SPAN("bytes"))) {
        return;
    }
    struct span range = span_cut(&value, '/');
    struct span first = span_cut(&range, '-');
    uint64_t total = 0;
    bool has_total = span_to_u64(span_trim(value), &total);
    uint64_t from;
    uint64_t to;
    if (!span_to_u64(span_trim(first), &from) || !span_to_u64(span_trim(range), &to) ||
        to < from || (!has_total && !span_equal(span_trim(value), SPAN("*"))) ||
        (has_total && to >= total)) {
        return;
    }
    out->range_first = from;
    out->range_last = to;
    out->has_content_range = true;
}

static int64_t read_seconds(struct span value)
{
    uint64_t number;
    /* Larger ones mean "very long" all the same (RFC 9111 section 1.2.2). */
    const uint64_t most = UINT64_C(1) << 31;
    if (!span_to_u64(value, &number)) {
        return -1;
    }
    return (int64_t)(number < most ? number : most);
}

/* One coding is undone, not several one after another. */
static enum http1_coding joined_coding(enum http1_coding before, struct span value)
{
    return before == HTTP1_CODING_IDENTITY ? content_coding(value) : HTTP1_CODING_UNKNOWN;
}

static int read_field(const struct http1_field *field, struct http1_response *out,
                      struct collected *seen)
{
    struct span name = field->name;
    struct span value = field->value;
    /* The length of the name leaves one or two candidates. */
    switch (name.len) {
    case 3:
        if (span_equal_nocase(name, SPAN("Age"))) {
            out->age_s = read_seconds(value);
        }
        return 0;
    case 7:
        if (span_equal_nocase(name, SPAN("X-Cache"))) {
            out->x_cache = value;
        }
        return 0;
    case 8:
        if (span_equal_nocase(name, SPAN("Location"))) {
            out->location = value;
            out->has_location = true;
        }
        return 0;
    case 10:
        if (span_equal_nocase(name, SPAN("Connection"))) {
            read_connection(value, seen);
        } else if (span_equal_nocase(name, SPAN("Set-Cookie"))) {
            out->has_set_cookie = true;
        }
        return 0;
    case 11:
        if (span_equal_nocase(name, SPAN("Retry-After"))) {
            out->retry_after_s = read_seconds(value);
        }
        return 0;
    case 12:
        if (span_equal_nocase(name, SPAN("Content-Type"))) {
            out->content_type = value;
        }
        return 0;
    case 13:
        if (span_equal_nocase(name, SPAN("Content-Range"))) {
            read_content_range(value, out);
        }
        return 0;
    case 14:
        if (span_equal_nocase(name, SPAN("Content-Length"))) {
            return read_content_length(value, seen, &out->content_length);
        }
        return 0;
    case 15:
        if (span_equal_nocase(name, SPAN("CF-Cache-Status"))) {
            out->cf_cache_status = value;
        }
        return 0;
    case 16:
        if (span_equal_nocase(name, SPAN("Content-Encoding"))) {
            out->coding = joined_coding(out->coding, value);
        }
        return 0;
    case 17:
        if (span_equal_nocase(name, SPAN("Transfer-Encoding"))) {
            return read_transfer_encoding(value, seen);
        }
        return 0;
    default:
        return 0;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1." DIGIT SP 3DIGIT [ SP reason ] (RFC 9112 section 4). */
static int read_status_line(struct span line, struct http1_response *out)
{
    enum { VERSION_LEN = 8, LEN = 12 };
    if (line.len < LEN || !http1_may_be_response(line.ptr, line.len) ||
        !is_digit(line.ptr[7]) || line.ptr[VERSION_LEN] != ' ' ||
        (line.len > LEN && line.ptr[LEN] != ' ') || field_has_control(line)) {
        return -1;
    }
    unsigned status = 0;
    for (int i = VERSION_LEN + 1; i < LEN; i++) {
        if (!is_digit(line.ptr[i])) {
            return -1;
        }
        status = status * 10 + (unsigned)(line.ptr[i] - '0');
    }
    if (status < 100 || status > 599) {
        return -1;
    }
    out->status = (uint16_t)status;
    out->minor = (uint8_t)(line.ptr[7] - '0');
    return 0;
}

/* RFC 9112 section 6.3. */
static enum http1_framing framing_of(const struct collected *seen, unsigned status)
{
    if (status < 200 || status == 204 || status == 304) {
        return HTTP1_FRAMING_NONE;
    }
    if (seen->chunked) {
        return HTTP1_FRAMING_CHUNKED;
    }
    return seen->has_length ? HTTP1_FRAMING_LENGTH : HTTP1_FRAMING_CLOSE;
}

int http1_parse_response(struct span head, struct http1_response *out)
{
    *out = (struct http1_response){.age_s = -1, .retry_after_s = -1};
    struct span rest = head;
    if (read_status_line(take_line(&rest), out) != 0) {
        return -1;
    }
    out->fields = rest;
    struct collected seen = {0};
    for (;;) {
        struct http1_field field;
        int got = http1_field_next(&rest, &field);
        if (got <= 0) {
            if (got < 0) {
                return -1;
            }
            break;
        }
        if (read_field(&field, out, &seen) != 0) {
            return -1;
        }
    }
    out->framing = framing_of(&seen, out->status);
    if (out->framing != HTTP1_FRAMING_LENGTH) {
        out->content_length = 0;
    }
    bool stays = out->minor >= 1 ? !seen.close : seen.stays && !seen.close;
    /* Both a length and a transfer coding: the coding holds, and the connection ends with it,
     * for the sender and its proxies may disagree (RFC 9112 section 6.3, item 3). After 101
     * it speaks another protocol. */
    out->keep_alive = stays && out->framing != HTTP1_FRAMING_CLOSE &&
                      !(seen.has_coding && seen.has_length) && out->status != 101;
    return 0;
}

enum body_state {
    BODY_DATA,         /* `left` bytes of content come next */
    BODY_DATA_CR,      /* the line end after a chunk's content */
    BODY_DATA_LF,      /* its LF */
    BODY_SIZE_FIRST,   /* a chunk size must begin */
    BODY_SIZE,         /* and goes on */
    BODY_EXTENSION,    /* skipped up to the line end */
    BODY_SIZE_LF,      /* CR was seen */
    BODY_TRAILER,      /* at the beginning of a trailer line */
    BODY_TRAILER_LINE, /* inside one */
    BODY_TRAILER_LF,   /* CR at its beginning */
    BODY_DONE,
    BODY_BROKEN,
};

void http1_body_start(struct http1_body *body, enum http1_framing framing,
                      uint64_t content_length)
{
    *body = (struct http1_body){.framing = (uint8_t)framing};
    switch (framing) {
    case HTTP1_FRAMING_NONE:
        body->state = BODY_DONE;
        break;
    case HTTP1_FRAMING_LENGTH:
        body->left = content_length;
        body->state = content_length == 0 ? BODY_DONE : BODY_DATA;
        break;
    case HTTP1_FRAMING_CHUNKED:
        body->state = BODY_SIZE_FIRST;
        break;
    case HTTP1_FRAMING_CLOSE:
        body->left = UINT64_MAX;
        body->state = BODY_DATA;
        break;
    }
}

bool http1_body_is_done(const struct http1_body *body)
{
    return body->state == BODY_DONE;
}

uint64_t http1_body_skippable(const struct http1_body *body)
{
    /* While a chunk size is being read, `left` holds what there is of it. */
    return body->state == BODY_DATA ? body->left : 0;
}

static int hex_digit(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static uint8_t size_is_over(struct http1_body *body)
{
    body->line = 0;
    return body->left == 0 ? BODY_TRAILER : BODY_DATA;
}

/* After the digits: spaces, extensions, line end. */
static uint8_t after_size(struct http1_body *body, char c)
{
    switch (c) {
    case '\n':
        return size_is_over(body);
    case '\r':
        return BODY_SIZE_LF;
    case ' ':
    case '\t':
    case ';':
        return BODY_EXTENSION;
    default:
        return BODY_BROKEN;
    }
}

static uint8_t on_size_byte(struct http1_body *body, char c)
{
    int digit = hex_digit(c);
    if (digit < 0) {
        return body->state == BODY_SIZE ? after_size(body, c) : BODY_BROKEN;
    }
    if (body->left >> 60 != 0) {
        return BODY_BROKEN;
    }
    body->left = body->left << 4 | (uint64_t)digit;
    return BODY_SIZE;
}

/* One byte of framing. Returns the next state. */
static uint8_t on_frame_byte(struct http1_body *body, char c)
{
    bool line_end = c == '\n';
    switch (body->state) {
    case BODY_DATA_CR:
        return line_end ? BODY_SIZE_FIRST : c == '\r' ? BODY_DATA_LF : BODY_BROKEN;
    case BODY_DATA_LF:
        return line_end ? BODY_SIZE_FIRST : BODY_BROKEN;
    case BODY_SIZE_FIRST:
    case BODY_SIZE:
        return on_size_byte(body, c);
    case BODY_EXTENSION:
        return line_end ? size_is_over(body) : c == '\r' ? BODY_SIZE_LF : BODY_EXTENSION;
    case BODY_SIZE_LF:
        return line_end ? size_is_over(body) : BODY_BROKEN;
    case BODY_TRAILER:
        return line_end ? BODY_DONE : c == '\r' ? BODY_TRAILER_LF : BODY_TRAILER_LINE;
    case BODY_TRAILER_LINE:
        return line_end ? BODY_TRAILER : BODY_TRAILER_LINE;
    case BODY_TRAILER_LF:
        return line_end ? BODY_DONE : BODY_BROKEN;
    default:
        return BODY_BROKEN;
    }
}

static bool line_is_too_long(const struct http1_body *body)
{
    bool trailer = body->state == BODY_TRAILER || body->state == BODY_TRAILER_LINE ||
                   body->state == BODY_TRAILER_LF;
    return body->line > (trailer ? TRAILERS_MAX : CHUNK_LINE_MAX);
}

enum http1_step http1_body_skip(struct http1_body *body, uint64_t n)
{
    assert(body->state == BODY_DATA && n <= body->left);
    body->content += n;
    if (body->framing == HTTP1_FRAMING_CLOSE) {
        return HTTP1_MORE;
    }
    body->left -= n;
    if (body->left == 0 && body->state == BODY_DATA) {
        body->state =
            body->framing == HTTP1_FRAMING_CHUNKED ? (uint8_t)BODY_DATA_CR : (uint8_t)BODY_DONE;
    }
    return body->state == BODY_DONE ? HTTP1_DONE : HTTP1_MORE;
}

static enum http1_step step_of(const struct http1_body *body)
{
    return body->state == BODY_DONE     ? HTTP1_DONE
           : body->state == BODY_BROKEN ? HTTP1_MALFORMED
                                        : HTTP1_MORE;
}

enum http1_step http1_body_feed(struct http1_body *body, struct span bytes, size_t *used,
                                struct span *data)
{
    size_t at = 0;
    *data = span_of(bytes.ptr, 0);
    while (at < bytes.len && body->state != BODY_DONE && body->state != BODY_BROKEN) {
        if (body->state == BODY_DATA) {
            size_t n = bytes.len - at;
            n = n < body->left ? n : (size_t)body->left;
            *data = span_of(bytes.ptr + at, n);
            *used = at + n;
            return http1_body_skip(body, n);
        }
        body->line++;
        body->state = on_frame_byte(body, bytes.ptr[at]);
        at++;
        if (line_is_too_long(body)) {
            body->state = BODY_BROKEN;
        }
    }
    *used = at;
    return step_of(body);
}

enum http1_step http1_body_end(struct http1_body *body)
{
    if (body->state == BODY_DATA && body->framing == HTTP1_FRAMING_CLOSE) {
        body->state = BODY_DONE;
    }
    return body->state == BODY_DONE ? HTTP1_DONE : HTTP1_MALFORMED;
}
