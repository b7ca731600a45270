/* Makes MPEG-TS segments (ISO 13818-1, RFC 8216 section 3.2) of the media of make_spec.h: PAT
 * and PMT first, then audio and video interleaved by time, PCR with every picture, filler data
 * up to exactly the bytes wanted. Timestamps and continuity counters go on from segment to
 * segment although each is made on its own: segment `number` is a pure function of the spec.
 *
 * Pure but for one allocation, any thread. */
#ifndef MEDIA_TS_MAKE_H
#define MEDIA_TS_MAKE_H

#include "media/make_spec.h"

#include <stddef.h>

#define TS_MAKE_PACKET 188

/* The least segment_bytes with which the spec's pictures and sound fit; its own segment_bytes
 * is not looked at. */
uint64_t ts_make_least_bytes(const struct make_spec *spec);

/* The bytes of a segment: spec->segment_bytes rounded down to whole packets, in proportion for
 * a shorter one, never less than what its media need. */
uint64_t ts_make_segment_bytes(const struct make_spec *spec,
                               const struct make_segment *segment);

/* Writes the segment's ts_make_segment_bytes() bytes into out. spec->segment_bytes must be at
 * least ts_make_least_bytes(). Returns 0, or -1 when memory is spent. */
int ts_make_segment(const struct make_spec *spec, const struct make_segment *segment,
                    uint8_t *out);

#endif
