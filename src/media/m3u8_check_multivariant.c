/* Strict checks of multivariant playlists (section 4.4.6). */
#include "media/m3u8_checker.h"
#include "media/m3u8_text.h"

#include <stdlib.h>

#define NOTE(rule, attribute, ...) m3u8_note(p, M3U8_RULE_##rule, attribute, __VA_ARGS__)
#define ADD(rule, line, tag, attribute, ...) \
    m3u8_report_add(p->source->report, M3U8_RULE_##rule, line, tag, attribute, __VA_ARGS__)

#define SHOW(s) (s).len > 60 ? 60 : (int)(s).len, (s).len > 0 ? (s).ptr : ""

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether all bytes are letters, digits or one of `also`. */
static bool all_plain(struct span s, const char *also)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.ptr[i]) && (s.ptr[i] == '\0' || strchr(also, s.ptr[i]) == NULL)) {
            return false;
        }
    }
    return s.len > 0;
}

/* The shape of a tag of RFC 5646: subtags of 1 to 8 letters and digits, the first of letters.
 */
static bool is_language(struct span text)
{
    struct span rest = text;
    bool first = true;
    if (text.len == 0 || text.ptr[text.len - 1] == '-') {
        return false;
    }
    while (rest.len > 0) {
        struct span subtag = span_cut(&rest, '-');
        if (subtag.len == 0 || subtag.len > 8 || !all_plain(subtag, "")) {
            return false;
        }
        for (size_t i = 0; i < subtag.len && first; i++) {
            if (subtag.ptr[i] >= '0' && subtag.ptr[i] <= '9') {
                return false;
            }
        }
        first = false;
    }
    return true;
}

static void check_language(struct m3u8_parser *p, const struct m3u8_attrs *attrs, unsigned at,
                           const char *name)
{
    struct span value = m3u8_attrs_get(attrs, at);
    if (value.len > 0 && !is_language(value)) {
        NOTE(LANGUAGE_TAG, name, "\"%.*s\"", SHOW(value));
    }
}

static void check_stable_id(struct m3u8_parser *p, const struct m3u8_attrs *attrs, unsigned at,
                            const char *name)
{
    struct span value = m3u8_attrs_get(attrs, at);
    if (value.len > 0 && !all_plain(value, "+/=.-_")) {
        NOTE(STABLE_ID, name, "\"%.*s\"", SHOW(value));
    }
}

static bool instream_id_is_good(struct span id, bool captions)
{
    uint64_t number;
    if (!captions) {
        return all_plain(id, ".");
    }
    if (id.len == 3 && span_starts_with(id, SPAN("CC"))) {
        return id.ptr[2] >= '1' && id.ptr[2] <= '4';
    }
    return span_starts_with(id, SPAN("SERVICE")) && span_to_u64(span_skip(id, 7), &number) &&
           number >= 1 && number <= 63;
}

static void check_instream_id(struct m3u8_parser *p, const struct m3u8_attrs *attrs,
                              bool captions)
{
    struct span id = m3u8_attrs_get(attrs, AT_MEDIA_INSTREAM_ID);
    if (!m3u8_attrs_has(attrs, AT_MEDIA_INSTREAM_ID)) {
        if (captions) {
            NOTE(MEDIA_INSTREAM_ID_MISSING, "INSTREAM-ID", NULL);
        }
        return;
    }
    if (id.len > 0 && !instream_id_is_good(id, captions)) {
        NOTE(MEDIA_INSTREAM_ID, "INSTREAM-ID", "\"%.*s\"", SHOW(id));
    }
    if (!captions) {
        m3u8_note_need(p, 13, "INSTREAM-ID", "INSTREAM-ID of other than captions");
    } else if (span_starts_with(id, SPAN("SERVICE"))) {
        m3u8_note_need(p, 7, "INSTREAM-ID", "a SERVICE channel");
    }
}

/* "6", "6/JOC", "2/-/BINAURAL": a count, then lists of identifiers. */
static bool channels_are_good(struct span text)
{
    struct span rest = text;
    uint64_t count;
    if (!span_to_u64(span_cut(&rest, '/'), &count)) {
        return false;
    }
    bool good = text.ptr[text.len - 1] != '/';
    while (rest.len > 0 && good) {
        struct span list = span_cut(&rest, '/');
        good = list.len > 0;
        while (list.len > 0 && good) {
            struct span word = span_cut(&list, ',');
            good = all_plain(word, "-");
            for (size_t i = 0; i < word.len; i++) {
                good = good && !(word.ptr[i] >= 'a' && word.ptr[i] <= 'z');
            }
        }
    }
    return good;
}

