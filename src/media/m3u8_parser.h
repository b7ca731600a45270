/* What the files of the parser share. Private to media/m3u8*.c: users include media/m3u8.h. */
#ifndef MEDIA_M3U8_PARSER_H
#define MEDIA_M3U8_PARSER_H

#include "base/span.h"
#include "media/m3u8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum m3u8_tag {
#define X(symbol, name, where, value, once) M3U8_TAG_##symbol,
#include "media/m3u8_tags.def"
#undef X
    M3U8_TAG_COUNT,
};

enum m3u8_where { M3U8_IN_MEDIA, M3U8_IN_MULTIVARIANT, M3U8_IN_BOTH };
enum m3u8_value { M3U8_VALUE_NONE, M3U8_VALUE_TEXT, M3U8_VALUE_LIST };

struct m3u8_tag_info {
    const char *name; /* without '#' */
    uint8_t len;
    uint8_t where; /* enum m3u8_where */
    uint8_t value; /* enum m3u8_value */
    bool once;
};
extern const struct m3u8_tag_info m3u8_tag_table[M3U8_TAG_COUNT];

enum m3u8_attr_type {
    M3U8_ATTR_INTEGER,
    M3U8_ATTR_HEX,
    M3U8_ATTR_FLOAT,
    M3U8_ATTR_SIGNED_FLOAT,
    M3U8_ATTR_STRING,
    M3U8_ATTR_STRING_OR_EMPTY,
    M3U8_ATTR_ENUM,
    M3U8_ATTR_YES,
    M3U8_ATTR_YES_NO,
    M3U8_ATTR_RESOLUTION,
    M3U8_ATTR_RANGE,
    M3U8_ATTR_DATE,
    M3U8_ATTR_STRING_OR_NONE,
    M3U8_ATTR_ANY,
};

struct m3u8_attr_info {
    const char *name;
    uint8_t len;
    uint8_t type; /* enum m3u8_attr_type */
    bool required;
};

/* The attributes of one tag, each with its number: M3U8_KEY_METHOD_AT and so on are these. */
#define M3U8_ATTRS_MAX 24

struct m3u8_attr_list {
    const struct m3u8_attr_info *rows;
    uint8_t count;
};
extern const struct m3u8_attr_list m3u8_attr_table[M3U8_TAG_COUNT];

/* Generates enum constants AT_TAG_SYMBOL: the place of an attribute within its tag. The file
 * lists tags one after the other, so the place is its number less that of the tag's first. */
enum m3u8_attr_number {
#define X(tag, symbol, name, type, required) M3U8_ATTR_NUMBER_##tag##_##symbol,
#include "media/m3u8_attrs.def"
#undef X
};

enum m3u8_attr_place {
#define FIRST_DEFINE             M3U8_ATTR_NUMBER_DEFINE_NAME
#define FIRST_START              M3U8_ATTR_NUMBER_START_TIME_OFFSET
#define FIRST_PART_INF           M3U8_ATTR_NUMBER_PART_INF_PART_TARGET
#define FIRST_SERVER_CONTROL     M3U8_ATTR_NUMBER_SERVER_CONTROL_CAN_SKIP_UNTIL
#define FIRST_KEY                M3U8_ATTR_NUMBER_KEY_METHOD
#define FIRST_MAP                M3U8_ATTR_NUMBER_MAP_URI
#define FIRST_PART               M3U8_ATTR_NUMBER_PART_URI
#define FIRST_DATERANGE          M3U8_ATTR_NUMBER_DATERANGE_ID
#define FIRST_SKIP               M3U8_ATTR_NUMBER_SKIP_SKIPPED_SEGMENTS
#define FIRST_PRELOAD_HINT       M3U8_ATTR_NUMBER_PRELOAD_HINT_TYPE
#define FIRST_RENDITION_REPORT   M3U8_ATTR_NUMBER_RENDITION_REPORT_URI
#define FIRST_MEDIA              M3U8_ATTR_NUMBER_MEDIA_TYPE
#define FIRST_STREAM_INF         M3U8_ATTR_NUMBER_STREAM_INF_BANDWIDTH
#define FIRST_I_FRAME_STREAM_INF M3U8_ATTR_NUMBER_I_FRAME_STREAM_INF_BANDWIDTH
#define FIRST_SESSION_DATA       M3U8_ATTR_NUMBER_SESSION_DATA_DATA_ID
#define FIRST_SESSION_KEY        M3U8_ATTR_NUMBER_SESSION_KEY_METHOD
#define FIRST_CONTENT_STEERING   M3U8_ATTR_NUMBER_CONTENT_STEERING_SERVER_URI
#define X(tag, symbol, name, type, required) \
    AT_##tag##_##symbol = M3U8_ATTR_NUMBER_##tag##_##symbol - FIRST_##tag,
#include "media/m3u8_attrs.def"
#undef X
};

