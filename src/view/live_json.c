#include "view/live_json.h"

#include "base/fail.h"
#include "stats/metrics.h"
#include "view/json_util.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* No plot is wider; and no answer of the history greater than some 700 kB. */
enum { HISTORY_ROWS = 2000 };

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *make_run(const struct frame *frame)
{
    static const char *const phases[] = {"starting", "running", "ending", "over"};
    const struct run_info *info = frame->info;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o}",
                     "shoal", json_util_text(info->version), "id", json_util_text(info->id),
                     "url", json_util_text(info->url), "host", json_util_text(info->host),
                     "engine", json_util_text(info->engine), "player",
                     json_util_text(info->player), "variant", json_util_text(info->variant),
                     "stream", json_util_text(info->stream_kind), "phase",
                     json_string(phases[frame->phase]), "at_s", (double)frame->at_us / 1e6,
                     "planned_s", (double)info->duration_us / 1e6, "started_us",
                     json_integer(info->start_wall_us), "viewers_limit",
                     integer(info->viewers_limit), "viewers_peak", integer(info->viewers_peak));
}

static json_t *make_counters(const struct shoal_interval *run)
{
    json_t *counters = json_object();
    for (uint32_t i = 0; i < run->schema->def.counter_count; i++) {
        const struct shoal_counter_def *def = &run->schema->def.counters[i];
        if (!def->absent && !metrics_is_by_viewer(def)) {
            json_object_set_new(counters, def->name, integer(shoal_total(run, i)));
        }
    }
    return counters;
}

/* Rates of all counters and the derived figures over one window. */
static json_t *make_window(const struct shoal_interval *counters)
{
    json_t *rates = json_object(), *figures = json_object();
    const struct shoal_schema_def *def = &counters->schema->def;
    for (uint32_t i = 0; i < def->counter_count; i++) {
        if (!def->counters[i].absent && !metrics_is_by_viewer(&def->counters[i])) {
            json_object_set_new(rates, def->counters[i].name,
                                json_real(shoal_rate(counters, i)));
        }
    }
    for (uint32_t i = 0; i < def->derived_count; i++) {
        if (!def->derived[i].absent) {
            json_object_set_new(figures, def->derived[i].name,
                                json_real(shoal_derived(counters, i)));
        }
    }
    return json_pack("{s:f, s:o, s:o}", "interval_s", (double)counters->elapsed_us / 1e6,
                     "rates", rates, "figures", figures);
}

static json_t *make_times(const struct shoal_interval *full)
{
    static const double percents[] = {50, 90, 95, 99};
    json_t *times = json_object();
    for (uint32_t i = 0; i < full->schema->def.histogram_count; i++) {
        struct shoal_summary summary;
        uint64_t us[4];
        if (full->schema->def.histograms[i].absent) {
            continue;
        }
        shoal_summarize(full, i, &summary);
        shoal_percentiles(full, i, percents, 4, us);
        json_object_set_new(
            times, full->schema->def.histograms[i].name,
            json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:f}", "count", integer(summary.count),
                      "mean_s", summary.mean / 1e6, "p50_s", (double)us[0] / 1e6, "p90_s",
                      (double)us[1] / 1e6, "p95_s", (double)us[2] / 1e6, "p99_s",
                      (double)us[3] / 1e6, "max_s", (double)summary.max / 1e6));
    }
    return times;
}

static json_t *make_windows(const struct frame *frame)
{
    json_t *windows = json_object();
    for (int i = 0; i < FRAME_WINDOWS; i++) {
        json_t *window = make_window(frame_counters(frame, i));
        json_object_set_new(window, "times", make_times(frame_full(frame, i)));
        json_object_set_new(windows, frame_window_keys[i], window);
    }
    return windows;
}

/* Failures seen so far: totals and the rate of the last 10 s, and statuses from 400 on. */
static json_t *make_failures(const struct frame *frame)
{
    const struct shoal_interval *recent = frame_counters(frame, FRAME_10S);
    json_t *failures = json_array();
    for (unsigned fail = FAIL_NONE + 1; fail < FAIL_COUNT; fail++) {
        uint64_t total = shoal_total_at(recent, METRIC_FAILURES, fail);
        if (total > 0) {
            json_array_append_new(
                failures, json_pack("{s:s, s:s, s:o, s:f}", "failure", fail_info(fail)->label,
                                    "words", fail_info(fail)->words, "total", integer(total),
                                    "rate", shoal_rate_at(recent, METRIC_FAILURES, fail)));
        }
    }
    return failures;
}

