/* The delivery directives that a live playlist offers (rfc8216bis section 6.2.5): a request for
 * each, and whether the answer is what the server must give. */
#include "app/lint.h"
#include "media/m3u8_reload.h"

#include <stdio.h>
#include <string.h>

/* One answer to a playlist's URL with a directive. */
struct answer {
    struct lint_body body;
    char url[URL_MAX];
    struct m3u8 *playlist; /* one reference, or NULL */
};

#define ADD(entry, rule, ...)                                                            \
    m3u8_report_add(&(entry)->report, M3U8_RULE_##rule, 0, "EXT-X-SERVER-CONTROL", NULL, \
                    __VA_ARGS__)

static void answer_fini(struct answer *answer)
{
    lint_body_fini(&answer->body);
    m3u8_unref(answer->playlist);
}

/* The URL with the directive in its query, before the parameters that sort behind it, so that
 * caches see one key (section 6.2.5). Returns the length, or 0 when it does not fit. */
static size_t add_directive(const struct lint_entry *entry, const char *directive,
                            char dst[URL_MAX])
{
    struct span rest = span_from_string(entry->name);
    struct span url = span_cut(&rest, '#');
    size_t at = span_find(url, '?') + 1;
    int len;
    rest = at > url.len ? span_of(url.ptr, 0) : span_skip(url, at);
    while (rest.len > 0) {
        struct span parameter = span_cut(&rest, '&');
        if (strncmp(directive, parameter.ptr, parameter.len) < 0) {
            break;
        }
        at = (size_t)(parameter.ptr - url.ptr) + parameter.len + 1;
    }
    if (at <= url.len) {
        struct span behind = span_skip(url, at);
        len = snprintf(dst, URL_MAX, "%.*s%s&%.*s", (int)at, url.ptr, directive,
                       SPAN_ARGS(behind));
    } else {
        bool query = span_find(url, '?') < url.len;
        len = snprintf(dst, URL_MAX, "%.*s%c%s", SPAN_ARGS(url), query ? '&' : '?', directive);
    }
    return len < URL_MAX ? (size_t)len : 0;
}

/* Asks for the entry's playlist, with that directive unless it is NULL. Returns whether a
 * playlist came; `answer` is to be freed either way. */
static bool ask(struct lint_web *web, const struct lint_entry *entry, const struct m3u8 *top,
                const char *directive, struct answer *answer)
{
    *answer = (struct answer){.body.fail = FAIL_CONNECT_FAILED};
    size_t len = directive == NULL ? 0 : add_directive(entry, directive, answer->url);
    struct lint_want want = {
        .url = directive == NULL ? span_from_string(entry->name) : span_of(answer->url, len),
        .kind = METRIC_KIND_MEDIA_PLAYLIST,
    };
    if (want.url.len == 0 || lint_web_read(web, &want, &answer->body) != 0) {
        return false;
    }
    const struct m3u8_source source = {
        .text = span_of(answer->body.ptr, answer->body.len),
        .url = answer->body.url,
        .multivariant = top,
    };
    return m3u8_parse(&source, &answer->playlist) == M3U8_OK &&
           answer->playlist->kind == M3U8_MEDIA;
}

static uint64_t end_sequence(const struct m3u8 *m)
{
    return m->media_sequence + m->skipped_segments + m->segment_count;
}

/* Asks for the next segment, which only an answer held back can list (section 6.2.5.2). */
static void check_blocking(struct lint_web *web, struct lint_entry *entry,
                           const struct m3u8 *top)
{
    char directive[64];
    struct answer answer;
    uint64_t wanted = end_sequence(entry->current);
    snprintf(directive, sizeof directive, "_HLS_msn=%llu", (unsigned long long)wanted);
    if (ask(web, entry, top, directive, &answer) && !m3u8_is_final(answer.playlist) &&
        end_sequence(answer.playlist) <= wanted) {
        ADD(entry, BLOCKING_EARLY, "asked for segment %llu, the last one of the answer is %llu",
            (unsigned long long)wanted,
            (unsigned long long)end_sequence(answer.playlist) -
                (end_sequence(answer.playlist) > 0));
    }
    answer_fini(&answer);
    if (ask(web, entry, top, "_HLS_part=0", &answer) && !m3u8_is_final(answer.playlist)) {
        ADD(entry, BLOCKING_PART_ALONE, "_HLS_part=0 was answered with %d", answer.body.status);
    }
    answer_fini(&answer);
}

/* Whether a delta update of that playlist leaves something out: segments that end before the
 * skip boundary (section 4.4.3.8). */
static bool can_skip(const struct m3u8 *m)
{
    return m->segment_count > 0 &&
           m->total_duration_us - m->segments[0].duration_us > m->can_skip_until_us;
}

static void check_delta(struct lint_web *web, struct lint_entry *entry, const struct m3u8 *top)
{
    struct answer whole, delta;
    struct m3u8 *merged = NULL;
    /* A fresh copy, so that the delta cannot leave out what nobody holds. */
    bool got = ask(web, entry, top, NULL, &whole);
    if (ask(web, entry, top, "_HLS_skip=YES", &delta) && got && can_skip(whole.playlist) &&
        !m3u8_is_final(delta.playlist)) {
        const struct m3u8_source limits = {.multivariant = top};
        struct m3u8_watch watch = {0};
        if ((delta.playlist->flags & M3U8_HAS_SKIP) == 0) {
            ADD(entry, DELTA_MISSING, "_HLS_skip=YES was answered with a whole playlist");
        } else if (m3u8_merge(whole.playlist, delta.playlist, &limits, &merged) !=
                   M3U8_MERGED) {
            ADD(entry, DELTA_UNUSABLE, "segments %llu to %llu are not in the copy just loaded",
                (unsigned long long)delta.playlist->media_sequence,
                (unsigned long long)(delta.playlist->media_sequence +
                                     delta.playlist->skipped_segments - 1));
        } else {
            (void)m3u8_check_reload(&watch, NULL, whole.playlist, 0, NULL);
            (void)m3u8_check_reload(&watch, whole.playlist, merged, 0, &entry->report);
        }
    }
    m3u8_unref(merged);
    answer_fini(&delta);
    answer_fini(&whole);
}

void lint_directives(struct lint_web *web, struct lint_results *results)
{
    const struct m3u8 *first = results->entries[0].current;
    const struct m3u8 *top = first != NULL && first->kind == M3U8_MULTIVARIANT ? first : NULL;
    for (size_t i = 0; i < results->count; i++) {
        struct lint_entry *entry = &results->entries[i];
        const struct m3u8 *m = entry->current;
        if (m == NULL || m->kind != M3U8_MEDIA || m3u8_is_final(m)) {
            continue;
        }
        if ((m->flags & M3U8_CAN_BLOCK_RELOAD) != 0) {
            check_blocking(web, entry, top);
        }
        if (m->can_skip_until_us > 0) {
            check_delta(web, entry, top);
        }
    }
}
