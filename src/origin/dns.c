#include "origin/dns.h"

#include "origin/address.h"
#include "origin/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define HEADER   12
#define TYPE_A   1
#define TYPE_ANY 255
#define TYPE_V6  28

/* Answers may be kept so long, so that faults that begin later are seen. */
#define TTL_S 1

enum { RCODE_OK = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3 };

struct dns {
    struct loop_io io;
    struct origin *origin; /* borrowed */
    int fd;
    unsigned port;
    struct dns_answer answer;
};

/* Where the question ends: after its name, type and class; 0 when it is malformed. Names in a
 * question are not compressed. */
static size_t question_end(struct span query)
{
    size_t at = HEADER;
    while (at < query.len && query.ptr[at] != 0) {
        unsigned label = (unsigned char)query.ptr[at];
        if (label > 63) {
            return 0;
        }
        at += 1 + label;
    }
    return at + 5 <= query.len && at - HEADER < 255 ? at + 5 : 0;
}

struct span dns_query_name(struct span query, char out[256])
{
    size_t end = question_end(query);
    size_t len = 0;
    for (size_t at = HEADER; end != 0 && query.ptr[at] != 0;) {
        unsigned label = (unsigned char)query.ptr[at];
        if (len > 0) {
            out[len++] = '.';
        }
        memcpy(out + len, query.ptr + at + 1, label);
        len += label;
        at += 1 + label;
    }
    return span_of(out, len);
}

size_t dns_respond(struct span query, const struct dns_answer *answer, enum fault_special fault,
                   uint8_t out[DNS_ANSWER_MAX])
{
    size_t end = query.len >= HEADER ? question_end(query) : 0;
    /* A response (QR), another opcode, or anything but one question is not for us. */
    if (end == 0 || ((unsigned char)query.ptr[2] & 0xf8) != 0 || query.ptr[4] != 0 ||
        query.ptr[5] != 1 || fault == FAULT_DNS_SILENT) {
        return 0;
    }
    unsigned type =
        (unsigned)(unsigned char)query.ptr[end - 4] << 8 | (unsigned char)query.ptr[end - 3];
    struct dns_answer used = *answer;
    if (fault == FAULT_DNS_UNROUTABLE) {
        /* TCP cannot be connected to a multicast address: ENETUNREACH at once. */
        used = type == TYPE_V6 ? (struct dns_answer){{0xff, 0x02, [15] = 1}, 16}
                               : (struct dns_answer){{224, 0, 0, 1}, 4};
    } else if (fault == FAULT_DNS_SCOPELESS) {
        used = (struct dns_answer){{0xfe, 0x80, [15] = 1}, 16};
    }
    unsigned rcode = fault == FAULT_DNS_NOT_FOUND  ? RCODE_NXDOMAIN
                     : fault == FAULT_DNS_SERVFAIL ? RCODE_SERVFAIL
                                                   : RCODE_OK;
    bool answers = rcode == RCODE_OK && type == (used.len == 4 ? TYPE_A : TYPE_V6);
    memcpy(out, query.ptr, end);
    out[2] = (uint8_t)(0x84 | (out[2] & 1)); /* response, authoritative; RD as asked */
    out[3] = (uint8_t)(0x80 | rcode);
    memset(out + 6, 0, 6);
    out[7] = answers;
    if (!answers) {
        return end;
    }
    const uint8_t record[12] = {0xc0, HEADER, 0, (uint8_t)type, 0, 1,
                                0,    0,      0, TTL_S,         0, (uint8_t)used.len};
    memcpy(out + end, record, sizeof record);
    memcpy(out + end + sizeof record, used.bytes, used.len);
    return end + sizeof record + used.len;
}

static void on_query(struct loop_io *io, unsigned events)
{
    (void)events;
    struct dns *dns = list_entry(io, struct dns, io);
    struct origin *origin = dns->origin;
    char query[512];
    uint8_t answer[DNS_ANSWER_MAX];
    char name[256];
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(dns->fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_len);
    if (n < 0) {
        return;
    }
    origin->stats.dns_queries++;
    struct span text = span_of(query, (size_t)n);
    struct span asked = dns_query_name(text, name);
    enum fault_special fault =
        fault_plan_special(&origin->faults, FAULT_SCOPE_DNS, asked, loop_now_us(origin->loop));
    size_t len = dns_respond(text, &dns->answer, fault, answer);
    if (len > 0) {
        sendto(dns->fd, answer, len, 0, (struct sockaddr *)&from, from_len);
    }
}

static int parse_answer(const char *address, struct dns_answer *out, struct err *err)
{
    if (inet_pton(AF_INET, address, out->bytes) == 1) {
        out->len = 4;
    } else if (inet_pton(AF_INET6, address, out->bytes) == 1) {
        out->len = 16;
    } else {
        return err_set(err, ERR_USAGE, "--dns-answer", "write 127.0.0.1 or ::1",
                       "'%s' is no address", address);
    }
    return 0;
}

struct dns *dns_new(struct origin *origin, const char *listen, const char *address,
                    struct err *err)
{
    struct sockaddr_storage bound;
    socklen_t len = 0;
    struct dns *dns = calloc(1, sizeof *dns);
    if (dns == NULL) {
        err_set(err, ERR_MACHINE, "--dns", NULL, "out of memory");
        return NULL;
    }
    dns->fd = -1;
    if (parse_answer(address != NULL ? address : "127.0.0.1", &dns->answer, err) != 0 ||
        address_parse(listen, "--dns", &bound, &len, err) != 0) {
        goto failed;
    }
    dns->fd = socket(bound.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dns->fd < 0 || bind(dns->fd, (struct sockaddr *)&bound, len) != 0 ||
        getsockname(dns->fd, (struct sockaddr *)&bound, &len) != 0) {
        err_set(err, ERR_START, "--dns", "choose another port, or 0", "%s: %s", listen,
                strerror(errno));
        goto failed;
    }
    dns->port = address_port(&bound);
    dns->origin = origin;
    loop_io_init(&dns->io, on_query);
    loop_io_start(origin->loop, &dns->io, dns->fd, LOOP_READ);
    return dns;
failed:
    if (dns->fd >= 0) {
        close(dns->fd);
    }
    free(dns);
    return NULL;
}

void dns_free(struct dns *dns)
{
    if (dns != NULL) {
        loop_io_stop(dns->origin->loop, &dns->io);
        close(dns->fd);
        free(dns);
    }
}

unsigned dns_port(const struct dns *dns)
{
    return dns->port;
}
