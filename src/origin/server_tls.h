/* The TLS side of the origin on OpenSSL: a certificate given or made at start, TLS 1.2 and 1.3,
 * ALPN http/1.1. One thread. */
#ifndef ORIGIN_SERVER_TLS_H
#define ORIGIN_SERVER_TLS_H

#include "base/err.h"

#include <openssl/ssl.h>

struct server_tls {
    SSL_CTX *context;    /* owned */
    SSL_CTX *wrong_name; /* owned; its certificate names another host */
};

/* cert and key are PEM files, both or neither. Without them a certificate is made for
 * localhost, 127.0.0.1, ::1 and extra_name (unless NULL), and written to cert_out (unless
 * NULL). Returns NULL with err filled when a file cannot be used. */
struct server_tls *server_tls_new(const char *cert, const char *key, const char *cert_out,
                                  const char *extra_name, struct err *err);
void server_tls_free(struct server_tls *tls);

#endif
