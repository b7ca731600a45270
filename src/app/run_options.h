/* The options of `shoal run`, read, checked and complete: what was not given holds its default.
 * They come from the command line and from the file named by --config; options.def lists them.
 *
 * Main thread. Constant once read. */
#ifndef APP_RUN_OPTIONS_H
#define APP_RUN_OPTIONS_H

#include "app/options.h"
#include "base/err.h"
#include "base/span.h"
#include "engine/engine.h"
#include "net/net.h"
#include "player/player.h"
#include "player/profile.h"
#include "run/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RUN_OPTIONS_SOURCES_MAX = 65536, /* addresses of --bind */
};

struct run_options {
    /* Texts made while reading; owned. Every const char * below points into it, into argv, or
     * is NULL. */
    struct option_memory memory;

    const char *url;         /* absolute, http or https */
    const char *config_path; /* --config, or NULL */

    /* Load. `stages` is the whole plan: --viewers with its --ramp, then each --stage. */
    struct plan_stage stages[PLAN_STAGES_MAX];
    unsigned stage_count; /* at least 1 */
    enum plan_arrival arrival;
    uint32_t viewers_limit;  /* --max-viewers, or the plan's peak when not given */
    int64_t duration_us;     /* 0: until interrupted, or with --once the last session's end.
                                Stages without --duration: their sum. */
    int64_t session_mean_us; /* 0: sessions are not bounded */
    bool once;
    uint32_t threads; /* at least 1 */
    uint64_t seed;    /* drawn from the system's randomness unless given */

    /* Viewer. */
    const struct engine_type *engine;     /* --engine */
    const struct player_profile *profile; /* --player */
    const char *ffmpeg;                   /* --ffmpeg, or NULL */
    bool print_command;
    bool reconnect;
    uint32_t restarts;   /* 0: not given */
    const char *variant; /* as given: "first", "3" */
    enum player_variant_rule variant_rule;
    uint32_t variant_index;
    int64_t live_offset_us; /* these four: -1 leaves it to the profile */
    int64_t buffer_us;
    int64_t start_us;
    int64_t restart_us;
    uint64_t viewer_rate_bps; /* 0: unbounded */

    /* Transport. */
    const char *user_agent;    /* NULL: Shoal's own */
    const char *extra_headers; /* whole lines "Name: value\r\n…", or NULL */
    bool insecure;
    const char *ca_file;            /* PEM, readable; or NULL */
    const char *dns_servers;        /* "ADDR[:PORT],…", or NULL */
    struct net_override *overrides; /* owned */
    uint32_t override_count;
    union net_address *sources; /* owned */
    uint32_t source_count;
    int64_t connect_timeout_us; /* 0: the transport's default */
    int64_t total_timeout_us;   /* the same */

    /* Observers. */
    bool listen;                /* false: --listen off */
    const char *listen_address; /* numeric, without brackets */
    uint16_t listen_port;       /* 0: the system chooses */
    bool listen_port_exact;     /* given: busy is an error */
    bool no_tui;
    bool quiet;
    const char *out_path; /* JSON, "-" is standard output; these: NULL when not given */
    const char *csv_path;
    const char *html_path;
    const char *junit_path;
    const char *hlog_path; /* --hlog, or NULL */
    const char *hgrm_prefix;
    const char *listen_token;
    const char *failures_path;
    uint32_t viewers_told;      /* by /metrics, one by one */
    const char *origin_urls[8]; /* ORIGIN_SOURCES_MAX of view/ */
    unsigned origin_count;
    const char *thresholds[64]; /* as given; threshold_parse reads them by the schema */
    unsigned threshold_count;

    /* As given, before they became the plan. Of no use to others. */
    uint32_t viewers;  /* 0: not given */
    int64_t ramp_us;   /* -1: not given as a time */
    double ramp_per_s; /* 0: not given as a rate */
    struct plan_stage given_stages[PLAN_STAGES_MAX];
    unsigned given_stage_count;
};

/* The table of options.def, for tests. */
extern const struct option_command run_command;

/* Reads `shoal run …`, argv[0] being "run". Returns 0; 1 when --help was asked for and printed;
 * or -1 with *err filled. run_options_fini after 0. */
int run_options_read(int argc, char **argv, struct run_options *out, struct err *err);
void run_options_fini(struct run_options *options);

#endif
