#include "player/profile.h"

extern const struct player_profile player_profile_gstreamer;

/* GStreamer 1.22 (Debian 12): playbin3 with hlsdemux2 over libsoup 3, as traced beside it and
 * read in ext/adaptivedemux2. While all is well it asks much as hls.js does; what sets it apart
 * is trouble: a segment answered with 5xx, live also with 4xx, is asked for again at once and
 * without end. Whatever else fails ends playback soon. It does not read the body of an error,
 * and so has to leave the connection. */

/* 10 ms after a failure, and about one to get there. */
#define AGAIN .then = PLAYER_THEN_FAIL, .factor_pct = 100, .first_ms = 11, .cap_ms = 11

/* The time-out of libsoup's session; souphttpsrc, which loads the first playlist, has 15 s. */
#define MEDIA                                                                             \
    {                                                                                     \
        .keep = PLAYER_KEEP_GOOD, .connect_ms = 10000, .first_byte_ms = 10000, .retry = { \
            [PLAYER_TROUBLE_TIMEOUT] = {AGAIN, .retries = 3},                             \
            [PLAYER_TROUBLE_CONNECTION] = {AGAIN, .retries = 3},                          \
            [PLAYER_TROUBLE_CLIENT] = {AGAIN, .retries = 3, .endless_live = true},        \
            [PLAYER_TROUBLE_SERVER] = {AGAIN, .retries = PLAYER_RETRIES_ENDLESS},         \
            [PLAYER_TROUBLE_CONTENT] = {AGAIN},                                           \
        }                                                                                 \
    }

/* A failed reload is repeated at the pace of reloads, three times. */
#define RELOAD                                 \
    {                                          \
        AGAIN, .retries = 3, .at_reload = true \
    }

const struct player_profile player_profile_gstreamer = {
    .name = "gstreamer",
    .summary = "GStreamer 1.22, playbin3 with hlsdemux2",
    .accept_encoding = "gzip, deflate",
    .connections = 2,
    .join = PLAYER_JOIN_SEGMENT_COUNT,
    .join_segments = 4,
    .segments_in_flight = 1,
    .buffer_us = 30000000,
    .reload = PLAYER_RELOAD_BY_VERSION,
    .reload_from_response = true,
    .unchanged_pct = 50,
    .behind = PLAYER_BEHIND_FIRST_LISTED,
    .stuck_ends = true, /* an assertion of its own fails and ends the process */
    .policy =
        {
            [PLAYER_MULTIVARIANT] = {.accept_encoding = "identity",
                                     .keep = PLAYER_KEEP_NOT,
                                     .connect_ms = 15000,
                                     .first_byte_ms = 15000,
                                     .retry = {{AGAIN}, {AGAIN}, {AGAIN}, {AGAIN}, {AGAIN}}},
            [PLAYER_MEDIA_PLAYLIST] = {.keep = PLAYER_KEEP_GOOD,
                                       .first_must_come = true,
                                       .connect_ms = 10000,
                                       .first_byte_ms = 10000,
                                       .retry = {RELOAD, RELOAD, RELOAD, RELOAD, {AGAIN}}},
            [PLAYER_SEGMENT] = MEDIA,
            [PLAYER_INIT_SECTION] = MEDIA,
            [PLAYER_KEY] = MEDIA,
        },
};
