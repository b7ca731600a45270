/* Strict checks of media playlists while they are read (sections 4.4.3 to 4.4.5). */
#include "media/m3u8_checker.h"
#include "media/m3u8_text.h"

#define NOTE(rule, attribute, ...) m3u8_note(p, M3U8_RULE_##rule, attribute, __VA_ARGS__)
#define BIT(tag)                   (UINT64_C(1) << M3U8_TAG_##tag)

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

static void check_integer(struct m3u8_parser *p)
{
    uint64_t value;
    struct span text = span_trim(p->tag_value);
    if (text.len > 0 && !span_to_u64(text, &value)) {
        NOTE(DECIMAL_INTEGER, NULL, "\"%.*s\"", text.len > 60 ? 60 : (int)text.len, text.ptr);
    }
}

static void check_version(struct m3u8_parser *p)
{
    uint64_t version;
    check_integer(p);
    if (p->check->version_line == 0) {
        p->check->version_line = p->line;
    }
    if (span_to_u64(span_trim(p->tag_value), &version) &&
        (version == 0 || version > M3U8_VERSION_MAX)) {
        NOTE(VERSION_UNKNOWN, NULL, "%llu", (unsigned long long)version);
    }
}

static void check_target_duration(struct m3u8_parser *p)
{
    uint64_t value;
    check_integer(p);
    if (p->check->target_from == UINT32_MAX) {
        p->check->target_from = p->block->arrays[M3U8_SEGMENTS].count;
    }
    if (span_to_u64(span_trim(p->tag_value), &value) && value == 0) {
        NOTE(TARGETDURATION_ZERO, NULL, NULL);
    }
}

/* Tells of a sequence number that comes too late to count. */
static void check_sequence(struct m3u8_parser *p)
{
    bool late = p->block->arrays[M3U8_SEGMENTS].count > 0;
    check_integer(p);
    if (p->tag == M3U8_TAG_MEDIA_SEQUENCE && late) {
        NOTE(MEDIA_SEQUENCE_LATE, NULL, NULL);
    }
    if (p->tag == M3U8_TAG_DISCONTINUITY_SEQUENCE &&
        (late || p->check->discontinuity_line != 0)) {
        NOTE(DISCONTINUITY_SEQUENCE_LATE, NULL, NULL);
    }
}

static void check_type(struct m3u8_parser *p)
{
    struct span value = span_trim(p->tag_value);
    p->check->type_line = p->line;
    if (value.len > 0 && !span_equal(value, SPAN("VOD")) && !span_equal(value, SPAN("EVENT"))) {
        NOTE(PLAYLIST_TYPE, NULL, "\"%.*s\"", value.len > 60 ? 60 : (int)value.len, value.ptr);
    }
}

static void check_extinf(struct m3u8_parser *p)
{
    size_t comma = span_find(p->tag_value, ',');
    struct span number = span_trim(span_of(p->tag_value.ptr, comma));
    size_t dot = span_find(number, '.');
    bool is_float = dot < number.len;
    struct span fraction = span_skip(number, dot + 1);
    struct span whole = span_of(number.ptr, dot);
    bool good = is_float ? (whole.len == 0 || all_digits(whole)) &&
                               (fraction.len == 0 || all_digits(fraction)) && number.len > 1
                         : all_digits(number);
    if (p->tag_value.len == 0) {
        return;
    }
    if (!good) {
        NOTE(EXTINF_SYNTAX, NULL, "\"%.*s\" is no duration",
             number.len > 60 ? 60 : (int)number.len, number.ptr);
    } else if (comma == p->tag_value.len) {
        NOTE(EXTINF_SYNTAX, NULL, "the comma after the duration is missing");
    }
    if (good && is_float) {
        m3u8_note_need(p, 3, NULL, "a duration with a decimal point");
    }
}

/* Whether the line stands for a segment that has parts already, of which these tags had to be
 * told before (section 4.4.4.9). */
