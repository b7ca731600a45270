/* Strict checks of a media playlist as a whole, once it has been read. */
#include "media/m3u8_checker.h"
#include "media/m3u8_text.h"

#include <stdlib.h>

#define ADD(rule, line, tag, attribute, ...) \
    m3u8_report_add(p->source->report, M3U8_RULE_##rule, line, tag, attribute, __VA_ARGS__)

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

static const struct m3u8_segment *segments_of(const struct m3u8_parser *p, uint32_t *count)
{
    const struct m3u8_array *array = &p->block->arrays[M3U8_SEGMENTS];
    *count = array->count;
    return (const struct m3u8_segment *)(const void *)array->items;
}

/* Segments that stood before EXT-X-TARGETDURATION could not be held against it then. */
static void check_early_segments(struct m3u8_parser *p)
{
    uint32_t count;
    const struct m3u8_segment *segments = segments_of(p, &count);
    uint32_t early = p->check->target_from == UINT32_MAX ? 0 : p->check->target_from;
    for (uint32_t i = 0; i < count && i < early; i++) {
        int64_t rounded_us = (segments[i].duration_us + 500000) / 1000000 * 1000000;
        if (rounded_us > p->playlist->target_duration_us) {
            ADD(EXTINF_TOO_LONG, segments[i].line, "EXTINF", NULL,
                "%.6g s, target duration %.6g s", seconds(segments[i].duration_us),
                seconds(p->playlist->target_duration_us));
        }
    }
}

static void check_part_run(struct m3u8_parser *p, uint32_t first, uint32_t count)
{
    if (count == 0) {
        return;
    }
    const struct m3u8_part *parts =
        (const struct m3u8_part *)(const void *)p->block->arrays[M3U8_PARTS].items + first;
    int64_t target_us = p->playlist->part_target_us;
    for (uint32_t i = 0; i < count; i++) {
        const struct m3u8_part *part = &parts[i];
        bool last = i + 1 == count;
        bool excused = last || (part->flags & (M3U8_PART_INDEPENDENT | M3U8_PART_GAP)) != 0 ||
                       (parts[i + 1].flags & M3U8_PART_GAP) != 0;
        if (part->duration_us > target_us) {
            ADD(PART_TOO_LONG, part->line, "EXT-X-PART", "DURATION",
                "%.6g s, PART-TARGET %.6g s", seconds(part->duration_us), seconds(target_us));
        } else if (!excused && part->duration_us * 100 < target_us * 85) {
            ADD(PART_TOO_SHORT, part->line, "EXT-X-PART", "DURATION",
                "%.6g s, PART-TARGET %.6g s", seconds(part->duration_us), seconds(target_us));
        }
    }
}

/* A segment's parts lie at least as far from the end as the segment's own end does. */
static void check_old_parts(struct m3u8_parser *p, const struct m3u8_segment *segments,
                            uint32_t count)
{
    const struct m3u8 *m = p->playlist;
    int64_t end_us = m->total_duration_us + m->tail.duration_us;
    bool ended = (m->flags & M3U8_ENDLIST) != 0 || m->target_duration_us == 0;
    for (uint32_t i = 0; i < count && !ended; i++) {
        const struct m3u8_segment *s = &segments[i];
        int64_t from_end_us = end_us - s->start_us - s->duration_us;
        if (s->part_count > 0 && from_end_us > 3 * m->target_duration_us) {
            ADD(PART_OLD, s->line, "EXT-X-PART", NULL, "%.6g s from the end",
                seconds(from_end_us));
            return;
        }
    }
}

static void check_parts(struct m3u8_parser *p)
{
    uint32_t count;
    const struct m3u8_segment *segments = segments_of(p, &count);
    if (p->check->first_part_line == 0) {
        return;
    }
    if (p->check->part_inf_line == 0) {
        ADD(PART_INF_MISSING, p->check->first_part_line, "EXT-X-PART", NULL, NULL);
    }
    if ((p->playlist->flags & M3U8_I_FRAMES_ONLY) != 0) {
        ADD(PART_I_FRAMES, p->check->first_part_line, "EXT-X-PART", NULL, NULL);
    }
    check_old_parts(p, segments, count);
    if (!p->check->has_part_target) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        check_part_run(p, segments[i].part_first, segments[i].part_count);
    }
    check_part_run(p, p->playlist->tail.part_first, p->playlist->tail.part_count);
}

