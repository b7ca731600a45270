#include "origin/server_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALID_S (30L * 24 * 3600)

static int add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) {
        return -1;
    }
    int status = X509_add_ext(cert, extension, -1) == 1 ? 0 : -1;
    X509_EXTENSION_free(extension);
    return status;
}

/* A certificate signed with its own key, that a client may be told to trust as a root. `names`
 * is the subjectAltName in OpenSSL's notation. */
static X509 *make_certificate(EVP_PKEY *key, const char *names)
{
    X509 *cert = X509_new();
    if (cert == NULL) {
        return NULL;
    }
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    /* A client whose clock is a little behind accepts it too. */
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"shoal origin",
                               -1, -1, 0);
    X509_set_issuer_name(cert, name);
    if (add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") != 0 ||
        add_extension(cert, NID_subject_key_identifier, "hash") != 0 ||
        add_extension(cert, NID_subject_alt_name, names) != 0 ||
        X509_sign(cert, key, EVP_sha256()) == 0) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

/* The protocol we speak, or none at all (RFC 7301 section 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned offered_len, void *user)
{
    (void)ssl;
    (void)user;
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Buffers are given back while a connection idles; writes go on where they stopped. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    return context;
}

static SSL_CTX *context_of(EVP_PKEY *key, X509 *cert)
{
    SSL_CTX *context = new_context();
    if (context != NULL && (SSL_CTX_use_certificate(context, cert) != 1 ||
                            SSL_CTX_use_PrivateKey(context, key) != 1)) {
        SSL_CTX_free(context);
        context = NULL;
    }
    return context;
}

static int write_certificate(X509 *cert, const char *path, struct err *err)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return err_set(err, ERR_START, path, NULL, "%s", strerror(errno));
    }
    int written = PEM_write_X509(file, cert);
    if (fclose(file) != 0 || written != 1) {
        return err_set(err, ERR_START, path, NULL, "cannot be written");
    }
    return 0;
}

static int load_files(struct server_tls *tls, const char *cert, const char *key,
                      struct err *err)
{
    tls->context = new_context();
    if (tls->context == NULL) {
        return err_set(err, ERR_MACHINE, "--cert", NULL, "out of memory");
    }
    if (SSL_CTX_use_certificate_chain_file(tls->context, cert) != 1) {
        return err_set(err, ERR_START, cert, "give a PEM file", "holds no certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(tls->context, key, SSL_FILETYPE_PEM) != 1) {
        return err_set(err, ERR_START, key, "give the PEM file of that certificate's key",
                       "holds no key that fits %s", cert);
    }
    return 0;
}

static int make_contexts(struct server_tls *tls, const char *cert_out, const char *extra_name,
                         struct err *err)
{
    char names[400];
    snprintf(names, sizeof names, "DNS:localhost,IP:127.0.0.1,IP:::1%s%.200s",
             extra_name != NULL ? ",DNS:" : "", extra_name != NULL ? extra_name : "");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key != NULL ? make_certificate(key, names) : NULL;
    X509 *wrong = key != NULL ? make_certificate(key, "DNS:wrong.invalid") : NULL;
    int status = -1;
    if (cert == NULL || wrong == NULL) {
        err_set(err, ERR_START, "--tls", NULL, "cannot make a certificate for '%s'", names);
        goto done;
    }
    if (tls->context == NULL) {
        tls->context = context_of(key, cert);
        if (cert_out != NULL && write_certificate(cert, cert_out, err) != 0) {
            goto done;
        }
    }
    tls->wrong_name = context_of(key, wrong);
    if (tls->context == NULL || tls->wrong_name == NULL) {
        err_set(err, ERR_MACHINE, "--tls", NULL, "out of memory");
        goto done;
    }
    status = 0;
done:
    X509_free(cert);
    X509_free(wrong);
    EVP_PKEY_free(key);
    return status;
}

struct server_tls *server_tls_new(const char *cert, const char *key, const char *cert_out,
                                  const char *extra_name, struct err *err)
{
    struct server_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        err_set(err, ERR_MACHINE, "--tls", NULL, "out of memory");
        return NULL;
    }
    if ((cert == NULL) != (key == NULL)) {
        err_set(err, ERR_USAGE, cert != NULL ? "--cert" : "--key", "give both or neither",
                "--cert and --key belong together");
        goto failed;
    }
    if (cert != NULL && load_files(tls, cert, key, err) != 0) {
        goto failed;
    }
    if (make_contexts(tls, cert_out, extra_name, err) != 0) {
        goto failed;
    }
    return tls;
failed:
    server_tls_free(tls);
    return NULL;
}

void server_tls_free(struct server_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->context);
        SSL_CTX_free(tls->wrong_name);
        free(tls);
    }
}
