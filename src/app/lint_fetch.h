/* Reading playlists and segments one after another for `shoal lint` and `shoal probe`: a file
 * or a URL, whole, in memory. Not for load: one request at a time. Main thread. */
#ifndef APP_LINT_FETCH_H
#define APP_LINT_FETCH_H

#include "base/err.h"
#include "base/fail.h"
#include "base/span.h"
#include "base/url.h"
#include "net/net.h"
#include "stats/metrics.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct shoal_schema;
struct shoal_sampler;

/* What reads URLs. Zeroed it holds nothing; opened at the first need. */
struct lint_web {
    struct net_options options; /* set by the user before lint_web_open */
    struct loop *loop;
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    struct net_worker *worker;
};

int lint_web_open(struct lint_web *web, struct err *err);
void lint_web_close(struct lint_web *web);

/* What was read. */
struct lint_body {
    char *ptr; /* owned; NULL when nothing was read */
    size_t len;
    char url_text[URL_MAX];    /* where it came from in the end */
    struct span url;           /* in url_text; empty for a file */
    enum fail fail;            /* FAIL_NONE: it was read */
    int status;                /* of HTTP; 0 for a file */
    int64_t start_us, done_us; /* when the request was made and answered, monotonic */
    int64_t age_s;             /* Age header, or -1 */
};

/* What is asked for. */
struct lint_want {
    struct span url;
    enum metric_kind kind;
    bool has_range;
    uint64_t offset, length; /* of the range; length at least 1 */
    uint64_t limit;          /* bytes; 0: 256 MiB */
};

/* Reads a URL. Returns 0 when an answer with a body came, else -1; `body` says what happened
 * either way and is to be freed. */
int lint_web_read(struct lint_web *web, const struct lint_want *want, struct lint_body *body);

/* Reads a whole file ("-" is standard input). Returns 0, or -1 with *err filled. */
int lint_file_read(const char *path, struct lint_body *body, struct err *err);

/* Frees what a body owns and empties it. */
void lint_body_fini(struct lint_body *body);

/* Whether an operand is a URL that can be fetched. */
bool lint_is_url(const char *text);

#endif
