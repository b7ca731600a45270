/* A test origin: HLS streams made from nothing, served over HTTP/1.1, with faults by rule. It
 * runs on a loop of its caller, in one thread, and is measured by its own counters
 * (/_origin/stats.json, /_origin/metrics). */
#ifndef ORIGIN_ORIGIN_H
#define ORIGIN_ORIGIN_H

#include "base/err.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORIGIN_STREAMS_MAX   64
#define ORIGIN_LISTENERS_MAX 16

/* What app has read from the command line; all strings are borrowed until origin_new returns,
 * and NULL where not given. */
struct origin_options {
    const char *const *listens; /* "127.0.0.1:0", "[::1]:8080": plain HTTP */
    unsigned listen_count;
    const char *const *tls_listens; /* the same, over TLS */
    unsigned tls_listen_count;
    const char *const *streams; /* see stream.h */
    unsigned stream_count;
    const char *const *faults; /* see fault.h */
    unsigned fault_count;
    const char *cert, *key; /* PEM files; without them a certificate is made */
    const char *cert_out;   /* where to write the certificate made */
    const char *cert_name;  /* a further DNS name for the certificate made */
    const char *access_log;
    const char *dns_listen; /* "127.0.0.1:0": a DNS responder over UDP */
    const char *dns_answer; /* the address that it answers with; 127.0.0.1 */
    uint64_t seed;
    size_t cache_bytes; /* for segments made; 0: 256 MiB */
};

struct origin;

/* Listens and serves as soon as the loop runs. Returns NULL with err filled when an option is
 * not usable or a port is taken. */
struct origin *origin_new(struct loop *loop, const struct origin_options *options,
                          struct err *err);

/* Closes every connection and frees everything. NULL is a no-op. */
void origin_free(struct origin *origin);

/* The addresses served: writes the URL of listener i ("http://127.0.0.1:41234") into out.
 * Returns false when there is none. */
#define ORIGIN_URL_BYTES 80
bool origin_url(const struct origin *origin, unsigned i, char out[ORIGIN_URL_BYTES]);

/* The UDP port of the DNS responder, or 0 without one. */
unsigned origin_dns_port(const struct origin *origin);

/* The name of stream i, or NULL when there is none. */
const char *origin_stream_name(const struct origin *origin, unsigned i);

#endif