static void check_segment_order(struct m3u8_parser *p)
{
    uint64_t ordered = BIT(DISCONTINUITY) | BIT(KEY) | BIT(MAP) | BIT(PROGRAM_DATE_TIME);
    uint64_t single = BIT(EXTINF) | BIT(BYTERANGE) | BIT(PROGRAM_DATE_TIME) | BIT(GAP);
    uint64_t bit = UINT64_C(1) << p->tag;
    struct m3u8_checker *c = p->check;
    if ((bit & ordered) != 0 && c->part_in_segment) {
        NOTE(PART_TAG_ORDER, NULL, NULL);
    }
    if ((bit & single & c->segment_tags) != 0) {
        NOTE(SEGMENT_TAG_REPEATED, NULL, NULL);
    }
    if (p->tag == M3U8_TAG_EXTINF || p->tag == M3U8_TAG_BYTERANGE || p->tag == M3U8_TAG_GAP) {
        c->segment_tag_line = p->line;
        c->segment_tag = p->tag;
    }
    c->segment_tags |= bit;
}

static void check_byterange(struct m3u8_parser *p)
{
    struct m3u8_range range;
    bool has_offset;
    struct span value = span_trim(p->tag_value);
    m3u8_note_need(p, 4, NULL, "EXT-X-BYTERANGE");
    bool half = value.len > 0 && value.ptr[value.len - 1] == '@';
    if (value.len > 0 && (half || !m3u8_read_range(value, &range, &has_offset))) {
        NOTE(BYTERANGE_SYNTAX, NULL, "\"%.*s\"", value.len > 60 ? 60 : (int)value.len,
             value.ptr);
    }
}

static void check_program_date(struct m3u8_parser *p)
{
    p->check->any_date = true;
    if (p->tag_value.len > 0) {
        m3u8_check_date(p, span_trim(p->tag_value), NULL);
    }
}

static void check_extm3u(struct m3u8_parser *p)
{
    if (p->line != 1) {
        NOTE(EXTM3U_FIRST, NULL, "it is in line %u", p->line);
    }
}

void m3u8_check_text_tag(struct m3u8_parser *p)
{
    struct m3u8_checker *c = p->check;
    switch (p->tag) {
    case M3U8_TAG_EXTM3U:
        check_extm3u(p);
        break;
    case M3U8_TAG_VERSION:
        check_version(p);
        break;
    case M3U8_TAG_TARGETDURATION:
        check_target_duration(p);
        break;
    case M3U8_TAG_MEDIA_SEQUENCE:
    case M3U8_TAG_DISCONTINUITY_SEQUENCE:
        check_sequence(p);
        break;
    case M3U8_TAG_PLAYLIST_TYPE:
        check_type(p);
        break;
    case M3U8_TAG_I_FRAMES_ONLY:
        m3u8_note_need(p, 4, NULL, "EXT-X-I-FRAMES-ONLY");
        break;
    case M3U8_TAG_BITRATE:
        check_integer(p);
        break;
    case M3U8_TAG_EXTINF:
        check_extinf(p);
        check_segment_order(p);
        break;
    case M3U8_TAG_BYTERANGE:
        check_byterange(p);
        check_segment_order(p);
        break;
    case M3U8_TAG_PROGRAM_DATE_TIME:
        check_program_date(p);
        check_segment_order(p);
        break;
    case M3U8_TAG_DISCONTINUITY:
        c->discontinuity_line = c->discontinuity_line == 0 ? p->line : c->discontinuity_line;
        check_segment_order(p);
        break;
    case M3U8_TAG_GAP:
        check_segment_order(p);
        break;
    default:
        break;
    }
}

/* Positive integers separated by '/'. */
static bool versions_are_good(struct span text)
{
    struct span rest = text;
    bool good = text.len > 0 && text.ptr[text.len - 1] != '/';
    while (rest.len > 0 && good) {
        uint64_t value = 0;
        good = span_to_u64(span_cut(&rest, '/'), &value) && value > 0;
    }
    return good;
}

static void check_key_iv(struct m3u8_parser *p, const struct m3u8_attrs *attrs,
                         struct span method)
{
    struct span iv = m3u8_attrs_get(attrs, AT_KEY_IV);
    if (!m3u8_attrs_has(attrs, AT_KEY_IV)) {
        return;
    }
    m3u8_note_need(p, 2, "IV", "IV");
    if (span_equal(method, SPAN("SAMPLE-AES-CTR")) || span_equal(method, SPAN("AES-256-GCM"))) {
        NOTE(KEY_IV_FORBIDDEN, "IV", "METHOD is %.*s", SPAN_ARGS(method));
    }
    if (iv.len > 34) {
        NOTE(KEY_IV_LENGTH, "IV", "%zu digits", iv.len - 2);
    } else if (iv.len < 34 && iv.len > 2) {
        NOTE(KEY_IV_SHORT, "IV", "%zu digits", iv.len - 2);
    }
}

