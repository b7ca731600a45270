#include "app/run.h"

#include "app/preflight.h"
#include "app/print_error.h"
#include "app/run_describe.h"
#include "app/run_ffmpeg.h"
#include "app/run_memory.h"
#include "app/run_options.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/url.h"
#include "engine/native/native.h"
#include "run/run.h"
#include "shoal/sampler.h"
#include "stats/metrics.h"
#include "view/control.h"
#include "view/failure_sample.h"
#include "view/report.h"
#include "view/report_files.h"
#include "view/view.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A fetch in flight at the end of a run may take this long (the grace of every run). */
#define GRACE_US INT64_C(10000000)

/* From the moment the workers are ready to time 0 of the plan: the observers start in it. */
#define LEAD_US 200000

/* Descriptors of the process besides connections: epoll, wake-ups, DNS, files, observers. */
#define DESCRIPTORS_BESIDES 128

struct app_run {
    bool is_demo;
    struct run_options options;
    struct preflight_stream stream;
    struct preflight_machine machine;
    struct run_memory memory; /* of one viewer */
    struct native_options native;
    struct run_ffmpeg ffmpeg; /* used with --engine ffmpeg */
    struct run_describe describe;
    struct plan plan;
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    struct run *run;
    struct run_control control;
    struct threshold thresholds[THRESHOLDS_MAX];
    struct views *views;
    struct engine_witness witness;
    struct failure_queue *failures; /* NULL when there was no memory: none is kept */
};

/* Failures kept in full: so many at a time, and so many a second, of each worker. */
#define FAILURE_SLOTS      256
#define FAILURE_PER_SECOND 20

/* ---- From options to what the parts take ---- */

static void fill_native(struct app_run *app)
{
    const struct run_options *options = &app->options;
    struct player_config *player = &app->native.player;
    player_config_init(player, options->profile, span_from_string(options->url));
    player->variant_rule = options->variant_rule;
    player->variant_index = options->variant_index;
    player->live_offset_us = options->live_offset_us;
    player->buffer_us = options->buffer_us;
    player->start_us = options->start_us;
    player->restart_us = options->restart_us;
    app->native.viewer_rate_bps = options->viewer_rate_bps;
    app->native.viewers_told = options->viewers_told;
    app->native.net = (struct net_options){
        .user_agent = options->user_agent,
        .extra_headers = options->extra_headers,
        .insecure = options->insecure,
        .ca_file = options->ca_file,
        .dns_servers = options->dns_servers,
        .overrides = options->overrides,
        .override_count = options->override_count,
        .sources = options->sources,
        .source_count = options->source_count,
        .connect_timeout_us = options->connect_timeout_us,
        .total_timeout_us = options->total_timeout_us,
    };
}

/* What of the options only the stream can tell to be wrong. */
static int check_variant(const struct app_run *app, struct err *err)
{
    const struct run_options *options = &app->options;
    uint32_t count =
        app->stream.top->kind == M3U8_MULTIVARIANT ? app->stream.top->variant_count : 1;
    if (options->variant_rule == PLAYER_VARIANT_INDEX && options->variant_index >= count) {
        return err_set(err, ERR_USAGE, "--variant", "count from 0 in the playlist's order",
                       "there is no variant %u, the stream has %u", options->variant_index,
                       count);
    }
    return 0;
}

/* Source addresses are used where they are of the server's kind; where none is, they would say
 * nothing of what happens. */
static int check_sources(const struct app_run *app, struct err *err)
{
    const struct run_options *options = &app->options;
    const struct preflight_stream *stream = &app->stream;
    bool fits = options->source_count == 0 || stream->server_count == 0;
    for (uint32_t i = 0; i < options->source_count && !fits; i++) {
        for (uint32_t k = 0; k < stream->server_count; k++) {
            fits = fits || options->sources[i].family == stream->servers[k].family;
        }
    }
    return fits ? 0
                : err_set(err, ERR_USAGE, "--bind", "give addresses of the server's kind",
                          "none of them can reach the server, which has no %s address",
                          options->sources[0].family == AF_INET6 ? "IPv6" : "IPv4");
}