/* Responses by status: how many, or how many a second over the last 10 s. */
static json_t *make_statuses(const struct frame *frame, bool rates)
{
    const struct shoal_interval *recent = frame_counters(frame, FRAME_10S);
    const struct shoal_counter_def *def = &recent->schema->def.counters[METRIC_HTTP_RESPONSES];
    json_t *statuses = json_object();
    for (uint32_t i = 0; i < def->value_count; i++) {
        uint64_t total = shoal_total_at(recent, METRIC_HTTP_RESPONSES, i);
        if (total > 0) {
            double rate = shoal_rate_at(recent, METRIC_HTTP_RESPONSES, i);
            json_object_set_new(statuses, def->values[i],
                                rates ? json_real(rate) : integer(total));
        }
    }
    return statuses;
}

static json_t *make_variants(const struct frame *frame)
{
    const struct shoal_interval *recent = frame_counters(frame, FRAME_10S);
    const struct shoal_counter_def *def = &recent->schema->def.counters[METRIC_SEGMENTS];
    json_t *variants = json_array();
    for (uint32_t i = 0; i < def->value_count; i++) {
        uint64_t segments = shoal_total_at(recent, METRIC_SEGMENTS, i);
        if (def->values[i] == NULL || (i >= frame->info->variant_count && segments == 0)) {
            continue;
        }
        bool named = i < frame->info->variant_count;
        json_array_append_new(
            variants,
            json_pack("{s:o, s:o, s:f, s:o, s:f, s:o}", "name",
                      json_util_text(named ? frame->info->variants[i].name : def->values[i]),
                      "segments", integer(segments), "segments_per_s",
                      shoal_rate_at(recent, METRIC_SEGMENTS, i), "bytes",
                      integer(shoal_total_at(recent, METRIC_SEGMENT_BYTES, i)), "bytes_per_s",
                      shoal_rate_at(recent, METRIC_SEGMENT_BYTES, i), "bandwidth_bps",
                      integer(named ? frame->info->variants[i].bandwidth_bps : 0)));
    }
    return variants;
}

static json_t *make_servers(const struct frame *frame)
{
    const struct shoal_interval *recent = frame_counters(frame, FRAME_10S);
    const struct shoal_counter_def *def =
        &recent->schema->def.counters[METRIC_SERVER_RESPONSES];
    json_t *servers = json_array();
    for (uint32_t i = 0; i < def->value_count; i++) {
        uint64_t responses = shoal_total_at(recent, METRIC_SERVER_RESPONSES, i);
        uint64_t failures = shoal_total_at(recent, METRIC_SERVER_FAILURES, i);
        if (def->values[i] != NULL && responses + failures > 0) {
            json_array_append_new(
                servers,
                json_pack("{s:o, s:o, s:o, s:f, s:f}", "address",
                          json_util_text(def->values[i]), "responses", integer(responses),
                          "failures", integer(failures), "responses_per_s",
                          shoal_rate_at(recent, METRIC_SERVER_RESPONSES, i), "bytes_per_s",
                          shoal_rate_at(recent, METRIC_SERVER_BODY_BYTES, i)));
        }
    }
    return servers;
}

static json_t *make_thresholds(const struct frame *frame)
{
    json_t *thresholds = json_array();
    for (unsigned i = 0; i < frame->threshold_count && i < THRESHOLDS_MAX; i++) {
        const struct threshold *threshold = &frame->thresholds[i];
        const struct threshold_result *result = &frame->state.thresholds[i];
        char value[64];
        threshold_format_value(threshold, result->value, value, sizeof(value));
        json_array_append_new(thresholds,
                              json_pack("{s:s, s:b, s:f, s:s, s:b}", "threshold",
                                        threshold->text, "pass", result->pass, "value",
                                        result->value, "text", value, "known", result->known));
    }
    return thresholds;
}

