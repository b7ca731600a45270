/* The tags of media playlists that make segments (rfc8216bis sections 4.4.3 and 4.4.4). */
#include "media/m3u8_checker.h"
#include "media/m3u8_parser.h"
#include "media/m3u8_text.h"

static void ignore_tag(struct m3u8_parser *p)
{
    p->playlist->ignored_tags++;
}

static uint32_t text_offset(const struct m3u8_parser *p, struct span s)
{
    return (uint32_t)(s.ptr - p->playlist->text.ptr);
}

static void apply_extinf(struct m3u8_parser *p)
{
    struct m3u8_pending *next = &p->pending;
    int64_t duration_us = 0;
    size_t len = m3u8_read_seconds(p->tag_value, &duration_us);
    if (len == 0) {
        struct span trimmed = span_trim(p->tag_value);
        len = m3u8_read_seconds(trimmed, &duration_us);
        if (len == 0) {
            /* Unreadable: the segment plays as one without the tag. */
            ignore_tag(p);
            return;
        }
        len += (size_t)(trimmed.ptr - p->tag_value.ptr);
    }
    next->duration_us = duration_us > 0 ? duration_us : 0;
    next->extinf_line = p->line;
    struct span title = span_skip(p->tag_value, len);
    size_t comma = title.len > 0 && title.ptr[0] == ',' ? 0 : span_find(title, ',');
    title = span_skip(title, comma + 1);
    next->title_at = text_offset(p, title);
    next->title_len = (uint32_t)title.len;
}

static void apply_byterange(struct m3u8_parser *p)
{
    if (!m3u8_read_range(p->tag_value, &p->pending.range, &p->pending.has_offset)) {
        ignore_tag(p);
        return;
    }
    p->pending.flags |= M3U8_SEGMENT_RANGE;
}

static void apply_date(struct m3u8_parser *p)
{
    int64_t date_us;
    if (m3u8_read_date(span_trim(p->tag_value), &date_us) == M3U8_DATE_BAD) {
        ignore_tag(p);
        return;
    }
    p->pending.date_us = date_us;
    p->pending.flags |= M3U8_SEGMENT_DATE;
}

static void apply_bitrate(struct m3u8_parser *p)
{
    uint64_t kbps;
    if (!span_to_u64(span_trim(p->tag_value), &kbps) || kbps > UINT32_MAX) {
        ignore_tag(p);
        return;
    }
    p->bitrate_kbps = (uint32_t)kbps;
}

static enum m3u8_method method_of(struct span text)
{
    static const struct {
        struct span name;
        enum m3u8_method method;
    } methods[] = {
        {{"NONE", 4}, M3U8_METHOD_NONE},
        {{"AES-128", 7}, M3U8_METHOD_AES_128},
        {{"SAMPLE-AES", 10}, M3U8_METHOD_SAMPLE_AES},
        {{"SAMPLE-AES-CTR", 14}, M3U8_METHOD_SAMPLE_AES_CTR},
        {{"AES-256-GCM", 11}, M3U8_METHOD_AES_256_GCM},
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (span_equal(text, methods[i].name)) {
            return methods[i].method;
        }
    }
    return M3U8_METHOD_UNKNOWN;
}

static enum m3u8_key_format format_of(struct span text)
{
    if (span_equal(text, SPAN("identity"))) {
        return M3U8_KEY_IDENTITY;
    }
    if (span_equal(text, SPAN("com.apple.streamingkeydelivery"))) {
        return M3U8_KEY_FAIRPLAY;
    }
    if (span_equal_nocase(text, SPAN("urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"))) {
        return M3U8_KEY_WIDEVINE;
    }
    if (span_equal(text, SPAN("com.microsoft.playready")) ||
        span_equal_nocase(text, SPAN("urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95"))) {
        return M3U8_KEY_PLAYREADY;
    }
    return M3U8_KEY_OTHER;
}

void m3u8_fill_key(struct m3u8_parser *p, const struct m3u8_attrs *attrs, struct m3u8_key *key)
{
    *key = (struct m3u8_key){
        .uri = m3u8_attrs_get(attrs, AT_KEY_URI),
        .method_text = m3u8_attrs_get(attrs, AT_KEY_METHOD),
        .format_text = m3u8_attrs_get(attrs, AT_KEY_KEYFORMAT),
        .format_versions = m3u8_attrs_get(attrs, AT_KEY_KEYFORMATVERSIONS),
        .line = p->line,
        .text_at = p->line_at,
    };
    if (key->format_text.len == 0) {
        key->format_text = SPAN("identity");
    }
    key->method = method_of(key->method_text);
    key->format = format_of(key->format_text);
    key->has_iv = m3u8_read_iv(m3u8_attrs_get(attrs, AT_KEY_IV), key->iv);
}