static bool plays_ffmpeg(const struct app_run *app)
{
    return app->options.engine == &engine_ffmpeg;
}

/* What each viewer keeps open at the least. A process's connections are its own. */
static uint32_t connections_kept(const struct app_run *app)
{
    return plays_ffmpeg(app)
               ? 1
               : player_connections_kept(app->options.profile, app->native.renditions,
                                         !m3u8_is_final(app->stream.media));
}

/* What a viewer costs, as far as the options and the stream tell. */
static struct run_memory memory_of(const struct app_run *app)
{
    if (plays_ffmpeg(app)) {
        return (struct run_memory){.process = FFMPEG_PROCESS_BYTES};
    }
    struct url url;
    bool secure = url_parse_http(app->stream.media->url, &url) == 0 && url_is_https(&url);
    uint32_t kept = connections_kept(app);
    uint32_t most = app->options.profile->connections;
    uint32_t at_once = app->native.renditions < most ? app->native.renditions : most;
    return (struct run_memory){
        .player = native_bytes_per_viewer(&app->native),
        .slot = run_bytes_per_viewer(),
        .connections = kept > at_once ? kept : at_once,
        .connection = app->stream.connection_bytes,
        .tls = secure ? RUN_MEMORY_TLS_BYTES : 0,
    };
}

static int check_machine(struct app_run *app, struct err *err)
{
    /* A process's connections are its own; what it costs here is its pipes. */
    uint64_t more = plays_ffmpeg(app) ? FFMPEG_DESCRIPTORS - 1 : 0;
    const struct preflight_needs needs = {
        .viewers = app->options.viewers_limit,
        .connections = connections_kept(app),
        .sources = app->options.source_count,
        .bytes_per_viewer = run_memory_bytes(&app->memory),
        .descriptors_besides = DESCRIPTORS_BESIDES + more * app->options.viewers_limit,
    };
    return preflight_machine(&needs, &app->machine, err);
}

static void say_needs(const struct app_run *app)
{
    const struct run_options *options = &app->options;
    struct buf text;
    buf_init(&text, 1024);
    run_memory_describe(&app->memory, &text);
    fprintf(stderr, "shoal: up to %u viewer%s, %u thread%s, seed %llu; %.*s\n",
            options->viewers_limit, options->viewers_limit == 1 ? "" : "s", options->threads,
            options->threads == 1 ? "" : "s", (unsigned long long)options->seed, (int)text.len,
            text.ptr);
    buf_release(&text);
}

/* Returns 1 when all that was asked for is done already. */
static int preflight(struct app_run *app, struct err *err)
{
    fill_native(app);
    if (preflight_stream(&app->native.net, app->options.url, &app->stream, err) != 0) {
        return -1;
    }
    app->native.renditions = player_renditions_needed(&app->native.player, app->stream.top);
    app->memory = memory_of(app);
    app->native.net.expects_tls = app->memory.tls > 0;
    app->native.net.servers = app->stream.servers;
    app->native.net.server_count = app->stream.server_count;
    if (check_variant(app, err) != 0 || check_sources(app, err) != 0 ||
        check_machine(app, err) != 0) {
        return -1;
    }
    /* A quarter each for bodies and for playlists leaves half to everything else. */
    app->native.held_limit_bytes =
        app->machine.memory_bytes == UINT64_MAX ? 0 : app->machine.memory_bytes / 4;
    if (plays_ffmpeg(app)) {
        int status = run_ffmpeg_prepare(&app->ffmpeg, &app->options, &app->stream, err);
        if (status != 0) {
            return status;
        }
    }
    say_needs(app);
    return 0;
}

/* ---- Making the parts ---- */

