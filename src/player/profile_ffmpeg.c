#include "player/profile.h"

extern const struct player_profile player_profile_ffmpeg;

/* `ffmpeg -re` of FFmpeg 5.1 with its default options (libavformat/hls.c). It reads as fast as
 * it plays: the segment it is in and the next one, which http_multiple asks for ahead. It looks
 * whether the playlist is old whenever it comes to a segment, so that in the steady state it
 * loads every other segment duration. */

/* It does not give up waiting, but for connecting (tcp.c). An answer with an error it does not
 * read, and closes the connection (http.c). */
#define PATIENCE .keep = PLAYER_KEEP_GOOD, .connect_ms = 5000

#define NO_RETRY(after)                    \
    {                                      \
        .then = (after), .factor_pct = 100 \
    }

/* Measured: a segment that fails is asked for about ten times in 4 s, then left out. */
#define AGAIN                                                                       \
    {                                                                               \
        .retries = 9, .then = PLAYER_THEN_SKIP, .factor_pct = 100, .first_ms = 400, \
        .cap_ms = 400                                                               \
    }

#define PLAYLIST                        \
    {                                   \
        PATIENCE, .retry = {            \
            NO_RETRY(PLAYER_THEN_FAIL), \
            NO_RETRY(PLAYER_THEN_FAIL), \
            NO_RETRY(PLAYER_THEN_FAIL), \
            NO_RETRY(PLAYER_THEN_FAIL), \
            NO_RETRY(PLAYER_THEN_FAIL), \
        }                               \
    }

#define MEDIA                                                                         \
    {                                                                                 \
        PATIENCE, .retry = { AGAIN, AGAIN, AGAIN, AGAIN, NO_RETRY(PLAYER_THEN_SKIP) } \
    }

const struct player_profile player_profile_ffmpeg = {
    .name = "ffmpeg",
    .summary = "ffmpeg -re of FFmpeg 5.1, its default options",
    .range_always = true,
    .connections_apart = true,
    .join = PLAYER_JOIN_SEGMENT_COUNT, /* live_start_index -3 */
    .join_segments = 3,
    .starts_in_turn = true,
    .segments_in_flight = 2,
    .ahead_on_first_bytes = true,
    .buffer_segments = 2,
    .reload = PLAYER_RELOAD_AT_SEGMENT,
    .reload_from_response = true,
    .unchanged_pct = 50,
    .init_each_reload = true,
    .behind = PLAYER_BEHIND_FIRST_LISTED,
    .policy =
        {
            [PLAYER_MULTIVARIANT] = PLAYLIST,
            [PLAYER_MEDIA_PLAYLIST] = PLAYLIST,
            [PLAYER_SEGMENT] = MEDIA,
            [PLAYER_INIT_SECTION] = MEDIA,
            [PLAYER_KEY] = MEDIA,
        },
};
