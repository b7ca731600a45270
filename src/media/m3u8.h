/* An HLS playlist as a player sees it: RFC 8216 and rfc8216bis (draft 22), all 32 tags.
 *
 * m3u8_parse reads a text once and makes an immutable struct m3u8 of it, with every derived
 * fact worked out: sequence numbers, byte offsets carried on, dates extrapolated, key and map
 * in force. It is lenient: it ignores what section 6.3.1 says to ignore, survives what players
 * survive, and counts both. The list of rules broken is the other answer, see
 * media/m3u8_check.h; reloads and delta updates are in media/m3u8_reload.h.
 *
 * Memory: one block holds the struct, a copy of the text and of the URL; each array is one
 * more. Spans point into that copy (or, where a variable was substituted, into memory of the
 * same playlist), never into the caller's text. Nothing is allocated per line.
 *
 * A playlist is counted by reference without atomics: it belongs to one thread. */
#ifndef MEDIA_M3U8_H
#define MEDIA_M3U8_H

#include "base/span.h"
#include "base/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stated limits, used where m3u8_source leaves them 0. */
#define M3U8_LIMIT_TEXT_BYTES   ((size_t)256 << 20) /* of playlist text */
#define M3U8_LIMIT_MEMORY_BYTES ((size_t)2 << 30)   /* of text, arrays and substituted values */
#define M3U8_LIMIT_DURATION_US \
    INT64_C(1000000000000) /* one segment; longer ones are cut to it */

#define M3U8_NONE    UINT32_MAX /* "no index" */
#define M3U8_NO_DATE INT64_MIN  /* "no program date time" */
#define M3U8_TO_THE_END                                                  \
    UINT64_MAX /* length of a range that runs to the end of its resource \
                */

enum m3u8_kind {
    M3U8_MULTIVARIANT, /* also a text that has neither kind of tag, as section 4.1 says */
    M3U8_MEDIA,
};

enum m3u8_type { M3U8_TYPE_NONE, M3U8_TYPE_EVENT, M3U8_TYPE_VOD };

/* An address range within a resource. */
struct m3u8_range {
    uint64_t offset; /* first byte */
    uint64_t length; /* bytes; 0 when there is no range: the whole resource is meant */
};

enum m3u8_method {
    M3U8_METHOD_NONE,
    M3U8_METHOD_AES_128,
    M3U8_METHOD_SAMPLE_AES,
    M3U8_METHOD_SAMPLE_AES_CTR,
    M3U8_METHOD_AES_256_GCM,
    M3U8_METHOD_UNKNOWN, /* must not be decrypted; see the method's text */
};

enum m3u8_key_format {
    M3U8_KEY_IDENTITY, /* the only one whose key is a file to be fetched */
    M3U8_KEY_FAIRPLAY,
    M3U8_KEY_WIDEVINE,
    M3U8_KEY_PLAYREADY,
    M3U8_KEY_OTHER,
};

/* EXT-X-KEY or EXT-X-SESSION-KEY. */
struct m3u8_key {
    struct span uri;
    struct span method_text;
    struct span format_text;     /* "identity" when the attribute is absent */
    struct span format_versions; /* empty when absent, which means "1" */
    enum m3u8_method method;
    enum m3u8_key_format format;
    uint32_t line;    /* of the tag, from 1 */
    uint32_t text_at; /* offset of the tag's line in the text */
    uint8_t iv[16];   /* when has_iv; else see m3u8_key_iv */
    bool has_iv;
};

/* EXT-X-MAP: an initialisation section. */
struct m3u8_map {
    struct span uri;
    struct m3u8_range range;
    uint32_t key_first; /* keys that apply to the section: keys[key_first] and the next ones */
    uint32_t key_count;
    uint32_t line;
    uint32_t text_at; /* offset of the tag's line in the text */
};

enum m3u8_part_flag {
    M3U8_PART_INDEPENDENT = 1 << 0,
    M3U8_PART_GAP = 1 << 1,
    M3U8_PART_RANGE = 1 << 2, /* range is valid */
};

/* EXT-X-PART: a piece of a segment. */
struct m3u8_part {
    struct span uri;
    int64_t duration_us;
    struct m3u8_range range;
    uint32_t flags; /* enum m3u8_part_flag */
    uint32_t line;
};

enum m3u8_segment_flag {
    M3U8_SEGMENT_GAP = 1 << 0,            /* EXT-X-GAP: should not be loaded */
    M3U8_SEGMENT_DISCONTINUITY = 1 << 1,  /* EXT-X-DISCONTINUITY stands before it */
    M3U8_SEGMENT_RANGE = 1 << 2,          /* range is valid */
    M3U8_SEGMENT_DATE = 1 << 3,           /* its date was written, not extrapolated */
    M3U8_SEGMENT_OFFSET_GUESSED = 1 << 4, /* EXT-X-BYTERANGE without offset, and the segment
                                           * before is no range of the same resource: the end of
                                           * its range is taken whatever its resource, as
                                           * players do, or 0 when it has none */
};

