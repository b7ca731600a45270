/* Strict checks of a multivariant playlist as a whole: groups, references, session data. */
#include "media/m3u8_checker.h"

#include <stdlib.h>

#define ADD(rule, line, tag, attribute, ...) \
    m3u8_report_add(p->source->report, M3U8_RULE_##rule, line, tag, attribute, __VA_ARGS__)

#define SHOW(s) (s).len > 60 ? 60 : (int)(s).len, (s).len > 0 ? (s).ptr : ""

static const void *items_of(const struct m3u8_parser *p, enum m3u8_array_name name,
                            uint32_t *count)
{
    *count = p->block->arrays[name].count;
    return p->block->arrays[name].items;
}

static int compare_spans(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}

/* Order of renditions: type, group, then the order of the text. */
static int compare_group(const struct m3u8_rendition *a, const struct m3u8_rendition *b)
{
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return compare_spans(a->group_id, b->group_id);
}

static int compare_renditions(const void *a, const void *b)
{
    const struct m3u8_rendition *x = *(const struct m3u8_rendition *const *)a;
    const struct m3u8_rendition *y = *(const struct m3u8_rendition *const *)b;
    int order = compare_group(x, y);
    return order != 0 ? order : x->line < y->line ? -1 : x->line > y->line ? 1 : 0;
}

/* Members of a group are compared pairwise; so many of them, and no more. */
#define GROUP_MEMBERS_MAX 256

static void check_group(struct m3u8_parser *p, const struct m3u8_rendition *const *members,
                        uint32_t count)
{
    uint32_t checked = count < GROUP_MEMBERS_MAX ? count : GROUP_MEMBERS_MAX;
    uint32_t default_line = 0;
    for (uint32_t i = 0; i < checked; i++) {
        const struct m3u8_rendition *r = members[i];
        if (r->is_default && default_line != 0) {
            ADD(MEDIA_DEFAULT_REPEATED, r->line, "EXT-X-MEDIA", "DEFAULT", "line %u has it too",
                default_line);
        }
        default_line = r->is_default && default_line == 0 ? r->line : default_line;
        for (uint32_t k = 0; k < i; k++) {
            const struct m3u8_rendition *o = members[k];
            if (r->name.len > 0 && span_equal(r->name, o->name)) {
                ADD(MEDIA_NAME_REPEATED, r->line, "EXT-X-MEDIA", "NAME",
                    "\"%.*s\" is in line %u too", SHOW(r->name), o->line);
                break;
            }
        }
        for (uint32_t k = 0; k < i && r->autoselect; k++) {
            const struct m3u8_rendition *o = members[k];
            if (o->autoselect && r->forced == o->forced && r->type != M3U8_CLOSED_CAPTIONS &&
                span_equal(r->language, o->language) &&
                span_equal(r->assoc_language, o->assoc_language) &&
                span_equal(r->characteristics, o->characteristics)) {
                ADD(MEDIA_AUTOSELECT_ALIKE, r->line, "EXT-X-MEDIA", NULL, "as line %u",
                    o->line);
                break;
            }
        }
    }
}

/* What members of corresponding groups must share: all but URI, CHANNELS, BIT-DEPTH,
 * SAMPLE-RATE, STABLE-RENDITION-ID and INSTREAM-ID. Names that differ in case only are taken
 * for one, as in the draft's own example 9.12. Returns the attribute that differs, or NULL. */
static const char *differing(const struct m3u8_rendition *a, const struct m3u8_rendition *b)
{
    return !span_equal(a->language, b->language)                 ? "LANGUAGE"
           : !span_equal(a->assoc_language, b->assoc_language)   ? "ASSOC-LANGUAGE"
           : !span_equal(a->characteristics, b->characteristics) ? "CHARACTERISTICS"
           : a->forced != b->forced                              ? "FORCED"
                                                                 : NULL;
}

static void compare_groups(struct m3u8_parser *p, const struct m3u8_rendition *const *first,
                           uint32_t first_count, const struct m3u8_rendition *const *other,
                           uint32_t other_count)
{
    if (first_count != other_count) {
        ADD(MEDIA_GROUP_MEMBERS, other[0]->line, "EXT-X-MEDIA", "GROUP-ID",
            "group \"%.*s\" has %u members, the one of line %u has %u",
            SHOW(other[0]->group_id), other_count, first[0]->line, first_count);
        return;
    }
    for (uint32_t i = 0; i < other_count && i < GROUP_MEMBERS_MAX; i++) {
        const struct m3u8_rendition *match = NULL;
        for (uint32_t k = 0; k < first_count && k < GROUP_MEMBERS_MAX && match == NULL; k++) {
            match = span_equal_nocase(first[k]->name, other[i]->name) ? first[k] : NULL;
        }
        const char *attribute = match == NULL ? "NAME" : differing(match, other[i]);
        /* RFC 8216's own example 8.7 differs here, so this is told apart. */
        if (attribute == NULL && (match->is_default != other[i]->is_default ||
                                  match->autoselect != other[i]->autoselect)) {
            ADD(MEDIA_GROUP_DEFAULT, other[i]->line, "EXT-X-MEDIA",
                match->is_default != other[i]->is_default ? "DEFAULT" : "AUTOSELECT",
                "it differs from line %u", match->line);
        }
        if (attribute != NULL) {
            ADD(MEDIA_GROUP_MEMBERS, other[i]->line, "EXT-X-MEDIA", attribute,
                match == NULL ? "group of line %u has no such member"
                              : "it differs from line %u",
                match == NULL ? first[0]->line : match->line);
            return;
        }
    }
}

static void check_renditions(struct m3u8_parser *p)
{
    uint32_t count;
    const struct m3u8_rendition *all = items_of(p, M3U8_RENDITIONS, &count);
    const struct m3u8_rendition **sorted = count > 0 ? malloc(count * sizeof(void *)) : NULL;
    if (sorted == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &all[i];
    }
    qsort(sorted, count, sizeof(void *), compare_renditions);
    uint32_t type_first = 0, type_first_count = 0;
    for (uint32_t first = 0, next; first < count; first = next) {
        next = first + 1;
        while (next < count && compare_group(sorted[next], sorted[first]) == 0) {
            next++;
        }
        check_group(p, sorted + first, next - first);
        if (first == 0 || sorted[first]->type != sorted[type_first]->type) {
            type_first = first;
            type_first_count = next - first;
        } else {
            compare_groups(p, sorted + type_first, type_first_count, sorted + first,
                           next - first);
        }
    }
    free(sorted);
}

/* So many references are looked up one by one; more are taken for good. */
#define REFERENCES_MAX 100000

static void check_reference(struct m3u8_parser *p, const struct m3u8_variant *v,
                            enum m3u8_rendition_type type, struct span group, const char *name)
{
    uint32_t count;
    const struct m3u8_rendition *all = items_of(p, M3U8_RENDITIONS, &count);
    if (group.len == 0) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].type == type && span_equal(all[i].group_id, group)) {
            return;
        }
    }
    ADD(GROUP_UNKNOWN, v->line, NULL, name, "\"%.*s\"", SHOW(group));
}

