/* A run without a network, to look at the views: invented figures move as a swarm's would.
 *
 *     fake_run [--seconds N] [--viewers N] [--ramp N] [--trouble] [--saturated] [--workers N]
 *              [--dashboard | --quiet] [--listen PORT] [--token TEXT] [--out FILE] [--csv FILE]
 *              [--junit FILE] [--threshold TEXT]
 *
 * --trouble and --saturated begin after a third of the run. */
#include "base/clock.h"
#include "base/units.h"
#include "feeder.h"
#include "shoal/sampler.h"
#include "stats/metrics.h"
#include "view/control.h"
#include "view/failure_sample.h"
#include "view/report.h"
#include "view/run_info.h"
#include "view/view.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { WORKERS_MAX = 16, STEP_US = 20000 };

struct fake {
    int64_t seconds;
    double ramp_s;
    unsigned workers;
    bool trouble, saturated, colour;
    const char *out_path, *junit_path;
    struct view_options options;
    const char *threshold_texts[16];
    struct threshold thresholds[16];

    _Atomic uint32_t target; /* viewers at the plateau */
    _Atomic int stops;
    _Atomic int phase;
    int64_t start_us;
    struct feeder feeders[WORKERS_MAX];
};

static enum run_phase fake_phase(void *arg)
{
    struct fake *fake = arg;
    return (enum run_phase)atomic_load_explicit(&fake->phase, memory_order_relaxed);
}

static double wanted(const struct fake *fake)
{
    double at_s = (double)(clock_monotonic_us() - fake->start_us) / 1e6;
    double share = fake->ramp_s > 0 && at_s < fake->ramp_s ? at_s / fake->ramp_s : 1;
    return share * atomic_load_explicit(&fake->target, memory_order_relaxed);
}

static uint32_t fake_target(void *arg)
{
    return (uint32_t)wanted(arg);
}

static void fake_set_target(void *arg, uint32_t viewers)
{
    struct fake *fake = arg;
    atomic_store_explicit(&fake->target, viewers, memory_order_relaxed);
}

static void fake_stop(void *arg)
{
    struct fake *fake = arg;
    atomic_fetch_add_explicit(&fake->stops, 1, memory_order_relaxed);
}