static void check_audio_only(struct m3u8_parser *p, const struct m3u8_attrs *attrs, bool audio)
{
    static const struct {
        unsigned at;
        const char *name;
    } names[] = {
        {AT_MEDIA_CHANNELS, "CHANNELS"},
        {AT_MEDIA_BIT_DEPTH, "BIT-DEPTH"},
        {AT_MEDIA_SAMPLE_RATE, "SAMPLE-RATE"},
    };
    for (unsigned i = 0; i < 3; i++) {
        if (!audio && m3u8_attrs_has(attrs, names[i].at)) {
            NOTE(MEDIA_AUDIO_ONLY, names[i].name, NULL);
        }
    }
    struct span channels = m3u8_attrs_get(attrs, AT_MEDIA_CHANNELS);
    if (audio && !m3u8_attrs_has(attrs, AT_MEDIA_CHANNELS)) {
        NOTE(MEDIA_CHANNELS_MISSING, "CHANNELS", NULL);
    } else if (audio && channels.len > 0 && !channels_are_good(channels)) {
        NOTE(MEDIA_CHANNELS, "CHANNELS", "\"%.*s\"", SHOW(channels));
    }
}

static void check_media(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct span type = m3u8_attrs_get(attrs, AT_MEDIA_TYPE);
    bool captions = span_equal(type, SPAN("CLOSED-CAPTIONS"));
    bool subtitles = span_equal(type, SPAN("SUBTITLES"));
    if (subtitles && !m3u8_attrs_has(attrs, AT_MEDIA_URI)) {
        NOTE(MEDIA_URI_MISSING, "URI", NULL);
    }
    if (captions && m3u8_attrs_has(attrs, AT_MEDIA_URI)) {
        NOTE(MEDIA_URI_FORBIDDEN, "URI", NULL);
    }
    if (type.len > 0 && !subtitles && m3u8_attrs_has(attrs, AT_MEDIA_FORCED)) {
        NOTE(MEDIA_FORCED, "FORCED", NULL);
    }
    if (span_equal(m3u8_attrs_get(attrs, AT_MEDIA_DEFAULT), SPAN("YES")) &&
        span_equal(m3u8_attrs_get(attrs, AT_MEDIA_AUTOSELECT), SPAN("NO"))) {
        NOTE(MEDIA_AUTOSELECT, "AUTOSELECT", NULL);
    }
    check_instream_id(p, attrs, captions);
    check_audio_only(p, attrs, span_equal(type, SPAN("AUDIO")));
    check_language(p, attrs, AT_MEDIA_LANGUAGE, "LANGUAGE");
    check_language(p, attrs, AT_MEDIA_ASSOC_LANGUAGE, "ASSOC-LANGUAGE");
    check_stable_id(p, attrs, AT_MEDIA_STABLE_RENDITION_ID, "STABLE-RENDITION-ID");
}

/* Which specifier a word of REQ-VIDEO-LAYOUT sets: 1 channels, 2 projection, 0 neither. */
static int layout_word(struct span word, bool *is_default)
{
    static const struct {
        struct span word;
        int specifier;
        bool is_default;
    } words[] = {
        {{"CH-MONO", 7}, 1, true},    {{"CH-STEREO", 9}, 1, false},
        {{"PROJ-RECT", 9}, 2, true},  {{"PROJ-EQUI", 9}, 2, false},
        {{"PROJ-HEQU", 9}, 2, false}, {{"PROJ-PRIM", 9}, 2, false},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (span_equal(word, words[i].word)) {
            *is_default = *is_default && words[i].is_default;
            return words[i].specifier;
        }
    }
    return 0;
}

static void check_layout(struct m3u8_parser *p, struct span text)
{
    struct span rest = text;
    bool is_default = true, good = text.len > 0 && text.ptr[text.len - 1] != ',';
    while (rest.len > 0 && good) {
        struct span entry = span_cut(&rest, ',');
        int seen = 0;
        good = entry.len > 0 && entry.ptr[entry.len - 1] != '/';
        while (entry.len > 0 && good) {
            int specifier = layout_word(span_cut(&entry, '/'), &is_default);
            good = specifier != 0 && (seen & 1 << specifier) == 0;
            seen |= 1 << specifier;
        }
    }
    if (!good) {
        NOTE(VIDEO_LAYOUT, "REQ-VIDEO-LAYOUT", "\"%.*s\"", SHOW(text));
    } else if (is_default) {
        NOTE(VIDEO_LAYOUT_DEFAULT, "REQ-VIDEO-LAYOUT", "\"%.*s\"", SHOW(text));
    }
}

