#include "net/resolver.h"

#include "base/clock.h"
#include "loop/loop.h"
#include "stats/metrics.h"

#include <ares.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOCKETS_MAX = 32,
    /* Without references, the oldest go when there are more. */
    NAMES_KEPT = 256,
    TTL_MIN_S = 1,
    TTL_MAX_S = 86400,
    TRIES = 2,
};

/* A socket of c-ares on our loop. */
struct resolver_socket {
    struct loop_io io;
    struct resolver *resolver;
    int fd; /* -1: unused; owned by c-ares */
};

struct resolver {
    struct loop *loop;       /* borrowed */
    struct shoal_lane *lane; /* borrowed */
    ares_channel channel;    /* owned */
    struct loop_timer timer; /* c-ares' next time-out */
    struct list names;       /* struct resolver_name, most recently used first */
    uint32_t name_count;
    bool closing;
    struct resolver_socket sockets[SOCKETS_MAX];
};

static void arm_timer(struct resolver *resolver)
{
    struct timeval wait;
    if (ares_timeout(resolver->channel, NULL, &wait) == NULL) {
        loop_timer_stop(resolver->loop, &resolver->timer);
        return;
    }
    int64_t wait_us = (int64_t)wait.tv_sec * 1000000 + wait.tv_usec;
    loop_timer_start(resolver->loop, &resolver->timer, clock_monotonic_us() + wait_us);
}

static void on_timer(struct loop_timer *timer)
{
    struct resolver *resolver = list_entry(timer, struct resolver, timer);
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm_timer(resolver);
}

static void on_socket_ready(struct loop_io *io, unsigned events)
{
    struct resolver_socket *s = list_entry(io, struct resolver_socket, io);
    struct resolver *resolver = s->resolver;
    int fd = s->fd;
    ares_process_fd(resolver->channel, (events & LOOP_READ) != 0 ? fd : ARES_SOCKET_BAD,
                    (events & LOOP_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
    arm_timer(resolver);
}

static struct resolver_socket *find_socket(struct resolver *resolver, int fd)
{
    for (int i = 0; i < SOCKETS_MAX; i++) {
        if (resolver->sockets[i].fd == fd) {
            return &resolver->sockets[i];
        }
    }
    return NULL;
}

/* c-ares says which of its sockets it wants watched, and last that one is to be closed. */
static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = user;
    struct resolver_socket *s = find_socket(resolver, fd);
    unsigned events = (readable ? LOOP_READ : 0u) | (writable ? LOOP_WRITE : 0u);
    if (events == 0) {
        if (s != NULL) {
            loop_io_stop(resolver->loop, &s->io);
            s->fd = -1;
            metrics_add(resolver->lane, METRIC_DESCRIPTORS_CLOSED, 1);
        }
        return;
    }
    if (s == NULL) {
        s = find_socket(resolver, -1);
        if (s == NULL) {
            return; /* c-ares times the question out */
        }
        s->fd = fd;
        metrics_add(resolver->lane, METRIC_DESCRIPTORS_OPENED, 1);
    }
    loop_io_start(resolver->loop, &s->io, fd, events);
}

struct resolver *resolver_open(struct loop *loop, struct shoal_lane *lane, const char *servers,
                               int64_t timeout_us, struct err *err)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (resolver == NULL) {
        err_set(err, ERR_START, "memory", NULL, "none left for the name resolver");
        return NULL;
    }
    resolver->loop = loop;
    resolver->lane = lane;
    list_init(&resolver->names);
    loop_timer_init(&resolver->timer, on_timer);
    for (int i = 0; i < SOCKETS_MAX; i++) {
        loop_io_init(&resolver->sockets[i].io, on_socket_ready);
        resolver->sockets[i].resolver = resolver;
        resolver->sockets[i].fd = -1;
    }
    /* The second try waits twice as long, so both fit into the time-out. */
    struct ares_options options = {
        .timeout = (int)(timeout_us / 1000 / 3) + 1,
        .tries = TRIES,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = resolver,
    };
    int status =
        ares_init_options(&resolver->channel, &options,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        err_set(err, ERR_START, "name resolver", "look at /etc/resolv.conf", "%s",
                ares_strerror(status));
        free(resolver);
        return NULL;
    }
    if (servers != NULL) {
        status = ares_set_servers_ports_csv(resolver->channel, servers);
        if (status != ARES_SUCCESS) {
            err_set(err, ERR_USAGE, "name servers", "give ADDR[:PORT],…", "'%s': %s", servers,
                    ares_strerror(status));
            ares_destroy(resolver->channel);
            free(resolver);
            return NULL;
        }
    }
    return resolver;
}

static void name_free(struct resolver_name *name)
{
    list_remove(&name->node);
    name->resolver->name_count--;
    free(name->addresses);
    free(name);
}

void resolver_close(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    resolver->closing = true;
    ares_destroy(resolver->channel);
    loop_timer_stop(resolver->loop, &resolver->timer);
    list_for_each_safe (node, after, &resolver->names) {
        struct resolver_name *name = list_entry(node, struct resolver_name, node);
        assert(list_is_empty(&name->waiters));
        name_free(name);
    }
    free(resolver);
}