static void check_references(struct m3u8_parser *p)
{
    uint32_t variants, i_frames, renditions;
    const struct m3u8_variant *v = items_of(p, M3U8_VARIANTS, &variants);
    const struct m3u8_variant *iv = items_of(p, M3U8_I_FRAME_VARIANTS, &i_frames);
    (void)items_of(p, M3U8_RENDITIONS, &renditions);
    uint64_t work = ((uint64_t)variants + i_frames) * (renditions + 1);
    for (uint32_t i = 0; i < variants && work < REFERENCES_MAX; i++) {
        check_reference(p, &v[i], M3U8_AUDIO, v[i].audio, "AUDIO");
        check_reference(p, &v[i], M3U8_VIDEO, v[i].video, "VIDEO");
        check_reference(p, &v[i], M3U8_SUBTITLES, v[i].subtitles, "SUBTITLES");
        check_reference(p, &v[i], M3U8_CLOSED_CAPTIONS, v[i].captions, "CLOSED-CAPTIONS");
    }
    for (uint32_t i = 0; i < i_frames && work < REFERENCES_MAX; i++) {
        check_reference(p, &iv[i], M3U8_VIDEO, iv[i].video, "VIDEO");
    }
}

static void check_variants(struct m3u8_parser *p)
{
    uint32_t count;
    const struct m3u8_variant *v = items_of(p, M3U8_VARIANTS, &count);
    uint32_t none = 0, scored = 0;
    for (uint32_t i = 0; i < count; i++) {
        none += v[i].captions_none ? 1 : 0;
        scored += v[i].score >= 0 ? 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (none > 0 && !v[i].captions_none) {
            ADD(CAPTIONS_NONE, v[i].line, "EXT-X-STREAM-INF", "CLOSED-CAPTIONS",
                "%u of %u variants have NONE", none, count);
            none = 0;
        }
        if (scored > 0 && v[i].score < 0) {
            ADD(SCORE_PARTIAL, v[i].line, "EXT-X-STREAM-INF", "SCORE",
                "%u of %u variants have it", scored, count);
            scored = 0;
        }
    }
}

