#include "media/m3u8_reload.h"

#define ADD(rule, line, tag, attribute, ...) \
    m3u8_report_add(c->report, M3U8_RULE_##rule, line, tag, attribute, __VA_ARGS__)

/* Both loads and where to put what is found. */
struct comparison {
    const struct m3u8 *before, *after;
    struct m3u8_report *report;
    int64_t now_us;
};

static uint64_t end_sequence(const struct m3u8 *m)
{
    return m->media_sequence + m->skipped_segments + m->segment_count;
}

static bool same_range(const struct m3u8_segment *a, const struct m3u8_segment *b)
{
    bool has_a = (a->flags & M3U8_SEGMENT_RANGE) != 0;
    bool has_b = (b->flags & M3U8_SEGMENT_RANGE) != 0;
    return has_a == has_b && (!has_a || (a->range.offset == b->range.offset &&
                                         a->range.length == b->range.length));
}

bool m3u8_is_same(const struct m3u8 *a, const struct m3u8 *b)
{
    return span_equal(a->text, b->text);
}

static const struct m3u8_key *only_key(const struct m3u8 *m, const struct m3u8_segment *s)
{
    return s->key_count == 0 ? NULL : &m->keys[s->key_first];
}

static const char *segment_change(const struct comparison *c, const struct m3u8_segment *a,
                                  const struct m3u8_segment *b)
{
    const struct m3u8_key *x = only_key(c->before, a), *y = only_key(c->after, b);
    bool same_key = (x == NULL) == (y == NULL) &&
                    (x == NULL || (span_equal(x->uri, y->uri) && x->method == y->method));
    bool map_a = a->map != M3U8_NONE, map_b = b->map != M3U8_NONE;
    bool same_map = map_a == map_b && (!map_a || span_equal(c->before->maps[a->map].uri,
                                                            c->after->maps[b->map].uri));
    return a->duration_us != b->duration_us                  ? "its duration"
           : ((a->flags ^ b->flags) & M3U8_SEGMENT_GAP) != 0 ? "its gap"
           : !same_key                                       ? "its key"
           : !same_map                                       ? "its map"
                                                             : NULL;
}

/* Every segment that both loads list (section 6.3.4). */
static void compare_segments(const struct comparison *c)
{
    bool uri_told = false, change_told = false, discontinuity_told = false;
    for (uint32_t i = 0; i < c->after->segment_count; i++) {
        const struct m3u8_segment *b = &c->after->segments[i];
        const struct m3u8_segment *a = m3u8_segment_by_sequence(c->before, b->sequence);
        unsigned long long number = b->sequence;
        if (a == NULL) {
            continue;
        }
        /* As written: even another spelling of the same URL is a change of the file (6.2.1). */
        bool same = span_equal(a->uri, b->uri) && same_range(a, b);
        if (!same && !uri_told) {
            uri_told = true;
            ADD(RELOAD_URI_CHANGED, b->line, NULL, NULL, "number %llu was \"%.*s\"", number,
                a->uri.len > 80 ? 80 : (int)a->uri.len, a->uri.ptr);
        }
        const char *change = same ? segment_change(c, a, b) : NULL;
        if (change != NULL && !change_told) {
            change_told = true;
            ADD(RELOAD_SEGMENT_CHANGED, b->line, NULL, NULL, "number %llu, %s", number, change);
        }
        if (same && a->discontinuity_sequence != b->discontinuity_sequence &&
            !discontinuity_told) {
            discontinuity_told = true;
            ADD(RELOAD_DISCONTINUITY_CHANGED, b->line, NULL, NULL,
                "number %llu: %llu, was %llu", number,
                (unsigned long long)b->discontinuity_sequence,
                (unsigned long long)a->discontinuity_sequence);
        }
    }
}

static void compare_header(const struct comparison *c)
{
    const struct m3u8 *a = c->before, *b = c->after;
    unsigned kept = M3U8_I_FRAMES_ONLY | M3U8_INDEPENDENT_SEGMENTS | M3U8_CAN_BLOCK_RELOAD |
                    M3U8_CAN_SKIP_DATERANGES | M3U8_HAS_SERVER_CONTROL;
    if (a->target_duration_us != b->target_duration_us &&
        (a->flags & b->flags & M3U8_HAS_TARGET_DURATION) != 0) {
        ADD(RELOAD_TARGET_CHANGED, 0, "EXT-X-TARGETDURATION", NULL, "%.6g s, was %.6g s",
            (double)b->target_duration_us / 1e6, (double)a->target_duration_us / 1e6);
    }
    const char *changed = a->version != b->version                 ? "EXT-X-VERSION"
                          : a->type != b->type                     ? "EXT-X-PLAYLIST-TYPE"
                          : a->part_target_us != b->part_target_us ? "EXT-X-PART-INF"
                          : ((a->flags ^ b->flags) & kept) != 0 ||
                                  a->can_skip_until_us != b->can_skip_until_us ||
                                  (a->target_duration_us == b->target_duration_us &&
                                   a->hold_back_us != b->hold_back_us)
                              ? "EXT-X-SERVER-CONTROL"
                              : NULL;
    if (changed != NULL) {
        ADD(RELOAD_HEADER_CHANGED, 0, changed, NULL, NULL);
    }
}

static void compare_sequences(const struct comparison *c)
{
    const struct m3u8 *a = c->before, *b = c->after;
    if (b->media_sequence < a->media_sequence) {
        ADD(RELOAD_SEQUENCE_DECREASED, 0, "EXT-X-MEDIA-SEQUENCE", NULL, "%llu, was %llu",
            (unsigned long long)b->media_sequence, (unsigned long long)a->media_sequence);
    } else if (end_sequence(b) < end_sequence(a)) {
        ADD(RELOAD_TRUNCATED, 0, NULL, NULL, "%llu fewer at the end",
            (unsigned long long)(end_sequence(a) - end_sequence(b)));
    }
    if (b->discontinuity_sequence < a->discontinuity_sequence) {
        ADD(RELOAD_DISCONTINUITY_DECREASED, 0, "EXT-X-DISCONTINUITY-SEQUENCE", NULL,
            "%llu, was %llu", (unsigned long long)b->discontinuity_sequence,
            (unsigned long long)a->discontinuity_sequence);
    }
}

/* Without EXT-X-MEDIA-SEQUENCE in either load numbers say nothing; then a first segment that
 * was further down before tells of a removal. */
static bool removed_unnumbered(const struct comparison *c)
{
    const struct m3u8 *a = c->before, *b = c->after;
    if (((a->flags | b->flags) & M3U8_HAS_MEDIA_SEQUENCE) != 0 || b->segment_count == 0) {
        return false;
    }
    for (uint32_t i = 1; i < a->segment_count; i++) {
        if (span_equal(a->segments[i].uri, b->segments[0].uri)) {
            return !span_equal(a->segments[0].uri, b->segments[0].uri);
        }
    }
    return false;
}

static bool has_discontinuity(const struct m3u8 *m)
{
    for (uint32_t i = 0; i < m->segment_count; i++) {
        if ((m->segments[i].flags & M3U8_SEGMENT_DISCONTINUITY) != 0) {
            return true;
        }
    }
    return false;
}

static void check_removals(const struct comparison *c)
{
    const struct m3u8 *a = c->before, *b = c->after;
    bool unnumbered = removed_unnumbered(c);
    if (unnumbered) {
        ADD(RELOAD_SEQUENCE_MISSING, 0, "EXT-X-MEDIA-SEQUENCE", NULL, NULL);
    }
    if (b->media_sequence <= a->media_sequence && !unnumbered) {
        return;
    }
    bool ended = (b->flags & M3U8_ENDLIST) != 0;
    if (!ended && b->skipped_segments == 0 &&
        b->total_duration_us < 3 * b->target_duration_us) {
        ADD(RELOAD_REMOVED_EARLY, 0, NULL, NULL, "%.6g s are left, target duration %.6g s",
            (double)b->total_duration_us / 1e6, (double)b->target_duration_us / 1e6);
    }
    if (((a->flags | b->flags) & M3U8_HAS_DISCONTINUITY_SEQUENCE) == 0 &&
        has_discontinuity(a)) {
        ADD(RELOAD_DISCONTINUITY_MISSING, 0, "EXT-X-DISCONTINUITY-SEQUENCE", NULL, NULL);
    }
    if (a->type == M3U8_TYPE_EVENT) {
        ADD(RELOAD_EVENT_REMOVED, 0, NULL, NULL, NULL);
    } else if (b->type != M3U8_TYPE_NONE) {
        ADD(RELOAD_TYPED_LIVE, 0, "EXT-X-PLAYLIST-TYPE", NULL, NULL);
    }
}

static void check_end(const struct comparison *c)
{
    const struct m3u8 *a = c->before, *b = c->after;
    if (a->type == M3U8_TYPE_VOD && !m3u8_is_same(a, b)) {
        ADD(RELOAD_VOD_CHANGED, 0, NULL, NULL, NULL);
    }
    if ((a->flags & M3U8_ENDLIST) != 0 &&
        ((b->flags & M3U8_ENDLIST) == 0 || end_sequence(b) > end_sequence(a))) {
        ADD(RELOAD_AFTER_END, 0, "EXT-X-ENDLIST", NULL, NULL);
    }
}

static const struct m3u8_daterange *find_range(const struct m3u8 *m, struct span id)
{
    for (uint32_t i = 0; i < m->daterange_count; i++) {
        if (span_equal(m->dateranges[i].id, id)) {
            return &m->dateranges[i];
        }
    }
    return NULL;
}

/* Whether any date of the range falls into a segment that is listed. */
static bool range_is_listed(const struct m3u8 *m, const struct m3u8_daterange *r)
{
    if (m->segment_count == 0 || m->segments[0].date_us == M3U8_NO_DATE ||
        r->start_us == M3U8_NO_DATE) {
        return false;
    }
    const struct m3u8_segment *last = &m->segments[m->segment_count - 1];
    int64_t end_us = r->end_us != M3U8_NO_DATE ? r->end_us
                     : r->duration_us >= 0     ? r->start_us + r->duration_us
                                               : r->start_us;
    return r->start_us < last->date_us + last->duration_us && end_us > m->segments[0].date_us;
}

/* So many date ranges are looked up one by one. */
#define DATERANGES_COMPARED 2000

static bool lost(struct span before, struct span after)
{
    return before.len > 0 && !span_equal(before, after);
}

static void compare_dateranges(const struct comparison *c)
{
    const struct m3u8 *a = c->before, *b = c->after;
    if (a->daterange_count > DATERANGES_COMPARED || b->daterange_count > DATERANGES_COMPARED) {
        return;
    }
    for (uint32_t i = 0; i < a->daterange_count; i++) {
        const struct m3u8_daterange *x = &a->dateranges[i];
        const struct m3u8_daterange *y = find_range(b, x->id);
        if (y == NULL) {
            if (range_is_listed(b, x)) {
                ADD(RELOAD_DATERANGE_REMOVED, 0, "EXT-X-DATERANGE", NULL, "ID \"%.*s\"",
                    x->id.len > 80 ? 80 : (int)x->id.len, x->id.ptr);
            }
            continue;
        }
        if (lost(x->class, y->class) || lost(x->start_date, y->start_date) ||
            lost(x->end_date, y->end_date) || lost(x->cue, y->cue) ||
            lost(x->scte35_out, y->scte35_out) || lost(x->scte35_in, y->scte35_in) ||
            (x->duration_us >= 0 && x->duration_us != y->duration_us) ||
            (x->planned_duration_us >= 0 && x->planned_duration_us != y->planned_duration_us)) {
            ADD(RELOAD_DATERANGE_CHANGED, y->line, "EXT-X-DATERANGE", NULL, "ID \"%.*s\"",
                x->id.len > 80 ? 80 : (int)x->id.len, x->id.ptr);
        }
    }
}

/* How far behind its time a load may be seen: clocks and the wire are not exact. */
#define LATE_SLACK_US INT64_C(100000)

static uint64_t part_position(const struct m3u8 *m)
{
    return end_sequence(m) * 4096 + m->tail.part_count;
}

/* Only a load that lacks what was due proves lateness: what a load brings may have been there
 * for as long as nobody looked. */
static void check_lateness(const struct comparison *c, struct m3u8_watch *watch)
{
    const struct m3u8 *a = c->before, *b = c->after;
    bool ended = (b->flags & M3U8_ENDLIST) != 0 || b->type == M3U8_TYPE_VOD;
    int64_t segment_limit_us = b->target_duration_us + b->target_duration_us / 2;
    int64_t segment_age_us = c->now_us - watch->segment_us;
    int64_t part_age_us = c->now_us - watch->part_us;
    bool has_parts = b->part_target_us > 0 && b->part_count > 0;
    if (end_sequence(b) > end_sequence(a)) {
        watch->segment_us = c->now_us;
        watch->late_told = false;
    } else if (!ended && !watch->late_told && segment_limit_us > 0 &&
               segment_age_us > segment_limit_us + LATE_SLACK_US) {
        watch->late_told = true;
        ADD(RELOAD_LATE, 0, NULL, NULL, "%.3f s since the last one, target duration %.6g s",
            (double)segment_age_us / 1e6, (double)b->target_duration_us / 1e6);
    }
    if (part_position(b) > part_position(a)) {
        watch->part_us = c->now_us;
        watch->part_late_told = false;
    } else if (!ended && has_parts && !watch->part_late_told &&
               part_age_us > b->part_target_us + LATE_SLACK_US) {
        watch->part_late_told = true;
        ADD(RELOAD_PART_LATE, 0, NULL, NULL, "%.3f s since the last one, PART-TARGET %.6g s",
            (double)part_age_us / 1e6, (double)b->part_target_us / 1e6);
    }
}

bool m3u8_check_reload(struct m3u8_watch *watch, const struct m3u8 *before,
                       const struct m3u8 *after, int64_t now_us, struct m3u8_report *report)
{
    if (before == NULL || !watch->started) {
        *watch = (struct m3u8_watch){.segment_us = now_us, .part_us = now_us, .started = true};
    }
    if (before == NULL) {
        return true;
    }
    struct comparison comparison = {before, after, report, now_us};
    const struct comparison *c = &comparison;
    compare_header(c);
    compare_sequences(c);
    check_end(c);
    check_removals(c);
    compare_segments(c);
    compare_dateranges(c);
    check_lateness(c, watch);
    return !m3u8_is_same(before, after);
}

unsigned m3u8_reload_faults(const struct m3u8 *before, const struct m3u8 *after)
{
    unsigned faults = 0;
    if (after->longest_duration_us + 500000 >= after->target_duration_us + 1000000 &&
        (after->flags & M3U8_HAS_TARGET_DURATION) != 0) {
        faults |= M3U8_FAULT_TOO_LONG;
    }
    if (before == NULL) {
        return faults;
    }
    if (after->media_sequence < before->media_sequence) {
        faults |= M3U8_FAULT_SEQUENCE_REGRESSED;
    }
    if (after->discontinuity_sequence < before->discontinuity_sequence) {
        faults |= M3U8_FAULT_DISCONTINUITY_REGRESSED;
    }
    if (after->target_duration_us != before->target_duration_us &&
        (before->flags & after->flags & M3U8_HAS_TARGET_DURATION) != 0) {
        faults |= M3U8_FAULT_TARGET_CHANGED;
    }
    for (uint32_t i = 0; i < after->segment_count; i++) {
        const struct m3u8_segment *b = &after->segments[i];
        const struct m3u8_segment *a = m3u8_segment_by_sequence(before, b->sequence);
        if (a == NULL) {
            continue;
        }
        if (!same_range(a, b) || !span_equal(a->uri, b->uri)) {
            faults |= M3U8_FAULT_URI_CHANGED;
            break;
        }
    }
    return faults;
}
