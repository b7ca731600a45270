#include "feeder.h"

#include "stats/metrics.h"

enum {
    SEGMENT_BYTES = 500000, /* 2 s at 2 Mbit/s */
    PLAYLIST_BYTES = 620,
};

/* A time between low and about five times that, most near the low end. */
static int64_t invent_us(struct rng *rng, int64_t low_us)
{
    double u = rng_unit(rng);
    return low_us + (int64_t)((double)low_us * 4 * u * u * u * u);
}

static void count_request(struct feeder *feeder, enum metric_kind kind, unsigned status)
{
    metrics_add_at(feeder->lane, METRIC_HTTP_REQUESTS, kind, 1);
    metrics_add_response(feeder->lane, status);
}

static void count_playlist(struct feeder *feeder)
{
    count_request(feeder, METRIC_KIND_MEDIA_PLAYLIST, 200);
    metrics_add(feeder->lane, METRIC_PLAYLISTS, 1);
    if (rng_below(&feeder->rng, 8) == 0) {
        metrics_add(feeder->lane, METRIC_PLAYLISTS_UNCHANGED, 1);
    }
    metrics_add(feeder->lane, METRIC_PLAYLIST_BYTES, PLAYLIST_BYTES);
    metrics_add(feeder->lane, METRIC_BODY_BYTES, PLAYLIST_BYTES);
    metrics_record(feeder->lane, METRIC_PLAYLIST_FIRST_BYTE, invent_us(&feeder->rng, 900));
}

static void count_segment(struct feeder *feeder)
{
    struct shoal_lane *lane = feeder->lane;
    if (feeder->trouble && rng_below(&feeder->rng, 40) == 0) {
        bool missing = rng_below(&feeder->rng, 3) == 0;
        count_request(feeder, METRIC_KIND_SEGMENT, missing ? 404 : 503);
        metrics_add_failure(lane, missing ? FAIL_STATUS_4XX : FAIL_STATUS_5XX);
        metrics_add(lane, METRIC_RETRIES, 1);
        return;
    }
    uint32_t variant = (uint32_t)rng_below(&feeder->rng, 3);
    count_request(feeder, METRIC_KIND_SEGMENT, 200);
    metrics_add_at(lane, METRIC_SEGMENTS, variant, 1);
    metrics_add_at(lane, METRIC_SEGMENT_BYTES, variant, SEGMENT_BYTES);
    metrics_add(lane, METRIC_BODY_BYTES, SEGMENT_BYTES);
    metrics_record(lane, METRIC_SEGMENT_FIRST_BYTE, invent_us(&feeder->rng, 2500));
    metrics_record(lane, METRIC_SEGMENT_DOWNLOAD,
                   invent_us(&feeder->rng, feeder->trouble ? 240000 : 42000));
    metrics_record(lane, METRIC_DEADLINE_SLACK, 4000000 - invent_us(&feeder->rng, 400000));
    metrics_record(lane, METRIC_EDGE_LATENCY, 6000000 + invent_us(&feeder->rng, 300000));
    metrics_add(lane, METRIC_MEDIA_PLAYED, 2000000);
}

static void start_viewer(struct feeder *feeder)
{
    struct shoal_lane *lane = feeder->lane;
    feeder->active += 1;
    metrics_add(lane, METRIC_SESSIONS_STARTED, 1);
    metrics_add(lane, METRIC_SESSIONS_PLAYED, 1);
    metrics_add(lane, METRIC_TCP_CONNECTS, 1);
    metrics_add(lane, METRIC_DESCRIPTORS_OPENED, 1);
    metrics_record(lane, METRIC_TCP_CONNECT, invent_us(&feeder->rng, 300));
    metrics_record(lane, METRIC_STARTUP, invent_us(&feeder->rng, 120000));
    count_request(feeder, METRIC_KIND_MULTIVARIANT, 200);
    metrics_add(lane, METRIC_PLAYLISTS, 1);
    metrics_add(lane, METRIC_PLAYLIST_BYTES, PLAYLIST_BYTES);
    metrics_add(lane, METRIC_BODY_BYTES, PLAYLIST_BYTES);
}

static void end_viewer(struct feeder *feeder)
{
    feeder->active -= 1;
    metrics_add(feeder->lane, METRIC_SESSIONS_ENDED, 1);
    metrics_add(feeder->lane, METRIC_CONNECTIONS_CLOSED, 1);
    metrics_add(feeder->lane, METRIC_DESCRIPTORS_CLOSED, 1);
}

static void step_stalls(struct feeder *feeder, int64_t step_us)
{
    struct shoal_lane *lane = feeder->lane;
    if (feeder->trouble && feeder->stalled < feeder->active / 20) {
        feeder->stalled += 1;
        metrics_add(lane, METRIC_STALLS, 1);
        metrics_add(lane, METRIC_DEADLINE_MISSED, 1);
    } else if (feeder->stalled >= 1 && rng_below(&feeder->rng, 3) == 0) {
        feeder->stalled -= 1;
        metrics_add(lane, METRIC_STALLS_OVER, 1);
        metrics_add(lane, METRIC_STALLS_LONG, 1);
        metrics_record(lane, METRIC_STALL, invent_us(&feeder->rng, 350000));
    }
    metrics_add(lane, METRIC_STALL_TIME, (uint64_t)(feeder->stalled * (double)step_us));
    metrics_add(lane, METRIC_WATCHED_TIME, (uint64_t)(feeder->active * (double)step_us));
}

static void step_generator(struct feeder *feeder, int64_t step_us)
{
    struct shoal_lane *lane = feeder->lane;
    double share = feeder->saturated ? 0.99 : 0.08 + feeder->active * 0.00004;
    metrics_add_at(lane, METRIC_WORKER_CPU, feeder->worker,
                   (uint64_t)(share * (double)step_us));
    for (int i = 0; i < 20; i++) {
        metrics_add(lane, METRIC_TIMERS_FIRED, 1);
        metrics_record(lane, METRIC_TIMER_DELAY,
                       invent_us(&feeder->rng, feeder->saturated ? 30000 : 80));
    }
}

void feeder_step(struct feeder *feeder, double viewers, int64_t step_us)
{
    double per_step = (double)step_us / 2000000; /* a segment and a reload every 2 s */
    feeder->viewers = viewers;
    metrics_set_target(feeder->lane, (uint64_t)viewers);
    while (feeder->active + 1 <= viewers) {
        start_viewer(feeder);
    }
    while (feeder->active > viewers) {
        end_viewer(feeder);
    }
    for (feeder->owed_playlists += feeder->active * per_step; feeder->owed_playlists >= 1;
         feeder->owed_playlists -= 1) {
        count_playlist(feeder);
    }
    for (feeder->owed_segments += feeder->active * per_step; feeder->owed_segments >= 1;
         feeder->owed_segments -= 1) {
        count_segment(feeder);
    }
    step_stalls(feeder, step_us);
    step_generator(feeder, step_us);
}
