#include "net/exchange.h"

#include "base/clock.h"
#include "net/client_internal.h"
#include "net/conn.h"
#include "net/cookie.h"
#include "net/http1_request.h"
#include "net/job.h"
#include "net/peer.h"
#include "net/worker.h"

#include <limits.h>

enum {
    /* The first read of a drained response: the head and the bytes that are checked. */
    DRAIN_HEAD_READ = 4096,
    /* One discard takes at most so much, so that one fast connection does not starve others. */
    DISCARD_MAX = 1 << 24,
};

static struct net_worker *worker_of(const struct conn *conn)
{
    return conn->client->worker;
}

/* The job fails and the connection with it. */
static void fail_exchange(struct conn *conn, enum fail fail)
{
    struct job *job = conn->job;
    struct net_client *client = conn->client;
    /* RFC 9112 section 9.3.1: a connection may close at any moment between two requests; what
     * was sent into that moment is sent again. */
    bool raced = conn->reused && !conn->got_bytes && conn->state != CONN_BODY &&
                 (fail == FAIL_CLOSED_BEFORE_RESPONSE || fail == FAIL_RESET_BEFORE_RESPONSE);
    client_detach(job);
    conn_close(conn);
    if (raced) {
        job_retry(job, fail);
    } else {
        job_fail(job, fail);
    }
    client_dispatch(client);
}

static void count_request(struct conn *conn)
{
    struct job *job = conn->job;
    int64_t now_us = clock_monotonic_us();
    metrics_add_at(worker_of(conn)->lane, METRIC_HTTP_REQUESTS, job->request.kind, 1);
    job->in_flight = true;
    job->result.written_us = now_us;
    conn->state = CONN_HEAD;
    conn_set_deadline(conn, now_us + job->request.first_byte_timeout_us);
}

/* Writes what is there. Returns how much went out, or -1: the connection is gone. */
static ptrdiff_t write_some(struct conn *conn, struct span bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        size_t n;
        enum io_step step = conn_write(conn, bytes.ptr + done, bytes.len - done, &n);
        if (step == IO_OK) {
            done += n;
            continue;
        }
        if (step == IO_WANT_WRITE || step == IO_WANT_READ) {
            break;
        }
        fail_exchange(conn, step == IO_END ? FAIL_CLOSED_BEFORE_RESPONSE
                                           : FAIL_RESET_BEFORE_RESPONSE);
        return -1;
    }
    return (ptrdiff_t)done;
}

static int compose(struct conn *conn)
{
    struct net_worker *worker = worker_of(conn);
    const struct net_client *client = conn->client;
    const struct job *job = conn->job;
    struct http1_request request = {
        .target = job->target,
        .host = conn->peer->host_field,
        .user_agent = client->user_agent != NULL ? span_from_string(client->user_agent)
                                                 : worker->user_agent,
        .extra = {job->elsewhere ? buf_span(&worker->extra_elsewhere) : worker->extra,
                  job->request.headers},
        .has_range = job->request.has_range,
        .range_first = job->request.range_first,
        .range_last = job->request.range_last,
    };
    if (job->request.sink == FETCH_COLLECT && !job->request.has_range) {
        const char *told = job->request.accept_encoding;
        request.accept_encoding = told != NULL ? span_from_string(told) : SPAN("gzip, br");
    }
    if (client->jar != NULL) {
        struct cookie_place place = {.host = conn->peer->host,
                                     .path = job->target,
                                     .secure = conn->peer->tls,
                                     .host_is_address = conn->peer->host_is_address};
        request.cookie = cookie_jar_header(client->jar, &place, clock_wall_us());
    }
    worker->request.len = 0;
    return http1_write_request(&worker->request, &request);
}

void exchange_start(struct conn *conn)
{
    struct net_worker *worker = worker_of(conn);
    struct job *job = conn->job;
    job->result.reused = conn->reused;
    job->result.address = conn->address;
    job->server = conn->server;
    conn->state = CONN_WRITING;
    conn->got_bytes = false;
    conn->scan = (struct http1_scan){0};
    conn->head_bytes = 0;
    if (compose(conn) != 0) {
        /* Only headers of absurd size come here. */
        fail_exchange(conn, FAIL_MEMORY_SPENT);
        return;
    }
    struct span head = buf_span(&worker->request);
    ptrdiff_t done = write_some(conn, head);
    if (done < 0) {
        return;
    }
    if ((size_t)done == head.len) {
        count_request(conn);
        return;
    }
    struct span rest = span_skip(head, (size_t)done);
    if (block_append(&worker->blocks, &conn->held, rest.ptr, rest.len) != 0) {
        fail_exchange(conn, FAIL_MEMORY_SPENT);
        return;
    }
    conn_set_deadline(conn, clock_monotonic_us() + job->request.first_byte_timeout_us);
    conn_watch(conn, true);
}

