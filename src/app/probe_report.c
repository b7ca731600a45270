/* How `shoal probe` prints what it found. */
#include "app/probe.h"
#include "base/units.h"
#include "view/json_util.h"

#include <stdlib.h>
#include <string.h>

/* Adds a word to a list unless it is there. */
static void add_word(char *text, size_t size, const char *word)
{
    size_t used = strlen(text);
    if (strstr(text, word) == NULL && used + strlen(word) + 3 < size) {
        snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", word);
    }
}

/* Methods and key systems of the keys, joined by commas; "none". */
static void encryption_of(const struct m3u8_key *keys, uint32_t count, char *text, size_t size)
{
    static const char *const methods[] = {
        [M3U8_METHOD_NONE] = "none",
        [M3U8_METHOD_AES_128] = "AES-128",
        [M3U8_METHOD_SAMPLE_AES] = "SAMPLE-AES",
        [M3U8_METHOD_SAMPLE_AES_CTR] = "SAMPLE-AES-CTR",
        [M3U8_METHOD_AES_256_GCM] = "AES-256-GCM",
        [M3U8_METHOD_UNKNOWN] = "unknown",
    };
    static const char *const systems[] = {
        [M3U8_KEY_IDENTITY] = "",
        [M3U8_KEY_FAIRPLAY] = " FairPlay",
        [M3U8_KEY_WIDEVINE] = " Widevine",
        [M3U8_KEY_PLAYREADY] = " PlayReady",
        [M3U8_KEY_OTHER] = " unknown system",
    };
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        char word[64];
        snprintf(word, sizeof word, "%s%s", methods[keys[i].method], systems[keys[i].format]);
        if (keys[i].method != M3U8_METHOD_NONE) {
            add_word(text, size, word);
        }
    }
    if (text[0] == '\0') {
        snprintf(text, size, "none");
    }
}

/* By what a segment began with, else by what the playlist says. */
static const char *form_of(const struct probe_item *item)
{
    static const char *const forms[] = {
        [SNIFF_NOT_MEDIA] = "unknown container",
        [SNIFF_TS] = "MPEG-TS",
        [SNIFF_FMP4] = "fMP4",
        [SNIFF_PACKED_AUDIO] = "packed audio",
        [SNIFF_WEBVTT] = "WebVTT",
    };
    static const struct {
        const char *suffix;
        enum sniff form;
    } suffixes[] = {
        {".ts", SNIFF_TS},
        {".aac", SNIFF_PACKED_AUDIO},
        {".mp3", SNIFF_PACKED_AUDIO},
        {".ac3", SNIFF_PACKED_AUDIO},
        {".ec3", SNIFF_PACKED_AUDIO},
        {".vtt", SNIFF_WEBVTT},
        {".webvtt", SNIFF_WEBVTT},
    };
    const struct m3u8 *m = item->entry->current;
    if (item->container != SNIFF_NOT_MEDIA || m->map_count > 0) {
        return forms[m->map_count > 0 ? SNIFF_FMP4 : item->container];
    }
    struct span rest = m->segment_count > 0 ? m->segments[0].uri : SPAN("");
    struct span path = span_cut(&rest, '?');
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (span_ends_with(path, span_from_string(suffixes[i].suffix))) {
            return forms[suffixes[i].form];
        }
    }
    return forms[SNIFF_NOT_MEDIA];
}

static const char *kind_of(const struct m3u8 *m)
{
    return m->type == M3U8_TYPE_EVENT && !m3u8_is_final(m) ? "event"
           : m3u8_is_final(m)                              ? "VOD"
                                                           : "live";
}

/* What of low latency the playlist offers, joined by commas; "none". */
static void low_latency_of(const struct m3u8 *m, char *text, size_t size)
{
    const struct {
        bool has;
        const char *name;
    } features[] = {
        {m->part_target_us > 0, "parts"},
        {(m->flags & M3U8_CAN_BLOCK_RELOAD) != 0, "blocking reload"},
        {m->part_hint.uri.len > 0, "preload hints"},
        {m->can_skip_until_us > 0, "delta updates"},
        {m->report_count > 0, "rendition reports"},
    };
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        if (features[i].has && used + 32 < size) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     features[i].name);
        }
    }
    if (used == 0) {
        snprintf(text, size, "none");
    }
}

