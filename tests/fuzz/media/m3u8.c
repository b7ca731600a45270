/* Fuzzes the playlist parser: nothing crashes, spans lie inside of what the playlist owns, both
 * answers agree, sums are sums, a playlist taken as its own delta merges or not, and nothing is
 * held beyond the limit. The input may be two loads, split at a form feed. */
#include "media/m3u8.h"
#include "media/m3u8_check.h"
#include "media/m3u8_reload.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A function, so that it does not add to the paths through its callers. */
static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

#define MEMORY_LIMIT ((size_t)1 << 20)

static unsigned long long touched;

/* Reads every byte, so that the address sanitizer sees what lies outside. */
static void touch(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        touched += (unsigned char)s.ptr[i];
    }
}

static void check_segment(const struct m3u8 *m, const struct m3u8_segment *s)
{
    touch(s->uri);
    touch(m3u8_segment_title(m, s));
    must(s->duration_us >= 0);
    must(s->key_first + s->key_count <= m->key_count);
    must(s->part_first + s->part_count <= m->part_count);
    must(s->map == M3U8_NONE || s->map < m->map_count);
    must(s->text_at <= m->text.len);
    if ((s->flags & M3U8_SEGMENT_RANGE) != 0) {
        must(s->range.offset + s->range.length >= s->range.offset);
    }
    for (uint32_t i = 0; i < s->key_count; i++) {
        touch(m->keys[s->key_first + i].uri);
        touch(m->keys[s->key_first + i].format_text);
    }
}

static void check_media(const struct m3u8 *m)
{
    int64_t sum_us = 0;
    for (uint32_t i = 0; i < m->segment_count; i++) {
        const struct m3u8_segment *s = &m->segments[i];
        check_segment(m, s);
        must(s->uri.len > 0 || m->define_count > 0);
        must(s->start_us == sum_us);
        must(s->sequence == m->media_sequence + m->skipped_segments + i);
        must(m3u8_segment_by_sequence(m, s->sequence) == s);
        sum_us += s->duration_us;
        must(s->duration_us <= m->longest_duration_us || m->longest_duration_us == 0);
    }
    must(sum_us == m->total_duration_us);
    check_segment(m, &m->tail);
    for (uint32_t i = 0; i < m->part_count; i++) {
        touch(m->parts[i].uri);
    }
    for (uint32_t i = 0; i < m->map_count; i++) {
        touch(m->maps[i].uri);
        must(m->maps[i].key_first + m->maps[i].key_count <= m->key_count);
    }
    for (uint32_t i = 0; i < m->daterange_count; i++) {
        touch(m->dateranges[i].id);
        touch(m->dateranges[i].attributes);
    }
}

static void check_playlist(const struct m3u8 *m)
{
    must(m->memory_bytes <= MEMORY_LIMIT);
    if (m->kind == M3U8_MEDIA) {
        check_media(m);
    } else {
        must(m->segment_count == 0);
    }
    for (uint32_t i = 0; i < m->variant_count; i++) {
        char url[URL_MAX];
        struct span out;
        touch(m->variants[i].uri);
        touch(m->variants[i].codecs);
        if (m3u8_resolve(m, m->variants[i].uri, url, sizeof url, &out) == 0) {
            must(out.ptr >= url && out.ptr + out.len <= url + sizeof url);
        }
        must(m3u8_rendition_pick(m, M3U8_AUDIO, m->variants[i].audio) == M3U8_NONE ||
             m->rendition_count > 0);
    }
    for (uint32_t i = 0; i < m->rendition_count; i++) {
        touch(m->renditions[i].group_id);
        touch(m->renditions[i].name);
    }
}

static struct m3u8 *parse(struct span text, struct m3u8_report *report, const struct m3u8 *top)
{
    struct m3u8 *m = NULL;
    struct m3u8_source source = {
        .text = text,
        .url = SPAN("http://h/a/b.m3u8?q=1%20&r"),
        .limit_memory_bytes = MEMORY_LIMIT,
        .report = report,
        .multivariant = top,
        .alone = top == NULL,
    };
    enum m3u8_status status = m3u8_parse(&source, &m);
    must((status == M3U8_OK) == (m != NULL));
    if (m != NULL) {
        check_playlist(m);
    }
    return m;
}

/* Either answer must say the same of what is played. */
static void check_agreement(const struct m3u8 *plain, const struct m3u8 *strict)
{
    must((plain == NULL) == (strict == NULL));
    if (plain != NULL) {
        must(plain->kind == strict->kind && plain->segment_count == strict->segment_count &&
             plain->variant_count == strict->variant_count && plain->flags == strict->flags &&
             plain->total_duration_us == strict->total_duration_us);
    }
}

static void compare_loads(struct m3u8 *first, struct m3u8 *second, struct m3u8_report *report)
{
    struct m3u8_watch watch = {0};
    struct m3u8 *merged = NULL;
    const struct m3u8_source limits = {.limit_memory_bytes = MEMORY_LIMIT};
    if (first->kind != M3U8_MEDIA || second->kind != M3U8_MEDIA) {
        const struct m3u8 *const media[] = {first, second};
        const enum m3u8_role roles[] = {M3U8_ROLE_VARIANT, M3U8_ROLE_AUDIO};
        m3u8_check_set(first, media, roles, 2, report);
        return;
    }
    m3u8_check_reload(&watch, NULL, first, 0, report);
    m3u8_check_reload(&watch, first, second, 10000000, report);
    (void)m3u8_reload_faults(first, second);
    if (m3u8_merge(first, second, &limits, &merged) == M3U8_MERGED) {
        check_playlist(merged);
        must(merged == second || merged->kind != M3U8_MEDIA ||
             (merged->flags & M3U8_HAS_SKIP) == 0 || second->segment_count == 0);
    }
    m3u8_unref(merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of((const char *)data, size);
    struct m3u8_report report;
    m3u8_report_init(&report, 50);
    size_t split = span_find(text, '\f');
    struct span first_text = span_of(text.ptr, split);
    struct m3u8 *plain = parse(first_text, NULL, NULL);
    struct m3u8 *first = parse(first_text, &report, NULL);
    check_agreement(plain, first);
    if (split < text.len) {
        struct m3u8 *second =
            parse(span_skip(text, split + 1), &report,
                  first != NULL && first->kind == M3U8_MULTIVARIANT ? first : NULL);
        if (first != NULL && second != NULL) {
            compare_loads(first, second, &report);
        }
        m3u8_unref(second);
    }
    m3u8_report_sort(&report);
    must(report.count <= 50 && report.must + report.should == report.count + report.dropped);
    m3u8_report_clear(&report);
    m3u8_unref(plain);
    m3u8_unref(first);
    return 0;
}
