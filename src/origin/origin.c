#include "origin/origin.h"

#include "base/clock.h"
#include "origin/address.h"
#include "origin/dns.h"
#include "origin/server.h"
#include "origin/server_conn.h"
#include "origin/shared_playlist.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG       16384
#define CACHE_DEFAULT ((size_t)256 << 20)
#define TICK_US       1000000

/* Connections accepted before others have their turn. */
#define ACCEPTS_A_TURN 256

static void on_acceptable(struct loop_io *io, unsigned events)
{
    (void)events;
    struct server_listener *listener = list_entry(io, struct server_listener, io);
    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                /* The queue waits until the next tick; else it would be reported for ever. */
                loop_io_stop(listener->origin->loop, io);
            }
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        server_conn_start(listener->origin, fd, listener->is_tls);
    }
}

/* Opens the listener on its address. Returns 0, or -1 with errno set. */
static int listener_open(struct server_listener *listener)
{
    int family = listener->address.ss_family;
    listener->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) {
        return -1;
    }
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (family == AF_INET6) {
        setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
    }
    if (bind(listener->fd, (struct sockaddr *)&listener->address, listener->address_len) != 0 ||
        listen(listener->fd, BACKLOG) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&listener->address,
                    &listener->address_len) != 0) {
        int error = errno;
        close(listener->fd);
        listener->fd = -1;
        errno = error;
        return -1;
    }
    loop_io_start(listener->origin->loop, &listener->io, listener->fd, LOOP_READ);
    return 0;
}

static void listener_close(struct server_listener *listener)
{
    loop_io_stop(listener->origin->loop, &listener->io);
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
}

static void unplug(struct server_listener *listener)
{
    for (size_t i = 0; i < sizeof listener->plugs / sizeof listener->plugs[0]; i++) {
        if (listener->plugs[i] >= 0) {
            close(listener->plugs[i]);
            listener->plugs[i] = -1;
        }
    }
}

/* Lets connecting go unanswered: nothing is accepted, the queue is made as short as it can be
 * and filled with connections of our own, so that the kernel drops every further SYN. */
static void plug(struct server_listener *listener)
{
    loop_io_stop(listener->origin->loop, &listener->io);
    listen(listener->fd, 0);
    for (size_t i = 0; i < sizeof listener->plugs / sizeof listener->plugs[0]; i++) {
        int fd =
            socket(listener->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0) {
            /* It need not succeed: the first one or two fill the queue. */
            (void)connect(fd, (struct sockaddr *)&listener->address, listener->address_len);
        }
        listener->plugs[i] = fd;
    }
}

/* Brings the listeners into the state that the faults want now. A listener whose port somebody
 * else took while it was refusing is tried again each second. */
static void apply_listener_faults(struct origin *origin)
{
    int64_t now_us = loop_now_us(origin->loop);
    enum fault_special state = fault_listener_state(&origin->faults, now_us);
    for (unsigned i = 0; i < origin->listener_count; i++) {
        struct server_listener *listener = &origin->listeners[i];
        if (state == FAULT_LISTENER_REFUSE) {
            unplug(listener);
            listener_close(listener);
            continue;
        }
        if (listener->fd < 0 && listener_open(listener) != 0) {
            continue;
        }
        if (state == FAULT_LISTENER_BLACKHOLE && origin->listener_state != state) {
            plug(listener);
        } else if (state == FAULT_SPECIAL_NONE && origin->listener_state != state) {
            unplug(listener);
            listen(listener->fd, BACKLOG);
            loop_io_start(origin->loop, &listener->io, listener->fd, LOOP_READ);
        }
    }
    if (state != origin->listener_state) {
        fault_count_listener(&origin->faults, now_us);
    }
    origin->listener_state = state;
    int64_t change_us = fault_listener_change_us(&origin->faults, now_us);
    if (change_us < INT64_MAX) {
        loop_timer_start(origin->loop, &origin->change, change_us);
    }
}

static void on_change(struct loop_timer *timer)
{
    apply_listener_faults(list_entry(timer, struct origin, change));
}

