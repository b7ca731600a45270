#include "origin/server_conn.h"

#include "origin/respond.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_LIMIT_US   75000000  /* between requests */
#define SEND_LIMIT_US   300000000 /* without progress */
#define LINGER_LIMIT_US 2000000

/* One connection sends at most so much before the others have their turn. */
#define TURN_BYTES (UINT64_C(512) * 1024)

/* A slow body is sent in slices of this length of time. */
#define PACE_US 50000

/* Bytes of pipelined requests that are kept while another is answered. */
#define IN_LIMIT (REQUEST_HEAD_MAX + SERVER_READ_BYTES)

/* What a step has led to. */
enum step {
    STEP_DONE,
    STEP_WANT_READ,
    STEP_WANT_WRITE,
    STEP_WAIT,   /* for the timer */
    STEP_CLOSED, /* the connection is gone, with its memory */
};

static void conn_run(struct server_conn *conn);

static void touch(struct server_conn *conn)
{
    conn->active_us = loop_now_us(conn->origin->loop);
    list_remove(&conn->node);
    list_append(&conn->origin->connections, &conn->node);
}

/* Ends the response in hand: books it and frees what it holds. */
static void finish_response(struct server_conn *conn)
{
    struct response *response = &conn->response;
    access_log_end(&conn->origin->log, conn->log, response->status, conn->body_sent);
    conn->log = NULL;
    buf_release(&response->head);
    body_release(&response->body, &conn->origin->blobs);
    free(conn->plan);
    conn->plan = NULL;
}

static void close_with(struct server_conn *conn, bool reset)
{
    struct origin *origin = conn->origin;
    if (conn->state == CONN_SENDING || conn->state == CONN_HELD) {
        origin->stats.aborted++;
    }
    finish_response(conn);
    loop_io_stop(origin->loop, &conn->io);
    loop_timer_stop(origin->loop, &conn->timer);
    list_remove(&conn->node);
    buf_release(&conn->in);
    server_io_close(&conn->wire, reset);
    origin->stats.open--;
    free(conn);
}

void server_conn_close(struct server_conn *conn)
{
    close_with(conn, false);
}

/* Closes so that the client sees a reset. */
static void conn_reset(struct server_conn *conn)
{
    close_with(conn, true);
}

static void want(struct server_conn *conn, unsigned events)
{
    loop_io_start(conn->origin->loop, &conn->io, conn->wire.fd, events);
}

/* Reads into the buffer that all connections share. */
static ssize_t read_some(struct server_conn *conn)
{
    return server_io_read(&conn->wire, conn->origin->read_buffer, SERVER_READ_BYTES);
}

/* Body bytes that may be sent now: the rest up to the cut, and the allowance of a slow body. */
static uint64_t body_bound(struct server_conn *conn)
{
    uint64_t bound = TURN_BYTES;
    const struct response *response = &conn->response;
    if (response->cut != FAULT_CUT_NONE && response->cut_after - conn->body_sent < bound) {
        bound = response->cut_after - conn->body_sent;
    }
    if (response->bandwidth_bps > 0) {
        int64_t now_us = loop_now_us(conn->origin->loop);
        double bytes_per_us = (double)response->bandwidth_bps / 8e6;
        double most = bytes_per_us * 2 * PACE_US;
        conn->allowance += (double)(now_us - conn->pace_us) * bytes_per_us;
        conn->allowance = conn->allowance > most && most > 1 ? most : conn->allowance;
        conn->pace_us = now_us;
        if (conn->allowance < (double)bound) {
            bound = (uint64_t)conn->allowance;
        }
    }
    return bound;
}

static void book_body(struct server_conn *conn, size_t n)
{
    struct response *response = &conn->response;
    conn->body_sent += n;
    conn->allowance -= (double)n;
    conn->origin->stats.body_bytes_by_kind[response->kind] += n;
    body_advance(&response->body, &conn->origin->blobs, n);
}

/* Waits until a slow body may go on: for a slice, or for one byte when that takes longer. */
static enum step wait_for_allowance(struct server_conn *conn)
{
    double byte_us = 8e6 / (double)conn->response.bandwidth_bps;
    int64_t wait_us = byte_us > PACE_US ? (int64_t)byte_us : PACE_US;
    loop_timer_start(conn->origin->loop, &conn->timer,
                     loop_now_us(conn->origin->loop) + wait_us);
    return STEP_WAIT;
}

static bool is_cut(const struct server_conn *conn)
{
    return conn->response.cut != FAULT_CUT_NONE &&
           conn->body_sent >= conn->response.cut_after &&
           conn->head_at == conn->response.head.len;
}