static int parse(struct fake *fake, int argc, char **argv)
{
    static const struct option longs[] = {
        {"seconds", 1, NULL, 's'},   {"viewers", 1, NULL, 'v'},   {"ramp", 1, NULL, 'r'},
        {"trouble", 0, NULL, 't'},   {"workers", 1, NULL, 'w'},   {"saturated", 0, NULL, 'S'},
        {"dashboard", 0, NULL, 'd'}, {"quiet", 0, NULL, 'q'},     {"listen", 1, NULL, 'l'},
        {"token", 1, NULL, 'T'},     {"out", 1, NULL, 'o'},       {"csv", 1, NULL, 'c'},
        {"junit", 1, NULL, 'j'},     {"threshold", 1, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (option) {
        case 's':
            fake->seconds = atoi(optarg);
            break;
        case 'v':
            atomic_store_explicit(&fake->target, (uint32_t)atoi(optarg), memory_order_relaxed);
            break;
        case 'r':
            fake->ramp_s = atof(optarg);
            break;
        case 't':
            fake->trouble = true;
            break;
        case 'w':
            fake->workers = (unsigned)atoi(optarg);
            break;
        case 'S':
            fake->saturated = true;
            break;
        case 'd':
            fake->options.terminal = VIEW_TERMINAL_DASHBOARD;
            break;
        case 'q':
            fake->options.terminal = VIEW_TERMINAL_NONE;
            break;
        case 'l':
            fake->options.listen = true;
            fake->options.listen_port = (uint16_t)atoi(optarg);
            break;
        case 'T':
            fake->options.listen_token = optarg;
            break;
        case 'o':
            fake->out_path = optarg;
            break;
        case 'c':
            fake->options.csv_path = optarg;
            break;
        case 'j':
            fake->junit_path = optarg;
            break;
        case 'h':
            if (fake->options.threshold_count == 16) {
                return -1;
            }
            fake->threshold_texts[fake->options.threshold_count++] = optarg;
            break;
        default:
            return -1;
        }
    }
    return fake->workers >= 1 && fake->workers <= WORKERS_MAX ? 0 : -1;
}

static void invent_failures(struct fake *fake, struct failure_queue *queue, int64_t now_us)
{
    static const enum fail fails[] = {FAIL_STATUS_5XX, FAIL_STATUS_4XX, FAIL_CONNECT_REFUSED};
    struct feeder *feeder = &fake->feeders[0];
    if (!feeder->trouble || !failure_queue_wants(queue, 0, now_us)) {
        return;
    }
    uint64_t draw = rng_below(&feeder->rng, 3);
    struct failure_sample sample = {
        .at_us = now_us,
        .viewer = (uint32_t)rng_below(&feeder->rng, 1000),
        .fail = fails[draw],
        .status = draw == 0   ? 503
                  : draw == 1 ? 404
                              : 0,
        .age_s = draw == 2 ? -1 : 4,
        .address = "192.0.2.7:443",
        .cache = "MISS",
    };
    failure_sample_set_url(&sample, SPAN("https://cdn.example.net/live/720p/seg-004711.ts"));
    failure_queue_push(queue, 0, &sample);
}

static void play(struct fake *fake, struct shoal_sampler *sampler, struct failure_queue *queue)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec every = {{0, STEP_US * 1000L}, {0, STEP_US * 1000L}};
    timerfd_settime(timer, 0, &every, NULL);
    int64_t end_us = fake->start_us + fake->seconds * 1000000;
    int64_t last_us = fake->start_us, now_us;
    uint64_t ticks;
    while ((now_us = clock_monotonic_us()) < end_us &&
           atomic_load_explicit(&fake->stops, memory_order_relaxed) == 0) {
        bool late = now_us - fake->start_us > fake->seconds * 333333;
        for (unsigned i = 0; i < fake->workers; i++) {
            struct feeder *feeder = &fake->feeders[i];
            feeder->trouble = fake->trouble && late;
            feeder->saturated = fake->saturated && late;
            feeder_step(feeder, wanted(fake) / fake->workers, now_us - last_us);
            if (shoal_lane_due(feeder->lane, now_us)) {
                shoal_lane_cut(feeder->lane, now_us);
            }
        }
        invent_failures(fake, queue, now_us);
        last_us = now_us;
        if (read(timer, &ticks, sizeof(ticks)) < 0) {
            break;
        }
    }
    close(timer);
    atomic_store_explicit(&fake->phase, RUN_PHASE_ENDING, memory_order_relaxed);
    for (unsigned i = 0; i < fake->workers; i++) {
        feeder_step(&fake->feeders[i], 0, 1000);
        shoal_lane_close(shoal_sampler_lane(sampler, i), clock_monotonic_us());
    }
    atomic_store_explicit(&fake->phase, RUN_PHASE_OVER, memory_order_relaxed);
}

static void print_err(const struct err *err)
{
    char text[1024];
    err_format(err, text, sizeof(text));
    fprintf(stderr, "fake_run: %s\n", text);
}

static int write_reports(struct fake *fake, const struct run_info *info, struct views *views)
{
    struct report report;
    struct buf text;
    struct err err = {0};
    bool stopped = atomic_load_explicit(&fake->stops, memory_order_relaxed) > 0;
    if (report_make(&report, info, views_record(views), fake->thresholds,
                    fake->options.threshold_count, stopped) < 0) {
        return 2;
    }
    buf_init(&text, 64 << 20);
    report_write_text(&report, isatty(STDOUT_FILENO), &text);
    report_save(&text, "-", &err);
    if (fake->out_path != NULL) {
        text.len = 0;
        report_write_json(&report, &text);
        if (report_save(&text, fake->out_path, &err) < 0) {
            print_err(&err);
        }
    }
    int status = report.status;
    report_fini(&report);
    buf_release(&text);
    return status;
}

