#include "view/origin_ask.h"

#include "base/clock.h"
#include "base/url.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int origin_address_parse(const char *text, struct origin_address *out, struct err *err)
{
    struct url url;
    if (url_parse_http(span_from_string(text), &url) < 0 || !url_is_http(&url) ||
        !span_to_string(url.host, out->host, sizeof(out->host))) {
        return err_set(err, ERR_USAGE, "--origin-metrics",
                       "write for example http://server:9100/metrics",
                       "'%.200s' is no http URL", text);
    }
    struct span target = url_target(&url);
    bool rooted = target.len > 0 && target.ptr[0] == '/';
    if (target.len + 2 > sizeof(out->target)) {
        return err_set(err, ERR_USAGE, "--origin-metrics", NULL, "'%.60s...' is too long",
                       text);
    }
    snprintf(out->target, sizeof(out->target), "%s%.*s", rooted ? "" : "/", SPAN_ARGS(target));
    snprintf(out->port, sizeof(out->port), "%u", url_port(&url));
    return 0;
}

static const char *plain_host(const struct origin_address *address)
{
    bool local =
        strcasecmp(address->host, "localhost") == 0 || strcmp(address->host, "::1") == 0;
    return local ? "127.0.0.1" : address->host;
}

bool origin_address_same_host(const struct origin_address *a, const struct origin_address *b)
{
    return strcasecmp(plain_host(a), plain_host(b)) == 0;
}

struct wait {
    int stop_fd;
    int64_t until_us;
};

/* Waits until the descriptor is ready; false when the time is over or all is to stop. */
static bool wait_ready(const struct wait *wait, int fd, short events)
{
    int64_t left_us = wait->until_us - clock_monotonic_us();
    struct pollfd both[] = {{.fd = fd, .events = events},
                            {.fd = wait->stop_fd, .events = POLLIN}};
    return left_us > 0 && poll(both, 2, (int)(left_us / 1000) + 1) > 0 && both[1].revents == 0;
}

/* Returns the connected socket, or -1 with errno set. */
static int connect_one(const struct wait *wait, const struct addrinfo *to)
{
    int error = 0;
    socklen_t size = sizeof(error);
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
        error = errno;
        if (error == EINPROGRESS) {
            error = ETIMEDOUT;
            if (wait_ready(wait, fd, POLLOUT)) {
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
            }
        }
    }
    if (error != 0) {
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Tries all addresses of the name in their order. */
static int connect_to(const struct wait *wait, const struct origin_address *address,
                      char why[ORIGIN_WHY_MAX])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(address->host, address->port, &hints, &list);
    if (error != 0) {
        snprintf(why, ORIGIN_WHY_MAX, "%s", gai_strerror(error));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = connect_one(wait, at);
    }
    if (fd < 0) {
        snprintf(why, ORIGIN_WHY_MAX, "%s", strerror(errno));
    }
    freeaddrinfo(list);
    return fd;
}

static bool send_request(const struct wait *wait, int fd, const struct origin_address *address)
{
    char head[1600];
    bool literal6 = strchr(address->host, ':') != NULL;
    int len = snprintf(head, sizeof(head),
                       "GET %s HTTP/1.0\r\nHost: %s%s%s:%s\r\n"
                       "User-Agent: shoal-origin-metrics\r\nAccept: text/plain\r\n\r\n",
                       address->target, literal6 ? "[" : "", address->host, literal6 ? "]" : "",
                       address->port);
    return wait_ready(wait, fd, POLLOUT) && send(fd, head, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Reads to the end of the connection. */
static bool receive(const struct wait *wait, int fd, struct buf *answer)
{
    char block[16384];
    for (;;) {
        if (!wait_ready(wait, fd, POLLIN)) {
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

/* Three digits, or -1. */
static int status_of(const char *text)
{
    int status = 0;
    for (int i = 0; i < 3; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        status = status * 10 + (text[i] - '0');
    }
    return status;
}

/* The body of a 200 answer; else says what came instead. */
static bool find_body(const struct buf *answer, struct span *ret_body, char why[ORIGIN_WHY_MAX])
{
    struct span text = buf_span(answer);
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    int status = -1;
    if (end != NULL && end - text.ptr >= 12 && memcmp(text.ptr, "HTTP/1.", 7) == 0) {
        status = status_of(text.ptr + 9);
    }
    if (status != 200) {
        snprintf(why, ORIGIN_WHY_MAX, status < 0 ? "no HTTP" : "HTTP status %d", status);
        return false;
    }
    *ret_body = span_skip(text, (size_t)(end - text.ptr) + 4);
    return true;
}

bool origin_ask(const struct origin_address *address, int64_t patience_us, int stop_fd,
                struct buf *answer, struct span *ret_body, char why[ORIGIN_WHY_MAX])
{
    struct wait wait = {stop_fd, clock_monotonic_us() + patience_us};
    int fd = connect_to(&wait, address, why);
    if (fd < 0) {
        return false;
    }
    bool whole = send_request(&wait, fd, address) && receive(&wait, fd, answer);
    close(fd);
    if (!whole) {
        bool late = clock_monotonic_us() >= wait.until_us;
        snprintf(why, ORIGIN_WHY_MAX, "no whole answer%s", late ? " in time" : "");
    }
    return whole && find_body(answer, ret_body, why);
}