static void apply_key(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    struct m3u8_key key;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_KEY_METHOD)) {
        ignore_tag(p);
        return;
    }
    m3u8_fill_key(p, &attrs, &key);
    p->active_changed = true;
    if (key.method == M3U8_METHOD_NONE) {
        p->active_count = 0;
        return;
    }
    for (uint32_t i = 0; i < p->active_count; i++) {
        if (span_equal(p->active[i].format_text, key.format_text)) {
            p->active[i] = key;
            return;
        }
    }
    if (p->active_count == M3U8_ACTIVE_KEYS) {
        memmove(&p->active[0], &p->active[1], sizeof p->active - sizeof p->active[0]);
        p->active_count--;
    }
    p->active[p->active_count++] = key;
}

void m3u8_settle_keys(struct m3u8_parser *p)
{
    if (!p->active_changed) {
        return;
    }
    p->active_changed = false;
    p->key_first = p->block->arrays[M3U8_KEYS].count;
    p->key_count = 0;
    for (uint32_t i = 0; i < p->active_count; i++) {
        struct m3u8_key *key = m3u8_push(p, M3U8_KEYS, sizeof *key);
        if (key == NULL) {
            return;
        }
        *key = p->active[i];
        p->key_count++;
    }
}

static void apply_map(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    bool has_offset;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_MAP_URI)) {
        ignore_tag(p);
        return;
    }
    m3u8_settle_keys(p);
    uint32_t index = p->block->arrays[M3U8_MAPS].count;
    struct m3u8_map *map = m3u8_push(p, M3U8_MAPS, sizeof *map);
    if (map == NULL) {
        return;
    }
    map->uri = m3u8_attrs_get(&attrs, AT_MAP_URI);
    /* RFC 8216 allowed a range without offset; players take it from byte 0. */
    if (m3u8_attrs_has(&attrs, AT_MAP_BYTERANGE) &&
        !m3u8_read_range(attrs.value[AT_MAP_BYTERANGE], &map->range, &has_offset)) {
        ignore_tag(p);
    }
    map->key_first = p->key_first;
    map->key_count = p->key_count;
    map->line = p->line;
    map->text_at = p->line_at;
    p->map = index;
}

static void apply_target_duration(struct m3u8_parser *p)
{
    int64_t us;
    struct span value = span_trim(p->tag_value);
    if (m3u8_read_seconds(value, &us) == 0 || us <= 0) {
        ignore_tag(p);
        return;
    }
    p->playlist->target_duration_us = us;
    p->playlist->flags |= M3U8_HAS_TARGET_DURATION;
}

/* The last tag counts, and for the whole playlist even when segments stand before it: so take
 * it the players that do not refuse such a playlist. */
static void apply_sequence(struct m3u8_parser *p, uint64_t *out, uint32_t flag)
{
    uint64_t value;
    /* A sequence number that later additions would wrap is no number anybody counts with. */
    if (!span_to_u64(span_trim(p->tag_value), &value) || value > UINT64_MAX / 2) {
        ignore_tag(p);
        return;
    }
    *out = value;
    p->playlist->flags |= flag;
}

static void apply_type(struct m3u8_parser *p)
{
    struct span value = span_trim(p->tag_value);
    if (span_equal(value, SPAN("VOD"))) {
        p->playlist->type = M3U8_TYPE_VOD;
    } else if (span_equal(value, SPAN("EVENT"))) {
        p->playlist->type = M3U8_TYPE_EVENT;
    } else {
        ignore_tag(p);
    }
}

static void apply_segment_tag(struct m3u8_parser *p)
{
    switch (p->tag) {
    case M3U8_TAG_EXTINF:
        apply_extinf(p);
        break;
    case M3U8_TAG_BYTERANGE:
        apply_byterange(p);
        break;
    case M3U8_TAG_PROGRAM_DATE_TIME:
        apply_date(p);
        break;
    case M3U8_TAG_DISCONTINUITY:
        p->pending.flags |= M3U8_SEGMENT_DISCONTINUITY;
        p->discontinuities++;
        break;
    case M3U8_TAG_KEY:
        apply_key(p);
        break;
    case M3U8_TAG_MAP:
        apply_map(p);
        break;
    case M3U8_TAG_GAP:
        p->pending.flags |= M3U8_SEGMENT_GAP;
        break;
    case M3U8_TAG_BITRATE:
        apply_bitrate(p);
        break;
    case M3U8_TAG_PART:
        m3u8_apply_part(p);
        break;
    default:
        break;
    }
}

