#include "engine/ffmpeg/ffmpeg_command.h"

#include <inttypes.h>
#include <stdio.h>

void ffmpeg_command_init(struct ffmpeg_command *command)
{
    *command = (struct ffmpeg_command){0};
    buf_init(&command->text, FFMPEG_COMMAND_BYTES);
}

void ffmpeg_command_fini(struct ffmpeg_command *command)
{
    buf_release(&command->text);
}

/* An argument that grows until end_argument; errors show in seal. */
static void begin_argument(struct ffmpeg_command *command)
{
    if (command->count < FFMPEG_COMMAND_ARGS) {
        command->starts[command->count] = (uint32_t)command->text.len;
    }
    command->count++;
}

static void end_argument(struct ffmpeg_command *command)
{
    if (buf_append(&command->text, "", 1) != 0) {
        command->count = FFMPEG_COMMAND_ARGS + 1;
    }
}

static void append(struct ffmpeg_command *command, struct span text)
{
    if (buf_append_span(&command->text, text) != 0) {
        command->count = FFMPEG_COMMAND_ARGS + 1;
    }
}

static void argument(struct ffmpeg_command *command, const char *text)
{
    begin_argument(command);
    append(command, span_from_string(text));
    end_argument(command);
}

static void option(struct ffmpeg_command *command, const char *name, const char *value)
{
    argument(command, name);
    argument(command, value);
}

static void option_number(struct ffmpeg_command *command, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    option(command, name, text);
}

/* The text with each "{viewer}" replaced by the number. */
static void append_template(struct ffmpeg_command *command, const char *template,
                            uint32_t viewer)
{
    static const struct span hole = {"{viewer}", 8};
    struct span rest = span_from_string(template);
    char number[16];
    snprintf(number, sizeof number, "%" PRIu32, viewer);
    while (rest.len > 0) {
        const char *at = memmem(rest.ptr, rest.len, hole.ptr, hole.len);
        size_t before = at == NULL ? rest.len : (size_t)(at - rest.ptr);
        append(command, span_of(rest.ptr, before));
        if (at == NULL) {
            return;
        }
        append(command, span_from_string(number));
        rest = span_skip(rest, before + hole.len);
    }
}

/* What ffmpeg and ffprobe need alike to send the same requests. */
static void add_http_options(struct ffmpeg_command *command,
                             const struct ffmpeg_options *options, const char *user_agent,
                             uint32_t viewer)
{
    const struct ffmpeg_caps *caps = &options->caps;
    if (user_agent != NULL && ffmpeg_caps_has(caps, FFMPEG_OPTION_USER_AGENT)) {
        argument(command, "-user_agent");
        begin_argument(command);
        append_template(command, user_agent, viewer);
        end_argument(command);
    }
    if (options->extra_headers != NULL && ffmpeg_caps_has(caps, FFMPEG_OPTION_HEADERS)) {
        option(command, "-headers", options->extra_headers);
    }
    if (options->read_timeout_us > 0 && ffmpeg_caps_has(caps, FFMPEG_OPTION_RW_TIMEOUT)) {
        option_number(command, "-rw_timeout", options->read_timeout_us);
    }
    bool https = span_starts_with(span_from_string(options->url), SPAN("https:"));
    if (https && !options->insecure && ffmpeg_caps_has(caps, FFMPEG_OPTION_TLS_VERIFY)) {
        option(command, "-tls_verify", "1");
    }
    if (https && options->ca_file != NULL && ffmpeg_caps_has(caps, FFMPEG_OPTION_CA_FILE)) {
        option(command, "-ca_file", options->ca_file);
    }
}

