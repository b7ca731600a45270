#include "net/tls.h"

#include "net/peer.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct tls {
    SSL_CTX *context; /* owned */
    bool insecure;
};

static int load_trusted(SSL_CTX *context, const char *ca_file, struct err *err)
{
    if (ca_file == NULL) {
        SSL_CTX_set_default_verify_paths(context);
        return 0;
    }
    if (SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        err_set(err, ERR_START, ca_file, "give a file of certificates in PEM form", "%s",
                reason != NULL ? reason : "cannot be read");
        ERR_clear_error();
        return -1;
    }
    return 0;
}

struct tls *tls_new(const char *ca_file, bool insecure, struct err *err)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    SSL_CTX *context = tls == NULL ? NULL : SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        err_set(err, ERR_START, "TLS", NULL, "OpenSSL could not be set up");
        free(tls);
        return NULL;
    }
    static const unsigned char protocols[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols) - 1);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Idle connections hold no record buffers (2 × 17 KiB each otherwise). Partial writes and
     * moving buffers: what is left of a request is copied elsewhere. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Many servers close without a goodbye; HTTP's framing tells whether the body is whole. */
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (!insecure && load_trusted(context, ca_file, err) != 0) {
        SSL_CTX_free(context);
        free(tls);
        return NULL;
    }
    SSL_CTX_set_verify(context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    tls->context = context;
    tls->insecure = insecure;
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

static bool set_expected_host(SSL *ssl, const struct peer *peer, bool insecure)
{
    /* peer->host is followed by NUL. */
    const char *host = peer->host.ptr;
    if (!peer->host_is_address && SSL_set_tlsext_host_name(ssl, host) != 1) {
        return false;
    }
    if (insecure) {
        return true;
    }
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return peer->host_is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1
                                 : X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

struct ssl_st *tls_open(struct tls *tls, const struct peer *peer, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
        !set_expected_host(ssl, peer, tls->insecure)) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return ssl;
}

/* What a call on ssl that did not succeed means. OpenSSL keeps a queue of errors per thread
 * that the next call would trip over. */
static enum io_step step_of_error(const SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_WANT_READ:
        return IO_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return IO_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return IO_END;
    case SSL_ERROR_SYSCALL:
        return errno == 0 ? IO_END : IO_RESET;
    default:
        return IO_RESET;
    }
}

enum io_step tls_handshake(struct ssl_st *ssl, enum fail *fail)
{
    errno = 0;
    int result = SSL_do_handshake(ssl);
    if (result == 1) {
        return IO_OK;
    }
    enum io_step step = step_of_error(ssl, result);
    if (step == IO_WANT_READ || step == IO_WANT_WRITE) {
        return step;
    }
    bool refused =
        SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) != X509_V_OK;
    *fail = refused ? FAIL_TLS_CERTIFICATE : FAIL_TLS_FAILED;
    return IO_RESET;
}

enum io_step tls_read(struct ssl_st *ssl, char *bytes, size_t size, size_t *n)
{
    errno = 0;
    int result = SSL_read(ssl, bytes, size < INT_MAX ? (int)size : INT_MAX);
    if (result <= 0) {
        return step_of_error(ssl, result);
    }
    *n = (size_t)result;
    return IO_OK;
}

enum io_step tls_write(struct ssl_st *ssl, const char *bytes, size_t size, size_t *n)
{
    errno = 0;
    int result = SSL_write(ssl, bytes, size < INT_MAX ? (int)size : INT_MAX);
    if (result <= 0) {
        return step_of_error(ssl, result);
    }
    *n = (size_t)result;
    return IO_OK;
}

bool tls_has_pending(const struct ssl_st *ssl)
{
    return SSL_has_pending(ssl) == 1;
}

void tls_close(struct ssl_st *ssl)
{
    if (SSL_is_init_finished(ssl)) {
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    ERR_clear_error();
}
