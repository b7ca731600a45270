/* The inside of struct net_worker, for the files of net. */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include "base/buf.h"
#include "base/list.h"
#include "base/pool.h"
#include "loop/loop.h"
#include "net/blocks.h"
#include "net/net.h"
#include "net/peer.h"
#include "net/port_range.h"
#include "net/resolver.h"
#include "stats/metrics.h"

struct decoder;
struct tls;

enum {
    /* One read of what is copied; TLS records are at most 16 KiB. */
    NET_SCRATCH_BYTES = 65536,
    NET_REQUEST_MAX = 65536,
};

struct net_worker {
    struct loop *loop;          /* borrowed */
    struct shoal_lane *lane;    /* borrowed */
    struct net_options options; /* with the defaults filled in; what it points to is borrowed */
    struct span user_agent;
    struct span extra;          /* the lines of options.extra_headers */
    struct buf extra_elsewhere; /* those without credentials, for other hosts after redirects */
    struct pool connections;    /* struct conn */
    struct pool jobs;           /* struct job */
    struct blocks blocks;
    struct peers peers;
    struct resolver *resolver; /* owned */
    struct tls *tls; /* owned; made at open where expected, or with the first https URL */
    struct decoder *decoder;  /* owned; made with the first encoded body */
    struct list ended;        /* struct job, to be reported by `report` */
    struct loop_timer report; /* due at once when `ended` is not empty */
    char *scratch;            /* owned, NET_SCRATCH_BYTES; in use only inside one event */
    struct buf request;       /* the request head being written */
    struct port_range ports;
    uint32_t source_turn;
    uint32_t client_count;
};

#endif
