/* Reads a whole fragmented MP4 segment or initialization section as it comes, in pieces of any
 * size, and tells the first thing that is wrong with it: a box that is too small, that leaves
 * its parent, or that the end cuts off; a segment without moof, or whose moof has no mdat
 * behind it; an initialization section without moov (ISO 14496-12, RFC 8216 section 3.3). It
 * decodes nothing.
 *
 * The caller's memory, no allocation; one struct a segment, one thread. */
#ifndef MEDIA_FMP4_CHECK_H
#define MEDIA_FMP4_CHECK_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Boxes are looked into this deep. */
#define FMP4_CHECK_DEPTH 8

struct fmp4_check {
    uint8_t header[16];              /* of the box that begins */
    unsigned held;                   /* bytes of it */
    uint64_t at;                     /* bytes read so far */
    uint64_t skip;                   /* bytes of a box's content not looked at, still to come */
    uint64_t ends[FMP4_CHECK_DEPTH]; /* where the open parents end */
    unsigned depth;                  /* open parents */
    const char *wrong;               /* static; NULL so far */
    bool to_the_end;                 /* a box of size 0 is open */
    bool in_moof;                    /* a moof has come and no mdat behind it yet */
    bool has_moov;
    uint64_t fragments; /* moof with mdat */
    uint64_t runs;      /* trun boxes */
};

void fmp4_check_init(struct fmp4_check *check);

/* Takes the next bytes. Returns NULL, or what is wrong as a clause in English, static text;
 * once something is wrong, further bytes change nothing. */
const char *fmp4_check_feed(struct fmp4_check *check, struct span bytes);

/* Ends the resource, a segment or an initialization section: what is wrong, or NULL. */
const char *fmp4_check_end_segment(struct fmp4_check *check);
const char *fmp4_check_end_init(struct fmp4_check *check);

#endif