/* EXT-X-KEY and EXT-X-SESSION-KEY. */
static void check_key(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct span method = m3u8_attrs_get(attrs, AT_KEY_METHOD);
    bool none = span_equal(method, SPAN("NONE"));
    if (none && p->tag == M3U8_TAG_SESSION_KEY) {
        NOTE(SESSION_KEY_NONE, "METHOD", NULL);
    } else if (none && attrs->present != 1u << AT_KEY_METHOD) {
        NOTE(KEY_NONE_ATTRIBUTES, NULL, NULL);
    }
    if (p->tag == M3U8_TAG_KEY && !none && method.len > 0 &&
        !m3u8_attrs_has(attrs, AT_KEY_URI)) {
        NOTE(KEY_URI_MISSING, "URI", NULL);
    }
    check_key_iv(p, attrs, method);
    if (m3u8_attrs_has(attrs, AT_KEY_KEYFORMATVERSIONS) &&
        attrs->value[AT_KEY_KEYFORMATVERSIONS].len > 0 &&
        !versions_are_good(attrs->value[AT_KEY_KEYFORMATVERSIONS])) {
        NOTE(KEY_FORMAT_VERSIONS, "KEYFORMATVERSIONS", "\"%.*s\"",
             SPAN_ARGS(attrs->value[AT_KEY_KEYFORMATVERSIONS]));
    }
    if (m3u8_attrs_has(attrs, AT_KEY_KEYFORMAT)) {
        m3u8_note_need(p, 5, "KEYFORMAT", "KEYFORMAT");
    }
    if (m3u8_attrs_has(attrs, AT_KEY_KEYFORMATVERSIONS)) {
        m3u8_note_need(p, 5, "KEYFORMATVERSIONS", "KEYFORMATVERSIONS");
    }
    if (span_equal(method, SPAN("SAMPLE-AES"))) {
        m3u8_note_need(p, 5, "METHOD", "METHOD=SAMPLE-AES");
    }
    if (p->tag == M3U8_TAG_KEY) {
        check_segment_order(p);
    }
}

static void check_map(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct m3u8_range range;
    bool has_offset = true;
    check_segment_order(p);
    /* Which version it needs hangs on EXT-X-I-FRAMES-ONLY, which may come later. */
    p->check->map_line = p->check->map_line == 0 ? p->line : p->check->map_line;
    if (m3u8_attrs_has(attrs, AT_MAP_BYTERANGE) &&
        m3u8_read_range(attrs->value[AT_MAP_BYTERANGE], &range, &has_offset) && !has_offset) {
        NOTE(MAP_RANGE_OFFSET, "BYTERANGE", "\"%.*s\"",
             SPAN_ARGS(attrs->value[AT_MAP_BYTERANGE]));
    }
    for (uint32_t i = 0; i < p->active_count; i++) {
        const struct m3u8_key *key = &p->active[i];
        if (key->method == M3U8_METHOD_AES_128 && !key->has_iv) {
            NOTE(MAP_WITHOUT_IV, NULL, "the key is in line %u", key->line);
        }
    }
}

static void check_part(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct m3u8_checker *c = p->check;
    struct m3u8_range range;
    bool has_offset = true;
    if (c->first_part_line == 0) {
        c->first_part_line = p->line;
    }
    if (m3u8_attrs_has(attrs, AT_PART_BYTERANGE) &&
        m3u8_read_range(attrs->value[AT_PART_BYTERANGE], &range, &has_offset) && !has_offset &&
        !(c->part_in_segment && p->part_uri.len > 0 &&
          span_equal(p->part_uri, m3u8_attrs_get(attrs, AT_PART_URI)))) {
        NOTE(PART_NO_PREDECESSOR, "BYTERANGE", NULL);
    }
    c->part_in_segment = true;
}

