/* The tags of multivariant playlists (rfc8216bis section 4.4.6). */
#include "media/m3u8_parser.h"
#include "media/m3u8_text.h"

static void ignore_tag(struct m3u8_parser *p)
{
    p->playlist->ignored_tags++;
}

/* The number at the start of the value, as players read it: "1280000.0" is one too. */
static uint64_t get_u64(const struct m3u8_attrs *attrs, unsigned at)
{
    struct span text = m3u8_attrs_get(attrs, at);
    uint64_t value = 0;
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    (void)span_to_u64(span_of(text.ptr, digits), &value);
    return value;
}

static double get_double(const struct m3u8_attrs *attrs, unsigned at, double absent)
{
    double value;
    return m3u8_read_double(m3u8_attrs_get(attrs, at), &value) > 0 && value >= 0 ? value
                                                                                 : absent;
}

/* The only layouts that may be asked for (section 4.4.6.2); a REQ- attribute with anything else
 * makes its tag one to be ignored. */
static bool layout_is_known(struct span text)
{
    struct span entries = text;
    while (entries.len > 0) {
        struct span entry = span_cut(&entries, ',');
        while (entry.len > 0) {
            struct span word = span_cut(&entry, '/');
            if (!span_equal(word, SPAN("CH-STEREO")) && !span_equal(word, SPAN("CH-MONO")) &&
                !span_starts_with(word, SPAN("PROJ-"))) {
                return false;
            }
        }
    }
    return true;
}

/* What STREAM-INF and I-FRAME-STREAM-INF share; the places are the same in both. */
static void fill_variant(struct m3u8_parser *p, const struct m3u8_attrs *attrs,
                         struct m3u8_variant *v)
{
    *v = (struct m3u8_variant){
        .bandwidth_bps = get_u64(attrs, AT_STREAM_INF_BANDWIDTH),
        .average_bandwidth_bps = get_u64(attrs, AT_STREAM_INF_AVERAGE_BANDWIDTH),
        .score = get_double(attrs, AT_STREAM_INF_SCORE, -1),
        .codecs = m3u8_attrs_get(attrs, AT_STREAM_INF_CODECS),
        .supplemental_codecs = m3u8_attrs_get(attrs, AT_STREAM_INF_SUPPLEMENTAL_CODECS),
        .hdcp_level = m3u8_attrs_get(attrs, AT_STREAM_INF_HDCP_LEVEL),
        .allowed_cpc = m3u8_attrs_get(attrs, AT_STREAM_INF_ALLOWED_CPC),
        .video_range = m3u8_attrs_get(attrs, AT_STREAM_INF_VIDEO_RANGE),
        .req_video_layout = m3u8_attrs_get(attrs, AT_STREAM_INF_REQ_VIDEO_LAYOUT),
        .stable_id = m3u8_attrs_get(attrs, AT_STREAM_INF_STABLE_VARIANT_ID),
        .video = m3u8_attrs_get(attrs, AT_STREAM_INF_VIDEO),
        .pathway = m3u8_attrs_get(attrs, AT_STREAM_INF_PATHWAY_ID),
        .line = p->line,
    };
    if (v->pathway.len == 0) {
        v->pathway = SPAN(".");
    }
    (void)m3u8_read_resolution(m3u8_attrs_get(attrs, AT_STREAM_INF_RESOLUTION), &v->width,
                               &v->height);
}

static void apply_stream_inf(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    struct m3u8_variant *v = &p->variant;
    m3u8_read_attrs(p, &attrs);
    p->skip_uri = attrs.ignore_tag ||
                  !layout_is_known(m3u8_attrs_get(&attrs, AT_STREAM_INF_REQ_VIDEO_LAYOUT));
    p->has_variant = !p->skip_uri;
    if (p->skip_uri) {
        ignore_tag(p);
        return;
    }
    fill_variant(p, &attrs, v);
    v->frame_rate = get_double(&attrs, AT_STREAM_INF_FRAME_RATE, 0);
    v->audio = m3u8_attrs_get(&attrs, AT_STREAM_INF_AUDIO);
    v->subtitles = m3u8_attrs_get(&attrs, AT_STREAM_INF_SUBTITLES);
    struct span captions = m3u8_attrs_get(&attrs, AT_STREAM_INF_CLOSED_CAPTIONS);
    bool quoted = (attrs.quoted >> AT_STREAM_INF_CLOSED_CAPTIONS & 1) != 0;
    if (!quoted && span_equal(captions, SPAN("NONE"))) {
        v->captions_none = true;
    } else {
        v->captions = captions;
    }
}

void m3u8_apply_variant_uri(struct m3u8_parser *p, struct span uri)
{
    p->variant.uri = uri;
    p->has_variant = false;
    struct m3u8_variant *variant = m3u8_push(p, M3U8_VARIANTS, sizeof *variant);
    if (variant != NULL) {
        *variant = p->variant;
    }
}

static void apply_i_frame_stream_inf(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_I_FRAME_STREAM_INF_URI) ||
        !layout_is_known(m3u8_attrs_get(&attrs, AT_I_FRAME_STREAM_INF_REQ_VIDEO_LAYOUT))) {
        ignore_tag(p);
        return;
    }
    struct m3u8_variant *variant = m3u8_push(p, M3U8_I_FRAME_VARIANTS, sizeof *variant);
    if (variant != NULL) {
        fill_variant(p, &attrs, variant);
        variant->uri = attrs.value[AT_I_FRAME_STREAM_INF_URI];
    }
}

