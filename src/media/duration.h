/* How long the media of a segment lasts, measured from its timestamps: MPEG-TS, fragmented MP4,
 * packed AAC. Encrypted or subtitle segments cannot be measured. Pure; never reads outside of
 * the spans; linear time. */
#ifndef MEDIA_DURATION_H
#define MEDIA_DURATION_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct duration {
    int64_t us;
    int64_t error_us; /* the doubt of it: in MPEG-TS the last frame is taken to last as long as
                       * the others do on average, and that is how long; else 0 */
    int64_t start_us; /* the first timestamp on the stream's own clock; -1 when none is told */
    int64_t wrap_us;  /* that clock begins anew after so long; 0: never */
};

/* Measures one segment: the video track if there is one, else the first audio track. `init` is
 * the initialisation section, needed for fragmented MP4 and else empty. Returns false, *out
 * untouched, when it cannot be measured. */
bool duration_measure(struct span init, struct span segment, struct duration *out);

#endif
