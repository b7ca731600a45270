/* The FFmpeg engine: each viewer is a real ffmpeg process, whose log and progress are counted
 * into the worker's lane as the native viewers' doings are. For realism, and as the referee of
 * the native engine.
 *
 * Wiring, on the main thread before the workers start:
 *
 *     struct ffmpeg_options options;
 *     ffmpeg_options_init(&options);
 *     options.url = …;                            fill in what the command line says
 *     ffmpeg_prepare(&options, viewers, &err);    asks the binary and the machine what they can
 *     … engine_ffmpeg with &options as engine_setup.options …
 *     ffmpeg_options_fini(&options);              after the last engine is closed
 *
 * The engine never calls setpriv or ffmpeg through a shell. Processes die with the worker
 * thread that started them, even when Shoal is killed: setpriv sets their parent-death signal,
 * and a process that escaped it dies of its next line of log, whose pipe is gone. */
#ifndef ENGINE_FFMPEG_FFMPEG_H
#define ENGINE_FFMPEG_FFMPEG_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "engine/ffmpeg/ffmpeg_caps.h"
#include "engine/ffmpeg/ffmpeg_trace.h"

#include <stdbool.h>
#include <stdint.h>

/* What a process costs, as measured with version 5.1 of Debian 12 on small streams: memory of
 * its own once many share the libraries. */
#define FFMPEG_PROCESS_BYTES ((size_t)20 << 20)

/* What it costs this process: two pipes and the pidfd. */
#define FFMPEG_DESCRIPTORS 3

enum ffmpeg_variant {
    FFMPEG_VARIANT_FIRST, /* the first in the multivariant playlist */
    FFMPEG_VARIANT_HIGHEST,
    FFMPEG_VARIANT_LOWEST,
    FFMPEG_VARIANT_ALL, /* every viewer plays all at once */
    FFMPEG_VARIANT_INDEX,
    FFMPEG_VARIANT_RANDOM, /* each viewer another one, by the seed */
};

/* --resolve HOST:PORT:ADDR. */
struct ffmpeg_resolve {
    struct span host;
    uint16_t port;    /* 0: any */
    char address[64]; /* numeric, without brackets */
};

/* What becomes of a session whose process exits before it should: it is started again after a
 * pause that grows by `factor` each time, drawn between half of it and all of it. */
struct ffmpeg_restart {
    int64_t first_us;      /* the first pause */
    int64_t longest_us;    /* no pause is longer */
    double factor;         /* at least 1 */
    int64_t good_after_us; /* a process that played so long begins anew with the first pause */
    uint32_t limit;        /* restarts within one session; then it has failed */
};

/* All strings are borrowed until the last engine is closed; NULL or 0 is "not given". */
struct ffmpeg_options {
    const char *url;
    const char *ffmpeg_path;  /* a name looked up in PATH, or a path; "ffmpeg" */
    const char *ffprobe_path; /* likewise; "ffprobe" */
    const char *setpriv_path; /* likewise; "setpriv" */

    const char *user_agent;    /* "{viewer}" in it stands for the viewer's number */
    const char *extra_headers; /* whole lines "Name: value\r\n…" */

    bool insecure; /* certificates are not checked; FFmpeg checks only the first request's */
    const char *ca_file;                   /* PEM */
    const struct ffmpeg_resolve *resolves; /* for playlists and segments alike */
    uint32_t resolve_count;
    const char *resolve_library; /* what obeys them, see resolve_preload.c; NULL: ours */

    enum ffmpeg_variant variant;
    uint32_t variant_index; /* for FFMPEG_VARIANT_INDEX */
    struct ffmpeg_variants
        variants;                  /* addresses of the variants, for the label; may be empty */
    struct ffmpeg_servers servers; /* of the servers, likewise */

    bool unpaced;            /* read as fast as the server sends; otherwise in real time */
    int64_t read_timeout_us; /* of FFmpeg's sockets; 0: none, a frozen server is waited for */
    bool reconnect;          /* FFmpeg's own reconnecting, where the binary has it */
    int64_t reconnect_delay_max_us;
    uint32_t segment_retries; /* -seg_max_retry, where the binary has it */
    int32_t
        live_start_index; /* segment to join at, negative from the end; 0: FFmpeg's own, -3 */

    struct ffmpeg_restart restart;
    int64_t stall_after_us; /* no progress for so long is a stall */
    int64_t term_grace_us;  /* from the polite signal to the firm one */

    /* Written by ffmpeg_prepare. */
    struct ffmpeg_caps caps;
    char ffmpeg[256], ffprobe[256], setpriv[256]; /* absolute paths */
    char resolve_path[512]; /* of the library, where resolve_library is NULL */
};

/* The defaults; every pointer NULL except the programs' names. */
void ffmpeg_options_init(struct ffmpeg_options *options);

/* Finds the programs, asks the binary what it can do, asks ffprobe for the variants where the
 * choice needs them, and compares what `viewers` processes need with what the machine has.
 * Starts processes and waits for them, 10 s at most for each. Returns 0, or -1 with *err filled
 * (ERR_START for a missing program, a stream that cannot be read, or limits; ERR_USAGE for what
 * the binary cannot be told). */
int ffmpeg_prepare(struct ffmpeg_options *options, uint32_t viewers, struct err *err);

/* Frees what ffmpeg_prepare allocated. */
void ffmpeg_options_fini(struct ffmpeg_options *options);

/* --print-command: the exact command line of one viewer, quoted for a shell, in one line
 * without its end, appended to `out`. After ffmpeg_prepare. Returns 0, or -1 when `out` is
 * full. */
int ffmpeg_print_command(const struct ffmpeg_options *options, uint32_t viewer, uint64_t seed,
                         struct buf *out);

extern const struct engine_type engine_ffmpeg;

#endif
