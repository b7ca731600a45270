#include "origin/server_io.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a system call that reads or writes has answered. */
static ssize_t result_of(ssize_t n)
{
    if (n >= 0) {
        return n;
    }
    return errno == EAGAIN || errno == EINTR ? SERVER_IO_LATER : SERVER_IO_BROKEN;
}

ssize_t server_io_read(struct server_io *io, char *buffer, size_t size)
{
    if (io->ssl == NULL) {
        return result_of(recv(io->fd, buffer, size, 0));
    }
    int n = SSL_read(io->ssl, buffer, (int)size);
    if (n > 0) {
        return n;
    }
    int error = SSL_get_error(io->ssl, n);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return SERVER_IO_LATER;
    }
    return error == SSL_ERROR_ZERO_RETURN ? 0 : SERVER_IO_BROKEN;
}

static ssize_t tls_send(struct server_io *io, const char *ptr, size_t len)
{
    int n = SSL_write(io->ssl, ptr, len > (1 << 20) ? 1 << 20 : (int)len);
    if (n > 0) {
        return n;
    }
    int error = SSL_get_error(io->ssl, n);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? SERVER_IO_LATER
                                                                         : SERVER_IO_BROKEN;
}

ssize_t server_io_send_head(struct server_io *io, struct span head,
                            const struct body_piece *piece)
{
    if (io->ssl != NULL) {
        return tls_send(io, head.ptr, head.len);
    }
    if (piece->len == 0 || piece->fd >= 0) {
        int more = piece->len > 0 ? MSG_MORE : 0;
        return result_of(send(io->fd, head.ptr, head.len, MSG_NOSIGNAL | more));
    }
    /* iovec knows no const; sendmsg writes to neither. */
    struct iovec parts[2] = {{(char *)head.ptr, head.len}, {(char *)piece->ptr, piece->len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return result_of(sendmsg(io->fd, &message, MSG_NOSIGNAL));
}

ssize_t server_io_send_piece(struct server_io *io, const struct body_piece *piece)
{
    if (io->ssl != NULL) {
        return tls_send(io, piece->ptr, piece->len);
    }
    if (piece->fd >= 0) {
        off_t offset = (off_t)piece->offset;
        return result_of(sendfile(io->fd, piece->fd, &offset, piece->len));
    }
    return result_of(send(io->fd, piece->ptr, piece->len, MSG_NOSIGNAL));
}

int server_io_accept(struct server_io *io)
{
    int n = SSL_accept(io->ssl);
    if (n == 1) {
        return 1;
    }
    int error = SSL_get_error(io->ssl, n);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) {
        return 0;
    }
    return error == SSL_ERROR_WANT_WRITE ? SERVER_IO_LATER : SERVER_IO_BROKEN;
}

void server_io_end(struct server_io *io)
{
    if (io->ssl != NULL) {
        SSL_shutdown(io->ssl);
        ERR_clear_error();
    }
    shutdown(io->fd, SHUT_WR);
}

void server_io_close(struct server_io *io, bool reset)
{
    if (reset) {
        const struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    SSL_free(io->ssl);
    close(io->fd);
}
