/* Watching live playlists, all at the same time: each is reloaded by the rule of rfc8216bis
 * section 6.3.4 from its own loads, and each load is held against the one before. */
#include "app/lint.h"
#include "loop/loop.h"
#include "media/m3u8_reload.h"

#include <signal.h>
#include <stdlib.h>

struct follow;

/* One playlist that is followed. */
struct followed {
    struct follow *follow;
    struct lint_entry *entry;
    struct m3u8_watch watch;
    struct loop_timer timer; /* of the next load */
    struct lint_request request;
    struct lint_body body; /* of the request */
    int64_t due_us;        /* of the next load; INT64_MAX: none */
};

/* The whole watch. */
struct follow {
    struct lint_web *web;
    struct lint_results *results;
    const struct m3u8 *top; /* the multivariant playlist, or NULL */
    FILE *out;              /* where findings go as they come, or NULL */
    int64_t end_us;
    size_t left; /* playlists that will be loaded again, or are being loaded */
    struct loop_signal interrupt;
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

static void take_load(struct followed *f, struct m3u8_report *text)
{
    struct lint_entry *entry = f->entry;
    const struct lint_body *body = &f->body;
    struct m3u8 *playlist = NULL;
    const struct m3u8_source source = {
        .text = span_of(body->ptr, body->len),
        .url = body->url,
        .multivariant = f->follow->top,
        .report = text,
    };
    entry->report.load = ++entry->loads;
    f->due_us = body->start_us + 500000;
    if (m3u8_parse(&source, &playlist) == M3U8_OK) {
        lint_check_served(body, span_from_string(entry->name), text);
        bool changed = m3u8_check_reload(&f->watch, entry->current, playlist, body->done_us,
                                         &entry->report);
        f->due_us = m3u8_is_final(playlist) ? INT64_MAX
                                            : next_load_us(playlist, body->start_us, changed);
        if (!changed && f->due_us != INT64_MAX) {
            f->due_us = prove_lateness_us(f, playlist, body->start_us);
        }
        m3u8_unref(entry->current);
        entry->current = playlist;
    }
    add_new(&entry->report, text);
}

/* The playlist waits for its next load, or is done with. */
static void settle(struct followed *f)
{
    struct follow *follow = f->follow;
    struct loop *loop = follow->web->loop;
    if (f->due_us <= follow->end_us) {
        loop_timer_start(loop, &f->timer, f->due_us);
    } else if (--follow->left == 0) {
        loop_stop(loop);
    }
}

static void on_loaded(struct lint_request *request)
{
    struct followed *f = list_entry(request, struct followed, request);
    if (f->body.fail == FAIL_NONE) {
        struct m3u8_report text;
        m3u8_report_init(&text, 0);
        take_load(f, &text);
        m3u8_report_clear(&text);
    } else {
        /* Told at the end, with how often; what it delays is told by the next load. */
        int64_t target_us = f->entry->current->target_duration_us;
        f->entry->failed_loads++;
        f->entry->load_fail = f->body.fail;
        f->entry->http_status = f->body.status;
        f->due_us = f->body.start_us + (target_us > 1000000 ? target_us / 2 : 500000);
    }
    lint_body_fini(&f->body);
    if (f->follow->out != NULL) {
        lint_print_text(f->follow->results, f->follow->out);
    }
    settle(f);
}

static void on_due(struct loop_timer *timer)
{
    struct followed *f = list_entry(timer, struct followed, timer);
    const struct lint_want want = {
        .url = span_from_string(f->entry->name),
        .kind = METRIC_KIND_MEDIA_PLAYLIST,
    };
    if (lint_request_start(f->follow->web, &f->request, &want, &f->body) != 0) {
        f->due_us = f->timer.at_us + 500000;
        settle(f);
    }
}

static void on_interrupt(struct loop_signal *signal, int number)
{
    (void)number;
    struct follow *follow = list_entry(signal, struct follow, interrupt);
    follow->results->interrupted = true;
    loop_stop(follow->web->loop);
}

/* Takes the live playlists among the entries; their first load was at `now_us`. */
static struct followed *take_live(struct follow *follow, int64_t now_us)
{
    struct lint_results *results = follow->results;
    struct followed *all = calloc(results->count, sizeof all[0]);
    for (size_t i = 0; i < results->count && all != NULL; i++) {
        if (is_live(&results->entries[i])) {
            struct followed *f = &all[follow->left++];
            f->follow = follow;
            f->entry = &results->entries[i];
            f->request.on_done = on_loaded;
            loop_timer_init(&f->timer, on_due);
            (void)m3u8_check_reload(&f->watch, NULL, f->entry->current, now_us, NULL);
            f->due_us = next_load_us(f->entry->current, now_us, true);
        }
    }
    return all;
}

void lint_follow(struct lint_web *web, struct lint_results *results, int64_t duration_us,
                 FILE *out)
{
    int64_t now_us = loop_update_now(web->loop);
    const struct m3u8 *first = results->entries[0].current;
    struct follow follow = {
        .web = web,
        .results = results,
        .top = first != NULL && first->kind == M3U8_MULTIVARIANT ? first : NULL,
        .out = out,
        .end_us = now_us + duration_us,
    };
    struct followed *all = take_live(&follow, now_us);
    size_t count = follow.left;
    if (out != NULL) {
        lint_print_text(results, out);
    }
    loop_signal_init(&follow.interrupt, on_interrupt);
    loop_signal_start(web->loop, &follow.interrupt, SIGINT);
    for (size_t i = 0; i < count; i++) {
        settle(&all[i]);
    }
    if (follow.left > 0) {
        loop_run(web->loop);
    }
    for (size_t i = 0; i < count; i++) {
        loop_timer_stop(web->loop, &all[i].timer);
        fetch_cancel(&all[i].request.fetch);
    }
    loop_signal_stop(web->loop, &follow.interrupt);
    free(all);
}
