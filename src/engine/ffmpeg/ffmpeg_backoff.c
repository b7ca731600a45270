#include "engine/ffmpeg/ffmpeg_backoff.h"

int64_t ffmpeg_backoff_next(struct ffmpeg_backoff *backoff, const struct ffmpeg_restart *rule,
                            int64_t played_us, struct rng *rng)
{
    if (backoff->restarts >= rule->limit) {
        return -1;
    }
    backoff->restarts++;
    if (rule->good_after_us > 0 && played_us >= rule->good_after_us) {
        backoff->in_row = 0;
    }
    double pause_us = (double)rule->first_us;
    for (uint32_t i = 0; i < backoff->in_row && pause_us < (double)rule->longest_us; i++) {
        pause_us *= rule->factor;
    }
    backoff->in_row++;
    if (pause_us > (double)rule->longest_us) {
        pause_us = (double)rule->longest_us;
    }
    return (int64_t)(pause_us * (0.5 + 0.5 * rng_unit(rng)));
}
