/* Writes HLS playlists (RFC 8216 section 4), line by line, into a buffer. It writes what it is
 * told, also what breaks the rules of the format: the test origin needs that. It holds no state
 * and knows nothing of the parser beside it.
 *
 * Every function returns 0, or -1 when the buffer is full; then a part may have been written.
 * Spans are written as they are: they must hold no quotation mark and no line end. Pure, any
 * thread. */
#ifndef MEDIA_M3U8_WRITE_H
#define MEDIA_M3U8_WRITE_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* A multivariant playlist: start, then renditions, then variants. */

/* EXTM3U, EXT-X-VERSION, EXT-X-INDEPENDENT-SEGMENTS, which speaks for all media playlists and
 * should not stand in them as well (section 4.4.2.1). */
int m3u8_write_multivariant_start(struct buf *buf, unsigned version);

/* EXT-X-MEDIA of TYPE=AUDIO. */
struct m3u8_write_rendition {
    struct span group;
    struct span name;
    struct span language; /* empty: not written */
    struct span uri;      /* empty: not written, the sound is in the variant itself */
    unsigned channels;    /* 0: not written */
    bool is_default;
};

int m3u8_write_rendition(struct buf *buf, const struct m3u8_write_rendition *rendition);

/* EXT-X-STREAM-INF and its URI line. */
struct m3u8_write_variant {
    struct span uri;
    struct span codecs;     /* empty: not written */
    struct span audio;      /* the group of its alternate audio; empty: not written */
    uint64_t bandwidth;     /* bits a second, the peak */
    uint64_t average;       /* bits a second; 0: not written */
    unsigned width, height; /* 0: not written */
    unsigned frame_rate;    /* 0: not written */
};

int m3u8_write_variant(struct buf *buf, const struct m3u8_write_variant *variant);

/* A media playlist: start, then keys, maps and segments in order, then the end if it has one.
 */

enum m3u8_write_type {
    M3U8_WRITE_LIVE, /* no EXT-X-PLAYLIST-TYPE */
    M3U8_WRITE_EVENT,
    M3U8_WRITE_VOD,
};

struct m3u8_write_media {
    unsigned version;
    unsigned target_duration_s;
    uint64_t media_sequence;         /* not written when 0 and the type is VOD */
    uint64_t discontinuity_sequence; /* not written when 0, unless has_discontinuities */
    enum m3u8_write_type type;
    bool no_media_sequence;   /* leave EXT-X-MEDIA-SEQUENCE out whatever it is */
    bool has_discontinuities; /* EXT-X-DISCONTINUITY is there or will come */
};

int m3u8_write_media_start(struct buf *buf, const struct m3u8_write_media *media);

/* A byte range; length 0 means the whole resource. */
struct m3u8_write_range {
    uint64_t length;
    uint64_t offset;
};

/* EXT-X-MAP. */
int m3u8_write_map(struct buf *buf, struct span uri, struct m3u8_write_range range);

/* EXT-X-KEY of METHOD=AES-128; without iv the media sequence number serves (section 5.2). */
int m3u8_write_key(struct buf *buf, struct span uri, const uint8_t iv[16]);

struct m3u8_write_segment {
    struct span uri;
    int64_t duration_us;
    int64_t program_date_us; /* since 1970 UTC; below 0: no EXT-X-PROGRAM-DATE-TIME */
    struct m3u8_write_range range;
    bool discontinuity; /* EXT-X-DISCONTINUITY before it */
    bool gap;           /* EXT-X-GAP */
};

int m3u8_write_segment(struct buf *buf, const struct m3u8_write_segment *segment);

/* EXT-X-ENDLIST. */
int m3u8_write_media_end(struct buf *buf);

#endif