struct m3u8_segment {
    struct span uri;     /* as written, to be resolved by m3u8_resolve; empty only in `tail` */
    int64_t duration_us; /* EXTINF, or the sum of parts in `tail`; never negative */
    int64_t start_us;    /* sum of the durations before it in this playlist */
    uint64_t sequence;   /* media sequence number */
    uint64_t discontinuity_sequence; /* discontinuity sequence number */
    struct m3u8_range range;         /* when M3U8_SEGMENT_RANGE; offset always resolved */
    int64_t date_us;     /* program date time, µs since 1970 UTC, or M3U8_NO_DATE */
    uint32_t map;        /* index into maps, or M3U8_NONE */
    uint32_t key_first;  /* keys in force: keys[key_first] and the next ones, one a KEYFORMAT */
    uint32_t key_count;  /* 0: not encrypted */
    uint32_t part_first; /* its parts: parts[part_first] and the next ones */
    uint32_t part_count;
    uint32_t bitrate_kbps; /* EXT-X-BITRATE in force, 0 when none or when it has a byte range */
    uint32_t flags;        /* enum m3u8_segment_flag */
    uint32_t line;         /* of its URI, from 1 (in `tail`: of its first part) */
    uint32_t text_at;  /* offset in the text of the first line after the segment before it */
    uint32_t title_at; /* see m3u8_segment_title */
    uint32_t title_len;
};
_Static_assert(sizeof(struct m3u8_segment) <= 128, "memory per segment is a stated budget");

/* EXT-X-STREAM-INF with its URI line, or EXT-X-I-FRAME-STREAM-INF. Spans of absent attributes
 * are empty, numbers 0. */
struct m3u8_variant {
    struct span uri;
    uint64_t bandwidth_bps; /* peak */
    uint64_t average_bandwidth_bps;
    double score; /* -1 when absent */
    double frame_rate;
    uint32_t width, height;
    struct span codecs;
    struct span supplemental_codecs;
    struct span hdcp_level;
    struct span allowed_cpc;
    struct span video_range;
    struct span req_video_layout;
    struct span stable_id;
    struct span pathway; /* "." when absent */
    struct span audio;   /* GROUP-ID of renditions that go with it; empty: none */
    struct span video;
    struct span subtitles;
    struct span captions; /* GROUP-ID, or empty; see captions_none */
    bool captions_none;   /* CLOSED-CAPTIONS=NONE */
    uint32_t line;        /* of the tag */
};

enum m3u8_rendition_type {
    M3U8_AUDIO,
    M3U8_VIDEO,
    M3U8_SUBTITLES,
    M3U8_CLOSED_CAPTIONS,
};

/* EXT-X-MEDIA. */
struct m3u8_rendition {
    enum m3u8_rendition_type type;
    bool is_default, autoselect, forced;
    struct span uri; /* empty: the media is inside the variant's own playlist */
    struct span group_id;
    struct span name;
    struct span language;
    struct span assoc_language;
    struct span stable_id;
    struct span instream_id;
    struct span characteristics;
    struct span channels;
    uint64_t bit_depth, sample_rate; /* 0 when absent */
    uint32_t line;
};

/* EXT-X-SESSION-DATA. */
struct m3u8_session_data {
    struct span data_id, value, uri, format, language;
    uint32_t line;
};

/* EXT-X-DATERANGE; tags of one ID are merged into one entry. */
struct m3u8_daterange {
    struct span id, class, cue, start_date, end_date;
    struct span scte35_cmd, scte35_out, scte35_in;
    int64_t start_us, end_us;                 /* M3U8_NO_DATE when absent or unreadable */
    int64_t duration_us, planned_duration_us; /* -1 when absent */
    bool end_on_next;
    struct span attributes; /* the attribute list as written, X- attributes included */
    uint32_t line;          /* of the first tag of that ID */
    uint32_t text_at;
};

/* EXT-X-DEFINE with its value worked out; kept so that media playlists can IMPORT it. */
struct m3u8_define {
    struct span name, value;
};

/* EXT-X-RENDITION-REPORT. */
struct m3u8_rendition_report {
    struct span uri;
    uint64_t last_sequence; /* LAST-MSN; UINT64_MAX when absent: that of this playlist */
    uint64_t last_part;     /* LAST-PART; UINT64_MAX when absent */
    uint32_t line;
};