static void check_steering(struct m3u8_parser *p)
{
    uint32_t count;
    const struct m3u8_variant *v = items_of(p, M3U8_VARIANTS, &count);
    struct span pathway = p->playlist->steering_pathway;
    for (uint32_t i = 0; i < count; i++) {
        if (span_equal(v[i].pathway, pathway)) {
            return;
        }
    }
    if (pathway.len > 0) {
        ADD(STEERING_PATHWAY, p->check->steering_line, "EXT-X-CONTENT-STEERING", "PATHWAY-ID",
            "\"%.*s\"", SHOW(pathway));
    }
}

static int compare_data(const void *a, const void *b)
{
    const struct m3u8_session_data *x = *(const struct m3u8_session_data *const *)a;
    const struct m3u8_session_data *y = *(const struct m3u8_session_data *const *)b;
    int order = compare_spans(x->data_id, y->data_id);
    order = order != 0 ? order : compare_spans(x->language, y->language);
    return order != 0 ? order : x->line < y->line ? -1 : 1;
}

static void check_session_data(struct m3u8_parser *p)
{
    uint32_t count;
    const struct m3u8_session_data *data = items_of(p, M3U8_SESSION_DATA, &count);
    const struct m3u8_session_data **sorted = count > 1 ? malloc(count * sizeof(void *)) : NULL;
    if (sorted == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &data[i];
    }
    qsort(sorted, count, sizeof(void *), compare_data);
    for (uint32_t i = 1; i < count; i++) {
        if (span_equal(sorted[i]->data_id, sorted[i - 1]->data_id) &&
            span_equal(sorted[i]->language, sorted[i - 1]->language)) {
            ADD(SESSION_DATA_REPEATED, sorted[i]->line, "EXT-X-SESSION-DATA", "DATA-ID",
                "\"%.*s\" is in line %u too", SHOW(sorted[i]->data_id), sorted[i - 1]->line);
        }
    }
    free(sorted);
}

static bool same_key(const struct m3u8_key *a, const struct m3u8_key *b)
{
    return span_equal(a->uri, b->uri) && span_equal(a->method_text, b->method_text) &&
           span_equal(a->format_text, b->format_text) &&
           span_equal(a->format_versions, b->format_versions) && a->has_iv == b->has_iv &&
           memcmp(a->iv, b->iv, sizeof a->iv) == 0;
}

static void check_session_keys(struct m3u8_parser *p)
{
    uint32_t count;
    const struct m3u8_key *keys = items_of(p, M3U8_SESSION_KEYS, &count);
    for (uint32_t i = 1; i < count && i < GROUP_MEMBERS_MAX; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (same_key(&keys[i], &keys[k])) {
                ADD(SESSION_KEY_REPEATED, keys[i].line, "EXT-X-SESSION-KEY", NULL, "as line %u",
                    keys[k].line);
                break;
            }
        }
    }
}

void m3u8_check_multivariant_end(struct m3u8_parser *p)
{
    if (p->check->stream_inf_line != 0) {
        ADD(STREAM_INF_WITHOUT_URI, p->check->stream_inf_line, "EXT-X-STREAM-INF", NULL, NULL);
    }
    if (p->check->import_line != 0 && p->seen_media == 0) {
        ADD(DEFINE_IMPORT_PLACE, p->check->import_line, "EXT-X-DEFINE", "IMPORT", NULL);
    }
    if (p->check->first_uri_line != 0) {
        ADD(URI_WITHOUT_TAG, p->check->first_uri_line, NULL, NULL, NULL);
    }
    check_renditions(p);
    check_references(p);
    check_variants(p);
    check_steering(p);
    check_session_data(p);
    check_session_keys(p);
}
