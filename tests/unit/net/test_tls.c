/* TLS against OpenSSL's own server side, with certificates made here: accepted and refused
 * ones, garbage, silence, redirects between plain and TLS, large bodies, tickets on idle
 * connections. */
#include "loop/loop.h"
#include "rig.h"
#include "server.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct certificate {
    SSL_CTX *context;
    char ca_file[64];
};

/* A self-signed certificate for these names ("DNS:a,IP:1.2.3.4"), valid from now less a day to
 * now plus `days`; also written to a file to be trusted. */
static void certificate_make(struct certificate *c, const char *names, int days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -2L * 86400);
    X509_gmtime_adj(X509_getm_notAfter(x509), days * 86400L);
    X509_set_pubkey(x509, key);
    X509_NAME *name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"shoal test",
                               -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_non_null(san);
    X509_add_ext(x509, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    c->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(c->context, x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(c->context, key), 1);
    snprintf(c->ca_file, sizeof(c->ca_file), "/tmp/shoal-test-ca-XXXXXX");
    int fd = mkstemp(c->ca_file);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    PEM_write_X509(file, x509);
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static void certificate_free(struct certificate *c)
{
    unlink(c->ca_file);
    SSL_CTX_free(c->context);
}

enum { LARGE = 3000000 };

static void serve(struct server_connection *c)
{
    static char large[LARGE];
    while (server_read(c)) {
        bool wants_large = strncmp(c->head, "GET /large", 10) == 0;
        char line[256];
        if (strncmp(c->head, "GET /go", 7) == 0) {
            snprintf(line, sizeof(line),
                     "HTTP/1.1 302 F\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                     (const char *)c->server->user);
            if (!server_print(c, line)) {
                return;
            }
            continue;
        }
        snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
                 wants_large ? LARGE : 5);
        if (!server_print(c, line) ||
            !server_write(c, wants_large ? large : "hello", wants_large ? LARGE : 5)) {
            return;
        }
    }
}

static void get(struct rig *rig, struct trial *trial, const struct server *server,
                const char *host, const char *path)
{
    char url[256];
    snprintf(url, sizeof(url), "https://%s:%u%s", host, server->port, path);
    rig_get(rig, trial, url);
}

static void test_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        const char *host;
        int days;
        bool trusted;
        bool insecure;
        enum fail fail;
    } cases[] = {
        {"IP:127.0.0.1", "127.0.0.1", 1, true, false, FAIL_NONE},
        {"DNS:localhost", "localhost", 1, true, false, FAIL_NONE},
        {"DNS:LOCALHOST", "localhost", 1, true, false, FAIL_NONE},
        {"DNS:other.test", "localhost", 1, true, false, FAIL_TLS_CERTIFICATE},
        {"IP:127.0.0.2", "127.0.0.1", 1, true, false, FAIL_TLS_CERTIFICATE},
        {"DNS:localhost", "localhost", -1, true, false, FAIL_TLS_CERTIFICATE},
        {"DNS:localhost", "localhost", 1, false, false, FAIL_TLS_CERTIFICATE},
        {"DNS:other.test", "localhost", 1, false, true, FAIL_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct certificate certificate;
        certificate_make(&certificate, cases[i].names, cases[i].days);
        struct server server;
        server_start(&server, "127.0.0.1", serve, NULL, certificate.context);
        struct net_options options = {.ca_file = cases[i].trusted ? certificate.ca_file : NULL,
                                      .insecure = cases[i].insecure};
        struct rig rig;
        rig_open(&rig, &options, NULL);
        struct trial trial;
        trial_init(&trial);
        get(&rig, &trial, &server, cases[i].host, "/");
        if (trial.result.fail != cases[i].fail) {
            fail_msg("case %zu: %s", i, fail_info(trial.result.fail)->label);
        }
        assert_int_equal(rig_count(&rig, METRIC_TLS_HANDSHAKES), cases[i].fail == FAIL_NONE);
        assert_int_equal(rig_count(&rig, METRIC_TCP_CONNECTS), 1);
        if (cases[i].fail == FAIL_NONE) {
            assert_string_equal(trial.body, "hello");
            assert_true(trial.result.phases.tls_us > 0);
        }
        trial_fini(&trial);
        rig_close(&rig);
        server_stop(&server);
        server_free_log(&server);
        certificate_free(&certificate);
    }
}

/* The server wants a certificate of ours, and says so only after its own, which nobody checks:
 * that is no refusal of it. */
static void test_insecure_and_refused(void **state)
{
    (void)state;
    struct certificate certificate;
    certificate_make(&certificate, "DNS:other.test", 1);
    SSL_CTX_set_max_proto_version(certificate.context, TLS1_2_VERSION);
    SSL_CTX_set_verify(certificate.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       NULL);
    struct server server;
    server_start(&server, "127.0.0.1", serve, NULL, certificate.context);
    struct net_options options = {.insecure = true};
    struct rig rig;
    rig_open(&rig, &options, NULL);
    struct trial trial;
    trial_init(&trial);
    get(&rig, &trial, &server, "localhost", "/");
    assert_int_equal(trial.result.fail, FAIL_TLS_FAILED);
    assert_int_equal(rig_failures(&rig, FAIL_TLS_FAILED), 1);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
    certificate_free(&certificate);
}