/* Text of a server, cleared of what a terminal would obey. */
static const char *shown(struct span s, char *text, size_t size)
{
    size_t len = s.len < size - 1 ? s.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        text[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    text[len] = '\0';
    return text;
}

static void print_media(const struct probe_item *item, FILE *out)
{
    char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT], features[160], encryption[160];
    const struct m3u8 *m = item->entry->current;
    low_latency_of(m, features, sizeof features);
    encryption_of(m->keys, m->key_count, encryption, sizeof encryption);
    fprintf(out, "    %s, %u segments, %s, target %s, mean segment %s\n", kind_of(m),
            m->segment_count, units_format_duration(m->total_duration_us, a),
            units_format_duration(m->target_duration_us, b),
            units_format_duration((int64_t)(item->segment_s * 1e6), c));
    fprintf(out, "    %s, encryption %s, low latency: %s\n", form_of(item), encryption,
            features);
    if (!m3u8_is_final(m)) {
        fprintf(out, "    starts %s behind the live edge",
                units_format_duration(m3u8_hold_back_us(m, false), a));
        if (m->part_target_us > 0) {
            fprintf(out, ", with parts of %s %s", units_format_duration(m->part_target_us, b),
                    units_format_duration(m3u8_hold_back_us(m, true), c));
        }
        fputc('\n', out);
    }
    if (item->measured_bps > 0) {
        fprintf(out, "    measured %s\n", units_format_bitrate(item->measured_bps, a));
    }
}

static void print_variant(const struct m3u8_variant *v, const char *what, size_t number,
                          FILE *out)
{
    char rate[UNITS_TEXT], codecs[128], group[64];
    fprintf(out, "  %s %zu: %s", what, number,
            units_format_bitrate((double)v->bandwidth_bps, rate));
    if (v->width > 0) {
        fprintf(out, ", %ux%u", v->width, v->height);
    }
    if (v->frame_rate > 0) {
        fprintf(out, ", %.5g fps", v->frame_rate);
    }
    if (v->codecs.len > 0) {
        fprintf(out, ", %s", shown(v->codecs, codecs, sizeof codecs));
    }
    if (v->video_range.len > 0) {
        fprintf(out, ", %s", shown(v->video_range, group, sizeof group));
    }
    if (v->hdcp_level.len > 0) {
        fprintf(out, ", HDCP %s", shown(v->hdcp_level, group, sizeof group));
    }
    if (v->audio.len > 0) {
        fprintf(out, ", audio group %s", shown(v->audio, group, sizeof group));
    }
    if (v->average_bandwidth_bps > 0) {
        fprintf(out, ", average %s",
                units_format_bitrate((double)v->average_bandwidth_bps, rate));
    }
    fputc('\n', out);
}

static const char *rendition_type(const struct m3u8_rendition *r)
{
    static const char *const names[] = {"audio", "video", "subtitles", "closed captions"};
    return names[r->type];
}

static void print_rendition(const struct m3u8_rendition *r, FILE *out)
{
    char name[96], group[64], language[32];
    fprintf(out, "  %s \"%s\", group %s", rendition_type(r), shown(r->name, name, sizeof name),
            shown(r->group_id, group, sizeof group));
    if (r->language.len > 0) {
        fprintf(out, ", %s", shown(r->language, language, sizeof language));
    }
    fprintf(out, "%s\n", r->is_default ? ", default" : "");
}

static const char *why_unread(const struct lint_entry *entry)
{
    return entry->unreadable != NULL  ? entry->unreadable
           : entry->status != M3U8_OK ? m3u8_status_name(entry->status)
                                      : "it is no media playlist";
}

