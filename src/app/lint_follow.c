/* Watching live playlists: each is reloaded by the rule of rfc8216bis section 6.3.4, and each
 * load is held against the one before. */
#include "app/lint.h"
#include "base/clock.h"
#include "media/m3u8_reload.h"

#include <stdlib.h>
#include <time.h>

/* One playlist that is followed. */
struct followed {
    struct lint_entry *entry;
    struct m3u8_watch watch;
    int64_t due_us; /* of the next load; INT64_MAX: none */
};

/* When to load again, from when the last load began. */
static int64_t next_load_us(const struct m3u8 *m, int64_t start_us, bool changed)
{
    int64_t wait_us = m->target_duration_us / 2;
    if (changed) {
        wait_us = m->segment_count > 0 ? m->segments[m->segment_count - 1].duration_us
                                       : m->target_duration_us;
        if (m->part_target_us > 0) {
            wait_us = m->part_target_us;
        }
    } else if (m->part_target_us > 0) {
        wait_us = m->part_target_us / 2;
    }
    return start_us + (wait_us > 100000 ? wait_us : 100000);
}

/* Only a load that still lacks a segment proves it late, so one of the loads is placed just
 * after the time when it would be, where the rule's waiting time allows. */
static int64_t prove_lateness_us(const struct followed *f, const struct m3u8 *m,
                                 int64_t start_us)
{
    int64_t late_us = f->watch.segment_us + m->target_duration_us * 3 / 2 + 150000;
    bool soon = late_us >= f->due_us && late_us < f->due_us + m->target_duration_us / 2;
    return soon && late_us > start_us ? late_us : f->due_us;
}

static bool is_live(const struct lint_entry *entry)
{
    return entry->current != NULL && entry->current->kind == M3U8_MEDIA &&
           !m3u8_is_final(entry->current);
}

/* Findings that were not there in the loads before are added; the others repeat themselves. */
static void add_new(struct m3u8_report *into, const struct m3u8_report *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct m3u8_finding *f = &from->findings[i];
        if (!m3u8_report_has(into, f->rule)) {
            m3u8_report_add(into, f->rule, f->line, f->tag, f->attribute, "%s", f->detail);
        }
    }
}

static void load_again(struct lint_web *web, struct followed *f, const struct m3u8 *top)
{
    struct lint_entry *entry = f->entry;
    struct lint_body body;
    const struct lint_want want = {
        .url = span_from_string(entry->name),
        .kind = METRIC_KIND_MEDIA_PLAYLIST,
    };
    int64_t target_us = entry->current->target_duration_us;
    if (lint_web_read(web, &want, &body) != 0) {
        /* One failed load is the line's affair; what it delays is told by the next. */
        f->due_us = body.start_us + (target_us > 1000000 ? target_us / 2 : 500000);
        lint_body_fini(&body);
        return;
    }
    struct m3u8_report text;
    struct m3u8 *playlist = NULL;
    m3u8_report_init(&text, 0);
    const struct m3u8_source source = {
        .text = span_of(body.ptr, body.len),
        .url = body.url,
        .multivariant = top,
        .report = &text,
    };
    entry->loads++;
    f->due_us = body.start_us + 500000;
    if (m3u8_parse(&source, &playlist) == M3U8_OK) {
        bool changed = m3u8_check_reload(&f->watch, entry->current, playlist, body.done_us,
                                         &entry->report);
        f->due_us = m3u8_is_final(playlist) ? INT64_MAX
                                            : next_load_us(playlist, body.start_us, changed);
        if (!changed && f->due_us != INT64_MAX) {
            f->due_us = prove_lateness_us(f, playlist, body.start_us);
        }
        m3u8_unref(entry->current);
        entry->current = playlist;
    }
    add_new(&entry->report, &text);
    m3u8_report_clear(&text);
    lint_body_fini(&body);
}

static void wait_until(int64_t at_us)
{
    struct timespec at = {at_us / 1000000, at_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
    }
}

void lint_follow(struct lint_web *web, struct lint_results *results, int64_t duration_us)
{
    int64_t start_us = clock_monotonic_us();
    int64_t end_us = start_us + duration_us;
    struct followed *all = calloc(results->count, sizeof all[0]);
    const struct m3u8 *first = results->entries[0].current;
    const struct m3u8 *top = first != NULL && first->kind == M3U8_MULTIVARIANT ? first : NULL;
    size_t count = 0;
    for (size_t i = 0; i < results->count && all != NULL; i++) {
        if (is_live(&results->entries[i])) {
            struct followed *f = &all[count++];
            f->entry = &results->entries[i];
            (void)m3u8_check_reload(&f->watch, NULL, f->entry->current, start_us, NULL);
            f->due_us = next_load_us(f->entry->current, start_us, true);
        }
    }
    while (count > 0) {
        struct followed *next = &all[0];
        for (size_t i = 1; i < count; i++) {
            next = all[i].due_us < next->due_us ? &all[i] : next;
        }
        if (next->due_us > end_us) {
            break;
        }
        wait_until(next->due_us);
        load_again(web, next, top);
    }
    free(all);
}
