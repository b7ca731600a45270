#include "rig.h"

#include "base/clock.h"
#include "loop/loop.h"
#include "shoal/sampler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_US = 10000000 };

void rig_open(struct rig *rig, const struct net_options *options,
              const struct net_client_options *client_options)
{
    memset(rig, 0, sizeof(*rig));
    rig->loop = loop_new();
    assert_non_null(rig->loop);
    assert_int_equal(metrics_schema_new(NULL, 0, NULL, 0, NULL, &rig->schema), 0);
    struct shoal_sampler_options sampler = {.schema = rig->schema, .lanes = 1};
    assert_int_equal(shoal_sampler_new(&sampler, &rig->sampler), 0);
    rig->lane = shoal_sampler_lane(rig->sampler, 0);
    shoal_lane_open(rig->lane, clock_monotonic_us());
    struct net_options own = options != NULL ? *options : (struct net_options){0};
    own.clients_limit = own.clients_limit == 0 ? 8 : own.clients_limit;
    struct err err = {0};
    rig->worker = net_worker_open(rig->loop, rig->lane, &own, 0, &err);
    assert_string_equal(err.why, "");
    assert_non_null(rig->worker);
    static const struct net_client_options no_options = {0};
    net_client_open(&rig->client, rig->worker,
                    client_options != NULL ? client_options : &no_options);
}

uint64_t rig_count(const struct rig *rig, enum metric metric)
{
    uint64_t sum = shoal_lane_get(rig->lane, metric);
    for (uint32_t i = 0; i < metric_values[metric]; i++) {
        sum += atomic_load_explicit(&rig->lane->words[metric_labels[metric] + i],
                                    memory_order_relaxed);
    }
    return sum;
}

uint64_t rig_failures(const struct rig *rig, enum fail fail)
{
    return atomic_load_explicit(&rig->lane->words[metric_labels[METRIC_FAILURES] + fail],
                                memory_order_relaxed);
}

void rig_close(struct rig *rig)
{
    net_client_close(&rig->client);
    struct net_usage usage;
    net_worker_usage(rig->worker, &usage);
    assert_int_equal(usage.connections, 0);
    assert_int_equal(usage.fetches, 0);
    assert_int_equal(usage.buffer_bytes, 0);
    assert_int_equal(rig_count(rig, METRIC_HTTP_REQUESTS),
                     rig_count(rig, METRIC_HTTP_RESPONSES) +
                         rig_count(rig, METRIC_REQUESTS_ABORTED) +
                         rig_count(rig, METRIC_REQUESTS_FAILED));
    assert_int_equal(rig_count(rig, METRIC_TCP_CONNECTS),
                     rig_count(rig, METRIC_CONNECTIONS_CLOSED));
    net_worker_close(rig->worker);
    assert_int_equal(rig_count(rig, METRIC_DESCRIPTORS_OPENED),
                     rig_count(rig, METRIC_DESCRIPTORS_CLOSED));
    shoal_lane_close(rig->lane, clock_monotonic_us());
    shoal_sampler_free(rig->sampler);
    shoal_schema_free(rig->schema);
    loop_free(rig->loop);
}

static char *copy(struct span span)
{
    char *text = malloc(span.len + 1);
    assert_non_null(text);
    if (span.len > 0) {
        memcpy(text, span.ptr, span.len);
    }
    text[span.len] = '\0';
    return text;
}

static void on_done(struct fetch *fetch, const struct fetch_result *result)
{
    struct trial *trial = list_entry(fetch, struct trial, fetch);
    free(trial->body);
    free(trial->url);
    free(trial->cache);
    trial->result = *result;
    trial->body = copy(result->body);
    trial->url = copy(result->url);
    trial->cache = copy(result->cache);
    trial->result.body.ptr = trial->body;
    trial->result.url.ptr = trial->url;
    trial->result.cache.ptr = trial->cache;
    trial->done = true;
    trial->calls++;
}

void trial_init(struct trial *trial)
{
    memset(trial, 0, sizeof(*trial));
    fetch_init(&trial->fetch, on_done);
}

void trial_fini(struct trial *trial)
{
    free(trial->body);
    free(trial->url);
    free(trial->cache);
}

void trial_expect(const struct trial *trial, enum fail fail)
{
    if (trial->result.fail != fail) {
        fail_msg("failure %s, expected %s", fail_info(trial->result.fail)->label,
                 fail_info(fail)->label);
    }
}

void rig_run_until_true(struct rig *rig, bool (*condition)(const void *user), const void *user)
{
    int64_t deadline_us = clock_monotonic_us() + DEADLINE_US;
    while (!condition(user)) {
        assert_true(clock_monotonic_us() < deadline_us);
        loop_run_once(rig->loop, 100000);
    }
}

static bool is_true(const void *user)
{
    return *(const bool *)user;
}

void rig_run_until(struct rig *rig, const bool *done)
{
    rig_run_until_true(rig, is_true, done);
}

void rig_fetch(struct rig *rig, struct trial *trial, const struct fetch_request *request)
{
    trial->done = false;
    assert_int_equal(fetch_start(&rig->client, &trial->fetch, request), FAIL_NONE);
    assert_false(trial->done);
    rig_run_until(rig, &trial->done);
}

void rig_get(struct rig *rig, struct trial *trial, const char *url)
{
    struct fetch_request request = {.url = span_from_string(url),
                                    .kind = METRIC_KIND_MEDIA_PLAYLIST,
                                    .sink = FETCH_COLLECT};
    rig_fetch(rig, trial, &request);
}
