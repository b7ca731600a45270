/* One viewer's session as a pure state machine: which playlists, segments, init sections and
 * keys a player asks for and when, and what its viewer sees: the start, the stalls, the
 * latency. It has no sockets, no clock and no memory of its own: it is told what arrived and
 * what time it is, and it answers with the next thing to do.
 *
 *     player_init(&player, renditions, capacity, &config, &session);
 *     again: after player_init, after each player_on_… and whenever a wait is over
 *         while player_next(&player, now, &action) is PLAYER_FETCH: start that fetch;
 *         PLAYER_WAIT: set a timer; PLAYER_ENDED or PLAYER_FAILED: player_fini
 *         while player_event(&player, &event): count it
 *
 *     player_on_first_bytes when a segment begins to arrive, where the profile asks for that
 *
 * Each fetch ends by exactly one call with its token: player_on_playlist, player_on_done or
 * player_on_fail. PLAYER_ENDED and PLAYER_FAILED come only when no fetch is left in flight, so
 * that an orderly end aborts nothing.
 *
 * The virtual playhead: the media of a segment counts as buffered when its last byte arrives;
 * the playable end is the least over the renditions; a stall begins at the exact moment the
 * playhead meets it, whenever that is found out, and ends when the restart threshold is
 * buffered. Media that is left out (EXT-X-GAP, fallen out of the window, given up) is jumped
 * over. Definitions: CTA-2066.
 *
 * A player belongs to one thread; times are µs of one clock that never goes back (an earlier
 * time than the last is taken as the last). */
#ifndef PLAYER_PLAYER_H
#define PLAYER_PLAYER_H

#include "base/fail.h"
#include "base/rng.h"
#include "base/span.h"
#include "media/m3u8.h"
#include "player/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fetches of one rendition that may be in flight: its playlist, and media. */
#define PLAYER_LINES_MEDIA 2
#define PLAYER_LINES       (1 + PLAYER_LINES_MEDIA)

/* Renditions that one player can play at once; more are left out. */
#define PLAYER_RENDITIONS_MAX 64

enum player_variant_rule {
    PLAYER_VARIANT_FIRST,
    PLAYER_VARIANT_HIGHEST, /* by BANDWIDTH */
    PLAYER_VARIANT_LOWEST,
    PLAYER_VARIANT_INDEX,  /* variant_index, the last where there are fewer */
    PLAYER_VARIANT_RANDOM, /* drawn from the seed */
    PLAYER_VARIANT_ALL,    /* every variant and audio rendition at once */
};

/* What all sessions of a run have in common. Fill it by player_config_init. */
struct player_config {
    const struct player_profile *profile; /* borrowed, const table */
    struct span url;                      /* absolute; borrowed */
    enum player_variant_rule variant_rule;
    uint32_t variant_index;
    /* What overrides the profile; -1 leaves it to the profile. */
    int64_t live_offset_us; /* join so far from the end, and count the playhead from there */
    int64_t buffer_us;
    int64_t start_us;
    int64_t restart_us;
};

void player_config_init(struct player_config *config, const struct player_profile *profile,
                        struct span url);

/* What is a session's own. */
struct player_session {
    uint64_t seed;       /* the same seed and the same answers give the same session */
    int64_t intended_us; /* when it was to begin: start-up and watched time count from here */
    int64_t length_us;   /* the viewer leaves after this long; 0: stays to the end */
};

/* ---- What to do next ---- */

enum player_do {
    PLAYER_FETCH,
    PLAYER_WAIT,   /* nothing to do before until_us unless a fetch ends */
    PLAYER_ENDED,  /* the session is over: played to its end, or its viewer left */
    PLAYER_FAILED, /* the session is over: `fail` could not be overcome */
};

struct player_action {
    enum player_do what;

    /* PLAYER_WAIT: always later than now; INT64_MAX: only the end of a fetch changes
     * anything. */
    int64_t until_us;

    /* PLAYER_FAILED. */
    enum fail fail;

