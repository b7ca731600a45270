/* Which coded formats a media segment holds, by what its container says, and whether a CODECS
 * attribute names them (RFC 6381; rfc8216bis section 6.2.4). Formats that are not in the list
 * below are passed over. Pure, any thread; never reads outside of the spans; linear time. */
#ifndef MEDIA_FORMATS_H
#define MEDIA_FORMATS_H

#include "base/span.h"

enum format {
    FORMAT_AVC,
    FORMAT_HEVC,
    FORMAT_AV1,
    FORMAT_VP9,
    FORMAT_AAC,
    FORMAT_MP3,
    FORMAT_AC3,
    FORMAT_EC3,
    FORMAT_OPUS,
    FORMAT_FLAC,
    FORMAT_ALAC,
    FORMAT_COUNT,
};

/* The formats of a segment as bits 1 << enum format. `init` is the initialisation section,
 * needed for fragmented MP4 and else empty. An encrypted segment shows none unless it is MP4.
 */
unsigned formats_find(struct span init, struct span segment);

/* Those of the bits that no entry of the list (the value of CODECS) stands for. */
unsigned formats_unnamed(unsigned formats, struct span codecs);

/* "H.264" and the like. */
const char *format_name(enum format format);

#endif
