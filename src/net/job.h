/* A fetch under way. Inside of net only; one thread.
 *
 * It is in exactly one place: its client's queue, its client's active list (then `conn` is
 * set), or the worker's list of ended ones, whose results the worker's task reports. */
#ifndef NET_JOB_H
#define NET_JOB_H

#include "net/blocks.h"
#include "net/fetch.h"
#include "net/http1.h"

enum {
    JOB_TEXT_BYTES = 768, /* URL and headers up to here need no malloc */
    JOB_NO_SERVER = 255,  /* not connected: failed attempts count by themselves */
    /* A body that nobody wants is read to its end for the connection's sake, up to here. */
    JOB_UNWANTED_MAX = 65536,
};

struct conn;
struct net_worker;
struct peer;

struct job {
    struct list node;
    struct fetch *fetch;       /* borrowed */
    struct net_client *client; /* borrowed; gone when on_done returns */
    struct net_worker *worker; /* borrowed */
    struct conn *conn;
    struct peer *peer;            /* referenced; NULL when the URL is no use */
    struct fetch_request request; /* url and headers in `text` */
    struct span target;           /* path and query of request.url */
    char *text;                   /* headers, then URL; `inline_text`, or owned */
    size_t text_capacity;
    struct fetch_result result; /* as far as known */
    int64_t total_deadline_us;  /* INT64_MAX while queued first */
    int64_t first_byte_us;
    struct block body;       /* FETCH_COLLECT: the content; FETCH_DRAIN: its first bytes */
    struct span loose;       /* content behind `body`, still in the worker's scratch memory */
    uint64_t content_bytes;  /* of the present response */
    uint64_t length_hint;    /* its Content-Length, or 0 */
    uint64_t expected_bytes; /* by Content-Range; UINT64_MAX: unknown */
    uint8_t coding;          /* enum http1_coding */
    uint8_t server;          /* that it got to, of the label `server`; or JOB_NO_SERVER */
    uint8_t verdict;         /* enum fail, once the head has told it */
    bool wanted;             /* the body goes to the sink */
    bool redirecting;        /* after this body, request.url is asked for */
    bool check_failed;       /* verdict is what check returned */
    bool checked;            /* `check` was called or is not wanted */
    bool in_flight;          /* request counted, response not */
    bool in_body;            /* response counted, body not at its end */
    bool left_queue;         /* queue_us is known */
    bool needs_new;          /* no kept-alive connection will do */
    bool retried;
    bool elsewhere; /* redirected to another host: credentials of the options stay behind */
    char cache_text[FETCH_CACHE_BYTES];
    char type_text[FETCH_TYPE_BYTES];
    char inline_text[JOB_TEXT_BYTES];
};

/* The head of the final response is in: judges it, notes what it says; a redirect's target
 * becomes the request's URL. */
void job_on_head(struct job *job, const struct http1_response *response);

/* Whether the request wants the connection kept after the response whose head is in. */
static inline bool job_keeps_connection(const struct job *job)
{
    return job->request.keep == FETCH_KEEP ||
           (job->request.keep == FETCH_KEEP_GOOD && job->verdict == FAIL_NONE);
}

/* Content arrived, in the worker's scratch memory; `is_last`: surely the end of it. Returns
 * FAIL_NONE or why to stop. */
enum fail job_on_content(struct job *job, struct span data, bool is_last);

/* n bytes of content were discarded unseen. As job_on_content. */
enum fail job_on_skipped(struct job *job, uint64_t n);

/* Whether content may be discarded unseen. */
static inline bool job_lets_skip(const struct job *job)
{
    return !job->wanted || (job->request.sink == FETCH_DRAIN && job->checked);
}

/* Scratch memory is about to be used for something else: copies what is still there. Returns 0,
 * or -1 when memory is spent. */
int job_settle(struct job *job);

/* The response is whole (or cut off on purpose, for a body not wanted). The job is off its
 * connection. Follows a redirect or reports the result; users' callbacks run inside. */
void job_complete(struct job *job);

/* The exchange or its connection failed; the job is off its connection. Reported later. */
void job_fail(struct job *job, enum fail fail);

/* As job_fail, for a kept-alive connection that died before any byte of the response: goes
 * again on a new connection, once. */
void job_retry(struct job *job, enum fail fail);

/* Counts what was given up, and frees the job without a word. It is off its connection. */
void job_drop(struct job *job);

/* The worker's timer: reports what has ended. */
void job_report_ended(struct loop_timer *timer);

#endif
