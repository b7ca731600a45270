#include "view/origin_watch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/url.h"
#include "view/origin_text.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVERY_MS = 2000,
    PATIENCE_US = 1500000, /* for a whole answer */
    ANSWER_MAX = 8 << 20,
};

struct exporter {
    char *url; /* owned */
    char host[256], port[8], target[1024];
    struct origin_totals last;     /* the thread's */
    int64_t last_us;               /* 0: none yet */
    struct origin_figures figures; /* under the lock */
};

struct origin_watch {
    pthread_t thread;
    int stop_fd;           /* owned */
    pthread_mutex_t *lock; /* owned */
    unsigned count;
    struct exporter exporters[ORIGIN_SOURCES_MAX];
};

static const char no_why[] = "";

static void forget(struct origin_figures *figures, const char *why)
{
    figures->ok = why == no_why;
    snprintf(figures->why, sizeof(figures->why), "%s", why);
    figures->cpu = figures->bytes_per_s = figures->requests_per_s = figures->connections =
        (double)NAN;
}

static int connect_to(const struct exporter *exporter)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int fd = -1;
    if (getaddrinfo(exporter->host, exporter->port, &hints, &list) != 0) {
        return -1;
    }
    for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) < 0 && errno != EINPROGRESS) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

/* Waits until the descriptor is ready; false when the time is over. */
static bool wait_ready(int fd, short events, int64_t until_us)
{
    int64_t left_us = until_us - clock_monotonic_us();
    struct pollfd one = {.fd = fd, .events = events};
    return left_us > 0 && poll(&one, 1, (int)(left_us / 1000) + 1) > 0;
}

