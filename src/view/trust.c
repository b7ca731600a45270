#include "view/trust.h"

#include "view/format.h"

#include <stdio.h>
#include <string.h>

static void judge_duration(struct trust_row *row, const char *words, int64_t us,
                           int64_t limit_us)
{
    char value[FORMAT_MAX], limit[FORMAT_MAX];
    row->ok = us <= limit_us;
    snprintf(row->text, sizeof(row->text), "%s %s (limit %s)", words,
             format_duration(value, sizeof(value), us),
             format_duration(limit, sizeof(limit), limit_us));
}

static void judge_none(struct trust_row *row, const char *words, uint64_t count)
{
    row->ok = count == 0;
    if (row->ok) {
        snprintf(row->text, sizeof(row->text), "never %s", words);
    } else {
        char text[FORMAT_MAX];
        snprintf(row->text, sizeof(row->text), "%s %s times", words,
                 format_count(text, sizeof(text), count));
    }
}

static void judge_cpu(struct trust_row *row, const struct trust_facts *facts)
{
    char value[FORMAT_MAX];
    row->ok = facts->worker_busy_us <= TRUST_WORKER_BUSY_US;
    if (facts->worker_busy_us == 0) {
        snprintf(row->text, sizeof(row->text), "no worker above %d %% CPU",
                 TRUST_WORKER_CPU_PERCENT);
        return;
    }
    snprintf(row->text, sizeof(row->text),
             "worker %u above %d %% CPU for %s on end (limit %d s)", facts->worker_busy,
             TRUST_WORKER_CPU_PERCENT,
             format_duration(value, sizeof(value), facts->worker_busy_us),
             TRUST_WORKER_BUSY_US / 1000000);
}

void trust_judge(const struct trust_facts *facts, struct trust_verdict *out)
{
    static const char *const names[TRUST_CHECKS] = {
        [TRUST_TIMER_DELAY] = "timer_delay_p99",
        [TRUST_WORKER_CPU] = "worker_cpu",
        [TRUST_STALE_CUT] = "stale_cut",
        [TRUST_DESCRIPTORS] = "descriptors",
        [TRUST_PORTS] = "ports",
        [TRUST_MEMORY] = "memory",
    };
    *out = (struct trust_verdict){.trusted = true};
    judge_duration(&out->rows[TRUST_TIMER_DELAY], "timers late by", facts->timer_delay_p99_us,
                   TRUST_TIMER_DELAY_P99_US);
    judge_cpu(&out->rows[TRUST_WORKER_CPU], facts);
    judge_duration(&out->rows[TRUST_STALE_CUT], "a worker silent for", facts->stale_cut_us,
                   TRUST_STALE_CUT_US);
    judge_none(&out->rows[TRUST_DESCRIPTORS], "out of descriptors", facts->descriptors_spent);
    judge_none(&out->rows[TRUST_PORTS], "out of source ports", facts->ports_spent);
    judge_none(&out->rows[TRUST_MEMORY], "out of reserved memory", facts->memory_spent);
    for (int i = 0; i < TRUST_CHECKS; i++) {
        struct trust_row *row = &out->rows[i];
        row->name = names[i];
        if (row->ok) {
            continue;
        }
        size_t used = strlen(out->why);
        snprintf(out->why + used, sizeof(out->why) - used, "%s%s", used > 0 ? "; " : "",
                 row->text);
        out->trusted = false;
    }
}

void trust_watch_worker(struct trust_watch *watch, unsigned worker, int64_t elapsed_us,
                        int64_t cpu_us)
{
    if (worker >= TRUST_WORKERS_MAX || elapsed_us <= 0) {
        return;
    }
    int64_t *busy_us = &watch->busy_us[worker];
    bool above = cpu_us * 100 > elapsed_us * TRUST_WORKER_CPU_PERCENT;
    *busy_us = above ? *busy_us + elapsed_us : 0;
    if (*busy_us > watch->longest_us) {
        watch->longest_us = *busy_us;
        watch->longest_worker = worker;
    }
}