static void check_preload_hint(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct m3u8_checker *c = p->check;
    struct span type = m3u8_attrs_get(attrs, AT_PRELOAD_HINT_TYPE);
    c->first_hint_line = c->first_hint_line == 0 ? p->line : c->first_hint_line;
    if (!span_equal(type, SPAN("PART")) && !span_equal(type, SPAN("MAP"))) {
        return;
    }
    if (c->hints[span_equal(type, SPAN("MAP"))]++ > 0) {
        NOTE(PRELOAD_HINT_REPEATED, "TYPE", "%.*s", SPAN_ARGS(type));
    }
}

static void check_rendition_report(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct url url;
    struct span uri = m3u8_attrs_get(attrs, AT_RENDITION_REPORT_URI);
    if (url_parse(uri, &url) == 0 && (url.scheme.len > 0 || url.has_authority)) {
        NOTE(RENDITION_REPORT_ABSOLUTE, "URI", NULL);
    }
}

static void check_skip(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct m3u8_checker *c = p->check;
    c->first_skip_line = c->first_skip_line == 0 ? p->line : c->first_skip_line;
    m3u8_note_need(p, 9, NULL, "EXT-X-SKIP");
    if (m3u8_attrs_has(attrs, AT_SKIP_RECENTLY_REMOVED)) {
        m3u8_note_need(p, 10, "RECENTLY-REMOVED-DATERANGES", "skipping EXT-X-DATERANGE");
    }
    if (p->block->arrays[M3U8_SEGMENTS].count > 0) {
        NOTE(SKIP_LATE, NULL, NULL);
    }
}

static void check_define(struct m3u8_parser *p)
{
    m3u8_note_need(p, 8, NULL, "variable substitution");
}

/* Takes the next NAME=VALUE off *rest, value with its quotes. */
static struct span next_pair(struct span *rest, struct span *name)
{
    size_t equals = span_find(*rest, '=');
    *name = span_trim(span_of(rest->ptr, equals));
    struct span value = span_skip(*rest, equals + 1);
    size_t from = 0;
    if (value.len > 0 && value.ptr[0] == '"') {
        from = 1 + span_find(span_skip(value, 1), '"');
    }
    from = from > value.len ? value.len : from;
    size_t end = from + span_find(span_skip(value, from), ',');
    *rest = span_skip(value, end + 1);
    return span_of(value.ptr, end);
}

/* So many attributes of a tag are compared with each other, which keeps the time linear. */
#define PAIRS_COMPARED 64

void m3u8_check_daterange(struct m3u8_parser *p, const struct m3u8_daterange *first)
{
    struct span rest = p->tag_value;
    for (unsigned i = 0; i < PAIRS_COMPARED && rest.len > 0; i++) {
        struct span name, other_name, others = first->attributes;
        struct span value = next_pair(&rest, &name);
        for (unsigned k = 0; k < PAIRS_COMPARED && others.len > 0; k++) {
            struct span other = next_pair(&others, &other_name);
            if (span_equal(name, other_name) && !span_equal(value, other)) {
                char text[32];
                (void)span_to_string(name, text, sizeof text);
                NOTE(DATERANGE_CHANGED, text, "line %u has another value", first->line);
                break;
            }
        }
    }
}

static bool is_number(struct span text)
{
    int64_t us;
    return m3u8_read_seconds(text, &us) > 0;
}

