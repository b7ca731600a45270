/* An invented server, network and time for one player: the whole world is a function of its
 * settings and a seed, and an hour of it takes milliseconds.
 *
 * On each step it holds the player to what must always be true (see world.c: check_step) and
 * keeps a log of requests. sim_truth works out from the log alone, by other means than the
 * player's, what the viewer must have seen. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "base/fail.h"
#include "base/rng.h"
#include "media/m3u8.h"
#include "player/player.h"

#include <stdbool.h>
#include <stdint.h>

#define S  INT64_C(1000000) /* a second */
#define MS INT64_C(1000)

/* The stream. Zero is a good value where nothing else is said. */
struct sim_stream {
    int version; /* EXT-X-VERSION; 0: 7 */
    bool live;
    bool audio;               /* an alternate audio rendition beside the video */
    uint32_t audio_groups;    /* bits: variants with an audio rendition of their own */
    bool media_only;          /* the URL is a media playlist */
    uint32_t variants;        /* 0: 1 */
    uint32_t segments;        /* in all */
    uint32_t window;          /* listed while live; 0: all so far */
    int64_t segment_us;       /* duration of each */
    int64_t wobble_us;        /* … which varies by so much to either side */
    int64_t audio_segment_us; /* 0: as the video's */
    int64_t target_s;         /* 0: from segment_us + wobble_us */
    int64_t ends_us;          /* when ENDLIST comes to a live stream; 0: never */
    uint32_t live_before;     /* segments published before time 0 */
    bool map, dates, ranges;
    uint32_t key_each; /* a new key each so many segments; 0: none */
    uint32_t gap_at;   /* this segment is an EXT-X-GAP; 0: none */
    bool gap_most;     /* the audio is gaps but for its last segment, as is half of the video */
    uint32_t discontinuity_at; /* EXT-X-DISCONTINUITY before this segment; 0: none */
    const char *tags;          /* more lines of the media playlists' head */
    const char *main_tags;     /* more lines of the multivariant playlist's head */
    /* A stretch of time in which the playlists misbehave. */
    int64_t odd_from_us, odd_to_us;
    bool odd_frozen;           /* nothing new is listed */
    int64_t odd_back_us;       /* what was listed so long before */
    int64_t odd_target_s;      /* another target duration */
    bool odd_uris;             /* other names for the same segments */
    int64_t odd_sequence;      /* added to the sequence numbers */
    int64_t odd_discontinuity; /* added to the discontinuity sequence */
};

/* Answers that go wrong. */
struct sim_outage {
    int64_t from_us, to_us; /* of the request's begin; to 0: unused */
    uint32_t resources;     /* bits 1 << enum player_resource */
    int32_t variant;        /* -1: all */
    enum fail fail;
    int status;
    int64_t retry_after_us;
    int64_t sequence;   /* only this segment; -1: all */
    uint32_t rendition; /* only this one, from 1; 0: all */
};
#define SIM_OUTAGES 4

struct sim_network {
    int64_t latency_us;                   /* each request */
    int64_t spread_us;                    /* … and up to so much more */
    int64_t download_us;                  /* a segment's body */
    int64_t slow_us;                      /* … and up to so much more */
    uint64_t segment_bytes;               /* as the player is told */
    double loss;                          /* share of requests that fail at random */
    int64_t freeze_from_us, freeze_to_us; /* no response ends in between */
    int64_t timer_late_us;                /* the player is woken up to so much late */
    struct sim_outage outages[SIM_OUTAGES];
};

struct sim_request {
    int64_t began_us, ended_us; /* ended -1 while in flight */
    int64_t first_us;           /* when a segment that succeeds begins to arrive; else never */
    bool arriving;              /* the player was told */
    int64_t intended_us;
    enum player_resource resource;
    uint32_t rendition, variant, attempt;
    enum player_keep keep;
    uint32_t token;
    int64_t sequence; /* of a segment; number in the URI of a key or init section; else -1 */
    int64_t duration_us;
    uint64_t range_offset, range_length;
    uint8_t connection;
    enum fail fail;
    int status;
    int64_t retry_after_us;
    struct m3u8 *playlist; /* what a playlist request will bring; owned while in flight */
};
#define SIM_REQUESTS 40000

/* What was told. */
struct sim_told {
    uint32_t stalls, started, over, skipped, gaps, unchanged, switched, in_time, missed;
    uint32_t latencies;
    int64_t startup_us, stalled_us, least_slack_us, least_latency_us, greatest_latency_us;
    int64_t over_us;
    uint32_t faults[FAIL_COUNT];
};

struct sim {
    struct sim_stream stream;
    struct sim_network network;
    struct player_config config;
    struct player player;
    struct player_rendition renditions[PLAYER_RENDITIONS_MAX];
    struct player_event events[PLAYER_EVENTS];
    struct rng rng;
    int64_t now_us;
    int64_t intended_us;
    struct sim_request *log; /* owned */
    uint32_t requests;
    uint32_t in_flight;
    struct sim_told told;
    struct player_times accounted;
    enum player_do outcome; /* PLAYER_WAIT while it goes on */
    enum fail fail;
    int64_t last_event_us;
    int64_t last_playhead_us;
    int64_t *starts[2]; /* of each segment, video and audio; owned */
};

struct sim_viewer {
    const char *profile;
    enum player_variant_rule rule;
    uint64_t seed;
    int64_t begins_us;
    int64_t length_us;
    int64_t live_offset_us, buffer_us, start_us, restart_us; /* 0: the profile's */
    uint32_t capacity;                                       /* renditions; 0: plenty */
};

/* Sets up; free by sim_free. */
struct sim *sim_new(const struct sim_stream *stream, const struct sim_network *network,
                    const struct sim_viewer *viewer);
void sim_free(struct sim *sim);

/* Goes on until then, or until the session is over and nothing is in flight. */
void sim_run(struct sim *sim, int64_t until_us);

/* What the viewer must have seen, worked out from when segments arrived. For sessions in which
 * every segment of up to two renditions arrived in the end and none was left out; the
 * renditions begin at the same place. */
struct sim_truth {
    int64_t startup_us; /* -1: never started */
    uint32_t stalls;
    int64_t stalled_us;
};
struct sim_truth sim_truth(const struct sim *sim, int64_t start_us, int64_t restart_us);

/* Requests of that resource; of that rendition unless -1; that succeeded if asked for. */
uint32_t sim_count(const struct sim *sim, enum player_resource resource, int rendition,
                   bool succeeded);

/* The n-th such request (from 0), or NULL. */
const struct sim_request *sim_request(const struct sim *sim, enum player_resource resource,
                                      int rendition, uint32_t n);

#endif
