/* Parses the head of an HTTP/1.1 request (RFC 9112) out of bytes as they have come so far. It
 * neither reads nor allocates: spans point into the caller's bytes. It is strict where laxness
 * would let two readers disagree (folded lines, space before a colon, two lengths), and takes
 * bare LF as a line end.
 *
 * Pure, any thread. */
#ifndef ORIGIN_REQUEST_H
#define ORIGIN_REQUEST_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* A longer head is refused with 431, a longer target with 414. */
#define REQUEST_HEAD_MAX   16384
#define REQUEST_TARGET_MAX 8192

enum request_state {
    REQUEST_INCOMPLETE, /* valid so far, more bytes are needed */
    REQUEST_COMPLETE,   /* the whole head is there */
    REQUEST_REFUSED,    /* answer with `status` and close */
};

/* What the Range field asks for (RFC 9110 section 14.2). */
enum request_range {
    REQUEST_RANGE_NONE,   /* absent, or to be ignored: another unit, broken, several ranges */
    REQUEST_RANGE_FROM,   /* bytes=first- */
    REQUEST_RANGE_WITHIN, /* bytes=first-last, first <= last */
    REQUEST_RANGE_SUFFIX, /* bytes=-last: the last `last` bytes */
};

struct request {
    struct span method;
    struct span path;  /* of the target, as sent, without query; begins with '/' */
    struct span query; /* without '?'; may be empty */
    struct span host;
    struct span user_agent;
    struct span range_text; /* the Range field as sent; empty when absent */
    uint64_t range_first, range_last;
    uint64_t content_length; /* of a body that follows; 0 when none is announced */
    size_t head_bytes;       /* through the empty line */
    enum request_range range;
    int status; /* when refused: 400, 414, 431, 501 or 505 */
    bool is_http_1_0;
    bool keep_alive;
    bool accepts_gzip;
};

/* Parses from the start of `bytes`. *out is whole only when COMPLETE; when REFUSED its status
 * and what was understood until then are set, the rest is empty. */
enum request_state request_parse(struct span bytes, struct request *out);

#endif
