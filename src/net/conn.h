/* A connection of a client: name, TCP, maybe TLS, then HTTP/1.1 messages one after another.
 * This file is its life up to being usable and its bytes; exchange.h is the messages. Inside of
 * net only; one thread. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/fail.h"
#include "base/list.h"
#include "loop/loop.h"
#include "net/blocks.h"
#include "net/http1.h"
#include "net/net.h"
#include "net/resolver.h"
#include "net/tls.h"

#include <stdbool.h>
#include <stdint.h>

struct job;
struct net_client;
struct peer;

enum conn_state {
    CONN_RESOLVING,
    CONN_CONNECTING,
    CONN_HANDSHAKE,
    CONN_IDLE,
    CONN_WRITING, /* the request head */
    CONN_HEAD,    /* the request is written, the response head not whole */
    CONN_BODY,
};

struct conn {
    struct list node; /* in its client's list, most recently used first */
    struct net_client *client;
    struct peer *peer; /* referenced */
    struct job *job;   /* what it works for; NULL when idle */
    struct loop_io io;
    struct loop_timer timer; /* started no later than deadline_us, and left alone when that
                                moves on: a request on a kept-alive connection costs no timer */
    int64_t deadline_us;     /* INT64_MAX: none */
    struct ssl_st *ssl;      /* owned; NULL on plain TCP */
    struct resolver_waiter waiter;
    struct http1_body body;
    struct http1_scan scan;
    struct block held; /* WRITING: the unsent rest. HEAD: what there is of the head */
    size_t head_bytes; /* of interim responses so far */
    union net_address address;
    int64_t phase_us;       /* when this state began, for the opening ones */
    int64_t opening_us;     /* when connecting began, over all addresses */
    int fd;                 /* owned; -1 before connecting */
    uint32_t first_address; /* where the tries began in the list of addresses */
    uint16_t tries;         /* addresses tried */
    uint8_t state;          /* enum conn_state */
    uint8_t first_fail;     /* enum fail of the first address, when another is tried */
    uint8_t number;         /* fetch_request.connection of its requests */
    uint8_t server;         /* `address` as value of the label `server` */
    bool established;       /* TCP; counted */
    bool reused;            /* a request was answered on it before this one */
    bool keep_alive;        /* after the response, as its head and the request say */
    bool got_bytes;         /* of the response to this request */
    bool paused;            /* reading waits for the client's pace */
};

_Static_assert(sizeof(struct conn) <= 512, "one exists per idle viewer");

/* Begins a connection for `job` (which is put on it) to its peer, or fails the job. */
void conn_open(struct net_client *client, struct job *job);

/* Closes and frees it; its job must have been taken off. */
void conn_close(struct conn *conn);

/* Moves the deadline of the present phase; never past the job's total one. */
void conn_set_deadline(struct conn *conn, int64_t at_us);

/* Bytes. *n is set with IO_OK only, and is then at least 1. */
enum io_step conn_read(struct conn *conn, char *bytes, size_t size, size_t *n);
enum io_step conn_write(struct conn *conn, const char *bytes, size_t size, size_t *n);

/* Lets the kernel discard at most `max` bytes; plain TCP only. */
enum io_step conn_discard(struct conn *conn, uint64_t max, size_t *n);

/* Watches for what the step wants: reading always, writing too if told so. */
void conn_watch(struct conn *conn, bool for_write);

/* Called by the pace timer: reading goes on. */
void conn_resume(struct conn *conn);

#endif