static const struct run_variant variants[] = {
    {"1080p 5.0 Mbit/s", "avc1.640028,mp4a.40.2", 5000000, 1920, 1080},
    {"720p 2.8 Mbit/s", "avc1.64001f,mp4a.40.2", 2800000, 1280, 720},
    {"360p 0.8 Mbit/s", "avc1.4d401e,mp4a.40.2", 800000, 640, 360},
};

static int take_thresholds(struct fake *fake, const struct shoal_schema *schema)
{
    struct err err = {0};
    for (unsigned i = 0; i < fake->options.threshold_count; i++) {
        if (threshold_parse(schema, span_from_string(fake->threshold_texts[i]),
                            &fake->thresholds[i], &err) < 0) {
            print_err(&err);
            return -1;
        }
    }
    fake->options.thresholds = fake->thresholds;
    return 0;
}

static int run(struct fake *fake, struct shoal_schema *schema)
{
    struct shoal_sampler *sampler;
    struct shoal_sampler_options options = {.schema = schema, .lanes = fake->workers};
    struct err err = {0};
    if (take_thresholds(fake, schema) != 0 || shoal_sampler_new(&options, &sampler) < 0) {
        return 2;
    }
    fake->start_us = clock_monotonic_us();
    uint32_t peak = atomic_load_explicit(&fake->target, memory_order_relaxed);
    struct run_stage stage = {(int64_t)(fake->ramp_s * 1e6), peak};
    struct run_info info = {
        .version = SHOAL_VERSION,
        .command = "fake_run",
        .host = "localhost",
        .url = "https://cdn.example.net/live/master.m3u8",
        .engine = "native",
        .player = "hlsjs",
        .variant = "random",
        .stream_kind = "live",
        .id = "fake",
        .start_us = fake->start_us,
        .start_wall_us = clock_wall_us(),
        .duration_us = fake->seconds * 1000000,
        .stages = &stage,
        .stage_count = 1,
        .viewers_peak = peak,
        .viewers_limit = 2 * peak,
        .variants = variants,
        .variant_count = 3,
        .workers = fake->workers,
        .descriptor_limit = 1048576,
        .bytes_per_viewer = 3328,
    };
    struct run_control control = {fake, fake_phase, fake_target, fake_set_target, fake_stop};
    struct failure_queue *queue = failure_queue_new(fake->workers, 64, 2);
    struct view_setup setup = {&info, &control, sampler, queue};
    for (unsigned i = 0; i < fake->workers; i++) {
        struct shoal_lane *lane = shoal_sampler_lane(sampler, i);
        shoal_lane_open(lane, clock_monotonic_us());
        fake->feeders[i] = (struct feeder){.lane = lane, .worker = i, .rng = rng_make(1, i)};
    }
    int status = 2;
    shoal_sampler_start(sampler);
    struct views *views = views_start(&setup, &fake->options, &err);
    if (views == NULL) {
        print_err(&err);
    } else {
        if (views_url(views) != NULL) {
            fprintf(stderr, "listening on %s\n", views_url(views));
        }
        if (views_show(views, &err) != 0) {
            print_err(&err);
        }
        atomic_store_explicit(&fake->phase, RUN_PHASE_RUNNING, memory_order_relaxed);
        play(fake, sampler, queue);
        shoal_sampler_stop(sampler);
        views_settle(views);
        status = write_reports(fake, &info, views);
        views_free(views);
    }
    shoal_sampler_free(sampler);
    failure_queue_free(queue);
    return status;
}

int main(int argc, char **argv)
{
    static struct fake fake = {
        .seconds = 10,
        .workers = 2,
        .ramp_s = 4,
        .options = {.terminal = VIEW_TERMINAL_PROGRESS, .listen_address = "127.0.0.1"},
    };
    atomic_store_explicit(&fake.target, 1000, memory_order_relaxed);
    static const char *const names[] = {"1080p", "720p", "360p"};
    struct shoal_schema *schema;
    if (parse(&fake, argc, argv) < 0 ||
        metrics_schema_new(names, 3, NULL, 0, NULL, &schema) < 0) {
        return 2;
    }
    int status = run(&fake, schema);
    shoal_schema_free(schema);
    return status;
}
