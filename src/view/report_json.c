/* The report as JSON; docs/report.schema.json describes it. Totals are exact: what is merged or
 * compared later starts from label values and buckets, not from rounded figures. */
#include "base/fail.h"
#include "stats/metrics.h"
#include "view/format.h"
#include "view/json_util.h"
#include "view/report.h"
#include "view/report_loaded.h"
#include "view/report_origin.h"

#include <jansson.h>

static double seconds(double us)
{
    return us / 1e6;
}

/* Integers up to 2^63-1; no counter comes near. */
static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* Every counter by its name, and every failure by its own. */
static json_t *make_counters(const struct shoal_interval *run)
{
    json_t *counters = json_object();
    for (uint32_t i = 0; i < run->schema->def.counter_count; i++) {
        const struct shoal_counter_def *def = &run->schema->def.counters[i];
        if (!def->absent && !metrics_is_by_viewer(def)) {
            json_object_set_new(counters, def->name, integer(shoal_total(run, i)));
        }
    }
    for (unsigned fail = FAIL_NONE + 1; fail < FAIL_COUNT; fail++) {
        json_object_set_new(counters, fail_info(fail)->label,
                            integer(shoal_total_at(run, METRIC_FAILURES, fail)));
    }
    return counters;
}

/* Label values that were counted, by counter and value. */
static json_t *make_labels(const struct shoal_interval *run)
{
    json_t *labels = json_object();
    for (uint32_t i = 0; i < run->schema->def.counter_count; i++) {
        const struct shoal_counter_def *def = &run->schema->def.counters[i];
        if (def->label == NULL || def->absent || metrics_is_by_viewer(def)) {
            continue;
        }
        json_t *values = json_object();
        for (uint32_t v = 0; v < def->value_count; v++) {
            uint64_t total = shoal_total_at(run, i, v);
            if (def->values[v] != NULL && total > 0) {
                json_object_set_new(values, def->values[v], integer(total));
            }
        }
        json_object_set_new(labels, def->name,
                            json_pack("{s:s, s:o}", "label", def->label, "values", values));
    }
    return labels;
}

/* [[bucket, records], …] */
static json_t *make_buckets(const struct shoal_interval *run, uint32_t histogram)
{
    const struct shoal_histogram_place *place = &run->schema->histogram[histogram];
    json_t *buckets = json_array();
    for (uint32_t i = 0; i < place->bucket_count; i++) {
        uint64_t records = run->now[place->buckets + i] - run->base[place->buckets + i];
        if (records > 0) {
            json_array_append_new(buckets, json_pack("[i,o]", (int)i, integer(records)));
        }
    }
    return buckets;
}

static json_t *make_histogram(const struct shoal_interval *run, uint32_t histogram)
{
    static const double percents[] = {50, 90, 95, 99, 99.9};
    uint64_t values[5];
    struct shoal_summary summary;
    shoal_summarize(run, histogram, &summary);
    shoal_percentiles(run, histogram, percents, 5, values);
    return json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:i, s:o}",
                     "count", integer(summary.count), "sum_s", seconds((double)summary.sum),
                     "mean_s", seconds(summary.mean), "min_s", seconds((double)summary.min),
                     "p50_s", seconds((double)values[0]), "p90_s", seconds((double)values[1]),
                     "p95_s", seconds((double)values[2]), "p99_s", seconds((double)values[3]),
                     "p999_s", seconds((double)values[4]), "max_s",
                     seconds((double)summary.max), "sum_us", integer(summary.sum), "bits",
                     (int)run->schema->def.histograms[histogram].bits, "buckets",
                     make_buckets(run, histogram));
}

static json_t *make_histograms(const struct shoal_interval *run)
{
    json_t *histograms = json_object();
    for (uint32_t i = 0; i < run->schema->def.histogram_count; i++) {
        if (!run->schema->def.histograms[i].absent) {
            json_object_set_new(histograms, run->schema->def.histograms[i].name,
                                make_histogram(run, i));
        }
    }
    return histograms;
}