    /* PLAYER_FETCH. */
    uint32_t token; /* names the fetch in the call that ends it */
    enum player_resource resource;
    struct span reference;       /* the URI; valid until the next call other than player_next
                                  * and player_event, as is playlist */
    const struct m3u8 *playlist; /* resolves it, see m3u8_resolve. NULL: the reference is
                                  * absolute */
    const struct m3u8 *multivariant; /* for m3u8_source when a media playlist is fetched; NULL
                                      * when there is none */
    uint64_t range_offset;
    uint64_t range_length; /* 0: the whole resource; M3U8_TO_THE_END */
    uint32_t rendition;    /* index of the rendition it is for */
    uint32_t variant;      /* index in the multivariant playlist; 0 without one */
    bool encrypted;        /* a segment that is encrypted whole: its bytes look like noise */
    uint8_t connection;    /* 0, or the number of the one that all such fetches share */
    uint32_t attempt;      /* 0: the first; more: a retry of the same resource */
    enum player_keep keep;
    const char *accept_encoding; /* const; NULL: none */
    int64_t duration_us;         /* media in a segment; 0 for other resources */
    int64_t intended_us; /* when the player wanted it to begin; latencies count from here */
    int64_t connect_us;  /* patience; 0: no bound */
    int64_t first_byte_us;
    int64_t total_us;
};

/* ---- What happened ---- */

enum player_happening {
    PLAYER_STARTED, /* value_us: initial startup time */
    PLAYER_STALL_BEGAN,
    PLAYER_STALL_ENDED,     /* value_us: its length; also told of a stall that a session ends
                             * in */
    PLAYER_SEGMENT_IN_TIME, /* value_us: slack, what was left to its deadline, >= 0 */
    PLAYER_SEGMENT_MISSED,  /* value_us: how late, > 0. Segments before the first start have no
                             * deadline and make neither of the two */
    PLAYER_EDGE_LATENCY,    /* value_us: end of the live playlist less playhead, once each time
                             * the main playlist was loaded and the playhead has started */
    PLAYER_SKIPPED,         /* count: segments left out for having fallen out of the window or
                             * been given up */
    PLAYER_GAP,             /* count: segments that the playlist marks as gaps, not fetched */
    PLAYER_UNCHANGED,       /* a reload brought nothing new */
    PLAYER_SWITCHED,        /* count: the index of the variant now played */
    PLAYER_FAULT,           /* fail: of class STREAM or LOCAL, or PLAYLIST_INVALID where there
                             * was nothing to play; count: how many */
    PLAYER_OVER,            /* watching ended; fetches may still be in flight. fail: FAIL_NONE,
                             * or why the session failed. Nothing is watched after at_us */
};

struct player_event {
    int64_t at_us; /* when it happened: computed, may be earlier than the call that found it */
    int64_t value_us;
    enum player_happening what;
    enum fail fail;
    uint32_t count;
    uint32_t rendition; /* which rendition, where that means something */
};

/* Room for what one call can bring about. */
#define PLAYER_EVENTS 128

/* Time since the session was to begin, by what the viewer saw. Watched time is the sum of the
 * three; media time is playing_us. */
struct player_times {
    int64_t startup_us; /* wanting to play before the first start */
    int64_t playing_us;
    int64_t stalled_us;
};

/* ---- The machine; its fields are its own ---- */

/* One fetch at a time: of the rendition's playlist, or of a segment with the key and the init
 * section that it needs first. */
struct player_line {
    int64_t began_us;    /* when the newest fetch of it was due */
    int64_t due_us;      /* LINE_READY: when it may be given out; INT64_MAX: not foreseeable */
    int64_t deadline_us; /* when the playhead needs the segment; INT64_MAX: none */
    int64_t position_us; /* where the segment begins on the media time line */
    int64_t duration_us; /* of the segment */
    uint64_t sequence;   /* of the segment */
    uint64_t asset;      /* identity of the key or init section being fetched, else 0 */
    uint32_t serial;     /* distinguishes tokens */
    uint8_t state;       /* enum player_line_state */
    uint8_t resource;    /* enum player_resource of the newest fetch */
    uint8_t attempts[PLAYER_TROUBLE_COUNT]; /* failed so far, by kind of trouble */
    uint8_t attempts_late; /* failed since playing came to the segment, with piece_bytes */
    bool abandoned;        /* in flight for a variant that is not played any more */
    bool arriving;         /* the first bytes of the segment in flight are there */
};