/* One tag's attribute list, taken apart. value[i] is meaningful when bit i of present is set;
 * quotes are stripped and variables substituted. */
struct m3u8_attrs {
    uint32_t present;
    uint32_t quoted; /* bit i: the value stood in quotes */
    bool ignore_tag; /* an unknown attribute named REQ-...: the tag must be ignored */
    struct span value[M3U8_ATTRS_MAX];
};

static inline bool m3u8_attrs_has(const struct m3u8_attrs *attrs, unsigned at)
{
    return (attrs->present >> at & 1) != 0;
}

/* The value, or an empty span when absent. */
static inline struct span m3u8_attrs_get(const struct m3u8_attrs *attrs, unsigned at)
{
    return m3u8_attrs_has(attrs, at) ? attrs->value[at] : (struct span){0};
}

/* A growing array. */
struct m3u8_array {
    char *items; /* owned */
    uint32_t count, capacity;
};

enum m3u8_array_name {
    M3U8_SEGMENTS,
    M3U8_PARTS,
    M3U8_MAPS,
    M3U8_KEYS,
    M3U8_REPORTS,
    M3U8_DATERANGES,
    M3U8_VARIANTS,
    M3U8_I_FRAME_VARIANTS,
    M3U8_RENDITIONS,
    M3U8_SESSION_DATA,
    M3U8_SESSION_KEYS,
    M3U8_DEFINES,
    M3U8_ARRAY_COUNT,
};

/* A piece of memory for substituted values. */
struct m3u8_chunk {
    struct m3u8_chunk *next;
    size_t used, size;
    char bytes[];
};

/* The block that a struct m3u8 really is: what users see, then what it owns. */
struct m3u8_block {
    struct m3u8 playlist; /* first, so that one pointer is both */
    struct m3u8_array arrays[M3U8_ARRAY_COUNT];
    struct m3u8_chunk *chunks;
    char bytes[]; /* the URL, then the text */
};

/* An index of date ranges by ID, so that merging tags stays linear; freed after parsing. */
struct m3u8_ids {
    uint32_t *slots; /* owned; index + 1, or 0 */
    uint32_t size;   /* a power of two, or 0 */
};

/* At most so many variables may be defined. */
#define M3U8_DEFINES_MAX 1000

/* At most so many KEYFORMATs are in force together; a further one replaces the oldest. */
#define M3U8_ACTIVE_KEYS 8

/* What was read of the segment that has no URI line yet. */
struct m3u8_pending {
    int64_t duration_us;
    int64_t date_us;
    struct m3u8_range range;
    uint32_t flags; /* enum m3u8_segment_flag */
    uint32_t part_first, part_count;
    uint32_t title_at, title_len;
    uint32_t first_part_line;
    uint32_t extinf_line; /* 0: none yet */
    bool has_offset;
};

struct m3u8_parser {
    struct m3u8_block *block;
    struct m3u8 *playlist; /* &block->playlist */
    const struct m3u8_source *source;
    enum m3u8_status status;    /* M3U8_OK until something ends the parsing */
    enum m3u8_status verdict;   /* what it will end with, though a report is still being made */
    struct m3u8_checker *check; /* the strict half; NULL when there is no report */
    size_t memory_limit;

    uint32_t line;         /* number of the line being read */
    uint32_t line_at;      /* its offset in the text */
    uint32_t line_end;     /* offset of what ends it: LF, a lone CR or the end of the text */
    bool cr_lines;         /* lines end in CR alone */
    enum m3u8_tag tag;     /* being read; M3U8_TAG_COUNT in a URI line */
    struct span tag_value; /* what follows its ':' */
    bool tag_has_colon;

    uint32_t seen_media, seen_multivariant; /* lines of the first tag of that kind, or 0 */
    bool decisive_media; /* EXTINF, EXT-X-TARGETDURATION or EXT-X-PART was there */
    bool has_extm3u;
    uint64_t seen_tags; /* bit by enum m3u8_tag */

