/* Names to addresses, by c-ares: all A and AAAA records, /etc/hosts and localhost honoured,
 * kept as long as their TTL says. One per worker, on its thread. A failed answer is kept for a
 * second, so that viewers who retry together make one question of it. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "base/err.h"
#include "base/fail.h"
#include "base/list.h"
#include "base/span.h"
#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>

struct resolver;

enum {
    RESOLVER_NAME_MAX = 253,     /* bytes of a name, RFC 1035 section 2.3.4 */
    RESOLVER_ADDRESSES_MAX = 32, /* more of one name are left out */
};

/* What is known of one name. Read only for its users. */
struct resolver_name {
    struct list node;    /* the resolver's */
    struct list waiters; /* struct resolver_waiter */
    struct resolver *resolver;
    union net_address *addresses; /* owned; ports are 0 */
    uint32_t count;
    uint32_t turn;       /* with which address the next connection begins: round robin */
    uint32_t references; /* users who hold the pointer */
    enum fail fail;      /* of the last answer; FAIL_NONE: addresses are there */
    bool asking;
    int64_t asked_us;
    int64_t expires_us;               /* the answer holds until then; 0: never asked */
    char text[RESOLVER_NAME_MAX + 1]; /* in lower case */
};

struct resolver_waiter {
    struct list node;
    /* The answer is in the name. The waiter is off the list. */
    void (*on_answer)(struct resolver_waiter *waiter);
};

/* Opens a channel for the servers named ("ADDR[:PORT],…", NULL: the system's). Returns NULL and
 * fills *err when c-ares cannot start or the list is none. Counts into the lane. */
struct resolver *resolver_open(struct loop *loop, struct shoal_lane *lane, const char *servers,
                               int64_t timeout_us, struct err *err);

/* Ends it; nobody may wait. NULL is a no-op. */
void resolver_close(struct resolver *resolver);

/* The entry of a name, made if it is new, with one more reference; NULL when the name is too
 * long or memory is spent. */
struct resolver_name *resolver_name_hold(struct resolver *resolver, struct span name);
void resolver_name_release(struct resolver_name *name);

/* Returns true when the entry holds an answer (addresses or a failure) that is still good.
 * Otherwise asks, unless it is being asked already, and on_answer follows, never from inside
 * this call. */
bool resolver_ask(struct resolver_name *name, struct resolver_waiter *waiter);

/* Waits no longer; no-op on one that does not wait. */
void resolver_waiter_cancel(struct resolver_waiter *waiter);

#endif