/* "com.example.drm1:SMART-TV/PC,com.example.drm2:HW". */
static bool cpc_is_good(struct span text)
{
    struct span rest = text;
    while (rest.len > 0) {
        struct span entry = span_trim(span_cut(&rest, ','));
        size_t colon = entry.len;
        while (colon > 0 && entry.ptr[colon - 1] != ':') {
            colon--;
        }
        struct span labels = span_skip(entry, colon);
        if (colon < 2 || labels.len == 0 || labels.ptr[labels.len - 1] == '/') {
            return false;
        }
        while (labels.len > 0) {
            struct span label = span_cut(&labels, '/');
            bool good = all_plain(label, "-");
            for (size_t i = 0; i < label.len; i++) {
                good = good && !(label.ptr[i] >= 'a' && label.ptr[i] <= 'z');
            }
            if (!good) {
                return false;
            }
        }
    }
    return true;
}

static void check_stream_inf(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    double score;
    struct span score_text = m3u8_attrs_get(attrs, AT_STREAM_INF_SCORE);
    struct span cpc = m3u8_attrs_get(attrs, AT_STREAM_INF_ALLOWED_CPC);
    struct span pathway = m3u8_attrs_get(attrs, AT_STREAM_INF_PATHWAY_ID);
    if (m3u8_read_double(score_text, &score) > 0 && !(score > 0)) {
        NOTE(SCORE_ZERO, "SCORE", "%.*s", SHOW(score_text));
    }
    if (!m3u8_attrs_has(attrs, AT_STREAM_INF_CODECS) && p->tag == M3U8_TAG_STREAM_INF) {
        NOTE(CODECS_MISSING, "CODECS", NULL);
    }
    if (m3u8_attrs_has(attrs, AT_STREAM_INF_REQ_VIDEO_LAYOUT)) {
        m3u8_note_need(p, 12, "REQ-VIDEO-LAYOUT", "REQ-VIDEO-LAYOUT");
        check_layout(p, attrs->value[AT_STREAM_INF_REQ_VIDEO_LAYOUT]);
    }
    if (!cpc_is_good(cpc)) {
        NOTE(ALLOWED_CPC, "ALLOWED-CPC", "\"%.*s\"", SHOW(cpc));
    }
    if (pathway.len > 0 && !all_plain(pathway, ".-_")) {
        NOTE(PATHWAY_NAME, "PATHWAY-ID", "\"%.*s\"", SHOW(pathway));
    }
    check_stable_id(p, attrs, AT_STREAM_INF_STABLE_VARIANT_ID, "STABLE-VARIANT-ID");
    if (m3u8_attrs_has(attrs, AT_STREAM_INF_PROGRAM_ID) && p->playlist->version >= 6) {
        NOTE(TAG_REMOVED, "PROGRAM-ID", "removed in version 6");
    }
    if (p->tag == M3U8_TAG_STREAM_INF) {
        p->check->stream_inf_line = p->line;
    }
}

static void check_session_data(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    if (m3u8_attrs_has(attrs, AT_SESSION_DATA_VALUE) ==
        m3u8_attrs_has(attrs, AT_SESSION_DATA_URI)) {
        NOTE(SESSION_DATA_ONE_OF, NULL, "it has %s",
             m3u8_attrs_has(attrs, AT_SESSION_DATA_URI) ? "both" : "neither");
    }
    check_language(p, attrs, AT_SESSION_DATA_LANGUAGE, "LANGUAGE");
}

void m3u8_check_multivariant_list(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    struct span pathway;
    switch (p->tag) {
    case M3U8_TAG_MEDIA:
        check_media(p, attrs);
        break;
    case M3U8_TAG_STREAM_INF:
    case M3U8_TAG_I_FRAME_STREAM_INF:
        check_stream_inf(p, attrs);
        break;
    case M3U8_TAG_SESSION_DATA:
        check_session_data(p, attrs);
        break;
    case M3U8_TAG_SESSION_KEY:
        m3u8_check_media_list(p, attrs);
        break;
    case M3U8_TAG_CONTENT_STEERING:
        p->check->steering_line = p->line;
        pathway = m3u8_attrs_get(attrs, AT_CONTENT_STEERING_PATHWAY_ID);
        if (pathway.len > 0 && !all_plain(pathway, ".-_")) {
            NOTE(PATHWAY_NAME, "PATHWAY-ID", "\"%.*s\"", SHOW(pathway));
        }
        break;
    default:
        break;
    }
}
