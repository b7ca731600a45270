#include "app/lint_fetch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "shoal/sampler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define READ_LIMIT ((uint64_t)256 << 20)

int lint_web_open(struct lint_web *web, struct err *err)
{
    web->options.clients_limit = 1;
    web->options.connections_per_client = LINT_REQUESTS_MAX;
    web->loop = loop_new();
    /* A lane of its own, which nobody samples. */
    if (web->loop == NULL || metrics_schema_new(NULL, 0, NULL, 0, NULL, &web->schema) != 0 ||
        shoal_sampler_new(&(struct shoal_sampler_options){.schema = web->schema, .lanes = 1},
                          &web->sampler) != 0) {
        lint_web_close(web);
        return err_set(err, ERR_START, "network", NULL, "no memory or descriptor");
    }
    struct shoal_lane *lane = shoal_sampler_lane(web->sampler, 0);
    shoal_lane_open(lane, clock_monotonic_us());
    web->worker = net_worker_open(web->loop, lane, &web->options, 0, err);
    if (web->worker == NULL) {
        lint_web_close(web);
        return -1;
    }
    net_client_open(&web->client, web->worker,
                    &(struct net_client_options){.connections = LINT_REQUESTS_MAX});
    return 0;
}

void lint_web_close(struct lint_web *web)
{
    net_client_close(&web->client);
    net_worker_close(web->worker);
    shoal_sampler_free(web->sampler);
    shoal_schema_free(web->schema);
    loop_free(web->loop);
    web->worker = NULL;
    web->sampler = NULL;
    web->schema = NULL;
    web->loop = NULL;
}

static void keep_body(struct lint_body *body, struct span bytes)
{
    body->ptr = malloc(bytes.len > 0 ? bytes.len : 1);
    if (body->ptr == NULL) {
        body->fail = FAIL_MEMORY_SPENT;
        return;
    }
    if (bytes.len > 0) {
        memcpy(body->ptr, bytes.ptr, bytes.len);
    }
    body->len = bytes.len;
}

static void on_fetched(struct fetch *fetch, const struct fetch_result *result)
{
    struct lint_request *request = list_entry(fetch, struct lint_request, fetch);
    struct lint_body *body = request->body;
    body->fail = result->fail;
    body->status = result->status;
    body->age_s = result->age_s;
    body->done_us = result->done_us;
    body->sent_bytes = result->media_bytes;
    body->compressed = result->compressed;
    span_to_string(result->type, body->type, sizeof body->type);
    if (result->url.len > 0 && result->url.len <= sizeof body->url_text) {
        memcpy(body->url_text, result->url.ptr, result->url.len);
        body->url = span_of(body->url_text, result->url.len);
    }
    if (result->fail == FAIL_NONE) {
        keep_body(body, result->body);
    }
    request->on_done(request);
}

int lint_request_start(struct lint_web *web, struct lint_request *request,
                       const struct lint_want *want, struct lint_body *body)
{
    *body = (struct lint_body){.age_s = -1};
    request->body = body;
    fetch_init(&request->fetch, on_fetched);
    loop_update_now(web->loop);
    const struct fetch_request what = {
        .url = want->url,
        .kind = want->kind,
        .sink = FETCH_COLLECT,
        .body_limit = want->limit != 0 ? want->limit : READ_LIMIT,
        .has_range = want->has_range,
        .range_first = want->offset,
        .range_last = want->has_range ? want->offset + want->length - 1 : 0,
    };
    body->start_us = clock_monotonic_us();
    body->fail = fetch_start(&web->client, &request->fetch, &what);
    return body->fail == FAIL_NONE ? 0 : -1;
}

/* A request whose end is waited for. */
struct reading {
    struct lint_request request;
    struct loop *loop;
    bool done;
};

static void on_read(struct lint_request *request)
{
    struct reading *reading = list_entry(request, struct reading, request);
    reading->done = true;
    loop_stop(reading->loop);
}

int lint_web_read(struct lint_web *web, const struct lint_want *want, struct lint_body *body)
{
    struct reading reading = {.request.on_done = on_read, .loop = web->loop};
    if (lint_request_start(web, &reading.request, want, body) != 0) {
        return -1;
    }
    while (!reading.done) {
        loop_run(web->loop);
    }
    return body->fail == FAIL_NONE ? 0 : -1;
}

int lint_file_read(const char *path, struct lint_body *body, struct err *err)
{
    *body = (struct lint_body){.age_s = -1};
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        return err_set(err, ERR_START, path, NULL, "%s", strerror(errno));
    }
    struct buf buf;
    char chunk[65536];
    size_t got;
    int status = 0;
    buf_init(&buf, READ_LIMIT);
    while (status == 0 && (got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        status = buf_append(&buf, chunk, got);
    }
    if (status != 0) {
        err_set(err, ERR_START, path, NULL, "it is larger than %llu MiB",
                (unsigned long long)(READ_LIMIT >> 20));
    } else if (ferror(file)) {
        status = err_set(err, ERR_START, path, NULL, "%s", strerror(errno));
    }
    if (file != stdin) {
        fclose(file);
    }
    if (status != 0) {
        buf_release(&buf);
        return -1;
    }
    body->ptr = buf.ptr;
    body->len = buf.len;
    return 0;
}

void lint_body_fini(struct lint_body *body)
{
    free(body->ptr);
    body->ptr = NULL;
    body->len = 0;
}

bool lint_is_url(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}
