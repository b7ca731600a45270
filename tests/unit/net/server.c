#include "server.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

static void *run_connection(void *argument)
{
    struct server_connection *connection = argument;
    struct server *server = connection->server;
    if (server->tls != NULL) {
        connection->ssl = SSL_new(server->tls);
        SSL_set_fd(connection->ssl, connection->fd);
        if (SSL_accept(connection->ssl) == 1) {
            server->serve(connection);
            SSL_shutdown(connection->ssl);
        }
        SSL_free(connection->ssl);
    } else {
        server->serve(connection);
    }
    pthread_mutex_lock(&server->lock);
    server->fds[connection->number] = -1;
    pthread_mutex_unlock(&server->lock);
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    free(connection);
    return NULL;
}

/* accept() takes its descriptor before it waits: where a test leaves none to its process it
 * fails at once, until there is one again. */
static int accept_one(const struct server *server)
{
    int fd;
    do {
        fd = accept(server->listener, NULL, NULL);
    } while (fd < 0 && errno == EMFILE);
    return fd;
}

static void *run_acceptor(void *argument)
{
    struct server *server = argument;
    for (;;) {
        int fd = accept_one(server);
        pthread_mutex_lock(&server->lock);
        if (fd < 0 || server->stopping || server->count == SERVER_CONNECTIONS_MAX) {
            pthread_mutex_unlock(&server->lock);
            if (fd >= 0) {
                close(fd);
            }
            return NULL;
        }
        struct server_connection *connection = calloc(1, sizeof(*connection));
        connection->server = server;
        connection->fd = fd;
        connection->number = server->count++;
        server->fds[connection->number] = fd;
        pthread_create(&server->threads[connection->number], NULL, run_connection, connection);
        pthread_mutex_unlock(&server->lock);
    }
}

void server_start(struct server *server, const char *host,
                  void (*serve)(struct server_connection *connection), const void *user,
                  struct ssl_ctx_st *tls)
{
    memset(server, 0, sizeof(*server));
    server->serve = serve;
    server->user = user;
    server->tls = tls;
    pthread_mutex_init(&server->lock, NULL);
    assert_int_equal(net_address_parse(span_from_string(host), 0, &server->address), 0);
    socklen_t size = server->address.family == AF_INET6 ? sizeof(server->address.in6)
                                                        : sizeof(server->address.in);
    server->listener = socket(server->address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, &server->address.sa, size), 0);
    assert_int_equal(listen(server->listener, 128), 0);
    assert_int_equal(getsockname(server->listener, &server->address.sa, &size), 0);
    server->port = ntohs(server->address.family == AF_INET6 ? server->address.in6.sin6_port
                                                            : server->address.in.sin_port);
    assert_int_equal(pthread_create(&server->acceptor, NULL, run_acceptor, server), 0);
}

void server_stop(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_mutex_unlock(&server->lock);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < server->count; i++) {
        if (server->fds[i] >= 0) {
            shutdown(server->fds[i], SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->count; i++) {
        pthread_join(server->threads[i], NULL);
    }
    pthread_mutex_destroy(&server->lock);
}

void server_free_log(struct server *server)
{
    for (int i = 0; i < SERVER_LOG_MAX; i++) {
        free(server->log[i]);
        server->log[i] = NULL;
    }
}

static ssize_t read_some(struct server_connection *connection, char *bytes, size_t size)
{
    return connection->ssl != NULL ? SSL_read(connection->ssl, bytes, (int)size)
                                   : recv(connection->fd, bytes, size, 0);
}

bool server_read(struct server_connection *connection)
{
    size_t len = 0;
    for (;;) {
        if (len >= SERVER_HEAD_MAX - 1) {
            return false;
        }
        ssize_t n = read_some(connection, connection->head + len, SERVER_HEAD_MAX - 1 - len);
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        connection->head[len] = '\0';
        if (strstr(connection->head, "\r\n\r\n") != NULL) {
            break;
        }
    }
    struct server *server = connection->server;
    pthread_mutex_lock(&server->lock);
    if (server->request_count < SERVER_LOG_MAX) {
        server->log[server->request_count] = strdup(connection->head);
    }
    server->request_count++;
    pthread_mutex_unlock(&server->lock);
    return true;
}

bool server_write(struct server_connection *connection, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = connection->ssl != NULL ? SSL_write(connection->ssl, at, (int)len)
                                            : send(connection->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool server_print(struct server_connection *connection, const char *text)
{
    return server_write(connection, text, strlen(text));
}

bool server_hello(struct server_connection *connection)
{
    return server_print(connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

const char *server_url(const struct server *server, const char *path)
{
    static char urls[4][512];
    static int turn;
    char *url = urls[turn++ % 4];
    char address[NET_ADDRESS_TEXT];
    net_address_format(&server->address, address);
    snprintf(url, sizeof(urls[0]), "%s://%s%s", server->tls != NULL ? "https" : "http", address,
             path);
    return url;
}

void server_reset(struct server_connection *connection)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    pthread_mutex_lock(&connection->server->lock);
    connection->server->fds[connection->number] = -1;
    pthread_mutex_unlock(&connection->server->lock);
    close(connection->fd);
    connection->fd = -1;
}

bool server_wait_close(struct server_connection *connection, int max_ms)
{
    struct pollfd wait = {.fd = connection->fd, .events = POLLRDHUP};
    return poll(&wait, 1, max_ms) > 0;
}
