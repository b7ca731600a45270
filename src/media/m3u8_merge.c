/* Merging a delta update with the playlist held (rfc8216bis sections 6.2.5.1 and 6.3.7).
 *
 * The whole playlist is written as text: the delta's lines up to EXT-X-SKIP, the state that is
 * in force at the first segment skipped, the lines of the skipped segments as the held copy has
 * them, and the rest of the delta. That text is parsed like any other, so nothing is known of
 * playlists here that the parser does not know. */
#include "base/buf.h"
#include "media/m3u8_parser.h"
#include "media/m3u8_reload.h"
#include "media/m3u8_text.h"

/* Both playlists and where the whole one is written. */
struct merge {
    const struct m3u8 *held, *delta;
    bool held_cr, delta_cr; /* lines end in CR alone */
    uint64_t before;        /* discontinuity sequence number that the delta has at EXT-X-SKIP */
    struct buf *out;
};

/* The line that begins at that offset, its end included. */
static struct span line_at(struct span text, bool cr_lines, size_t at)
{
    size_t next;
    (void)m3u8_line_end(text, cr_lines, at, &next);
    return span_of(text.ptr + at, (next < text.len ? next : text.len) - at);
}

static struct span trimmed(struct span line)
{
    while (line.len > 0 && (unsigned char)line.ptr[line.len - 1] <= ' ') {
        line.len--;
    }
    while (line.len > 0 && (unsigned char)line.ptr[0] <= ' ') {
        line = span_skip(line, 1);
    }
    return line;
}

static bool is_tag(struct span line, struct span name)
{
    struct span t = trimmed(line);
    return span_starts_with(t, name) && (t.len == name.len || t.ptr[name.len] == ':');
}

/* A line, ended by LF unless it ends in LF or CRLF already. */
static int append_line(struct buf *out, struct span line)
{
    bool cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
    if (buf_append_span(out, span_of(line.ptr, line.len - (cr ? 1 : 0))) != 0) {
        return -1;
    }
    bool ended = line.len > 0 && line.ptr[line.len - 1] == '\n';
    return ended ? 0 : buf_append(out, "\n", 1);
}

/* Of the lines of a held segment only those go over that describe it: playlist tags among them
 * are told by the delta, and date ranges are handled apart. */
static bool belongs_to_segment(struct span line)
{
    static const struct span tags[] = {
        {"#EXTINF", 7},      {"#EXT-X-BYTERANGE", 16},
        {"#EXT-X-KEY", 10},  {"#EXT-X-PROGRAM-DATE-TIME", 24},
        {"#EXT-X-MAP", 10},  {"#EXT-X-DISCONTINUITY", 20},
        {"#EXT-X-GAP", 10},  {"#EXT-X-BITRATE", 14},
        {"#EXT-X-PART", 11},
    };
    struct span t = trimmed(line);
    if (t.len == 0) {
        return false;
    }
    if (t.ptr[0] != '#') {
        return true;
    }
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (is_tag(line, tags[i])) {
            return true;
        }
    }
    return false;
}

/* Keys, map, bit rate and date that are in force at a segment because of lines before its own.
 */
