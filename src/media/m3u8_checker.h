/* What the strict half of the parser keeps and offers. Private to media/m3u8*.c. The parser
 * calls these only when its source has a report. */
#ifndef MEDIA_M3U8_CHECKER_H
#define MEDIA_M3U8_CHECKER_H

#include "media/m3u8_check.h"
#include "media/m3u8_parser.h"

#include <stdbool.h>
#include <stdint.h>

#define M3U8_VERSION_MAX 13

/* The first thing that needs a version (section 8). */
struct m3u8_need {
    uint32_t line; /* 0: nothing needs it */
    enum m3u8_tag tag;
    const char *attribute; /* or NULL */
    const char *what;
};

struct m3u8_checker {
    struct m3u8_need needs[M3U8_VERSION_MAX + 1]; /* by version */
    uint32_t version_line;
    uint64_t segment_tags; /* tags seen since the last URI line, bit by enum m3u8_tag */
    uint32_t segment_tag_line;
    enum m3u8_tag segment_tag; /* the last of those that must be used up by a URI */
    bool part_in_segment;      /* since the last URI line */
    uint32_t target_from;     /* segments before this index were read without target duration */
    uint32_t stream_inf_line; /* of a STREAM-INF whose URI line must come next, or 0 */
    uint32_t first_uri_line;  /* of a URI that nothing announced */
    uint32_t first_skip_line, first_hint_line, first_part_line, first_daterange_line;
    uint32_t server_control_line, part_inf_line, start_line, steering_line;
    uint32_t discontinuity_line; /* of the first EXT-X-DISCONTINUITY */
    uint32_t type_line;
    uint32_t hints[2];     /* count by TYPE: PART, MAP */
    uint32_t undated_line; /* of a discontinuity whose segment has no date */
    bool any_date;
    bool cr_told;         /* of lines that end in CR alone */
    bool has_part_target; /* PART-TARGET is a number, even if it is 0 */
    bool has_skip_until;  /* CAN-SKIP-UNTIL likewise */
    uint32_t map_line;    /* of the first EXT-X-MAP */
    uint32_t import_line; /* of the first IMPORT */
    uint32_t allow_cache_line;
};

/* Adds a finding about the line and tag being read. */
void m3u8_note(struct m3u8_parser *p, enum m3u8_rule rule, const char *attribute,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Notes that the playlist needs that EXT-X-VERSION. */
void m3u8_note_need(struct m3u8_parser *p, unsigned version, const char *attribute,
                    const char *what);

/* --- m3u8_check_text.c: lines, tags, values --- */
void m3u8_check_start(struct m3u8_parser *p);
void m3u8_check_line(struct m3u8_parser *p, struct span raw);
void m3u8_check_tag(struct m3u8_parser *p);
void m3u8_check_unknown_tag(struct m3u8_parser *p, struct span name);
void m3u8_check_uri(struct m3u8_parser *p, struct span uri, const char *attribute);
void m3u8_check_uri_line(struct m3u8_parser *p, struct span uri);
void m3u8_check_end(struct m3u8_parser *p);

/* A date of a tag or attribute. */
void m3u8_check_date(struct m3u8_parser *p, struct span text, const char *attribute);

/* --- m3u8_check_attrs.c: the syntax of an attribute list --- */
void m3u8_check_attrs(struct m3u8_parser *p, const struct m3u8_attrs *attrs);

/* --- m3u8_check_media.c, m3u8_check_end.c --- */
void m3u8_check_text_tag(struct m3u8_parser *p);
void m3u8_check_media_list(struct m3u8_parser *p, const struct m3u8_attrs *attrs);
void m3u8_check_segment(struct m3u8_parser *p, const struct m3u8_segment *segment);
void m3u8_check_media_end(struct m3u8_parser *p);

/* Compares a further tag of a date range with its first. */
void m3u8_check_daterange(struct m3u8_parser *p, const struct m3u8_daterange *first);

/* --- m3u8_check_multivariant.c --- */
void m3u8_check_multivariant_list(struct m3u8_parser *p, const struct m3u8_attrs *attrs);
void m3u8_check_multivariant_end(struct m3u8_parser *p);

#endif
