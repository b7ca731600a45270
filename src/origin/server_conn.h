/* One connection of a client: bytes in, requests out of them, responses back, one after the
 * other. What a response is made of is respond.h's business; what goes wrong on purpose is in
 * its struct fault_plan. Inside this folder only. One thread. */
#ifndef ORIGIN_SERVER_CONN_H
#define ORIGIN_SERVER_CONN_H

#include "base/buf.h"
#include "origin/body.h"
#include "origin/server.h"
#include "origin/server_io.h"

#include <stdbool.h>

enum conn_state {
    CONN_HANDSHAKE, /* TLS */
    CONN_READING,   /* for a request head */
    CONN_HELD,      /* the answer waits for its time */
    CONN_SENDING,
    CONN_SILENT,    /* nothing is ever sent */
    CONN_LINGERING, /* nothing more is sent; bytes of the client are thrown away */
};

/* A response, as respond_make() fills it in. */
struct response {
    struct buf head; /* status line and fields, or whatever is sent in their place */
    struct body body;
    int status; /* 0: no status line is sent */
    enum stream_resource kind;
    enum fault_cut cut;
    uint64_t cut_after;     /* body bytes before the cut */
    uint64_t bandwidth_bps; /* of the body; 0: no bound */
    bool keep_alive;
};

struct server_conn {
    struct loop_io io;
    struct loop_timer timer; /* end of a hold, next turn of a slow body */
    struct list node;        /* in origin->connections */
    struct origin *origin;
    struct server_io wire;
    enum conn_state state;
    uint64_t number;
    int64_t active_us; /* last sign of life */
    struct buf in;     /* bytes of requests not yet handled */
    struct response response;
    uint64_t head_at, body_sent;
    int64_t pace_us;          /* when the allowance of a slow body was last renewed */
    double allowance;         /* body bytes that may be sent now, with bandwidth_bps */
    struct fault_plan *plan;  /* owned; of the request that is held */
    struct access_entry *log; /* owned */
    bool reads_end;           /* the client has sent its last byte */
};

/* Takes over an accepted descriptor; closes it when memory is spent. */
void server_conn_start(struct origin *origin, int fd, bool is_tls);

/* Closes and frees. */
void server_conn_close(struct server_conn *conn);

/* Closes connections that have idled too long. */
void server_conn_sweep(struct origin *origin);

#endif
