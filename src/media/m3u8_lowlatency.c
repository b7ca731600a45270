/* The tags of low latency, delta updates and metadata (rfc8216bis sections 4.4.3.7, 4.4.3.8,
 * 4.4.4.9 and 4.4.5). */
#include "media/m3u8_checker.h"
#include "media/m3u8_parser.h"
#include "media/m3u8_text.h"

#include <stdlib.h>

static bool is_yes(const struct m3u8_attrs *attrs, unsigned at)
{
    return span_equal(m3u8_attrs_get(attrs, at), SPAN("YES"));
}

static bool read_seconds(const struct m3u8_attrs *attrs, unsigned at, int64_t *out)
{
    int64_t us;
    if (m3u8_read_seconds(m3u8_attrs_get(attrs, at), &us) == 0 || us < 0) {
        return false;
    }
    *out = us;
    return true;
}

/* A part without offset follows the part before it. That should lie in the same resource
 * (section 4.4.4.9); players do not look. */
static void place_part(struct m3u8_parser *p, struct m3u8_part *part, bool has_offset)
{
    uint64_t end;
    if (!has_offset && p->part_uri.len > 0 &&
        !__builtin_add_overflow(p->part_end, part->range.length, &end)) {
        part->range.offset = p->part_end;
    }
    p->part_uri = part->uri;
    p->part_end = part->range.offset + part->range.length;
}

void m3u8_apply_part(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    int64_t duration_us;
    bool has_offset = false;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_PART_URI) ||
        !read_seconds(&attrs, AT_PART_DURATION, &duration_us)) {
        p->playlist->ignored_tags++;
        return;
    }
    m3u8_settle_keys(p);
    struct m3u8_part *part = m3u8_push(p, M3U8_PARTS, sizeof *part);
    if (part == NULL) {
        return;
    }
    part->uri = attrs.value[AT_PART_URI];
    part->duration_us = duration_us;
    part->line = p->line;
    part->flags = (is_yes(&attrs, AT_PART_INDEPENDENT) ? M3U8_PART_INDEPENDENT : 0u) |
                  (is_yes(&attrs, AT_PART_GAP) ? M3U8_PART_GAP : 0u);
    if (m3u8_attrs_has(&attrs, AT_PART_BYTERANGE) &&
        m3u8_read_range(attrs.value[AT_PART_BYTERANGE], &part->range, &has_offset)) {
        part->flags |= M3U8_PART_RANGE;
        place_part(p, part, has_offset);
    } else {
        p->part_uri.len = 0;
    }
    if (p->pending.part_count == 0) {
        p->pending.first_part_line = p->line;
    }
    p->pending.part_count++;
}

void m3u8_apply_part_inf(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag ||
        !read_seconds(&attrs, AT_PART_INF_PART_TARGET, &p->playlist->part_target_us)) {
        p->playlist->ignored_tags++;
    }
}

void m3u8_apply_server_control(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag) {
        m->ignored_tags++;
        return;
    }
    m->flags |= M3U8_HAS_SERVER_CONTROL;
    (void)read_seconds(&attrs, AT_SERVER_CONTROL_CAN_SKIP_UNTIL, &m->can_skip_until_us);
    if (read_seconds(&attrs, AT_SERVER_CONTROL_HOLD_BACK, &m->hold_back_us)) {
        m->flags |= M3U8_HAS_HOLD_BACK;
    }
    if (read_seconds(&attrs, AT_SERVER_CONTROL_PART_HOLD_BACK, &m->part_hold_back_us)) {
        m->flags |= M3U8_HAS_PART_HOLD_BACK;
    }
    if (is_yes(&attrs, AT_SERVER_CONTROL_CAN_SKIP_DATERANGES)) {
        m->flags |= M3U8_CAN_SKIP_DATERANGES;
    }
    if (is_yes(&attrs, AT_SERVER_CONTROL_CAN_BLOCK_RELOAD)) {
        m->flags |= M3U8_CAN_BLOCK_RELOAD;
    }
}