static int make_statistics(struct app_run *app, struct err *err)
{
    run_describe_stream(&app->describe, &app->stream);
    const struct run_describe *names = &app->describe;
    if (metrics_schema_new(names->names, names->variant_count, names->servers,
                           names->server_count, app->options.engine->absent,
                           &app->schema) != 0) {
        return err_set(err, ERR_START, "statistics", NULL, "no memory");
    }
    const struct shoal_sampler_options sampler = {
        .schema = app->schema,
        .lanes = app->options.threads,
    };
    if (shoal_sampler_new(&sampler, &app->sampler) != 0) {
        return err_set(err, ERR_START, "statistics", "use fewer --threads",
                       "no memory for %u lanes", app->options.threads);
    }
    for (unsigned i = 0; i < app->options.threshold_count; i++) {
        if (threshold_parse(app->schema, span_from_string(app->options.thresholds[i]),
                            &app->thresholds[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int make_run(struct app_run *app, struct err *err)
{
    const struct run_options *options = &app->options;
    if (plan_init(&app->plan, options->stages, options->stage_count, options->arrival,
                  options->seed, err) != 0) {
        return -1;
    }
    const struct run_setup setup = {
        .plan = &app->plan,
        .engine = options->engine,
        .engine_options = plays_ffmpeg(app) ? (const void *)&app->ffmpeg.options : &app->native,
        .witness = app->failures != NULL ? &app->witness : NULL,
        .sampler = app->sampler,
        .workers = options->threads,
        .seed = options->seed,
        .duration_us = options->duration_us,
        .session_mean_us = options->session_mean_us,
        .grace_us = GRACE_US,
        .viewers_limit = options->viewers_limit,
        .change_per_second = options->viewers_limit / 10 + 100,
        .once = options->once,
    };
    app->run = run_new(&setup, err);
    return app->run == NULL ? -1 : 0;
}

static enum run_phase control_phase(void *arg)
{
    switch (run_state(((struct app_run *)arg)->run)) {
    case RUN_STATE_STARTING:
        return RUN_PHASE_STARTING;
    case RUN_STATE_RUNNING:
        return RUN_PHASE_RUNNING;
    case RUN_STATE_ENDING:
        return RUN_PHASE_ENDING;
    case RUN_STATE_OVER:
        break;
    }
    return RUN_PHASE_OVER;
}

static uint32_t control_target(void *arg)
{
    return run_target(((struct app_run *)arg)->run);
}

static void control_set_target(void *arg, uint32_t viewers)
{
    run_set_target(((struct app_run *)arg)->run, viewers);
}

static void control_stop(void *arg)
{
    run_stop(((struct app_run *)arg)->run);
}

static enum view_terminal terminal_of(const struct run_options *options)
{
    if (options->quiet) {
        return VIEW_TERMINAL_NONE;
    }
    bool dashboard = !options->no_tui && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    return dashboard ? VIEW_TERMINAL_DASHBOARD : VIEW_TERMINAL_PROGRESS;
}

static int make_views(struct app_run *app, struct err *err)
{
    const struct run_options *options = &app->options;
    app->control = (struct run_control){
        .arg = app,
        .phase = control_phase,
        .target = control_target,
        .set_target = control_set_target,
        .stop = control_stop,
    };
    const struct view_setup setup = {
        .info = &app->describe.info,
        .control = &app->control,
        .sampler = app->sampler,
        .failures = app->failures,
    };
    const struct view_options view = {
        .terminal = terminal_of(options),
        .csv_path = options->csv_path,
        .failures_path = options->failures_path,
        .listen = options->listen,
        .listen_address = options->listen_address,
        .listen_port = options->listen_port,
        .listen_port_exact = options->listen_port_exact,
        .listen_token = options->listen_token,
        .origin_urls = options->origin_urls,
        .origin_count = options->origin_count,
        .thresholds = app->thresholds,
        .threshold_count = options->threshold_count,
    };
    app->views = views_start(&setup, &view, err);
    if (app->views == NULL) {
        return -1;
    }
    if (views_url(app->views) != NULL && view.terminal == VIEW_TERMINAL_PROGRESS) {
        fprintf(stderr, "shoal: live figures at %s\n", views_url(app->views));
    }
    if (views_are_exposed(app->views)) {
        fprintf(stderr,
                "shoal: --listen: anyone who reaches %s can read the figures "
                "(add --listen-token)\n",
                options->listen_address);
    }
    int shown = views_show(app->views, err);
    if (shown > 0) { /* a terminal that cannot be painted on is no reason not to run */
        app_print_error(err);
    }
    return shown < 0 ? -1 : 0;
}

/* ---- Failures kept to be followed up ---- */

static bool witness_wants(struct engine_witness *witness, uint32_t worker, int64_t now_us)
{
    struct app_run *app = list_entry(witness, struct app_run, witness);
    return failure_queue_wants(app->failures, worker, now_us);
}

static void witness_take(struct engine_witness *witness, uint32_t worker,
                         const struct engine_failure *failure)
{
    struct app_run *app = list_entry(witness, struct app_run, witness);
    struct failure_sample sample = {
        .at_us = failure->at_us,
        .viewer = failure->viewer,
        .fail = failure->fail,
        .status = (uint16_t)failure->status,
        .age_s = (int32_t)failure->age_s,
    };
    if (failure->address != NULL) {
        union net_address address = {.family = AF_UNSPEC};
        memcpy(&address, failure->address,
               failure->address->sa_family == AF_INET6 ? sizeof address.in6
                                                       : sizeof address.in);
        net_address_format(&address, sample.address);
    }
    span_to_string(span_of(failure->cache.ptr, failure->cache.len < sizeof sample.cache
                                                   ? failure->cache.len
                                                   : sizeof sample.cache - 1),
                   sample.cache, sizeof sample.cache);
    failure_sample_set_url(&sample, failure->url);
    failure_queue_push(app->failures, worker, &sample);
}

static void make_witness(struct app_run *app)
{
    app->witness = (struct engine_witness){.wants = witness_wants, .take = witness_take};
    app->failures = failure_queue_new(app->options.threads, FAILURE_SLOTS, FAILURE_PER_SECOND);
}

/* ---- The run and its report ---- */

static int save(const char *path, const struct report *report,
                int (*write)(const struct report *report, struct buf *out), struct err *err)
{
    if (path == NULL) {
        return 0;
    }
    struct buf text;
    buf_init(&text, (size_t)1 << 30);
    int status = write(report, &text);
    if (status != 0) {
        err_set(err, ERR_START, path, NULL, "no memory for the report");
    } else {
        status = report_save(&text, path, err);
    }
    buf_release(&text);
    return status;
}

static int print_report(const struct report *report, struct err *err)
{
    struct buf text;
    buf_init(&text, (size_t)1 << 24);
    int status = report_write_text(report, isatty(STDOUT_FILENO) != 0, &text);
    if (status == 0) {
        status = report_save(&text, "-", err);
    }
    buf_release(&text);
    return status;
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

/* Tells of a report that could not be written; the status that this makes, or 0. */
static int told(int failed, const struct err *err)
{
    return failed == 0 ? 0 : app_print_error(err);
}

/* The exit status. A demo does not fail for the machine being slow, but it does for what that
 * verdict stands in front of. */
static int status_of(const struct app_run *app, const struct report *report)
{
    if (!app->is_demo || report->status != REPORT_UNTRUSTED) {
        return (int)report->status;
    }
    bool passed = shoal_total(&report->run, METRIC_SEGMENTS) > 0;
    for (unsigned i = 0; i < report->threshold_count; i++) {
        passed = passed && report->thresholds[i].result.pass;
    }
    return passed ? REPORT_PASSED : REPORT_FAILED;
}

static int report_run(struct app_run *app, bool interrupted, struct err *err)
{
    const struct run_options *options = &app->options;
    struct report report;
    if (report_make(&report, &app->describe.info, views_record(app->views), app->thresholds,
                    options->threshold_count, interrupted) != 0) {
        return err_set(err, ERR_START, "report", NULL, "no memory");
    }
    bool stdout_is_taken = is_stdout(options->out_path) || is_stdout(options->html_path) ||
                           is_stdout(options->junit_path) || is_stdout(options->hlog_path);
    /* Each on its own: a full disk under one must not cost the others. */
    const struct err *rows = views_unwritten(app->views);
    int unwritten = rows != NULL ? app_print_error(rows) : 0;
    unwritten |= told(save(options->out_path, &report, report_write_json, err), err);
    unwritten |= told(save(options->html_path, &report, report_write_html, err), err);
    unwritten |= told(save(options->junit_path, &report, report_write_junit, err), err);
    unwritten |= told(save(options->hlog_path, &report, report_write_hlog, err), err);
    if (options->hgrm_prefix != NULL) {
        unwritten |= told(report_save_hgrm(&report, options->hgrm_prefix, err), err);
    }
    /* After the files: a terminal that nobody reads may keep this waiting for ever. */
    if (!options->quiet && !stdout_is_taken) {
        unwritten |= told(print_report(&report, err), err);
    }
    /* What the run came to is not lost over a report that could not be written, but such a run
     * has not passed. */
    int status = status_of(app, &report);
    status = status == 0 ? unwritten : status;
    report_fini(&report);
    return status;
}

static int play(struct app_run *app, struct err *err)
{
    make_witness(app);
    if (make_run(app, err) != 0) {
        return -1;
    }
    int64_t start_us = clock_monotonic_us() + LEAD_US;
    run_describe_run(&app->describe, &app->options, start_us);
    if (plays_ffmpeg(app)) {
        app->describe.info.player = app->ffmpeg.player;
    }
    app->describe.info.descriptor_limit = app->machine.descriptor_limit;
    app->describe.info.bytes_per_viewer = run_memory_bytes(&app->memory);
    if (shoal_sampler_start(app->sampler) != 0) {
        return err_set(err, ERR_START, "statistics", NULL, "no thread for the sampler");
    }
    if (make_views(app, err) != 0) {
        return -1;
    }
    enum run_end end = run_play(app->run, start_us);
    shoal_sampler_stop(app->sampler);
    views_settle(app->views);
    return report_run(app, end == RUN_END_INTERRUPTED, err);
}

/* From here to the end of the process: whoever interrupts once more must not change the exit
 * status of a run whose report is written. */
static void hold_signals(void)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &held, NULL);
}

static void fini(struct app_run *app)
{
    /* Workers before their lanes, views before the sampler that they read. Once the views'
     * threads are gone, this is the only one that takes signals. */
    hold_signals();
    views_free(app->views);
    run_free(app->run);
    failure_queue_free(app->failures);
    shoal_sampler_free(app->sampler);
    shoal_schema_free(app->schema);
    plan_fini(&app->plan);
    run_ffmpeg_fini(&app->ffmpeg);
    preflight_stream_fini(&app->stream);
    run_options_fini(&app->options);
}

static int run_main(int argc, char **argv, bool is_demo)
{
    /* A peer that goes away is an error of the write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    struct err err = {0};
    struct app_run *app = calloc(1, sizeof *app);
    if (app == NULL) {
        err_set(&err, ERR_START, "run", NULL, "no memory");
        return app_print_error(&err);
    }
    app->is_demo = is_demo;
    int read = run_options_read(argc, argv, &app->options, &err);
    if (read != 0) {
        free(app);
        return read > 0 ? 0 : app_print_error(&err);
    }
    app->describe.argc = argc;
    app->describe.argv = argv;
    int status = preflight(app, &err);
    if (status == 0) {
        status = make_statistics(app, &err) == 0 ? play(app, &err) : -1;
    } else if (status > 0) {
        status = 0;
    }
    fini(app);
    free(app);
    return status >= 0 ? status : app_print_error(&err);
}

int app_run_main(int argc, char **argv)
{
    return run_main(argc, argv, false);
}

int app_run_demo(int argc, char **argv)
{
    return run_main(argc, argv, true);
}
