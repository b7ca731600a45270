#include "rate_options/source.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t monotonic_ns(void *context)
{
    (void)context;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t source_now_us(void *context)
{
    return rate_source_now_ns(context) / 1000;
}

static void die_unless(bool good)
{
    if (!good) {
        fprintf(stderr, "rate_options: out of memory\n");
        exit(EXIT_FAILURE);
    }
}

static void make_lanes(struct rate_source *source, int64_t period_us)
{
    static const struct shoal_counter_def counters[RATE_COUNTERS] = {
        [RATE_SEGMENTS] = {"segments", "1", "Segments", NULL, NULL, 0},
        [RATE_PLAYLISTS] = {"playlists", "1", "Playlists", NULL, NULL, 0},
        [RATE_HTTP_REQUESTS] = {"http_requests", "1", "Requests", NULL, NULL, 0},
        [RATE_TCP_CONNECTS] = {"tcp_connects", "1", "Connections", NULL, NULL, 0},
    };
    const struct shoal_schema_def def = {.counters = counters, .counter_count = RATE_COUNTERS};
    die_unless(shoal_schema_new(&def, &source->schema) == 0);
    const struct shoal_sampler_options options = {
        .schema = source->schema,
        .lanes = source->writers,
        .clock = {source_now_us, source},
        .period_us = period_us,
    };
    die_unless(shoal_sampler_new(&options, &source->sampler) == 0);
}

void rate_source_init(struct rate_source *source, const struct rate_source_options *options)
{
    *source = (struct rate_source){
        .per_lane = options->per_lane,
        .clients = options->clients,
        .writers = options->writers,
        .clock_ns = options->clock_ns != NULL ? options->clock_ns : monotonic_ns,
        .clock_context = options->clock_context,
    };
    if (source->per_lane) {
        make_lanes(source, options->period_us);
        return;
    }
    uint32_t clients = source->clients;
    source->client =
        aligned_alloc(alignof(struct rate_client), clients * sizeof(struct rate_client));
    die_unless(source->client != NULL);
    for (uint32_t i = 0; i < clients; i++) {
        for (int k = 0; k < RATE_COUNTERS; k++) {
            atomic_init(&source->client[i].count[k], 0);
        }
    }
}

void rate_source_fini(struct rate_source *source)
{
    shoal_sampler_free(source->sampler);
    shoal_schema_free(source->schema);
    free(source->client);
}

uint64_t rate_snapshot_check(const struct rate_snapshot *snapshot)
{
    uint64_t hash = snapshot->id * 0x9e3779b97f4a7c15ull + (uint64_t)snapshot->time_ns;
    for (int k = 0; k < RATE_COUNTERS; k++) {
        hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9ull + snapshot->count[k];
    }
    return hash;
}

static void sum_clients(const struct rate_source *source, uint64_t *count)
{
    for (uint32_t i = 0; i < source->clients; i++) {
        for (int k = 0; k < RATE_COUNTERS; k++) {
            count[k] += atomic_load_explicit(&source->client[i].count[k], memory_order_relaxed);
        }
    }
}

static void sum_lanes(const struct rate_source *source, uint64_t *count)
{
    for (uint32_t i = 0; i < source->writers; i++) {
        const struct shoal_lane *lane = shoal_sampler_lane(source->sampler, i);
        for (uint32_t k = 0; k < RATE_COUNTERS; k++) {
            count[k] += shoal_lane_get(lane, k);
        }
    }
}

void rate_source_take(const struct rate_source *source, uint64_t id, struct rate_snapshot *out)
{
    *out = (struct rate_snapshot){.id = id};
    if (source->per_lane) {
        sum_lanes(source, out->count);
    } else {
        sum_clients(source, out->count);
    }
    out->time_ns = rate_source_now_ns(source);
    out->check = rate_snapshot_check(out);
}

struct shoal_lane *rate_source_lane(struct rate_source *source, uint32_t writer)
{
    return shoal_sampler_lane(source->sampler, writer);
}

static void client_add(struct rate_client *client, enum rate_counter counter)
{
    /* Relaxed: each client has one writer, and totals of live counters promise no order. */
    uint64_t old = atomic_load_explicit(&client->count[counter], memory_order_relaxed);
    atomic_store_explicit(&client->count[counter], old + 1, memory_order_relaxed);
}

void rate_source_write(struct rate_source *source, uint32_t writer, uint64_t event)
{
    enum rate_counter kind = event % 3 == 0 ? RATE_PLAYLISTS : RATE_SEGMENTS;
    if (source->per_lane) {
        struct shoal_lane *lane = rate_source_lane(source, writer);
        shoal_lane_add(lane, kind, 1);
        shoal_lane_add(lane, RATE_HTTP_REQUESTS, 1);
        return;
    }
    uint32_t own = source->clients / source->writers;
    uint32_t index = writer + source->writers * (uint32_t)(event * 7919 % own);
    client_add(&source->client[index], kind);
    client_add(&source->client[index], RATE_HTTP_REQUESTS);
}
