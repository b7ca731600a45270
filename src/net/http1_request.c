#include "net/http1_request.h"

#include "net/http1.h"

static bool is_replaced(const struct http1_request *request, struct span name)
{
    return (request->extra[0].len > 0 && http1_fields_have(request->extra[0], name)) ||
           (request->extra[1].len > 0 && http1_fields_have(request->extra[1], name));
}

static int write_field(struct buf *out, const struct http1_request *request, struct span name,
                       struct span value)
{
    if (value.len == 0 || is_replaced(request, name)) {
        return 0;
    }
    if (buf_reserve(out, name.len + value.len + 4) != 0) {
        return -1;
    }
    buf_append_span(out, name);
    buf_append_span(out, SPAN(": "));
    buf_append_span(out, value);
    return buf_append_span(out, SPAN("\r\n"));
}

static int write_request_line(struct buf *out, struct span target)
{
    if (buf_reserve(out, target.len + 16) != 0) {
        return -1;
    }
    buf_append_span(out, SPAN("GET "));
    if (target.len == 0 || target.ptr[0] != '/') {
        buf_append_span(out, SPAN("/"));
    }
    buf_append_span(out, target);
    return buf_append_span(out, SPAN(" HTTP/1.1\r\n"));
}

static int write_range(struct buf *out, const struct http1_request *request)
{
    if (!request->has_range) {
        return 0;
    }
    return request->range_last == UINT64_MAX
               ? buf_printf(out, "Range: bytes=%llu-\r\n",
                            (unsigned long long)request->range_first)
               : buf_printf(out, "Range: bytes=%llu-%llu\r\n",
                            (unsigned long long)request->range_first,
                            (unsigned long long)request->range_last);
}

int http1_write_request(struct buf *out, const struct http1_request *request)
{
    bool failed =
        write_request_line(out, request->target) != 0 ||
        write_field(out, request, SPAN("Host"), request->host) != 0 ||
        write_field(out, request, SPAN("User-Agent"), request->user_agent) != 0 ||
        write_field(out, request, SPAN("Accept"), SPAN("*/*")) != 0 ||
        write_field(out, request, SPAN("Accept-Encoding"), request->accept_encoding) != 0 ||
        write_range(out, request) != 0;
    if (!failed && request->cookie.len > 0) {
        failed = buf_append_span(out, SPAN("Cookie: ")) != 0 ||
                 buf_append_span(out, request->cookie) != 0 ||
                 buf_append_span(out, SPAN("\r\n")) != 0;
    }
    failed = failed || buf_append_span(out, request->extra[0]) != 0 ||
             buf_append_span(out, request->extra[1]) != 0 ||
             buf_append_span(out, SPAN("\r\n")) != 0;
    return failed ? -1 : 0;
}
