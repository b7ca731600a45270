#include "view/metrics_text.h"

#include "stats/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where histograms are cut, near these; in µs. */
static const uint64_t bounds_us[] = {250,     500,     1000,     2500,     5000,    10000,
                                     25000,   50000,   100000,   250000,   500000,  1000000,
                                     2500000, 5000000, 10000000, 30000000, 60000000};

struct writer {
    struct buf *out;
    bool open;        /* OpenMetrics */
    unsigned workers; /* of the run */
    unsigned viewers; /* told one by one */
    int failed;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    writer->failed |= buf_vprintf(writer->out, format, args) < 0;
    va_end(args);
}

/* A family as it is called in HELP and TYPE: in OpenMetrics without the suffix of its sample.
 */
static void put_head(struct writer *writer, const char *name, const char *suffix,
                     const char *type, const char *help)
{
    static const char *const units[] = {"seconds", "bytes"};
    const char *shown = writer->open ? "" : suffix;
    put(writer, "# HELP %s%s %s.\n# TYPE %s%s %s\n", name, shown, help, name, shown, type);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && writer->open; i++) {
        size_t len = strlen(name), unit = strlen(units[i]);
        if (len > unit && name[len - unit - 1] == '_' &&
            strcmp(name + len - unit, units[i]) == 0) {
            put(writer, "# UNIT %s %s\n", name, units[i]);
        }
    }
}

static void put_label_value(struct writer *writer, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"') {
            put(writer, "\\%c", *at);
        } else if (*at == '\n') {
            put(writer, "\\n");
        } else {
            put(writer, "%c", *at);
        }
    }
}

/* "shoal_stall_time" and 1e-6 for stall_time_us: exported times are in seconds. */
static double exported_name(const char *name, const char *unit, char *dst, size_t size)
{
    bool time = strcmp(unit, "us") == 0;
    size_t len = strlen(name);
    if (time && len > 3 && strcmp(name + len - 3, "_us") == 0) {
        len -= 3;
    }
    snprintf(dst, size, "shoal_%.*s%s", (int)len, name, time ? "_seconds" : "");
    return time ? 1e-6 : 1;
}

static void put_number(struct writer *writer, uint64_t count, double scale)
{
    if (scale == 1) {
        put(writer, " %" PRIu64 "\n", count);
    } else {
        put(writer, " %.6f\n", (double)count * scale);
    }
}

/* Whether a value that nothing was counted under is told: rate() and alerts need the zeros from
 * which a series rises, but not of every status there is. */
static bool is_told_at_zero(const struct writer *writer, const char *label, uint32_t value,
                            const char *name)
{
    return strcmp(label, "status") != 0 && strcmp(name, "other") != 0 &&
           (strcmp(label, "worker") != 0 || value < writer->workers) &&
           (strcmp(label, "viewer") != 0 || value < writer->viewers);
}

static void put_labelled(struct writer *writer, const struct shoal_interval *run,
                         uint32_t counter, const char *name, double scale)
{
    const struct shoal_counter_def *def = &run->schema->def.counters[counter];
    uint64_t rest = shoal_total(run, counter);
    for (uint32_t i = 0; i < def->value_count; i++) {
        uint64_t total = shoal_total_at(run, counter, i);
        rest -= total;
        if (def->values[i] == NULL ||
            (total == 0 && !is_told_at_zero(writer, def->label, i, def->values[i]))) {
            continue;
        }
        put(writer, "%s_total{%s=\"", name, def->label);
        put_label_value(writer, def->values[i]);
        put(writer, "\"}");
        put_number(writer, total, scale);
    }
    if (rest > 0) {
        put(writer, "%s_total{%s=\"none\"}", name, def->label);
        put_number(writer, rest, scale);
    }
}

static void put_counters(struct writer *writer, const struct shoal_interval *run)
{
    for (uint32_t i = 0; i < run->schema->def.counter_count; i++) {
        const struct shoal_counter_def *def = &run->schema->def.counters[i];
        char name[96];
        double scale = exported_name(def->name, def->unit, name, sizeof(name));
        if (def->absent || (metrics_is_by_viewer(def) && writer->viewers == 0)) {
            continue;
        }
        put_head(writer, name, "_total", "counter", def->help);
        if (def->label != NULL) {
            put_labelled(writer, run, i, name, scale);
        } else {
            put(writer, "%s_total", name);
            put_number(writer, shoal_total(run, i), scale);
        }
    }
}

