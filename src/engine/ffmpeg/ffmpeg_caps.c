#include "engine/ffmpeg/ffmpeg_caps.h"

#include "base/buf.h"
#include "engine/ffmpeg/ffmpeg_process.h"

bool ffmpeg_caps_read_version(struct ffmpeg_caps *caps, struct span text)
{
    struct span line = span_cut(&text, '\n');
    if (!span_starts_with(line, SPAN("ffmpeg version "))) {
        return false;
    }
    line = span_skip(line, 15);
    struct span version = span_cut(&line, ' ');
    if (version.len >= sizeof caps->version) {
        version.len = sizeof caps->version - 1;
    }
    span_to_string(version, caps->version, sizeof caps->version);
    /* "5.1.9-0+deb12u1", "n7.1", "2026-01-02-git-…": the last has no major version. */
    struct span digits = span_skip(version, version.len > 0 && version.ptr[0] == 'n' ? 1 : 0);
    digits.len = span_find(digits, '.');
    uint64_t major = 0;
    caps->major = span_to_u64(digits, &major) && major < 1000 ? (uint32_t)major : 0;
    return true;
}

static const struct {
    struct span name;
    enum ffmpeg_option option;
} option_names[] = {
    {{"re", 2}, FFMPEG_OPTION_RE},
    {{"readrate", 8}, FFMPEG_OPTION_READRATE},
    {{"stats_period", 12}, FFMPEG_OPTION_STATS_PERIOD},
    {{"seg_max_retry", 13}, FFMPEG_OPTION_SEG_MAX_RETRY},
    {{"live_start_index", 16}, FFMPEG_OPTION_LIVE_START_INDEX},
    {{"user_agent", 10}, FFMPEG_OPTION_USER_AGENT},
    {{"headers", 7}, FFMPEG_OPTION_HEADERS},
    {{"rw_timeout", 10}, FFMPEG_OPTION_RW_TIMEOUT},
    {{"reconnect", 9}, FFMPEG_OPTION_RECONNECT},
    {{"reconnect_streamed", 18}, FFMPEG_OPTION_RECONNECT_STREAMED},
    {{"reconnect_on_network_error", 26}, FFMPEG_OPTION_RECONNECT_ON_NETWORK_ERROR},
    {{"reconnect_on_http_error", 23}, FFMPEG_OPTION_RECONNECT_ON_HTTP_ERROR},
    {{"reconnect_delay_max", 19}, FFMPEG_OPTION_RECONNECT_DELAY_MAX},
    {{"tls_verify", 10}, FFMPEG_OPTION_TLS_VERIFY},
    {{"verify", 6}, FFMPEG_OPTION_TLS_VERIFY},
    {{"ca_file", 7}, FFMPEG_OPTION_CA_FILE},
};

static void read_line(struct ffmpeg_caps *caps, struct span line)
{
    line = span_trim(line);
    if (line.len < 2 || line.ptr[0] != '-') {
        return;
    }
    line = span_skip(line, 1);
    struct span name = span_of(line.ptr, span_find(line, ' '));
    for (size_t i = 0; i < sizeof option_names / sizeof option_names[0]; i++) {
        if (span_equal(name, option_names[i].name)) {
            caps->options |= UINT32_C(1) << option_names[i].option;
            caps->tls_strict =
                caps->tls_strict || (option_names[i].option == FFMPEG_OPTION_TLS_VERIFY &&
                                     (span_ends_with(line, SPAN("(default true)")) ||
                                      span_ends_with(line, SPAN("(default 1)"))));
        }
    }
}

void ffmpeg_caps_read_full(struct ffmpeg_caps *caps, struct span text)
{
    bool wanted = false;
    while (text.len > 0) {
        struct span line = span_cut(&text, '\n');
        if (span_ends_with(span_trim(line), SPAN(" AVOptions:"))) {
            wanted = span_starts_with(line, SPAN("http ")) ||
                     span_starts_with(line, SPAN("https ")) ||
                     span_starts_with(line, SPAN("tls "));
        } else if (wanted) {
            read_line(caps, line);
        }
    }
}

void ffmpeg_caps_read_options(struct ffmpeg_caps *caps, struct span text)
{
    while (text.len > 0) {
        struct span line = span_trim(span_cut(&text, '\n'));
        /* "hls,applehttp" in version 4.1. */
        if (span_starts_with(line, SPAN("Demuxer hls ")) ||
            span_starts_with(line, SPAN("Demuxer hls,"))) {
            caps->hls = true;
        }
        read_line(caps, line);
    }
}

