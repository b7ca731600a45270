/* A small DNS responder over UDP (RFC 1035): every name has the one address it is told, unless
 * a fault says otherwise. Inside this folder only. One thread. */
#ifndef ORIGIN_DNS_H
#define ORIGIN_DNS_H

#include "base/err.h"
#include "base/span.h"
#include "origin/fault.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct origin;
struct dns;

/* An address that a name resolves to. */
struct dns_answer {
    uint8_t bytes[16];
    unsigned len; /* 4 or 16: of the family that the name has */
};

/* No answer is longer. */
#define DNS_ANSWER_MAX 512

/* Answers one query. `fault` is what is to go wrong. Returns the bytes written into out, or 0
 * when the query is not one or is not to be answered. Pure. */
size_t dns_respond(struct span query, const struct dns_answer *answer, enum fault_special fault,
                   uint8_t out[DNS_ANSWER_MAX]);

/* Writes the name that a query asks for into out ("live.example"), and returns it; empty when
 * the query is malformed. Pure. */
struct span dns_query_name(struct span query, char out[256]);

/* Listens on "ADDR:PORT" of UDP and answers with `address`. Returns NULL with err filled when
 * that cannot be. */
struct dns *dns_new(struct origin *origin, const char *listen, const char *address,
                    struct err *err);
void dns_free(struct dns *dns);
unsigned dns_port(const struct dns *dns);

#endif
