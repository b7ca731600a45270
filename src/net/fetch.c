#include "net/fetch.h"

#include "base/clock.h"
#include "base/url.h"
#include "net/client_internal.h"
#include "net/conn.h"
#include "net/decode.h"
#include "net/job.h"
#include "net/peer.h"
#include "net/worker.h"

#include <stdlib.h>
#include <string.h>

static struct net_worker *worker_of(const struct job *job)
{
    return job->worker;
}

static void job_free(struct job *job)
{
    struct net_worker *worker = worker_of(job);
    block_release(&worker->blocks, &job->body);
    if (job->peer != NULL) {
        peer_release(job->peer);
    }
    if (job->text != job->inline_text) {
        free(job->text);
    }
    pool_give(&worker->jobs, job);
}

/* Puts the URL behind the headers. Returns 0, or -1 when memory is spent. */
static int set_url(struct job *job, struct span url)
{
    size_t headers = job->request.headers.len;
    if (headers + url.len > job->text_capacity) {
        char *text = malloc(headers + url.len);
        if (text == NULL) {
            return -1;
        }
        memcpy(text, job->text, headers);
        if (job->text != job->inline_text) {
            free(job->text);
        }
        job->text = text;
        job->text_capacity = headers + url.len;
    }
    memcpy(job->text + headers, url.ptr, url.len);
    job->request.headers.ptr = job->text;
    job->request.url = span_of(job->text + headers, url.len);
    return 0;
}