static json_t *make_figures(const struct shoal_interval *run)
{
    json_t *figures = json_object();
    for (uint32_t i = 0; i < run->schema->def.derived_count; i++) {
        if (!run->schema->def.derived[i].absent) {
            json_object_set_new(figures, run->schema->def.derived[i].name,
                                json_real(shoal_derived(run, i)));
        }
    }
    return figures;
}

/* null when nothing was recorded. */
static json_t *make_percentile(const struct shoal_interval *run, uint32_t histogram,
                               double percent)
{
    struct shoal_summary summary;
    uint64_t us;
    shoal_summarize(run, histogram, &summary);
    shoal_percentiles(run, histogram, &percent, 1, &us);
    return summary.count > 0 ? json_real(seconds((double)us)) : json_null();
}

enum qoe_kind {
    QOE_TOTAL,    /* of a counter */
    QOE_SECONDS,  /* of a counter of µs */
    QOE_DERIVED,  /* a derived figure */
    QOE_QUANTILE, /* of a histogram, in seconds */
};

static const struct qoe_row {
    const char *key;
    enum qoe_kind kind;
    uint32_t number;
    double percent;
} qoe_rows[] = {
    {"sessions_started", QOE_TOTAL, METRIC_SESSIONS_STARTED, 0},
    {"sessions_played", QOE_TOTAL, METRIC_SESSIONS_PLAYED, 0},
    {"sessions_failed", QOE_TOTAL, METRIC_SESSIONS_FAILED, 0},
    {"startup_p50_s", QOE_QUANTILE, METRIC_STARTUP, 50},
    {"startup_p95_s", QOE_QUANTILE, METRIC_STARTUP, 95},
    {"rebuffer_ratio", QOE_DERIVED, METRIC_REBUFFER_RATIO, 0},
    {"stalls", QOE_TOTAL, METRIC_STALLS, 0},
    {"stalls_long", QOE_TOTAL, METRIC_STALLS_LONG, 0},
    {"stall_time_s", QOE_SECONDS, METRIC_STALL_TIME, 0},
    {"watched_time_s", QOE_SECONDS, METRIC_WATCHED_TIME, 0},
    {"media_played_s", QOE_SECONDS, METRIC_MEDIA_PLAYED, 0},
    {"stall_media_ratio", QOE_DERIVED, METRIC_STALL_MEDIA_RATIO, 0},
    {"edge_latency_p50_s", QOE_QUANTILE, METRIC_EDGE_LATENCY, 50},
    {"edge_latency_p95_s", QOE_QUANTILE, METRIC_EDGE_LATENCY, 95},
    {"deadline_slack_p5_s", QOE_QUANTILE, METRIC_DEADLINE_SLACK, 5},
    {"deadline_missed", QOE_TOTAL, METRIC_DEADLINE_MISSED, 0},
    {"segments_skipped", QOE_TOTAL, METRIC_SEGMENTS_SKIPPED, 0},
};

/* The row's value, or NULL when the engine cannot tell it. */
static json_t *make_qoe_value(const struct qoe_row *row, const struct shoal_interval *run)
{
    const struct shoal_schema_def *def = &run->schema->def;
    switch (row->kind) {
    case QOE_TOTAL:
        return def->counters[row->number].absent ? NULL
                                                 : integer(shoal_total(run, row->number));
    case QOE_SECONDS:
        return def->counters[row->number].absent
                   ? NULL
                   : json_real(seconds((double)shoal_total(run, row->number)));
    case QOE_DERIVED:
        return def->derived[row->number].absent ? NULL
                                                : json_real(shoal_derived(run, row->number));
    case QOE_QUANTILE:
        break;
    }
    return def->histograms[row->number].absent
               ? NULL
               : make_percentile(run, row->number, row->percent);
}

