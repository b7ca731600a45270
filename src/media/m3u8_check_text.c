/* Strict checks of lines, tags and values that have no attribute list (sections 4.1 and 4.4).
 */
#include "media/m3u8_checker.h"
#include "media/m3u8_text.h"
#include "media/unicode.h"

#include <stdarg.h>
#include <stdio.h>

static const char *tag_name(const struct m3u8_parser *p)
{
    return p->tag < M3U8_TAG_COUNT ? m3u8_tag_table[p->tag].name : NULL;
}

void m3u8_note(struct m3u8_parser *p, enum m3u8_rule rule, const char *attribute,
               const char *format, ...)
{
    char detail[160] = "";
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(detail, sizeof detail, format, args);
        va_end(args);
    }
    m3u8_report_add(p->source->report, rule, p->line, tag_name(p), attribute, "%s", detail);
}

void m3u8_note_need(struct m3u8_parser *p, unsigned version, const char *attribute,
                    const char *what)
{
    struct m3u8_need *need = &p->check->needs[version];
    if (need->line == 0) {
        *need = (struct m3u8_need){p->line, p->tag, attribute, what};
    }
}

void m3u8_check_start(struct m3u8_parser *p)
{
    p->line = 1;
    p->tag = M3U8_TAG_COUNT;
    if (span_starts_with(p->playlist->text, SPAN("\xef\xbb\xbf"))) {
        m3u8_note(p, M3U8_RULE_BYTE_ORDER_MARK, NULL, NULL);
    }
    p->line = 0;
}

/* Where a tab is no more than bad style: in a title or a comment. */
static bool tab_is_text(struct span line, size_t at)
{
    if (line.len == 0 || line.ptr[0] != '#') {
        return false;
    }
    if (!span_starts_with(line, SPAN("#EXT"))) {
        return true;
    }
    return span_starts_with(line, SPAN("#EXTINF:")) && at > span_find(line, ',');
}

static bool is_control(struct span line, size_t at)
{
    unsigned char c = (unsigned char)line.ptr[at];
    if (c == 0xc2 && at + 1 < line.len) {
        return (unsigned char)line.ptr[at + 1] <= 0x9f;
    }
    return (c < 0x20 && c != '\t' && c != '\r') || c == 0x7f;
}

/* Each kind of bad byte is told of once a line. */
static void check_bytes(struct m3u8_parser *p, struct span line)
{
    bool bad_utf8 = false, control = false, tab = false, cr = false;
    uint32_t code = 0, highest = 0;
    for (size_t at = 0; at < line.len;) {
        size_t len = unicode_next(line, at, &code);
        highest = code > highest ? code : highest;
        if (len == 0 && !bad_utf8) {
            bad_utf8 = true;
            m3u8_note(p, M3U8_RULE_UTF8, NULL, "byte 0x%02x in column %zu",
                      (unsigned char)line.ptr[at], at + 1);
        }
        if (is_control(line, at) && !control) {
            control = true;
            m3u8_note(p, M3U8_RULE_CONTROL_CHARACTER, NULL, "byte 0x%02x in column %zu",
                      (unsigned char)line.ptr[at], at + 1);
        }
        if (line.ptr[at] == '\r' && !cr) {
            cr = true;
            m3u8_note(p, M3U8_RULE_LINE_END, NULL, "CR in column %zu", at + 1);
        }
        if (line.ptr[at] == '\t' && !tab && tab_is_text(line, at)) {
            tab = true;
            m3u8_note(p, M3U8_RULE_TAB_IN_TEXT, NULL, "column %zu", at + 1);
        }
        at += len == 0 ? 1 : len;
    }
    size_t at;
    if (highest >= 0x300 && unicode_is_not_nfc(line, &at)) {
        (void)unicode_next(line, at, &code);
        m3u8_note(p, M3U8_RULE_NOT_NORMALIZED, NULL, "U+%04X in column %zu", (unsigned)code,
                  at + 1);
    }
}

