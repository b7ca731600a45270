#include "app/run_ffmpeg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int no_memory(struct err *err)
{
    return err_set(err, ERR_START, "--engine ffmpeg", NULL, "no memory");
}

static int fill_variant(struct ffmpeg_options *options, const struct run_options *run,
                        struct err *err)
{
    static const enum ffmpeg_variant rules[] = {
        [PLAYER_VARIANT_FIRST] = FFMPEG_VARIANT_FIRST,
        [PLAYER_VARIANT_HIGHEST] = FFMPEG_VARIANT_HIGHEST,
        [PLAYER_VARIANT_LOWEST] = FFMPEG_VARIANT_LOWEST,
        [PLAYER_VARIANT_INDEX] = FFMPEG_VARIANT_INDEX,
        [PLAYER_VARIANT_RANDOM] = FFMPEG_VARIANT_RANDOM,
        [PLAYER_VARIANT_ALL] = FFMPEG_VARIANT_ALL,
    };
    if ((size_t)run->variant_rule >= sizeof rules / sizeof rules[0]) {
        return err_set(err, ERR_USAGE, "--variant",
                       "use first, highest, lowest, random, all or "
                       "an index",
                       "ffmpeg does not play \"%s\"", run->variant);
    }
    options->variant = rules[run->variant_rule];
    options->variant_index = run->variant_index;
    return 0;
}

static int fill_resolves(struct run_ffmpeg *ffmpeg, const struct run_options *run,
                         struct err *err)
{
    if (run->override_count == 0) {
        return 0;
    }
    ffmpeg->resolves = calloc(run->override_count, sizeof *ffmpeg->resolves);
    if (ffmpeg->resolves == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < run->override_count; i++) {
        const struct net_override *given = &run->overrides[i];
        char text[NET_ADDRESS_TEXT];
        net_address_format(&given->address, text);
        /* "[::1]:80" or "1.2.3.4:80": without brackets and port. */
        struct span address = span_from_string(text);
        address.len = (size_t)(strrchr(text, ':') - text);
        if (address.len > 1 && address.ptr[0] == '[') {
            address = span_of(address.ptr + 1, address.len - 2);
        }
        ffmpeg->resolves[i].host = given->host;
        ffmpeg->resolves[i].port = given->port;
        span_to_string(address, ffmpeg->resolves[i].address,
                       sizeof ffmpeg->resolves[i].address);
    }
    ffmpeg->options.resolves = ffmpeg->resolves;
    ffmpeg->options.resolve_count = run->override_count;
    return 0;
}

/* The variants' addresses as ffmpeg will open them, for the label of segments. */
static int fill_variants(struct run_ffmpeg *ffmpeg, const struct m3u8 *top, struct err *err)
{
    enum { BYTES = 4096 };
    if (top->kind != M3U8_MULTIVARIANT || top->variant_count == 0) {
        return 0;
    }
    uint32_t count =
        top->variant_count < METRIC_VARIANTS_MAX ? top->variant_count : METRIC_VARIANTS_MAX;
    ffmpeg->variant_urls = calloc(count, sizeof *ffmpeg->variant_urls);
    ffmpeg->variant_text = calloc(count, BYTES);
    if (ffmpeg->variant_urls == NULL || ffmpeg->variant_text == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        char *text = ffmpeg->variant_text + (size_t)i * BYTES;
        struct span url = {text, 0};
        if (m3u8_resolve(top, top->variants[i].uri, text, BYTES, &url) == 0) {
            ffmpeg->variant_urls[i] = url;
        }
    }
    ffmpeg->options.variants = (struct ffmpeg_variants){ffmpeg->variant_urls, count};
    return 0;
}

/* The servers' addresses as ffmpeg's log writes them, for the label of responses. */
static void fill_servers(struct run_ffmpeg *ffmpeg, const struct preflight_stream *stream)
{
    for (uint32_t i = 0; i < stream->server_count; i++) {
        net_address_format_host(&stream->servers[i], ffmpeg->server_text[i]);
        ffmpeg->servers[i] = span_from_string(ffmpeg->server_text[i]);
    }
    ffmpeg->options.servers = (struct ffmpeg_servers){ffmpeg->servers, stream->server_count};
}

static int print_command(const struct run_ffmpeg *ffmpeg, const struct run_options *run,
                         struct err *err)
{
    struct buf line;
    buf_init(&line, (size_t)1 << 20);
    int status = ffmpeg_print_command(&ffmpeg->options, 0, run->seed, &line);
    if (status == 0) {
        printf("%.*s\n", (int)line.len, line.ptr);
    }
    buf_release(&line);
    return status == 0 ? 1 : no_memory(err);
}

/* What only our own viewers can be told. */
static int refuse_habits(const struct run_options *run, struct err *err)
{
    const struct {
        const char *option;
        bool given;
    } habits[] = {
        {"--bind", run->source_count > 0},
        {"--viewer-rate", run->viewer_rate_bps > 0},
        {"--connect-timeout", run->connect_timeout_us > 0},
        {"--live-offset", run->live_offset_us >= 0},
        {"--buffer", run->buffer_us >= 0},
        {"--start-threshold", run->start_us >= 0},
        {"--rebuffer-threshold", run->restart_us >= 0},
        /* hlsjs is what it is when nobody says anything. */
        {"--player",
         run->profile != player_profiles[0] && strcmp(run->profile->name, "ffmpeg") != 0},
    };
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++) {
        if (habits[i].given) {
            return err_set(err, ERR_USAGE, habits[i].option,
                           "leave it out, or use --engine native",
                           "is not something that ffmpeg can be told");
        }
    }
    return 0;
}

int run_ffmpeg_prepare(struct run_ffmpeg *ffmpeg, const struct run_options *run,
                       const struct preflight_stream *stream, struct err *err)
{
    struct ffmpeg_options *options = &ffmpeg->options;
    *ffmpeg = (struct run_ffmpeg){0};
    ffmpeg_options_init(options);
    options->url = run->url;
    options->ffmpeg_path = run->ffmpeg != NULL ? run->ffmpeg : "ffmpeg";
    options->user_agent = run->user_agent;
    options->extra_headers = run->extra_headers;
    options->insecure = run->insecure;
    options->ca_file = run->ca_file;
    options->read_timeout_us = run->total_timeout_us;
    options->reconnect = run->reconnect;
    if (run->restarts > 0) {
        options->restart.limit = run->restarts;
    }
    if (refuse_habits(run, err) != 0) {
        return -1;
    }
    fill_servers(ffmpeg, stream);
    if (fill_variant(options, run, err) != 0 || fill_resolves(ffmpeg, run, err) != 0 ||
        fill_variants(ffmpeg, stream->top, err) != 0 ||
        ffmpeg_prepare(options, run->viewers_limit, err) != 0) {
        return -1;
    }
    snprintf(ffmpeg->player, sizeof ffmpeg->player, "ffmpeg %s", options->caps.version);
    return run->print_command ? print_command(ffmpeg, run, err) : 0;
}

void run_ffmpeg_fini(struct run_ffmpeg *ffmpeg)
{
    ffmpeg_options_fini(&ffmpeg->options);
    free(ffmpeg->resolves);
    free(ffmpeg->variant_urls);
    free(ffmpeg->variant_text);
}
