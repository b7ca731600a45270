/* Reading playlists and segments for `shoal lint` and `shoal probe`: a file or a URL, whole, in
 * memory. Not for load. All requests of a run are one client's: they share cookies and
 * kept-alive connections. Main thread. */
#ifndef APP_LINT_FETCH_H
#define APP_LINT_FETCH_H

#include "base/err.h"
#include "base/fail.h"
#include "base/span.h"
#include "base/url.h"
#include "net/client.h"
#include "net/fetch.h"
#include "net/net.h"
#include "stats/metrics.h"

#include <stdbool.h>
#include <stdint.h>

/* The most requests under way at the same time; further ones wait. */
#define LINT_REQUESTS_MAX 100

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
    struct net_client client;
};

int lint_web_open(struct lint_web *web, struct err *err);
void lint_web_close(struct lint_web *web);

/* What was read. */
struct lint_body {
    char *ptr; /* owned; NULL when nothing was read */
    size_t len;
    uint64_t sent_bytes;             /* as it came, still compressed */
    char url_text[URL_MAX];          /* where it came from in the end */
    struct span url;                 /* in url_text; empty for a file */
    enum fail fail;                  /* FAIL_NONE: it was read */
    int status;                      /* of HTTP; 0 for a file */
    int64_t start_us, done_us;       /* when the request was made and answered, monotonic */
    int64_t age_s;                   /* Age header, or -1 */
    char type[FETCH_TYPE_BYTES + 1]; /* Content-Type; empty without and for a file */
    bool compressed;                 /* it came with a Content-Encoding */
};

/* What is asked for. */
struct lint_want {
    struct span url;
    enum metric_kind kind;
    bool has_range;
    uint64_t offset, length; /* of the range; length at least 1 */
    uint64_t limit;          /* bytes; 0: 256 MiB */
};

/* A request under way. It stays in place until on_done. */
struct lint_request {
    struct fetch fetch;
    struct lint_body *body; /* to be filled; borrowed */
    void (*on_done)(struct lint_request *request);
};

/* Starts a request; want->url need not outlive the call. on_done follows, and is not called
 * from here, while the loop of `web` runs. Returns 0, or -1 with body->fail set when memory is
 * spent: then nothing follows. */
int lint_request_start(struct lint_web *web, struct lint_request *request,
                       const struct lint_want *want, struct lint_body *body);

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