/* A request line takes no spaces and no bytes beyond ASCII. */
static bool can_be_sent(struct span target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* Makes `text` the URL asked for next: resolved against `base` unless that is NULL. Returns
 * FAIL_NONE, or `invalid` when it is no URL that can be fetched. */
static enum fail take_url(struct job *job, const struct url *base, struct span text,
                          enum fail invalid)
{
    char resolved[URL_MAX];
    struct url url;
    struct span whole = text;
    if (base != NULL) {
        if (url_resolve(base, text, resolved, sizeof(resolved), &whole) != 0) {
            return invalid;
        }
    }
    if (url_parse_http(whole, &url) != 0) {
        return invalid;
    }
    if (!can_be_sent(url_target(&url))) {
        if (base != NULL || url_resolve(&url, text, resolved, sizeof(resolved), &whole) != 0) {
            return invalid;
        }
    }
    whole.len = span_find(whole, '#');
    struct peer *peer = peer_hold(worker_of(job), &url);
    if (peer == NULL) {
        return invalid;
    }
    if (job->peer != NULL) {
        job->elsewhere |= !span_equal(job->peer->host, peer->host);
        peer_release(job->peer);
    }
    job->peer = peer;
    if (set_url(job, whole) != 0 || url_parse_http(job->request.url, &url) != 0) {
        return FAIL_MEMORY_SPENT;
    }
    job->target = url_target(&url);
    return FAIL_NONE;
}

static void end_later(struct job *job, enum fail fail)
{
    struct net_worker *worker = worker_of(job);
    job->result.fail = fail;
    list_append(&worker->ended, &job->node);
    if (!loop_timer_is_started(&worker->report)) {
        loop_timer_start(worker->loop, &worker->report, loop_now_us(worker->loop));
    }
}

/* What this machine lacks is no failure of the server. */
static void count_server_failure(const struct job *job, enum fail fail)
{
    if (job->server != JOB_NO_SERVER && fail_info(fail)->class != FAIL_CLASS_LOCAL) {
        metrics_add_at(worker_of(job)->lane, METRIC_SERVER_FAILURES, job->server, 1);
    }
}

/* Fills in what is known at the end and tells the user. The job is on no list. */
static void report(struct job *job, enum fail fail)
{
    struct fetch *fetch = job->fetch;
    struct fetch_result *result = &job->result;
    result->fail = fail;
    result->done_us = clock_monotonic_us();
    result->phases.total_us = result->done_us - result->started_us;
    result->phases.body_us = result->first_byte_seen ? result->done_us - job->first_byte_us : 0;
    result->media_bytes = job->content_bytes;
    result->url = job->request.url;
    if (fail != FAIL_NONE) {
        result->body = span_of(NULL, 0);
        count_server_failure(job, fail);
        result->check_failed = job->check_failed && fail == (enum fail)job->verdict;
        if (!result->check_failed) {
            metrics_add_failure(worker_of(job)->lane, fail);
        }
    }
    fetch->job = NULL;
    fetch->on_done(fetch, result);
    job_free(job);
}

void job_report_ended(struct loop_timer *timer)
{
    struct net_worker *worker = list_entry(timer, struct net_worker, report);
    struct list *node = list_first(&worker->ended);
    if (node == NULL) {
        return;
    }
    /* One an event; the timer brings the next. */
    list_remove(node);
    if (!list_is_empty(&worker->ended)) {
        loop_timer_start(worker->loop, timer, loop_now_us(worker->loop));
    }
    struct job *job = list_entry(node, struct job, node);
    report(job, job->result.fail);
}

/* Forgets the response before, for the next one of the same fetch. */
static void reset_response(struct job *job)
{
    struct fetch_result *result = &job->result;
    job->server = JOB_NO_SERVER;
    result->status = 0;
    result->body_bytes = 0;
    result->age_s = -1;
    result->cache_status = CACHE_STATUS_SILENT;
    result->cache.len = 0;
    result->type.len = 0;
    result->compressed = false;
    result->retry_after_us = -1;
    result->first_byte_seen = false;
    result->phases.first_byte_us = 0;
    job->content_bytes = 0;
    job->length_hint = 0;
    job->expected_bytes = UINT64_MAX;
    job->coding = HTTP1_CODING_IDENTITY;
    job->verdict = FAIL_NONE;
    job->wanted = false;
    job->redirecting = false;
    job->loose = span_of(NULL, 0);
    job->body.len = 0;
    job->checked = job->request.sink != FETCH_DRAIN || job->request.check == NULL;
}

static void fill_defaults(struct job *job)
{
    struct fetch_request *request = &job->request;
    const struct net_options *options = &worker_of(job)->options;
    if (request->body_limit == 0) {
        request->body_limit =
            request->sink == FETCH_COLLECT ? FETCH_COLLECT_LIMIT : FETCH_DRAIN_LIMIT;
    }
    if (request->connect_timeout_us == 0) {
        request->connect_timeout_us = options->connect_timeout_us;
    }
    if (request->first_byte_timeout_us == 0) {
        request->first_byte_timeout_us = options->first_byte_timeout_us;
    }
    if (request->idle_timeout_us == 0) {
        request->idle_timeout_us = options->idle_timeout_us;
    }
    if (request->total_timeout_us == 0) {
        request->total_timeout_us = options->total_timeout_us;
    }
}

/* An empty job with a copy of the request's headers; its URL is still to be taken. NULL when
 * memory is spent. */
static struct job *job_make(struct net_client *client, struct fetch *fetch,
                            const struct fetch_request *request)
{
    struct net_worker *worker = client->worker;
    struct job *job = pool_take(&worker->jobs);
    if (job == NULL) {
        return NULL;
    }
    memset(job, 0, offsetof(struct job, inline_text));
    list_init(&job->node);
    job->fetch = fetch;
    job->client = client;
    job->worker = worker;
    job->request = *request;
    job->text = job->inline_text;
    job->text_capacity = JOB_TEXT_BYTES;
    if (request->headers.len > JOB_TEXT_BYTES) {
        job->text_capacity = request->headers.len;
        job->text = malloc(job->text_capacity);
        if (job->text == NULL) {
            pool_give(&worker->jobs, job);
            return NULL;
        }
    }
    if (request->headers.len > 0) {
        memcpy(job->text, request->headers.ptr, request->headers.len);
    }
    job->request.headers = span_of(job->text, request->headers.len);
    job->request.url = span_of(job->text, 0);
    return job;
}

enum fail fetch_start(struct net_client *client, struct fetch *fetch,
                      const struct fetch_request *request)
{
    struct job *job = job_make(client, fetch, request);
    if (job == NULL) {
        metrics_add_failure(client->worker->lane, FAIL_MEMORY_SPENT);
        return FAIL_MEMORY_SPENT;
    }
    fetch->job = job;
    fill_defaults(job);
    job->total_deadline_us = INT64_MAX;
    job->result.started_us =
        request->intended_us != 0 ? request->intended_us : clock_monotonic_us();
    reset_response(job);
    enum fail fail = take_url(job, NULL, request->url, FAIL_CONNECT_FAILED);
    if (fail != FAIL_NONE) {
        end_later(job, fail);
        return FAIL_NONE;
    }
    client_queue(client, job, false);
    client_dispatch(client);
    return FAIL_NONE;
}

void fetch_cancel(struct fetch *fetch)
{
    struct job *job = fetch->job;
    if (job == NULL) {
        return;
    }
    struct conn *conn = job->conn;
    if (conn == NULL) {
        list_remove(&job->node);
        job_drop(job);
        return;
    }
    struct net_client *client = job->client;
    client_detach(job);
    conn_close(conn);
    job_drop(job);
    client_dispatch(client);
}

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum fail prepare_redirect(struct job *job, const struct http1_response *response)
{
    struct url base;
    if (job->result.redirects >= FETCH_REDIRECTS_MAX) {
        return FAIL_REDIRECT_LOOP;
    }
    if (!response->has_location || response->location.len == 0 ||
        url_parse(job->request.url, &base) != 0) {
        return FAIL_REDIRECT_INVALID;
    }
    enum fail fail = take_url(job, &base, response->location, FAIL_REDIRECT_INVALID);
    job->redirecting = fail == FAIL_NONE;
    return fail;
}

/* A 206 must be exactly what was asked for (RFC 9110 section 15.3.7). */
static enum fail judge_range(struct job *job, const struct http1_response *response)
{
    const struct fetch_request *request = &job->request;
    if (!response->has_content_range || response->range_first != request->range_first ||
        (request->range_last != UINT64_MAX && response->range_last != request->range_last)) {
        return FAIL_LENGTH_WRONG;
    }
    job->expected_bytes = response->range_last - response->range_first + 1;
    return response->framing == HTTP1_FRAMING_LENGTH &&
                   response->content_length != job->expected_bytes
               ? FAIL_LENGTH_WRONG
               : FAIL_NONE;
}

static enum fail judge_content(const struct job *job, const struct http1_response *response)
{
    if (response->coding == HTTP1_CODING_UNKNOWN ||
        (job->request.sink == FETCH_DRAIN && response->coding != HTTP1_CODING_IDENTITY)) {
        return FAIL_ENCODING_UNKNOWN;
    }
    return response->content_length > job->request.body_limit ? FAIL_BODY_TOO_LARGE : FAIL_NONE;
}

static enum fail judge(struct job *job, const struct http1_response *response)
{
    unsigned status = response->status;
    if (status >= 500) {
        return FAIL_STATUS_5XX;
    }
    if (status >= 400) {
        return FAIL_STATUS_4XX;
    }
    if (is_redirect(status)) {
        return prepare_redirect(job, response);
    }
    if (status == 200 && job->request.has_range && !job->request.range_optional) {
        return FAIL_RANGE_IGNORED;
    }
    if (status != 200 && (status != 206 || !job->request.has_range)) {
        return FAIL_STATUS_UNEXPECTED;
    }
    enum fail fail = status == 206 ? judge_range(job, response) : FAIL_NONE;
    return fail != FAIL_NONE ? fail : judge_content(job, response);
}

/* The head goes, so what is to stay of it is copied. */
static struct span keep_text(struct span text, char *dst, size_t size)
{
    text.len = text.len < size ? text.len : size;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        dst[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    return span_of(dst, text.len);
}

/* Notes what the caches on the way say. */
static void take_cache_status(struct job *job, const struct http1_response *response)
{
    struct fetch_result *result = &job->result;
    struct span text =
        response->cf_cache_status.len > 0 ? response->cf_cache_status : response->x_cache;
    result->cache = keep_text(text, job->cache_text, sizeof job->cache_text);
    result->cache_status =
        cache_status_of(response->cf_cache_status, response->x_cache, response->age_s);
}

/* Keys are kept out of caches on purpose: their misses say nothing of the cache. Of a redirect,
 * what it leads to counts. */
static void count_cache_status(const struct job *job)
{
    if (job->redirecting || job->request.kind >= METRIC_KIND_KEY) {
        return;
    }
    struct shoal_lane *lane = worker_of(job)->lane;
    if (job->result.cache_status == CACHE_STATUS_HIT) {
        metrics_add(lane, METRIC_CACHE_HITS, 1);
    } else if (job->result.cache_status == CACHE_STATUS_MISS) {
        metrics_add(lane, METRIC_CACHE_MISSES, 1);
    }
}

void job_on_head(struct job *job, const struct http1_response *response)
{
    struct fetch_result *result = &job->result;
    result->status = response->status;
    result->age_s = response->age_s;
    result->retry_after_us =
        response->retry_after_s < 0 ? -1 : response->retry_after_s * INT64_C(1000000);
    job->coding = (uint8_t)response->coding;
    job->length_hint = response->content_length;
    job->verdict = (uint8_t)judge(job, response);
    job->wanted = job->verdict == FAIL_NONE && !job->redirecting;
    result->type = keep_text(response->content_type, job->type_text, sizeof job->type_text);
    result->compressed = response->coding != HTTP1_CODING_IDENTITY;
    take_cache_status(job, response);
    count_cache_status(job);
}

static void run_check(struct job *job, struct span first)
{
    first.len = first.len < FETCH_CHECK_BYTES ? first.len : FETCH_CHECK_BYTES;
    job->checked = true;
    enum fail fail = job->request.check(job->fetch, first);
    if (fail != FAIL_NONE) {
        job->verdict = (uint8_t)fail;
        job->check_failed = true;
    }
}

/* Gathers the first bytes of a drained body until there are enough to be checked. */
static enum fail gather_first(struct job *job, struct span data, bool is_last)
{
    if (job->body.len == 0 && (data.len >= FETCH_CHECK_BYTES || is_last)) {
        run_check(job, data);
        return FAIL_NONE;
    }
    size_t missing = FETCH_CHECK_BYTES - job->body.len;
    size_t n = data.len < missing ? data.len : missing;
    if (block_append(&worker_of(job)->blocks, &job->body, data.ptr, n) != 0) {
        return FAIL_MEMORY_SPENT;
    }
    if (n == missing || is_last) {
        run_check(job, span_of(job->body.ptr, job->body.len));
        block_release(&worker_of(job)->blocks, &job->body);
    }
    return FAIL_NONE;
}

int job_settle(struct job *job)
{
    struct span loose = job->loose;
    if (loose.len == 0) {
        return 0;
    }
    job->loose = span_of(NULL, 0);
    /* A length that the server only claims is not believed beyond a megabyte at a time. */
    size_t want = job->body.len + loose.len;
    size_t believed = job->length_hint < (1 << 20) ? (size_t)job->length_hint : 1 << 20;
    struct blocks *blocks = &worker_of(job)->blocks;
    if (block_reserve(blocks, &job->body, want > believed ? want : believed) != 0) {
        return -1;
    }
    return block_append(blocks, &job->body, loose.ptr, loose.len);
}

enum fail job_on_content(struct job *job, struct span data, bool is_last)
{
    job->content_bytes += data.len;
    if (!job->wanted) {
        return FAIL_NONE;
    }
    if (job->content_bytes > job->request.body_limit) {
        return FAIL_BODY_TOO_LARGE;
    }
    if (job->request.sink == FETCH_COLLECT) {
        if (job_settle(job) != 0) {
            return FAIL_MEMORY_SPENT;
        }
        job->loose = data;
        return FAIL_NONE;
    }
    return job->checked ? FAIL_NONE : gather_first(job, data, is_last);
}

enum fail job_on_skipped(struct job *job, uint64_t n)
{
    job->content_bytes += n;
    return job->wanted && job->content_bytes > job->request.body_limit ? FAIL_BODY_TOO_LARGE
                                                                       : FAIL_NONE;
}

static void follow_redirect(struct job *job)
{
    metrics_add(worker_of(job)->lane, METRIC_REDIRECTS, 1);
    job->result.redirects++;
    job->needs_new = false;
    reset_response(job);
    client_queue(job->client, job, true);
    client_dispatch(job->client);
}

/* The collected body, decoded. */
static enum fail produce_body(struct job *job)
{
    struct net_worker *worker = worker_of(job);
    struct span raw = job->loose;
    if (job->body.len > 0) {
        if (job_settle(job) != 0) {
            return FAIL_MEMORY_SPENT;
        }
        raw = span_of(job->body.ptr, job->body.len);
    }
    if (job->coding == HTTP1_CODING_IDENTITY || raw.len == 0) {
        job->result.body = raw;
        return FAIL_NONE;
    }
    if (worker->decoder == NULL) {
        worker->decoder = decoder_new();
        if (worker->decoder == NULL) {
            return FAIL_MEMORY_SPENT;
        }
    }
    return decoder_run(worker->decoder, (enum http1_coding)job->coding, raw,
                       (size_t)job->request.body_limit, &job->result.body);
}

void job_complete(struct job *job)
{
    job->in_body = false;
    if (job->redirecting) {
        follow_redirect(job);
        return;
    }
    if (job->wanted && job->expected_bytes != UINT64_MAX &&
        job->content_bytes != job->expected_bytes) {
        report(job, FAIL_LENGTH_WRONG);
        return;
    }
    if (job->wanted && !job->checked) {
        run_check(job, span_of(job->body.ptr, job->body.len));
    }
    enum fail fail = (enum fail)job->verdict;
    if (fail == FAIL_NONE && job->request.sink == FETCH_COLLECT) {
        fail = produce_body(job);
    }
    report(job, fail);
}

void job_fail(struct job *job, enum fail fail)
{
    if (job->in_flight) {
        metrics_add(worker_of(job)->lane, METRIC_REQUESTS_FAILED, 1);
    }
    job->in_flight = false;
    job->in_body = false;
    end_later(job, fail);
}

void job_retry(struct job *job, enum fail fail)
{
    if (job->retried) {
        job_fail(job, fail);
        return;
    }
    struct shoal_lane *lane = worker_of(job)->lane;
    if (job->in_flight) {
        metrics_add(lane, METRIC_REQUESTS_FAILED, 1);
        job->in_flight = false;
    }
    metrics_add(lane, METRIC_KEEPALIVE_RETRIES, 1);
    job->retried = true;
    job->server = JOB_NO_SERVER;
    job->needs_new = true;
    client_queue(job->client, job, true);
}

void job_drop(struct job *job)
{
    struct shoal_lane *lane = worker_of(job)->lane;
    if (job->in_flight) {
        metrics_add(lane, METRIC_REQUESTS_ABORTED, 1);
    }
    if (job->in_body) {
        metrics_add(lane, METRIC_BODIES_ABORTED, 1);
    }
    job->fetch->job = NULL;
    job_free(job);
}
