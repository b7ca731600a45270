/* Socket addresses as people write them: "127.0.0.1:8080", "[::1]:0", ":8080" (all). Pure, any
 * thread. */
#ifndef ORIGIN_ADDRESS_H
#define ORIGIN_ADDRESS_H

#include "base/err.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_BYTES 56

/* Reads the text; `what` names the option in an error. Returns 0, or -1 with err filled. */
int address_parse(const char *text, const char *what, struct sockaddr_storage *out,
                  socklen_t *out_len, struct err *err);

/* Writes "127.0.0.1:8080" or "[::1]:8080". */
void address_format(const struct sockaddr_storage *address, char out[ADDRESS_TEXT_BYTES]);

unsigned address_port(const struct sockaddr_storage *address);

#endif