/* Sends what the connection takes. A head and the body's first bytes go out together. */
static enum step step_send(struct server_conn *conn)
{
    struct response *response = &conn->response;
    uint64_t turn = 0;
    while (!is_cut(conn) && (conn->head_at < response->head.len || response->body.left > 0)) {
        struct body_piece piece = {.fd = -1};
        uint64_t bound = response->body.left > 0 ? body_bound(conn) : 0;
        if (bound > 0 && body_peek(&response->body, &conn->origin->blobs, bound, &piece) != 0) {
            conn_reset(conn);
            return STEP_CLOSED;
        }
        size_t head = response->head.len - conn->head_at;
        if (head == 0 && bound == 0) {
            return wait_for_allowance(conn);
        }
        ssize_t n =
            head > 0
                ? server_io_send_head(&conn->wire,
                                      span_of(response->head.ptr + conn->head_at, head), &piece)
                : server_io_send_piece(&conn->wire, &piece);
        if (n == SERVER_IO_LATER) {
            return STEP_WANT_WRITE;
        }
        if (n < 0) {
            server_conn_close(conn);
            return STEP_CLOSED;
        }
        size_t of_head = (size_t)n < head ? (size_t)n : head;
        conn->head_at += of_head;
        if ((size_t)n > of_head) {
            book_body(conn, (size_t)n - of_head);
        }
        turn += (uint64_t)n;
        if (turn >= TURN_BYTES) {
            return STEP_WANT_WRITE;
        }
    }
    return STEP_DONE;
}

/* The response is out: the next request, or the end. */
static enum step end_send(struct server_conn *conn)
{
    bool keep_alive = conn->response.keep_alive && !conn->reads_end;
    if (is_cut(conn)) {
        conn->origin->stats.cut++;
        conn->state = CONN_LINGERING;
        if (conn->response.cut == FAULT_CUT_RESET) {
            conn_reset(conn);
            return STEP_CLOSED;
        }
        keep_alive = false;
    }
    finish_response(conn);
    if (keep_alive) {
        conn->state = CONN_READING;
        /* What is already here is looked at; else the kernel will tell. */
        return conn->in.len > 0 || conn->wire.ssl != NULL ? STEP_DONE : STEP_WANT_READ;
    }
    conn->state = CONN_LINGERING;
    server_io_end(&conn->wire);
    return STEP_WANT_READ;
}

static void start_sending(struct server_conn *conn)
{
    conn->state = CONN_SENDING;
    conn->head_at = 0;
    conn->body_sent = 0;
    conn->allowance = 0;
    conn->pace_us = loop_now_us(conn->origin->loop);
    if (conn->response.status > 0) {
        conn->origin->stats.responses_by_status[conn->response.status]++;
    } else {
        conn->origin->stats.unanswered++;
    }
}

static void start_response(struct server_conn *conn)
{
    conn->response = (struct response){0};
    buf_init(&conn->response.head, 16384);
}

static enum step refuse(struct server_conn *conn, const struct request *request)
{
    conn->origin->stats.requests++;
    conn->origin->stats.bad_requests++;
    conn->log = access_log_start(&conn->origin->log, request, conn->number);
    start_response(conn);
    if (respond_refuse(conn->origin, request->status, &conn->response) != 0) {
        server_conn_close(conn);
        return STEP_CLOSED;
    }
    start_sending(conn);
    return STEP_DONE;
}

/* Counts a request and asks the rules what it shall suffer. Returns true when the answer is put
 * off; the request is then parsed again from conn->in when its time has come. */
static bool hold(struct server_conn *conn, const struct request *request,
                 struct fault_plan *plan)
{
    struct origin *origin = conn->origin;
    int64_t now_us = loop_now_us(origin->loop);
    struct stream_target target = respond_resolve(origin, request->path);
    conn->body_sent = 0;
    origin->stats.requests++;
    origin->stats.requests_by_kind[target.resource]++;
    conn->log = access_log_start(&origin->log, request, conn->number);
    fault_plan_request(&origin->faults, request->path, target.resource, now_us, plan);
    int64_t until_us = now_us + plan->latency_us;
    until_us = plan->hold_until_us > until_us ? plan->hold_until_us : until_us;
    if (until_us <= now_us) {
        return false;
    }
    conn->plan = malloc(sizeof *plan);
    if (conn->plan == NULL) {
        return false;
    }
    *conn->plan = *plan;
    conn->state = CONN_HELD;
    if (until_us != INT64_MAX) {
        loop_timer_start(origin->loop, &conn->timer, until_us);
    }
    return true;
}

