/* `shoal run --engine ffmpeg`: from the options of the command to those of that engine. Main
 * thread. */
#ifndef APP_RUN_FFMPEG_H
#define APP_RUN_FFMPEG_H

#include "app/preflight.h"
#include "app/run_options.h"
#include "base/err.h"
#include "engine/ffmpeg/ffmpeg.h"
#include "media/m3u8.h"

struct run_ffmpeg {
    struct ffmpeg_options options;
    char player[80];                         /* its name and version, for people */
    struct ffmpeg_resolve *resolves;         /* owned */
    struct span *variant_urls;               /* owned; into variant_text */
    char *variant_text;                      /* owned */
    struct span servers[METRIC_SERVERS_MAX]; /* into server_text */
    char server_text[METRIC_SERVERS_MAX][NET_ADDRESS_TEXT];
};

/* Fills everything, and asks binary and machine. Where --print-command was given prints the
 * command of viewer 0 and returns 1. Otherwise 0, or -1 with *err filled. `run` and
 * `stream` are borrowed until run_ffmpeg_fini, which is right after any of these. */
int run_ffmpeg_prepare(struct run_ffmpeg *ffmpeg, const struct run_options *run,
                       const struct preflight_stream *stream, struct err *err);
void run_ffmpeg_fini(struct run_ffmpeg *ffmpeg);

#endif
