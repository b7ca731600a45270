#include "origin/access_log.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int access_log_open(struct access_log *log, const char *path, struct err *err)
{
    log->file = fopen(path, "ae");
    if (log->file == NULL) {
        return err_set(err, ERR_START, path, "name a file that can be written", "%s",
                       strerror(errno));
    }
    setvbuf(log->file, NULL, _IOFBF, 1 << 18);
    return 0;
}

void access_log_close(struct access_log *log)
{
    if (log->file != NULL) {
        fclose(log->file);
        log->file = NULL;
    }
}

void access_log_flush(struct access_log *log)
{
    if (log->file != NULL) {
        fflush(log->file);
    }
}

/* Copies and ends with NUL; returns where the next string begins. */
static char *put(char *at, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        *at++ = c < 0x20 || c == 0x7f || c == '"' ? '?' : (char)c;
    }
    *at++ = '\0';
    return at;
}

struct access_entry *access_log_start(const struct access_log *log,
                                      const struct request *request, uint64_t connection)
{
    if (log->file == NULL) {
        return NULL;
    }
    size_t len = request->method.len + request->path.len + request->query.len +
                 request->range_text.len + request->user_agent.len + 8;
    struct access_entry *entry = malloc(sizeof *entry + len);
    if (entry == NULL) {
        return NULL;
    }
    entry->wall_us = clock_wall_us();
    entry->started_us = clock_monotonic_us();
    entry->connection = connection;
    char *at = put(entry->text, request->method.len > 0 ? request->method : SPAN("-"));
    at[-1] = ' ';
    at = put(at, request->path.len > 0 ? request->path : SPAN("-"));
    if (request->query.len > 0) {
        at[-1] = '?';
        at = put(at, request->query);
    }
    at = put(at, request->range_text.len > 0 ? request->range_text : SPAN("-"));
    put(at, request->user_agent.len > 0 ? request->user_agent : SPAN("-"));
    return entry;
}

void access_log_end(struct access_log *log, struct access_entry *entry, int status,
                    uint64_t body_bytes)
{
    if (entry == NULL) {
        return;
    }
    if (log->file != NULL) {
        const char *range = entry->text + strlen(entry->text) + 1;
        const char *agent = range + strlen(range) + 1;
        int64_t took_us = clock_monotonic_us() - entry->started_us;
        fprintf(log->file,
                "%" PRId64 ".%03d %s %d %" PRIu64 " %" PRId64 ".%06d %" PRIu64
                " \"%s\" \"%s\"\n",
                entry->wall_us / 1000000, (int)(entry->wall_us % 1000000 / 1000), entry->text,
                status, body_bytes, took_us / 1000000, (int)(took_us % 1000000),
                entry->connection, range, agent);
    }
    free(entry);
}
