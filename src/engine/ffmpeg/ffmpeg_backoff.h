/* How long to wait before a process that exited is started again: pauses that grow
 * exponentially up to a bound, with jitter so that many that died together do not come back
 * together, and a count that a good run resets. Pure. */
#ifndef ENGINE_FFMPEG_FFMPEG_BACKOFF_H
#define ENGINE_FFMPEG_FFMPEG_BACKOFF_H

#include "base/rng.h"
#include "engine/ffmpeg/ffmpeg.h"

#include <stdint.h>

struct ffmpeg_backoff {
    uint32_t restarts; /* within this session */
    uint32_t in_row;   /* since the last good run */
};

/* A process ran for `played_us` of playback and is over before its time. Returns the pause in
 * µs before the next, or -1 when the session has used up its restarts. */
int64_t ffmpeg_backoff_next(struct ffmpeg_backoff *backoff, const struct ffmpeg_restart *rule,
                            int64_t played_us, struct rng *rng);

#endif
