/* One FFmpeg process's course, put together from the events of its log and counted into a lane:
 * requests, responses, connections, segments, playlists, failures. Pure: told the events and
 * the time, no descriptor, no clock, no allocation; bounded.
 *
 * Why this is more than counting lines. The log names the connection of a request only by a
 * pointer and its purpose only by the lines before it, and it has no line for the end of a
 * body. What is counted is what the order of FFmpeg's own reading proves:
 *
 * - A request is what a "request:" line says, its purpose what was being opened: after "HLS
 *   request" a segment or an initialization section (which of them the next line tells), a key
 *   when another address is opened in between, otherwise a playlist.
 * - A connection's server is the address that TCP connected to last before its request.
 * - At level trace the status is told, and what caches said of the response; at level debug
 * only errors are, and a request counts as answered with 2xx once FFmpeg goes on to something
 * else without complaint.
 * - A segment is complete when FFmpeg asks for the one after the next of its playlist, as it
 *   reads one and has one more requested, or when the process ends by itself; if it says that
 * the body ended early, or leaves the playlist, the segment is not counted. So segments are
 * counted one or two later than they were read. A body that stops and that FFmpeg gives up by
 *   its own read timeout leaves no line: it counts as complete, which is why such timeouts are
 *   passed on only when asked for.
 * - Times are those at which the lines were read, or with `datetime` their own stamps in ms.
 *
 * Each failure counted is shown as well, with what the log has told of its request: the URL
 * that was opened (after a redirect still that one, as the log does not name the other whole),
 * the status, the address connected to or tried, what caches said. The rest stays empty.
 *
 * What no line tells is in no counter (see `absent` in ffmpeg.c): DNS, the end of a download,
 * unchanged playlists.
 *
 * One thread. */
#ifndef ENGINE_FFMPEG_FFMPEG_TRACE_H
#define ENGINE_FFMPEG_FFMPEG_TRACE_H

#include "engine/engine.h"
#include "engine/ffmpeg/ffmpeg_log.h"
#include "net/cache_status.h"
#include "net/net.h"
#include "stats/metrics.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FFMPEG_TRACE_CONNECTIONS = 64, /* open at once in one process; beyond, the oldest is lost */
    FFMPEG_TRACE_PLAYLISTS = 32,   /* beyond, segments are those of the last */
    FFMPEG_TRACE_ATTEMPTS = 4,     /* TCP connection attempts at once */
    /* What is kept of a URL and of a cache's words to show with a failure; more is cut. */
    FFMPEG_TRACE_URL_BYTES = 256,
    FFMPEG_TRACE_CACHE_BYTES = 63,
};

/* Where the variants are in the multivariant playlist, for the label; the same for all
 * processes. */
struct ffmpeg_variants {
    const struct span
        *urls; /* absolute, in the playlist's order; may be NULL when count is 0 */
    uint32_t count;
};

/* The servers by whose addresses is counted, in the order of the label's values; the same for
 * all processes. Numeric, IPv6 without brackets. */
struct ffmpeg_servers {
    const struct span *addresses; /* may be NULL when count is 0 */
    uint32_t count;
};

enum ffmpeg_fetch_state {
    FFMPEG_FETCH_NONE,     /* nothing in flight on this connection */
    FFMPEG_FETCH_WAITING,  /* request written, no response told */
    FFMPEG_FETCH_REDIRECT, /* answered with a redirect or a challenge; goes on elsewhere */
    FFMPEG_FETCH_BODY,     /* answered with 2xx */
    FFMPEG_FETCH_FAILED,   /* over, and its failure counted */
};

enum ffmpeg_fetch_kind {
    FFMPEG_FETCH_PLAYLIST_UNKNOWN, /* the first: multivariant or media is yet to be seen */
    FFMPEG_FETCH_MULTIVARIANT,
    FFMPEG_FETCH_MEDIA_PLAYLIST,
    FFMPEG_FETCH_PIECE_UNKNOWN, /* segment or initialization section is yet to be seen */
    FFMPEG_FETCH_SEGMENT,
    FFMPEG_FETCH_INIT_SECTION,
    FFMPEG_FETCH_KEY,
};

struct ffmpeg_fetch {
    uint64_t url_hash;
    int32_t playlist; /* of a segment or its initialization section; -1 otherwise */
    enum ffmpeg_fetch_kind kind;
    bool reused; /* on a connection used before */
};

/* The URL of a request, as far as there is room for it. */
struct ffmpeg_url {
    uint16_t len;
    char text[FFMPEG_TRACE_URL_BYTES];
};

