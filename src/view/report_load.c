#include "view/report_load.h"

#include "base/fail.h"
#include "stats/metrics.h"
#include "view/report_loaded.h"
#include "view/report_origin.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void report_unload(void *arg)
{
    struct report_loaded *loaded = arg;
    if (loaded == NULL) {
        return;
    }
    json_decref(loaded->root);
    json_decref(loaded->kept);
    json_decref(loaded->runs);
    shoal_schema_free(loaded->schema);
    free(loaded->variants);
    free(loaded->base);
    free(loaded);
}

static double get_number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static uint64_t get_count(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static int64_t get_us(const json_t *object, const char *name)
{
    /* A file may hold any number; no run lasts for 285 years. */
    double us = get_number(object, name) * 1e6;
    return us > -9e15 && us < 9e15 ? (int64_t)(us + 0.5) : 0;
}

/* When the run started; 0 where a file holds what is no time. */
static int64_t get_wall_us(const json_t *root)
{
    json_int_t us = json_integer_value(json_object_get(root, "started_us"));
    return us > 0 && us < 9000000000000000 ? us : 0;
}

/* Text that is printed: "" where there is none. */
static const char *get_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static bool is_listed(const char *const *list, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The servers that any of the counters by server names; returns how many. */
static uint32_t collect_servers(const json_t *root, const char *out[METRIC_SERVERS_MAX])
{
    static const char *const counters[] = {"server_responses", "server_failures",
                                           "server_body_bytes"};
    json_t *labels = json_object_get(root, "labels");
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        json_t *values = json_object_get(json_object_get(labels, counters[i]), "values");
        const char *name;
        json_t *value;
        json_object_foreach(values, name, value)
        {
            if (count < METRIC_SERVERS_MAX && strcmp(name, "other") != 0 &&
                !is_listed(out, count, name)) {
                out[count++] = name;
            }
        }
    }
    return count;
}

static bool names(const json_t *list, const char *name)
{
    size_t at;
    json_t *item;
    json_array_foreach(list, at, item)
    {
        const char *text = json_string_value(item);
        if (text != NULL && strcmp(text, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What the engine of that run could not tell. */
static int load_absent(const json_t *root, struct report_absent *out)
{
    struct shoal_schema *schema;
    const json_t *list = json_object_get(root, "absent");
    if (metrics_schema_new(NULL, 0, NULL, 0, NULL, &schema) != 0) {
        return -1;
    }
    out->list =
        (struct metrics_absent){.counters = out->counters, .histograms = out->histograms};
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        if (names(list, schema->def.counters[i].name)) {
            out->counters[out->list.counter_count++] = (enum metric)i;
        }
    }
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        if (names(list, schema->def.histograms[i].name)) {
            out->histograms[out->list.histogram_count++] = (enum metric_histogram)i;
        }
    }
    shoal_schema_free(schema);
    return 0;
}

static int load_variants(struct report_loaded *loaded, struct report *out)
{
    json_t *run = json_object_get(loaded->root, "run");
    json_t *list = json_object_get(run, "variants");
    size_t count = json_array_size(list);
    count = count < METRIC_VARIANTS_MAX ? count : METRIC_VARIANTS_MAX;
    const char *labels[METRIC_VARIANTS_MAX];
    loaded->variants = calloc(count + 1, sizeof(*loaded->variants));
    if (loaded->variants == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_array_get(list, i);
        labels[i] = get_text(item, "label");
        loaded->variants[i] = (struct run_variant){
            .name = get_text(item, "name"),
            .codecs = json_string_value(json_object_get(item, "codecs")),
            .bandwidth_bps = get_count(item, "bandwidth_bps"),
            .width = (unsigned)get_count(item, "width"),
            .height = (unsigned)get_count(item, "height"),
        };
    }
    out->info.variants = loaded->variants;
    out->info.variant_count = (unsigned)count;
    const char *servers[METRIC_SERVERS_MAX];
    uint32_t server_count = collect_servers(loaded->root, servers);
    if (load_absent(loaded->root, &loaded->absent) != 0) {
        return -1;
    }
    return metrics_schema_new(count > 0 ? labels : NULL, (uint32_t)count, servers, server_count,
                              &loaded->absent.list, &loaded->schema);
}

static void load_counters(struct report_loaded *loaded)
{
    const struct shoal_schema *schema = loaded->schema;
    json_t *counters = json_object_get(loaded->root, "counters");
    json_t *labels = json_object_get(loaded->root, "labels");
    for (uint32_t i = 0; i < schema->def.counter_count; i++) {
        const struct shoal_counter_def *def = &schema->def.counters[i];
        loaded->now[schema->counter[i].total] = get_count(counters, def->name);
        json_t *values = json_object_get(json_object_get(labels, def->name), "values");
        for (uint32_t v = 0; v < def->value_count; v++) {
            if (def->values[v] != NULL) {
                loaded->now[schema->counter[i].labels + v] = get_count(values, def->values[v]);
            }
        }
    }
}

/* Returns -1 when the buckets are not those of this build, or not as many as it says. */
static int load_histogram(struct report_loaded *loaded, uint32_t number, const json_t *item)
{
    const struct shoal_histogram_place *place = &loaded->schema->histogram[number];
    if (item != NULL &&
        get_count(item, "bits") != loaded->schema->def.histograms[number].bits) {
        return -1;
    }
    size_t at;
    json_t *pair;
    uint64_t count = 0;
    loaded->now[place->sum] = get_count(item, "sum_us");
    json_array_foreach(json_object_get(item, "buckets"), at, pair)
    {
        json_int_t bucket = json_integer_value(json_array_get(pair, 0));
        json_int_t records = json_integer_value(json_array_get(pair, 1));
        if (bucket < 0 || bucket >= place->bucket_count || records < 0) {
            return -1;
        }
        loaded->now[place->buckets + (uint32_t)bucket] = (uint64_t)records;
        count += (uint64_t)records;
        if (count > INT64_MAX) {
            return -1;
        }
    }
    return item == NULL || count == get_count(item, "count") ? 0 : -1;
}

static int load_totals(struct report_loaded *loaded, struct report *out)
{
    uint32_t words = loaded->schema->full_words;
    loaded->base = calloc(2 * (size_t)words, sizeof(uint64_t));
    if (loaded->base == NULL) {
        return -1;
    }
    loaded->now = loaded->base + words;
    load_counters(loaded);
    json_t *histograms = json_object_get(loaded->root, "histograms");
    for (uint32_t i = 0; i < loaded->schema->def.histogram_count; i++) {
        const char *name = loaded->schema->def.histograms[i].name;
        if (load_histogram(loaded, i, json_object_get(histograms, name)) < 0) {
            return -1;
        }
    }
    out->run = (struct shoal_interval){
        .schema = loaded->schema,
        .now = loaded->now,
        .base = loaded->base,
        .elapsed_us = get_us(loaded->root, "duration_s"),
        .full = true,
    };
    loaded->now[SHOAL_HEADER_TIME] = (uint64_t)out->run.elapsed_us;
    return 0;
}

static void load_info(const json_t *root, struct run_info *info)
{
    const json_t *run = json_object_get(root, "run");
    info->version = get_text(root, "shoal");
    info->command = get_text(root, "command");
    info->id = get_text(root, "id");
    info->host = get_text(run, "host");
    info->url = get_text(run, "url");
    info->engine = get_text(run, "engine");
    info->player = get_text(run, "player");
    info->variant = get_text(run, "variant");
    info->stream_kind = get_text(run, "stream");
    info->start_wall_us = get_wall_us(root);
    info->duration_us = get_us(run, "planned_s");
    info->once = json_is_true(json_object_get(run, "once"));
    info->seed = get_count(run, "seed");
    info->viewers_peak = (uint32_t)get_count(run, "viewers_peak");
    info->viewer_rate_bps = get_count(run, "viewer_rate_bps");
    const json_t *generator = json_object_get(root, "generator");
    info->bytes_per_viewer = get_count(generator, "bytes_per_viewer");
    info->workers = (unsigned)get_count(generator, "workers");
}

static void load_generator(const json_t *root, struct report *out)
{
    const json_t *generator = json_object_get(root, "generator");
    const json_t *facts = json_object_get(generator, "facts");
    out->cost.cpu_us = get_us(generator, "cpu_s");
    out->cost.max_rss_bytes = get_count(generator, "max_rss_bytes");
    out->facts = (struct trust_facts){
        .timer_delay_p99_us = get_us(generator, "timer_delay_p99_s"),
        .worker_busy_us = get_us(facts, "worker_busy_s"),
        .worker_busy = (unsigned)get_count(facts, "worker_busy"),
        .stale_cut_us = get_us(facts, "stale_cut_s"),
        .descriptors_spent = get_count(facts, "descriptors_spent"),
        .ports_spent = get_count(facts, "ports_spent"),
        .memory_spent = get_count(facts, "memory_spent"),
    };
}

static int load_timeline(const json_t *root, struct report *out)
{
    const json_t *timeline = json_object_get(root, "timeline");
    size_t at;
    json_t *row;
    out->rows = calloc(json_array_size(timeline) + 1, sizeof(*out->rows));
    if (out->rows == NULL) {
        return -1;
    }
    json_array_foreach(timeline, at, row)
    {
        for (unsigned s = 0; s < SERIES_COUNT; s++) {
            json_t *value = json_object_get(row, series_name(s));
            out->rows[at].value[s] =
                json_is_null(value) ? (double)NAN : json_number_value(value);
        }
    }
    out->row_count = json_array_size(timeline);
    out->step_s = (unsigned)get_count(root, "timeline_step_s");
    return 0;
}

static void copy_text(char *dst, size_t size, const char *text)
{
    snprintf(dst, size, "%s", text);
}

static enum fail fail_of(const char *label)
{
    for (unsigned fail = FAIL_NONE + 1; fail < FAIL_COUNT; fail++) {
        if (strcmp(fail_info(fail)->label, label) == 0) {
            return fail;
        }
    }
    return FAIL_NONE;
}

static int load_failures(const json_t *root, struct report *out)
{
    const json_t *list = json_object_get(root, "failures_sampled");
    size_t at;
    json_t *item;
    out->failures = calloc(json_array_size(list) + 1, sizeof(*out->failures));
    if (out->failures == NULL) {
        return -1;
    }
    json_array_foreach(list, at, item)
    {
        struct failure_sample *sample = &out->failures[at];
        sample->at_us = get_us(item, "time_s");
        sample->viewer = (uint32_t)get_count(item, "viewer");
        sample->fail = fail_of(get_text(item, "failure"));
        sample->status = (uint16_t)get_count(item, "status");
        sample->age_s = (int32_t)json_integer_value(json_object_get(item, "age_s"));
        copy_text(sample->address, sizeof(sample->address), get_text(item, "address"));
        copy_text(sample->cache, sizeof(sample->cache), get_text(item, "cache"));
        copy_text(sample->url, sizeof(sample->url), get_text(item, "url"));
    }
    out->failure_count = json_array_size(list);
    const json_t *sampling = json_object_get(root, "failures_sampling");
    out->tally.sampled = get_count(sampling, "sampled");
    out->tally.not_sampled = get_count(sampling, "not_sampled");
    return 0;
}

/* Those that this build no longer understands are left out. */
static void load_thresholds(const json_t *root, struct report *out)
{
    size_t at;
    json_t *item;
    json_array_foreach(json_object_get(root, "thresholds"), at, item)
    {
        struct span text = span_from_string(get_text(item, "threshold"));
        struct threshold threshold;
        if (out->threshold_count < THRESHOLDS_MAX &&
            threshold_parse(out->run.schema, text, &threshold, NULL) == 0) {
            struct report_threshold *row = &out->thresholds[out->threshold_count++];
            row->threshold = threshold;
            row->ended_run = json_is_true(json_object_get(item, "ended_run"));
            row->result.value = row->ended_run ? get_number(item, "value") : 0;
            row->result.known = true;
        }
    }
}

/* The ids of the runs in the report: one, unless it was merged. */
static int load_runs(struct report_loaded *loaded, struct report *out)
{
    const json_t *list = json_object_get(loaded->root, "merged_from");
    size_t at;
    json_t *id;
    loaded->kept = json_array();
    loaded->runs = json_array();
    if (json_is_array(list)) {
        json_array_foreach(list, at, id)
        {
            if (json_is_string(id)) {
                json_array_append(loaded->runs, id);
            }
        }
    } else if (out->info.id[0] != '\0') {
        json_array_append(loaded->runs, json_object_get(loaded->root, "id"));
    }
    size_t runs = json_array_size(loaded->runs);
    out->merged = runs > 1 ? (unsigned)runs : 1;
    return loaded->kept == NULL || loaded->runs == NULL ? -1 : 0;
}

static int load(struct report_loaded *loaded, struct report *out)
{
    out->loaded = loaded;
    load_info(loaded->root, &out->info);
    load_generator(loaded->root, out);
    if (load_runs(loaded, out) < 0 || load_variants(loaded, out) < 0 ||
        load_totals(loaded, out) < 0 || load_timeline(loaded->root, out) < 0 ||
        report_origin_from_json(loaded->root, out) < 0 ||
        load_failures(loaded->root, out) < 0) {
        return -1;
    }
    load_thresholds(loaded->root, out);
    const json_t *result = json_object_get(loaded->root, "result");
    out->interrupted = json_is_true(json_object_get(result, "interrupted"));
    report_judge(out);
    return 0;
}

static const char hint[] = "give a file that --out wrote";

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Reads the JSON of a file, or of standard input. Returns NULL with *err filled. */
static json_t *read_json(const char *path, struct err *err)
{
    json_error_t error;
    struct stat facts;
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL) {
        err_set(err, ERR_START, name_of(path), hint, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    bool known = fstat(fileno(file), &facts) == 0;
    bool folder = known && S_ISDIR(facts.st_mode);
    json_t *root = folder ? NULL : json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (!standard) {
        fclose(file);
    }
    if (folder || (root == NULL && known && S_ISREG(facts.st_mode) && facts.st_size == 0)) {
        err_set(err, ERR_START, name_of(path), hint, folder ? "is a folder" : "is empty");
    } else if (root == NULL) {
        err_set(err, ERR_START, name_of(path), hint, "is not JSON: line %d: %s", error.line,
                error.text);
    }
    return root;
}

int report_load(const char *path, struct report *out, struct err *err)
{
    json_t *root = read_json(path, err);
    if (root == NULL) {
        return -1;
    }
    if (strcmp(get_text(root, "schema"), REPORT_SCHEMA) != 0) {
        json_decref(root);
        return err_set(err, ERR_START, name_of(path), hint,
                       "is not a report of this version of Shoal");
    }
    struct report_loaded *loaded = calloc(1, sizeof(*loaded));
    if (loaded == NULL) {
        json_decref(root);
        return err_set(err, ERR_START, path, NULL, "out of memory");
    }
    loaded->root = root;
    struct report made = {0};
    if (load(loaded, &made) < 0) {
        report_fini(&made);
        return err_set(err, ERR_START, name_of(path), hint,
                       "it is damaged, or its histograms are not those of this build");
    }
    *out = made;
    return 0;
}
