/* How a playlist was answered: what HTTP says of it, which its text cannot. */
#include "app/lint.h"

static bool has_playlist_suffix(struct span text)
{
    struct url url;
    return url_parse(text, &url) == 0 &&
           (span_ends_with(url.path, SPAN(".m3u8")) || span_ends_with(url.path, SPAN(".m3u")));
}

static bool has_playlist_type(const struct lint_body *body)
{
    struct span parameters = span_from_string(body->type);
    struct span type = span_trim(span_cut(&parameters, ';'));
    return span_equal_nocase(type, SPAN("application/vnd.apple.mpegurl")) ||
           span_equal_nocase(type, SPAN("audio/mpegurl"));
}

void lint_check_served(const struct lint_body *body, struct span asked,
                       struct m3u8_report *report)
{
    if (!has_playlist_suffix(asked) && !has_playlist_suffix(body->url) &&
        !has_playlist_type(body)) {
        m3u8_report_add(report, M3U8_RULE_PLAYLIST_UNMARKED, 0, NULL, NULL,
                        body->type[0] != '\0' ? "Content-Type is %s" : "no Content-Type%s",
                        body->type);
    }
    if (!body->compressed) {
        m3u8_report_add(report, M3U8_RULE_PLAYLIST_UNCOMPRESSED, 0, NULL, NULL,
                        "%zu bytes came as they are", body->len);
    }
}
