/* One viewer as servers see it: its connections (at most a fixed number, kept alive and
 * reused), its cookies, its source address, its line's speed. It queues fetches that find no
 * connection. Embedded in its viewer; belongs to its worker's thread. */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/list.h"
#include "loop/loop.h"
#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>

struct cookie_jar;

struct net_client_options {
    uint32_t connections;   /* at most so many at a time, for all hosts together; 0: 2 */
    uint64_t bytes_per_s;   /* what the line carries; reads are paced to it. 0: unbounded */
    bool cookies_off;       /* neither kept nor sent */
    const char *user_agent; /* borrowed; NULL: the worker's */
};

/* All fields are net's own. */
struct net_client {
    struct net_worker *worker; /* borrowed until close */
    struct list connections;   /* struct conn, most recently used first */
    struct list queue;         /* struct job, waiting for a connection */
    struct list active;        /* struct job, on a connection */
    struct cookie_jar *jar;    /* owned; NULL until a cookie is set */
    const char *user_agent;    /* borrowed */
    struct loop_timer pace;    /* ends a pause of paced reading */
    uint64_t bytes_per_s;
    int64_t line_free_us; /* when the line has carried all that was read from it */
    uint32_t source;      /* index into the worker's sources */
    uint8_t connection_count;
    uint8_t connection_limit;
    bool cookies_off;
    bool paused;      /* waiting for `pace` */
    bool dispatching; /* inside client_dispatch */
};

_Static_assert(sizeof(struct net_client) <= 160, "one exists per viewer");

/* Takes the client into use; makes no connection yet. `options` is copied. */
void net_client_open(struct net_client *client, struct net_worker *worker,
                     const struct net_client_options *options);

/* Cancels its fetches (no callbacks), closes its connections, forgets its cookies. Closing one
 * that is not open, but zeroed, is a no-op. Allowed inside on_done of a fetch of the same
 * client. */
void net_client_close(struct net_client *client);

#endif