static void print_cost(const struct probe_findings *found, const struct probe_cost *cost,
                       FILE *out)
{
    char one[UNITS_TEXT], all[UNITS_TEXT];
    fprintf(
        out,
        "  variant %zu: %s and %.3g requests/s a viewer; %u viewers: %s, %.6g requests/s%s\n",
        cost->number, units_format_bitrate(cost->bits_per_s, one), cost->requests_per_s,
        found->viewers, units_format_bitrate(cost->bits_per_s * found->viewers, all),
        cost->requests_per_s * found->viewers, cost->measured ? "" : " (by BANDWIDTH)");
    if (cost->low_latency_requests_per_s > 0) {
        fprintf(out, "    low latency: %.3g requests/s a viewer; %u viewers: %.6g requests/s\n",
                cost->low_latency_requests_per_s, found->viewers,
                cost->low_latency_requests_per_s * found->viewers);
    }
}

void probe_print_text(const struct probe_findings *found, FILE *out)
{
    const struct lint_entry *top = &found->playlists.entries[0];
    size_t number = 0;
    if (top->current->kind == M3U8_MEDIA) {
        fprintf(out, "%s: a media playlist\n", top->name);
    } else {
        fprintf(out, "%s: %u variants, %u renditions, %u I-frame variants%s\n", top->name,
                top->current->variant_count, top->current->rendition_count,
                top->current->i_frame_variant_count,
                top->current->steering_uri.len > 0 ? ", content steering" : "");
    }
    for (size_t i = 0; i < found->count; i++) {
        const struct probe_item *item = &found->items[i];
        if (item->variant != NULL) {
            print_variant(item->variant, "variant", number++, out);
        } else if (item->rendition != NULL) {
            print_rendition(item->rendition, out);
        }
        if (item->entry != NULL) {
            print_media(item, out);
        } else if (item->unread != NULL) {
            fprintf(out, "    its playlist could not be read: %s\n", why_unread(item->unread));
        }
    }
    for (uint32_t i = 0; i < top->current->i_frame_variant_count; i++) {
        print_variant(&top->current->i_frame_variants[i], "I-frames", i, out);
    }
    if (top->current->session_key_count > 0) {
        char encryption[160];
        encryption_of(top->current->session_keys, top->current->session_key_count, encryption,
                      sizeof encryption);
        fprintf(out, "  session keys: %s\n", encryption);
    }
    fputs("Cost at playing speed:\n", out);
    for (size_t i = 0; i < found->cost_count; i++) {
        print_cost(found, &found->costs[i], out);
    }
    if (lint_results_must(&found->playlists) > 0) {
        fprintf(out, "%llu must-rules are broken: see shoal lint %s\n",
                (unsigned long long)lint_results_must(&found->playlists), top->name);
    }
}

static json_t *span_json(struct span s)
{
    if (s.len == 0) {
        return json_null();
    }
    char *text = strndup(s.ptr, s.len);
    json_t *value = json_util_text(text);
    free(text);
    return value;
}

static void add_media_json(json_t *object, const struct probe_item *item)
{
    const struct m3u8 *m = item->entry->current;
    char features[160], encryption[160];
    low_latency_of(m, features, sizeof features);
    encryption_of(m->keys, m->key_count, encryption, sizeof encryption);
    json_object_set_new(object, "url", json_util_text(item->entry->name));
    json_object_set_new(object, "type", json_string(kind_of(m)));
    json_object_set_new(object, "segments", json_integer(m->segment_count));
    json_object_set_new(object, "duration_s", json_real((double)m->total_duration_us / 1e6));
    json_object_set_new(object, "target_duration_s",
                        json_real((double)m->target_duration_us / 1e6));
    json_object_set_new(object, "mean_segment_s", json_real(item->segment_s));
    json_object_set_new(object, "format", json_string(form_of(item)));
    json_object_set_new(object, "encryption", json_string(encryption));
    json_object_set_new(object, "low_latency", json_string(features));
    json_object_set_new(object, "part_target_s",
                        m->part_target_us > 0 ? json_real((double)m->part_target_us / 1e6)
                                              : json_null());
    json_object_set_new(
        object, "hold_back_s",
        m3u8_is_final(m)
            ? json_null()
            : json_real((double)m3u8_hold_back_us(m, m->part_target_us > 0) / 1e6));
    json_object_set_new(object, "measured_bps",
                        item->measured_bps > 0 ? json_real(item->measured_bps) : json_null());
}