static int append_state(const struct merge *c, const struct m3u8_segment *s)
{
    const struct m3u8 *held = c->held;
    int status = 0;
    for (uint32_t i = 0; i < s->key_count; i++) {
        const struct m3u8_key *key = &held->keys[s->key_first + i];
        if (key->text_at < s->text_at) {
            status |= append_line(c->out, line_at(held->text, c->held_cr, key->text_at));
        }
    }
    if (s->map != M3U8_NONE && held->maps[s->map].text_at < s->text_at) {
        const struct m3u8_map *map = &held->maps[s->map];
        status |= append_line(c->out, line_at(held->text, c->held_cr, map->text_at));
    }
    if (s->bitrate_kbps != 0) {
        status |= buf_printf(c->out, "#EXT-X-BITRATE:%u\n", s->bitrate_kbps);
    }
    char date[40];
    if (s->date_us != M3U8_NO_DATE && (s->flags & M3U8_SEGMENT_DATE) == 0 &&
        m3u8_write_date(s->date_us, date, sizeof date) > 0) {
        status |= buf_printf(c->out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", date);
    }
    return status;
}

/* A delta may have kept the EXT-X-DISCONTINUITY of the first segment skipped, or have counted
 * it in EXT-X-DISCONTINUITY-SEQUENCE when it dropped the segment before. Then that of the held
 * segment would be one too many. */
static int append_segment(const struct merge *c, const struct m3u8_segment *s, bool first)
{
    bool counted = first && c->before >= s->discontinuity_sequence;
    const struct m3u8 *held = c->held;
    const struct m3u8_segment *next =
        s + 1 < held->segments + held->segment_count ? s + 1 : &held->tail;
    /* A range whose offset was carried on must carry it itself once the one before is gone. */
    bool range = first && (s->flags & M3U8_SEGMENT_RANGE) != 0;
    if (range &&
        buf_printf(c->out, "#EXT-X-BYTERANGE:%llu@%llu\n", (unsigned long long)s->range.length,
                   (unsigned long long)s->range.offset) != 0) {
        return -1;
    }
    size_t at = s->text_at;
    while (at < next->text_at) {
        struct span line = line_at(held->text, c->held_cr, at);
        bool again = (range && is_tag(line, SPAN("#EXT-X-BYTERANGE"))) ||
                     (counted && is_tag(line, SPAN("#EXT-X-DISCONTINUITY")));
        if (belongs_to_segment(line) && !again && append_line(c->out, line) != 0) {
            return -1;
        }
        at += line.len;
    }
    return 0;
}

static bool in_tab_list(struct span list, struct span id)
{
    struct span rest = list;
    while (rest.len > 0) {
        if (span_equal(span_cut(&rest, '\t'), id)) {
            return true;
        }
    }
    return false;
}

static bool has_daterange(const struct m3u8 *m, struct span id)
{
    for (uint32_t i = 0; i < m->daterange_count; i++) {
        if (span_equal(m->dateranges[i].id, id)) {
            return true;
        }
    }
    return false;
}

/* The ID of an EXT-X-DATERANGE line; empty when it has none that can be seen. */
static struct span daterange_id(struct span line)
{
    struct span rest = span_skip(trimmed(line), sizeof "#EXT-X-DATERANGE:" - 1);
    while (rest.len > 0) {
        size_t equals = span_find(rest, '=');
        struct span name = trimmed(span_of(rest.ptr, equals));
        struct span value = span_skip(rest, equals + 1);
        bool quoted = value.len > 0 && value.ptr[0] == '"';
        struct span inside = span_skip(value, quoted ? 1 : 0);
        size_t close = span_find(inside, quoted ? '"' : ',');
        if (span_equal(name, SPAN("ID"))) {
            return span_of(inside.ptr, close);
        }
        rest = span_skip(inside, close);
        rest = span_skip(rest, span_find(rest, ',') + 1);
    }
    return rest;
}

/* The date ranges held that the delta left out and did not name as removed, every tag of them.
 * Only a delta with RECENTLY-REMOVED-DATERANGES leaves any out. */
static int append_dateranges(const struct merge *c)
{
    const struct m3u8 *held = c->held, *delta = c->delta;
    if ((delta->flags & M3U8_SKIP_DATERANGES) == 0 || held->daterange_count == 0) {
        return 0;
    }
    for (size_t at = 0; at < held->text.len;) {
        struct span line = line_at(held->text, c->held_cr, at);
        at += line.len;
        if (!is_tag(line, SPAN("#EXT-X-DATERANGE"))) {
            continue;
        }
        struct span id = daterange_id(line);
        if (!in_tab_list(delta->removed_dateranges, id) && !has_daterange(delta, id) &&
            append_line(c->out, line) != 0) {
            return -1;
        }
    }
    return 0;
}

/* What EXT-X-SKIP stands for. */
static int append_skipped(const struct merge *c)
{
    const struct m3u8 *delta = c->delta;
    const struct m3u8_segment *first = m3u8_segment_by_sequence(c->held, delta->media_sequence);
    if (append_dateranges(c) != 0 ||
        (delta->skipped_segments > 0 && append_state(c, first) != 0)) {
        return -1;
    }
    for (uint64_t i = 0; i < delta->skipped_segments; i++) {
        if (append_segment(c, first + i, i == 0) != 0) {
            return -1;
        }
    }
    return 0;
}

static int write_merged(struct merge *c)
{
    const struct m3u8 *delta = c->delta;
    bool done = false; /* a further EXT-X-SKIP is ignored, as the parser does */
    for (size_t at = 0; at < delta->text.len;) {
        struct span line = line_at(delta->text, c->delta_cr, at);
        at += line.len;
        bool skip = is_tag(line, SPAN("#EXT-X-SKIP"));
        c->before += is_tag(line, SPAN("#EXT-X-DISCONTINUITY")) ? 1 : 0;
        if (!skip && append_line(c->out, line) != 0) {
            return -1;
        }
        if (skip && !done && append_skipped(c) != 0) {
            return -1;
        }
        done = done || skip;
    }
    return 0;
}

static bool holds_skipped(const struct m3u8 *held, const struct m3u8 *delta)
{
    if (held == NULL || held->kind != M3U8_MEDIA || delta->skipped_segments > UINT32_MAX) {
        return false;
    }
    if (delta->skipped_segments == 0) {
        return true;
    }
    uint64_t last = delta->media_sequence + delta->skipped_segments - 1;
    return m3u8_segment_by_sequence(held, delta->media_sequence) != NULL &&
           m3u8_segment_by_sequence(held, last) != NULL;
}

enum m3u8_merge_status m3u8_merge(struct m3u8 *held, struct m3u8 *delta,
                                  const struct m3u8_source *source, struct m3u8 **out)
{
    if ((delta->flags & M3U8_HAS_SKIP) == 0) {
        *out = m3u8_ref(delta);
        return M3U8_MERGED;
    }
    if (!holds_skipped(held, delta)) {
        return M3U8_MERGE_INCOMPLETE;
    }
    struct buf text;
    buf_init(&text, held->text.len + delta->text.len + 65536);
    struct m3u8 *merged = NULL;
    struct merge merge = {
        .held = held,
        .delta = delta,
        .held_cr = m3u8_has_cr_lines(held->text),
        .delta_cr = m3u8_has_cr_lines(delta->text),
        .before = delta->discontinuity_sequence,
        .out = &text,
    };
    if (write_merged(&merge) == 0) {
        struct m3u8_source whole = *source;
        whole.text = buf_span(&text);
        whole.url = delta->url;
        whole.report = NULL;
        if (m3u8_parse(&whole, &merged) != M3U8_OK) {
            merged = NULL;
        }
    }
    buf_release(&text);
    if (merged == NULL) {
        return M3U8_MERGE_FAILED;
    }
    *out = merged;
    return M3U8_MERGED;
}
