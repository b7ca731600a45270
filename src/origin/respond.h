/* Makes the response to a request: which resource, as of now, which fields; and bends it to
 * what a fault plan asks for. Inside this folder only. One thread. */
#ifndef ORIGIN_RESPOND_H
#define ORIGIN_RESPOND_H

#include "origin/request.h"
#include "origin/server_conn.h"

/* What the path names; resource NONE for what is no stream's. */
struct stream_target respond_resolve(struct origin *origin, struct span path);

/* Fills in the empty response. The spans of the request are not needed afterwards. Returns 0,
 * or -1 when memory is spent. */
int respond_make(struct origin *origin, const struct request *request,
                 const struct fault_plan *plan, bool is_tls, struct response *out);

/* Fills in the response that refuses a request with this status. */
int respond_refuse(struct origin *origin, int status, struct response *out);

#endif