static bool send_request(const struct exporter *exporter, int fd, int64_t until_us)
{
    char head[1600];
    int len = snprintf(head, sizeof(head),
                       "GET %s HTTP/1.0\r\nHost: %s:%s\r\nUser-Agent: shoal-origin-metrics\r\n"
                       "Accept: text/plain\r\n\r\n",
                       exporter->target, exporter->host, exporter->port);
    return wait_ready(fd, POLLOUT, until_us) &&
           send(fd, head, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Reads to the end of the connection. */
static bool receive(int fd, int64_t until_us, struct buf *answer)
{
    char block[16384];
    for (;;) {
        if (!wait_ready(fd, POLLIN, until_us)) {
            return false;
        }
        ssize_t n = recv(fd, block, sizeof(block), 0);
        if (n <= 0) {
            return n == 0;
        }
        if (buf_append(answer, block, (size_t)n) < 0) {
            return false;
        }
    }
}

/* The body of a 200 answer. */
static bool find_body(const struct buf *answer, struct span *ret_body)
{
    struct span text = buf_span(answer);
    if (text.len < 12 || memcmp(text.ptr, "HTTP/1.", 7) != 0 ||
        memcmp(text.ptr + 8, " 200", 4) != 0) {
        return false;
    }
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    *ret_body = span_skip(text, (size_t)(end - text.ptr) + 4);
    return true;
}

/* Returns what went wrong, or no_why. */
static const char *ask(const struct exporter *exporter, struct buf *answer,
                       struct span *ret_body)
{
    int64_t until_us = clock_monotonic_us() + PATIENCE_US;
    int fd = connect_to(exporter);
    if (fd < 0) {
        return "cannot be reached";
    }
    bool whole = send_request(exporter, fd, until_us) && receive(fd, until_us, answer);
    close(fd);
    return !whole                         ? "no whole answer in time"
           : !find_body(answer, ret_body) ? "no answer with status 200"
                                          : no_why;
}

static double rate(double now, double before, int64_t elapsed_us)
{
    return elapsed_us > 0 && now >= before ? (now - before) * 1e6 / (double)elapsed_us
                                           : (double)NAN;
}

static void update(struct origin_watch *watch, struct exporter *exporter)
{
    struct buf answer;
    struct span body;
    struct origin_figures fresh = {.url = exporter->url};
    buf_init(&answer, ANSWER_MAX);
    const char *why = ask(exporter, &answer, &body);
    forget(&fresh, why);
    if (why == no_why) {
        struct origin_totals now;
        int64_t now_us = clock_monotonic_us();
        origin_text_read(body, &now);
        if (exporter->last_us != 0) {
            int64_t elapsed_us = now_us - exporter->last_us;
            fresh.cpu = rate(now.cpu_s, exporter->last.cpu_s, elapsed_us);
            fresh.bytes_per_s = rate(now.sent_bytes, exporter->last.sent_bytes, elapsed_us);
            fresh.requests_per_s = rate(now.requests, exporter->last.requests, elapsed_us);
        }
        fresh.connections = now.connections;
        exporter->last = now;
        exporter->last_us = now_us;
    }
    buf_release(&answer);
    pthread_mutex_lock(watch->lock);
    exporter->figures = fresh;
    pthread_mutex_unlock(watch->lock);
}

static void *watch_main(void *arg)
{
    struct origin_watch *watch = arg;
    struct pollfd stop = {.fd = watch->stop_fd, .events = POLLIN};
    do {
        for (unsigned i = 0; i < watch->count && poll(&stop, 1, 0) == 0; i++) {
            update(watch, &watch->exporters[i]);
        }
    } while (poll(&stop, 1, EVERY_MS) <= 0);
    return NULL;
}

static int parse_exporter(struct exporter *exporter, const char *text, struct err *err)
{
    struct url url;
    if (url_parse_http(span_from_string(text), &url) < 0 || !url_is_http(&url) ||
        !span_to_string(url.host, exporter->host, sizeof(exporter->host))) {
        return err_set(err, ERR_USAGE, "--origin-metrics",
                       "write for example http://server:9100/metrics",
                       "'%.200s' is no http URL", text);
    }
    struct span target = url_target(&url);
    bool rooted = target.len > 0 && target.ptr[0] == '/';
    if (target.len + 2 > sizeof(exporter->target)) {
        return err_set(err, ERR_USAGE, "--origin-metrics", NULL, "'%.60s...' is too long",
                       text);
    }
    snprintf(exporter->target, sizeof(exporter->target), "%s%.*s", rooted ? "" : "/",
             SPAN_ARGS(target));
    snprintf(exporter->port, sizeof(exporter->port), "%u", url_port(&url));
    exporter->url = strdup(text);
    exporter->figures.url = exporter->url;
    forget(&exporter->figures, "not asked yet");
    return exporter->url == NULL
               ? err_set(err, ERR_START, "--origin-metrics", NULL, "no memory")
               : 0;
}

static void release(struct origin_watch *watch)
{
    for (unsigned i = 0; i < ORIGIN_SOURCES_MAX; i++) {
        free(watch->exporters[i].url);
    }
    if (watch->stop_fd >= 0) {
        close(watch->stop_fd);
    }
    free(watch->lock);
    free(watch);
}

struct origin_watch *origin_watch_new(const char *const *urls, unsigned count, struct err *err)
{
    struct origin_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        err_set(err, ERR_START, "--origin-metrics", NULL, "no memory");
        return NULL;
    }
    watch->count = count < ORIGIN_SOURCES_MAX ? count : ORIGIN_SOURCES_MAX;
    watch->stop_fd = eventfd(0, EFD_CLOEXEC);
    watch->lock = calloc(1, sizeof(*watch->lock));
    for (unsigned i = 0; i < watch->count; i++) {
        if (parse_exporter(&watch->exporters[i], urls[i], err) < 0) {
            release(watch);
            return NULL;
        }
    }
    if (watch->lock != NULL && watch->stop_fd >= 0) {
        pthread_mutex_init(watch->lock, NULL);
        if (pthread_create(&watch->thread, NULL, watch_main, watch) == 0) {
            return watch;
        }
    }
    err_set(err, ERR_START, "--origin-metrics", NULL, "no thread, descriptor or memory");
    release(watch);
    return NULL;
}

void origin_watch_free(struct origin_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    uint64_t one = 1;
    ssize_t written = write(watch->stop_fd, &one, sizeof(one));
    (void)written; /* an eventfd at 0 always takes 1 */
    pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(watch->lock);
    release(watch);
}

unsigned origin_watch_read(const struct origin_watch *watch,
                           struct origin_figures out[ORIGIN_SOURCES_MAX])
{
    if (watch == NULL) {
        return 0;
    }
    pthread_mutex_lock(watch->lock);
    for (unsigned i = 0; i < watch->count; i++) {
        out[i] = watch->exporters[i].figures;
    }
    pthread_mutex_unlock(watch->lock);
    return watch->count;
}

static void add_known(double *sum, double value)
{
    if (!isnan(value)) {
        *sum = isnan(*sum) ? value : *sum + value;
    }
}

void origin_figures_sum(const struct origin_figures *figures, unsigned count,
                        struct origin_figures *out)
{
    *out = (struct origin_figures){0};
    forget(out, no_why);
    for (unsigned i = 0; i < count; i++) {
        add_known(&out->cpu, figures[i].cpu);
        add_known(&out->bytes_per_s, figures[i].bytes_per_s);
        add_known(&out->requests_per_s, figures[i].requests_per_s);
        add_known(&out->connections, figures[i].connections);
    }
}
