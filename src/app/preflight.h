/* What is looked at before the first viewer comes: the stream, and whether this machine can
 * hold the load. Every failure says what to do. Its requests carry the user agent
 * shoal-preflight/VERSION and are in no counter. Main thread. */
#ifndef APP_PREFLIGHT_H
#define APP_PREFLIGHT_H

#include "base/err.h"
#include "media/m3u8.h"
#include "net/net.h"
#include "stats/metrics.h"

#include <stdbool.h>
#include <stdint.h>

struct preflight_stream {
    struct m3u8 *top;   /* what the URL holds; owned */
    struct m3u8 *media; /* its first variant's playlist, or `top` again; owned */
    union net_address servers[METRIC_SERVERS_MAX]; /* where requests will go, ports 0 */
    uint32_t server_count;
    uint64_t connection_bytes; /* of ours for each connection, TLS apart */
};

/* Fetches the URL and, where that is a multivariant playlist, its first variant's playlist.
 * Returns 0, or -1 with *err filled and nothing owned. preflight_stream_fini after 0. */
int preflight_stream(const struct net_options *net, const char *url,
                     struct preflight_stream *out, struct err *err);
void preflight_stream_fini(struct preflight_stream *stream);

/* What the run needs of the machine. */
struct preflight_needs {
    uint32_t viewers;     /* the most at once */
    uint32_t connections; /* that a viewer keeps open at the least */
    uint32_t sources;     /* --bind addresses; 0: one that the kernel chooses */
    uint64_t bytes_per_viewer;
    uint64_t descriptors_besides; /* files of the process that are no connection */
};

/* What was found. */
struct preflight_machine {
    uint64_t descriptor_limit; /* after raising it */
    uint64_t ports;            /* source ports for one server address, all sources */
    uint64_t memory_bytes;     /* available */
};

/* Raises the soft limit of descriptors to the hard one and compares needs with what there is.
 * Returns 0, or -1 with *err filled; *out is filled in either case. */
int preflight_machine(const struct preflight_needs *needs, struct preflight_machine *out,
                      struct err *err);

#endif
