/* What the origin counts of itself: the truth that a load tester's figures are held against. A
 * request is counted when its head has been read, body bytes as the kernel takes them. One
 * thread. */
#ifndef ORIGIN_STATS_H
#define ORIGIN_STATS_H

#include "base/buf.h"
#include "origin/fault.h"
#include "origin/stream.h"

#include <stdint.h>

#define STATS_STATUS_MAX 600

struct stats {
    uint64_t connections; /* accepted */
    uint64_t open;        /* accepted and not closed */
    uint64_t tls_handshakes;
    uint64_t requests; /* heads read, good or bad */
    uint64_t bad_requests;
    uint64_t unanswered; /* no status line was sent to them: held, closed, reset */
    uint64_t aborted;    /* the client left before the response was whole */
    uint64_t cut;        /* cut off by a fault */
    uint64_t dns_queries;
    uint64_t requests_by_kind[STREAM_RESOURCE_COUNT];
    uint64_t body_bytes_by_kind[STREAM_RESOURCE_COUNT];
    uint64_t responses_by_status[STATS_STATUS_MAX];
};

/* The name of a resource in both formats: "segment". */
const char *stats_kind_name(enum stream_resource kind);

/* Appends everything as one JSON object, or as Prometheus text. Returns 0, or -1 when the
 * buffer is full. */
int stats_write_json(const struct stats *stats, const struct fault_set *faults,
                     struct buf *out);
int stats_write_metrics(const struct stats *stats, const struct fault_set *faults,
                        struct buf *out);

#endif
