#include "player/profile.h"

extern const struct player_profile player_profile_hlsjs;

/* hls.js 1.7 with its default configuration (src/config.ts), in a page that answers a fatal
 * network error by startLoad(), as its documentation recommends: hls.js itself does not retry
 * what has no HTTP status. The level is chosen by --variant, not by its bandwidth estimate. */

/* `errorRetry` of its load policies: 1 s doubled up to 8 s. */
#define BACKOFF(n)                                                                       \
    {                                                                                    \
        .retries = (n), .then = PLAYER_THEN_SWITCH, .factor_pct = 200, .first_ms = 1000, \
        .cap_ms = 8000                                                                   \
    }

/* `timeoutRetry`: at once. */
#define AT_ONCE(n)                                                    \
    {                                                                 \
        .retries = (n), .then = PLAYER_THEN_SWITCH, .factor_pct = 100 \
    }

/* `keyLoadPolicy`: linear. */
#define LINEAR(n)                                                                        \
    {                                                                                    \
        .retries = (n), .then = PLAYER_THEN_SWITCH, .factor_pct = 100, .first_ms = 1000, \
        .cap_ms = 20000                                                                  \
    }

/* Status 4xx and content that cannot be parsed lead to the next level at once. */
#define RETRIES(timeouts, connections, servers)                                           \
    {                                                                                     \
        [PLAYER_TROUBLE_TIMEOUT] = AT_ONCE(timeouts),                                     \
        [PLAYER_TROUBLE_CONNECTION] = BACKOFF(connections),                               \
        [PLAYER_TROUBLE_CLIENT] = AT_ONCE(0), [PLAYER_TROUBLE_SERVER] = BACKOFF(servers), \
        [PLAYER_TROUBLE_CONTENT] = AT_ONCE(0),                                            \
    }

const struct player_profile player_profile_hlsjs = {
    .name = "hlsjs",
    .summary = "hls.js 1.7 in a browser, its default settings",
    .accept_encoding = "gzip, br",
    .connections = 6,
    .join = PLAYER_JOIN_HOLD_BACK, /* liveSyncDurationCount 3 */
    .join_tolerance_us = 250000,   /* maxFragLookUpTolerance */
    .honours_start = true,
    .segments_in_flight = 1,
    .buffer_us = 30000000,        /* maxBufferLength */
    .buffer_limit_us = 600000000, /* maxMaxBufferLength */
    .buffer_bytes = 60000000,     /* maxBufferSize */
    .audio_ahead_targets = 1,
    .reload = PLAYER_RELOAD_SHORTER,
    .unchanged_pct = 50,
    .tick_us = 100000,
    .behind = PLAYER_BEHIND_JOIN,
    .policy =
        {
            [PLAYER_MULTIVARIANT] = {.connect_ms = 20000,
                                     .total_ms = 20000,
                                     .retry = RETRIES(2, 6, 1)},
            [PLAYER_MEDIA_PLAYLIST] = {.connect_ms = 10000,
                                       .first_byte_ms = 10000,
                                       .total_ms = 20000,
                                       .retry = RETRIES(2, 6, 2)},
            [PLAYER_SEGMENT] = {.connect_ms = 10000,
                                .first_byte_ms = 10000,
                                .total_ms = 120000,
                                .retry = RETRIES(4, 6, 6)},
            [PLAYER_INIT_SECTION] = {.connect_ms = 10000,
                                     .first_byte_ms = 10000,
                                     .total_ms = 120000,
                                     .retry = RETRIES(4, 6, 6)},
            [PLAYER_KEY] = {.connect_ms = 8000,
                            .first_byte_ms = 8000,
                            .total_ms = 20000,
                            .retry =
                                {
                                    [PLAYER_TROUBLE_TIMEOUT] = LINEAR(1),
                                    [PLAYER_TROUBLE_CONNECTION] = LINEAR(8),
                                    [PLAYER_TROUBLE_CLIENT] = AT_ONCE(0),
                                    [PLAYER_TROUBLE_SERVER] = LINEAR(8),
                                    [PLAYER_TROUBLE_CONTENT] = AT_ONCE(0),
                                }},
        },
};
