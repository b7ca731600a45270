#include "app/run_options.h"

#include "app/output_files.h"
#include "app/run_option_types.h"
#include "base/units.h"
#include "base/url.h"
#include "stats/metrics.h"
#include "view/threshold.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HEADING(text) {.help = (text)},
#define OPTION(long_name, short_name, kind, field, least, most, value, standard, words) \
    {.name = (long_name),                                                               \
     .letter = (short_name),                                                            \
     .type = &(kind),                                                                   \
     .offset = offsetof(struct run_options, field),                                     \
     .low = (least),                                                                    \
     .high = (most),                                                                    \
     .argument = (value),                                                               \
     .fallback = (standard),                                                            \
     .help = (words)},

static const struct option rows[] = {
#include "app/options.def"
    {.name = NULL},
};

#undef HEADING
#undef OPTION

const struct option_command run_command = {
    .name = "run",
    .summary = "Plays viewers of an HLS stream, shows what they get, and ends with a verdict.",
    .synopsis = "[options] URL",
    .operand = "URL",
    .operand_needed = true,
    .operand_offset = offsetof(struct run_options, url),
    .options = rows,
    .help_tail =
        "Times, rates and sizes carry units: 500ms 2s 1.5m 1h, 500/s, 8Mbit/s, 64KiB.\n"
        "\n"
        "Exit status: 0 passed; 1 a threshold failed, or no segment was complete;\n"
        "2 usage; 3 the stream could not be started; 4 this machine could not hold the\n"
        "load, the figures are not to be trusted; 130 interrupted (the report is written\n"
        "all the same).\n",
};

/* The cores this process may use, less one for the observers, at least one. */
static uint32_t default_threads(void)
{
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    if (cores > METRIC_WORKERS_MAX) {
        cores = METRIC_WORKERS_MAX;
    }
    return cores > 1 ? (uint32_t)cores - 1 : 1;
}

static void set_defaults(struct run_options *options)
{
    uint32_t drawn = 1;
    if (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn) {
        drawn = 1;
    }
    *options = (struct run_options){
        .arrival = PLAN_ARRIVAL_LINEAR,
        .threads = default_threads(),
        .seed = drawn,
        .engine = engine_types[0],
        .profile = player_profiles[0],
        .variant = "first",
        .variant_rule = PLAYER_VARIANT_FIRST,
        .live_offset_us = -1,
        .buffer_us = -1,
        .start_us = -1,
        .restart_us = -1,
        .listen = true,
        .listen_address = "127.0.0.1",
        .listen_port = 17091,
        .ramp_us = -1,
    };
}

static int check_url(const char *text, struct err *err)
{
    struct url url;
    struct span span = span_from_string(text);
    if (span.len == 0) {
        return err_set(err, ERR_USAGE, "URL", "write http://host/path.m3u8", "is empty");
    }
    if (span.len > URL_MAX) {
        return err_set(err, ERR_USAGE, "URL", NULL, "is longer than %d bytes", URL_MAX);
    }
    if (url_parse(span, &url) != 0) {
        return err_set(err, ERR_USAGE, text, "write http://host:port/path.m3u8",
                       "is not a URL");
    }
    if (!url_is_absolute(&url) || (!url.has_authority && !url_is_http(&url))) {
        return err_set(err, ERR_USAGE, text, "write http://host/path.m3u8",
                       "is not an absolute URL");
    }
    if (!url_is_http(&url) && !url_is_https(&url)) {
        return err_set(err, ERR_USAGE, text, "use http or https", "scheme %.*s is not spoken",
                       SPAN_ARGS(url.scheme));
    }
    if (url_parse_http(span, &url) != 0) {
        return err_set(err, ERR_USAGE, text, "write http://host/path.m3u8",
                       "has no usable host");
    }
    union net_address address;
    if (url.host_is_ip_literal &&
        (net_address_parse(url.host, 0, &address) != 0 || address.family != AF_INET6)) {
        return err_set(err, ERR_USAGE, text, "write http://[::1]:8080/path.m3u8",
                       "%.*s is no IPv6 address, or has a zone", SPAN_ARGS(url.host));
    }
    if (url.userinfo.len > 0) {
        return err_set(err, ERR_USAGE, "URL", "use -H 'Authorization: Basic ...'",
                       "a user name in it is not sent");
    }
    return 0;
}

/* The stage that brings the first --viewers in. */
static int make_first_stage(struct run_options *options, struct err *err)
{
    const uint32_t viewers = options->viewers == 0 ? 1 : options->viewers;
    int64_t duration_us = options->ramp_us;
    if (duration_us < 0) {
        double per_s = options->ramp_per_s > 0 ? options->ramp_per_s : 500;
        double us = (double)viewers / per_s * 1e6;
        if (us > (double)OPTION_DURATION_MOST) {
            return err_set(err, ERR_USAGE, "--ramp", "ramp faster",
                           "%u viewers would take more than a year", viewers);
        }
        duration_us = (int64_t)us;
    }
    options->stages[options->stage_count++] =
        (struct plan_stage){.duration_us = duration_us, .target = viewers};
    return 0;
}

