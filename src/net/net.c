#include "net/net.h"

#include "net/conn.h"
#include "net/decode.h"
#include "net/http1.h"
#include "net/job.h"
#include "net/tls.h"
#include "net/worker.h"

#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTIONS_PER_CLIENT = 2,
    CLIENTS_DEFAULT = 1000,
    FETCHES_PER_CLIENT = 4,
    SPARE = 16,
};

int net_address_parse(struct span text, uint16_t port, union net_address *out)
{
    char string[INET6_ADDRSTRLEN];
    if (!span_to_string(text, string, sizeof(string))) {
        return -1;
    }
    union net_address address;
    memset(&address, 0, sizeof(address));
    if (inet_pton(AF_INET, string, &address.in.sin_addr) == 1) {
        address.in.sin_family = AF_INET;
        address.in.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, string, &address.in6.sin6_addr) == 1) {
        address.in6.sin6_family = AF_INET6;
        address.in6.sin6_port = htons(port);
    } else {
        return -1;
    }
    *out = address;
    return 0;
}

void net_address_format(const union net_address *address, char text[NET_ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->family == AF_INET) {
        inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
        snprintf(text, NET_ADDRESS_TEXT, "%s:%u", host, ntohs(address->in.sin_port));
    } else if (address->family == AF_INET6) {
        inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
        snprintf(text, NET_ADDRESS_TEXT, "[%s]:%u", host, ntohs(address->in6.sin6_port));
    } else {
        snprintf(text, NET_ADDRESS_TEXT, "-");
    }
}

void net_address_format_host(const union net_address *address, char text[NET_ADDRESS_TEXT])
{
    const void *host = address->family == AF_INET6 ? (const void *)&address->in6.sin6_addr
                                                   : (const void *)&address->in.sin_addr;
    if (inet_ntop(address->family, host, text, NET_ADDRESS_TEXT) == NULL) {
        snprintf(text, NET_ADDRESS_TEXT, "-");
    }
}