void ffmpeg_caps_read_programs(struct ffmpeg_caps *caps, struct span text)
{
    caps->program_count = 0;
    bool in_program = false;
    while (text.len > 0) {
        struct span line = span_trim(span_cut(&text, '\n'));
        uint64_t number = 0;
        if (span_starts_with(line, SPAN("program_id="))) {
            in_program = caps->program_count < FFMPEG_PROGRAMS_MAX;
            if (in_program) {
                caps->program_bps[caps->program_count++] = 0;
            }
        } else if (in_program && span_starts_with(line, SPAN("TAG:variant_bitrate=")) &&
                   span_to_u64(span_skip(line, 20), &number)) {
            caps->program_bps[caps->program_count - 1] = number;
        }
    }
}

enum {
    TEXT_LIMIT = 4 << 20, /* -h full is longer than one MiB */
    ASK_TIMEOUT_US = 10000000,
};

/* Runs the binary with up to five arguments and reads stdout and stderr together. Returns its
 * exit status, or -1 with *err filled. */
static int ask(const char *ffmpeg, const char *const args[5], struct buf *text, struct err *err)
{
    const char *argv[7] = {ffmpeg};
    for (size_t i = 0; i < 5 && args[i] != NULL; i++) {
        argv[i + 1] = args[i];
    }
    text->len = 0;
    return ffmpeg_process_capture(argv, ASK_TIMEOUT_US, text, err);
}

/* The options come from -h texts, since what a binary does not know ends it at once. */
static int ask_options(struct ffmpeg_caps *caps, const char *ffmpeg, struct buf *text,
                       struct err *err)
{
    static const char *const topics[][5] = {
        {"-hide_banner", "-h", "long"},
        {"-hide_banner", "-h", "demuxer=hls"},
        {"-hide_banner", "-h", "protocol=http"},
        {"-hide_banner", "-h", "protocol=tls"},
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (ask(ffmpeg, topics[i], text, err) < 0) {
            return -1;
        }
        ffmpeg_caps_read_options(caps, buf_span(text));
    }
    if (!ffmpeg_caps_has(caps, FFMPEG_OPTION_USER_AGENT)) {
        /* Version 4.1 has no help on protocols but in its longest text. */
        static const char *const full[5] = {"-hide_banner", "-h", "full"};
        if (ask(ffmpeg, full, text, err) < 0) {
            return -1;
        }
        ffmpeg_caps_read_full(caps, buf_span(text));
    }
    /* An option of all protocols, listed only in the long text of all options; every version
     * from 4 on has it. */
    caps->options |= UINT32_C(1) << FFMPEG_OPTION_RW_TIMEOUT;
    return 0;
}

static int ask_all(struct ffmpeg_caps *caps, const char *ffmpeg, struct buf *text,
                   struct err *err)
{
    static const char *const version[5] = {"-version"};
    /* -version alone would not look at the level. */
    static const char *const datetime[5] = {"-hide_banner", "-loglevel",
                                            "repeat+level+datetime+info", "-version"};
    if (ask(ffmpeg, version, text, err) < 0) {
        return -1;
    }
    if (!ffmpeg_caps_read_version(caps, buf_span(text))) {
        return err_set(err, ERR_START, ffmpeg, "name an ffmpeg binary",
                       "it does not say \"ffmpeg version\" when asked with -version");
    }
    int status = ask(ffmpeg, datetime, text, err);
    if (status < 0) {
        return -1;
    }
    struct span words = buf_span(text);
    bool refused = status != 0 || memmem(words.ptr, words.len, "Invalid loglevel", 16) != NULL;
    caps->datetime = !refused;
    if (ask_options(caps, ffmpeg, text, err) != 0) {
        return -1;
    }
    if (!caps->hls) {
        return err_set(err, ERR_START, ffmpeg, "install a build with the HLS demuxer",
                       "version %s was built without it", caps->version);
    }
    return 0;
}

int ffmpeg_caps_ask(struct ffmpeg_caps *caps, const char *ffmpeg, struct err *err)
{
    *caps = (struct ffmpeg_caps){0};
    struct buf text;
    buf_init(&text, TEXT_LIMIT);
    int status = ask_all(caps, ffmpeg, &text, err);
    buf_release(&text);
    return status;
}
