/* What an ffmpeg binary can do, by its own words: nothing is assumed from its version. The
 * readers are pure; ffmpeg_caps_ask runs the binary. */
#ifndef ENGINE_FFMPEG_FFMPEG_CAPS_H
#define ENGINE_FFMPEG_FFMPEG_CAPS_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Options that not every version has. */
enum ffmpeg_option {
    FFMPEG_OPTION_RE,
    FFMPEG_OPTION_READRATE,
    FFMPEG_OPTION_STATS_PERIOD,
    FFMPEG_OPTION_SEG_MAX_RETRY,
    FFMPEG_OPTION_LIVE_START_INDEX,
    FFMPEG_OPTION_USER_AGENT,
    FFMPEG_OPTION_HEADERS,
    FFMPEG_OPTION_RW_TIMEOUT,
    FFMPEG_OPTION_RECONNECT,
    FFMPEG_OPTION_RECONNECT_STREAMED,
    FFMPEG_OPTION_RECONNECT_ON_NETWORK_ERROR,
    FFMPEG_OPTION_RECONNECT_ON_HTTP_ERROR,
    FFMPEG_OPTION_RECONNECT_DELAY_MAX,
    FFMPEG_OPTION_TLS_VERIFY,
    FFMPEG_OPTION_CA_FILE,
    FFMPEG_OPTION_COUNT,
};

enum {
    FFMPEG_PROGRAMS_MAX = 64,
};

struct ffmpeg_caps {
    char version[64]; /* as it calls itself, e.g. "5.1.9-0+deb12u1" */
    uint32_t major;   /* 0 when the version is not a number, as in builds of the day */
    uint32_t options; /* bit 1 << enum ffmpeg_option */
    bool hls;         /* it has the HLS demuxer */
    bool datetime;    /* -loglevel takes `datetime` */
    bool tls_strict;  /* certificates are checked unless told otherwise; the demuxer does not
                       * tell its segments' connections, so theirs always are */

    /* Of the stream, by ffprobe; program_count is 0 when it was not asked. */
    uint32_t program_count;
    uint64_t program_bps[FFMPEG_PROGRAMS_MAX]; /* bandwidth, 0 unknown */
};

static inline bool ffmpeg_caps_has(const struct ffmpeg_caps *caps, enum ffmpeg_option option)
{
    return (caps->options & (UINT32_C(1) << option)) != 0;
}

/* Reads the first line of `ffmpeg -version`. Returns false when it is not one. */
bool ffmpeg_caps_read_version(struct ffmpeg_caps *caps, struct span text);

/* Reads a text of `-h …`: notes the options named at the start of its lines. */
void ffmpeg_caps_read_options(struct ffmpeg_caps *caps, struct span text);

/* Reads the text of `-h full`, of which only the sections of the protocols http and tls are
 * looked at. */
void ffmpeg_caps_read_full(struct ffmpeg_caps *caps, struct span text);

/* Reads what ffprobe says of the programs, in its default format without wrappers. */
void ffmpeg_caps_read_programs(struct ffmpeg_caps *caps, struct span text);

/* Runs the binary at an absolute path and fills caps, programs apart. Returns 0, or -1 with
 * *err filled. */
int ffmpeg_caps_ask(struct ffmpeg_caps *caps, const char *ffmpeg, struct err *err);

#endif