static void set_date(struct origin *origin)
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    snprintf(origin->date, sizeof origin->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             days + (size_t)tm.tm_wday * 3, tm.tm_mday % 100, months + (size_t)tm.tm_mon * 3,
             (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

/* Accepts again where that had been given up for want of descriptors. */
static void resume_accepting(struct origin *origin)
{
    for (unsigned i = 0; i < origin->listener_count; i++) {
        struct server_listener *listener = &origin->listeners[i];
        if (listener->fd >= 0 && origin->listener_state == FAULT_SPECIAL_NONE) {
            loop_io_start(origin->loop, &listener->io, listener->fd, LOOP_READ);
        }
    }
}

static void on_tick(struct loop_timer *timer)
{
    struct origin *origin = list_entry(timer, struct origin, tick);
    set_date(origin);
    server_conn_sweep(origin);
    access_log_flush(&origin->log);
    if (origin->listener_state == FAULT_SPECIAL_NONE) {
        apply_listener_faults(origin);
        resume_accepting(origin);
    }
    loop_timer_start(origin->loop, &origin->tick, loop_now_us(origin->loop) + TICK_US);
}

static int add_listener(struct origin *origin, const char *text, bool is_tls, struct err *err)
{
    const char *what = is_tls ? "--tls" : "--listen";
    if (origin->listener_count == ORIGIN_LISTENERS_MAX) {
        return err_set(err, ERR_USAGE, what, NULL, "more than %d", ORIGIN_LISTENERS_MAX);
    }
    struct server_listener *listener = &origin->listeners[origin->listener_count];
    *listener = (struct server_listener){
        .origin = origin, .fd = -1, .is_tls = is_tls, .plugs = {-1, -1, -1, -1}};
    loop_io_init(&listener->io, on_acceptable);
    if (address_parse(text, what, &listener->address, &listener->address_len, err) != 0) {
        return -1;
    }
    if (listener_open(listener) != 0) {
        return err_set(err, ERR_START, what, "choose another port, or 0 for a free one",
                       "%s: %s", text, strerror(errno));
    }
    origin->listener_count++;
    return 0;
}

static int add_listeners(struct origin *origin, const struct origin_options *options,
                         struct err *err)
{
    for (unsigned i = 0; i < options->listen_count; i++) {
        if (add_listener(origin, options->listens[i], false, err) != 0) {
            return -1;
        }
    }
    if (options->tls_listen_count > 0) {
        origin->tls = server_tls_new(options->cert, options->key, options->cert_out,
                                     options->cert_name, err);
        if (origin->tls == NULL) {
            return -1;
        }
    }
    for (unsigned i = 0; i < options->tls_listen_count; i++) {
        if (add_listener(origin, options->tls_listens[i], true, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int add_stream(struct origin *origin, const char *text, struct err *err)
{
    if (origin->stream_count == ORIGIN_STREAMS_MAX) {
        return err_set(err, ERR_USAGE, "--stream", NULL, "more than %d", ORIGIN_STREAMS_MAX);
    }
    struct stream *stream = stream_new(span_from_string(text), origin->stream_count,
                                       loop_now_us(origin->loop), clock_wall_us(), err);
    if (stream == NULL) {
        return -1;
    }
    for (unsigned i = 0; i < origin->stream_count; i++) {
        if (strcmp(origin->streams[i]->name, stream->name) == 0) {
            err_set(err, ERR_USAGE, "--stream", "name each differently", "two are named '%s'",
                    stream->name);
            stream_free(stream);
            return -1;
        }
    }
    origin->streams[origin->stream_count++] = stream;
    return 0;
}

static int set_up(struct origin *origin, const struct origin_options *options, struct err *err)
{
    for (unsigned i = 0; i < options->stream_count; i++) {
        if (add_stream(origin, options->streams[i], err) != 0) {
            return -1;
        }
    }
    for (unsigned i = 0; i < options->fault_count; i++) {
        if (fault_set_add(&origin->faults, span_from_string(options->faults[i]), err) != 0) {
            return -1;
        }
    }
    if (options->access_log != NULL &&
        access_log_open(&origin->log, options->access_log, err) != 0) {
        return -1;
    }
    if (add_listeners(origin, options, err) != 0) {
        return -1;
    }
    if (options->dns_listen != NULL) {
        origin->dns = dns_new(origin, options->dns_listen, options->dns_answer, err);
        if (origin->dns == NULL) {
            return -1;
        }
    }
    return 0;
}

struct origin *origin_new(struct loop *loop, const struct origin_options *options,
                          struct err *err)
{
    struct origin *origin = calloc(1, sizeof *origin);
    if (origin == NULL) {
        err_set(err, ERR_MACHINE, "origin", NULL, "out of memory");
        return NULL;
    }
    origin->loop = loop;
    list_init(&origin->connections);
    blob_cache_init(&origin->blobs,
                    options->cache_bytes > 0 ? options->cache_bytes : CACHE_DEFAULT);
    fault_set_init(&origin->faults, options->seed, loop_update_now(loop));
    loop_timer_init(&origin->tick, on_tick);
    loop_timer_init(&origin->change, on_change);
    set_date(origin);
    if (set_up(origin, options, err) != 0) {
        origin_free(origin);
        return NULL;
    }
    apply_listener_faults(origin);
    loop_timer_start(loop, &origin->tick, loop_now_us(loop) + TICK_US);
    return origin;
}

void origin_free(struct origin *origin)
{
    if (origin == NULL) {
        return;
    }
    list_for_each_safe (node, after, &origin->connections) {
        server_conn_close(list_entry(node, struct server_conn, node));
    }
    for (unsigned i = 0; i < origin->listener_count; i++) {
        unplug(&origin->listeners[i]);
        listener_close(&origin->listeners[i]);
    }
    loop_timer_stop(origin->loop, &origin->tick);
    loop_timer_stop(origin->loop, &origin->change);
    dns_free(origin->dns);
    shared_playlist_fini(origin);
    for (unsigned i = 0; i < origin->stream_count; i++) {
        stream_free(origin->streams[i]);
    }
    blob_cache_fini(&origin->blobs);
    fault_set_fini(&origin->faults);
    access_log_close(&origin->log);
    server_tls_free(origin->tls);
    free(origin);
}

bool origin_url(const struct origin *origin, unsigned i, char out[ORIGIN_URL_BYTES])
{
    if (i >= origin->listener_count) {
        return false;
    }
    char address[ADDRESS_TEXT_BYTES];
    address_format(&origin->listeners[i].address, address);
    snprintf(out, ORIGIN_URL_BYTES, "http%s://%s", origin->listeners[i].is_tls ? "s" : "",
             address);
    return true;
}

unsigned origin_dns_port(const struct origin *origin)
{
    return origin->dns != NULL ? dns_port(origin->dns) : 0;
}

const char *origin_stream_name(const struct origin *origin, unsigned i)
{
    return i < origin->stream_count ? origin->streams[i]->name : NULL;
}
