/* How a kind of player behaves, as a const table of knobs: what it buffers, where it joins a
 * live stream, when it reloads, how it retries. The state machine in player/player.h reads the
 * table; one file a profile, all of them in player_profiles. Where each value comes from is in
 * docs/player-profiles.md.
 *
 * Immutable, any thread. */
#ifndef PLAYER_PROFILE_H
#define PLAYER_PROFILE_H

#include "base/fail.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* What a fetch is for. */
enum player_resource {
    PLAYER_MULTIVARIANT,   /* the URL of the run; it may turn out to be a media playlist */
    PLAYER_MEDIA_PLAYLIST, /* of a variant or a rendition */
    PLAYER_SEGMENT,
    PLAYER_INIT_SECTION, /* EXT-X-MAP */
    PLAYER_KEY,          /* EXT-X-KEY */
    PLAYER_RESOURCE_COUNT,
};

/* Failures as players tell them apart when they decide about a retry. */
enum player_trouble {
    PLAYER_TROUBLE_TIMEOUT,    /* connecting, the first byte or the body took too long */
    PLAYER_TROUBLE_CONNECTION, /* DNS, refused, reset, TLS, cut short */
    PLAYER_TROUBLE_CLIENT,     /* status 4xx and what else will not mend by asking again */
    PLAYER_TROUBLE_SERVER,     /* status 5xx */
    PLAYER_TROUBLE_CONTENT,    /* an answer that is not what was asked for */
    PLAYER_TROUBLE_COUNT,
};

/* Which of them a failure is. Must not be asked about FAIL_NONE. */
enum player_trouble player_trouble_of(enum fail fail);

/* What a player does when a kind of failure has used up its retries. */
enum player_then {
    PLAYER_THEN_FAIL,   /* the session fails */
    PLAYER_THEN_SWITCH, /* to the next variant, while there is one not yet in trouble; else as
                         * PLAYER_THEN_FAIL */
    PLAYER_THEN_SKIP,   /* the segment is left out; not for playlists */
};

/* As player_retry.retries: it asks until the session ends. */
#define PLAYER_RETRIES_ENDLESS UINT8_MAX

/* The retry rule for one kind of failure of one kind of resource: retry n (from 0) comes
 * min(first * factor^n, cap) after the failure. */
struct player_retry {
    uint8_t retries;     /* after the first attempt; or PLAYER_RETRIES_ENDLESS */
    bool endless_live;   /* PLAYER_RETRIES_ENDLESS while the playlist is not final */
    bool at_reload;      /* of playlists: it comes when a reload after a change would, where one
                          * was loaded before; the delays below mean nothing then */
    uint8_t then;        /* enum player_then */
    uint8_t jitter_pct;  /* the delay varies evenly by this much to either side */
    uint16_t factor_pct; /* 100: always the same delay; 200: doubled each time */
    int32_t first_ms;
    int32_t cap_ms;
};

/* What a player does with the connection after a whole response. */
enum player_keep {
    PLAYER_KEEP,      /* it may carry the next request */
    PLAYER_KEEP_GOOD, /* the same, but not after a status that is a failure */
    PLAYER_KEEP_NOT,  /* it carries no other request */
};

/* Patience and retries for one kind of resource. 0 means no bound. */
struct player_policy {
    const char *accept_encoding; /* NULL: the profile's */
    enum player_keep keep;
    bool first_must_come;  /* of playlists: no retry of one that was never loaded */
    int32_t connect_ms;    /* TCP and TLS */
    int32_t first_byte_ms; /* from the request to the first byte of the response */
    int32_t total_ms;      /* from the request to the last byte */
    struct player_retry retry[PLAYER_TROUBLE_COUNT];
};

/* Where a player joins a live stream that does not say so itself (EXT-X-START). */
enum player_join {
    PLAYER_JOIN_HOLD_BACK,         /* HOLD-BACK, else 3 target durations, before the end;
                                    * the playhead starts at that very point, or at the next
                                    * segment where that is at most join_tolerance_us away */
    PLAYER_JOIN_HOLD_BACK_SEGMENT, /* the same, rounded back to the start of a segment */
    PLAYER_JOIN_SEGMENT_COUNT,     /* at the join_segments-th last segment */
};