static json_t *make_generator(const struct frame *frame)
{
    const struct shoal_interval *recent = frame_counters(frame, FRAME_1S);
    struct trust_verdict trust;
    trust_judge(&frame->state.facts, &trust);
    json_t *workers = json_array();
    for (unsigned i = 0; i < frame->info->workers && i < METRIC_WORKERS_MAX; i++) {
        json_array_append_new(workers,
                              json_real(shoal_rate_at(recent, METRIC_WORKER_CPU, i) / 1e6));
    }
    json_t *checks = json_array();
    for (int i = 0; i < TRUST_CHECKS; i++) {
        json_array_append_new(checks,
                              json_pack("{s:s, s:b, s:s}", "name", trust.rows[i].name, "ok",
                                        trust.rows[i].ok, "text", trust.rows[i].text));
    }
    return json_pack("{s:b, s:s, s:b, s:s, s:o, s:o, s:f, s:f, s:o, s:o}", "trusted",
                     trust.trusted, "why", trust.why, "limited", frame->state.bottleneck,
                     "limited_why", frame->state.bottleneck_why, "workers", workers, "checks",
                     checks, "process_cpu", frame->state.process_cpu, "cpu_s",
                     (double)frame->state.cost.cpu_us / 1e6, "rss_bytes",
                     integer(frame->state.cost.rss_bytes), "descriptor_limit",
                     integer(frame->info->descriptor_limit));
}

static json_t *make_samples(const struct frame *frame)
{
    struct failure_sample samples[16];
    size_t count = recorder_failures(frame->recorder, samples, 16);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct failure_sample *sample = &samples[i];
        json_t *item =
            json_pack("{s:f, s:i, s:s, s:i, s:o, s:o, s:o}", "time_s",
                      (double)(sample->at_us - frame->info->start_us) / 1e6, "viewer",
                      (int)sample->viewer, "words", fail_info(sample->fail)->words, "status",
                      (int)sample->status, "url", json_util_text(sample->url), "address",
                      json_util_text(sample->address), "cache", json_util_text(sample->cache));
        if (sample->age_s >= 0) {
            json_object_set_new(item, "age_s", json_integer(sample->age_s));
        }
        json_array_append_new(list, item);
    }
    return list;
}

/* The server's side, exporter by exporter. */
static json_t *make_origin(const struct frame *frame)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < frame->state.origin_count; i++) {
        const struct origin_figures *figures = &frame->state.origin[i];
        json_t *item =
            json_pack("{s:o, s:s, s:b, s:s}", "url", json_util_text(figures->url), "kind",
                      origin_kind_names[figures->kind], "ok", figures->ok, "why", figures->why);
        for (int f = 0; f < ORIGIN_FIGURES; f++) {
            json_object_set_new(item, origin_figure_names[f],
                                json_util_real(figures->value[f]));
        }
        json_array_append_new(list, item);
    }
    return list;
}

/* The column of an exporter's figure: "origin0_cpu". */
static const char *origin_column(unsigned number, enum origin_figure figure, char dst[32])
{
    snprintf(dst, 32, "origin%u_%s", number, origin_figure_names[figure]);
    return dst;
}

/* The newest row of the timeline, or null. */
static json_t *make_newest(const struct frame *frame)
{
    struct series_row row;
    struct series_origin origin;
    char name[32];
    size_t count = frame->state.row_count;
    if (count == 0 || recorder_rows(frame->recorder, count - 1, &row, 1) == 0) {
        return json_null();
    }
    json_t *newest = json_object();
    for (unsigned i = 0; i < SERIES_COUNT; i++) {
        json_object_set_new(newest, series_name(i), json_util_real(row.value[i]));
    }
    unsigned exporters = frame->state.origin_count;
    if (recorder_origin(frame->recorder, count - 1, &origin, 1) == 0) {
        exporters = 0;
    }
    for (unsigned i = 0; i < exporters * ORIGIN_FIGURES; i++) {
        unsigned number = i / ORIGIN_FIGURES, figure = i % ORIGIN_FIGURES;
        json_object_set_new(newest, origin_column(number, figure, name),
                            json_util_real(origin.value[number][figure]));
    }
    return newest;
}

static int append(const char *bytes, size_t len, void *out)
{
    return buf_append(out, bytes, len);
}