static void drop_unused_names(struct resolver *resolver)
{
    struct list *node = resolver->names.prev;
    while (resolver->name_count > NAMES_KEPT && node != &resolver->names) {
        struct resolver_name *name = list_entry(node, struct resolver_name, node);
        node = node->prev;
        if (name->references == 0 && !name->asking) {
            name_free(name);
        }
    }
}

struct resolver_name *resolver_name_hold(struct resolver *resolver, struct span text)
{
    char lower[RESOLVER_NAME_MAX + 1];
    if (!span_to_string(text, lower, sizeof(lower))) {
        return NULL;
    }
    for (char *c = lower; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
    }
    list_for_each (node, &resolver->names) {
        struct resolver_name *name = list_entry(node, struct resolver_name, node);
        if (strcmp(name->text, lower) == 0) {
            name->references++;
            list_remove(node);
            list_prepend(&resolver->names, node);
            return name;
        }
    }
    struct resolver_name *name = calloc(1, sizeof(*name));
    if (name == NULL) {
        return NULL;
    }
    memcpy(name->text, lower, sizeof(lower));
    name->resolver = resolver;
    name->references = 1;
    list_init(&name->waiters);
    list_prepend(&resolver->names, &name->node);
    resolver->name_count++;
    drop_unused_names(resolver);
    return name;
}

void resolver_name_release(struct resolver_name *name)
{
    assert(name->references > 0);
    name->references--;
}

static enum fail fail_of_status(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return FAIL_NONE;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
    case ARES_EBADNAME:
        return FAIL_DNS_NOT_FOUND;
    case ARES_ETIMEOUT:
        return FAIL_DNS_TIMEOUT;
    default:
        return FAIL_DNS_FAILED;
    }
}

static bool address_from_node(const struct ares_addrinfo_node *node, union net_address *out)
{
    memset(out, 0, sizeof(*out));
    if (node->ai_family == AF_INET && node->ai_addrlen >= sizeof(out->in)) {
        memcpy(&out->in, node->ai_addr, sizeof(out->in));
        return true;
    }
    if (node->ai_family == AF_INET6 && node->ai_addrlen >= sizeof(out->in6)) {
        memcpy(&out->in6, node->ai_addr, sizeof(out->in6));
        return true;
    }
    return false;
}

/* Takes the addresses over. Returns the seconds that they hold, or -1 without any. */
static int take_addresses(struct resolver_name *name, const struct ares_addrinfo *info)
{
    union net_address found[RESOLVER_ADDRESSES_MAX];
    uint32_t count = 0;
    int ttl_s = TTL_MAX_S;
    for (const struct ares_addrinfo_node *node = info->nodes;
         node != NULL && count < RESOLVER_ADDRESSES_MAX; node = node->ai_next) {
        if (address_from_node(node, &found[count])) {
            ttl_s = node->ai_ttl < ttl_s ? node->ai_ttl : ttl_s;
            count++;
        }
    }
    if (count == 0) {
        return -1;
    }
    union net_address *addresses = malloc(count * sizeof(*addresses));
    if (addresses == NULL) {
        return -1;
    }
    memcpy(addresses, found, count * sizeof(*addresses));
    free(name->addresses);
    name->addresses = addresses;
    name->count = count;
    return ttl_s > TTL_MIN_S ? ttl_s : TTL_MIN_S;
}

static void on_addresses(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
    (void)timeouts;
    struct resolver_name *name = user;
    if (name->resolver->closing) {
        ares_freeaddrinfo(info);
        return;
    }
    int64_t now_us = clock_monotonic_us();
    int ttl_s = TTL_MIN_S;
    name->fail = fail_of_status(status);
    if (name->fail == FAIL_NONE) {
        ttl_s = take_addresses(name, info);
        name->fail = ttl_s < 0 ? FAIL_DNS_NOT_FOUND : FAIL_NONE;
        metrics_record(name->resolver->lane, METRIC_DNS, now_us - name->asked_us);
    }
    ares_freeaddrinfo(info);
    name->asking = false;
    name->expires_us = now_us + (int64_t)(ttl_s < 0 ? TTL_MIN_S : ttl_s) * 1000000;
    /* Waiters that come during the round find an answer and do not join it. */
    while (!list_is_empty(&name->waiters)) {
        struct resolver_waiter *waiter =
            list_entry(list_first(&name->waiters), struct resolver_waiter, node);
        list_remove(&waiter->node);
        waiter->on_answer(waiter);
    }
}

bool resolver_ask(struct resolver_name *name, struct resolver_waiter *waiter)
{
    struct resolver *resolver = name->resolver;
    if (!name->asking && clock_monotonic_us() >= name->expires_us) {
        static const struct ares_addrinfo_hints hints = {
            .ai_family = AF_UNSPEC,
            .ai_socktype = SOCK_STREAM,
            /* The order is ours: round robin, and what cannot be reached is passed over. */
            .ai_flags = ARES_AI_NOSORT,
        };
        name->asking = true;
        name->asked_us = clock_monotonic_us();
        ares_getaddrinfo(resolver->channel, name->text, NULL, &hints, on_addresses, name);
        if (name->asking) {
            metrics_add(resolver->lane, METRIC_DNS_LOOKUPS, 1);
            arm_timer(resolver);
        }
    }
    if (!name->asking) {
        return true;
    }
    list_append(&name->waiters, &waiter->node);
    return false;
}

void resolver_waiter_cancel(struct resolver_waiter *waiter)
{
    list_remove(&waiter->node);
}