void m3u8_check_media_list(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct m3u8_checker *c = p->check;
    switch (p->tag) {
    case M3U8_TAG_DEFINE:
        check_define(p);
        break;
    case M3U8_TAG_START:
        c->start_line = p->line;
        break;
    case M3U8_TAG_PART_INF:
        c->part_inf_line = p->line;
        c->has_part_target = is_number(m3u8_attrs_get(attrs, AT_PART_INF_PART_TARGET));
        break;
    case M3U8_TAG_SERVER_CONTROL:
        c->server_control_line = p->line;
        c->has_skip_until = is_number(m3u8_attrs_get(attrs, AT_SERVER_CONTROL_CAN_SKIP_UNTIL));
        if (m3u8_attrs_has(attrs, AT_SERVER_CONTROL_CAN_SKIP_DATERANGES) &&
            !m3u8_attrs_has(attrs, AT_SERVER_CONTROL_CAN_SKIP_UNTIL)) {
            NOTE(CAN_SKIP_DATERANGES_ALONE, "CAN-SKIP-DATERANGES", NULL);
        }
        break;
    case M3U8_TAG_KEY:
        check_key(p, attrs);
        break;
    case M3U8_TAG_MAP:
        check_map(p, attrs);
        break;
    case M3U8_TAG_PART:
        check_part(p, attrs);
        break;
    case M3U8_TAG_SKIP:
        check_skip(p, attrs);
        break;
    case M3U8_TAG_PRELOAD_HINT:
        check_preload_hint(p, attrs);
        break;
    case M3U8_TAG_RENDITION_REPORT:
        check_rendition_report(p, attrs);
        break;
    case M3U8_TAG_DATERANGE:
        c->first_daterange_line =
            c->first_daterange_line == 0 ? p->line : c->first_daterange_line;
        break;
    case M3U8_TAG_SESSION_KEY:
        check_key(p, attrs);
        break;
    default:
        break;
    }
}

static void note_at(struct m3u8_parser *p, enum m3u8_rule rule, uint32_t line,
                    enum m3u8_tag tag, int64_t duration_us)
{
    m3u8_report_add(p->source->report, rule, line,
                    tag < M3U8_TAG_COUNT ? m3u8_tag_table[tag].name : NULL, NULL,
                    "%.6g s, target duration %.6g s", (double)duration_us / 1e6,
                    (double)p->playlist->target_duration_us / 1e6);
}

static bool exceeds_target(const struct m3u8_parser *p, int64_t duration_us)
{
    int64_t rounded_s = (duration_us + 500000) / 1000000;
    return rounded_s * 1000000 > p->playlist->target_duration_us;
}

/* The date of a segment must not reach back into the one before by a second or more. */
static void check_date_overlap(struct m3u8_parser *p, const struct m3u8_segment *segment)
{
    const struct m3u8_array *array = &p->block->arrays[M3U8_SEGMENTS];
    if (array->count < 2 || (segment->flags & M3U8_SEGMENT_DATE) == 0) {
        return;
    }
    const struct m3u8_segment *before =
        (const struct m3u8_segment *)(const void *)array->items + array->count - 2;
    if (before->date_us == M3U8_NO_DATE || before->duration_us < 0) {
        return;
    }
    int64_t end_us = before->date_us + before->duration_us;
    if (segment->date_us >= before->date_us && segment->date_us <= end_us - 1000000) {
        NOTE(DATE_OVERLAP, NULL, "%.3f s inside the segment before",
             (double)(end_us - segment->date_us) / 1e6);
    }
}

void m3u8_check_segment(struct m3u8_parser *p, const struct m3u8_segment *segment)
{
    struct m3u8_checker *c = p->check;
    if (p->pending.extinf_line == 0 && p->seen_multivariant == 0 && p->seen_media != 0) {
        if ((c->segment_tags & BIT(EXTINF)) == 0) {
            NOTE(EXTINF_MISSING, NULL, NULL);
        }
    } else if ((p->playlist->flags & M3U8_HAS_TARGET_DURATION) != 0 &&
               p->pending.extinf_line != 0 && exceeds_target(p, segment->duration_us)) {
        note_at(p, M3U8_RULE_EXTINF_TOO_LONG, p->pending.extinf_line, M3U8_TAG_EXTINF,
                segment->duration_us);
    }
    if ((segment->flags & M3U8_SEGMENT_OFFSET_GUESSED) != 0) {
        /* In a delta update the one before may have been skipped. */
        bool skipped = p->block->arrays[M3U8_SEGMENTS].count == 1 &&
                       (p->playlist->flags & M3U8_HAS_SKIP) != 0;
        if (!skipped) {
            NOTE(BYTERANGE_NO_PREDECESSOR, NULL, NULL);
        }
    }
    check_date_overlap(p, segment);
    if ((segment->flags & M3U8_SEGMENT_DISCONTINUITY) != 0 &&
        (segment->flags & M3U8_SEGMENT_DATE) == 0 && c->undated_line == 0) {
        c->undated_line = p->line;
    }
    c->segment_tags = 0;
    c->segment_tag_line = 0;
    c->part_in_segment = false;
}
