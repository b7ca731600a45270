#include "origin/request.h"

#include "base/field.h"

#include <ctype.h>

static enum request_state refuse(struct request *out, int status)
{
    out->status = status;
    return REQUEST_REFUSED;
}

/* Takes the next line off *rest, its line end removed. Returns false when it is not whole. */
static bool take_line(struct span *rest, struct span *line)
{
    size_t end = span_find(*rest, '\n');
    if (end == rest->len) {
        return false;
    }
    *line = span_of(rest->ptr, end);
    rest->ptr += end + 1;
    rest->len -= end + 1;
    if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

/* Splits the target into path and query. The absolute form loses scheme and authority. */
static bool parse_target(struct span target, struct request *out)
{
    static const struct span schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < 2; i++) {
        struct span head = span_of(target.ptr, schemes[i].len);
        if (target.len > schemes[i].len && span_equal_nocase(head, schemes[i])) {
            target = span_skip(target, schemes[i].len);
            target = span_skip(target, span_find(target, '/'));
            break;
        }
    }
    if (target.len == 0 || (target.ptr[0] != '/' && !span_equal(target, SPAN("*")))) {
        return false;
    }
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c == 0x7f) {
            return false;
        }
    }
    target.len = span_find(target, '#');
    out->query = target;
    out->path = span_cut(&out->query, '?');
    return true;
}

static int parse_request_line(struct span line, struct request *out)
{
    struct span rest = line;
    out->method = span_cut(&rest, ' ');
    struct span target = span_cut(&rest, ' ');
    if (!field_is_name(out->method)) {
        return 400;
    }
    if (target.len > REQUEST_TARGET_MAX) {
        return 414;
    }
    if (!span_starts_with(rest, SPAN("HTTP/")) || rest.len != 8 || rest.ptr[6] != '.' ||
        !isdigit((unsigned char)rest.ptr[5]) || !isdigit((unsigned char)rest.ptr[7])) {
        return 400;
    }
    if (rest.ptr[5] != '1') {
        return 505;
    }
    out->is_http_1_0 = rest.ptr[7] == '0';
    out->keep_alive = !out->is_http_1_0;
    return parse_target(target, out) ? 0 : 400;
}

/* Range: a field that is broken or asks for several ranges is ignored, as RFC 9110 section
 * 14.2 lets a server do. */
static void parse_range(struct span value, struct request *out)
{
    out->range_text = value;
    out->range = REQUEST_RANGE_NONE;
    struct span rest = value;
    struct span unit = span_cut(&rest, '=');
    if (!span_equal_nocase(span_trim(unit), SPAN("bytes")) ||
        span_find(rest, '-') == rest.len || span_find(rest, ',') < rest.len) {
        return;
    }
    struct span last = span_trim(rest);
    struct span first = span_cut(&last, '-');
    uint64_t from = 0;
    uint64_t to = 0;
    bool has_from = span_to_u64(first, &from);
    bool has_to = span_to_u64(last, &to);
    if ((first.len > 0 && !has_from) || (last.len > 0 && !has_to) || (!has_from && !has_to) ||
        (has_from && has_to && from > to)) {
        return;
    }
    out->range_first = from;
    out->range_last = to;
    if (!has_from) {
        out->range = REQUEST_RANGE_SUFFIX;
    } else {
        out->range = has_to ? REQUEST_RANGE_WITHIN : REQUEST_RANGE_FROM;
    }
}

/* Whether a comma separated list names `word`, and not with the weight ;q=0. */
static bool list_names(struct span list, struct span word)
{
    while (list.len > 0) {
        struct span params = span_cut(&list, ',');
        struct span item = span_trim(span_cut(&params, ';'));
        if (!span_equal_nocase(item, word)) {
            continue;
        }
        struct span weight = span_trim(params);
        if (!span_starts_with(weight, SPAN("q=0"))) {
            return true;
        }
        weight = span_skip(weight, 3);
        for (size_t i = 0; i < weight.len; i++) {
            if (weight.ptr[i] >= '1' && weight.ptr[i] <= '9') {
                return true;
            }
        }
    }
    return false;
}

/* Notes what one field line means to us. Returns 0 or the status to refuse with. */
static int parse_field(struct span name, struct span value, struct request *out,
                       bool *has_length)
{
    if (span_equal_nocase(name, SPAN("host"))) {
        out->host = value;
    } else if (span_equal_nocase(name, SPAN("user-agent"))) {
        out->user_agent = value;
    } else if (span_equal_nocase(name, SPAN("range"))) {
        parse_range(value, out);
    } else if (span_equal_nocase(name, SPAN("accept-encoding"))) {
        out->accepts_gzip |= list_names(value, SPAN("gzip"));
    } else if (span_equal_nocase(name, SPAN("connection"))) {
        if (list_names(value, SPAN("close"))) {
            out->keep_alive = false;
        } else if (out->is_http_1_0 && list_names(value, SPAN("keep-alive"))) {
            out->keep_alive = true;
        }
    } else if (span_equal_nocase(name, SPAN("content-length"))) {
        uint64_t length = 0;
        if (!span_to_u64(value, &length) || (*has_length && length != out->content_length)) {
            return 400;
        }
        out->content_length = length;
        *has_length = true;
    } else if (span_equal_nocase(name, SPAN("transfer-encoding"))) {
        return 501;
    }
    return 0;
}

static int parse_field_line(struct span line, struct request *out, bool *has_length)
{
    struct span value = line;
    struct span name = span_cut(&value, ':');
    /* Without a colon the name is the whole line, which a token with a space is not; a folded
     * line begins with a space and is refused the same way. */
    if (name.len == line.len || !field_is_name(name)) {
        return 400;
    }
    value = span_trim(value);
    if (field_has_control(value)) {
        return 400;
    }
    return parse_field(name, value, out, has_length);
}

enum request_state request_parse(struct span bytes, struct request *out)
{
    *out = (struct request){0};
    struct span rest = bytes;
    if (rest.len > REQUEST_HEAD_MAX) {
        rest.len = REQUEST_HEAD_MAX;
    }
    enum request_state unfinished =
        bytes.len >= REQUEST_HEAD_MAX ? refuse(out, 431) : REQUEST_INCOMPLETE;
    struct span line;
    /* Empty lines before the request line are skipped, RFC 9112 section 2.2. */
    do {
        if (!take_line(&rest, &line)) {
            return unfinished;
        }
    } while (line.len == 0);
    out->status = parse_request_line(line, out);
    if (out->status != 0) {
        return REQUEST_REFUSED;
    }
    bool has_length = false;
    for (;;) {
        if (!take_line(&rest, &line)) {
            return bytes.len >= REQUEST_HEAD_MAX ? refuse(out, 431) : REQUEST_INCOMPLETE;
        }
        if (line.len == 0) {
            break;
        }
        int status = parse_field_line(line, out, &has_length);
        if (status != 0) {
            return refuse(out, status);
        }
    }
    out->head_bytes = (size_t)(rest.ptr - bytes.ptr);
    return REQUEST_COMPLETE;
}