void exchange_on_writable(struct conn *conn)
{
    struct block *held = &conn->held;
    ptrdiff_t done = write_some(conn, span_of(held->ptr, held->len));
    if (done < 0) {
        return;
    }
    held->len -= (size_t)done;
    if (held->len > 0) {
        memmove(held->ptr, held->ptr + done, held->len);
        return;
    }
    block_release(&worker_of(conn)->blocks, held);
    conn_watch(conn, false);
    count_request(conn);
}

/* The response is at its end: the connection is free or goes, the job goes on. */
static void finish(struct conn *conn, bool keep)
{
    struct net_client *client = conn->client;
    struct job *job = conn->job;
    client_detach(job);
    if (keep) {
        conn->state = CONN_IDLE;
        conn->reused = true;
        conn->deadline_us = INT64_MAX;
    } else {
        conn_close(conn);
    }
    /* The queue first: what waits there is older than what the callback may start. */
    client_dispatch(client);
    job_complete(job);
}

/* The rest of a body that nobody wants is not worth reading. */
static void cut_short(struct conn *conn)
{
    metrics_add(worker_of(conn)->lane, METRIC_BODIES_ABORTED, 1);
    finish(conn, false);
}

/* Takes content bytes in. Returns false when the exchange is over and `conn` may be gone. */
static bool take_body(struct conn *conn, struct span bytes)
{
    struct job *job = conn->job;
    struct shoal_lane *lane = worker_of(conn)->lane;
    enum http1_step step = http1_body_is_done(&conn->body) ? HTTP1_DONE : HTTP1_MORE;
    while (bytes.len > 0 && step == HTTP1_MORE) {
        size_t used;
        struct span data;
        step = http1_body_feed(&conn->body, bytes, &used, &data);
        bytes = span_skip(bytes, used);
        job->result.body_bytes += used;
        metrics_add(lane, METRIC_BODY_BYTES, used);
        metrics_add_at(lane, METRIC_SERVER_BODY_BYTES, conn->server, used);
        enum fail fail =
            data.len > 0 ? job_on_content(job, data, step == HTTP1_DONE) : FAIL_NONE;
        if (fail != FAIL_NONE) {
            fail_exchange(conn, fail);
            return false;
        }
        if (!job->wanted &&
            (job->content_bytes > JOB_UNWANTED_MAX || step == HTTP1_MALFORMED)) {
            cut_short(conn);
            return false;
        }
    }
    if (step == HTTP1_MALFORMED) {
        fail_exchange(conn, FAIL_CHUNK_MALFORMED);
        return false;
    }
    if (step == HTTP1_DONE) {
        finish(conn, conn->keep_alive && bytes.len == 0);
        return false;
    }
    return true;
}

static void store_cookies(struct conn *conn, const struct http1_response *response)
{
    struct net_client *client = conn->client;
    struct cookie_place place = {.host = conn->peer->host,
                                 .path = conn->job->target,
                                 .secure = conn->peer->tls,
                                 .host_is_address = conn->peer->host_is_address};
    struct span fields = response->fields;
    struct http1_field field;
    while (http1_field_next(&fields, &field) > 0) {
        if (!span_equal_nocase(field.name, SPAN("Set-Cookie"))) {
            continue;
        }
        uint32_t dropped = cookie_jar_set(&client->jar, field.value, &place, clock_wall_us());
        if (dropped > 0) {
            metrics_add(worker_of(conn)->lane, METRIC_COOKIES_DROPPED, dropped);
        }
    }
}