void m3u8_apply_media_tag(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    switch (p->tag) {
    case M3U8_TAG_TARGETDURATION:
        apply_target_duration(p);
        break;
    case M3U8_TAG_MEDIA_SEQUENCE:
        apply_sequence(p, &m->media_sequence, M3U8_HAS_MEDIA_SEQUENCE);
        p->late_sequence = p->block->arrays[M3U8_SEGMENTS].count > 0;
        break;
    case M3U8_TAG_DISCONTINUITY_SEQUENCE:
        apply_sequence(p, &m->discontinuity_sequence, M3U8_HAS_DISCONTINUITY_SEQUENCE);
        break;
    case M3U8_TAG_ENDLIST:
        m->flags |= M3U8_ENDLIST;
        break;
    case M3U8_TAG_PLAYLIST_TYPE:
        apply_type(p);
        break;
    case M3U8_TAG_I_FRAMES_ONLY:
        m->flags |= M3U8_I_FRAMES_ONLY;
        break;
    case M3U8_TAG_PART_INF:
        m3u8_apply_part_inf(p);
        break;
    case M3U8_TAG_SERVER_CONTROL:
        m3u8_apply_server_control(p);
        break;
    case M3U8_TAG_DATERANGE:
        m3u8_apply_daterange(p);
        break;
    case M3U8_TAG_SKIP:
        m3u8_apply_skip(p);
        break;
    case M3U8_TAG_PRELOAD_HINT:
        m3u8_apply_preload_hint(p);
        break;
    case M3U8_TAG_RENDITION_REPORT:
        m3u8_apply_rendition_report(p);
        break;
    default:
        apply_segment_tag(p);
        break;
    }
}

/* Works out where a byte range without offset begins: after the range of the segment before. It
 * should be one of the same resource; players do not look. */
static void place_range(struct m3u8_parser *p, struct m3u8_segment *segment)
{
    if ((segment->flags & M3U8_SEGMENT_RANGE) == 0) {
        p->range_uri.len = 0;
        return;
    }
    segment->range = p->pending.range;
    if (!p->pending.has_offset) {
        bool follows = p->range_uri.len > 0 && span_equal(p->range_uri, segment->uri);
        uint64_t end, start = p->range_uri.len > 0 ? p->range_end : 0;
        if (__builtin_add_overflow(start, segment->range.length, &end)) {
            follows = false;
            start = 0;
        }
        segment->range.offset = start;
        segment->flags |= follows ? 0u : M3U8_SEGMENT_OFFSET_GUESSED;
    }
    p->range_uri = segment->uri;
    p->range_end = segment->range.offset + segment->range.length;
}

static void place_date(struct m3u8_parser *p, struct m3u8_segment *segment)
{
    segment->date_us =
        (segment->flags & M3U8_SEGMENT_DATE) != 0 ? p->pending.date_us : p->next_date_us;
    if (segment->date_us != M3U8_NO_DATE) {
        p->any_date = true;
        p->next_date_us = segment->date_us + segment->duration_us;
    }
}

/* Everything about a segment but its URI, from what is pending. */
static void fill_segment(struct m3u8_parser *p, struct m3u8_segment *segment, uint64_t index)
{
    const struct m3u8_pending *next = &p->pending;
    struct m3u8 *m = p->playlist;
    m3u8_settle_keys(p);
    segment->duration_us = next->duration_us;
    segment->start_us = m->total_duration_us;
    segment->sequence = m->media_sequence + m->skipped_segments + index;
    segment->discontinuity_sequence = p->discontinuities;
    segment->flags = next->flags;
    segment->map = p->map;
    segment->key_first = p->key_first;
    segment->key_count = p->key_count;
    segment->part_first = next->part_first;
    segment->part_count = next->part_count;
    segment->text_at = p->after_segment_at;
    place_date(p, segment);
}

static void reset_pending(struct m3u8_parser *p)
{
    p->pending = (struct m3u8_pending){
        .date_us = M3U8_NO_DATE,
        .part_first = p->block->arrays[M3U8_PARTS].count,
    };
}

void m3u8_apply_segment_uri(struct m3u8_parser *p, struct span uri)
{
    uint32_t index = p->block->arrays[M3U8_SEGMENTS].count;
    struct m3u8_segment *segment = m3u8_push(p, M3U8_SEGMENTS, sizeof *segment);
    if (segment == NULL) {
        return;
    }
    fill_segment(p, segment, index);
    segment->uri = uri;
    segment->line = p->line;
    segment->title_at = p->pending.title_at;
    segment->title_len = p->pending.title_len;
    place_range(p, segment);
    segment->bitrate_kbps = (segment->flags & M3U8_SEGMENT_RANGE) != 0 ? 0 : p->bitrate_kbps;
    struct m3u8 *m = p->playlist;
    if (p->pending.extinf_line == 0) {
        p->missing_extinf = true;
        segment->duration_us = -1; /* until the end, when the target duration is known */
    } else {
        m->total_duration_us += segment->duration_us;
        if (segment->duration_us > m->longest_duration_us) {
            m->longest_duration_us = segment->duration_us;
        }
    }
    /* A run of segments at the limit of duration must not overflow what sums them. */
    if (m->total_duration_us > INT64_MAX / 4) {
        m3u8_stop(p, M3U8_TOO_LARGE);
    }
    if (p->check != NULL) {
        m3u8_check_segment(p, segment);
    }
    reset_pending(p);
    p->after_segment_at = UINT32_MAX;
}

