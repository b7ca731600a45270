/* The rules of RFC 8216 and rfc8216bis that a playlist breaks: what a strict reader says,
 * beside the lenient answer of m3u8_parse. Give m3u8_parse a report, and it holds the rules
 * that the text breaks by itself; media/m3u8_reload.h compares two loads. The list of rules is
 * m3u8_rules.def. A report belongs to one thread. */
#ifndef MEDIA_M3U8_CHECK_H
#define MEDIA_M3U8_CHECK_H

#include "media/m3u8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum m3u8_rule {
#define X(symbol, name, severity, scope, section, sentence) M3U8_RULE_##symbol,
#include "media/m3u8_rules.def"
#undef X
    M3U8_RULE_COUNT,
};

enum m3u8_severity {
    M3U8_MUST,   /* the playlist is invalid, or the server breaks a duty */
    M3U8_SHOULD, /* advice not followed */
};

/* What is looked at to find a rule broken. */
enum m3u8_scope {
    M3U8_SCOPE_TEXT,
    M3U8_SCOPE_SERVED,
    M3U8_SCOPE_RELOAD,
    M3U8_SCOPE_SET,
    M3U8_SCOPE_MEDIA,
    M3U8_SCOPE_COUNT,
};

struct m3u8_rule_info {
    const char *name; /* in the output, stable: "extinf-too-long" */
    enum m3u8_severity severity;
    enum m3u8_scope scope;
    const char *section;  /* of rfc8216bis */
    const char *sentence; /* what the rule says */
};

const struct m3u8_rule_info *m3u8_rule_info(enum m3u8_rule rule);

/* One rule broken at one place. All text is cut to fit and free of control bytes. */
struct m3u8_finding {
    enum m3u8_rule rule;
    uint32_t line;      /* from 1; 0 when it concerns the playlist as a whole */
    uint32_t load;      /* report.load when it was found */
    char tag[32];       /* "EXT-X-KEY", or empty */
    char attribute[32]; /* "IV", or empty */
    char detail[160];   /* what was found: "IV has 40 digits"; may be empty */
};

struct m3u8_report {
    struct m3u8_finding *findings; /* owned; in the order in which they were found */
    uint32_t count;
    uint32_t capacity;
    uint32_t limit;         /* findings kept; further ones are only counted */
    uint32_t limit_of_rule; /* kept of one rule, so that none drowns the others; 0: no limit */
    uint32_t load;          /* set by the user: which load of a playlist is being looked at */
    const bool *ignored;    /* rules not told of, by enum m3u8_rule; borrowed. NULL: none */
    uint64_t dropped;       /* those */
    uint64_t must;          /* all findings of that severity, dropped ones included */
    uint64_t should;
    uint32_t of_rule[M3U8_RULE_COUNT]; /* all findings of each rule */
};

/* An empty report that keeps up to `limit` findings; 0 means 1000. */
void m3u8_report_init(struct m3u8_report *report, uint32_t limit);

/* Frees the findings and leaves the report empty with the same limits. */
void m3u8_report_clear(struct m3u8_report *report);

/* Adds a finding; tag and attribute may be NULL, format may be NULL. A NULL report is a no-op.
 */
void m3u8_report_add(struct m3u8_report *report, enum m3u8_rule rule, uint32_t line,
                     const char *tag, const char *attribute, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Whether a rule is among the findings kept. */
bool m3u8_report_has(const struct m3u8_report *report, enum m3u8_rule rule);

/* Sorts the findings by line, and by rule within a line. */
void m3u8_report_sort(struct m3u8_report *report);

/* Compares the media playlists of one multivariant playlist with it and with each other
 * (section 6.2.4) and adds what is broken to `report`, line 0. media[i] may be NULL; roles[i]
 * says what referred to it. Details name playlists by media[i]->url. */
enum m3u8_role { M3U8_ROLE_VARIANT, M3U8_ROLE_AUDIO, M3U8_ROLE_SUBTITLES, M3U8_ROLE_I_FRAMES };
void m3u8_check_set(const struct m3u8 *multivariant, const struct m3u8 *const *media,
                    const enum m3u8_role *roles, size_t count, struct m3u8_report *report);

#endif