static json_t *make_qoe(const struct shoal_interval *run)
{
    json_t *qoe = json_object();
    for (size_t i = 0; i < sizeof(qoe_rows) / sizeof(qoe_rows[0]); i++) {
        json_t *value = make_qoe_value(&qoe_rows[i], run);
        if (value != NULL) {
            json_object_set_new(qoe, qoe_rows[i].key, value);
        }
    }
    return qoe;
}

static json_t *make_thresholds(const struct report *report)
{
    json_t *thresholds = json_array();
    for (unsigned i = 0; i < report->threshold_count; i++) {
        const struct report_threshold *row = &report->thresholds[i];
        char value[FORMAT_MAX];
        threshold_format_value(&row->threshold, row->result.value, value, sizeof(value));
        json_array_append_new(thresholds,
                              json_pack("{s:s, s:b, s:f, s:f, s:s, s:s, s:b, s:b}", "threshold",
                                        row->threshold.text, "pass", row->result.pass, "value",
                                        row->result.value, "limit", row->threshold.limit,
                                        "unit", row->threshold.unit, "text", value, "known",
                                        row->result.known, "ended_run", row->ended_run));
    }
    return thresholds;
}

static json_t *make_generator(const struct report *report)
{
    const struct trust_facts *facts = &report->facts;
    json_t *checks = json_array();
    for (int i = 0; i < TRUST_CHECKS; i++) {
        const struct trust_row *row = &report->trust.rows[i];
        json_array_append_new(checks, json_pack("{s:s, s:b, s:s}", "name", row->name, "ok",
                                                row->ok, "text", row->text));
    }
    json_t *facts_json =
        json_pack("{s:f, s:i, s:f, s:o, s:o, s:o}", "worker_busy_s",
                  seconds((double)facts->worker_busy_us), "worker_busy",
                  (int)facts->worker_busy, "stale_cut_s", seconds((double)facts->stale_cut_us),
                  "descriptors_spent", integer(facts->descriptors_spent), "ports_spent",
                  integer(facts->ports_spent), "memory_spent", integer(facts->memory_spent));
    return json_pack(
        "{s:f, s:o, s:o, s:i, s:f, s:b, s:s, s:o, s:o}", "cpu_s",
        seconds((double)report->cost.cpu_us), "max_rss_bytes",
        integer(report->cost.max_rss_bytes), "bytes_per_viewer",
        integer(report->info.bytes_per_viewer), "workers", (int)report->info.workers,
        "timer_delay_p99_s", seconds((double)facts->timer_delay_p99_us), "trusted",
        report->trust.trusted, "why", report->trust.why, "checks", checks, "facts", facts_json);
}

static json_t *make_timeline(const struct report *report)
{
    json_t *timeline = json_array();
    for (size_t i = 0; i < report->row_count; i++) {
        json_t *row = json_object();
        for (unsigned s = 0; s < SERIES_COUNT; s++) {
            json_object_set_new(row, series_name(s), json_util_real(report->rows[i].value[s]));
        }
        json_array_append_new(timeline, row);
    }
    return timeline;
}

static json_t *make_failures(const struct report *report)
{
    json_t *failures = json_array();
    for (size_t i = 0; i < report->failure_count; i++) {
        const struct failure_sample *sample = &report->failures[i];
        json_array_append_new(
            failures,
            json_pack("{s:f, s:i, s:s, s:i, s:o, s:o, s:o, s:i}", "time_s",
                      seconds((double)(sample->at_us - report->info.start_us)), "viewer",
                      (int)sample->viewer, "failure", fail_info(sample->fail)->label, "status",
                      (int)sample->status, "url", json_util_text(sample->url), "address",
                      json_util_text(sample->address), "cache", json_util_text(sample->cache),
                      "age_s", (int)sample->age_s));
    }
    return failures;
}

