/* One request with all that belongs to it: waiting for a connection, name, connect, TLS, the
 * exchange, redirects, a retry when a kept-alive connection turns out dead, decoding. It ends
 * by exactly one call of on_done, never from inside fetch_start, unless it is cancelled.
 *
 * A struct fetch is 16 bytes in its user's memory; what a request needs while it is under way
 * comes from the worker's pools. Belongs to its worker's thread. */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/fail.h"
#include "base/span.h"
#include "net/cache_status.h"
#include "net/client.h"
#include "stats/metrics.h"

#include <stdbool.h>
#include <stdint.h>

enum fetch_sink {
    FETCH_COLLECT, /* the body is kept, decoded, and given to on_done */
    FETCH_DRAIN,   /* the body is counted and let go; over plain TCP the kernel discards it */
};

/* What becomes of the connection after a whole response, as far as the server leaves it open.
 */
enum fetch_keep {
    FETCH_KEEP,      /* kept for the next request */
    FETCH_KEEP_GOOD, /* kept, unless the head of the response is that of a failure */
    FETCH_KEEP_NOT,  /* closed */
};

enum {
    /* The first bytes of a drained body that `check` is shown, as far as there are so many. */
    FETCH_CHECK_BYTES = 1024,
    /* Redirects followed before FAIL_REDIRECT_LOOP. */
    FETCH_REDIRECTS_MAX = 5,
    /* Response heads, interim ones included, larger than this are FAIL_HEADER_TOO_LARGE. */
    FETCH_HEAD_MAX = 65536,
    /* The most bytes of fetch_result.cache. */
    FETCH_CACHE_BYTES = 63,
    /* The most bytes of fetch_result.type. */
    FETCH_TYPE_BYTES = 63,
};

/* The default of body_limit. */
#define FETCH_COLLECT_LIMIT (UINT64_C(8) << 20)
#define FETCH_DRAIN_LIMIT   (UINT64_C(4) << 30)

struct fetch;

struct fetch_request {
    struct span url;       /* absolute, http or https; copied. A fragment is not sent. */
    struct span headers;   /* whole lines "Name: value\r\n…"; copied; may be empty */
    enum metric_kind kind; /* under which the request is counted */
    enum fetch_sink sink;
    enum fetch_keep keep;
    uint8_t connection; /* 0: over any idle connection made for such requests, or a new one;
                         * else over the client's one of this number, when that is idle */
    /* The Accept-Encoding field of a FETCH_COLLECT without a range: any of gzip, deflate, br,
     * identity. Borrowed until on_done. NULL: "gzip, br"; empty: none is sent. */
    const char *accept_encoding;
    bool has_range;      /* ask for bytes range_first … range_last, both included */
    bool range_optional; /* an answer that ignores the range (200) is as good */
    uint64_t range_first;
    uint64_t range_last;        /* UINT64_MAX: to the end of the resource */
    uint64_t body_limit;        /* bytes, decoded ones too; 0: the default of the sink */
    int64_t intended_us;        /* when it should have started; phases count from it. 0: now */
    int64_t connect_timeout_us; /* these four: 0 means the worker's */
    int64_t first_byte_timeout_us;
    int64_t idle_timeout_us;
    int64_t total_timeout_us;
    /* FETCH_DRAIN: called at most once for a body with status 200 or 206, with its first bytes,
     * when FETCH_CHECK_BYTES of them or the whole body have arrived (an empty body too). What
     * it returns other than FAIL_NONE is the fetch's failure; the body is drained all the same,
     * so that the connection lives. It may not start, cancel or close anything. May be NULL. */
    enum fail (*check)(struct fetch *fetch, struct span first_bytes);
};

/* Where the time went, in microseconds. A phase that did not happen is 0: on a reused
 * connection there is no dns, connect or tls. After a redirect or retry, dns, connect and tls
 * are sums and first_byte is the last response's. */
struct fetch_phases {
    int64_t queue_us; /* intended start to a connection, or the start of making one */
    int64_t dns_us;   /* 0 when the answer was cached */
    int64_t connect_us;
    int64_t tls_us;
    int64_t first_byte_us; /* last request written to the first byte of its response */
    int64_t body_us;       /* first byte to last byte of the last response */
    int64_t total_us;      /* intended start to the end */
};

struct fetch_result {
    enum fail fail;      /* FAIL_NONE: status 200 or 206, the whole body came */
    int status;          /* of the last response; 0 when no whole head came */
    struct span body;    /* FETCH_COLLECT without failure: the decoded body. Valid during
                            on_done, and not after fetch_start or net_client_close in it. */
    struct span url;     /* the last URL asked for: the base of what the body names. As body. */
    uint64_t body_bytes; /* of the last response's message body as it came over the wire,
                            chunk framing included */
    uint64_t media_bytes; /* of its content: without chunk framing, not decoded */
    struct fetch_phases phases;
    int64_t started_us; /* intended start */
    int64_t written_us; /* last request head fully written; 0 if never. Anchor of reloads */
    int64_t done_us;
    int64_t age_s;          /* Age header, or -1 */
    int64_t retry_after_us; /* Retry-After header in seconds form, or -1 */
    enum cache_status cache_status;
    struct span cache; /* CF-Cache-Status or else X-Cache as it came, cut, bytes that do not
                          print as '?'; empty without. Valid as body. */
    struct span type;  /* Content-Type, as cache */
    union net_address address; /* the peer of the last connection */
    uint8_t redirects;         /* followed */
    bool compressed;           /* the body came with a Content-Encoding and was decoded */
    bool reused;               /* the last request went over a kept-alive connection */
    bool check_failed;         /* `fail` is what check returned, and net has not counted it */
    bool first_byte_seen;      /* of the last response */
};

struct fetch {
    /* The end. The fetch may be started again and any fetch or client may be started, cancelled
     * or closed in it. Set before fetch_start; stays. */
    void (*on_done)(struct fetch *fetch, const struct fetch_result *result);
    struct job *job; /* net's own; NULL when idle */
};

static inline void fetch_init(struct fetch *fetch,
                              void (*on_done)(struct fetch *fetch,
                                              const struct fetch_result *result))
{
    fetch->on_done = on_done;
    fetch->job = NULL;
}

static inline bool fetch_is_started(const struct fetch *fetch)
{
    return fetch->job != NULL;
}

/* Starts an idle fetch. Returns FAIL_NONE: on_done will follow; or FAIL_MEMORY_SPENT, counted,
 * when the pool of fetches is empty: it was not started and will not call back. A URL that is
 * not absolute http or https ends as FAIL_CONNECT_FAILED. */
enum fail fetch_start(struct net_client *client, struct fetch *fetch,
                      const struct fetch_request *request);

/* Gives the fetch up: on_done will not be called, its connection is closed unless it is still
 * queued, what was written and not answered is counted as aborted. No-op on an idle one. */
void fetch_cancel(struct fetch *fetch);

#endif
