/* The media playlists of one multivariant playlist against it and each other (section 6.2.4).
 */
#include "media/m3u8_check.h"

#include <stdlib.h>

#define ADD(rule, tag, attribute, ...) \
    m3u8_report_add(s->report, M3U8_RULE_##rule, 0, tag, attribute, __VA_ARGS__)

struct set {
    const struct m3u8 *multivariant;
    const struct m3u8 *const *media;
    const enum m3u8_role *roles;
    size_t count;
    struct m3u8_report *report;
};

#define URL_OF(m) \
    (m)->url.len > 110 ? 110 : (int)(m)->url.len, (m)->url.len > 0 ? (m)->url.ptr : ""

/* Subtitles and I-frame playlists may have a target duration of their own when they are VOD. */
static bool may_differ(const struct m3u8 *m, enum m3u8_role role)
{
    bool apart = role == M3U8_ROLE_SUBTITLES || (m->flags & M3U8_I_FRAMES_ONLY) != 0;
    return apart && m->type == M3U8_TYPE_VOD;
}

static bool same_control(const struct m3u8 *a, const struct m3u8 *b)
{
    unsigned bits = M3U8_HAS_SERVER_CONTROL | M3U8_CAN_BLOCK_RELOAD | M3U8_CAN_SKIP_DATERANGES |
                    M3U8_HAS_HOLD_BACK | M3U8_HAS_PART_HOLD_BACK;
    if (((a->flags ^ b->flags) & bits) != 0 || a->can_skip_until_us != b->can_skip_until_us) {
        return false;
    }
    return ((a->flags & M3U8_HAS_HOLD_BACK) == 0 || a->hold_back_us == b->hold_back_us) &&
           ((a->flags & M3U8_HAS_PART_HOLD_BACK) == 0 ||
            a->part_hold_back_us == b->part_hold_back_us);
}

static bool has_dates(const struct m3u8 *m)
{
    return m->segment_count > 0 && m->segments[0].date_us != M3U8_NO_DATE;
}

/* ---- Two playlists of the same content ---- */

/* Both, and how their segments lie on one timeline. */
struct pair {
    const struct m3u8 *a, *b;
    bool by_date;         /* program dates; else the time from the start */
    int64_t tolerance_us; /* how far the same content may lie apart */
};

static int64_t position_us(const struct pair *p, const struct m3u8_segment *segment)
{
    return p->by_date ? segment->date_us : segment->start_us;
}

static bool dates_increase(const struct m3u8 *m)
{
    for (uint32_t i = 1; i < m->segment_count; i++) {
        if (m->segments[i].date_us < m->segments[i - 1].date_us) {
            return false;
        }
    }
    return true;
}

/* Playlists that are whole begin at the same content but for a target duration (a playlist of
 * type VOD exactly); of others only dates tell. Returns false when nothing does. */
static bool align(const struct m3u8 *a, const struct m3u8 *b, struct pair *out)
{
    int64_t target_us = a->target_duration_us > b->target_duration_us ? a->target_duration_us
                                                                      : b->target_duration_us;
    bool dated = has_dates(a) && has_dates(b) && dates_increase(a) && dates_increase(b);
    *out = (struct pair){a, b, dated, target_us};
    if (!dated && m3u8_is_final(a) && m3u8_is_final(b)) {
        out->tolerance_us = 2 * target_us;
        return true;
    }
    return dated;
}

/* The segment of `b`, whose numbers cannot be those of the same content in `a`; NULL when they
 * can: somewhere within the tolerance there is that number. */
static const struct m3u8_segment *find_other_number(const struct pair *p)
{
    const struct m3u8 *a = p->a;
    uint32_t low = 0, high = 0; /* the first segments of `a` that lie behind the tolerance */
    for (uint32_t i = 0; i < p->b->segment_count; i++) {
        const struct m3u8_segment *s = &p->b->segments[i];
        int64_t middle_us = position_us(p, s) + s->duration_us / 2;
        while (low < a->segment_count &&
               position_us(p, &a->segments[low]) <= middle_us - p->tolerance_us) {
            low++;
        }
        while (high < a->segment_count &&
               position_us(p, &a->segments[high]) <= middle_us + p->tolerance_us) {
            high++;
        }
        /* Behind the end of `a` nothing is known. */
        bool known = low > 0 && high < a->segment_count;
        if (known && (s->discontinuity_sequence < a->segments[low - 1].discontinuity_sequence ||
                      s->discontinuity_sequence > a->segments[high].discontinuity_sequence)) {
            return s;
        }
    }
    return NULL;
}

static void check_numbers(const struct set *s, const struct m3u8 *first, const struct m3u8 *m)
{
    struct pair pair;
    const struct m3u8_segment *odd = align(first, m, &pair) ? find_other_number(&pair) : NULL;
    if (odd != NULL) {
        ADD(SET_DISCONTINUITY_DIFFERS, "EXT-X-DISCONTINUITY", NULL, "line %u: %.*s", odd->line,
            URL_OF(m));
    }
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

/* So many date ranges are looked up one by one. */
#define DATERANGES_COMPARED 500

/* Of playlists that still change, two loads do not show the same moment. */
static void check_dateranges(const struct set *s, const struct m3u8 *a, const struct m3u8 *b)
{
    if (a->daterange_count == 0 || b->daterange_count == 0 ||
        a->daterange_count > DATERANGES_COMPARED || b->daterange_count > DATERANGES_COMPARED) {
        return;
    }
    for (uint32_t i = 0; i < a->daterange_count; i++) {
        struct span id = a->dateranges[i].id;
        if (!has_daterange(b, id)) {
            ADD(SET_DATERANGES_DIFFER, "EXT-X-DATERANGE", "ID", "\"%.*s\" is not in %.*s",
                id.len > 40 ? 40 : (int)id.len, id.ptr, URL_OF(b));
            return;
        }
    }
}

/* Two playlists that will not change any more. */
static void check_final_pair(const struct set *s, const struct m3u8 *first,
                             enum m3u8_role first_role, const struct m3u8 *m,
                             enum m3u8_role role)
{
    bool typed = first->type == M3U8_TYPE_VOD && m->type == M3U8_TYPE_VOD;
    int64_t least_us = first->target_duration_us < m->target_duration_us
                           ? first->target_duration_us
                           : m->target_duration_us;
    int64_t apart_us = llabs(first->total_duration_us - m->total_duration_us);
    /* One at the beginning, unless that is the same by the type, and one at the end. */
    if (role == M3U8_ROLE_VARIANT && first_role == M3U8_ROLE_VARIANT &&
        apart_us > (typed ? 1 : 2) * least_us) {
        ADD(SET_DURATION_DIFFERS, NULL, NULL, "%.6g s, elsewhere %.6g s: %.*s",
            (double)m->total_duration_us / 1e6, (double)first->total_duration_us / 1e6,
            URL_OF(m));
    }
    if (typed && has_dates(first) && has_dates(m) &&
        llabs(first->segments[0].date_us - m->segments[0].date_us) > 1000000) {
        ADD(SET_DATES_DISAGREE, "EXT-X-PROGRAM-DATE-TIME", NULL, "%.3f s apart: %.*s",
            (double)(m->segments[0].date_us - first->segments[0].date_us) / 1e6, URL_OF(m));
    }
    check_dateranges(s, first, m);
    check_dateranges(s, m, first);
}

/* One playlist against the first of the set. */
static void check_pair(const struct set *s, const struct m3u8 *first, enum m3u8_role first_role,
                       const struct m3u8 *m, enum m3u8_role role)
{
    if (m->target_duration_us != first->target_duration_us && !may_differ(m, role) &&
        !may_differ(first, first_role)) {
        ADD(SET_TARGET_DIFFERS, "EXT-X-TARGETDURATION", NULL, "%.6g s, elsewhere %.6g s: %.*s",
            (double)m->target_duration_us / 1e6, (double)first->target_duration_us / 1e6,
            URL_OF(m));
    }
    if (m->type != first->type) {
        ADD(SET_TYPE_DIFFERS, "EXT-X-PLAYLIST-TYPE", NULL, "%.*s", URL_OF(m));
    }
    if (m->segment_count > 0 && first->segment_count > 0 && has_dates(m) != has_dates(first)) {
        ADD(SET_DATES_DIFFER, "EXT-X-PROGRAM-DATE-TIME", NULL, "%.*s",
            URL_OF(has_dates(m) ? first : m));
    }
    if (!same_control(m, first)) {
        ADD(SET_SERVER_CONTROL_DIFFERS, "EXT-X-SERVER-CONTROL", NULL, "%.*s", URL_OF(m));
    }
    check_numbers(s, first, m);
    if (m3u8_is_final(first) && m3u8_is_final(m)) {
        check_final_pair(s, first, first_role, m, role);
    }
}

static void check_session_key(const struct set *s, const struct m3u8 *m)
{
    for (uint32_t i = 0; i < s->multivariant->session_key_count; i++) {
        const struct m3u8_key *session = &s->multivariant->session_keys[i];
        for (uint32_t k = 0; k < m->key_count; k++) {
            const struct m3u8_key *key = &m->keys[k];
            if (span_equal(key->uri, session->uri) &&
                (key->method != session->method ||
                 !span_equal(key->format_text, session->format_text) ||
                 !span_equal(key->format_versions, session->format_versions))) {
                ADD(SET_SESSION_KEY, "EXT-X-SESSION-KEY", NULL, "line %u, %.*s", session->line,
                    URL_OF(m));
                break;
            }
        }
    }
}

static void check_alone(const struct set *s, const struct m3u8 *m, enum m3u8_role role)
{
    if (role == M3U8_ROLE_I_FRAMES && (m->flags & M3U8_I_FRAMES_ONLY) == 0) {
        ADD(SET_I_FRAMES, "EXT-X-I-FRAMES-ONLY", NULL, "%.*s", URL_OF(m));
    }
    if ((s->multivariant->flags & m->flags & M3U8_HAS_START) != 0) {
        ADD(SET_START_TWICE, "EXT-X-START", NULL, "%.*s", URL_OF(m));
    }
    if ((s->multivariant->flags & m->flags & M3U8_INDEPENDENT_SEGMENTS) != 0) {
        ADD(SET_INDEPENDENT_TWICE, "EXT-X-INDEPENDENT-SEGMENTS", NULL, "%.*s", URL_OF(m));
    }
    check_session_key(s, m);
}

void m3u8_check_set(const struct m3u8 *multivariant, const struct m3u8 *const *media,
                    const enum m3u8_role *roles, size_t count, struct m3u8_report *report)
{
    struct set set = {multivariant, media, roles, count, report};
    const struct set *s = &set;
    size_t first = count;
    for (size_t i = 0; i < count; i++) {
        if (media[i] == NULL) {
            continue;
        }
        if (media[i]->kind != M3U8_MEDIA) {
            ADD(SET_KIND, NULL, NULL, "%.*s", URL_OF(media[i]));
            continue;
        }
        check_alone(s, media[i], roles[i]);
        if (first == count) {
            first = i;
        } else {
            check_pair(s, media[first], roles[first], media[i], roles[i]);
        }
    }
}
