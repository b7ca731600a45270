/* The media playlists of one multivariant playlist against it and each other (section 6.2.4).
 */
#include "media/m3u8_check.h"

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