static int dump(json_t *root, struct buf *out)
{
    int result = json_dump_callback(root, append, out, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(root);
    return result < 0 ? -1 : 0;
}

int live_json_write_snapshot(const struct frame *frame, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "run", make_run(frame));
    json_object_set_new(root, "final", json_boolean(frame->final));
    json_object_set_new(root, "target", integer(frame->target));
    json_object_set_new(root, "row", integer(frame->state.row_count));
    json_object_set_new(root, "newest", make_newest(frame));
    json_object_set_new(root, "origin", make_origin(frame));
    json_object_set_new(root, "absent", json_util_absent(frame->last.schema));
    json_object_set_new(root, "counters", make_counters(frame_counters(frame, FRAME_RUN)));
    json_object_set_new(root, "windows", make_windows(frame));
    json_object_set_new(root, "failures", make_failures(frame));
    json_object_set_new(root, "statuses", make_statuses(frame, false));
    json_object_set_new(root, "statuses_per_s", make_statuses(frame, true));
    json_object_set_new(root, "failures_sampled", make_samples(frame));
    json_object_set_new(root, "failures_sampling",
                        json_pack("{s:o, s:o}", "sampled",
                                  integer(frame->state.failures.sampled), "not_sampled",
                                  integer(frame->state.failures.not_sampled)));
    json_object_set_new(root, "variants", make_variants(frame));
    json_object_set_new(root, "servers", make_servers(frame));
    json_object_set_new(root, "thresholds", make_thresholds(frame));
    json_object_set_new(root, "generator", make_generator(frame));
    return dump(root, out);
}

/* Which rows an answer holds: at most HISTORY_ROWS, evenly apart and with the newest. */
struct history_rows {
    size_t first, stride, count;
};

static struct history_rows choose_rows(size_t first, size_t total)
{
    size_t room = first < total ? total - first : 0;
    size_t stride = room > HISTORY_ROWS ? (room + HISTORY_ROWS - 1) / HISTORY_ROWS : 1;
    size_t offset = room > 0 ? (room - 1) % stride : 0;
    return (struct history_rows){first + offset, stride, (room + stride - 1) / stride};
}

/* Adds a column for each series. */
static int add_series(const struct recorder *recorder, const struct history_rows *chosen,
                      json_t *columns)
{
    struct series_row *rows = calloc(chosen->count + 1, sizeof(*rows));
    size_t count = 0;
    if (rows == NULL) {
        return -1;
    }
    for (size_t i = 0; i < chosen->count; i++) {
        count += recorder_rows(recorder, chosen->first + i * chosen->stride, &rows[count], 1);
    }
    for (unsigned s = 0; s < SERIES_COUNT; s++) {
        json_t *column = json_array();
        for (size_t i = 0; i < count; i++) {
            json_array_append_new(column, json_util_real(rows[i].value[s]));
        }
        json_object_set_new(columns, series_name(s), column);
    }
    free(rows);
    return 0;
}

/* Adds the columns of the exporters. */
static int add_origin(const struct recorder *recorder, unsigned exporters,
                      const struct history_rows *chosen, json_t *columns)
{
    struct series_origin *rows = calloc(chosen->count + 1, sizeof(*rows));
    size_t count = 0;
    char name[32];
    if (rows == NULL) {
        return -1;
    }
    for (size_t i = 0; i < chosen->count; i++) {
        count += recorder_origin(recorder, chosen->first + i * chosen->stride, &rows[count], 1);
    }
    for (unsigned i = 0; i < exporters * ORIGIN_FIGURES; i++) {
        unsigned number = i / ORIGIN_FIGURES, figure = i % ORIGIN_FIGURES;
        json_t *column = json_array();
        for (size_t at = 0; at < count; at++) {
            json_array_append_new(column, json_util_real(rows[at].value[number][figure]));
        }
        json_object_set_new(columns, origin_column(number, figure, name), column);
    }
    free(rows);
    return 0;
}

int live_json_write_history(const struct recorder *recorder, size_t first, struct buf *out)
{
    struct recorder_state *state = malloc(sizeof(*state));
    if (state == NULL) {
        return -1;
    }
    recorder_state(recorder, state);
    size_t total = state->row_count;
    unsigned step_s = state->step_s, exporters = state->origin_count;
    free(state);
    struct history_rows chosen = choose_rows(first, total);
    json_t *columns = json_object();
    if (add_series(recorder, &chosen, columns) < 0 ||
        add_origin(recorder, exporters, &chosen, columns) < 0) {
        json_decref(columns);
        return -1;
    }
    return dump(json_pack("{s:o, s:o, s:i, s:o}", "first", integer(first), "rows",
                          integer(total), "step_s", (int)step_s, "columns", columns),
                out);
}
