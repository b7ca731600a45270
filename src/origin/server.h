/* What the parts of the origin share: its options made real. Inside this folder only; users
 * include origin/origin.h. One thread. */
#ifndef ORIGIN_SERVER_H
#define ORIGIN_SERVER_H

#include "base/list.h"
#include "loop/loop.h"
#include "origin/access_log.h"
#include "origin/blob.h"
#include "origin/fault.h"
#include "origin/origin.h"
#include "origin/server_tls.h"
#include "origin/stats.h"
#include "origin/text.h"

#include <netinet/in.h>

/* One media or multivariant playlist as rendered last. */
struct server_playlist {
    struct text *plain, *gzip; /* references, or NULL */
    int64_t valid_until_us;
};

struct server_listener {
    struct loop_io io;
    struct origin *origin;
    int fd; /* owned; -1 while refusing */
    bool is_tls;
    struct sockaddr_storage address; /* as bound, port included */
    socklen_t address_len;
    int plugs[4]; /* connections of our own that fill the queue of a black hole; -1: none */
};

/* Bytes read from a connection at once; shared by all of them. */
#define SERVER_READ_BYTES 32768

struct origin {
    struct loop *loop; /* borrowed */
    struct stream *streams[ORIGIN_STREAMS_MAX];
    struct server_playlist *playlists[ORIGIN_STREAMS_MAX]; /* by place, see shared_playlist.c */
    unsigned stream_count;
    struct server_listener listeners[ORIGIN_LISTENERS_MAX];
    unsigned listener_count;
    struct blob_cache blobs;
    struct fault_set faults;
    struct stats stats;
    struct server_tls *tls; /* owned; NULL without TLS */
    struct access_log log;
    struct dns *dns;          /* owned; NULL without */
    struct list connections;  /* struct server_conn, the longest idle first */
    struct loop_timer tick;   /* each second: idle connections, the log, the date */
    struct loop_timer change; /* when a fault of the listeners begins or ends */
    enum fault_special listener_state;
    char date[40]; /* for the Date field, renewed each second */
    char read_buffer[SERVER_READ_BYTES];
};

#endif