/* EXT-X-PRELOAD-HINT. */
struct m3u8_hint {
    struct span uri; /* empty: no such hint */
    uint64_t offset; /* BYTERANGE-START */
    uint64_t length; /* BYTERANGE-LENGTH or M3U8_TO_THE_END */
    uint32_t line;
};

enum m3u8_flag {
    M3U8_ENDLIST = 1 << 0,
    M3U8_I_FRAMES_ONLY = 1 << 1,
    M3U8_INDEPENDENT_SEGMENTS = 1 << 2,
    M3U8_HAS_START = 1 << 3, /* start_offset_us is valid */
    M3U8_START_PRECISE = 1 << 4,
    M3U8_CAN_BLOCK_RELOAD = 1 << 5,
    M3U8_CAN_SKIP_DATERANGES = 1 << 6,
    M3U8_HAS_TARGET_DURATION = 1 << 7, /* written; else derived from the longest segment */
    M3U8_HAS_MEDIA_SEQUENCE = 1 << 8,  /* written; else 0 */
    M3U8_HAS_DISCONTINUITY_SEQUENCE = 1 << 9,
    M3U8_HAS_HOLD_BACK = 1 << 10, /* written; else the default, see hold_back_us */
    M3U8_HAS_PART_HOLD_BACK = 1 << 11,
    M3U8_HAS_SKIP = 1 << 12,        /* a delta update: see m3u8_reload.h before playing it */
    M3U8_SKIP_DATERANGES = 1 << 13, /* the delta update leaves out date ranges as well */
    M3U8_HAS_SERVER_CONTROL = 1 << 14,
    M3U8_MIXED = 1 << 15, /* tags of both kinds of playlist */
};

struct m3u8 {
    enum m3u8_kind kind;
    enum m3u8_type type; /* of a media playlist */
    uint32_t flags;      /* enum m3u8_flag */
    uint32_t lines;
    uint64_t version;        /* EXT-X-VERSION, 1 when absent */
    struct span text;        /* the playlist, owned */
    struct span url;         /* its URL, owned; empty when none was given */
    struct url base;         /* that URL in pieces, when url is not empty */
    size_t memory_bytes;     /* all that this playlist holds */
    int64_t start_offset_us; /* EXT-X-START: from the start, or, negative, from the end */

    /* Of a media playlist. */
    int64_t target_duration_us; /* never 0 while there are segments */
    uint64_t media_sequence;    /* of the first entry, skipped ones included */
    uint64_t discontinuity_sequence;
    int64_t total_duration_us;      /* of all segments listed, `tail` not included */
    int64_t longest_duration_us;    /* of a listed segment */
    int64_t part_target_us;         /* PART-TARGET, 0 when absent */
    int64_t hold_back_us;           /* HOLD-BACK, else 3 target durations */
    int64_t part_hold_back_us;      /* PART-HOLD-BACK, else 3 PART-TARGET; 0 without parts */
    int64_t can_skip_until_us;      /* CAN-SKIP-UNTIL, 0 when absent */
    uint64_t skipped_segments;      /* EXT-X-SKIP: entries left out before segments[0] */
    struct span removed_dateranges; /* tab-separated IDs */
    struct m3u8_segment tail; /* parts of the segment that is not listed yet; valid when its
                               * part_count is not 0. Its sequence is always that of the
                               * next segment to come, its text_at where its lines begin. */
    struct m3u8_hint part_hint, map_hint;

    /* Of a multivariant playlist. */
    struct span steering_uri;     /* EXT-X-CONTENT-STEERING: SERVER-URI; empty when absent */
    struct span steering_pathway; /* its PATHWAY-ID; empty when absent */

    /* Arrays, owned, in the order of the text; NULL when their count is 0. */
    const struct m3u8_define *defines; /* either kind */
    const struct m3u8_segment *segments;
    const struct m3u8_part *parts;
    const struct m3u8_map *maps;
    const struct m3u8_key *keys;
    const struct m3u8_rendition_report *reports;
    const struct m3u8_daterange *dateranges;
    const struct m3u8_variant *variants; /* EXT-X-STREAM-INF */
    const struct m3u8_variant *i_frame_variants;
    const struct m3u8_rendition *renditions;
    const struct m3u8_session_data *session_data;
    const struct m3u8_key *session_keys;
    uint32_t define_count;
    uint32_t segment_count;
    uint32_t part_count;
    uint32_t map_count;
    uint32_t key_count;
    uint32_t report_count;
    uint32_t daterange_count;
    uint32_t variant_count;
    uint32_t i_frame_variant_count;
    uint32_t rendition_count;
    uint32_t session_data_count;
    uint32_t session_key_count;