/* --viewers, --ramp and --stage become the plan. */
static int make_stages(struct run_options *options, struct err *err)
{
    const bool stages_only = options->given_stage_count > 0 && options->viewers == 0;
    if (stages_only && (options->ramp_us >= 0 || options->ramp_per_s > 0)) {
        return err_set(err, ERR_USAGE, "--ramp", "add --viewers, or leave --ramp out",
                       "has no --viewers to bring in, and stages have times of their own");
    }
    if (!stages_only && make_first_stage(options, err) != 0) {
        return -1;
    }
    int64_t length_us = 0;
    uint32_t peak = 0;
    for (unsigned i = 0; i < options->given_stage_count; i++) {
        options->stages[options->stage_count++] = options->given_stages[i];
    }
    for (unsigned i = 0; i < options->stage_count; i++) {
        length_us += options->stages[i].duration_us;
        peak = options->stages[i].target > peak ? options->stages[i].target : peak;
    }
    if (peak == 0) {
        return err_set(err, ERR_USAGE, "--stage", "raise a stage", "no stage has a viewer");
    }
    if (options->viewers_limit == 0) {
        options->viewers_limit = peak;
    } else if (options->viewers_limit < peak) {
        return err_set(err, ERR_USAGE, "--max-viewers", NULL,
                       "%u is less than the %u viewers that the plan wants",
                       options->viewers_limit, peak);
    }
    if (options->given_stage_count > 0 && options->duration_us == 0 && !options->once) {
        options->duration_us = length_us > 0 ? length_us : 1;
    }
    return 0;
}

static int check_files(const struct run_options *options, struct err *err)
{
    const struct output_file files[] = {
        {"--out", options->out_path},           {"--csv", options->csv_path},
        {"--html", options->html_path},         {"--junit", options->junit_path},
        {"--failures", options->failures_path}, {"--hlog", options->hlog_path},
    };
    return output_files_check(files, sizeof files / sizeof files[0], err);
}

static int check_together(const struct run_options *options, struct err *err)
{
    if (options->viewers_told > 0 && strcmp(options->engine->name, "native") != 0) {
        return err_set(err, ERR_USAGE, "--viewer-metrics", "leave one of them out",
                       "is for the native engine, not for --engine %s", options->engine->name);
    }
    if (strcmp(options->engine->name, "ffmpeg") != 0 &&
        (options->print_command || options->reconnect || options->restarts > 0 ||
         options->ffmpeg != NULL)) {
        return err_set(err, ERR_USAGE,
                       options->print_command  ? "--print-command"
                       : options->reconnect    ? "--reconnect"
                       : options->restarts > 0 ? "--restarts"
                                               : "--ffmpeg",
                       "add --engine ffmpeg, or leave it out", "is for the ffmpeg engine");
    }
    if (options->listen_token != NULL && options->listen_token[0] == '\0') {
        return err_set(err, ERR_USAGE, "--listen-token", "give one, or leave the option out",
                       "is empty, and anyone would have it");
    }
    if (options->insecure && options->ca_file != NULL) {
        return err_set(err, ERR_USAGE, "--insecure", "leave one of them out",
                       "makes --cacert pointless");
    }
    if (options->connect_timeout_us > 0 && options->total_timeout_us > 0 &&
        options->connect_timeout_us > options->total_timeout_us) {
        return err_set(err, ERR_USAGE, "--connect-timeout", NULL,
                       "is longer than --timeout, which holds it");
    }
    return check_files(options, err);
}

/* Thresholds are read for good when the stream's variants are known; what names none of them
 * can be told wrong now, before a server is asked for anything: also what the engine cannot
 * tell. */
static int check_thresholds(const struct run_options *options, struct err *err)
{
    struct shoal_schema *schema;
    int status = 0;
    if (options->threshold_count == 0 ||
        metrics_schema_new(NULL, 0, NULL, 0, options->engine->absent, &schema) != 0) {
        return 0;
    }
    for (unsigned i = 0; status == 0 && i < options->threshold_count; i++) {
        struct threshold threshold;
        struct span text = span_from_string(options->thresholds[i]);
        if (span_find(text, '{') == text.len) {
            status = threshold_parse(schema, text, &threshold, err);
        }
    }
    shoal_schema_free(schema);
    return status;
}

int run_options_read(int argc, char **argv, struct run_options *out, struct err *err)
{
    set_defaults(out);
    int status = options_read(&run_command, argc, argv, out, &out->memory, err);
    if (status == 0 && (check_url(out->url, err) != 0 || make_stages(out, err) != 0 ||
                        check_together(out, err) != 0 || check_thresholds(out, err) != 0)) {
        status = -1;
    }
    if (status != 0) {
        run_options_fini(out);
    }
    return status;
}

void run_options_fini(struct run_options *options)
{
    option_memory_fini(&options->memory);
    free(options->overrides);
    free(options->sources);
    *options = (struct run_options){0};
}