/* The head of the final response is whole. Returns as take_body. */
static bool on_response(struct conn *conn, const struct http1_response *response)
{
    struct job *job = conn->job;
    metrics_add_response(worker_of(conn)->lane, response->status);
    metrics_add_at(worker_of(conn)->lane, METRIC_SERVER_RESPONSES, conn->server, 1);
    job->in_flight = false;
    job->in_body = true;
    if (response->has_set_cookie && !conn->client->cookies_off) {
        store_cookies(conn, response);
    }
    job_on_head(job, response);
    conn->keep_alive = response->keep_alive && job_keeps_connection(job);
    http1_body_start(&conn->body, response->framing, response->content_length);
    conn->state = CONN_BODY;
    bool too_long = response->framing == HTTP1_FRAMING_CLOSE ||
                    (response->framing == HTTP1_FRAMING_LENGTH &&
                     response->content_length > JOB_UNWANTED_MAX);
    if (!job->wanted && too_long) {
        cut_short(conn);
        return false;
    }
    return true;
}

/* One head, interim or final. Returns 1: an interim one, 0: the final one and the exchange goes
 * on, -1: it is over. */
static int take_one_head(struct conn *conn, struct span head)
{
    struct http1_response response;
    if (http1_parse_response(head, &response) != 0) {
        fail_exchange(conn, FAIL_RESPONSE_MALFORMED);
        return -1;
    }
    if (response.status < 200 && response.status != 101) {
        conn->head_bytes += head.len;
        conn->scan = (struct http1_scan){0};
        return 1;
    }
    return on_response(conn, &response) ? 0 : -1;
}

/* Bytes of a head, at the end of which the body may begin. Returns as take_body. */
static bool take_head(struct conn *conn, struct span bytes)
{
    struct net_worker *worker = worker_of(conn);
    for (;;) {
        struct span whole = bytes;
        if (conn->held.len > 0) {
            if (block_append(&worker->blocks, &conn->held, bytes.ptr, bytes.len) != 0) {
                fail_exchange(conn, FAIL_MEMORY_SPENT);
                return false;
            }
            whole = span_of(conn->held.ptr, conn->held.len);
        }
        if (!http1_may_be_response(whole.ptr, whole.len)) {
            fail_exchange(conn, FAIL_RESPONSE_MALFORMED);
            return false;
        }
        size_t head_len = http1_scan_head(&conn->scan, whole.ptr, whole.len);
        if (conn->head_bytes + (head_len > 0 ? head_len : whole.len) > FETCH_HEAD_MAX) {
            fail_exchange(conn, FAIL_HEADER_TOO_LARGE);
            return false;
        }
        if (head_len == 0) {
            if (conn->held.len == 0 &&
                block_append(&worker->blocks, &conn->held, bytes.ptr, bytes.len) != 0) {
                fail_exchange(conn, FAIL_MEMORY_SPENT);
                return false;
            }
            return true;
        }
        int kind = take_one_head(conn, span_of(whole.ptr, head_len));
        if (kind < 0) {
            return false;
        }
        /* The head was not whole before these bytes, so what follows it is at their end. */
        size_t rest = whole.len - head_len;
        bytes = span_skip(bytes, bytes.len - rest);
        block_release(&worker->blocks, &conn->held);
        if (kind == 0) {
            return take_body(conn, bytes);
        }
        if (bytes.len == 0) {
            return true;
        }
    }
}

static void note_bytes(struct conn *conn, size_t n)
{
    struct job *job = conn->job;
    client_count_line(conn->client, n);
    if (!conn->got_bytes) {
        conn->got_bytes = true;
        int64_t now_us = clock_monotonic_us();
        int64_t took_us = now_us - job->result.written_us;
        job->first_byte_us = now_us;
        job->result.first_byte_seen = true;
        job->result.phases.first_byte_us = took_us;
        struct shoal_lane *lane = worker_of(conn)->lane;
        if (job->request.kind == METRIC_KIND_SEGMENT) {
            metrics_record(lane, METRIC_SEGMENT_FIRST_BYTE, took_us);
        } else if (job->request.kind <= METRIC_KIND_MEDIA_PLAYLIST) {
            metrics_record(lane, METRIC_PLAYLIST_FIRST_BYTE, took_us);
        }
    }
    conn_set_deadline(conn, loop_now_us(worker_of(conn)->loop) + job->request.idle_timeout_us);
}

/* The connection ended or broke while a response was due. */
static void on_lost(struct conn *conn, enum io_step step)
{
    if (conn->state == CONN_HEAD) {
        fail_exchange(conn, step == IO_END ? FAIL_CLOSED_BEFORE_RESPONSE
                                           : FAIL_RESET_BEFORE_RESPONSE);
    } else if (!conn->job->wanted ||
               (step == IO_END && http1_body_end(&conn->body) == HTTP1_DONE)) {
        finish(conn, false);
    } else {
        fail_exchange(conn, step == IO_END ? FAIL_BODY_TRUNCATED : FAIL_BODY_RESET);
    }
}

