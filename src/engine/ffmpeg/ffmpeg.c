#include "engine/ffmpeg/ffmpeg.h"

#include "base/clock.h"
#include "engine/ffmpeg/ffmpeg_client.h"
#include "engine/ffmpeg/ffmpeg_command.h"
#include "engine/ffmpeg/ffmpeg_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    SCRATCH_BYTES = 65536,
    PROBE_TIMEOUT_US = 10000000,
    PROBE_TEXT_BYTES = 65536,
};

#define RESOLVE_LIBRARY "libshoal-resolve.so"

struct engine {
    struct engine_setup setup;
    struct ffmpeg_shared shared;
    struct ffmpeg_client *clients; /* owned; viewer worker + i * workers at i */
    uint32_t client_count;
};

void ffmpeg_options_init(struct ffmpeg_options *options)
{
    *options = (struct ffmpeg_options){
        .ffmpeg_path = "ffmpeg",
        .ffprobe_path = "ffprobe",
        .setpriv_path = "setpriv",
        .restart =
            {
                .first_us = 1000000,
                .longest_us = 30000000,
                .factor = 2,
                .good_after_us = 30000000,
                .limit = 5,
            },
        .stall_after_us = 1500000,
        .term_grace_us = 3000000,
    };
}

void ffmpeg_options_fini(struct ffmpeg_options *options)
{
    (void)options; /* what ffmpeg_prepare finds out lies in the struct itself */
}

static uint64_t memory_available_bytes(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    unsigned long long kib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return (uint64_t)kib * 1024;
}

static int check_limits(uint32_t viewers, struct err *err)
{
    struct rlimit limit;
    uint64_t descriptors = (uint64_t)viewers * FFMPEG_DESCRIPTORS + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < descriptors) {
        return err_set(err, ERR_START, "descriptors", "raise the limit with ulimit -Hn",
                       "%u ffmpeg processes need %llu file descriptors here, the limit is %llu",
                       viewers, (unsigned long long)descriptors,
                       (unsigned long long)limit.rlim_max);
    }
    if (limit.rlim_cur < descriptors) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    /* A process of FFmpeg 7 and later has a thread for each part of its pipeline. */
    uint64_t tasks = (uint64_t)viewers * 4;
    if (getuid() != 0 && getrlimit(RLIMIT_NPROC, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < tasks) {
        return err_set(err, ERR_START, "processes", "raise the limit with ulimit -u",
                       "%u ffmpeg processes need about %llu tasks, the limit is %llu", viewers,
                       (unsigned long long)tasks, (unsigned long long)limit.rlim_cur);
    }
    uint64_t needed = viewers * (uint64_t)FFMPEG_PROCESS_BYTES;
    uint64_t available = memory_available_bytes();
    if (available > 0 && needed > available) {
        return err_set(
            err, ERR_START, "memory", "use fewer viewers, more machines, or the native engine",
            "%u ffmpeg processes need about %llu MiB, %llu MiB are available", viewers,
            (unsigned long long)(needed >> 20), (unsigned long long)(available >> 20));
    }
    return 0;
}

/* The variants as ffprobe sees them; the same library as ffmpeg's, so the same numbers. */
static int probe_programs(struct ffmpeg_options *options, struct err *err)
{
    struct ffmpeg_command command;
    struct buf text;
    ffmpeg_command_init(&command);
    buf_init(&text, PROBE_TEXT_BYTES);
    int status = ffmpeg_command_build_probe(&command, options, err);
    if (status == 0) {
        status = ffmpeg_process_capture(command.argv, PROBE_TIMEOUT_US, &text, err);
    }
    if (status == 0) {
        ffmpeg_caps_read_programs(&options->caps, buf_span(&text));
    } else if (status > 0) {
        struct span said = buf_span(&text);
        said.len = span_find(said, '\n');
        status = err_set(err, ERR_START, options->url, "check the address with curl",
                         "ffprobe cannot read the stream: %.*s", SPAN_ARGS(said));
    }
    buf_release(&text);
    ffmpeg_command_fini(&command);
    return status;
}

/* Ours lies beside the binary in a build folder, and in the folder of libraries once installed.
 */
