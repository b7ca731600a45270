#include "net/peer.h"

#include "net/worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void peers_init(struct peers *peers)
{
    for (int i = 0; i < PEERS_BUCKETS; i++) {
        list_init(&peers->buckets[i]);
    }
    peers->count = 0;
}

static void peer_free(struct peers *peers, struct peer *peer)
{
    if (peer->name != NULL) {
        resolver_name_release(peer->name);
    }
    list_remove(&peer->node);
    peers->count--;
    free(peer);
}

static void free_unused(struct peers *peers)
{
    for (int i = 0; i < PEERS_BUCKETS; i++) {
        list_for_each_safe (node, after, &peers->buckets[i]) {
            struct peer *peer = list_entry(node, struct peer, node);
            if (peer->references == 0) {
                peer_free(peers, peer);
            }
        }
    }
}

void peers_fini(struct peers *peers)
{
    free_unused(peers);
    assert(peers->count == 0);
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static uint32_t hash_of(struct span host, uint16_t port, bool tls)
{
    uint32_t hash = 2166136261u ^ port ^ (tls ? 1u << 16 : 0);
    for (size_t i = 0; i < host.len; i++) {
        hash = (hash ^ (unsigned char)to_lower(host.ptr[i])) * 16777619u;
    }
    return hash ^ hash >> 15;
}

/* Host as RFC 9112 section 3.2 wants it: brackets around IPv6, no default port. */
static size_t write_host_field(const struct peer *peer, bool brackets, char *out, size_t size)
{
    int n = snprintf(out, size, "%s%.*s%s", brackets ? "[" : "", SPAN_ARGS(peer->host),
                     brackets ? "]" : "");
    if (peer->port != (peer->tls ? 443 : 80)) {
        n += snprintf(out + n, size - (size_t)n, ":%u", peer->port);
    }
    return (size_t)n;
}

static const union net_address *find_override(const struct net_options *options,
                                              const struct peer *peer)
{
    for (uint32_t i = 0; i < options->override_count; i++) {
        const struct net_override *o = &options->overrides[i];
        if ((o->port == 0 || o->port == peer->port) && span_equal_nocase(o->host, peer->host)) {
            return &o->address;
        }
    }
    return NULL;
}

static int find_addresses(struct net_worker *worker, struct peer *peer)
{
    const union net_address *override = find_override(&worker->options, peer);
    peer->host_is_address = net_address_parse(peer->host, 0, &peer->fixed) == 0;
    if (override != NULL) {
        peer->fixed = *override;
    } else if (!peer->host_is_address) {
        peer->name = resolver_name_hold(worker->resolver, peer->host);
        return peer->name == NULL ? -1 : 0;
    }
    return 0;
}

static struct peer *peer_make(struct net_worker *worker, const struct url *url)
{
    if (url->host.len > RESOLVER_NAME_MAX) {
        return NULL;
    }
    enum { HOST_FIELD_MAX = RESOLVER_NAME_MAX + 16 };
    struct peer *peer = calloc(1, sizeof(*peer) + url->host.len + 1 + HOST_FIELD_MAX);
    if (peer == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < url->host.len; i++) {
        peer->text[i] = to_lower(url->host.ptr[i]);
    }
    peer->host = span_of(peer->text, url->host.len);
    peer->port = url_port(url);
    peer->tls = url_is_https(url);
    char *field = peer->text + url->host.len + 1;
    size_t len = write_host_field(peer, url->host_is_ip_literal, field, HOST_FIELD_MAX);
    peer->host_field = span_of(field, len);
    if (find_addresses(worker, peer) != 0) {
        free(peer);
        return NULL;
    }
    return peer;
}

struct peer *peer_hold(struct net_worker *worker, const struct url *url)
{
    struct peers *peers = &worker->peers;
    uint16_t port = url_port(url);
    bool tls = url_is_https(url);
    struct list *bucket = &peers->buckets[hash_of(url->host, port, tls) % PEERS_BUCKETS];
    list_for_each (node, bucket) {
        struct peer *peer = list_entry(node, struct peer, node);
        if (peer->port == port && peer->tls == tls &&
            span_equal_nocase(peer->host, url->host)) {
            peer->references++;
            return peer;
        }
    }
    if (peers->count >= PEERS_KEPT) {
        free_unused(peers);
    }
    struct peer *peer = peer_make(worker, url);
    if (peer == NULL) {
        return NULL;
    }
    peer->references = 1;
    list_append(bucket, &peer->node);
    peers->count++;
    return peer;
}

struct peer *peer_hold_again(struct peer *peer)
{
    peer->references++;
    return peer;
}

void peer_release(struct peer *peer)
{
    assert(peer->references > 0);
    peer->references--;
}

const union net_address *peer_addresses(const struct peer *peer, uint32_t *count)
{
    if (peer->name == NULL) {
        *count = 1;
        return &peer->fixed;
    }
    *count = peer->name->count;
    return peer->name->addresses;
}