static void add_reconnects(struct ffmpeg_command *command, const struct ffmpeg_options *options)
{
    static const struct {
        enum ffmpeg_option option;
        const char *name, *value;
    } switches[] = {
        {FFMPEG_OPTION_RECONNECT, "-reconnect", "1"},
        {FFMPEG_OPTION_RECONNECT_STREAMED, "-reconnect_streamed", "1"},
        {FFMPEG_OPTION_RECONNECT_ON_NETWORK_ERROR, "-reconnect_on_network_error", "1"},
        {FFMPEG_OPTION_RECONNECT_ON_HTTP_ERROR, "-reconnect_on_http_error", "5xx"},
    };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        if (ffmpeg_caps_has(&options->caps, switches[i].option)) {
            option(command, switches[i].name, switches[i].value);
        }
    }
    if (options->reconnect_delay_max_us > 0 &&
        ffmpeg_caps_has(&options->caps, FFMPEG_OPTION_RECONNECT_DELAY_MAX)) {
        option_number(command, "-reconnect_delay_max",
                      (options->reconnect_delay_max_us + 999999) / 1000000);
    }
}

static void add_input(struct ffmpeg_command *command, const struct ffmpeg_options *options,
                      uint32_t viewer)
{
    const struct ffmpeg_caps *caps = &options->caps;
    add_http_options(command, options, options->user_agent, viewer);
    if (options->reconnect) {
        add_reconnects(command, options);
    }
    if (options->segment_retries > 0 && ffmpeg_caps_has(caps, FFMPEG_OPTION_SEG_MAX_RETRY)) {
        option_number(command, "-seg_max_retry", options->segment_retries);
    }
    if (options->live_start_index != 0 &&
        ffmpeg_caps_has(caps, FFMPEG_OPTION_LIVE_START_INDEX)) {
        option_number(command, "-live_start_index", options->live_start_index);
    }
    if (!options->unpaced) {
        if (ffmpeg_caps_has(caps, FFMPEG_OPTION_READRATE)) {
            option(command, "-readrate", "1");
        } else {
            argument(command, "-re");
        }
    }
    /* Nothing is decoded once the streams are known: more threads only cost memory. */
    option(command, "-threads", "1");
    option(command, "-i", options->url);
}

/* Which streams are read: FFmpeg stops reading what is not mapped. */
static void add_map(struct ffmpeg_command *command, int32_t program)
{
    char map[24] = "0";
    if (program >= 0) {
        snprintf(map, sizeof map, "0:p:%" PRId32, program);
    }
    option(command, "-map", map);
}

/* --resolve by a preloaded library, see resolve_preload.c. env(1) sets the variables, so that
 * the line can be pasted into a shell as it is. */
static void add_environment(struct ffmpeg_command *command,
                            const struct ffmpeg_options *options)
{
    if (options->resolve_count == 0) {
        return;
    }
    argument(command, "/usr/bin/env");
    begin_argument(command);
    append(command, SPAN("LD_PRELOAD="));
    append(command, span_from_string(options->resolve_library != NULL ? options->resolve_library
                                                                      : options->resolve_path));
    end_argument(command);
    begin_argument(command);
    append(command, SPAN("SHOAL_RESOLVE="));
    for (uint32_t i = 0; i < options->resolve_count; i++) {
        const struct ffmpeg_resolve *resolve = &options->resolves[i];
        char port[8];
        snprintf(port, sizeof port, "%u", resolve->port);
        append(command, span_from_string(i == 0 ? "" : " "));
        append(command, resolve->host);
        append(command, SPAN(" "));
        append(command, span_from_string(port));
        append(command, SPAN(" "));
        append(command, span_from_string(resolve->address));
    }
    end_argument(command);
}

static int seal(struct ffmpeg_command *command, struct err *err)
{
    if (command->count > FFMPEG_COMMAND_ARGS) {
        return err_set(err, ERR_USAGE, "ffmpeg", "give fewer or shorter headers",
                       "its command line is longer than %d bytes or %d arguments",
                       FFMPEG_COMMAND_BYTES, FFMPEG_COMMAND_ARGS);
    }
    for (uint32_t i = 0; i < command->count; i++) {
        command->argv[i] = command->text.ptr + command->starts[i];
    }
    command->argv[command->count] = NULL;
    return 0;
}

