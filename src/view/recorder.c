#include "view/recorder.h"

#include "stats/metrics.h"
#include "view/format.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct recorder {
    /* The polling thread's own. */
    struct recorder_options options;
    struct shoal_observer *observer; /* owned */
    struct trust_watch watch;
    int64_t last_cpu_us;
    uint64_t seconds; /* rows made so far, kept or not */

    /* Shared; the polling thread writes under the lock and reads without. */
    pthread_mutex_t *lock; /* owned; apart, so that readers of a const recorder may take it */
    struct recorder_state state;
    struct series_row *rows;      /* owned */
    struct series_origin *origin; /* owned; one a row, or NULL without exporters */
    size_t row_room;
    struct failure_sample failures[RECORDER_FAILURES_MAX];
    struct failure_tally tally; /* ever */
};

struct recorder *recorder_new(const struct recorder_options *options)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    if (recorder == NULL) {
        return NULL;
    }
    recorder->options = *options;
    recorder->state.step_s = 1;
    for (int i = 0; i < THRESHOLDS_MAX; i++) {
        recorder->state.thresholds[i].pass = true; /* nothing known yet */
    }
    recorder->lock = calloc(1, sizeof(*recorder->lock));
    if (recorder->lock == NULL ||
        shoal_observer_new(options->sampler, SHOAL_FULL, NULL, 0, &recorder->observer) < 0) {
        free(recorder->lock);
        free(recorder);
        return NULL;
    }
    pthread_mutex_init(recorder->lock, NULL);
    return recorder;
}

void recorder_free(struct recorder *recorder)
{
    if (recorder == NULL) {
        return;
    }
    shoal_observer_free(recorder->observer);
    pthread_mutex_destroy(recorder->lock);
    free(recorder->lock);
    free(recorder->rows);
    free(recorder->origin);
    free(recorder);
}

/* Keeps every second row and records half as often from now on. */
static void thin_rows(struct recorder *recorder)
{
    struct recorder_state *state = &recorder->state;
    for (size_t i = 0; i < state->row_count / 2; i++) {
        recorder->rows[i] = recorder->rows[2 * i];
        if (recorder->origin != NULL) {
            recorder->origin[i] = recorder->origin[2 * i];
        }
    }
    state->row_count /= 2;
    state->step_s *= 2;
}