enum player_line_state {
    PLAYER_LINE_IDLE,
    PLAYER_LINE_READY,     /* to be given out when it is due */
    PLAYER_LINE_IN_FLIGHT, /* the caller has it */
};

/* One playlist being played: a variant's, or that of an alternate audio rendition. */
struct player_rendition {
    struct m3u8 *playlist;  /* owned reference; NULL before the first was accepted */
    int64_t end_us;         /* media buffered up to here, on the session's media time line */
    int64_t next_us;        /* where the segment to be asked for next begins */
    uint64_t next_sequence; /* its media sequence number */
    int64_t changed_us;     /* when the newest load that brought something new began */
    int64_t edge_us;        /* end of the playlist on the media time line */
    int64_t piece_us;       /* time that a piece (profile.piece_bytes) of the newest segment
                             * plays; 0: none is there */
    uint64_t map_asset;     /* the init section that was fetched last; 0: none */
    uint64_t key_asset;     /* the key that was used last; 0: none */
    struct player_line lines[PLAYER_LINES]; /* [0] is the playlist's */
    uint32_t variant;                       /* index in the multivariant playlist */
    uint32_t alternate; /* index of the alternate rendition, or M3U8_NONE for a variant */
    uint8_t regressed;  /* loads in a row whose media sequence went backwards */
    bool joined;        /* end_us and next_us are valid */
    bool aligned;       /* next_sequence is valid for the playlist */
    bool begun;         /* a first segment arrived, or was left out */
    bool complete;      /* everything up to the end of the stream is buffered */
    bool dropped;       /* given up; plays no part any more */
    bool stale;         /* told of; until it changes again */
};

/* Media left out: the playhead jumps from start_us to end_us. Empty when they are equal. */
struct player_hole {
    int64_t start_us, end_us;
};
#define PLAYER_HOLES 2

/* Keys that a viewer keeps beside those in use. */
#define PLAYER_KEYS 4

struct player {
    const struct player_config *config;  /* borrowed until player_fini */
    struct player_rendition *renditions; /* the caller's memory, borrowed until player_fini */
    struct player_event *events;         /* the same */
    struct m3u8 *multivariant;           /* owned reference; NULL before it was accepted, or
                                          * when the URL is a media playlist */
    struct rng rng;
    int64_t intended_us;
    int64_t leaves_us;           /* when the viewer leaves; INT64_MAX: never */
    int64_t now_us;              /* the newest time told */
    int64_t playhead_us;         /* on the media time line, at now_us */
    int64_t stall_us;            /* when the stall began that goes on */
    uint64_t origin_sequence;    /* number of the segment at 0 of the media time line */
    int64_t origin_us;           /* of a final playlist: its time at 0 of the media time line */
    int64_t origin_date_us;      /* its date there, or M3U8_NO_DATE */
    struct player_times times;   /* up to now_us */
    struct player_times counted; /* what player_account has given out */
    uint64_t keys[PLAYER_KEYS];  /* identities of keys held, newest first */
    struct player_hole holes[PLAYER_HOLES];
    uint64_t troubled; /* variants given up, a bit each */
    uint32_t in_flight;
    uint32_t serial;
    uint16_t capacity; /* renditions there is room for */
    uint16_t count;    /* renditions in use */
    uint8_t state;     /* enum player_state */
    uint8_t fail; /* enum fail: the newest, once PLAYER_STATE_OVER why the session failed */
    uint8_t event_count, event_next;
    bool entered;         /* the playlist of the configured URL was accepted */
    bool joined;          /* the media time line has its origin */
    bool origin_is_final; /* and had it in a playlist that was complete already */
};