/* A connection, by the pointer that FFmpeg's log gives its http context. */
struct ffmpeg_connection {
    uint64_t context; /* 0: this place is free */
    struct ffmpeg_fetch fetch;
    enum ffmpeg_fetch_state state;
    bool request_counted;
    bool closes;           /* either side said so */
    bool is_read;          /* a playlist, of which lines were read: whole unless it is said to
                            * be cut, also when the process is stopped right after */
    uint8_t server;        /* value of the label */
    uint32_t order;        /* of its newest request, to find the oldest */
    unsigned status;       /* of the response; 0 unknown */
    uint64_t length_bytes; /* of the body, UINT64_MAX unknown */
    uint64_t chunk_bytes;  /* of a chunked body, so far */
    int64_t request_us;
    union net_address address; /* of the server, AF_UNSPEC unknown */
    struct ffmpeg_url url;     /* of the newest request */
    int32_t age_s;             /* of the response's Age, -1 without */
    bool cache_is_cf;          /* the words below are CF-Cache-Status's, not X-Cache's */
    uint8_t cache_len;
    char cache[FFMPEG_TRACE_CACHE_BYTES]; /* what the response said */
};

struct ffmpeg_trace_playlist {
    uint64_t url_hash;
    uint64_t failed_hash; /* of the segment that could not be opened last, 0 for none */
    uint64_t init_hash;   /* of the initialization section seen last, 0 for none */
    uint32_t variant;     /* label value */
    bool seen;            /* a piece of it has been asked for, so it is known whether it has
                           * initialization sections */
    uint8_t reading_count;
    uint64_t reading[3]; /* contexts of its segments answered and not over, oldest first */
};

struct ffmpeg_trace {
    struct shoal_lane *lane;                /* borrowed */
    const struct ffmpeg_variants *variants; /* borrowed, may be NULL */
    const struct ffmpeg_servers *servers;   /* likewise */
    int64_t read_timeout_us;                /* given to FFmpeg, 0 for none */
    bool leaving; /* set by the supervisor: what is cut short from now on is its doing */
    /* Set by the supervisor, or NULL: shown each failure after it is counted. Its time and
     * viewer, which are not known here, are 0. */
    void (*on_failure)(void *user, const struct engine_failure *failure);
    void *user;

    /* What the process has said about itself, for its supervisor. */
    bool playing;         /* packets flow to the output */
    bool input_failed;    /* the stream could not be opened */
    bool signalled;       /* it says it ends because of a signal */
    bool playlist_failed; /* the newest reload failed: an end now is not the stream's end */
    bool tells_status;    /* its log is at level trace */
    int64_t duration_us;  /* of the stream, -1 for live ones */
    enum fail last_fail;  /* the newest failure counted */

    /* Being opened: what the next "request:" line is for. */
    struct ffmpeg_fetch opening;
    struct ffmpeg_url opening_url;
    bool opening_active; /* no request has gone out for it yet */
    bool opening_encrypted;
    struct ffmpeg_fetch piece;        /* from an "HLS request" line */
    bool piece_active;                /* and not yet opened */
    struct ffmpeg_connection *latest; /* whose outcome the next line settles; NULL for none */
    bool opened_any;                  /* the first playlist has been opened */
    bool tcp_failure_counted;         /* since the last opening */
    bool tls_failure_counted;
    int64_t connected_us;      /* when TCP was, of the connection being opened; -1 otherwise */
    bool connected;            /* since the last request, to `server` */
    uint8_t server;            /* connected to last */
    union net_address address; /* likewise, AF_UNSPEC for none */
    /* The response's head being told, by its connection, 0 for none; and what caches said in
     * it: CF-Cache-Status, X-Cache, Age. */
    uint64_t head_context;
    enum cache_status cache_said[3];
    struct {
        uint64_t address_hash; /* 0: free */
        int64_t start_us;
    } attempts[FFMPEG_TRACE_ATTEMPTS];

    uint32_t order;
    uint32_t playlist_count;
    uint32_t open_count; /* TCP connections of this process counted as open */
    uint64_t lost;       /* connections and playlists beyond the bounds */
    struct ffmpeg_trace_playlist playlists[FFMPEG_TRACE_PLAYLISTS];
    struct ffmpeg_connection connections[FFMPEG_TRACE_CONNECTIONS];
};

/* Nothing is known yet of a new process. */
void ffmpeg_trace_init(struct ffmpeg_trace *trace, struct shoal_lane *lane,
                       const struct ffmpeg_variants *variants,
                       const struct ffmpeg_servers *servers, int64_t read_timeout_us);

/* The next event of the log, read at now_us. */
void ffmpeg_trace_take(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                       int64_t now_us);

/* The process is over and its log read to the end: what was in flight is settled, its
 * connections are closed. `by_itself`: it came to the end of its input unasked, so what it had
 * requested it has read. Calling it again changes nothing. */
void ffmpeg_trace_end(struct ffmpeg_trace *trace, bool by_itself);

#endif