    struct m3u8_pending pending;
    uint32_t after_segment_at; /* offset of the first line after the last segment */
    bool missing_extinf;       /* some segment has none: durations are filled in at the end */
    bool late_sequence;        /* EXT-X-MEDIA-SEQUENCE came after a segment */
    bool import_failed;        /* an IMPORT found nothing, which a media playlist must not */
    bool any_date;
    int64_t next_date_us;     /* extrapolated date of the next segment */
    uint64_t discontinuities; /* EXT-X-DISCONTINUITY tags so far */
    uint32_t bitrate_kbps;
    uint32_t map; /* in force, index or M3U8_NONE */
    struct m3u8_key active[M3U8_ACTIVE_KEYS];
    uint32_t active_count;
    bool active_changed; /* since key_first and key_count were made */
    uint32_t key_first, key_count;
    struct span range_uri; /* resource and end of the last byte range */
    uint64_t range_end;
    struct span part_uri; /* likewise of the last part's */
    uint64_t part_end;

    struct m3u8_variant variant; /* EXT-X-STREAM-INF that waits for its URI line */
    bool has_variant;
    bool skip_uri; /* that tag was ignored, and so must be its URI line */

    struct m3u8_ids daterange_ids;
};

/* --- m3u8.c --- */

/* Whether lines end in CR alone, as the first CR tells. Players take such a text, though
 * section 4.1 knows only LF and CRLF. */
bool m3u8_has_cr_lines(struct span text);

/* Where the line that begins at `at` ends: its CR of CRLF belongs to it unless cr_lines is set.
 * *next is where the line after it begins, past the end of the text when there is none. */
size_t m3u8_line_end(struct span text, bool cr_lines, size_t at, size_t *next);

/* --- m3u8_memory.c --- */

/* A zeroed new element at the end of an array, or NULL with status set. */
void *m3u8_push(struct m3u8_parser *p, enum m3u8_array_name name, size_t item_bytes);

/* `size` bytes that live as long as the playlist, or NULL with status set. */
char *m3u8_keep(struct m3u8_parser *p, size_t size);

/* Hands the arrays to the playlist, and gives back what they have too much of. */
void m3u8_settle_arrays(struct m3u8_parser *p);

/* Ends the parsing unless it has ended. What is wrong with the text ends it only when nobody
 * asked for a report: then the rest is read for its sake. */
void m3u8_stop(struct m3u8_parser *p, enum m3u8_status status);

/* --- m3u8_attr.c --- */

/* Takes the attribute list of tag p->tag apart into *attrs. Unknown attributes are counted. */
void m3u8_read_attrs(struct m3u8_parser *p, struct m3u8_attrs *attrs);

/* --- m3u8_vars.c --- */

/* Replaces variable references in text, which is returned as it is when there are none. Stops
 * the parsing when a variable is not defined. */
struct span m3u8_substitute(struct m3u8_parser *p, struct span text);

/* Whether there is a reference at all, without looking it up. */
static inline bool m3u8_may_refer(struct span text)
{
    return text.len > 3 && memchr(text.ptr, '{', text.len) != NULL;
}

void m3u8_apply_define(struct m3u8_parser *p);

/* --- m3u8_media.c, m3u8_lowlatency.c, m3u8_multivariant.c --- */

void m3u8_apply_media_tag(struct m3u8_parser *p);
void m3u8_apply_segment_uri(struct m3u8_parser *p, struct span uri);
void m3u8_finish_media(struct m3u8_parser *p);

void m3u8_apply_part(struct m3u8_parser *p);
void m3u8_apply_part_inf(struct m3u8_parser *p);
void m3u8_apply_server_control(struct m3u8_parser *p);
void m3u8_apply_skip(struct m3u8_parser *p);
void m3u8_apply_preload_hint(struct m3u8_parser *p);
void m3u8_apply_rendition_report(struct m3u8_parser *p);
void m3u8_apply_daterange(struct m3u8_parser *p);

/* Makes the set of keys in force a run of the playlist's keys: p->key_first, p->key_count. */
void m3u8_settle_keys(struct m3u8_parser *p);

/* Fills a key from the attributes of KEY or SESSION-KEY, which have the same places. */
void m3u8_fill_key(struct m3u8_parser *p, const struct m3u8_attrs *attrs, struct m3u8_key *key);

void m3u8_apply_multivariant_tag(struct m3u8_parser *p);
void m3u8_apply_variant_uri(struct m3u8_parser *p, struct span uri);

#endif