/* What a server of low latency is to offer besides parts (appendix B). */
static void check_profile(struct m3u8_parser *p)
{
    const struct m3u8_checker *c = p->check;
    uint32_t line = c->part_inf_line != 0 ? c->part_inf_line : c->first_part_line;
    if (line == 0 || (p->playlist->flags & M3U8_ENDLIST) != 0) {
        return;
    }
    if ((p->playlist->flags & M3U8_CAN_BLOCK_RELOAD) == 0) {
        ADD(LOW_LATENCY_PROFILE, line, "EXT-X-SERVER-CONTROL", "CAN-BLOCK-RELOAD",
            "it is missing");
    }
    bool skipped = (p->playlist->flags & M3U8_HAS_SKIP) != 0;
    if (!c->any_date && !skipped && p->block->arrays[M3U8_SEGMENTS].count > 0) {
        ADD(LOW_LATENCY_PROFILE, line, "EXT-X-PROGRAM-DATE-TIME", NULL, "it is missing");
    }
    if (c->first_hint_line == 0) {
        ADD(LOW_LATENCY_PROFILE, line, "EXT-X-PRELOAD-HINT", NULL, "it is missing");
    }
}

static void check_hold_backs(struct m3u8_parser *p)
{
    const struct m3u8 *m = p->playlist;
    const char *tag = "EXT-X-SERVER-CONTROL";
    uint32_t line = p->check->server_control_line;
    bool has_target = (m->flags & M3U8_HAS_TARGET_DURATION) != 0;
    if (p->check->part_inf_line != 0 && (m->flags & M3U8_HAS_PART_HOLD_BACK) == 0) {
        ADD(PART_HOLD_BACK_MISSING, line != 0 ? line : p->check->part_inf_line, tag,
            "PART-HOLD-BACK", NULL);
    }
    if ((m->flags & M3U8_HAS_PART_HOLD_BACK) != 0 && m->part_target_us > 0) {
        if (m->part_hold_back_us < 2 * m->part_target_us) {
            ADD(PART_HOLD_BACK_SHORT, line, tag, "PART-HOLD-BACK", "%.6g s, PART-TARGET %.6g s",
                seconds(m->part_hold_back_us), seconds(m->part_target_us));
        } else if (m->part_hold_back_us < 3 * m->part_target_us) {
            ADD(PART_HOLD_BACK_LOW, line, tag, "PART-HOLD-BACK", "%.6g s, PART-TARGET %.6g s",
                seconds(m->part_hold_back_us), seconds(m->part_target_us));
        }
    }
    if ((m->flags & M3U8_HAS_HOLD_BACK) != 0 && has_target &&
        m->hold_back_us < 3 * m->target_duration_us) {
        ADD(HOLD_BACK_SHORT, line, tag, "HOLD-BACK", "%.6g s, target duration %.6g s",
            seconds(m->hold_back_us), seconds(m->target_duration_us));
    }
    if (p->check->has_skip_until && has_target &&
        m->can_skip_until_us < 6 * m->target_duration_us) {
        ADD(CAN_SKIP_UNTIL_SHORT, line, tag, "CAN-SKIP-UNTIL", "%.6g s, target duration %.6g s",
            seconds(m->can_skip_until_us), seconds(m->target_duration_us));
    }
}

static void check_ended(struct m3u8_parser *p)
{
    const struct m3u8 *m = p->playlist;
    const struct m3u8_checker *c = p->check;
    bool ended = (m->flags & M3U8_ENDLIST) != 0;
    if (ended && c->first_hint_line != 0) {
        ADD(PRELOAD_HINT_AFTER_END, c->first_hint_line, "EXT-X-PRELOAD-HINT", NULL, NULL);
    }
    if (ended && c->first_skip_line != 0) {
        ADD(SKIP_WITH_ENDLIST, c->first_skip_line, "EXT-X-SKIP", NULL, NULL);
    }
    if (c->first_skip_line != 0 && m->can_skip_until_us == 0) {
        ADD(SKIP_NOT_OFFERED, c->first_skip_line, "EXT-X-SKIP", NULL, NULL);
    }
    /* The segment that the boundary falls into may be skipped or not. */
    if (c->first_skip_line != 0 && m->can_skip_until_us > 0 &&
        m->total_duration_us + m->target_duration_us < m->can_skip_until_us) {
        ADD(SKIP_TOO_MUCH, c->first_skip_line, "EXT-X-SKIP", NULL,
            "%.6g s are left, CAN-SKIP-UNTIL %.6g s", seconds(m->total_duration_us),
            seconds(m->can_skip_until_us));
    }
    if (m->type == M3U8_TYPE_VOD && !ended) {
        ADD(VOD_WITHOUT_ENDLIST, c->type_line, "EXT-X-PLAYLIST-TYPE", NULL, NULL);
    }
}