void m3u8_apply_skip(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    struct m3u8_attrs attrs;
    uint64_t skipped;
    m3u8_read_attrs(p, &attrs);
    bool late = p->block->arrays[M3U8_SEGMENTS].count > 0;
    if (attrs.ignore_tag || late || (m->flags & M3U8_HAS_SKIP) != 0 ||
        !span_to_u64(m3u8_attrs_get(&attrs, AT_SKIP_SKIPPED_SEGMENTS), &skipped) ||
        skipped > UINT32_MAX) {
        m->ignored_tags++;
        return;
    }
    m->flags |= M3U8_HAS_SKIP;
    m->skipped_segments = skipped;
    if (m3u8_attrs_has(&attrs, AT_SKIP_RECENTLY_REMOVED)) {
        m->flags |= M3U8_SKIP_DATERANGES;
        m->removed_dateranges = attrs.value[AT_SKIP_RECENTLY_REMOVED];
    }
}

void m3u8_apply_preload_hint(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    struct span type = m3u8_attrs_get(&attrs, AT_PRELOAD_HINT_TYPE);
    struct m3u8_hint *hint = span_equal(type, SPAN("PART"))  ? &m->part_hint
                             : span_equal(type, SPAN("MAP")) ? &m->map_hint
                                                             : NULL;
    /* Only the first of each type counts (section 4.4.5.3). */
    if (attrs.ignore_tag || hint == NULL || hint->uri.len > 0) {
        m->ignored_tags++;
        return;
    }
    hint->uri = m3u8_attrs_get(&attrs, AT_PRELOAD_HINT_URI);
    hint->line = p->line;
    if (!span_to_u64(m3u8_attrs_get(&attrs, AT_PRELOAD_HINT_BYTERANGE_START), &hint->offset)) {
        hint->offset = 0;
    }
    if (!span_to_u64(m3u8_attrs_get(&attrs, AT_PRELOAD_HINT_BYTERANGE_LENGTH), &hint->length)) {
        hint->length = M3U8_TO_THE_END;
    }
}

void m3u8_apply_rendition_report(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_RENDITION_REPORT_URI)) {
        p->playlist->ignored_tags++;
        return;
    }
    struct m3u8_rendition_report *report = m3u8_push(p, M3U8_REPORTS, sizeof *report);
    if (report == NULL) {
        return;
    }
    report->uri = attrs.value[AT_RENDITION_REPORT_URI];
    report->line = p->line;
    if (!span_to_u64(m3u8_attrs_get(&attrs, AT_RENDITION_REPORT_LAST_MSN),
                     &report->last_sequence)) {
        report->last_sequence = UINT64_MAX;
    }
    if (!span_to_u64(m3u8_attrs_get(&attrs, AT_RENDITION_REPORT_LAST_PART),
                     &report->last_part)) {
        report->last_part = UINT64_MAX;
    }
}