_Static_assert(sizeof(struct player_rendition) <= 384, "memory per rendition is a budget");
_Static_assert(sizeof(struct player) + 2 * sizeof(struct player_rendition) <= 1024,
               "memory per viewer is a budget");

enum player_state {
    PLAYER_STATE_STARTUP, /* not yet started */
    PLAYER_STATE_PLAYING,
    PLAYER_STATE_STALLED,
    PLAYER_STATE_OVER, /* fetches may still be in flight */
};

/* ---- Calls ---- */

/* Whether a media playlist, on its first load, is one that a player can begin with. */
bool player_can_play(const struct m3u8 *playlist);

/* How many renditions a session of this stream can need at once, at least 1, at most
 * PLAYER_RENDITIONS_MAX: what the variant rule plays together, with alternate audio. For sizing
 * the array given to player_init. `playlist` is what the configured URL holds. */
uint32_t player_renditions_needed(const struct player_config *config,
                                  const struct m3u8 *playlist);

/* How many connections a session of so many renditions opens at most at a time to one host, and
 * how many it keeps open as long as it lasts at the least. */
uint32_t player_connections_most(const struct player_profile *profile, uint32_t renditions);
uint32_t player_connections_kept(const struct player_profile *profile, uint32_t renditions,
                                 bool is_live);

/* Begins a session in the caller's memory. `renditions` has room for `capacity` of them (1 to
 * PLAYER_RENDITIONS_MAX); what the stream has beyond that is not played and told as a fault
 * MEMORY_SPENT. `events` has room for PLAYER_EVENTS; it holds something only between a call and
 * the player_event that follows it, so that all players of a thread may share one, provided
 * that each is drained before the next is called. */
void player_init(struct player *player, struct player_rendition *renditions, uint32_t capacity,
                 struct player_event *events, const struct player_config *config,
                 const struct player_session *session);

/* Lets go of the playlists. Fetches still in flight must not be reported any more. */
void player_fini(struct player *player);

/* What to do at now_us; call again until it is not PLAYER_FETCH. PLAYER_ENDED and PLAYER_FAILED
 * repeat. */
void player_next(struct player *player, int64_t now_us, struct player_action *out);

/* A playlist arrived whole and was parsed. The player takes a reference of its own where it
 * keeps it. Returns FAIL_NONE, or why the player cannot use it: it then has dealt with that as
 * by player_on_fail, and the caller counts the failure. */
enum fail player_on_playlist(struct player *player, uint32_t token, struct m3u8 *playlist,
                             int64_t now_us);

/* The first bytes of a segment arrived. Matters to profiles with ahead_on_first_bytes alone;
 * for others, and where it cannot be told, it may be left out. Brings no event; player_next may
 * have another fetch after it. */
void player_on_first_bytes(struct player *player, uint32_t token);

/* A segment, init section or key of so many bytes arrived whole and is what it should be. */
void player_on_done(struct player *player, uint32_t token, uint64_t bytes, int64_t now_us);

/* A fetch failed. `status` is its HTTP status, 0 without one; retry_after_us what the server
 * asked for, 0 when it did not. */
void player_on_fail(struct player *player, uint32_t token, enum fail fail, int status,
                    int64_t retry_after_us, int64_t now_us);

/* The viewer leaves now: nothing more is asked for, and PLAYER_ENDED comes when the fetches in
 * flight have ended. */
void player_leave(struct player *player, int64_t now_us);

/* The next event of the last call; false when there is none left. */
bool player_event(struct player *player, struct player_event *out);

/* Brings the session up to now_us and tells how much time has passed since the last such call,
 * so that the sum over all calls, with a last one after PLAYER_OVER, is the whole session. May
 * bring events. */
void player_account(struct player *player, int64_t now_us, struct player_times *out);

static inline enum player_state player_state(const struct player *player)
{
    return (enum player_state)player->state;
}

/* Media ahead of the playhead at the newest time told. */
int64_t player_buffered_us(const struct player *player);

#endif
