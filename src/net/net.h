/* How bytes move: the transport of one worker thread. A net_worker holds what its viewers
 * share: loop, lane, options, name cache, TLS context, pools of connections and requests,
 * scratch memory. A viewer has a net_client (client.h), a request is a fetch (fetch.h).
 * HTTP/1.1 over TCP and TLS; it knows no HLS.
 *
 * Everything here belongs to the worker's thread. It counts into the worker's lane:
 * http_requests by kind, http_responses by status and class, requests_aborted, requests_failed,
 * bodies_aborted, keepalive_retries, redirects, dns_lookups, tcp_connects, connections_closed,
 * tls_handshakes, body_bytes, server_responses,
 * server_failures and server_body_bytes by address, cache_hits, cache_misses, cookies_dropped,
 * descriptors opened and closed, failures that net finds by itself, and the histograms dns,
 * tcp_connect, tls_handshake and first byte. */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/err.h"
#include "base/span.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct shoal_lane;
struct net_worker;

/* An IPv4 or IPv6 address with a port. */
union net_address {
    sa_family_t family; /* AF_INET, AF_INET6, or AF_UNSPEC for none */
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Bytes of the text of an address with its NUL: "[v6]:65535". */
enum { NET_ADDRESS_TEXT = 64 };

/* Reads an IPv4 or IPv6 address without brackets. Returns 0, or -1 with *out untouched. */
int net_address_parse(struct span text, uint16_t port, union net_address *out);

/* Writes "1.2.3.4:80" or "[::1]:80", or "-" for none. */
void net_address_format(const union net_address *address, char text[NET_ADDRESS_TEXT]);

/* Writes the address without the port: "1.2.3.4" or "::1", or "-" for none. */
void net_address_format_host(const union net_address *address, char text[NET_ADDRESS_TEXT]);

/* Whether two are the same address, whatever their ports. */
bool net_address_same_host(const union net_address *a, const union net_address *b);

/* One --resolve HOST:PORT:ADDR. */
struct net_override {
    struct span host;          /* compared without case */
    uint16_t port;             /* 0: any */
    union net_address address; /* its port is not used */
};

/* The same for all workers; borrowed, with all it points to, until net_worker_close. A zero
 * stands for the default named. */
struct net_options {
    const char *user_agent;    /* NULL: "shoal/VERSION" */
    const char *extra_headers; /* whole lines "Name: value\r\n…", or NULL. They replace headers
                                  of ours of the same name. Authorization and Cookie are left
                                  out when a redirect leads to another host. */
    bool insecure;             /* certificates are not checked */
    bool expects_tls;          /* https will be asked for: trusted certificates are loaded at
                                  open and not while the worker runs */
    const char *ca_file;       /* PEM file; NULL: the system's */
    const char *dns_servers;   /* "ADDR[:PORT],…"; NULL: those of /etc/resolv.conf */
    const struct net_override *overrides;
    uint32_t override_count;
    const union net_address *sources; /* local addresses, taken round robin; port ignored */
    uint32_t source_count;
    const union net_address *servers; /* the values of the label `server`, ports ignored; what
                                         they name not is counted as other */
    uint32_t server_count;            /* at most METRIC_SERVERS_MAX */
    int64_t connect_timeout_us;    /* over all addresses of a name; and again for TLS. 10 s */
    int64_t dns_timeout_us;        /* 5 s */
    int64_t first_byte_timeout_us; /* request written to first byte. 15 s */
    int64_t idle_timeout_us;       /* a body without a byte. 15 s */
    int64_t total_timeout_us;      /* from leaving the queue to the last byte. 60 s */
    uint32_t clients_limit; /* pools are sized by these three, reserved but not touched */
    uint32_t connections_per_client; /* the most that any client will ask for. 2 */
    uint64_t bodies_limit_bytes;     /* of partial heads and bodies held at one time; what goes
                                        beyond fails as MEMORY_SPENT. 0: unbounded */
    uint32_t fetches_per_client; /* the most that any client will start at once; those without
                                    a connection wait. 4 */
};

/* Makes the transport of one worker. `worker` is its number: it staggers source addresses and
 * addresses of names over the workers. Returns NULL and fills *err when memory is missing, the
 * CA file or the server list cannot be read. loop, lane and options are borrowed until close.
 */
struct net_worker *net_worker_open(struct loop *loop, struct shoal_lane *lane,
                                   const struct net_options *options, uint32_t worker,
                                   struct err *err);

/* Frees it. All its clients must be closed. NULL is a no-op. */
void net_worker_close(struct net_worker *worker);

/* Copies the addresses of the host of an http or https URL as far as they are known now, at
 * most `room`, ports 0. Returns how many. */
uint32_t net_worker_addresses(struct net_worker *worker, struct span url,
                              union net_address *out, uint32_t room);

/* What the pools held by this worker use at this moment. */
struct net_usage {
    uint32_t connections;      /* open or opening */
    uint32_t fetches;          /* started and not done */
    uint64_t buffer_bytes;     /* of partial heads and bodies */
    uint64_t connection_bytes; /* of ours per connection, TLS apart */
    uint64_t fetch_bytes;      /* of ours per fetch in flight */
};
void net_worker_usage(const struct net_worker *worker, struct net_usage *out);

#endif
