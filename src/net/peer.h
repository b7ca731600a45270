/* A server as a URL names it: scheme, host and port, the same struct for all viewers of a
 * worker who go there, so that finding a connection for a URL is comparing pointers. Holds what
 * is known of its addresses. One thread. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "base/list.h"
#include "base/url.h"
#include "net/net.h"
#include "net/resolver.h"

enum {
    PEERS_BUCKETS = 256,
    PEERS_KEPT = 256, /* without references, more are freed */
};

struct peer {
    struct list node; /* in its bucket */
    uint32_t references;
    uint16_t port;
    bool tls;
    bool host_is_address;       /* an IP literal: no SNI (RFC 6066 section 3) */
    struct resolver_name *name; /* held; NULL when `fixed` says it all */
    union net_address fixed;    /* of a literal or an override; AF_UNSPEC otherwise */
    struct span host;           /* lower case, no brackets; NUL follows. In `text` */
    struct span host_field;     /* value of the Host field. In `text` */
    char text[];
};

struct peers {
    struct list buckets[PEERS_BUCKETS];
    uint32_t count;
};

void peers_init(struct peers *peers);

/* Frees all; none may be referenced. */
void peers_fini(struct peers *peers);

struct net_worker;

/* The peer of an http or https URL, with one more reference, or NULL: the name is too long, or
 * memory is spent. */
struct peer *peer_hold(struct net_worker *worker, const struct url *url);

struct peer *peer_hold_again(struct peer *peer);
void peer_release(struct peer *peer);

/* The addresses known now; *count is 0 when there are none. Ports are not set. */
const union net_address *peer_addresses(const struct peer *peer, uint32_t *count);

#endif
