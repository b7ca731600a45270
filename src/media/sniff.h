/* Tells from the first bytes of a body whether it can be a media segment of HLS, so that an
 * error page sent with status 200 is not counted as media. It looks at containers only (RFC
 * 8216 section 3: MPEG-TS, fragmented MPEG-4, packed audio, WebVTT) and proves nothing about
 * what follows the first bytes; ts_check.h and fmp4_check.h read whole segments. An encrypted
 * segment looks like noise: do not ask.
 *
 * Pure, any thread. */
#ifndef MEDIA_SNIFF_H
#define MEDIA_SNIFF_H

#include "base/span.h"

#include <stdbool.h>

enum sniff {
    SNIFF_NOT_MEDIA,    /* text, an empty body, or nothing known */
    SNIFF_TS,           /* MPEG-TS: the sync byte at 0, 188 and 376 */
    SNIFF_FMP4,         /* a box that may open a segment or an initialization section */
    SNIFF_PACKED_AUDIO, /* an ID3 tag, or a frame of AAC (ADTS), MP3, AC-3 or E-AC-3 */
    SNIFF_WEBVTT,
};

/* 377 bytes show all that is looked at; a head that is shorter although more follows is judged
 * by what is there. */
#define SNIFF_HEAD_BYTES 377

/* What a body that begins with `head` is. A body of fewer bytes than its container's smallest
 * unit is not media. */
enum sniff sniff_media(struct span head);

static inline bool sniff_is_media(struct span head)
{
    return sniff_media(head) != SNIFF_NOT_MEDIA;
}

#endif