    /* What was passed over. */
    uint32_t unknown_tags;
    uint32_t unknown_attributes;
    uint32_t ignored_tags; /* known, but unreadable or not to be understood (section 6.3.1) */
    uint32_t ignored_uris; /* URI lines that no EXTINF or EXT-X-STREAM-INF announced */

    uint32_t references; /* see m3u8_ref */
    size_t *held_bytes;  /* borrowed, or NULL; see m3u8_source */
};

struct m3u8_report; /* media/m3u8_check.h */

/* What to parse. Only text must be set; zero is a good value for the rest. */
struct m3u8_source {
    struct span text; /* need not end in NUL or newline; copied */
    struct span url;  /* where it came from, after redirects: the base of relative URIs and
                       * the source of QUERYPARAM. Copied. May be empty. */
    const struct m3u8
        *multivariant;         /* the one that led here, for IMPORT; borrowed for the call */
    size_t limit_text_bytes;   /* 0: M3U8_LIMIT_TEXT_BYTES */
    size_t limit_memory_bytes; /* 0: M3U8_LIMIT_MEMORY_BYTES */
    size_t *held_bytes; /* memory_bytes are added to it until the last m3u8_unref, in the same
                         * thread; borrowed as long. NULL: nobody counts */
    struct m3u8_report *report; /* receives the rules broken; NULL: nobody asks */
    bool alone; /* read without knowing what led to it, from a file for example: variables to
                 * IMPORT, or from the query when url is empty, stand for themselves */
};

enum m3u8_status {
    M3U8_OK,
    M3U8_NOT_PLAYLIST, /* the first line that is not blank or a comment is not #EXTM3U */
    M3U8_INVALID,      /* a variable that must be known is not (section 4.4.2.3) */
    M3U8_TOO_LARGE,    /* a limit of the source was passed */
    M3U8_NO_MEMORY,
};

/* Parses; on M3U8_OK *out is a new playlist with one reference, else it is untouched. Time is
 * linear in the text; memory is at most the limit. */
enum m3u8_status m3u8_parse(const struct m3u8_source *source, struct m3u8 **out);

/* One word for a status, for messages. */
const char *m3u8_status_name(enum m3u8_status status);

/* One more, or one fewer, user of the playlist; the last m3u8_unref frees it. NULL is a no-op
 * for m3u8_unref. */
struct m3u8 *m3u8_ref(struct m3u8 *playlist);
void m3u8_unref(struct m3u8 *playlist);

/* The absolute URL of a URI of this playlist, written into dst (URL_MAX bytes always suffice);
 * *out is a span in dst. Without a base only absolute URIs resolve. Returns 0, or -1 with *out
 * untouched when it makes no URL. */
int m3u8_resolve(const struct m3u8 *playlist, struct span uri, char *dst, size_t size,
                 struct span *out);

/* The title of a segment's EXTINF; may be empty. Valid as long as the playlist. */
struct span m3u8_segment_title(const struct m3u8 *playlist, const struct m3u8_segment *segment);

/* The segment of that media sequence number, or NULL when the playlist does not list it. */
const struct m3u8_segment *m3u8_segment_by_sequence(const struct m3u8 *playlist,
                                                    uint64_t sequence);

/* The segment that plays at that time after the start of the playlist; the first before it, the
 * last after its end, NULL when there is none. Logarithmic time. */
const struct m3u8_segment *m3u8_segment_by_time(const struct m3u8 *playlist, int64_t start_us);

/* The key among those in force for a segment (or map) that a client without DRM would fetch:
 * KEYFORMAT identity with a URI and a method that is not NONE. NULL when there is none. */
const struct m3u8_key *m3u8_identity_key(const struct m3u8 *playlist, uint32_t key_first,
                                         uint32_t key_count);

/* The initialisation vector of a key for a segment: IV, or the media sequence number as a
 * 16-byte big-endian integer (RFC 8216 section 5.2). */
void m3u8_key_iv(const struct m3u8_key *key, uint64_t sequence, uint8_t out[16]);

/* The rendition of a group that plays when nobody chooses: DEFAULT=YES, else AUTOSELECT=YES,
 * else the first. Index into renditions, M3U8_NONE when the group is empty or not there. */
uint32_t m3u8_rendition_pick(const struct m3u8 *playlist, enum m3u8_rendition_type type,
                             struct span group_id);

/* How far before the end of the playlist a player should start (section 4.4.3.8):
 * PART-HOLD-BACK when `low_latency` and there are parts, else HOLD-BACK, in microseconds. */
int64_t m3u8_hold_back_us(const struct m3u8 *playlist, bool low_latency);

/* No more reloads are needed: EXT-X-ENDLIST, or type VOD. */
bool m3u8_is_final(const struct m3u8 *playlist);

#endif
