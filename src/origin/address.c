#include "origin/address.h"

#include "base/span.h"

#include <arpa/inet.h>
#include <stdio.h>

static int refuse(const char *text, const char *what, struct err *err)
{
    return err_set(err, ERR_USAGE, what,
                   "write 127.0.0.1:8080 or [::1]:8080; port 0 is a free one",
                   "'%s' is no address and port", text);
}

int address_parse(const char *text, const char *what, struct sockaddr_storage *out,
                  socklen_t *out_len, struct err *err)
{
    struct span all = span_from_string(text);
    size_t colon = all.len;
    while (colon > 0 && text[colon - 1] != ':') {
        colon--;
    }
    uint64_t port = 0;
    if (colon == 0 || !span_to_u64(span_skip(all, colon), &port) || port > 65535) {
        return refuse(text, what, err);
    }
    struct span host = span_of(text, colon - 1);
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed) {
        host = span_of(host.ptr + 1, host.len - 2);
    }
    char name[INET6_ADDRSTRLEN] = "0.0.0.0";
    if (host.len > 0 && !span_to_string(host, name, sizeof name)) {
        return refuse(text, what, err);
    }
    *out = (struct sockaddr_storage){0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    if (!bracketed && inet_pton(AF_INET, name, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *out_len = sizeof *v4;
        return 0;
    }
    if (bracketed && inet_pton(AF_INET6, name, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *out_len = sizeof *v6;
        return 0;
    }
    return refuse(text, what, err);
}

void address_format(const struct sockaddr_storage *address, char out[ADDRESS_TEXT_BYTES])
{
    char name[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, name, sizeof name);
        snprintf(out, ADDRESS_TEXT_BYTES, "[%s]:%u", name, address_port(address));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, name, sizeof name);
        snprintf(out, ADDRESS_TEXT_BYTES, "%s:%u", name, address_port(address));
    }
}

unsigned address_port(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}