static int find_resolve_library(struct ffmpeg_options *options, struct err *err)
{
    static const char *const places[] = {
        "/src/engine/ffmpeg/" RESOLVE_LIBRARY,
        "/../lib/shoal/" RESOLVE_LIBRARY,
        "/" RESOLVE_LIBRARY,
    };
    char folder[384];
    ssize_t len = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(options->resolve_path, sizeof options->resolve_path, "%s%s", folder,
                 places[i]);
        if (access(options->resolve_path, R_OK) == 0) {
            return 0;
        }
    }
    return err_set(err, ERR_START, "--resolve", "install Shoal whole",
                   "ffmpeg needs " RESOLVE_LIBRARY ", which is not beside the binary");
}

/* What the binary cannot do of what was asked for. */
static int check_binary(const struct ffmpeg_options *options, struct err *err)
{
    bool https = span_starts_with(span_from_string(options->url), SPAN("https:"));
    if (https && options->caps.tls_strict && (options->insecure || options->ca_file != NULL)) {
        return err_set(err, ERR_USAGE, options->insecure ? "--insecure" : "--cacert",
                       "let the system trust the authority, or name an older binary",
                       "ffmpeg %s checks the certificate of each segment against the system's "
                       "authorities, whatever it is told",
                       options->caps.version);
    }
    if (options->resolve_count > 0 && ffmpeg_process_is_static(options->ffmpeg)) {
        return err_set(err, ERR_USAGE, "--resolve", "name a dynamic binary, or use /etc/hosts",
                       "%s is a static binary, into which nothing can be preloaded",
                       options->ffmpeg);
    }
    return 0;
}

/* Another binary's ffprobe is the one beside it, if there is one: so that both are of the same
 * version. */
static int find_ffprobe(struct ffmpeg_options *options, struct err *err)
{
    char beside[sizeof options->ffmpeg + 16];
    const char *slash = strrchr(options->ffmpeg_path, '/');
    if (slash != NULL) {
        snprintf(beside, sizeof beside, "%.*s/ffprobe", (int)(slash - options->ffmpeg_path),
                 options->ffmpeg_path);
        if (ffmpeg_process_find(beside, options->ffprobe, sizeof options->ffprobe, NULL,
                                NULL) == 0) {
            return 0;
        }
    }
    return ffmpeg_process_find(options->ffprobe_path, options->ffprobe, sizeof options->ffprobe,
                               "install ffmpeg", err);
}

/* Which choices need to know the variants. */
static bool needs_programs(enum ffmpeg_variant variant)
{
    return variant != FFMPEG_VARIANT_ALL && variant != FFMPEG_VARIANT_FIRST;
}

int ffmpeg_prepare(struct ffmpeg_options *options, uint32_t viewers, struct err *err)
{
    if (ffmpeg_process_find(options->ffmpeg_path, options->ffmpeg, sizeof options->ffmpeg,
                            "install ffmpeg", err) != 0 ||
        ffmpeg_process_find(options->setpriv_path, options->setpriv, sizeof options->setpriv,
                            "install util-linux 2.33 or later", err) != 0 ||
        check_limits(viewers, err) != 0 ||
        ffmpeg_caps_ask(&options->caps, options->ffmpeg, err) != 0 ||
        check_binary(options, err) != 0) {
        return -1;
    }
    if (options->resolve_count > 0 && options->resolve_library == NULL &&
        find_resolve_library(options, err) != 0) {
        return -1;
    }
    if (!needs_programs(options->variant)) {
        return 0;
    }
    if (find_ffprobe(options, err) != 0 || probe_programs(options, err) != 0) {
        return -1;
    }
    if (options->variant == FFMPEG_VARIANT_INDEX &&
        options->variant_index >= options->caps.program_count) {
        return err_set(err, ERR_USAGE, "--variant", NULL,
                       "there is no variant %u: the stream has %u, counted from 0",
                       options->variant_index, options->caps.program_count);
    }
    return 0;
}

int ffmpeg_print_command(const struct ffmpeg_options *options, uint32_t viewer, uint64_t seed,
                         struct buf *out)
{
    struct ffmpeg_command command;
    struct rng rng = rng_make(seed, viewer);
    ffmpeg_command_init(&command);
    int status = ffmpeg_command_build(&command, options, viewer,
                                      ffmpeg_command_program(options, rng_next(&rng)), NULL);
    if (status == 0) {
        status = ffmpeg_command_quote(&command, out);
    }
    ffmpeg_command_fini(&command);
    return status;
}

