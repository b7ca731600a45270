#include "fixture.h"

#include "base/buf.h"
#include "stats/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEP_US = 20000, START_US = 1000000000 };

static const char *const names[] = {"0", "1", "2"};

static const struct run_variant variants[] = {
    {"1080p 5.0 Mbit/s", "avc1.640028,mp4a.40.2", 5000000, 1920, 1080},
    {"720p 2.8 Mbit/s", "avc1.64001f,mp4a.40.2", 2800000, 1280, 720},
    {"360p 0.8 Mbit/s", "avc1.4d401e,mp4a.40.2", 800000, 640, 360},
};

static const struct run_stage stages[] = {{10000000, 1000}, {20000000, 1000}};

static int64_t fixture_now(void *context)
{
    return ((struct fixture *)context)->now_us;
}

static enum run_phase fixture_phase(void *arg)
{
    return ((struct fixture *)arg)->phase;
}

static uint32_t fixture_target(void *arg)
{
    return ((struct fixture *)arg)->target;
}

static void fixture_set_target(void *arg, uint32_t viewers)
{
    ((struct fixture *)arg)->asked_target = viewers;
}

static void fixture_stop(void *arg)
{
    ((struct fixture *)arg)->stops++;
}

static void parse_thresholds(struct fixture *fixture)
{
    bool absent = fixture->schema->def.histograms[METRIC_SEGMENT_DOWNLOAD].absent;
    const char *const texts[FIXTURE_THRESHOLDS] = {
        absent ? "p99(startup)<800ms" : "p99(segment_download)<800ms", "rebuffer_ratio<0.5%",
        "rate(http_errors)<10/s", "count(connect_refused)==0"};
    for (int i = 0; i < FIXTURE_THRESHOLDS; i++) {
        assert_int_equal(threshold_parse(fixture->schema, span_from_string(texts[i]),
                                         &fixture->thresholds[i], NULL),
                         0);
    }
}

static void fill_info(struct fixture *fixture)
{
    fixture->info = (struct run_info){
        .version = "0.0.0",
        .command = "shoal run --viewers 1000 https://cdn.example.net/live/master.m3u8",
        .host = "here",
        .url = "https://cdn.example.net/live/master.m3u8",
        .engine = "native",
        .player = "hlsjs",
        .variant = "random",
        .stream_kind = "live",
        .id = "20260301T123456-1f2e",
        .start_us = START_US,
        .start_wall_us = 1772368496000000,
        .duration_us = 30000000,
        .seed = 7,
        .stages = stages,
        .stage_count = 2,
        .viewers_peak = 1000,
        .viewers_limit = 2000,
        .variants = variants,
        .variant_count = 3,
        .workers = FIXTURE_WORKERS,
        .descriptor_limit = 65536,
        .bytes_per_viewer = 3328,
    };
}

void fixture_init(struct fixture *fixture)
{
    fixture_init_absent(fixture, NULL);
}

void fixture_init_absent(struct fixture *fixture, const struct metrics_absent *absent)
{
    *fixture = (struct fixture){.now_us = START_US, .phase = RUN_PHASE_RUNNING};
    assert_int_equal(metrics_schema_new(names, 3, NULL, 0, absent, &fixture->schema), 0);
    struct shoal_sampler_options options = {
        .schema = fixture->schema,
        .lanes = FIXTURE_WORKERS,
        .clock = {fixture_now, fixture},
    };
    assert_int_equal(shoal_sampler_new(&options, &fixture->sampler), 0);
    for (uint32_t i = 0; i < FIXTURE_WORKERS; i++) {
        struct shoal_lane *lane = shoal_sampler_lane(fixture->sampler, i);
        shoal_lane_open(lane, fixture->now_us);
        fixture->feeders[i] = (struct feeder){.lane = lane, .worker = i, .rng = rng_make(7, i)};
    }
    parse_thresholds(fixture);
    fill_info(fixture);
    fixture->control = (struct run_control){fixture, fixture_phase, fixture_target,
                                            fixture_set_target, fixture_stop};
    fixture->setup =
        (struct view_setup){&fixture->info, &fixture->control, fixture->sampler, NULL};
    struct recorder_options recorder = {
        .sampler = fixture->sampler,
        .start_us = START_US,
        .thresholds = fixture->thresholds,
        .threshold_count = FIXTURE_THRESHOLDS,
        .workers = FIXTURE_WORKERS,
    };
    fixture->recorder = recorder_new(&recorder);
    assert_non_null(fixture->recorder);
    recorder_poll(fixture->recorder, &(struct own_cost){0}, NULL);
}