/* Answers one request. */
static enum step answer(struct server_conn *conn, const struct request *request,
                        const struct fault_plan *plan)
{
    if (plan->answer == FAULT_ANSWER_CLOSE || plan->answer == FAULT_ANSWER_RESET) {
        conn->origin->stats.unanswered++;
        conn->response.status = 0;
        conn->state = CONN_LINGERING;
        if (plan->answer == FAULT_ANSWER_RESET) {
            conn_reset(conn);
        } else {
            server_conn_close(conn);
        }
        return STEP_CLOSED;
    }
    start_response(conn);
    if (respond_make(conn->origin, request, plan, conn->wire.ssl != NULL, &conn->response) !=
        0) {
        server_conn_close(conn);
        return STEP_CLOSED;
    }
    free(conn->plan);
    conn->plan = NULL;
    start_sending(conn);
    return STEP_DONE;
}

/* Takes one request out of `bytes`; *used is what it took. STEP_DONE: an answer is under way.
 */
static enum step take_request(struct server_conn *conn, struct span bytes, size_t *used)
{
    struct request request;
    *used = 0;
    enum request_state state = request_parse(bytes, &request);
    if (state == REQUEST_INCOMPLETE) {
        return STEP_WANT_READ;
    }
    if (state == REQUEST_COMPLETE && request.content_length > 0) {
        request.status = 413;
        state = REQUEST_REFUSED;
    }
    if (state == REQUEST_REFUSED) {
        *used = bytes.len;
        return refuse(conn, &request);
    }
    if (conn->plan != NULL) {
        struct fault_plan plan = *conn->plan;
        *used = request.head_bytes;
        return answer(conn, &request, &plan);
    }
    struct fault_plan plan = {0};
    if (hold(conn, &request, &plan)) {
        return STEP_WAIT;
    }
    *used = request.head_bytes;
    return answer(conn, &request, &plan);
}

/* Drops the first n bytes of what is kept. */
static void in_consume(struct server_conn *conn, size_t n)
{
    if (n == conn->in.len) {
        buf_release(&conn->in);
        return;
    }
    conn->in.len -= n;
    memmove(conn->in.ptr, conn->in.ptr + n, conn->in.len);
}

/* Finds the next request in what is kept, else in what can be read now. */
static enum step step_request(struct server_conn *conn)
{
    size_t used = 0;
    if (conn->in.len > 0) {
        enum step step = take_request(conn, buf_span(&conn->in), &used);
        if (step == STEP_DONE) {
            in_consume(conn, used);
        }
        if (step != STEP_WANT_READ) {
            return step;
        }
    }
    ssize_t n = read_some(conn);
    if (n == SERVER_IO_LATER) {
        return STEP_WANT_READ;
    }
    if (n <= 0) {
        server_conn_close(conn);
        return STEP_CLOSED;
    }
    touch(conn);
    struct span bytes = span_of(conn->origin->read_buffer, (size_t)n);
    bool kept = conn->in.len > 0;
    if (kept && buf_append_span(&conn->in, bytes) != 0) {
        server_conn_close(conn);
        return STEP_CLOSED;
    }
    enum step step = take_request(conn, kept ? buf_span(&conn->in) : bytes, &used);
    if (step == STEP_CLOSED) {
        return step;
    }
    if (kept) {
        in_consume(conn, used);
    } else if (used < bytes.len && buf_append_span(&conn->in, span_skip(bytes, used)) != 0) {
        server_conn_close(conn);
        return STEP_CLOSED;
    }
    return step;
}

/* While an answer waits, bytes are kept up to a bound and the client's end is noticed. */
static enum step step_held(struct server_conn *conn)
{
    ssize_t n = read_some(conn);
    if (n == 0 || n == SERVER_IO_BROKEN) {
        server_conn_close(conn);
        return STEP_CLOSED;
    }
    if (n > 0 &&
        buf_append_span(&conn->in, span_of(conn->origin->read_buffer, (size_t)n)) != 0) {
        return STEP_WAIT;
    }
    return STEP_WANT_READ;
}

static enum step step_linger(struct server_conn *conn)
{
    ssize_t n = read_some(conn);
    if (n == 0 || n == SERVER_IO_BROKEN) {
        server_conn_close(conn);
        return STEP_CLOSED;
    }
    return STEP_WANT_READ;
}

static enum step step_handshake(struct server_conn *conn)
{
    switch (server_io_accept(&conn->wire)) {
    case 1:
        conn->origin->stats.tls_handshakes++;
        conn->state = CONN_READING;
        return STEP_DONE;
    case 0:
        return STEP_WANT_READ;
    case SERVER_IO_LATER:
        return STEP_WANT_WRITE;
    default:
        server_conn_close(conn);
        return STEP_CLOSED;
    }
}