/* When a live playlist is loaded again after it has changed. */
enum player_reload {
    PLAYER_RELOAD_LAST_SEGMENT, /* after the duration of its last segment (rfc8216bis 6.3.4) */
    PLAYER_RELOAD_BY_VERSION,   /* the same up to EXT-X-VERSION 5, else after the target */
    PLAYER_RELOAD_SHORTER,      /* the shorter of the two near the live edge, else the target */
    PLAYER_RELOAD_AT_SEGMENT,   /* when playing comes to another segment, and at the earliest
                                 * after the duration of the last segment */
};

/* Where a player goes whose next segment has fallen out of the live window. */
enum player_behind {
    PLAYER_BEHIND_FIRST_LISTED,
    PLAYER_BEHIND_JOIN, /* to where it would join now */
};

struct player_profile {
    const char *name;    /* as in --player */
    const char *summary; /* one line for --help and the man page */

    /* What its requests look like. */
    const char *user_agent;      /* NULL: Shoal's own */
    const char *accept_encoding; /* for playlists and keys; NULL: none is sent */
    bool range_always;           /* every request carries `Range: bytes=0-` */
    uint8_t connections;         /* at most, to one host; unless apart: */
    bool connections_apart;      /* a connection of its own, closed again, for the URL of the
                                  * run, each init section, key and encrypted segment; one for
                                  * all playlists; two for the media of each rendition, in
                                  * turn. Else whichever is idle */

    /* Where it starts and what it keeps. */
    enum player_join join;
    uint8_t join_segments;       /* for PLAYER_JOIN_SEGMENT_COUNT */
    int64_t join_tolerance_us;   /* for PLAYER_JOIN_HOLD_BACK */
    bool honours_start;          /* EXT-X-START */
    bool starts_in_turn;         /* the first loads follow one another: the media playlists in
                                  * the order of the multivariant playlist, then the first
                                  * segment of each */
    uint8_t segments_in_flight;  /* per rendition, 1 or PLAYER_LINES_MEDIA */
    bool ahead_on_first_bytes;   /* the second of them is asked for once the first bytes of the
                                  * one before it are there; else at once */
    uint16_t buffer_segments;    /* buffer goal in whole segments; 0: by time */
    int64_t buffer_us;           /* buffer goal; INT64_MAX: no bound */
    int64_t buffer_limit_us;     /* the goal grows up to this while … */
    int64_t buffer_bytes;        /* … so many bytes at the variant's BANDWIDTH hold more;
                                  * 0: the goal does not grow */
    int64_t audio_ahead_targets; /* target durations that another rendition may be buffered
                                  * further than the main one; 0: no bound */
    int64_t start_us;            /* media needed to start; 0: the first segment */
    int64_t restart_us;          /* media needed to end a stall; 0: the first segment */
    bool ends_with_last_byte;    /* of VOD; else when the playhead reaches the end */

    /* When it loads again. */
    enum player_reload reload;
    bool reload_from_response; /* intervals count from the response, else from the request */
    uint16_t unchanged_pct;    /* wait after an unchanged playlist, in percent of a target
                                * duration */
    bool init_each_reload; /* the init section is fetched again after each changed playlist */
    int64_t tick_us;       /* media is asked for at multiples of this after the session's
                            * begin, where it waited for time to pass; 0: at once */
    enum player_behind behind;
    bool honours_retry_after;
    /* Live: a segment that still fails ends the session at a reload once newer ones are listed
     * and the one that playing began with is not listed any more. */
    bool stuck_ends;

    /* It reads media in pieces of so many bytes, as it plays. With each it asks again for the
     * segment ahead, where that failed, until playing has come to it; only then its policy
     * counts retries. Of a session's first segment there are none. 0: as the policy says. */
    uint32_t piece_bytes;

    struct player_policy policy[PLAYER_RESOURCE_COUNT];
};

/* All profiles of this build, ended by NULL; the first is the default. */
extern const struct player_profile *const player_profiles[];

/* The profile of that name, or NULL. */
const struct player_profile *player_profile_find(struct span name);

#endif
