/* A stream of the origin: what `--stream` describes, the renditions it consists of, which
 * segments exist at a given time, and what a path names. Segments are pure functions of their
 * number, so a stream holds no media; blob.h keeps what was made.
 *
 * Paths below /NAME/: index.m3u8 (multivariant), vI/index.m3u8 and audio/index.m3u8 (media
 * playlists), vI/N.ts or N.m4s (segment of media sequence number N), vI/init.mp4, vI/media.ts
 * or media.mp4 (all segments in one file, for byte ranges), and key.bin.
 *
 * One thread. */
#ifndef ORIGIN_STREAM_H
#define ORIGIN_STREAM_H

#include "base/err.h"
#include "base/span.h"
#include "media/make_spec.h"

#include <stdbool.h>
#include <stdint.h>

#define STREAM_NAME_MAX     64
#define STREAM_VARIANTS_MAX 16
#define STREAM_KEY_BYTES    16

enum stream_kind { STREAM_LIVE, STREAM_EVENT, STREAM_VOD };

enum stream_format { STREAM_TS, STREAM_FMP4 };

/* How URIs are written into playlists. */
enum stream_uris {
    STREAM_URIS_RELATIVE,
    STREAM_URIS_PATH,     /* from the root of the server: /live/v0/7.ts */
    STREAM_URIS_ABSOLUTE, /* with scheme and the host that the client named */
};

/* One media playlist and its segments. */
struct stream_rendition {
    struct stream *stream; /* the stream it is part of */
    struct make_spec spec;
    char folder[8];     /* "v0", ..., "audio" */
    char codecs[40];    /* for the CODECS attribute */
    uint64_t bandwidth; /* bits a second of its segments as made */
    uint8_t *init;      /* owned; the fMP4 initialization section, NULL for TS */
    uint64_t init_bytes;
    uint64_t last_bytes;  /* size of the last segment of a VOD; else of a whole one */
    uint64_t whole_bytes; /* size of every other segment, encryption included */
    uint64_t cache_id;    /* tells renditions apart in the cache */
};

struct stream {
    char name[STREAM_NAME_MAX];
    enum stream_kind kind;
    enum stream_format format;
    enum stream_uris uris;
    bool byte_ranges;  /* playlists name one file and ranges of it */
    bool encrypted;    /* AES-128 */
    bool program_date; /* playlists carry EXT-X-PROGRAM-DATE-TIME */
    bool no_sequence;  /* playlists leave EXT-X-MEDIA-SEQUENCE out; live then only grows */
    unsigned window;   /* segments in a live playlist */
    unsigned discontinuity_every; /* a discontinuity each so many segments; 0: none */
    unsigned gap_every;           /* each so manieth segment is a gap; 0: none */
    uint32_t segment_pictures;
    int64_t segment_us;
    int64_t phase_us;  /* the live edge is that much earlier */
    uint64_t segments; /* of a VOD; else 0 */
    uint32_t last_pictures;
    uint8_t key[STREAM_KEY_BYTES];
    unsigned variants;
    struct stream_rendition video[STREAM_VARIANTS_MAX];
    bool has_audio;
    struct stream_rendition audio;
    int64_t epoch_us;      /* monotonic time at which segment 0 began */
    int64_t epoch_wall_us; /* the same moment on the wall clock */
};

/* Makes a stream of the text of `--stream`, "name=live,bitrates=500k+2M,segment=2s". Returns
 * NULL with err filled when it cannot be. `now_us` (monotonic) and `wall_us` are the present: a
 * live stream begins so far back that its window is full. `number` tells streams apart. */
struct stream *stream_new(struct span text, unsigned number, int64_t now_us, int64_t wall_us,
                          struct err *err);
void stream_free(struct stream *stream);

/* The segments that are complete at now_us are [*first, *end): the window of a live stream,
 * all since the beginning of an EVENT, all of a VOD. */
void stream_window(const struct stream *stream, int64_t now_us, uint64_t *first, uint64_t *end);

/* Whether segment `number` can be fetched: in the window, or fallen out of it no longer ago
 * than the window is long (and ten segments at least), RFC 8216 section 6.2.2. */
bool stream_has_segment(const struct stream *stream, int64_t now_us, uint64_t number);

/* When the live window next changes; INT64_MAX for a VOD. */
int64_t stream_next_change_us(const struct stream *stream, int64_t now_us);

uint32_t stream_pictures(const struct stream *stream, uint64_t number);
int64_t stream_duration_us(const struct stream *stream, uint64_t number);

/* "ts" or "m4s"; "media.ts" or "media.mp4". */
const char *stream_segment_suffix(const struct stream *stream);
const char *stream_file_name(const struct stream *stream);

/* Bytes of a segment as served. */
uint64_t stream_segment_bytes(const struct stream_rendition *rendition, uint64_t number);

/* Where a segment begins in the rendition's single file. */
uint64_t stream_segment_offset(const struct stream_rendition *rendition, uint64_t number);

/* Writes the segment's stream_segment_bytes() bytes, encrypted if the stream is. Returns 0, or
 * -1 when memory is spent. */
int stream_make_segment(const struct stream_rendition *rendition, uint64_t number,
                        uint8_t *out);

enum stream_resource {
    STREAM_RESOURCE_NONE,
    STREAM_RESOURCE_MULTIVARIANT,
    STREAM_RESOURCE_PLAYLIST,
    STREAM_RESOURCE_SEGMENT,
    STREAM_RESOURCE_INIT,
    STREAM_RESOURCE_KEY,
    STREAM_RESOURCE_FILE, /* all segments as one file */
    STREAM_RESOURCE_COUNT,
};

struct stream_target {
    enum stream_resource resource;
    struct stream *stream;
    struct stream_rendition *rendition; /* of playlists, segments, init sections, files */
    uint64_t number;                    /* of a segment */
};

/* What `path`, the part after "/NAME/", names. It may not exist at present. */
struct stream_target stream_resolve(struct stream *stream, struct span path);

#endif