static enum step step_sending(struct server_conn *conn)
{
    enum step step = step_send(conn);
    return step == STEP_DONE ? end_send(conn) : step;
}

/* Goes on until something has to be waited for. */
static void conn_run(struct server_conn *conn)
{
    static enum step (*const steps[])(struct server_conn * conn) = {
        [CONN_HANDSHAKE] = step_handshake, [CONN_READING] = step_request,
        [CONN_HELD] = step_held,           [CONN_SENDING] = step_sending,
        [CONN_LINGERING] = step_linger,    [CONN_SILENT] = step_linger,
    };
    enum step step = STEP_DONE;
    while (step == STEP_DONE) {
        step = steps[conn->state](conn);
    }
    switch (step) {
    case STEP_WANT_READ:
        want(conn, LOOP_READ);
        break;
    case STEP_WANT_WRITE:
        want(conn, LOOP_WRITE);
        break;
    case STEP_WAIT:
        if (conn->state == CONN_HELD && conn->in.len < REQUEST_HEAD_MAX) {
            want(conn, LOOP_READ);
        } else {
            loop_io_stop(conn->origin->loop, &conn->io);
        }
        break;
    case STEP_DONE:
    case STEP_CLOSED:
        break;
    }
}

static void on_ready(struct loop_io *io, unsigned events)
{
    (void)events;
    struct server_conn *conn = list_entry(io, struct server_conn, io);
    if (conn->state == CONN_SENDING) {
        touch(conn);
    }
    conn_run(conn);
}

static void on_timer(struct loop_timer *timer)
{
    struct server_conn *conn = list_entry(timer, struct server_conn, timer);
    touch(conn);
    if (conn->state == CONN_HELD) {
        conn->state = CONN_READING;
    }
    conn_run(conn);
}

/* Gives the connection its TLS object; what a fault puts in the place of TLS is decided here.
 * Returns 0, or -1 when the connection is to be closed. */
static int start_tls(struct server_conn *conn)
{
    struct origin *origin = conn->origin;
    enum fault_special fault = fault_plan_special(&origin->faults, FAULT_SCOPE_TLS, SPAN(""),
                                                  loop_now_us(origin->loop));
    if (fault == FAULT_TLS_GARBAGE) {
        static const char garbage[] = "this is no TLS record\r\n";
        send(conn->wire.fd, garbage, sizeof garbage - 1, MSG_NOSIGNAL);
        shutdown(conn->wire.fd, SHUT_WR);
        conn->state = CONN_LINGERING;
        return 0;
    }
    if (fault == FAULT_TLS_SILENT) {
        conn->state = CONN_SILENT;
        return 0;
    }
    SSL_CTX *context =
        fault == FAULT_TLS_WRONG_NAME ? origin->tls->wrong_name : origin->tls->context;
    conn->wire.ssl = SSL_new(context);
    if (conn->wire.ssl == NULL || SSL_set_fd(conn->wire.ssl, conn->wire.fd) != 1) {
        return -1;
    }
    conn->state = CONN_HANDSHAKE;
    return 0;
}

void server_conn_start(struct origin *origin, int fd, bool is_tls)
{
    struct server_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        close(fd);
        return;
    }
    conn->origin = origin;
    conn->wire.fd = fd;
    conn->state = CONN_READING;
    conn->number = ++origin->stats.connections;
    origin->stats.open++;
    conn->active_us = loop_now_us(origin->loop);
    buf_init(&conn->in, IN_LIMIT);
    loop_io_init(&conn->io, on_ready);
    loop_timer_init(&conn->timer, on_timer);
    list_append(&origin->connections, &conn->node);
    if (is_tls && start_tls(conn) != 0) {
        server_conn_close(conn);
        return;
    }
    want(conn, LOOP_READ);
}

void server_conn_sweep(struct origin *origin)
{
    static const int64_t limits_us[] = {
        [CONN_HANDSHAKE] = IDLE_LIMIT_US, [CONN_READING] = IDLE_LIMIT_US,
        [CONN_HELD] = SEND_LIMIT_US,      [CONN_SENDING] = SEND_LIMIT_US,
        [CONN_SILENT] = SEND_LIMIT_US,    [CONN_LINGERING] = LINGER_LIMIT_US,
    };
    int64_t now_us = loop_now_us(origin->loop);
    list_for_each_safe (node, after, &origin->connections) {
        struct server_conn *conn = list_entry(node, struct server_conn, node);
        int64_t idle_us = now_us - conn->active_us;
        if (idle_us < LINGER_LIMIT_US) {
            return;
        }
        if (idle_us > limits_us[conn->state]) {
            server_conn_close(conn);
        }
    }
}
