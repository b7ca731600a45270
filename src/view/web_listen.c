#include "view/web_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    PORTS_TRIED = 32,
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int parse_address(const char *text, union address *out)
{
    *out = (union address){0};
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->any.sa_family = AF_INET;
        return 0;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->any.sa_family = AF_INET6;
        return 0;
    }
    return -1;
}

static socklen_t address_size(const union address *address)
{
    return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

/* The port lies at the same place in both. */
static uint16_t address_port(const union address *address)
{
    return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
                                                   : address->v6.sin6_port);
}

static int try_port(union address *address, uint16_t port)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->any.sa_family == AF_INET) {
        address->v4.sin_port = htons(port);
    } else {
        address->v6.sin6_port = htons(port);
    }
    socklen_t size = address_size(address);
    if (bind(fd, &address->any, size) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, &address->any, &size) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int web_listen(const struct web_options *options, char url[WEB_URL_MAX], struct err *err)
{
    union address address;
    if (parse_address(options->address, &address) < 0) {
        return err_set(err, ERR_USAGE, "--listen", "write for example 127.0.0.1:17091",
                       "'%s' is not a numeric address", options->address);
    }
    unsigned tries = options->port_exact || options->port == 0 ? 1 : PORTS_TRIED;
    int fd = -1;
    for (unsigned i = 0; i < tries && options->port + i <= UINT16_MAX; i++) {
        fd = try_port(&address, (uint16_t)(options->port + i));
        if (fd >= 0 || errno != EADDRINUSE) {
            break;
        }
    }
    if (fd < 0) {
        return err_set(err, ERR_USAGE, "--listen", "choose another address or port",
                       "cannot listen on %s port %u: %s", options->address, options->port,
                       strerror(errno));
    }
    bool v6 = address.any.sa_family == AF_INET6;
    snprintf(url, WEB_URL_MAX, "http://%s%s%s:%u/", v6 ? "[" : "", options->address,
             v6 ? "]" : "", address_port(&address));
    return fd;
}