static json_t *make_variants(const struct report *report)
{
    const struct run_info *info = &report->info;
    const char *const *labels = report->run.schema->def.counters[METRIC_SEGMENTS].values;
    json_t *variants = json_array();
    for (unsigned i = 0; i < info->variant_count; i++) {
        const struct run_variant *variant = &info->variants[i];
        json_array_append_new(
            variants,
            json_pack("{s:o, s:o, s:o, s:o, s:i, s:i}", "label",
                      json_util_text(i < METRIC_VARIANTS_MAX ? labels[i] : NULL), "name",
                      json_util_text(variant->name), "codecs", json_util_text(variant->codecs),
                      "bandwidth_bps", integer(variant->bandwidth_bps), "width",
                      (int)variant->width, "height", (int)variant->height));
    }
    return variants;
}

static json_t *make_run(const struct report *report)
{
    const struct run_info *info = &report->info;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:b, s:o, s:o, s:o, s:o}", "host",
        json_util_text(info->host), "url", json_util_text(info->url), "engine",
        json_util_text(info->engine), "player", json_util_text(info->player), "variant",
        json_util_text(info->variant), "stream", json_util_text(info->stream_kind), "planned_s",
        seconds((double)info->duration_us), "once", info->once, "seed", integer(info->seed),
        "viewers_peak", integer(info->viewers_peak), "viewer_rate_bps",
        integer(info->viewer_rate_bps), "variants", make_variants(report));
}

static json_t *make_report(const struct report *report)
{
    const struct shoal_interval *run = &report->run;
    char when[FORMAT_MAX];
    json_t *root = json_object();
    json_object_set_new(root, "schema", json_string(REPORT_SCHEMA));
    json_object_set_new(root, "shoal", json_util_text(report->info.version));
    json_object_set_new(root, "id", json_util_text(report->info.id));
    if (report->merged > 1) {
        const struct report_loaded *loaded = report->loaded;
        json_object_set(root, "merged_from", loaded->runs);
    }
    json_object_set_new(root, "command", json_util_text(report->info.command));
    json_object_set_new(
        root, "started",
        json_string(format_timestamp(when, sizeof(when), report->info.start_wall_us)));
    json_object_set_new(root, "started_us", json_integer(report->info.start_wall_us));
    json_object_set_new(root, "duration_s", json_real(seconds((double)run->elapsed_us)));
    json_object_set_new(root, "run", make_run(report));
    json_object_set_new(root, "result",
                        json_pack("{s:i, s:b, s:b, s:s}", "status", (int)report->status,
                                  "passed", report->status == REPORT_PASSED, "interrupted",
                                  report->interrupted, "why", report->why));
    json_object_set_new(root, "absent", json_util_absent(run->schema));
    json_object_set_new(root, "counters", make_counters(run));
    json_object_set_new(root, "labels", make_labels(run));
    json_object_set_new(root, "figures", make_figures(run));
    json_object_set_new(root, "histograms", make_histograms(run));
    json_object_set_new(root, "qoe", make_qoe(run));
    json_object_set_new(root, "thresholds", make_thresholds(report));
    json_object_set_new(root, "generator", make_generator(report));
    json_object_set_new(root, "origin", report_origin_to_json(report));
    json_object_set_new(root, "failures_sampled", make_failures(report));
    json_object_set_new(root, "failures_sampling",
                        json_pack("{s:o, s:o}", "sampled", integer(report->tally.sampled),
                                  "not_sampled", integer(report->tally.not_sampled)));
    json_object_set_new(root, "timeline_step_s", json_integer(report->step_s));
    json_object_set_new(root, "timeline", make_timeline(report));
    return root;
}

static int append(const char *bytes, size_t len, void *out)
{
    return buf_append(out, bytes, len);
}

int report_write_json(const struct report *report, struct buf *out)
{
    json_t *root = make_report(report);
    /* 15 digits: all that a double is sure to hold, and none that it is not. */
    int result =
        json_dump_callback(root, append, out, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    json_decref(root);
    return result < 0 ? -1 : buf_append(out, "\n", 1);
}
