/* The access log, a line a response, written through a buffer that is flushed each second:
 *
 *     1700000000.123 GET /live/v0/7.ts 200 500000 0.004 12 "-" "agent"
 *
 * time of the request's head on the wall clock, method, path with query, status (0 when nothing
 * was sent), body bytes sent, seconds from the head to the last byte, connection number, Range,
 * User-Agent. Bytes that would break a line or a quotation are written as '?'. One thread. */
#ifndef ORIGIN_ACCESS_LOG_H
#define ORIGIN_ACCESS_LOG_H

#include "base/err.h"
#include "origin/request.h"

#include <stdint.h>
#include <stdio.h>

struct access_log {
    FILE *file; /* owned; NULL: nothing is logged */
};

/* One response on its way into the log. */
struct access_entry {
    int64_t wall_us;    /* of the request's head */
    int64_t started_us; /* the same moment, monotonic */
    uint64_t connection;
    char text[]; /* "GET /path", NUL, Range, NUL, User-Agent, NUL */
};

/* Opens the file for appending. Returns 0, or -1 with err filled. */
int access_log_open(struct access_log *log, const char *path, struct err *err);
void access_log_close(struct access_log *log);
void access_log_flush(struct access_log *log);

/* Notes a request; NULL when there is no log or no memory. */
struct access_entry *access_log_start(const struct access_log *log,
                                      const struct request *request, uint64_t connection);

/* Writes the line and frees the entry. NULL is a no-op. */
void access_log_end(struct access_log *log, struct access_entry *entry, int status,
                    uint64_t body_bytes);

#endif
