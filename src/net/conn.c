#include "net/conn.h"

#include "base/clock.h"
#include "net/client_internal.h"
#include "net/exchange.h"
#include "net/job.h"
#include "net/peer.h"
#include "net/worker.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static void try_next_address(struct conn *conn);

static struct net_worker *worker_of(const struct conn *conn)
{
    return conn->client->worker;
}

void conn_watch(struct conn *conn, bool for_write)
{
    loop_io_start(worker_of(conn)->loop, &conn->io, conn->fd,
                  for_write ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

void conn_set_deadline(struct conn *conn, int64_t at_us)
{
    if (conn->job != NULL && conn->job->total_deadline_us < at_us) {
        at_us = conn->job->total_deadline_us;
    }
    conn->deadline_us = at_us;
    if (at_us != INT64_MAX &&
        (!loop_timer_is_started(&conn->timer) || conn->timer.at_us > at_us)) {
        loop_timer_start(worker_of(conn)->loop, &conn->timer, at_us);
    }
}

static void close_socket(struct conn *conn)
{
    struct net_worker *worker = worker_of(conn);
    loop_io_stop(worker->loop, &conn->io);
    if (conn->ssl != NULL) {
        tls_close(conn->ssl);
        conn->ssl = NULL;
    }
    if (conn->fd >= 0) {
        close(conn->fd);
        conn->fd = -1;
        metrics_add(worker->lane, METRIC_DESCRIPTORS_CLOSED, 1);
    }
    if (conn->established) {
        metrics_add(worker->lane, METRIC_CONNECTIONS_CLOSED, 1);
        conn->established = false;
    }
}

void conn_close(struct conn *conn)
{
    assert(conn->job == NULL);
    struct net_worker *worker = worker_of(conn);
    close_socket(conn);
    loop_timer_stop(worker->loop, &conn->timer);
    resolver_waiter_cancel(&conn->waiter);
    block_release(&worker->blocks, &conn->held);
    peer_release(conn->peer);
    list_remove(&conn->node);
    conn->client->connection_count--;
    pool_give(&worker->connections, conn);
}

/* Opening failed for good. */
static void give_up(struct conn *conn, enum fail fail)
{
    struct job *job = conn->job;
    client_detach(job);
    conn_close(conn);
    job_fail(job, fail);
}

/* As give_up, from an event: the queue may go on. */
static void give_up_and_dispatch(struct conn *conn, enum fail fail)
{
    struct net_client *client = conn->client;
    give_up(conn, fail);
    client_dispatch(client);
}

static void become_usable(struct conn *conn)
{
    conn_watch(conn, false);
    exchange_start(conn);
}

static void on_handshake(struct conn *conn)
{
    enum fail fail = FAIL_NONE;
    switch (tls_handshake(conn->ssl, &fail)) {
    case IO_OK:
        break;
    case IO_WANT_READ:
        conn_watch(conn, false);
        return;
    case IO_WANT_WRITE:
        conn_watch(conn, true);
        return;
    default:
        give_up_and_dispatch(conn, fail);
        return;
    }
    int64_t took_us = clock_monotonic_us() - conn->phase_us;
    struct shoal_lane *lane = worker_of(conn)->lane;
    metrics_add(lane, METRIC_TLS_HANDSHAKES, 1);
    metrics_record(lane, METRIC_TLS_HANDSHAKE, took_us);
    conn->job->result.phases.tls_us += took_us;
    become_usable(conn);
}

static void start_handshake(struct conn *conn)
{
    struct net_worker *worker = worker_of(conn);
    if (worker->tls == NULL) {
        worker->tls = tls_new(worker->options.ca_file, worker->options.insecure, NULL);
    }
    conn->job->server = conn->server;
    conn->ssl = worker->tls != NULL ? tls_open(worker->tls, conn->peer, conn->fd) : NULL;
    if (conn->ssl == NULL) {
        give_up_and_dispatch(conn, FAIL_MEMORY_SPENT);
        return;
    }
    conn->state = CONN_HANDSHAKE;
    conn->phase_us = clock_monotonic_us();
    conn_set_deadline(conn, conn->phase_us + conn->job->request.connect_timeout_us);
    on_handshake(conn);
}

static void on_connected(struct conn *conn)
{
    int64_t now_us = clock_monotonic_us();
    struct net_worker *worker = worker_of(conn);
    conn->established = true;
    metrics_add(worker->lane, METRIC_TCP_CONNECTS, 1);
    metrics_record(worker->lane, METRIC_TCP_CONNECT, now_us - conn->phase_us);
    conn->job->result.phases.connect_us += now_us - conn->opening_us;
    if (conn->peer->tls) {
        start_handshake(conn);
    } else {
        become_usable(conn);
    }
}

static enum fail fail_of_errno(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return FAIL_CONNECT_REFUSED;
    case ETIMEDOUT:
        return FAIL_CONNECT_TIMEOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EACCES:
    case EPERM:
        return FAIL_CONNECT_UNREACHABLE;
    case EMFILE:
    case ENFILE:
        return FAIL_DESCRIPTORS_SPENT;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EAGAIN:
        return FAIL_PORTS_SPENT;
    case ENOMEM:
    case ENOBUFS:
        return FAIL_MEMORY_SPENT;
    default:
        return FAIL_CONNECT_FAILED;
    }
}

/* Why connecting to the address failed. The system says the same of a machine that has no
 * source address for it, such as one without IPv6, and of one whose ports to it are all taken.
 * UDP has ports of its own: where that is refused too, it is not for want of ports. */
static enum fail fail_of_connect(const union net_address *address, socklen_t size, int error)
{
    enum fail fail = fail_of_errno(error);
    int fd = error == EADDRNOTAVAIL
                 ? socket(address->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
                 : -1;
    if (fd >= 0) {
        if (connect(fd, &address->sa, size) != 0 && errno == EADDRNOTAVAIL) {
            fail = FAIL_CONNECT_UNREACHABLE;
        }
        close(fd);
    }
    return fail;
}

static bool is_local(enum fail fail)
{
    return fail_info(fail)->class == FAIL_CLASS_LOCAL;
}

static socklen_t address_bytes(const union net_address *address)
{
    return address->family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

/* Binds to the client's source address of that family, if there is one. Returns 0 or -1 with
 * errno. */
static int bind_source(const struct conn *conn, int fd, sa_family_t family)
{
    const struct net_options *options = &worker_of(conn)->options;
    for (uint32_t i = 0; i < options->source_count; i++) {
        union net_address source =
            options->sources[(conn->client->source + i) % options->source_count];
        if (source.family != family) {
            continue;
        }
        if (family == AF_INET6) {
            source.in6.sin6_port = 0;
        } else {
            source.in.sin_port = 0;
        }
        /* The port is chosen at connect, so that one port serves many destinations. */
        int on = 1;
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        return bind(fd, &source.sa, address_bytes(&source));
    }
    return 0;
}

/* Begins connecting. Returns FAIL_NONE when it is under way or done (then *done), with
 * conn->fd set. */
static enum fail begin_connect(struct conn *conn, bool *done)
{
    const union net_address *address = &conn->address;
    struct net_worker *worker = worker_of(conn);
    int fd = socket(address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail_of_errno(errno);
    }
    metrics_add(worker->lane, METRIC_DESCRIPTORS_OPENED, 1);
    conn->fd = fd;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind_source(conn, fd, address->family) != 0) {
        /* A source that is no address of this machine is not a lack of ports. */
        return errno == EADDRNOTAVAIL ? FAIL_CONNECT_FAILED : fail_of_errno(errno);
    }
    *done = port_range_connect(&worker->ports, fd, &address->sa, address_bytes(address)) == 0;
    return *done || errno == EINPROGRESS
               ? FAIL_NONE
               : fail_of_connect(address, address_bytes(address), errno);
}

/* The value of the label `server`. Once a connection: they are few. */
static uint8_t server_of(const struct net_worker *worker, const union net_address *address)
{
    const struct net_options *options = &worker->options;
    for (uint32_t i = 0; i < options->server_count; i++) {
        if (net_address_same_host(&options->servers[i], address)) {
            return (uint8_t)i;
        }
    }
    return METRIC_SERVER_OTHER;
}

/* The failure of the whole is the first address's, unless that was merely out of reach (no IPv6
 * here, say) and another one says more. */
static void note_failed_try(struct conn *conn, enum fail fail)
{
    if (conn->first_fail == FAIL_NONE || conn->first_fail == FAIL_CONNECT_UNREACHABLE) {
        conn->first_fail = (uint8_t)fail;
    }
    if (!is_local(fail)) {
        metrics_add_at(worker_of(conn)->lane, METRIC_SERVER_FAILURES, conn->server, 1);
    }
    close_socket(conn);
}

static void set_port(union net_address *address, uint16_t port)
{
    if (address->family == AF_INET6) {
        address->in6.sin6_port = htons(port);
    } else {
        address->in.sin_port = htons(port);
    }
}

static void try_next_address(struct conn *conn)
{
    uint32_t count;
    const union net_address *addresses = peer_addresses(conn->peer, &count);
    while (conn->tries < count) {
        uint32_t left = count - conn->tries;
        conn->address = addresses[(conn->first_address + conn->tries) % count];
        set_port(&conn->address, conn->peer->port);
        conn->server = server_of(worker_of(conn), &conn->address);
        conn->tries++;
        conn->phase_us = clock_monotonic_us();
        bool done = false;
        enum fail fail = begin_connect(conn, &done);
        if (fail != FAIL_NONE) {
            note_failed_try(conn, fail);
            if (is_local(fail)) {
                give_up_and_dispatch(conn, fail);
                return;
            }
            continue;
        }
        conn->state = CONN_CONNECTING;
        int64_t rest_us =
            conn->opening_us + conn->job->request.connect_timeout_us - conn->phase_us;
        conn_set_deadline(conn, conn->phase_us + rest_us / left);
        if (done) {
            on_connected(conn);
        } else {
            loop_io_start(worker_of(conn)->loop, &conn->io, conn->fd, LOOP_WRITE);
        }
        return;
    }
    give_up_and_dispatch(conn, conn->first_fail != FAIL_NONE ? (enum fail)conn->first_fail
                                                             : FAIL_CONNECT_FAILED);
}

static void start_connecting(struct conn *conn)
{
    if (conn->peer->name != NULL) {
        if (conn->peer->name->fail != FAIL_NONE) {
            give_up_and_dispatch(conn, conn->peer->name->fail);
            return;
        }
        conn->first_address = conn->peer->name->turn++;
    }
    conn->opening_us = clock_monotonic_us();
    try_next_address(conn);
}

static void on_answer(struct resolver_waiter *waiter)
{
    struct conn *conn = list_entry(waiter, struct conn, waiter);
    conn->job->result.phases.dns_us += clock_monotonic_us() - conn->phase_us;
    start_connecting(conn);
}

static void on_ready(struct loop_io *io, unsigned events)
{
    struct conn *conn = list_entry(io, struct conn, io);
    switch (conn->state) {
    case CONN_CONNECTING: {
        int error = 0;
        socklen_t size = sizeof(error);
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        /* A reset here came after the handshake (before it, it reads as refused): connected,
         * and then lost, as the first write will tell. */
        if (error == 0 || error == ECONNRESET) {
            on_connected(conn);
        } else {
            note_failed_try(conn, fail_of_errno(error));
            try_next_address(conn);
        }
        return;
    }
    case CONN_HANDSHAKE:
        on_handshake(conn);
        return;
    case CONN_WRITING:
        exchange_on_writable(conn);
        return;
    default:
        if ((events & LOOP_WRITE) != 0) {
            conn_watch(conn, false);
        }
        exchange_on_readable(conn);
    }
}

static void on_deadline(struct loop_timer *timer)
{
    struct conn *conn = list_entry(timer, struct conn, timer);
    if (conn->deadline_us == INT64_MAX) {
        return;
    }
    if (timer->at_us < conn->deadline_us) {
        loop_timer_start(worker_of(conn)->loop, timer, conn->deadline_us);
        return;
    }
    switch (conn->state) {
    case CONN_RESOLVING:
        give_up_and_dispatch(conn, FAIL_DNS_TIMEOUT);
        break;
    case CONN_CONNECTING:
        note_failed_try(conn, FAIL_CONNECT_TIMEOUT);
        if (clock_monotonic_us() >= conn->job->total_deadline_us) {
            give_up_and_dispatch(conn, FAIL_CONNECT_TIMEOUT);
        } else {
            try_next_address(conn);
        }
        break;
    case CONN_HANDSHAKE:
        give_up_and_dispatch(conn, FAIL_TLS_TIMEOUT);
        break;
    default:
        exchange_on_timeout(conn);
    }
}

void conn_open(struct net_client *client, struct job *job)
{
    struct net_worker *worker = client->worker;
    struct conn *conn = pool_take(&worker->connections);
    if (conn == NULL) {
        list_remove(&job->node);
        job_fail(job, FAIL_MEMORY_SPENT);
        return;
    }
    memset(conn, 0, sizeof(*conn));
    conn->client = client;
    conn->peer = peer_hold_again(job->peer);
    conn->number = job->request.connection;
    conn->fd = -1;
    conn->deadline_us = INT64_MAX;
    conn->state = CONN_RESOLVING;
    loop_io_init(&conn->io, on_ready);
    loop_timer_init(&conn->timer, on_deadline);
    list_init(&conn->waiter.node);
    conn->waiter.on_answer = on_answer;
    list_prepend(&client->connections, &conn->node);
    client->connection_count++;
    client_attach(job, conn);
    conn->phase_us = clock_monotonic_us();
    if (conn->peer->name != NULL && !resolver_ask(conn->peer->name, &conn->waiter)) {
        conn_set_deadline(conn, conn->phase_us + worker->options.dns_timeout_us);
        return;
    }
    start_connecting(conn);
}

static enum io_step step_of_errno(int error, bool for_write)
{
    if (error == EAGAIN || error == EINTR) {
        return for_write ? IO_WANT_WRITE : IO_WANT_READ;
    }
    return IO_RESET;
}

enum io_step conn_read(struct conn *conn, char *bytes, size_t size, size_t *n)
{
    if (conn->ssl != NULL) {
        return tls_read(conn->ssl, bytes, size, n);
    }
    ssize_t got = recv(conn->fd, bytes, size, 0);
    if (got > 0) {
        *n = (size_t)got;
        return IO_OK;
    }
    return got == 0 ? IO_END : step_of_errno(errno, false);
}

enum io_step conn_discard(struct conn *conn, uint64_t max, size_t *n)
{
    /* MSG_TRUNC on TCP: the kernel lets the bytes go without copying them, tcp(7). */
    size_t size = max < INT_MAX ? (size_t)max : INT_MAX;
    ssize_t got = recv(conn->fd, NULL, size, MSG_TRUNC);
    if (got > 0) {
        *n = (size_t)got;
        return IO_OK;
    }
    return got == 0 ? IO_END : step_of_errno(errno, false);
}

enum io_step conn_write(struct conn *conn, const char *bytes, size_t size, size_t *n)
{
    if (conn->ssl != NULL) {
        return tls_write(conn->ssl, bytes, size, n);
    }
    ssize_t put = send(conn->fd, bytes, size, MSG_NOSIGNAL);
    if (put > 0) {
        *n = (size_t)put;
        return IO_OK;
    }
    return step_of_errno(put < 0 ? errno : EAGAIN, true);
}

void conn_resume(struct conn *conn)
{
    conn->paused = false;
    conn_watch(conn, false);
    exchange_on_readable(conn);
}