/* Segments without EXTINF last as long as the target duration, as video.js takes it; times and
 * dates after them move accordingly. */
static void fill_missing_durations(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    struct m3u8_array *array = &p->block->arrays[M3U8_SEGMENTS];
    struct m3u8_segment *segments = (struct m3u8_segment *)(void *)array->items;
    int64_t start_us = 0, next_date_us = M3U8_NO_DATE;
    for (uint32_t i = 0; i < array->count; i++) {
        struct m3u8_segment *s = &segments[i];
        if (s->duration_us < 0) {
            s->duration_us = m->target_duration_us;
        }
        s->start_us = start_us;
        start_us += s->duration_us;
        if ((s->flags & M3U8_SEGMENT_DATE) == 0) {
            s->date_us = next_date_us;
        }
        next_date_us = s->date_us == M3U8_NO_DATE ? M3U8_NO_DATE : s->date_us + s->duration_us;
        if (s->duration_us > m->longest_duration_us) {
            m->longest_duration_us = s->duration_us;
        }
        if (start_us > INT64_MAX / 4) {
            m3u8_stop(p, M3U8_TOO_LARGE);
            return;
        }
    }
    m->total_duration_us = start_us;
    p->next_date_us = next_date_us;
}

/* Dates of the segments before the first EXT-X-PROGRAM-DATE-TIME (section 6.3.3). */
static void date_backwards(struct m3u8_parser *p)
{
    struct m3u8_array *array = &p->block->arrays[M3U8_SEGMENTS];
    struct m3u8_segment *segments = (struct m3u8_segment *)(void *)array->items;
    uint32_t first = 0;
    while (first < array->count && segments[first].date_us == M3U8_NO_DATE) {
        first++;
    }
    int64_t date_us = first < array->count ? segments[first].date_us : p->pending.date_us;
    while (first > 0 && date_us != M3U8_NO_DATE) {
        first--;
        date_us -= segments[first].duration_us;
        segments[first].date_us = date_us;
    }
}

/* What EXT-X-MEDIA-SEQUENCE and EXT-X-DISCONTINUITY-SEQUENCE say of the segments that stood
 * before them. */
static void renumber(struct m3u8_parser *p)
{
    const struct m3u8 *m = p->playlist;
    struct m3u8_array *array = &p->block->arrays[M3U8_SEGMENTS];
    struct m3u8_segment *segments = (struct m3u8_segment *)(void *)array->items;
    for (uint32_t i = 0; i < array->count && p->late_sequence; i++) {
        segments[i].sequence = m->media_sequence + m->skipped_segments + i;
    }
    for (uint32_t i = 0; i < array->count && m->discontinuity_sequence != 0; i++) {
        segments[i].discontinuity_sequence += m->discontinuity_sequence;
    }
}

static void finish_tail(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    struct m3u8_segment *tail = &m->tail;
    fill_segment(p, tail, p->block->arrays[M3U8_SEGMENTS].count);
    tail->discontinuity_sequence += m->discontinuity_sequence;
    tail->line = p->pending.first_part_line;
    tail->duration_us = 0;
    const struct m3u8_array *array = &p->block->arrays[M3U8_PARTS];
    const struct m3u8_part *parts = (const struct m3u8_part *)(const void *)array->items;
    for (uint32_t i = 0; i < tail->part_count; i++) {
        tail->duration_us += parts[tail->part_first + i].duration_us;
        if (tail->duration_us > M3U8_LIMIT_DURATION_US) {
            tail->duration_us = M3U8_LIMIT_DURATION_US;
        }
    }
    if (tail->text_at == UINT32_MAX) {
        tail->text_at = (uint32_t)m->text.len;
    }
}

void m3u8_finish_media(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    if ((m->flags & M3U8_HAS_TARGET_DURATION) == 0) {
        m->target_duration_us = (m->longest_duration_us + 999999) / 1000000 * 1000000;
    }
    if (p->missing_extinf) {
        fill_missing_durations(p);
    }
    renumber(p);
    finish_tail(p);
    if (p->any_date) {
        date_backwards(p);
    }
    if ((m->flags & M3U8_HAS_HOLD_BACK) == 0) {
        m->hold_back_us = 3 * m->target_duration_us;
    }
    if ((m->flags & M3U8_HAS_PART_HOLD_BACK) == 0) {
        m->part_hold_back_us = 3 * m->part_target_us;
    }
}