/* What a read that brought nothing means. Returns false: there is no more to do now. */
static bool on_no_bytes(struct conn *conn, enum io_step step)
{
    if (step == IO_WANT_READ) {
        return false;
    }
    if (step == IO_WANT_WRITE) {
        conn_watch(conn, true);
        return false;
    }
    on_lost(conn, step);
    return false;
}

/* Reads into the scratch memory and takes it in. Returns whether to go on reading now. */
static bool read_copying(struct conn *conn)
{
    struct net_worker *worker = worker_of(conn);
    struct job *job = conn->job;
    bool drains = job->request.sink == FETCH_DRAIN && conn->ssl == NULL;
    size_t size = drains ? DRAIN_HEAD_READ : NET_SCRATCH_BYTES;
    size = client_read_limit(conn->client, size);
    size_t n;
    enum io_step step = conn_read(conn, worker->scratch, size, &n);
    if (step != IO_OK) {
        return on_no_bytes(conn, step);
    }
    note_bytes(conn, n);
    struct span bytes = span_of(worker->scratch, n);
    bool goes_on = conn->state == CONN_HEAD ? take_head(conn, bytes) : take_body(conn, bytes);
    if (!goes_on) {
        return false;
    }
    if (job_settle(job) != 0) {
        fail_exchange(conn, FAIL_MEMORY_SPENT);
        return false;
    }
    /* A read that was filled left more behind; so may a TLS record. */
    return n == size || conn->ssl != NULL;
}

static bool read_discarding(struct conn *conn, uint64_t skippable)
{
    struct job *job = conn->job;
    uint64_t max = skippable < DISCARD_MAX ? skippable : DISCARD_MAX;
    max = client_read_limit(conn->client, (size_t)max);
    size_t n;
    enum io_step step = conn_discard(conn, max, &n);
    if (step != IO_OK) {
        return on_no_bytes(conn, step);
    }
    note_bytes(conn, n);
    job->result.body_bytes += n;
    metrics_add(worker_of(conn)->lane, METRIC_BODY_BYTES, n);
    metrics_add_at(worker_of(conn)->lane, METRIC_SERVER_BODY_BYTES, conn->server, n);
    enum fail fail = job_on_skipped(job, n);
    if (fail != FAIL_NONE) {
        fail_exchange(conn, fail);
        return false;
    }
    if (http1_body_skip(&conn->body, n) == HTTP1_DONE) {
        finish(conn, conn->keep_alive);
        return false;
    }
    if (!job->wanted && job->content_bytes > JOB_UNWANTED_MAX) {
        cut_short(conn);
        return false;
    }
    /* Filled: more is there, or the framing of the next chunk comes. */
    return n == max;
}

void exchange_on_readable(struct conn *conn)
{
    struct net_worker *worker = worker_of(conn);
    if (conn->state == CONN_IDLE) {
        /* The server closed, or speaks unasked: in both cases nothing can follow here. Session
         * tickets of TLS alone are read without a byte to show. */
        size_t n;
        enum io_step step = conn_read(conn, worker->scratch, NET_SCRATCH_BYTES, &n);
        if (step != IO_WANT_READ) {
            conn_close(conn);
        }
        return;
    }
    bool goes_on = true;
    /* Bounded, so that one endless sender does not hold up all others. Level-triggered
     * readiness brings us back, but not for bytes inside OpenSSL, at most a record of them. */
    for (int rounds = 0;
         goes_on && (rounds < 64 || (conn->ssl != NULL && tls_has_pending(conn->ssl)));
         rounds++) {
        if (client_must_pause(conn->client)) {
            conn->paused = true;
            loop_io_stop(worker->loop, &conn->io);
            return;
        }
        uint64_t skippable =
            conn->state == CONN_BODY && conn->ssl == NULL && job_lets_skip(conn->job)
                ? http1_body_skippable(&conn->body)
                : 0;
        goes_on = skippable > 0 ? read_discarding(conn, skippable) : read_copying(conn);
    }
}

void exchange_on_timeout(struct conn *conn)
{
    if (conn->state == CONN_BODY && !conn->job->wanted) {
        cut_short(conn);
        return;
    }
    fail_exchange(conn, conn->state == CONN_BODY ? FAIL_BODY_TIMEOUT : FAIL_FIRST_BYTE_TIMEOUT);
}
