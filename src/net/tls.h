/* TLS for the client side, on OpenSSL: one context per worker, one SSL per connection. TLS 1.2
 * and 1.3, ALPN "http/1.1", SNI, the certificate checked against the trusted ones and the host
 * unless that is switched off. One thread. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/err.h"
#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>

struct tls;
struct ssl_st;
struct peer;

/* What became of a step that the socket may hold up. */
enum io_step {
    IO_OK,
    IO_WANT_READ,
    IO_WANT_WRITE,
    IO_END,   /* the peer closed */
    IO_RESET, /* the connection is broken */
};

/* ca_file: PEM file of trusted certificates, NULL for the system's. Returns NULL and fills *err
 * when it cannot be read. */
struct tls *tls_new(const char *ca_file, bool insecure, struct err *err);
void tls_free(struct tls *tls);

/* A TLS connection to `peer` over the connected socket `fd`, to be freed with tls_close. NULL
 * when memory is spent. */
struct ssl_st *tls_open(struct tls *tls, const struct peer *peer, int fd);

/* Drives the handshake. IO_OK: it is complete. IO_RESET: it failed, *fail says how. */
enum io_step tls_handshake(struct ssl_st *ssl, enum fail *fail);

/* Read and write at most `size` bytes; *n is set with IO_OK only, and is then at least 1. A
 * read buffer of 16 KiB takes a whole record, so that none is left inside unseen. */
enum io_step tls_read(struct ssl_st *ssl, char *bytes, size_t size, size_t *n);
enum io_step tls_write(struct ssl_st *ssl, const char *bytes, size_t size, size_t *n);

/* Whether decrypted bytes wait inside, for which the socket will not become readable. */
bool tls_has_pending(const struct ssl_st *ssl);

/* Says goodbye if that does not block, and frees it; the socket stays open. */
void tls_close(struct ssl_st *ssl);

#endif