/* What can be told of a live playlist from one load: it is one when it has no end, no type, and
 * its numbers show that segments were removed. */
static void check_live(struct m3u8_parser *p)
{
    const struct m3u8 *m = p->playlist;
    bool has_target = (m->flags & M3U8_HAS_TARGET_DURATION) != 0;
    bool live = (m->flags & M3U8_ENDLIST) == 0 && m->type == M3U8_TYPE_NONE;
    if (!live || m->media_sequence == 0) {
        return;
    }
    if (has_target && m->skipped_segments == 0 &&
        m->total_duration_us < 3 * m->target_duration_us &&
        p->block->arrays[M3U8_SEGMENTS].count > 0) {
        ADD(PLAYLIST_SHORT, 0, NULL, NULL, "it lasts %.6g s, target duration %.6g s",
            seconds(m->total_duration_us), seconds(m->target_duration_us));
    }
    if (p->check->discontinuity_line != 0 &&
        (m->flags & M3U8_HAS_DISCONTINUITY_SEQUENCE) == 0) {
        ADD(DISCONTINUITY_SEQUENCE_ABSENT, p->check->discontinuity_line, "EXT-X-DISCONTINUITY",
            NULL, NULL);
    }
}

static void check_start_offset(struct m3u8_parser *p)
{
    const struct m3u8 *m = p->playlist;
    int64_t offset_us = m->start_offset_us;
    int64_t from_end_us = offset_us < 0 ? -offset_us : m->total_duration_us - offset_us;
    int64_t size_us = offset_us < 0 ? -offset_us : offset_us;
    if ((m->flags & M3U8_HAS_START) == 0 || m->skipped_segments > 0 ||
        p->block->arrays[M3U8_SEGMENTS].count == 0) {
        return;
    }
    if (size_us > m->total_duration_us) {
        ADD(START_BEYOND_END, p->check->start_line, "EXT-X-START", "TIME-OFFSET",
            "%.6g s, the playlist lasts %.6g s", seconds(offset_us),
            seconds(m->total_duration_us));
    } else if ((m->flags & M3U8_ENDLIST) == 0 && from_end_us < 3 * m->target_duration_us) {
        ADD(START_NEAR_END, p->check->start_line, "EXT-X-START", "TIME-OFFSET",
            "%.6g s from the end", seconds(from_end_us));
    }
}

static bool list_has(struct span list, struct span word)
{
    struct span rest = list;
    while (rest.len > 0) {
        if (span_equal(span_cut(&rest, ','), word)) {
            return true;
        }
    }
    return false;
}

static void check_daterange_attributes(struct m3u8_parser *p, const struct m3u8_daterange *r)
{
    const char *tag = "EXT-X-DATERANGE";
    bool maybe_skipped = (p->playlist->flags & M3U8_SKIP_DATERANGES) != 0;
    if (r->start_date.len == 0 && !maybe_skipped) {
        ADD(DATERANGE_START_MISSING, r->line, tag, "START-DATE", NULL);
    }
    if (list_has(r->cue, SPAN("PRE")) && list_has(r->cue, SPAN("POST"))) {
        ADD(DATERANGE_CUE, r->line, tag, "CUE", NULL);
    }
    if (r->end_on_next && r->class.len == 0) {
        ADD(DATERANGE_NEXT_CLASS, r->line, tag, "CLASS", NULL);
    }
    if (r->end_on_next && (r->duration_us >= 0 || r->end_date.len > 0)) {
        ADD(DATERANGE_NEXT_END, r->line, tag, r->duration_us >= 0 ? "DURATION" : "END-DATE",
            NULL);
    }
}

static void check_dateranges(struct m3u8_parser *p)
{
    const struct m3u8_array *array = &p->block->arrays[M3U8_DATERANGES];
    const struct m3u8_daterange *ranges =
        (const struct m3u8_daterange *)(const void *)array->items;
    const char *tag = "EXT-X-DATERANGE";
    for (uint32_t i = 0; i < array->count; i++) {
        const struct m3u8_daterange *r = &ranges[i];
        check_daterange_attributes(p, r);
        if (r->start_us == M3U8_NO_DATE) {
            continue;
        }
        if (r->end_us != M3U8_NO_DATE && r->end_us < r->start_us) {
            ADD(DATERANGE_END_EARLY, r->line, tag, "END-DATE", NULL);
        } else if (r->end_us != M3U8_NO_DATE && r->duration_us >= 0 &&
                   llabs(r->end_us - r->start_us - r->duration_us) > 1000) {
            ADD(DATERANGE_END_WRONG, r->line, tag, "END-DATE", "it is %.6g s off",
                seconds(r->end_us - r->start_us - r->duration_us));
        }
    }
    bool skips_dates = (p->playlist->flags & M3U8_HAS_SKIP) != 0;
    if (array->count > 0 && !p->check->any_date && !skips_dates) {
        ADD(DATERANGE_WITHOUT_DATE, p->check->first_daterange_line, tag, NULL, NULL);
    }
}