int32_t ffmpeg_command_program(const struct ffmpeg_options *options, uint64_t random)
{
    const struct ffmpeg_caps *caps = &options->caps;
    int32_t best = 0;
    switch (options->variant) {
    case FFMPEG_VARIANT_ALL:
        return -1;
    case FFMPEG_VARIANT_FIRST:
        return 0;
    case FFMPEG_VARIANT_INDEX:
        return (int32_t)options->variant_index;
    case FFMPEG_VARIANT_RANDOM:
        return caps->program_count > 0 ? (int32_t)(random % caps->program_count) : 0;
    case FFMPEG_VARIANT_HIGHEST:
    case FFMPEG_VARIANT_LOWEST:
        for (uint32_t i = 1; i < caps->program_count; i++) {
            bool higher = caps->program_bps[i] > caps->program_bps[best];
            bool lower = caps->program_bps[i] < caps->program_bps[best];
            if (options->variant == FFMPEG_VARIANT_HIGHEST ? higher : lower) {
                best = (int32_t)i;
            }
        }
        return best;
    }
    return 0;
}

int ffmpeg_command_build(struct ffmpeg_command *command, const struct ffmpeg_options *options,
                         uint32_t viewer, int32_t program, struct err *err)
{
    const struct ffmpeg_caps *caps = &options->caps;
    argument(command, options->setpriv);
    option(command, "--pdeathsig", "KILL");
    argument(command, "--");
    add_environment(command, options);
    argument(command, options->ffmpeg);
    argument(command, "-hide_banner");
    argument(command, "-nostdin");
    argument(command, "-nostats");
    argument(command, "-loglevel");
    begin_argument(command);
    append(command, SPAN("repeat+level+"));
    if (caps->datetime) {
        append(command, SPAN("datetime+"));
    }
    append(command, SPAN("trace")); /* debug has no word of good responses */
    end_argument(command);
    option(command, "-progress", "pipe:1");
    if (ffmpeg_caps_has(caps, FFMPEG_OPTION_STATS_PERIOD)) {
        option(command, "-stats_period", "0.25");
    }
    add_input(command, options, viewer);
    add_map(command, program);
    option(command, "-c", "copy");
    option(command, "-f", "null");
    argument(command, "-");
    return seal(command, err);
}

int ffmpeg_command_build_probe(struct ffmpeg_command *command,
                               const struct ffmpeg_options *options, struct err *err)
{
    argument(command, options->setpriv);
    option(command, "--pdeathsig", "KILL");
    argument(command, "--");
    add_environment(command, options);
    argument(command, options->ffprobe);
    argument(command, "-hide_banner");
    option(command, "-loglevel", "error");
    add_http_options(command, options, "shoal-preflight/" SHOAL_VERSION, 0);
    option(command, "-show_entries", "program=program_id:program_tags=variant_bitrate");
    option(command, "-of", "default=nw=1");
    option(command, "-i", options->url);
    return seal(command, err);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_./:=+,@%", c) != NULL);
}

static int quote(const char *text, struct buf *out)
{
    bool plain = text[0] != '\0';
    for (const char *p = text; *p != '\0'; p++) {
        plain = plain && is_plain(*p);
    }
    if (plain) {
        return buf_append_string(out, text);
    }
    int status = buf_append_string(out, "'");
    for (const char *p = text; *p != '\0' && status == 0; p++) {
        status = *p == '\'' ? buf_append_string(out, "'\\''") : buf_append(out, p, 1);
    }
    return status == 0 ? buf_append_string(out, "'") : -1;
}

int ffmpeg_command_quote(const struct ffmpeg_command *command, struct buf *out)
{
    for (uint32_t i = 0; i < command->count; i++) {
        if ((i > 0 && buf_append_string(out, " ") != 0) || quote(command->argv[i], out) != 0) {
            return -1;
        }
    }
    return 0;
}
