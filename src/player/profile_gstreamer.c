#include "player/profile.h"

extern const struct player_profile player_profile_gstreamer;

/* GStreamer 1.22 (Debian 12): playbin3 with hlsdemux2 over souphttpsrc, as measured. While all
 * is well it asks as hls.js does; what sets it apart is a segment answered with 5xx, for which
 * it asks again at once and without end, and everything else that fails, which ends playback
 * soon. */

/* Not a pause but the time that an attempt takes there, one after the other. */
#define STORM                                                                               \
    {                                                                                       \
        .retries = UINT16_MAX, .then = PLAYER_THEN_FAIL, .factor_pct = 100, .first_ms = 14, \
        .cap_ms = 14                                                                        \
    }

#define PAUSE(n, ms)                                                                   \
    {                                                                                  \
        .retries = (n), .then = PLAYER_THEN_FAIL, .factor_pct = 100, .first_ms = (ms), \
        .cap_ms = (ms)                                                                 \
    }

#define MEDIA                                                   \
    {                                                           \
        .connect_ms = 15000, .first_byte_ms = 15000, .retry = { \
            [PLAYER_TROUBLE_TIMEOUT] = PAUSE(3, 25),            \
            [PLAYER_TROUBLE_CONNECTION] = PAUSE(4, 15),         \
            [PLAYER_TROUBLE_CLIENT] = PAUSE(3, 25),             \
            [PLAYER_TROUBLE_SERVER] = STORM,                    \
            [PLAYER_TROUBLE_CONTENT] = PAUSE(0, 0),             \
        }                                                       \
    }

/* A failed reload is repeated at the pace of reloads. */
#define PLAYLIST(n)                                             \
    {                                                           \
        .connect_ms = 15000, .first_byte_ms = 15000, .retry = { \
            [PLAYER_TROUBLE_TIMEOUT] = PAUSE(n, 2000),          \
            [PLAYER_TROUBLE_CONNECTION] = PAUSE(n, 2000),       \
            [PLAYER_TROUBLE_CLIENT] = PAUSE(n, 2000),           \
            [PLAYER_TROUBLE_SERVER] = PAUSE(n, 2000),           \
            [PLAYER_TROUBLE_CONTENT] = PAUSE(0, 0),             \
        }                                                       \
    }

const struct player_profile player_profile_gstreamer = {
    .name = "gstreamer",
    .summary = "GStreamer 1.22, playbin3 with hlsdemux2",
    .accept_encoding = "gzip, deflate",
    .connections = 3,
    .join = PLAYER_JOIN_SEGMENT_COUNT,
    .join_segments = 4,
    .segments_in_flight = 1,
    .buffer_us = 30000000,
    .reload = PLAYER_RELOAD_LAST_SEGMENT,
    .reload_from_response = true,
    .unchanged_pct = 50,
    .behind = PLAYER_BEHIND_FIRST_LISTED,
    .policy =
        {
            [PLAYER_MULTIVARIANT] = PLAYLIST(0),
            [PLAYER_MEDIA_PLAYLIST] = PLAYLIST(3),
            [PLAYER_SEGMENT] = MEDIA,
            [PLAYER_INIT_SECTION] = MEDIA,
            [PLAYER_KEY] = MEDIA,
        },
};
