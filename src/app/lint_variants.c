#include "app/lint_variants.h"

#include "base/url.h"
#include "media/formats.h"

/* All that was measured, and the playlist that says what belongs together. */
struct measured_set {
    const struct m3u8 *top;
    const struct lint_measured *items;
    size_t count;
    struct m3u8_report *report;
};

static const struct lint_measured *find_measured(const struct measured_set *set,
                                                 struct span uri)
{
    char text[URL_MAX];
    struct span url;
    if (uri.len == 0 || m3u8_resolve(set->top, uri, text, sizeof text, &url) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (span_equal(span_from_string(set->items[i].entry->name), url)) {
            return &set->items[i];
        }
    }
    return NULL;
}

/* Adds the most that any rendition of a group adds, and the formats of all of them. */
static void add_group(const struct measured_set *set, enum m3u8_rendition_type type,
                      struct span group, struct lint_measured *sum)
{
    double peak = 0, average = 0;
    for (uint32_t i = 0; i < set->top->rendition_count && group.len > 0; i++) {
        const struct m3u8_rendition *rendition = &set->top->renditions[i];
        if (rendition->type != type || !span_equal(rendition->group_id, group)) {
            continue;
        }
        const struct lint_measured *m = find_measured(set, rendition->uri);
        if (m != NULL) {
            peak = m->peak_bps > peak ? m->peak_bps : peak;
            average = m->average_bps > average ? m->average_bps : average;
            sum->formats |= m->formats;
        }
    }
    sum->peak_bps += peak;
    sum->average_bps += average;
}

static void check_bandwidth(const struct measured_set *set, const struct m3u8_variant *v,
                            const struct lint_measured *sum)
{
    if (v->bandwidth_bps > 0 && sum->peak_bps > (double)v->bandwidth_bps) {
        m3u8_report_add(
            set->report, sum->final ? M3U8_RULE_BANDWIDTH_EXCEEDED : M3U8_RULE_BANDWIDTH_LIVE,
            v->line, "EXT-X-STREAM-INF", "BANDWIDTH", "%llu, the segments reach %.0f",
            (unsigned long long)v->bandwidth_bps, sum->peak_bps);
    }
    if (sum->final && v->average_bandwidth_bps > 0 &&
        sum->average_bps > (double)v->average_bandwidth_bps) {
        m3u8_report_add(set->report, M3U8_RULE_AVERAGE_BANDWIDTH_EXCEEDED, v->line,
                        "EXT-X-STREAM-INF", "AVERAGE-BANDWIDTH", "%llu, the segments have %.0f",
                        (unsigned long long)v->average_bandwidth_bps, sum->average_bps);
    }
}

static void check_codecs(const struct measured_set *set, const struct m3u8_variant *v,
                         unsigned formats)
{
    unsigned unnamed = v->codecs.len > 0 ? formats_unnamed(formats, v->codecs) : 0;
    for (unsigned f = 0; f < FORMAT_COUNT; f++) {
        if ((unnamed >> f & 1) != 0) {
            m3u8_report_add(set->report, M3U8_RULE_CODECS_INCOMPLETE, v->line,
                            "EXT-X-STREAM-INF", "CODECS",
                            "segments hold %s, CODECS is \"%.*s\"", format_name((enum format)f),
                            v->codecs.len > 80 ? 80 : (int)v->codecs.len, v->codecs.ptr);
        }
    }
}

void lint_check_variants(struct lint_results *results, const struct lint_measured *all,
                         size_t count)
{
    const struct measured_set set = {results->entries[0].current, all, count,
                                     &results->entries[0].report};
    for (uint32_t i = 0; set.top != NULL && i < set.top->variant_count; i++) {
        const struct m3u8_variant *v = &set.top->variants[i];
        const struct lint_measured *own = find_measured(&set, v->uri);
        if (own == NULL) {
            continue;
        }
        struct lint_measured sum = *own, angles = {0};
        add_group(&set, M3U8_AUDIO, v->audio, &sum);
        add_group(&set, M3U8_SUBTITLES, v->subtitles, &sum);
        /* Without all of its own segments there is no average. */
        sum.average_bps = own->average_bps > 0 ? sum.average_bps : 0;
        check_bandwidth(&set, v, &sum);
        /* Other angles are played in place of the variant's own playlist, not beside it. */
        add_group(&set, M3U8_VIDEO, v->video, &angles);
        check_codecs(&set, v, sum.formats | angles.formats);
    }
}
