/* What is known of a run before its first viewer, as the views show it. App fills it once; from
 * views_start on it is constant and any thread may read it. Every string is borrowed and ends
 * in NUL; it must live until views_free. What a run does not have is NULL or 0. */
#ifndef VIEW_RUN_INFO_H
#define VIEW_RUN_INFO_H

#include <stdbool.h>
#include <stdint.h>

/* One variant of the stream, in the order of its label in the statistics. */
struct run_variant {
    const char *name;       /* as the metric label: "1280x720 2.1 Mbit/s", "audio en" */
    const char *codecs;     /* as in the playlist, or NULL */
    uint64_t bandwidth_bps; /* BANDWIDTH, 0 when the stream has no multivariant playlist */
    unsigned width, height; /* 0 when not stated */
};

/* One stage of the plan: the target moves linearly to `target` within duration_us. */
struct run_stage {
    int64_t duration_us;
    uint32_t target;
};

struct run_info {
    const char *version;     /* of Shoal */
    const char *command;     /* the command line, arguments quoted where needed */
    const char *host;        /* name of this machine */
    const char *url;         /* the stream */
    const char *engine;      /* as in --engine */
    const char *player;      /* the profile, as in --player */
    const char *variant;     /* the rule, as in --variant */
    const char *stream_kind; /* "live" or "vod" */
    const char *id;          /* names this run: start time and random digits */

    int64_t start_us;      /* monotonic: time 0 of the plan */
    int64_t start_wall_us; /* the same moment since 1970, UTC */
    int64_t duration_us;   /* planned length of the run, 0 when none is planned */
    int64_t session_us;    /* mean length of one viewing, 0: unbounded */
    bool once;             /* the run ends with the last session */
    uint64_t seed;

    const struct run_stage *stages;
    unsigned stage_count;
    uint32_t viewers_peak;  /* the most that the plan wants */
    uint32_t viewers_limit; /* the target may be raised to this while running */
    uint32_t viewers_told;  /* /metrics tells so many one by one */

    const struct run_variant *variants;
    unsigned variant_count;

    unsigned workers;          /* worker threads; worker i counts into lane i */
    uint64_t descriptor_limit; /* RLIMIT_NOFILE after raising it */
    uint64_t bytes_per_viewer; /* memory of one viewer, as preflight states it */
    uint64_t viewer_rate_bps;  /* --viewer-rate, 0: as fast as it comes */
};

#endif