static void test_bodies_and_reuse(void **state)
{
    (void)state;
    struct certificate certificate;
    certificate_make(&certificate, "DNS:localhost", 1);
    struct server server;
    server_start(&server, "127.0.0.1", serve, NULL, certificate.context);
    struct net_options options = {.ca_file = certificate.ca_file};
    struct rig rig;
    rig_open(&rig, &options, NULL);
    struct trial trial;
    trial_init(&trial);
    char url[64];
    snprintf(url, sizeof(url), "https://localhost:%u/large", server.port);
    struct fetch_request request = {.url = span_from_string(url), .kind = METRIC_KIND_SEGMENT};
    for (int i = 0; i < 4; i++) {
        request.sink = i % 2 == 0 ? FETCH_COLLECT : FETCH_DRAIN;
        rig_fetch(&rig, &trial, &request);
        assert_int_equal(trial.result.fail, FAIL_NONE);
        assert_int_equal(trial.result.media_bytes, LARGE);
        assert_int_equal(trial.result.reused, i > 0);
        /* Whatever the server still sends (tickets) must not end the idle connection. */
        loop_run_once(rig.loop, 20000);
    }
    assert_int_equal(rig_count(&rig, METRIC_TLS_HANDSHAKES), 1);
    assert_int_equal(rig_count(&rig, METRIC_BODY_BYTES), 4 * LARGE);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
    certificate_free(&certificate);
}

static void test_paced(void **state)
{
    (void)state;
    struct certificate certificate;
    certificate_make(&certificate, "DNS:localhost", 1);
    struct server server;
    server_start(&server, "127.0.0.1", serve, NULL, certificate.context);
    struct net_options options = {.insecure = true};
    struct net_client_options client_options = {.bytes_per_s = 6000000};
    struct rig rig;
    rig_open(&rig, &options, &client_options);
    struct trial trial;
    trial_init(&trial);
    get(&rig, &trial, &server, "localhost", "/large");
    assert_int_equal(trial.result.fail, FAIL_NONE);
    /* 3 MB at 6 MB/s. */
    assert_in_range(trial.result.phases.total_us, 380000, 2500000);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
    certificate_free(&certificate);
}

static void test_redirects_between_schemes(void **state)
{
    (void)state;
    struct certificate certificate;
    certificate_make(&certificate, "IP:127.0.0.1", 1);
    char to_tls[64];
    char to_plain[64];
    struct server tls;
    struct server plain;
    server_start(&tls, "127.0.0.1", serve, to_plain, certificate.context);
    server_start(&plain, "127.0.0.1", serve, to_tls, NULL);
    snprintf(to_tls, sizeof(to_tls), "https://127.0.0.1:%u/end", tls.port);
    snprintf(to_plain, sizeof(to_plain), "http://127.0.0.1:%u/end", plain.port);
    struct net_options options = {.ca_file = certificate.ca_file};
    struct rig rig;
    rig_open(&rig, &options, NULL);
    struct trial trial;
    trial_init(&trial);
    get(&rig, &trial, &tls, "127.0.0.1", "/go");
    assert_int_equal(trial.result.fail, FAIL_NONE);
    assert_string_equal(trial.url, to_plain);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/go", plain.port);
    rig_get(&rig, &trial, url);
    assert_int_equal(trial.result.fail, FAIL_NONE);
    assert_string_equal(trial.url, to_tls);
    trial_fini(&trial);
    rig_close(&rig);
    server_stop(&tls);
    server_stop(&plain);
    server_free_log(&tls);
    server_free_log(&plain);
    certificate_free(&certificate);
}

static void serve_garbage(struct server_connection *c)
{
    server_print(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    server_wait_close(c, 10000);
}

static void serve_silence(struct server_connection *c)
{
    server_wait_close(c, 10000);
}

static void serve_reset(struct server_connection *c)
{
    server_reset(c);
}

static void test_failed_handshakes(void **state)
{
    (void)state;
    static const struct {
        void (*serve)(struct server_connection *c);
        enum fail fail;
    } cases[] = {
        {serve_garbage, FAIL_TLS_FAILED},
        {serve_silence, FAIL_TLS_TIMEOUT},
        {serve_reset, FAIL_TLS_FAILED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct server server;
        server_start(&server, "127.0.0.1", cases[i].serve, NULL, NULL);
        struct net_options options = {.connect_timeout_us = 300000};
        struct rig rig;
        rig_open(&rig, &options, NULL);
        struct trial trial;
        trial_init(&trial);
        get(&rig, &trial, &server, "127.0.0.1", "/");
        if (trial.result.fail != cases[i].fail) {
            fail_msg("case %zu: %s", i, fail_info(trial.result.fail)->label);
        }
        trial_fini(&trial);
        rig_close(&rig);
        server_stop(&server);
        server_free_log(&server);
    }
}

static void test_bad_ca_file(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct net_options options = {.ca_file = "/nonexistent/ca.pem"};
    struct err err = {0};
    assert_null(net_worker_open(loop, NULL, &options, 0, &err));
    assert_int_equal(err.kind, ERR_START);
    assert_string_equal(err.what, "/nonexistent/ca.pem");
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_insecure_and_refused),
        cmocka_unit_test(test_bodies_and_reuse),
        cmocka_unit_test(test_paced),
        cmocka_unit_test(test_redirects_between_schemes),
        cmocka_unit_test(test_failed_handshakes),
        cmocka_unit_test(test_bad_ca_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
