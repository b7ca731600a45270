#include "load.h"

#include "base/clock.h"
#include "loop/loop.h"
#include "net/client.h"
#include "net/fetch.h"
#include "shoal/sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct swarm;

struct swarm_client {
    struct net_client client;
    struct fetch fetch;
    struct swarm *swarm;
};

struct swarm {
    const struct load_options *options;
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    struct loop *loop;
    struct net_worker *worker;
    struct swarm_client *clients;
    struct loop_timer end;
    char url[512];
    uint64_t requests, bytes, failures;
};

static enum fail check_nothing(struct fetch *fetch, struct span first_bytes)
{
    (void)fetch;
    return first_bytes.len > 0 ? FAIL_NONE : FAIL_NOT_MEDIA;
}

static void start(struct swarm_client *c)
{
    struct fetch_request request = {
        .url = span_from_string(c->swarm->url),
        .kind = c->swarm->options->drain ? METRIC_KIND_SEGMENT : METRIC_KIND_MEDIA_PLAYLIST,
        .sink = c->swarm->options->drain ? FETCH_DRAIN : FETCH_COLLECT,
        .check = c->swarm->options->drain ? check_nothing : NULL,
    };
    if (fetch_start(&c->client, &c->fetch, &request) != FAIL_NONE) {
        c->swarm->failures++;
    }
}

static void on_done(struct fetch *fetch, const struct fetch_result *result)
{
    struct swarm_client *c = list_entry(fetch, struct swarm_client, fetch);
    c->swarm->requests++;
    c->swarm->bytes += result->body_bytes;
    c->swarm->failures += result->fail != FAIL_NONE;
    start(c);
}

static void on_end(struct loop_timer *timer)
{
    loop_stop(list_entry(timer, struct swarm, end)->loop);
}

static void run_for(struct swarm *swarm, int64_t us)
{
    loop_timer_start(swarm->loop, &swarm->end, clock_monotonic_us() + us);
    loop_run(swarm->loop);
}

static void measure(struct swarm *swarm, struct load_result *out)
{
    const struct load_options *options = swarm->options;
    for (uint32_t i = 0; i < options->connections; i++) {
        struct swarm_client *c = &swarm->clients[i];
        c->swarm = swarm;
        fetch_init(&c->fetch, on_done);
        struct net_client_options client_options = {.connections = 1};
        net_client_open(&c->client, swarm->worker, &client_options);
        start(c);
        if (i % 64 == 0) {
            loop_run_once(swarm->loop, 0);
        }
    }
    run_for(swarm, options->warm_up_us);
    uint64_t requests = swarm->requests;
    uint64_t bytes = swarm->bytes;
    int64_t cpu_us = clock_read_us(CLOCK_PROCESS_CPUTIME_ID);
    int64_t start_us = clock_monotonic_us();
    run_for(swarm, options->measure_us);
    *out = (struct load_result){
        .requests = swarm->requests - requests,
        .body_bytes = swarm->bytes - bytes,
        .failures = swarm->failures,
        .wall_us = clock_monotonic_us() - start_us,
        .cpu_us = clock_read_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us,
    };
    for (uint32_t i = 0; i < options->connections; i++) {
        net_client_close(&swarm->clients[i].client);
    }
}

/* The parts of a swarm, made in this order. */
static int swarm_open(struct swarm *swarm)
{
    const struct load_options *options = swarm->options;
    if (metrics_schema_new(NULL, 0, NULL, 0, NULL, &swarm->schema) != 0) {
        return -1;
    }
    struct shoal_sampler_options sampler_options = {.schema = swarm->schema, .lanes = 1};
    swarm->loop = loop_new();
    swarm->clients = calloc(options->connections, sizeof(*swarm->clients));
    if (swarm->loop == NULL || swarm->clients == NULL ||
        shoal_sampler_new(&sampler_options, &swarm->sampler) != 0) {
        return -1;
    }
    struct shoal_lane *lane = shoal_sampler_lane(swarm->sampler, 0);
    shoal_lane_open(lane, clock_monotonic_us());
    struct net_options net_options = {.clients_limit = options->connections, .insecure = true};
    swarm->worker = net_worker_open(swarm->loop, lane, &net_options, 0, NULL);
    return swarm->worker == NULL ? -1 : 0;
}

static void swarm_close(struct swarm *swarm)
{
    net_worker_close(swarm->worker);
    shoal_sampler_free(swarm->sampler);
    shoal_schema_free(swarm->schema);
    loop_free(swarm->loop);
    free(swarm->clients);
}

int load_shoal(const struct load_options *options, struct load_result *out)
{
    struct swarm swarm = {.options = options};
    int result = swarm_open(&swarm);
    if (result == 0) {
        char host[NET_ADDRESS_TEXT];
        net_address_format(&options->address, host);
        snprintf(swarm.url, sizeof(swarm.url), "%s://%s%s", options->tls ? "https" : "http",
                 host, options->path);
        loop_timer_init(&swarm.end, on_end);
        measure(&swarm, out);
    } else {
        fprintf(stderr, "out of memory\n");
    }
    swarm_close(&swarm);
    return result;
}
