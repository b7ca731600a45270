/* What the options turn into rates: totals of four counters, written by writer threads while
 * any number of callers read. The counters lie in one of two ways:
 *
 *     per client   each client has counters of its own and a total is a walk over all of them,
 *                  as in the program of the founding document
 *     per lane     each writer thread has a lane of libshoal-stats
 *
 * An event is one segment or one playlist, and one HTTP request with it, so that
 * http_requests = segments + playlists after every event. Totals that break this were read
 * at different moments. */
#ifndef BENCH_RATE_OPTIONS_SOURCE_H
#define BENCH_RATE_OPTIONS_SOURCE_H

#include "shoal/stats.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

enum rate_counter {
    RATE_SEGMENTS,
    RATE_PLAYLISTS,
    RATE_HTTP_REQUESTS,
    RATE_TCP_CONNECTS,
    RATE_COUNTERS,
};

struct rate_client {
    alignas(64) _Atomic uint64_t count[RATE_COUNTERS];
};

struct rate_source {
    bool per_lane;
    uint32_t clients;
    uint32_t writers;            /* each writes every writers-th client, or its own lane */
    struct rate_client *client;  /* owned; per client only */
    struct shoal_schema *schema; /* owned, like the sampler; per lane only */
    struct shoal_sampler *sampler;
    int64_t (*clock_ns)(void *context);
    void *clock_context;
};

/* Totals at one moment, as an option keeps them for its next call. */
struct rate_snapshot {
    uint64_t id;     /* caller and number of its call; 0 for the first baseline */
    int64_t time_ns; /* read after the totals */
    uint64_t count[RATE_COUNTERS];
    uint64_t check; /* a hash of the above: tells fields of different snapshots */
};

struct rate_source_options {
    bool per_lane;
    uint32_t clients, writers;
    int64_t period_us;                  /* of cuts and samples; 0: 100 ms */
    int64_t (*clock_ns)(void *context); /* NULL: the machine's monotonic clock */
    void *clock_context;
};

/* Makes a source. Exits when memory is spent. */
void rate_source_init(struct rate_source *source, const struct rate_source_options *options);
void rate_source_fini(struct rate_source *source);

static inline int64_t rate_source_now_ns(const struct rate_source *source)
{
    return source->clock_ns(source->clock_context);
}

/* The hash of a snapshot's other fields. */
uint64_t rate_snapshot_check(const struct rate_snapshot *snapshot);

/* Sums all counters while they are being written, then reads the clock. */
void rate_source_take(const struct rate_source *source, uint64_t id, struct rate_snapshot *out);

/* Writer number `writer` counts its event number `event`. */
void rate_source_write(struct rate_source *source, uint32_t writer, uint64_t event);

/* The lane of a writer; per lane only. */
struct shoal_lane *rate_source_lane(struct rate_source *source, uint32_t writer);

#endif
