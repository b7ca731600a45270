#include "load.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 65536,
    HEAD_READ_BYTES = 4096,
    EVENTS = 256,
};

struct bare_connection {
    int fd;
    uint64_t left; /* of the body; UINT64_MAX before the head */
};

struct bare {
    const struct load_options *options;
    struct bare_connection *connections;
    char request[1024];
    size_t request_len;
    char buffer[READ_BYTES];
    int epoll;
    uint64_t requests, bytes, failures;
};

static void send_request(struct bare *bare, struct bare_connection *c)
{
    c->left = UINT64_MAX;
    if (send(c->fd, bare->request, bare->request_len, MSG_NOSIGNAL) !=
        (ssize_t)bare->request_len) {
        bare->failures++;
    }
}

/* The length of the body, from a head that is taken to be whole in its first read. */
static int take_head(struct bare *bare, struct bare_connection *c, size_t n)
{
    char *head_end = memmem(bare->buffer, n, "\r\n\r\n", 4);
    char *length = memmem(bare->buffer, n, "Content-Length: ", 16);
    if (head_end == NULL || length == NULL) {
        bare->failures++;
        return -1;
    }
    size_t body = n - (size_t)(head_end + 4 - bare->buffer);
    c->left = strtoull(length + 16, NULL, 10) - body;
    bare->bytes += body;
    return 0;
}

static int on_readable(struct bare *bare, struct bare_connection *c)
{
    bool discards = c->left != UINT64_MAX && bare->options->drain;
    size_t size = discards               ? (c->left < INT_MAX ? (size_t)c->left : INT_MAX)
                  : bare->options->drain ? HEAD_READ_BYTES
                                         : READ_BYTES;
    ssize_t n = recv(c->fd, discards ? NULL : bare->buffer, size, discards ? MSG_TRUNC : 0);
    if (n <= 0) {
        return n < 0 && errno == EAGAIN ? 0 : -1;
    }
    if (c->left == UINT64_MAX) {
        if (take_head(bare, c, (size_t)n) != 0) {
            return -1;
        }
    } else {
        c->left -= (uint64_t)n;
        bare->bytes += (uint64_t)n;
    }
    if (c->left == 0) {
        bare->requests++;
        send_request(bare, c);
    }
    return 0;
}

static int connect_all(struct bare *bare)
{
    const union net_address *address = &bare->options->address;
    socklen_t size = address->family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
    for (uint32_t i = 0; i < bare->options->connections; i++) {
        int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, &address->sa, size) != 0) {
            perror("connect");
            return -1;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(bare->epoll, EPOLL_CTL_ADD, fd, &event);
        bare->connections[i].fd = fd;
        send_request(bare, &bare->connections[i]);
    }
    return 0;
}

static int run_until(struct bare *bare, int64_t until_us)
{
    struct epoll_event events[EVENTS];
    while (clock_monotonic_us() < until_us) {
        int n = epoll_wait(bare->epoll, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            if (on_readable(bare, &bare->connections[events[i].data.u32]) != 0) {
                fprintf(stderr, "a connection failed\n");
                return -1;
            }
        }
    }
    return 0;
}

static int measure(struct bare *bare, struct load_result *out)
{
    const struct load_options *options = bare->options;
    if (connect_all(bare) != 0 ||
        run_until(bare, clock_monotonic_us() + options->warm_up_us) != 0) {
        return -1;
    }
    uint64_t requests = bare->requests;
    uint64_t bytes = bare->bytes;
    int64_t cpu_us = clock_read_us(CLOCK_PROCESS_CPUTIME_ID);
    int64_t start_us = clock_monotonic_us();
    if (run_until(bare, start_us + options->measure_us) != 0) {
        return -1;
    }
    *out = (struct load_result){
        .requests = bare->requests - requests,
        .body_bytes = bare->bytes - bytes,
        .failures = bare->failures,
        .wall_us = clock_monotonic_us() - start_us,
        .cpu_us = clock_read_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us,
    };
    return 0;
}

int load_bare(const struct load_options *options, struct load_result *out)
{
    struct bare *bare = calloc(1, sizeof(*bare));
    struct bare_connection *connections = calloc(options->connections, sizeof(*connections));
    int result = -1;
    if (bare != NULL && connections != NULL) {
        bare->options = options;
        bare->connections = connections;
        bare->epoll = epoll_create1(EPOLL_CLOEXEC);
        char host[NET_ADDRESS_TEXT];
        net_address_format(&options->address, host);
        bare->request_len =
            (size_t)snprintf(bare->request, sizeof(bare->request),
                             "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: shoal/0\r\n"
                             "Accept: */*\r\n\r\n",
                             options->path, host);
        result = measure(bare, out);
        for (uint32_t i = 0; i < options->connections; i++) {
            close(connections[i].fd);
        }
        close(bare->epoll);
    }
    free(connections);
    free(bare);
    return result;
}
