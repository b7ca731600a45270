/* How long the media of a segment lasts, measured from its timestamps: MPEG-TS, fragmented MP4,
 * packed AAC. Encrypted or subtitle segments cannot be measured. Pure; never reads outside of
 * the spans; linear time. */
#ifndef MEDIA_DURATION_H
#define MEDIA_DURATION_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Measures one segment: the video track if there is one, else the first audio track. `init` is
 * the initialisation section, needed for fragmented MP4 and else empty. In MPEG-TS the last
 * frame is taken to last as long as the others do on average; how long that is comes in
 * *out_error_us as the doubt of the measurement (0 where there is none). Returns false, both
 * untouched, when it cannot be measured. */
bool duration_measure(struct span init, struct span segment, int64_t *out_us,
                      int64_t *out_error_us);

#endif
