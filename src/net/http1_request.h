/* Writing the head of a GET (RFC 9112 section 3). Pure but for the buffer it writes into. */
#ifndef NET_HTTP1_REQUEST_H
#define NET_HTTP1_REQUEST_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* All spans are written as they are: they must hold no control bytes. */
struct http1_request {
    struct span target;     /* path and query; "/" is put before what lacks it */
    struct span host;       /* the Host field: name and, unless the scheme's, port */
    struct span user_agent; /* left out when empty, as are the next three */
    struct span accept_encoding;
    struct span cookie;
    struct span extra[2]; /* whole lines "Name: value\r\n…"; a field in them replaces ours of
                             the same name, and a Cookie there is sent beside ours */
    bool has_range;
    uint64_t range_first;
    uint64_t range_last; /* UINT64_MAX: open */
};

/* Appends the head with its empty line. Returns 0, or -1 when it passes the buffer's limit. */
int http1_write_request(struct buf *out, const struct http1_request *request);

#endif