static int compare_ranges(const void *a, const void *b)
{
    const struct m3u8_daterange *x = *(const struct m3u8_daterange *const *)a;
    const struct m3u8_daterange *y = *(const struct m3u8_daterange *const *)b;
    size_t len = x->class.len < y->class.len ? x->class.len : y->class.len;
    int order = len > 0 ? memcmp(x->class.ptr, y->class.ptr, len) : 0;
    if (order != 0) {
        return order;
    }
    if (x->class.len != y->class.len) {
        return x->class.len < y->class.len ? -1 : 1;
    }
    return x->start_us < y->start_us ? -1 : x->start_us > y->start_us ? 1 : 0;
}

static int64_t range_end_us(const struct m3u8_daterange *r)
{
    return r->end_us != M3U8_NO_DATE ? r->end_us
           : r->duration_us > 0      ? r->start_us + r->duration_us
                                     : r->start_us;
}

/* Date ranges of a CLASS in which END-ON-NEXT is used must not overlap (section 4.4.5.1). */
static void check_overlaps(struct m3u8_parser *p)
{
    const struct m3u8_array *array = &p->block->arrays[M3U8_DATERANGES];
    const struct m3u8_daterange *ranges =
        (const struct m3u8_daterange *)(const void *)array->items;
    const struct m3u8_daterange **sorted =
        array->count > 1 ? malloc(array->count * sizeof(void *)) : NULL;
    uint32_t count = 0;
    if (sorted == NULL) {
        return;
    }
    for (uint32_t i = 0; i < array->count; i++) {
        if (ranges[i].class.len > 0 && ranges[i].start_us != M3U8_NO_DATE) {
            sorted[count++] = &ranges[i];
        }
    }
    qsort(sorted, count, sizeof(void *), compare_ranges);
    for (uint32_t first = 0, next; first < count; first = next) {
        bool on_next = false;
        for (next = first;
             next < count && span_equal(sorted[next]->class, sorted[first]->class); next++) {
            on_next = on_next || sorted[next]->end_on_next;
        }
        int64_t end_us = INT64_MIN;
        for (uint32_t i = first; i < next && on_next; i++) {
            if (sorted[i]->start_us < end_us) {
                ADD(DATERANGE_OVERLAP, sorted[i]->line, "EXT-X-DATERANGE", "CLASS", NULL);
            }
            int64_t own_us = range_end_us(sorted[i]);
            end_us = own_us > end_us ? own_us : end_us;
        }
    }
    free(sorted);
}

static void check_leftovers(struct m3u8_parser *p)
{
    struct m3u8_checker *c = p->check;
    /* EXT-X-GAP may stand before the parts of the segment to come. */
    if (c->segment_tag_line != 0 && !(c->segment_tag == M3U8_TAG_GAP && c->part_in_segment)) {
        ADD(SEGMENT_TAG_UNUSED, c->segment_tag_line, m3u8_tag_table[c->segment_tag].name, NULL,
            NULL);
    }
    /* Segments before the first tag that told what kind of playlist this is. */
    if (c->first_uri_line != 0 && c->first_uri_line < p->seen_media &&
        p->seen_multivariant == 0) {
        ADD(EXTINF_MISSING, c->first_uri_line, NULL, NULL, NULL);
    }
    if (c->any_date && c->undated_line != 0) {
        ADD(DISCONTINUITY_WITHOUT_DATE, c->undated_line, "EXT-X-DISCONTINUITY", NULL, NULL);
    }
}

void m3u8_check_media_end(struct m3u8_parser *p)
{
    if ((p->seen_tags >> M3U8_TAG_TARGETDURATION & 1) == 0 && p->seen_multivariant == 0) {
        ADD(TARGETDURATION_MISSING, 0, NULL, NULL, NULL);
    }
    check_early_segments(p);
    check_leftovers(p);
    check_parts(p);
    check_profile(p);
    check_hold_backs(p);
    check_ended(p);
    check_live(p);
    check_start_offset(p);
    check_dateranges(p);
    check_overlaps(p);
}
