/* Makes fragmented MP4 (ISO 14496-12, RFC 8216 section 3.3) of the media of make_spec.h: an
 * initialization section and segments of one fragment each, filled with filler data up to
 * exactly the bytes wanted. Video is track 1 on 90 kHz, audio the next track on 48 kHz. Segment
 * `number` is a pure function of the spec.
 *
 * Pure, any thread. */
#ifndef MEDIA_FMP4_MAKE_H
#define MEDIA_FMP4_MAKE_H

#include "media/make_spec.h"

#include <stddef.h>

/* No initialization section is longer. */
#define FMP4_MAKE_INIT_MAX 2048

/* Writes the initialization section, returns its bytes; out has FMP4_MAKE_INIT_MAX. */
size_t fmp4_make_init(const struct make_spec *spec, uint8_t *out);

/* The least segment_bytes with which the spec's pictures and sound fit; its own segment_bytes
 * is not looked at. */
uint64_t fmp4_make_least_bytes(const struct make_spec *spec);

/* The bytes of a segment: spec->segment_bytes, in proportion for a shorter one, never less than
 * what its media need. */
uint64_t fmp4_make_segment_bytes(const struct make_spec *spec,
                                 const struct make_segment *segment);

/* Writes the segment's fmp4_make_segment_bytes() bytes into out. spec->segment_bytes must be at
 * least fmp4_make_least_bytes() and below 4 GiB. Returns 0; it cannot fail. */
int fmp4_make_segment(const struct make_spec *spec, const struct make_segment *segment,
                      uint8_t *out);

#endif
