/* HTTP/1.1 as a client reads it (RFC 9112): response heads, message bodies in all their
 * framings, header fields. Pure: it looks at the caller's bytes, keeps no copy, allocates
 * nothing, and gives the same answer however the bytes are cut. Writing requests is
 * http1_request.h.
 *
 *     struct http1_scan scan = {0};
 *     while ((head_len = http1_scan_head(&scan, bytes, len)) == 0) … read more behind bytes …
 *     http1_parse_response(span_of(bytes, head_len), &response);
 *     http1_body_start(&body, response.framing, response.content_length);
 *     while (!http1_body_is_done(&body)) http1_body_feed(&body, more, &used, &data);
 *
 * Lenient where servers are known to differ without harm: a bare LF ends a line, the reason may
 * be missing. Strict where leniency lets one message be read as two: folded lines, spaces
 * before the colon, control bytes, conflicting lengths, unknown transfer codings are refused.
 */
#ifndef NET_HTTP1_H
#define NET_HTTP1_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the search for the end of a head has got to; zero it before a new head. */
struct http1_scan {
    size_t checked; /* bytes that need not be looked at again */
};

/* The length of the head (request or response) that `bytes` begins with, its empty line
 * included, or 0 while the empty line is not there. Call again with the same bytes and more
 * behind them; each byte is looked at once over all calls. */
size_t http1_scan_head(struct http1_scan *scan, const char *bytes, size_t len);

/* Whether the bytes can be the beginning of a response of HTTP/1.x: false as soon as they
 * cannot. */
bool http1_may_be_response(const char *bytes, size_t len);

/* A header field. */
struct http1_field {
    struct span name;  /* as written */
    struct span value; /* without spaces around it */
};

/* Takes the next field off *fields (whole lines, as in http1_response.fields). Returns 1, or 0
 * at the end, or -1 when the line is none that RFC 9112 section 5 allows. */
int http1_field_next(struct span *fields, struct http1_field *out);

/* Whether well-formed lines hold a field of that name, without regard to case. */
bool http1_fields_have(struct span fields, struct span name);

/* How the end of a body is told (RFC 9112 section 6.3). */
enum http1_framing {
    HTTP1_FRAMING_NONE, /* there is no body */
    HTTP1_FRAMING_LENGTH,
    HTTP1_FRAMING_CHUNKED,
    HTTP1_FRAMING_CLOSE, /* the body ends with the connection */
};

enum http1_coding {
    HTTP1_CODING_IDENTITY,
    HTTP1_CODING_GZIP,
    HTTP1_CODING_DEFLATE,
    HTTP1_CODING_BR,
    HTTP1_CODING_UNKNOWN, /* another one, or several */
};

/* Spans point into the head. */
struct http1_response {
    struct span fields; /* the lines of the header section, for http1_field_next */
    struct span location;
    struct span content_type;
    struct span x_cache; /* the last such field; empty without, as the next */
    struct span cf_cache_status;
    uint64_t content_length;          /* with HTTP1_FRAMING_LENGTH */
    uint64_t range_first, range_last; /* with has_content_range, both included */
    int64_t age_s;                    /* -1: absent or not a number */
    int64_t retry_after_s;            /* -1: absent or a date */
    enum http1_framing framing;
    enum http1_coding coding;
    uint16_t status; /* 100 … 599 */
    uint8_t minor;   /* of the version: 0 for HTTP/1.0 */
    bool keep_alive; /* the connection can take another request after the body */
    bool has_location;
    bool has_content_range; /* of unit bytes, well-formed, with a range */
    bool has_set_cookie;
};

/* Reads a whole response head to a GET, as found by http1_scan_head. Returns 0, or -1 with *out
 * undefined when it is not one. */
int http1_parse_response(struct span head, struct http1_response *out);

/* A message body on its way in. */
struct http1_body {
    uint64_t left;    /* bytes that are content for sure: of the body, or of this chunk */
    uint64_t content; /* bytes of content so far, framing left out */
    uint32_t line;    /* bytes of the framing line or trailer section so far */
    uint8_t framing;  /* enum http1_framing */
    uint8_t state;
};

enum http1_step {
    HTTP1_MORE,      /* what was given is used up as far as it goes; the body goes on */
    HTTP1_DONE,      /* the body is whole; bytes after `used` belong to no one */
    HTTP1_MALFORMED, /* chunked framing broken */
};

void http1_body_start(struct http1_body *body, enum http1_framing framing,
                      uint64_t content_length);

bool http1_body_is_done(const struct http1_body *body);

/* Takes bytes in until it comes upon content or the end of `bytes`: *used of them are done
 * with, and *data is the content among these, at their end, possibly empty. Call again with the
 * rest as long as there is one and the result is HTTP1_MORE. */
enum http1_step http1_body_feed(struct http1_body *body, struct span bytes, size_t *used,
                                struct span *data);

/* How many coming bytes are content whatever they are, and so may be discarded unseen. Asking
 * for no more than this never runs into the framing or past the body. */
uint64_t http1_body_skippable(const struct http1_body *body);

/* n bytes of content, at most http1_body_skippable, were discarded unseen. */
enum http1_step http1_body_skip(struct http1_body *body, uint64_t n);

/* The connection ended in the body: HTTP1_DONE when that is how this one ends, otherwise
 * HTTP1_MALFORMED, for a body cut short. */
enum http1_step http1_body_end(struct http1_body *body);

#endif
