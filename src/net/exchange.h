/* One HTTP/1.1 exchange on a usable connection: the request out, the response in, into the sink
 * of the job. Inside of net only; one thread. */
#ifndef NET_EXCHANGE_H
#define NET_EXCHANGE_H

#include "base/fail.h"
#include "net/tls.h"

struct conn;

/* Writes the request of conn->job. The connection may be gone afterwards. */
void exchange_start(struct conn *conn);

/* The socket of an idle or exchanging connection is readable or writable. The connection may be
 * gone afterwards, and users' callbacks may have run. */
void exchange_on_readable(struct conn *conn);
void exchange_on_writable(struct conn *conn);

/* The deadline passed. */
void exchange_on_timeout(struct conn *conn);

#endif