static void put_histogram(struct writer *writer, const struct shoal_interval *run,
                          uint32_t number)
{
    const struct shoal_histogram_def *def = &run->schema->def.histograms[number];
    struct shoal_summary summary;
    char name[96];
    exported_name(def->name, def->unit, name, sizeof(name));
    shoal_summarize(run, number, &summary);
    put_head(writer, name, "", "histogram", def->help);
    for (size_t i = 0; i < sizeof(bounds_us) / sizeof(bounds_us[0]); i++) {
        uint64_t bound = shoal_bound_near(run->schema, number, bounds_us[i]);
        put(writer, "%s_bucket{le=\"%.6f\"} %" PRIu64 "\n", name, (double)bound / 1e6,
            shoal_count_at_most(run, number, bound));
    }
    put(writer, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, summary.count);
    put(writer, "%s_sum %.6f\n", name, (double)summary.sum / 1e6);
    put(writer, "%s_count %" PRIu64 "\n", name, summary.count);
}

static void put_derived(struct writer *writer, const struct shoal_interval *run)
{
    for (uint32_t i = 0; i < run->schema->def.derived_count; i++) {
        const struct shoal_derived_def *def = &run->schema->def.derived[i];
        char name[96];
        double scale = exported_name(def->name, def->unit, name, sizeof(name));
        if (def->absent) {
            continue;
        }
        put_head(writer, name, "", "gauge", def->help);
        put(writer, "%s %.10g\n", name, shoal_derived(run, i) * scale);
    }
}

static void put_gauge(struct writer *writer, const char *name, const char *help, double value)
{
    put_head(writer, name, "", "gauge", help);
    put(writer, "%s %.10g\n", name, value);
}

static void put_build(struct writer *writer, const struct run_info *info)
{
    put_head(writer, "shoal_build", "_info", writer->open ? "info" : "gauge",
             "What runs, as labels");
    put(writer, "shoal_build_info{version=\"");
    put_label_value(writer, info->version);
    put(writer, "\",engine=\"");
    put_label_value(writer, info->engine);
    put(writer, "\",player=\"");
    put_label_value(writer, info->player);
    put(writer, "\"} 1\n");
}

static void put_process(struct writer *writer, const struct frame *frame)
{
    const struct shoal_interval *run = frame_counters(frame, FRAME_RUN);
    const struct own_cost *cost = &frame->state.cost;
    struct trust_verdict trust;
    trust_judge(&frame->state.facts, &trust);
    put_build(writer, frame->info);
    put_gauge(writer, "shoal_run_start_time_seconds", "Time 0 of the plan since 1970",
              (double)frame->info->start_wall_us / 1e6);
    put_gauge(writer, "shoal_run_phase", "0 starting, 1 running, 2 ending, 3 over",
              (double)frame->phase);
    put_gauge(writer, "shoal_trusted",
              "1 while the generator keeps up, so figures can be trusted",
              trust.trusted ? 1 : 0);
    put_gauge(writer, "shoal_generator_limited", "1 while the generator is at its limits now",
              frame->state.bottleneck ? 1 : 0);
    put_gauge(writer, "shoal_stale_lanes", "Worker threads whose newest cut is overdue",
              (double)run->now[SHOAL_HEADER_STALE_LANES]);
    put_gauge(writer, "process_resident_memory_bytes", "Resident memory",
              (double)cost->rss_bytes);
    put_gauge(writer, "process_max_fds", "Limit of file descriptors",
              (double)frame->info->descriptor_limit);
    put_head(writer, "process_cpu_seconds", "_total", "counter",
             "CPU time of all threads of this process");
    put(writer, "process_cpu_seconds_total %.6f\n", (double)cost->cpu_us / 1e6);
}

/* The quality that an Accept header gives to a media type, or -1 when it does not name it. */
static double accepted_quality(const char *accept, const char *type)
{
    double best = -1;
    size_t len = strlen(type);
    for (const char *at = accept; (at = strstr(at, type)) != NULL; at += len) {
        const char *end = at + strcspn(at, ",");
        const char *q = strstr(at, "q=");
        double quality = q != NULL && q < end ? strtod(q + 2, NULL) : 1;
        best = quality > best ? quality : best;
    }
    return best;
}

enum metrics_format metrics_format_accepted(const char *accept)
{
    if (accept == NULL) {
        return METRICS_PROMETHEUS;
    }
    double open = accepted_quality(accept, "application/openmetrics-text");
    double plain = accepted_quality(accept, "text/plain");
    return open > 0 && open >= plain ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}

const char *metrics_format_content_type(enum metrics_format format)
{
    return format == METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

int metrics_text_write(const struct frame *frame, enum metrics_format format, struct buf *out)
{
    struct writer writer = {
        .out = out,
        .open = format == METRICS_OPENMETRICS,
        .workers = frame->info->workers,
        .viewers = frame->info->viewers_told,
    };
    put_counters(&writer, frame_counters(frame, FRAME_RUN));
    const struct shoal_interval *full = frame_full(frame, FRAME_RUN);
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        if (!full->schema->def.histograms[i].absent) {
            put_histogram(&writer, full, i);
        }
    }
    put_derived(&writer, frame_counters(frame, FRAME_RUN));
    put_process(&writer, frame);
    if (writer.open) {
        put(&writer, "# EOF\n");
    }
    return writer.failed ? -1 : 0;
}