static void engine_close(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (uint32_t i = 0; i < engine->client_count; i++) {
        ffmpeg_client_kill(&engine->clients[i]);
    }
    for (uint32_t i = 0; i < engine->client_count; i++) {
        ffmpeg_client_reap(&engine->clients[i]);
    }
    free(engine->clients);
    free(engine->shared.scratch);
    free(engine);
}

static struct engine *engine_open(const struct engine_setup *setup, struct err *err)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        err_set(err, ERR_MACHINE, "memory", NULL, "it is used up");
        return NULL;
    }
    uint32_t limit = setup->viewers_limit;
    uint32_t count = limit > setup->worker
                         ? (limit - setup->worker + setup->workers - 1) / setup->workers
                         : 0;
    engine->setup = *setup;
    engine->shared.setup = &engine->setup;
    engine->shared.options = setup->options;
    list_init(&engine->shared.leave_queue);
    engine->shared.scratch = malloc(SCRATCH_BYTES);
    engine->shared.scratch_bytes = SCRATCH_BYTES;
    engine->clients = calloc(count > 0 ? count : 1, sizeof *engine->clients);
    if (engine->shared.scratch == NULL || engine->clients == NULL) {
        err_set(err, ERR_MACHINE, "memory", "use fewer viewers", "it is used up");
        engine_close(engine);
        return NULL;
    }
    for (; engine->client_count < count; engine->client_count++) {
        uint32_t i = engine->client_count;
        ffmpeg_client_init(&engine->clients[i], &engine->shared,
                           setup->worker + i * setup->workers);
    }
    return engine;
}

static struct ffmpeg_client *client_of(struct engine *engine, uint32_t viewer)
{
    return &engine->clients[viewer / engine->setup.workers];
}

static int engine_viewer_start(struct engine *engine, uint32_t viewer, uint64_t session,
                               int64_t intended_us, int64_t length_us)
{
    return ffmpeg_client_start(client_of(engine, viewer), session, intended_us, length_us);
}

static void engine_viewer_leave(struct engine *engine, uint32_t viewer)
{
    ffmpeg_client_leave(client_of(engine, viewer));
}

static void engine_abort_all(struct engine *engine)
{
    struct engine_listener *listener = engine->setup.listener;
    for (uint32_t i = 0; i < engine->client_count; i++) {
        if (engine->clients[i].state == FFMPEG_CLIENT_LEAVING) {
            ffmpeg_client_kill(&engine->clients[i]);
        }
    }
    for (uint32_t i = 0; i < engine->client_count; i++) {
        struct ffmpeg_client *client = &engine->clients[i];
        if (client->state == FFMPEG_CLIENT_LEAVING && ffmpeg_client_reap(client)) {
            listener->on_session_over(listener, client->viewer, ENGINE_SESSION_ENDED);
        }
    }
}

static void engine_account(struct engine *engine, int64_t now_us)
{
    for (uint32_t i = 0; i < engine->client_count; i++) {
        ffmpeg_client_account(&engine->clients[i], now_us);
    }
}

/* No line of any version tells these, at whatever level. */
static const enum metric absent_counters[] = {
    METRIC_DNS_LOOKUPS,  METRIC_COOKIES_DROPPED,  METRIC_PLAYLISTS_UNCHANGED,
    METRIC_SEGMENTS_GAP, METRIC_VARIANT_SWITCHES, METRIC_DEADLINE_MISSED,
};
static const enum metric_histogram absent_histograms[] = {
    METRIC_DNS,
    METRIC_SEGMENT_DOWNLOAD,
    METRIC_EDGE_LATENCY,
    METRIC_DEADLINE_SLACK,
};
static const struct metrics_absent absent = {
    .counters = absent_counters,
    .counter_count = sizeof absent_counters / sizeof absent_counters[0],
    .histograms = absent_histograms,
    .histogram_count = sizeof absent_histograms / sizeof absent_histograms[0],
};

const struct engine_type engine_ffmpeg = {
    .name = "ffmpeg",
    .absent = &absent,
    .open = engine_open,
    .close = engine_close,
    .viewer_start = engine_viewer_start,
    .viewer_leave = engine_viewer_leave,
    .abort_all = engine_abort_all,
    .account = engine_account,
};