static bool rendition_type(struct span text, enum m3u8_rendition_type *out)
{
    static const struct span names[] = {
        [M3U8_AUDIO] = {"AUDIO", 5},
        [M3U8_VIDEO] = {"VIDEO", 5},
        [M3U8_SUBTITLES] = {"SUBTITLES", 9},
        [M3U8_CLOSED_CAPTIONS] = {"CLOSED-CAPTIONS", 15},
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_equal(text, names[i])) {
            *out = (enum m3u8_rendition_type)i;
            return true;
        }
    }
    return false;
}

static void apply_media(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    enum m3u8_rendition_type type;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_MEDIA_GROUP_ID) ||
        !rendition_type(m3u8_attrs_get(&attrs, AT_MEDIA_TYPE), &type)) {
        ignore_tag(p);
        return;
    }
    struct m3u8_rendition *r = m3u8_push(p, M3U8_RENDITIONS, sizeof *r);
    if (r == NULL) {
        return;
    }
    *r = (struct m3u8_rendition){
        .type = type,
        .is_default = span_equal(m3u8_attrs_get(&attrs, AT_MEDIA_DEFAULT), SPAN("YES")),
        .autoselect = span_equal(m3u8_attrs_get(&attrs, AT_MEDIA_AUTOSELECT), SPAN("YES")),
        .forced = span_equal(m3u8_attrs_get(&attrs, AT_MEDIA_FORCED), SPAN("YES")),
        .uri = m3u8_attrs_get(&attrs, AT_MEDIA_URI),
        .group_id = m3u8_attrs_get(&attrs, AT_MEDIA_GROUP_ID),
        .name = m3u8_attrs_get(&attrs, AT_MEDIA_NAME),
        .language = m3u8_attrs_get(&attrs, AT_MEDIA_LANGUAGE),
        .assoc_language = m3u8_attrs_get(&attrs, AT_MEDIA_ASSOC_LANGUAGE),
        .stable_id = m3u8_attrs_get(&attrs, AT_MEDIA_STABLE_RENDITION_ID),
        .instream_id = m3u8_attrs_get(&attrs, AT_MEDIA_INSTREAM_ID),
        .characteristics = m3u8_attrs_get(&attrs, AT_MEDIA_CHARACTERISTICS),
        .channels = m3u8_attrs_get(&attrs, AT_MEDIA_CHANNELS),
        .bit_depth = get_u64(&attrs, AT_MEDIA_BIT_DEPTH),
        .sample_rate = get_u64(&attrs, AT_MEDIA_SAMPLE_RATE),
        .line = p->line,
    };
}

static void apply_session_data(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_SESSION_DATA_DATA_ID)) {
        ignore_tag(p);
        return;
    }
    struct m3u8_session_data *data = m3u8_push(p, M3U8_SESSION_DATA, sizeof *data);
    if (data != NULL) {
        data->data_id = attrs.value[AT_SESSION_DATA_DATA_ID];
        data->value = m3u8_attrs_get(&attrs, AT_SESSION_DATA_VALUE);
        data->uri = m3u8_attrs_get(&attrs, AT_SESSION_DATA_URI);
        data->format = m3u8_attrs_get(&attrs, AT_SESSION_DATA_FORMAT);
        data->language = m3u8_attrs_get(&attrs, AT_SESSION_DATA_LANGUAGE);
        data->line = p->line;
    }
}

_Static_assert((int)AT_SESSION_KEY_IV == (int)AT_KEY_IV &&
                   (int)AT_SESSION_KEY_KEYFORMATVERSIONS == (int)AT_KEY_KEYFORMATVERSIONS,
               "one function reads both tags");

static void apply_session_key(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || !m3u8_attrs_has(&attrs, AT_SESSION_KEY_METHOD)) {
        ignore_tag(p);
        return;
    }
    struct m3u8_key *key = m3u8_push(p, M3U8_SESSION_KEYS, sizeof *key);
    if (key != NULL) {
        m3u8_fill_key(p, &attrs, key);
    }
}

static void apply_steering(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || p->playlist->steering_uri.len > 0) {
        ignore_tag(p);
        return;
    }
    p->playlist->steering_uri = m3u8_attrs_get(&attrs, AT_CONTENT_STEERING_SERVER_URI);
    p->playlist->steering_pathway = m3u8_attrs_get(&attrs, AT_CONTENT_STEERING_PATHWAY_ID);
}

void m3u8_apply_multivariant_tag(struct m3u8_parser *p)
{
    switch (p->tag) {
    case M3U8_TAG_STREAM_INF:
        apply_stream_inf(p);
        break;
    case M3U8_TAG_MEDIA:
        apply_media(p);
        break;
    case M3U8_TAG_I_FRAME_STREAM_INF:
        apply_i_frame_stream_inf(p);
        break;
    case M3U8_TAG_SESSION_DATA:
        apply_session_data(p);
        break;
    case M3U8_TAG_SESSION_KEY:
        apply_session_key(p);
        break;
    default:
        apply_steering(p);
        break;
    }
}
