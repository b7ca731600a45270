#include "player/profile.h"

extern const struct player_profile player_profile_ffmpeg;

/* `ffmpeg -re` of FFmpeg 5.1 with its default options (libavformat/hls.c). It reads as fast as
 * it plays: the segment it is in and the next one, which http_multiple asks for ahead. It looks
 * whether the playlist is old whenever it comes to a segment, so that in the steady state it
 * loads every other segment duration. */

/* It does not give up waiting, but for connecting (tcp.c). An answer with an error it does not
 * read, and closes the connection (http.c). */
#define PATIENCE .keep = PLAYER_KEEP_GOOD, .connect_ms = 5000

#define RETRIES(count, after)                                  \
    {                                                          \
        .retries = (count), .then = (after), .factor_pct = 100 \
    }

/* Of what arrives and is not what was asked for there is no second try. */
#define POLICY(count, after)       \
    {                              \
        PATIENCE, .retry = {       \
            RETRIES(count, after), \
            RETRIES(count, after), \
            RETRIES(count, after), \
            RETRIES(count, after), \
            RETRIES(0, after),     \
        }                          \
    }

#define ONCE POLICY(0, PLAYER_THEN_FAIL)

/* When playing has come to a segment that failed, three tries follow each other: the last one
 * ahead, one over the connection that the segment before came over, and one over a new one. */
#define SEGMENT POLICY(2, PLAYER_THEN_SKIP)

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
    .piece_bytes = 32768, /* INITIAL_BUFFER_SIZE */
    .policy =
        {
            [PLAYER_MULTIVARIANT] = ONCE,
            [PLAYER_MEDIA_PLAYLIST] = ONCE,
            [PLAYER_SEGMENT] = SEGMENT,
            [PLAYER_INIT_SECTION] = ONCE,
            [PLAYER_KEY] = ONCE,
        },
};