/* A process that uses a fifth of a core and grows to 12 MB. */
static void poll_recorder(struct fixture *fixture)
{
    struct own_cost cost = {.cpu_us = (fixture->now_us - START_US) / 5,
                            .rss_bytes = 12000000,
                            .max_rss_bytes = 12500000};
    recorder_poll(fixture->recorder, &cost, NULL);
}

void fixture_play(struct fixture *fixture, int64_t length_us, double viewers, bool trouble)
{
    double before = fixture->target;
    for (int64_t at_us = STEP_US; at_us <= length_us; at_us += STEP_US) {
        fixture->now_us += STEP_US;
        double wanted = before + (viewers - before) * (double)at_us / (double)length_us;
        fixture->target = (uint32_t)(wanted + 0.5);
        for (int i = 0; i < FIXTURE_WORKERS; i++) {
            struct feeder *feeder = &fixture->feeders[i];
            feeder->trouble = trouble;
            feeder_step(feeder, wanted / FIXTURE_WORKERS, STEP_US);
            if (shoal_lane_due(feeder->lane, fixture->now_us)) {
                shoal_lane_cut(feeder->lane, fixture->now_us);
            }
        }
        if (at_us % 100000 == 40000) {
            shoal_sampler_tick(fixture->sampler, fixture->now_us);
            poll_recorder(fixture);
        }
    }
}

void fixture_finish(struct fixture *fixture)
{
    for (int i = 0; i < FIXTURE_WORKERS; i++) {
        feeder_step(&fixture->feeders[i], 0, STEP_US);
        shoal_lane_close(fixture->feeders[i].lane, fixture->now_us);
    }
    shoal_sampler_finish(fixture->sampler, fixture->now_us);
    poll_recorder(fixture);
    fixture->phase = RUN_PHASE_OVER;
}

static void add_samples(struct fixture *fixture)
{
    struct failure_sample sample = {
        .at_us = START_US + 22500000,
        .viewer = 17,
        .fail = FAIL_STATUS_5XX,
        .status = 503,
        .age_s = 4,
        .address = "192.0.2.7:443",
        .cache = "MISS",
    };
    failure_sample_set_url(&sample, SPAN("https://cdn.example.net/live/720p/seg-004711.ts"));
    recorder_add_failure(fixture->recorder, &sample);
    sample.at_us += 1500000;
    sample.fail = FAIL_CONNECT_REFUSED;
    sample.status = 0;
    sample.age_s = -1;
    sample.cache[0] = '\0';
    recorder_add_failure(fixture->recorder, &sample);
    recorder_set_not_sampled(fixture->recorder, 111);
}

void fixture_play_all(struct fixture *fixture)
{
    fixture_play(fixture, 10000000, 1000, false);
    fixture_play(fixture, 10000000, 1000, false);
    fixture_play(fixture, 10000000, 1000, true);
    add_samples(fixture);
}

void fixture_fini(struct fixture *fixture)
{
    recorder_free(fixture->recorder);
    shoal_sampler_free(fixture->sampler);
    shoal_schema_free(fixture->schema);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    struct buf text;
    char block[4096];
    size_t n;
    buf_init(&text, 16 << 20);
    while ((n = fread(block, 1, sizeof(block), file)) > 0) {
        assert_int_equal(buf_append(&text, block, n), 0);
    }
    fclose(file);
    assert_int_equal(buf_append(&text, "", 1), 0);
    return text.ptr;
}

void fixture_assert_golden(const struct buf *text, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, name);
    if (getenv("SHOAL_GOLDEN_WRITE") != NULL) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        fwrite(text->ptr, 1, text->len, file);
        fclose(file);
        return;
    }
    char *expected = read_file(path);
    if (expected == NULL) {
        fail_msg("no golden file %s; SHOAL_GOLDEN_WRITE=1 makes it", path);
        return;
    }
    if (strlen(expected) != text->len || memcmp(expected, text->ptr, text->len) != 0) {
        print_error("%.*s", (int)text->len, text->ptr);
        free(expected);
        fail_msg("differs from %s", path);
        return;
    }
    free(expected);
}
