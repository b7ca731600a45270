/* The HTTP observer: metrics, the API, server-sent events and the page, over libmicrohttpd.
 *
 *     GET  /                  the page (and the files it needs)
 *     GET  /healthz           "ok" while the process lives
 *     GET  /metrics           Prometheus text, or OpenMetrics when asked for by Accept
 *     GET  /api/v1/snapshot   live_json.h
 *     GET  /api/v1/history    the timeline by columns; ?first=N: from row N on
 *     GET  /api/v1/events     server-sent events: one snapshot a second
 *     POST /api/v1/target     ?viewers=N sets the target
 *     POST /api/v1/stop       as an interrupt
 *
 * With a token /metrics and the API ask for it ("Authorization: Bearer TOKEN" or ?token=TOKEN).
 * Without one the two POSTs are refused. POSTs from a page of another origin always are.
 *
 * One thread of libmicrohttpd serves, one makes the events. Clients cost bounded memory each
 * and there is a bound on their number; one that does not read is dropped after a time. */
#ifndef VIEW_WEB_H
#define VIEW_WEB_H

#include "base/err.h"
#include "view/frame.h"

struct web;

struct web_options {
    const char *address; /* numeric */
    uint16_t port;       /* 0: the system chooses */
    bool port_exact;     /* busy is an error; else the next free one of 32 is taken */
    const char *token;   /* NULL: none */
};

/* Takes ownership of both sources, also on failure: one for each of its threads. Returns NULL
 * with *err filled when it cannot listen. */
struct web *web_start(const struct web_options *options, struct frame_source *requests,
                      struct frame_source *events, struct err *err);

/* "http://127.0.0.1:17091/"; valid until web_stop. */
const char *web_url(const struct web *web);

/* Ends connections and threads. NULL is a no-op. */
void web_stop(struct web *web);

#endif
