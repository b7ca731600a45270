/* Asks an exporter by plain HTTP, as little as that takes: one GET, one answer, and patience
 * that ends. Blocks; for a thread that has nothing else to do. */
#ifndef VIEW_ORIGIN_ASK_H
#define VIEW_ORIGIN_ASK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for why an exporter is of no use. */
#define ORIGIN_WHY_MAX 80

struct origin_address {
    char host[256], port[8], target[1024];
};

/* Takes an http:// URL apart. Returns 0, or -1 with *err filled (ERR_USAGE). */
int origin_address_parse(const char *text, struct origin_address *out, struct err *err);

/* Whether both name the same machine, as far as the text tells: localhost is 127.0.0.1. */
bool origin_address_same_host(const struct origin_address *a, const struct origin_address *b);

/* Asks, and waits for the whole answer until patience_us are over or stop_fd can be read. A
 * name is looked up first, which may take as long as the system's resolver does. Returns true
 * with the body of a 200 answer, which lies in *answer; else false with the reason in why. */
bool origin_ask(const struct origin_address *address, int64_t patience_us, int stop_fd,
                struct buf *answer, struct span *ret_body, char why[ORIGIN_WHY_MAX]);

#endif
