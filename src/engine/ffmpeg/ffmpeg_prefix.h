/* What stands in front of the words of a line of FFmpeg's log: the time of day, the context
 * that speaks, the level. Pure; any thread. */
#ifndef ENGINE_FFMPEG_FFMPEG_PREFIX_H
#define ENGINE_FFMPEG_FFMPEG_PREFIX_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a line comes from, by the context in its prefix. */
enum ffmpeg_source {
    FFMPEG_SOURCE_NONE, /* no context: the ffmpeg program itself */
    FFMPEG_SOURCE_HTTP,
    FFMPEG_SOURCE_TCP,
    FFMPEG_SOURCE_TLS,
    FFMPEG_SOURCE_FORMAT, /* the HLS demuxer, or a format context before its format is known */
    FFMPEG_SOURCE_IO,
    FFMPEG_SOURCE_OTHER, /* decoders, other demuxers, filters */
};

struct ffmpeg_prefix {
    enum ffmpeg_source source;
    bool is_trace;    /* said at the level of least interest */
    int32_t stamp_ms; /* the line's own time of day, -1 without the `datetime` flag */
    uint64_t context; /* the pointer, which is the identity of a connection; 0 for none */
};

/* Takes the prefix off the front of a line and writes what it says, the defaults for parts that
 * are not there. Returns whether there was one. */
bool ffmpeg_prefix_eat(struct span *text, struct ffmpeg_prefix *out);

#endif