static uint64_t hash(struct span id)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.len; i++) {
        h = (h ^ (unsigned char)id.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return h ^ (h >> 29);
}

/* Doubles the index of IDs once it is half full; its memory counts as the playlist's. */
static bool grow_index(struct m3u8_parser *p, uint32_t count)
{
    struct m3u8_ids *ids = &p->daterange_ids;
    if (count < ids->size / 2) {
        return true;
    }
    uint32_t size = ids->size == 0 ? 64 : ids->size * 2;
    size_t bytes = (size_t)size * sizeof ids->slots[0];
    if (bytes > p->memory_limit - p->playlist->memory_bytes) {
        m3u8_stop(p, M3U8_TOO_LARGE);
        return false;
    }
    uint32_t *slots = calloc(size, sizeof slots[0]);
    if (slots == NULL) {
        m3u8_stop(p, M3U8_NO_MEMORY);
        return false;
    }
    const struct m3u8_array *array = &p->block->arrays[M3U8_DATERANGES];
    const struct m3u8_daterange *ranges =
        (const struct m3u8_daterange *)(const void *)array->items;
    for (uint32_t i = 0; i < array->count; i++) {
        uint64_t at = hash(ranges[i].id);
        while (slots[at & (size - 1)] != 0) {
            at++;
        }
        slots[at & (size - 1)] = i + 1;
    }
    free(ids->slots);
    *ids = (struct m3u8_ids){slots, size};
    return true;
}

/* The entry of that ID, made when it is not there yet; NULL when the parsing ended. */
static struct m3u8_daterange *daterange_of(struct m3u8_parser *p, struct span id)
{
    struct m3u8_array *array = &p->block->arrays[M3U8_DATERANGES];
    if (!grow_index(p, array->count)) {
        return NULL;
    }
    struct m3u8_ids *ids = &p->daterange_ids;
    uint64_t at = hash(id);
    for (;; at++) {
        uint32_t slot = ids->slots[at & (ids->size - 1)];
        if (slot == 0) {
            break;
        }
        struct m3u8_daterange *ranges = (struct m3u8_daterange *)(void *)array->items;
        if (span_equal(ranges[slot - 1].id, id)) {
            return &ranges[slot - 1];
        }
    }
    struct m3u8_daterange *range = m3u8_push(p, M3U8_DATERANGES, sizeof *range);
    if (range == NULL) {
        return NULL;
    }
    ids->slots[at & (ids->size - 1)] = array->count;
    *range = (struct m3u8_daterange){
        .id = id,
        .start_us = M3U8_NO_DATE,
        .end_us = M3U8_NO_DATE,
        .duration_us = -1,
        .planned_duration_us = -1,
        .attributes = p->tag_value,
        .line = p->line,
        .text_at = p->line_at,
    };
    return range;
}

/* Tags of one ID add to each other; what was said first stays (section 4.4.5.1). */
static void merge_span(const struct m3u8_attrs *attrs, unsigned at, struct span *into)
{
    if (into->len == 0) {
        *into = m3u8_attrs_get(attrs, at);
    }
}

static void merge_seconds(const struct m3u8_attrs *attrs, unsigned at, int64_t *into)
{
    if (*into < 0) {
        (void)read_seconds(attrs, at, into);
    }
}

void m3u8_apply_daterange(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    struct span id = m3u8_attrs_get(&attrs, AT_DATERANGE_ID);
    struct m3u8_daterange *range = NULL;
    if (!attrs.ignore_tag && id.len > 0) {
        range = daterange_of(p, id);
    }
    if (range == NULL) {
        p->playlist->ignored_tags++;
        return;
    }
    if (p->check != NULL && range->line != p->line) {
        m3u8_check_daterange(p, range);
    }
    merge_span(&attrs, AT_DATERANGE_CLASS, &range->class);
    merge_span(&attrs, AT_DATERANGE_CUE, &range->cue);
    merge_span(&attrs, AT_DATERANGE_START_DATE, &range->start_date);
    merge_span(&attrs, AT_DATERANGE_END_DATE, &range->end_date);
    merge_span(&attrs, AT_DATERANGE_SCTE35_CMD, &range->scte35_cmd);
    merge_span(&attrs, AT_DATERANGE_SCTE35_OUT, &range->scte35_out);
    merge_span(&attrs, AT_DATERANGE_SCTE35_IN, &range->scte35_in);
    merge_seconds(&attrs, AT_DATERANGE_DURATION, &range->duration_us);
    merge_seconds(&attrs, AT_DATERANGE_PLANNED_DURATION, &range->planned_duration_us);
    range->end_on_next = range->end_on_next || is_yes(&attrs, AT_DATERANGE_END_ON_NEXT);
    (void)m3u8_read_date(range->start_date, &range->start_us);
    (void)m3u8_read_date(range->end_date, &range->end_us);
}
