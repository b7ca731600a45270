/* The bytes of a connection, over plain TCP or TLS, never waiting. Inside this folder only. One
 * thread. */
#ifndef ORIGIN_SERVER_IO_H
#define ORIGIN_SERVER_IO_H

#include "base/span.h"
#include "origin/body.h"

#include <openssl/ssl.h>
#include <sys/types.h>

struct server_io {
    int fd;   /* owned; not blocking */
    SSL *ssl; /* owned; NULL over plain TCP */
};

enum {
    SERVER_IO_LATER = -1,  /* nothing can be read or written now */
    SERVER_IO_BROKEN = -2, /* the connection is of no use any more */
};

/* Reads. Returns bytes, 0 when the peer has ended, or one of the above. */
ssize_t server_io_read(struct server_io *io, char *buffer, size_t size);

/* Writes bytes of a response's head and, where that is one system call, the piece of the body
 * behind it. Returns the bytes of both that were taken, or one of the above. */
ssize_t server_io_send_head(struct server_io *io, struct span head,
                            const struct body_piece *piece);

/* Writes a piece of a body, by sendfile where it lies in a file. Returns likewise. */
ssize_t server_io_send_piece(struct server_io *io, const struct body_piece *piece);

/* Goes on with the TLS handshake. Returns 1 when it is done, 0 when it needs to read, else one
 * of the above: LATER when it needs to write. */
int server_io_accept(struct server_io *io);

/* Says that nothing more will be written. */
void server_io_end(struct server_io *io);

/* Closes; with `reset` so that the peer sees a reset. */
void server_io_close(struct server_io *io, bool reset);

#endif
