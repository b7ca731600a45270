#include "app/run_describe.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/rng.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void describe_variant(struct run_describe *describe, uint32_t i,
                             const struct m3u8_variant *variant)
{
    char size[32] = "";
    if (variant->width > 0) {
        snprintf(size, sizeof size, " %ux%u", variant->width, variant->height);
    }
    /* The number in front keeps names apart where a ladder has a rung twice. */
    snprintf(describe->name_text[i], sizeof describe->name_text[i], "%u%s %.1f Mbit/s", i, size,
             (double)variant->bandwidth_bps / 1e6);
    span_to_string(variant->codecs, describe->codecs_text[i], sizeof describe->codecs_text[i]);
    describe->variants[i] = (struct run_variant){
        .name = describe->name_text[i],
        .codecs = describe->codecs_text[i][0] != '\0' ? describe->codecs_text[i] : NULL,
        .bandwidth_bps = variant->bandwidth_bps,
        .width = variant->width,
        .height = variant->height,
    };
}

void run_describe_stream(struct run_describe *describe, const struct preflight_stream *stream)
{
    const struct m3u8 *top = stream->top;
    if (top->kind == M3U8_MULTIVARIANT) {
        describe->variant_count =
            top->variant_count < METRIC_VARIANTS_MAX ? top->variant_count : METRIC_VARIANTS_MAX;
        for (uint32_t i = 0; i < describe->variant_count; i++) {
            describe_variant(describe, i, &top->variants[i]);
        }
    } else {
        describe->variant_count = 1;
        snprintf(describe->name_text[0], sizeof describe->name_text[0], "media");
        describe->variants[0] = (struct run_variant){.name = describe->name_text[0]};
    }
    for (uint32_t i = 0; i < describe->variant_count; i++) {
        describe->names[i] = describe->name_text[i];
    }
    describe->server_count = stream->server_count;
    for (uint32_t i = 0; i < stream->server_count; i++) {
        net_address_format_host(&stream->servers[i], describe->server_text[i]);
        describe->servers[i] = describe->server_text[i];
    }
    describe->info.stream_kind = m3u8_is_final(stream->media) ? "vod" : "live";
}

/* Whether a shell takes the argument as it is. */
static bool is_plain(const char *argument)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_=/.,:+@%";
    return argument[0] != '\0' && argument[strspn(argument, plain)] == '\0';
}

static void quote(struct buf *out, const char *argument)
{
    buf_append_string(out, "'");
    for (const char *c = argument; *c != '\0'; c++) {
        if (*c == '\'') {
            buf_append_string(out, "'\\''");
        } else {
            buf_append(out, c, 1);
        }
    }
    buf_append_string(out, "'");
}

/* What an argument is the value of, as far as secrets go. */
enum secret { SECRET_NONE, SECRET_TOKEN, SECRET_HEADER };

static enum secret secret_of(const char *option)
{
    static const struct {
        const char *option;
        enum secret secret;
    } options[] = {
        {"--listen-token", SECRET_TOKEN}, {"--header", SECRET_HEADER}, {"-H", SECRET_HEADER}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(option, options[i].option) == 0) {
            return options[i].secret;
        }
    }
    return SECRET_NONE;
}

/* How much of an argument, which stands after `option`, may be shown to who reads a report: no
 * token, no value of a header. */
static size_t shown_length(const char *option, const char *argument)
{
    size_t len = strlen(argument), value = 0;
    enum secret secret = secret_of(option);
    if (secret == SECRET_NONE && strncmp(argument, "-H", 2) == 0) {
        secret = SECRET_HEADER;
        value = 2;
    } else if (secret == SECRET_NONE && strncmp(argument, "--", 2) == 0) {
        char name[32];
        value = strcspn(argument, "=");
        snprintf(name, sizeof name, "%.*s", (int)(value < 31 ? value : 31), argument);
        secret = secret_of(name);
        value += value < len ? 1 : 0;
    }
    size_t colon = value + strcspn(argument + value, ":");
    return secret == SECRET_TOKEN                   ? value
           : secret == SECRET_HEADER && colon < len ? colon + 1
                                                    : len;
}

/* The command line as one could type it again, but for secrets; cut when it is very long. */
static void describe_command(struct run_describe *describe)
{
    struct buf text, argument;
    buf_init(&text, 65536);
    buf_init(&argument, 65536);
    buf_append_string(&text, "shoal");
    for (int i = 0; i < describe->argc; i++) {
        const char *given = describe->argv[i];
        size_t len = shown_length(i > 0 ? describe->argv[i - 1] : "", given);
        argument.len = 0;
        buf_append(&argument, given, len);
        buf_append_string(&argument, len < strlen(given) ? "***" : "");
        buf_append(&argument, "", 1);
        buf_append_string(&text, " ");
        if (is_plain(argument.ptr)) {
            buf_append_string(&text, argument.ptr);
        } else {
            quote(&text, argument.ptr);
        }
    }
    buf_release(&argument);
    snprintf(describe->command, sizeof describe->command, "%.*s", (int)text.len, text.ptr);
    buf_release(&text);
}

static void describe_id(struct run_describe *describe, uint64_t seed)
{
    time_t seconds = (time_t)(describe->info.start_wall_us / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char when[32];
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc);
    uint64_t digits =
        rng_mix(seed ^ (uint64_t)describe->info.start_wall_us ^ (uint64_t)getpid());
    snprintf(describe->id, sizeof describe->id, "%s-%06llx", when,
             (unsigned long long)(digits & 0xffffff));
}

void run_describe_run(struct run_describe *describe, const struct run_options *options,
                      int64_t start_us)
{
    struct run_info *info = &describe->info;
    info->version = SHOAL_VERSION;
    info->url = options->url;
    info->engine = options->engine->name;
    info->player = options->profile->name;
    info->variant = options->variant;
    info->start_us = start_us;
    info->start_wall_us = clock_wall_us() + (start_us - clock_monotonic_us());
    info->duration_us = options->duration_us;
    info->session_us = options->session_mean_us;
    info->once = options->once;
    info->seed = options->seed;
    for (unsigned i = 0; i < options->stage_count; i++) {
        describe->stages[i] =
            (struct run_stage){options->stages[i].duration_us, options->stages[i].target};
        if (options->stages[i].target > info->viewers_peak) {
            info->viewers_peak = options->stages[i].target;
        }
    }
    info->stages = describe->stages;
    info->stage_count = options->stage_count;
    info->viewers_limit = options->viewers_limit;
    info->viewers_told = options->viewers_told;
    info->variants = describe->variants;
    info->variant_count = describe->variant_count;
    info->workers = options->threads;
    info->viewer_rate_bps = options->viewer_rate_bps;
    if (gethostname(describe->host, sizeof describe->host) != 0) {
        snprintf(describe->host, sizeof describe->host, "unknown");
    }
    describe->host[sizeof describe->host - 1] = '\0';
    info->host = describe->host;
    describe_command(describe);
    info->command = describe->command;
    describe_id(describe, options->seed);
    info->id = describe->id;
}