/* Of a text whose lines end in CR alone this is told once. */
static void note_lone_cr(struct m3u8_parser *p)
{
    struct span rest = span_skip(p->playlist->text, p->line_end);
    if (span_starts_with(rest, SPAN("\r")) && !span_starts_with(rest, SPAN("\r\n"))) {
        p->check->cr_told = true;
        m3u8_note(p, M3U8_RULE_LINE_END, NULL, "CR in column %u", p->line_end - p->line_at + 1);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void m3u8_check_line(struct m3u8_parser *p, struct span raw)
{
    struct span line = raw;
    p->tag = M3U8_TAG_COUNT;
    if (p->line == 1 && span_starts_with(line, SPAN("\xef\xbb\xbf"))) {
        line = span_skip(line, 3);
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    check_bytes(p, line);
    if (p->cr_lines && !p->check->cr_told) {
        note_lone_cr(p);
    }
    if (line.len > 0 && is_blank(line.ptr[0])) {
        m3u8_note(p, M3U8_RULE_WHITESPACE, NULL, "at the start of the line");
    } else if (line.len > 0 && line.ptr[0] != '#') {
        for (size_t i = 0; i < line.len; i++) {
            if (is_blank(line.ptr[i])) {
                m3u8_note(p, M3U8_RULE_WHITESPACE, NULL, "in a URI, column %zu", i + 1);
                break;
            }
        }
    }
}

/* Whitespace in the name or value of a known tag, quoted strings and titles left out. */
static void check_tag_whitespace(struct m3u8_parser *p, struct span line)
{
    bool quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c == ',' && p->tag == M3U8_TAG_EXTINF) {
            return;
        }
        if (c == '"') {
            quoted = !quoted;
        } else if (is_blank(c) && !quoted) {
            m3u8_note(p, M3U8_RULE_WHITESPACE, NULL, "column %zu", i + 1);
            return;
        } else if (c == '\t' && p->tag != M3U8_TAG_SKIP) {
            m3u8_note(p, M3U8_RULE_CONTROL_CHARACTER, NULL, "a tab in column %zu", i + 1);
            return;
        }
    }
}

static void check_value_presence(struct m3u8_parser *p, const struct m3u8_tag_info *info)
{
    struct span value = span_trim(p->tag_value);
    if (info->value == M3U8_VALUE_NONE && p->tag_has_colon) {
        m3u8_note(p, M3U8_RULE_TAG_VALUE_UNEXPECTED, NULL, "\"%.*s\"", SPAN_ARGS(value));
    } else if (info->value != M3U8_VALUE_NONE && value.len == 0) {
        m3u8_note(p, M3U8_RULE_TAG_VALUE_MISSING, NULL, NULL);
    }
}

/* EXT-X-STREAM-INF is two lines: whatever else begins with #EXT has no place between them. */
static void check_waiting_variant(struct m3u8_parser *p)
{
    if (p->check->stream_inf_line != 0) {
        m3u8_report_add(p->source->report, M3U8_RULE_STREAM_INF_WITHOUT_URI,
                        p->check->stream_inf_line, "EXT-X-STREAM-INF", NULL,
                        "line %u has another tag", p->line);
        p->check->stream_inf_line = 0;
    }
}

void m3u8_check_tag(struct m3u8_parser *p)
{
    const struct m3u8_tag_info *info = &m3u8_tag_table[p->tag];
    check_waiting_variant(p);
    const char *text = p->playlist->text.ptr;
    struct span line = span_of(text + p->line_at, p->line_end - p->line_at);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    if (line.len > 0 && !is_blank(line.ptr[0])) {
        check_tag_whitespace(p, line);
    }
    check_value_presence(p, info);
    if (info->once && (p->seen_tags >> p->tag & 1) != 0) {
        m3u8_note(p, M3U8_RULE_TAG_REPEATED, NULL, NULL);
    }
    if (info->value != M3U8_VALUE_LIST) {
        m3u8_check_text_tag(p);
    }
}

void m3u8_check_unknown_tag(struct m3u8_parser *p, struct span name)
{
    check_waiting_variant(p);
    if (span_equal(name, SPAN("EXT-X-ALLOW-CACHE")) && p->check->allow_cache_line == 0) {
        p->check->allow_cache_line = p->line;
    }
}

void m3u8_check_uri(struct m3u8_parser *p, struct span uri, const char *attribute)
{
    struct url url;
    if (url_parse(uri, &url) != 0) {
        m3u8_note(p, M3U8_RULE_URI_SYNTAX, attribute, "\"%.*s\"",
                  uri.len > 100 ? 100 : (int)uri.len, uri.ptr);
        return;
    }
    for (size_t i = 0; i < uri.len; i++) {
        unsigned char c = (unsigned char)uri.ptr[i];
        if (c >= 0x80 || strchr("\"<>\\^`{|}", c) != NULL || (c == ' ' && attribute != NULL)) {
            m3u8_note(p, M3U8_RULE_URI_CHARACTERS, attribute, "byte 0x%02x", c);
            return;
        }
    }
}

void m3u8_check_uri_line(struct m3u8_parser *p, struct span uri)
{
    struct m3u8_checker *c = p->check;
    m3u8_check_uri(p, uri, NULL);
    if (!p->has_variant && !p->skip_uri && p->pending.extinf_line == 0 &&
        c->first_uri_line == 0) {
        c->first_uri_line = p->line;
    }
    c->stream_inf_line = 0;
}

void m3u8_check_date(struct m3u8_parser *p, struct span text, const char *attribute)
{
    int64_t us;
    enum m3u8_date_form form = m3u8_read_date(text, &us);
    if (form == M3U8_DATE_BAD || form == M3U8_DATE_LOOSE) {
        m3u8_note(p, M3U8_RULE_DATE_SYNTAX, attribute, "\"%.*s\"",
                  text.len > 60 ? 60 : (int)text.len, text.ptr);
        return;
    }
    if (form == M3U8_DATE_NO_ZONE) {
        m3u8_note(p, M3U8_RULE_DATE_NO_ZONE, attribute, "\"%.*s\"", SPAN_ARGS(text));
    }
    size_t point = span_find(text, '.');
    point = point == text.len ? span_find(text, ',') : point;
    size_t digits = 0;
    while (point + 1 + digits < text.len && text.ptr[point + 1 + digits] >= '0' &&
           text.ptr[point + 1 + digits] <= '9') {
        digits++;
    }
    if (digits < 3) {
        m3u8_note(p, M3U8_RULE_DATE_PRECISION, attribute, "\"%.*s\"", SPAN_ARGS(text));
    }
}

/* At the end: what the playlist needs against what it says (section 8). */
static void check_version(struct m3u8_parser *p)
{
    uint64_t version = p->playlist->version;
    unsigned needed = 1;
    for (unsigned v = 2; v <= M3U8_VERSION_MAX; v++) {
        const struct m3u8_need *need = &p->check->needs[v];
        if (need->line == 0) {
            continue;
        }
        needed = v;
        if (version < v) {
            const char *tag =
                need->tag < M3U8_TAG_COUNT ? m3u8_tag_table[need->tag].name : NULL;
            m3u8_report_add(p->source->report, M3U8_RULE_VERSION_LOW, need->line, tag,
                            need->attribute, "%s needs version %u, the playlist has %llu",
                            need->what, v, (unsigned long long)version);
        }
    }
    /* Delta updates may be asked for, and the version must not change between loads. */
    unsigned skip = (p->playlist->flags & M3U8_CAN_SKIP_DATERANGES) != 0 ? 10
                    : p->playlist->can_skip_until_us > 0                 ? 9
                                                                         : 0;
    needed = skip > needed ? skip : needed;
    /* In a multivariant playlist it speaks of the media as well (section 4.4.1.2). */
    if (version > needed && version <= M3U8_VERSION_MAX && p->check->version_line != 0 &&
        p->seen_multivariant == 0) {
        m3u8_report_add(p->source->report, M3U8_RULE_VERSION_HIGH, p->check->version_line,
                        "EXT-X-VERSION", NULL, "%llu, where %u would do",
                        (unsigned long long)version, needed);
    }
}

static void check_kind(struct m3u8_parser *p)
{
    struct m3u8_report *report = p->source->report;
    if (p->seen_media != 0 && p->seen_multivariant != 0) {
        uint32_t line =
            p->seen_media > p->seen_multivariant ? p->seen_media : p->seen_multivariant;
        m3u8_report_add(report, M3U8_RULE_MIXED_PLAYLIST, line, NULL, NULL,
                        "a %s tag after a %s tag in line %u",
                        line == p->seen_media ? "media" : "multivariant",
                        line == p->seen_media ? "multivariant" : "media",
                        p->seen_media > p->seen_multivariant ? p->seen_multivariant
                                                             : p->seen_media);
    }
    if (p->seen_media == 0 && p->seen_multivariant == 0 && p->has_extm3u) {
        m3u8_report_add(report, M3U8_RULE_EMPTY_PLAYLIST, 1, NULL, NULL, NULL);
    }
    if (p->check->first_uri_line != 0 && p->seen_media == 0 && p->seen_multivariant == 0) {
        m3u8_report_add(report, M3U8_RULE_URI_WITHOUT_TAG, p->check->first_uri_line, NULL, NULL,
                        NULL);
    }
}

/* Only at the end it is known whether EXT-X-MAP stands in a playlist of I-frames. */
static void settle_map_need(struct m3u8_parser *p)
{
    bool i_frames = (p->playlist->flags & M3U8_I_FRAMES_ONLY) != 0;
    struct m3u8_need *need = &p->check->needs[i_frames ? 5 : 6];
    if (p->check->map_line != 0 && need->line == 0) {
        *need = (struct m3u8_need){p->check->map_line, M3U8_TAG_MAP, NULL, "EXT-X-MAP"};
    }
}

void m3u8_check_end(struct m3u8_parser *p)
{
    settle_map_need(p);
    if ((p->seen_tags >> M3U8_TAG_EXTM3U & 1) == 0) {
        m3u8_report_add(p->source->report, M3U8_RULE_EXTM3U_FIRST, 1, NULL, NULL,
                        "it is missing");
    }
    if (p->check->allow_cache_line != 0 && p->playlist->version >= 7) {
        m3u8_report_add(p->source->report, M3U8_RULE_TAG_REMOVED, p->check->allow_cache_line,
                        "EXT-X-ALLOW-CACHE", NULL, "removed in version 7");
    }
    check_version(p);
    check_kind(p);
    if (p->seen_media != 0) {
        m3u8_check_media_end(p);
    }
    if (p->seen_multivariant != 0) {
        m3u8_check_multivariant_end(p);
    }
}
