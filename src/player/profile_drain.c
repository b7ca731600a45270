#include "player/profile.h"

extern const struct player_profile player_profile_drain;

/* Shoal's own: it takes whatever the server gives and keeps no buffer goal. */
#define PATIENCE .connect_ms = 10000, .first_byte_ms = 10000

#define RETRY(n, after)                                                                        \
    {                                                                                          \
        .retries = (n), .then = (after), .jitter_pct = 20, .factor_pct = 200, .first_ms = 500, \
        .cap_ms = 4000                                                                         \
    }

#define RETRIES(after)                                 \
    .retry = {                                         \
        [PLAYER_TROUBLE_TIMEOUT] = RETRY(2, after),    \
        [PLAYER_TROUBLE_CONNECTION] = RETRY(5, after), \
        [PLAYER_TROUBLE_CLIENT] = RETRY(1, after),     \
        [PLAYER_TROUBLE_SERVER] = RETRY(3, after),     \
        [PLAYER_TROUBLE_CONTENT] = RETRY(1, after),    \
    }

const struct player_profile player_profile_drain = {
    .name = "drain",
    .summary = "downloads as fast as the server allows",
    .accept_encoding = "gzip, br",
    .connections = 6,
    .join = PLAYER_JOIN_HOLD_BACK_SEGMENT,
    .honours_start = true,
    .segments_in_flight = 1,
    .buffer_us = INT64_MAX,
    .ends_with_last_byte = true,
    .reload = PLAYER_RELOAD_LAST_SEGMENT,
    .unchanged_pct = 50,
    .behind = PLAYER_BEHIND_FIRST_LISTED,
    .honours_retry_after = true,
    .policy =
        {
            [PLAYER_MULTIVARIANT] = {PATIENCE, .total_ms = 20000, RETRIES(PLAYER_THEN_FAIL)},
            [PLAYER_MEDIA_PLAYLIST] = {PATIENCE, .total_ms = 20000, RETRIES(PLAYER_THEN_FAIL)},
            [PLAYER_SEGMENT] = {PATIENCE, .total_ms = 120000, RETRIES(PLAYER_THEN_SKIP)},
            [PLAYER_INIT_SECTION] = {PATIENCE, .total_ms = 20000, RETRIES(PLAYER_THEN_SKIP)},
            [PLAYER_KEY] = {PATIENCE, .total_ms = 20000, RETRIES(PLAYER_THEN_SKIP)},
        },
};