static bool make_room(struct recorder *recorder)
{
    size_t room = recorder->row_room == 0 ? 256 : recorder->row_room * 2;
    struct series_row *rows = realloc(recorder->rows, room * sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    recorder->rows = rows;
    if (recorder->options.origin != NULL) {
        struct series_origin *origin = realloc(recorder->origin, room * sizeof(*origin));
        if (origin == NULL) {
            return false;
        }
        recorder->origin = origin;
    }
    recorder->row_room = room;
    return true;
}

/* Without memory the row is lost; the totals of the run are not. */
static void keep_row(struct recorder *recorder, const struct series_row *row)
{
    struct recorder_state *state = &recorder->state;
    if (recorder->seconds++ % state->step_s != 0) {
        return;
    }
    if (state->row_count == RECORDER_ROWS_MAX) {
        thin_rows(recorder);
    }
    if (state->row_count == recorder->row_room && !make_room(recorder)) {
        return;
    }
    for (unsigned i = 0; i < ORIGIN_SOURCES_MAX && recorder->origin != NULL; i++) {
        memcpy(recorder->origin[state->row_count].value[i], state->origin[i].value,
               sizeof(state->origin[i].value));
    }
    recorder->rows[state->row_count++] = *row;
}

static void watch_workers(struct recorder *recorder, const struct shoal_interval *last)
{
    unsigned workers = recorder->options.workers;
    for (unsigned i = 0; i < workers && i < METRIC_WORKERS_MAX; i++) {
        trust_watch_worker(&recorder->watch, i, last->elapsed_us,
                           (int64_t)shoal_delta_at(last, METRIC_WORKER_CPU, i));
    }
}

static void gather_facts(struct recorder *recorder, const struct shoal_interval *run,
                         struct trust_facts *out)
{
    static const double p99 = 99;
    uint64_t delay_us = 0;
    shoal_percentiles(run, METRIC_TIMER_DELAY, &p99, 1, &delay_us);
    *out = (struct trust_facts){
        .timer_delay_p99_us = (int64_t)delay_us,
        .worker_busy_us = recorder->watch.longest_us,
        .worker_busy = recorder->watch.longest_worker,
        .stale_cut_us = (int64_t)run->now[SHOAL_HEADER_STALE_MAX_US],
        .descriptors_spent = shoal_total_at(run, METRIC_FAILURES, FAIL_DESCRIPTORS_SPENT),
        .ports_spent = shoal_total_at(run, METRIC_FAILURES, FAIL_PORTS_SPENT),
        .memory_spent = shoal_total_at(run, METRIC_FAILURES, FAIL_MEMORY_SPENT),
    };
}

/* Whether the generator is at its limits in this very second, and how. */
static void judge_second(const struct series_row *row, const struct shoal_interval *last,
                         struct recorder_state *state)
{
    char *why = state->bottleneck_why, text[FORMAT_MAX];
    size_t size = sizeof(state->bottleneck_why);
    double late_s = row->value[SERIES_TIMER_DELAY_P99];
    int64_t late_us = isnan(late_s) ? 0 : (int64_t)(late_s * 1e6);
    int64_t silent_us =
        (int64_t)(last->now[SHOAL_HEADER_TIME] - last->now[SHOAL_HEADER_CUT_OLDEST]);
    uint64_t spent = shoal_delta_at(last, METRIC_FAILURES, FAIL_DESCRIPTORS_SPENT) +
                     shoal_delta_at(last, METRIC_FAILURES, FAIL_PORTS_SPENT) +
                     shoal_delta_at(last, METRIC_FAILURES, FAIL_MEMORY_SPENT);
    state->bottleneck = true;
    if (row->value[SERIES_WORKER_CPU] * 100 > TRUST_WORKER_CPU_PERCENT) {
        snprintf(why, size, "a worker thread is at %s CPU",
                 format_percent(text, sizeof(text), row->value[SERIES_WORKER_CPU]));
    } else if (late_us > TRUST_TIMER_DELAY_P99_US) {
        snprintf(why, size, "timers are late by %s (p99)",
                 format_duration(text, sizeof(text), late_us));
    } else if (last->now[SHOAL_HEADER_STALE_LANES] > 0 && silent_us > TRUST_STALE_CUT_US) {
        snprintf(why, size, "a worker thread has been silent for %s",
                 format_duration(text, sizeof(text), silent_us));
    } else if (spent > 0) {
        snprintf(why, size, "out of descriptors, source ports or reserved memory");
    } else {
        state->bottleneck = false;
        why[0] = '\0';
    }
}

static void judge_thresholds(const struct recorder *recorder, const struct shoal_interval *run,
                             struct recorder_state *state)
{
    const struct threshold *thresholds = recorder->options.thresholds;
    for (unsigned i = 0; i < recorder->options.threshold_count && i < THRESHOLDS_MAX; i++) {
        threshold_evaluate(&thresholds[i], run, &state->thresholds[i]);
        if (thresholds[i].abort && !state->thresholds[i].pass && !state->abort) {
            state->abort = true;
            state->abort_by = i;
            state->abort_result = state->thresholds[i];
        }
    }
}

static double process_share(struct recorder *recorder, const struct own_cost *cost,
                            int64_t elapsed_us)
{
    int64_t used_us = cost->cpu_us - recorder->last_cpu_us;
    recorder->last_cpu_us = cost->cpu_us;
    return elapsed_us > 0 ? (double)used_us / (double)elapsed_us : 0;
}

bool recorder_poll(struct recorder *recorder, const struct own_cost *cost,
                   struct series_row *ret_row)
{
    if (shoal_observer_update(recorder->observer) != 1) {
        return false;
    }
    struct shoal_interval last = shoal_observer_last(recorder->observer);
    struct shoal_interval run = shoal_observer_run(recorder->observer);
    double share = process_share(recorder, cost, last.elapsed_us);
    if (last.elapsed_us <= 0) {
        return false;
    }
    struct series_row row;
    struct series_own own = {.process_cpu = share, .rss_bytes = (double)cost->rss_bytes};
    struct recorder_state fresh = recorder->state;
    fresh.origin_count = origin_watch_read(recorder->options.origin, fresh.origin);
    origin_figures_sum(fresh.origin, fresh.origin_count, own.origin);
    series_fill(&last, recorder->options.start_us, &own, &row);
    watch_workers(recorder, &last);

    gather_facts(recorder, &run, &fresh.facts);
    judge_second(&row, &last, &fresh);
    judge_thresholds(recorder, &run, &fresh);
    fresh.cost = *cost;
    fresh.process_cpu = share;

    pthread_mutex_lock(recorder->lock);
    recorder->state = fresh;
    keep_row(recorder, &row);
    pthread_mutex_unlock(recorder->lock);
    if (ret_row != NULL) {
        *ret_row = row;
    }
    return true;
}

void recorder_add_failure(struct recorder *recorder, const struct failure_sample *sample)
{
    pthread_mutex_lock(recorder->lock);
    recorder->failures[recorder->tally.sampled++ % RECORDER_FAILURES_MAX] = *sample;
    pthread_mutex_unlock(recorder->lock);
}

void recorder_set_not_sampled(struct recorder *recorder, uint64_t failures)
{
    pthread_mutex_lock(recorder->lock);
    recorder->tally.not_sampled = failures;
    pthread_mutex_unlock(recorder->lock);
}

void recorder_state(const struct recorder *recorder, struct recorder_state *out)
{
    pthread_mutex_lock(recorder->lock);
    *out = recorder->state;
    out->failures = recorder->tally;
    pthread_mutex_unlock(recorder->lock);
}

size_t recorder_rows(const struct recorder *recorder, size_t first, struct series_row *out,
                     size_t room)
{
    pthread_mutex_lock(recorder->lock);
    size_t count = recorder->state.row_count;
    size_t n = first >= count ? 0 : count - first;
    n = n < room ? n : room;
    if (n > 0) {
        memcpy(out, recorder->rows + first, n * sizeof(*out));
    }
    pthread_mutex_unlock(recorder->lock);
    return n;
}

size_t recorder_origin(const struct recorder *recorder, size_t first, struct series_origin *out,
                       size_t room)
{
    pthread_mutex_lock(recorder->lock);
    size_t count = recorder->origin == NULL ? 0 : recorder->state.row_count;
    size_t n = first >= count ? 0 : count - first;
    n = n < room ? n : room;
    if (n > 0) {
        memcpy(out, recorder->origin + first, n * sizeof(*out));
    }
    pthread_mutex_unlock(recorder->lock);
    return n;
}

size_t recorder_failures(const struct recorder *recorder, struct failure_sample *out,
                         size_t room)
{
    pthread_mutex_lock(recorder->lock);
    uint64_t count = recorder->tally.sampled;
    size_t n = count < RECORDER_FAILURES_MAX ? (size_t)count : RECORDER_FAILURES_MAX;
    n = n < room ? n : room;
    for (size_t i = 0; i < n; i++) {
        out[i] = recorder->failures[(count - 1 - i) % RECORDER_FAILURES_MAX];
    }
    pthread_mutex_unlock(recorder->lock);
    return n;
}

struct shoal_interval recorder_run(const struct recorder *recorder)
{
    return shoal_observer_run(recorder->observer);
}
