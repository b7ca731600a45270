/* A server on loopback for tests that misbehaves as told: it accepts on a thread, and runs a
 * function of the test for each connection on a thread of that connection, with blocking calls.
 * What the tests assert on is guarded or read after server_stop. */
#ifndef TEST_NET_SERVER_H
#define TEST_NET_SERVER_H

#include "net/net.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;
struct ssl_ctx_st;

enum {
    SERVER_CONNECTIONS_MAX = 64,
    SERVER_LOG_MAX = 64,
    SERVER_HEAD_MAX = 16384,
};

struct server;

struct server_connection {
    struct server *server;
    struct ssl_st *ssl; /* NULL on plain TCP */
    int fd;
    int number;                 /* from 0 in the order of accepting */
    char head[SERVER_HEAD_MAX]; /* the last request, NUL-terminated */
};

struct server {
    void (*serve)(struct server_connection *connection);
    const void *user;
    struct ssl_ctx_st *tls; /* borrowed; NULL: plain */
    union net_address address;
    uint16_t port;
    int listener;
    pthread_t acceptor;
    pthread_mutex_t lock;
    int count; /* connections accepted */
    int fds[SERVER_CONNECTIONS_MAX];
    pthread_t threads[SERVER_CONNECTIONS_MAX];
    int request_count;         /* heads read */
    char *log[SERVER_LOG_MAX]; /* owned: the first heads */
    bool stopping;
};

/* Listens on a free port of `host` ("127.0.0.1" or "::1"). Fails the test if it cannot. */
void server_start(struct server *server, const char *host,
                  void (*serve)(struct server_connection *connection), const void *user,
                  struct ssl_ctx_st *tls);

/* Ends all connections and threads; the log stays until server_free_log. */
void server_stop(struct server *server);
void server_free_log(struct server *server);

/* The URL of a path, valid until the fourth call from now. The test's thread and those of
 * its connections may not both call it at once. */
const char *server_url(const struct server *server, const char *path);

/* For `serve`. Reads a request head; false when the client closed. */
bool server_read(struct server_connection *connection);

/* Writes all; false when the client closed. */
bool server_write(struct server_connection *connection, const void *bytes, size_t len);
bool server_print(struct server_connection *connection, const char *text);

/* Answers with status 200 and the body "hello"; false when the client closed. */
bool server_hello(struct server_connection *connection);

/* Ends the connection with RST instead of FIN. */
void server_reset(struct server_connection *connection);

/* Returns when the client closed, or after max_ms: true when it closed. */
bool server_wait_close(struct server_connection *connection, int max_ms);

#endif
