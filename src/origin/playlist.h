/* Renders the playlists of a stream at a given time, also with the defects that a fault asks
 * for. Pure but for the memory of the buffer, any thread. */
#ifndef ORIGIN_PLAYLIST_H
#define ORIGIN_PLAYLIST_H

#include "base/buf.h"
#include "origin/stream.h"

#include <stdint.h>

/* Defects of a media playlist, a set of bits. */
enum playlist_defect {
    PLAYLIST_SEQUENCE_REGRESS = 1 << 0,      /* the media sequence goes back by two windows */
    PLAYLIST_DISCONTINUITY_REGRESS = 1 << 1, /* the discontinuity sequence goes up and down */
    PLAYLIST_TARGET_CHANGE = 1 << 2,         /* the target duration differs each time */
    PLAYLIST_LONG_EXTINF = 1 << 3,           /* segments said to last twice the target */
    PLAYLIST_URI_CHANGE = 1 << 4,            /* the segments' URIs go a changing way */
    PLAYLIST_RANGE_BEYOND = 1 << 5,          /* byte ranges outside of their resource */
    PLAYLIST_INVALID = 1 << 6,               /* no player can play it */
};

struct playlist_request {
    struct stream_target target; /* a playlist of either sort */
    int64_t now_us;
    struct span base;   /* "http://host:port" for absolute URIs; else not looked at */
    unsigned defects;   /* of enum playlist_defect */
    uint64_t variation; /* grows with each defective answer, so that answers differ */
};

/* Appends the playlist. Returns 0, or -1 when the buffer is full. */
int playlist_render(const struct playlist_request *request, struct buf *out);

#endif