bool net_address_same_host(const union net_address *a, const union net_address *b)
{
    if (a->family != b->family) {
        return false;
    }
    return a->family == AF_INET6
               ? memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0
               : a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

static void set_default(int64_t *field, int64_t seconds)
{
    if (*field == 0) {
        *field = seconds * 1000000;
    }
}

static void fill_defaults(struct net_options *options)
{
    set_default(&options->connect_timeout_us, 10);
    set_default(&options->dns_timeout_us, 5);
    set_default(&options->first_byte_timeout_us, 15);
    set_default(&options->idle_timeout_us, 15);
    set_default(&options->total_timeout_us, 60);
    if (options->clients_limit == 0) {
        options->clients_limit = CLIENTS_DEFAULT;
    }
    if (options->connections_per_client == 0) {
        options->connections_per_client = CONNECTIONS_PER_CLIENT;
    }
    if (options->fetches_per_client == 0) {
        options->fetches_per_client = FETCHES_PER_CLIENT;
    }
}

static bool is_credential(struct span name)
{
    return span_equal_nocase(name, SPAN("Authorization")) ||
           span_equal_nocase(name, SPAN("Cookie"));
}

/* The extra header lines, and those of them that go to other hosts as well. Returns 0 or -1. */
static int take_extra_headers(struct net_worker *worker, struct err *err)
{
    buf_init(&worker->extra_elsewhere, NET_REQUEST_MAX);
    if (worker->options.extra_headers == NULL) {
        return 0;
    }
    worker->extra = span_from_string(worker->options.extra_headers);
    struct span rest = worker->extra;
    for (;;) {
        struct span line = rest;
        struct http1_field field;
        int got = http1_field_next(&rest, &field);
        if (got == 0) {
            return 0;
        }
        line.len -= rest.len;
        if (got < 0 || !span_ends_with(line, SPAN("\r\n"))) {
            return err_set(err, ERR_USAGE, "header", "give 'Name: value'",
                           "'%.*s' is no header line", SPAN_ARGS(span_trim(line)));
        }
        if (!is_credential(field.name) &&
            buf_append_span(&worker->extra_elsewhere, line) != 0) {
            return err_set(err, ERR_USAGE, "headers", NULL, "more than %d bytes",
                           NET_REQUEST_MAX);
        }
    }
}

static int make_pools(struct net_worker *worker, struct err *err)
{
    const struct net_options *options = &worker->options;
    size_t connections = (size_t)options->clients_limit * options->connections_per_client;
    size_t jobs = (size_t)options->clients_limit * options->fetches_per_client;
    worker->scratch = malloc(NET_SCRATCH_BYTES);
    if (worker->scratch == NULL ||
        pool_init(&worker->connections, sizeof(struct conn), connections + SPARE) != 0 ||
        pool_init(&worker->jobs, sizeof(struct job), jobs + SPARE) != 0) {
        return err_set(err, ERR_START, "memory", "use fewer viewers",
                       "none left for the connections of %u viewers", options->clients_limit);
    }
    return 0;
}

struct net_worker *net_worker_open(struct loop *loop, struct shoal_lane *lane,
                                   const struct net_options *options, uint32_t worker_number,
                                   struct err *err)
{
    struct net_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        err_set(err, ERR_START, "memory", NULL, "none left for a worker");
        return NULL;
    }
    worker->loop = loop;
    worker->lane = lane;
    worker->options = *options;
    fill_defaults(&worker->options);
    assert(options->server_count <= METRIC_SERVERS_MAX);
    worker->user_agent = options->user_agent != NULL ? span_from_string(options->user_agent)
                                                     : SPAN("shoal/" SHOAL_VERSION);
    worker->source_turn = worker_number;
    port_range_init_system(&worker->ports, worker_number);
    worker->blocks.limit_bytes = options->bodies_limit_bytes;
    peers_init(&worker->peers);
    list_init(&worker->ended);
    loop_timer_init(&worker->report, job_report_ended);
    buf_init(&worker->request, NET_REQUEST_MAX);
    /* OpenSSL writes to sockets without MSG_NOSIGNAL. */
    signal(SIGPIPE, SIG_IGN);
    if (take_extra_headers(worker, err) != 0 || make_pools(worker, err) != 0) {
        net_worker_close(worker);
        return NULL;
    }
    worker->resolver =
        resolver_open(loop, lane, options->dns_servers, worker->options.dns_timeout_us, err);
    if (worker->resolver == NULL) {
        net_worker_close(worker);
        return NULL;
    }
    if (options->ca_file != NULL || options->expects_tls) {
        worker->tls = tls_new(options->ca_file, options->insecure, err);
        if (worker->tls == NULL) {
            net_worker_close(worker);
            return NULL;
        }
    }
    return worker;
}

void net_worker_close(struct net_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    assert(worker->client_count == 0);
    loop_timer_stop(worker->loop, &worker->report);
    peers_fini(&worker->peers);
    resolver_close(worker->resolver);
    tls_free(worker->tls);
    decoder_free(worker->decoder);
    pool_fini(&worker->connections);
    pool_fini(&worker->jobs);
    blocks_fini(&worker->blocks);
    buf_release(&worker->request);
    buf_release(&worker->extra_elsewhere);
    free(worker->scratch);
    free(worker);
}

uint32_t net_worker_addresses(struct net_worker *worker, struct span url,
                              union net_address *out, uint32_t room)
{
    struct url parsed;
    struct peer *peer = url_parse_http(url, &parsed) == 0 ? peer_hold(worker, &parsed) : NULL;
    if (peer == NULL) {
        return 0;
    }
    uint32_t count;
    const union net_address *addresses = peer_addresses(peer, &count);
    count = count < room ? count : room;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = addresses[i];
    }
    peer_release(peer);
    return count;
}

void net_worker_usage(const struct net_worker *worker, struct net_usage *out)
{
    *out = (struct net_usage){
        .connections = (uint32_t)worker->connections.in_use,
        .fetches = (uint32_t)worker->jobs.in_use,
        .buffer_bytes = worker->blocks.out_bytes,
        .connection_bytes = sizeof(struct conn),
        .fetch_bytes = sizeof(struct job),
    };
}