static json_t *variant_json(const struct m3u8_variant *v)
{
    json_t *object = json_object();
    json_object_set_new(object, "bandwidth_bps", json_integer((json_int_t)v->bandwidth_bps));
    json_object_set_new(object, "average_bandwidth_bps",
                        json_integer((json_int_t)v->average_bandwidth_bps));
    json_object_set_new(object, "width", json_integer(v->width));
    json_object_set_new(object, "height", json_integer(v->height));
    json_object_set_new(object, "frame_rate", json_real(v->frame_rate));
    json_object_set_new(object, "codecs", span_json(v->codecs));
    json_object_set_new(object, "video_range", span_json(v->video_range));
    json_object_set_new(object, "hdcp_level", span_json(v->hdcp_level));
    json_object_set_new(object, "audio_group", span_json(v->audio));
    return object;
}

static json_t *item_json(const struct probe_item *item)
{
    json_t *object = item->variant != NULL ? variant_json(item->variant) : json_object();
    if (item->rendition != NULL) {
        const struct m3u8_rendition *r = item->rendition;
        json_object_set_new(object, "kind", json_string(rendition_type(r)));
        json_object_set_new(object, "name", span_json(r->name));
        json_object_set_new(object, "group", span_json(r->group_id));
        json_object_set_new(object, "language", span_json(r->language));
        json_object_set_new(object, "default", json_boolean(r->is_default));
    }
    if (item->entry != NULL) {
        add_media_json(object, item);
    } else if (item->unread != NULL) {
        json_object_set_new(object, "url", json_util_text(item->unread->name));
        json_object_set_new(object, "unread", json_string(why_unread(item->unread)));
    }
    return object;
}

static json_t *cost_json(const struct probe_findings *found, const struct probe_cost *cost)
{
    json_t *object =
        json_pack("{s:f, s:f, s:f, s:f, s:b}", "viewer_bps", cost->bits_per_s,
                  "viewer_requests_per_s", cost->requests_per_s, "all_mbps",
                  cost->bits_per_s * found->viewers / 1e6, "all_requests_per_s",
                  cost->requests_per_s * found->viewers, "measured", cost->measured);
    json_object_set_new(object, "variant", json_integer((json_int_t)cost->number));
    json_object_set_new(object, "viewer_low_latency_requests_per_s",
                        cost->low_latency_requests_per_s > 0
                            ? json_real(cost->low_latency_requests_per_s)
                            : json_null());
    return object;
}

int probe_print_json(const struct probe_findings *found, FILE *out)
{
    const struct lint_entry *top = &found->playlists.entries[0];
    json_t *variants = json_array(), *renditions = json_array(), *costs = json_array();
    json_t *i_frames = json_array();
    for (uint32_t i = 0; i < top->current->i_frame_variant_count; i++) {
        json_array_append_new(i_frames, variant_json(&top->current->i_frame_variants[i]));
    }
    for (size_t i = 0; i < found->count; i++) {
        json_array_append_new(found->items[i].rendition != NULL ? renditions : variants,
                              item_json(&found->items[i]));
    }
    for (size_t i = 0; i < found->cost_count; i++) {
        json_array_append_new(costs, cost_json(found, &found->costs[i]));
    }
    json_t *root = json_object();
    json_object_set_new(root, "schema", json_string("shoal-probe/1"));
    json_object_set_new(root, "url", json_util_text(top->name));
    json_object_set_new(
        root, "kind", json_string(top->current->kind == M3U8_MEDIA ? "media" : "multivariant"));
    json_object_set_new(root, "content_steering",
                        json_boolean(top->current->steering_uri.len > 0));
    json_object_set_new(root, "variants", variants);
    json_object_set_new(root, "renditions", renditions);
    json_object_set_new(root, "i_frame_variants", i_frames);
    json_object_set_new(root, "viewers", json_integer(found->viewers));
    json_object_set_new(root, "cost", costs);
    json_object_set_new(root, "must",
                        json_integer((json_int_t)lint_results_must(&found->playlists)));
    int status = json_dumpf(root, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(root);
    return status == 0 && fputc('\n', out) != EOF ? 0 : -1;
}
