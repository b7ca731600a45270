#include "view/report_merge.h"

#include "stats/metrics.h"
#include "view/report_loaded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct err *err)
{
    return err_set(err, ERR_START, "--merge", NULL, "out of memory");
}

/* A copy of the text that lives as long as the report; NULL without memory. */
static const char *keep(struct report_loaded *loaded, const char *text)
{
    json_t *copy = json_string(text);
    return json_array_append_new(loaded->kept, copy) < 0 ? NULL : json_string_value(copy);
}

static bool same_variants(const struct report *a, const struct report *b)
{
    const struct shoal_counter_def *da = &a->run.schema->def.counters[METRIC_SEGMENTS];
    const struct shoal_counter_def *db = &b->run.schema->def.counters[METRIC_SEGMENTS];
    for (uint32_t i = 0; i < METRIC_VARIANTS_MAX; i++) {
        const char *va = da->values[i], *vb = db->values[i];
        if ((va == NULL) != (vb == NULL) || (va != NULL && strcmp(va, vb) != 0)) {
            return false;
        }
    }
    return true;
}

/* Sums of what one of the runs could not tell would be the other's alone. */
static bool same_absent(const struct report *a, const struct report *b)
{
    const struct shoal_schema_def *da = &a->run.schema->def, *db = &b->run.schema->def;
    bool same = true;
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        same = same && da->counters[i].absent == db->counters[i].absent;
    }
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        same = same && da->histograms[i].absent == db->histograms[i].absent;
    }
    return same;
}

/* A run that is in both, or NULL. */
static const char *find_twin(const struct report_loaded *a, const struct report_loaded *b)
{
    size_t i, j;
    json_t *x, *y;
    json_array_foreach(a->runs, i, x)
    {
        json_array_foreach(b->runs, j, y)
        {
            if (json_equal(x, y)) {
                return json_string_value(x);
            }
        }
    }
    return NULL;
}

/* Rows of one run on the common clock. */
struct track {
    const struct series_row *rows;
    const struct series_origin *origin; /* or NULL */
    size_t count;
    double shift_s, step_s;
};

static struct track track_of(const struct report *report, int64_t start_us)
{
    return (struct track){
        .rows = report->rows,
        .origin = report->origin_rows,
        .count = report->row_count,
        .shift_s = (double)(report->info.start_wall_us - start_us) / 1e6,
        .step_s = report->step_s > 0 ? report->step_s : 1,
    };
}

static double end_of(const struct track *track, size_t i)
{
    return track->rows[i].value[SERIES_TIME] + track->shift_s;
}

/* Where the row begins; a thinned one speaks for the rows that went. */
static double begin_of(const struct track *track, size_t i)
{
    double end = end_of(track, i), begin = end - track->rows[i].value[SERIES_INTERVAL];
    double before = i > 0 ? end_of(track, i - 1) : -1e18;
    return before < end && end - before < 1.5 * track->step_s ? before : begin;
}

/* A merged row, while the rows are not in order yet. */
struct joined {
    struct series_row row;
    struct series_origin origin;
};

struct joiner {
    struct track a, b;
    const unsigned *places; /* where each exporter of b stands in the merged report */
    unsigned exporters;     /* of b */
    size_t from;            /* rows of b before this one are over */
    struct joined *out;
    size_t count;
};

enum { LEAST_PART_MS = 1 };

static void forget_origin(struct series_origin *origin)
{
    for (int i = 0; i < ORIGIN_SOURCES_MAX * ORIGIN_FIGURES; i++) {
        origin->value[i / ORIGIN_FIGURES][i % ORIGIN_FIGURES] = (double)NAN;
    }
}

static void lay_origin(const struct joiner *join, size_t row, struct series_origin *into)
{
    for (unsigned i = 0; i < join->exporters && join->b.origin != NULL; i++) {
        for (int f = 0; f < ORIGIN_FIGURES && join->places[i] < ORIGIN_SOURCES_MAX; f++) {
            double *value = &into->value[join->places[i]][f];
            *value = isnan(*value) ? join->b.origin[row].value[i][f] : *value;
        }
    }
}

/* Lays what b did in a's row `i` over it. */
static void join_row(struct joiner *join, size_t i)
{
    struct joined *joined = &join->out[join->count++];
    double begin = begin_of(&join->a, i), end = end_of(&join->a, i), most = 0;
    size_t nearest = 0;
    joined->row = join->a.rows[i];
    joined->row.value[SERIES_TIME] = end;
    if (join->a.origin != NULL) {
        joined->origin = join->a.origin[i];
    } else {
        forget_origin(&joined->origin);
    }
    while (join->from < join->b.count && end_of(&join->b, join->from) <= begin) {
        join->from++;
    }
    for (size_t j = join->from; j < join->b.count && begin_of(&join->b, j) < end; j++) {
        double common = fmin(end, end_of(&join->b, j)) - fmax(begin, begin_of(&join->b, j));
        if (common > 0) {
            series_add_rates(&joined->row, &join->b.rows[j], common / (end - begin));
            nearest = common > most ? j : nearest;
            most = fmax(common, most);
        }
    }
    if (most > 0) {
        series_add_figures(&joined->row, &join->b.rows[nearest]);
        lay_origin(join, nearest, &joined->origin);
    }
}

/* A part of b's row for which a has none. */
static void put_part(struct joiner *join, size_t row, double begin, double end)
{
    if ((end - begin) * 1000 < LEAST_PART_MS) {
        return;
    }
    struct joined *joined = &join->out[join->count++];
    joined->row = join->b.rows[row];
    joined->row.value[SERIES_TIME] = end;
    joined->row.value[SERIES_INTERVAL] =
        fmin(end - begin, join->b.rows[row].value[SERIES_INTERVAL]);
    forget_origin(&joined->origin);
    lay_origin(join, row, &joined->origin);
}

/* What b did while a has no rows: at most a part before each row of a, and one after them. */
static void put_rest(struct joiner *join)
{
    size_t i = 0;
    for (size_t j = 0; j < join->b.count; j++) {
        double at = begin_of(&join->b, j), end = end_of(&join->b, j);
        while (i < join->a.count && end_of(&join->a, i) <= at) {
            i++;
        }
        for (size_t k = i; k < join->a.count && begin_of(&join->a, k) < end; k++) {
            put_part(join, j, at, begin_of(&join->a, k));
            at = end_of(&join->a, k);
        }
        put_part(join, j, at, end);
    }
}

static int by_time(const void *a, const void *b)
{
    double x = ((const struct joined *)a)->row.value[SERIES_TIME];
    double y = ((const struct joined *)b)->row.value[SERIES_TIME];
    return x < y ? -1 : x > y;
}

/* Puts the rows in the place of into's. */
static int take_rows(struct report *into, struct joiner *join)
{
    struct series_row *rows = calloc(join->count + 1, sizeof(*rows));
    struct series_origin *origin = calloc(join->count + 1, sizeof(*origin));
    if (rows == NULL || origin == NULL) {
        free(rows);
        free(origin);
        return -1;
    }
    qsort(join->out, join->count, sizeof(*join->out), by_time);
    for (size_t i = 0; i < join->count; i++) {
        rows[i] = join->out[i].row;
        origin[i] = join->out[i].origin;
    }
    free(into->rows);
    free(into->origin_rows);
    into->rows = rows;
    into->origin_rows = origin;
    into->row_count = join->count;
    return 0;
}

static int merge_rows(struct report *into, const struct report *other, int64_t start_us,
                      const unsigned places[ORIGIN_SOURCES_MAX])
{
    struct joiner join = {
        .a = track_of(into, start_us),
        .b = track_of(other, start_us),
        .places = places,
        .exporters = other->origin_count,
    };
    join.out = calloc(2 * (join.a.count + join.b.count) + 2, sizeof(*join.out));
    if (join.out == NULL) {
        return -1;
    }
    for (size_t i = 0; i < join.a.count; i++) {
        join_row(&join, i);
    }
    put_rest(&join);
    int failed = take_rows(into, &join);
    free(join.out);
    return failed;
}

/* Adds the other's exporters to the list, those asked by both once, and tells their places. */
static int merge_exporters(struct report *into, const struct report *other,
                           unsigned places[ORIGIN_SOURCES_MAX])
{
    for (unsigned i = 0; i < other->origin_count; i++) {
        const struct origin_figures *exporter = &other->origin[i];
        unsigned place = 0;
        while (place < into->origin_count &&
               strcmp(into->origin[place].url, exporter->url) != 0) {
            place++;
        }
        places[i] = place;
        if (place < into->origin_count) {
            into->origin[place].asked += exporter->asked;
            into->origin[place].failed += exporter->failed;
        } else if (place < ORIGIN_SOURCES_MAX) {
            const char *url = keep(into->loaded, exporter->url);
            if (url == NULL) {
                return -1;
            }
            into->origin[place] = *exporter;
            into->origin[place].url = url;
            into->origin_count++;
        }
    }
    return 0;
}

/* Both lists, newest first, on the new clock. */
static int merge_failures(struct report *into, const struct report *other, int64_t start_us)
{
    int64_t shift_a = into->info.start_wall_us - start_us;
    int64_t shift_b = other->info.start_wall_us - start_us;
    size_t a = 0, b = 0, count = into->failure_count + other->failure_count;
    struct failure_sample *all = calloc(count + 1, sizeof(*all));
    if (all == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        bool first = b == other->failure_count ||
                     (a < into->failure_count &&
                      into->failures[a].at_us + shift_a >= other->failures[b].at_us + shift_b);
        all[i] = first ? into->failures[a++] : other->failures[b++];
        all[i].at_us += first ? shift_a : shift_b;
    }
    free(into->failures);
    into->failures = all;
    into->failure_count = count;
    into->tally.sampled += other->tally.sampled;
    into->tally.not_sampled += other->tally.not_sampled;
    return 0;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int merge_info(struct report *into, const struct report *other)
{
    struct report_loaded *loaded = into->loaded;
    char hosts[256];
    snprintf(hosts, sizeof(hosts), "%s, %s", into->info.host, other->info.host);
    const char *host = keep(loaded, hosts);
    struct report_loaded *theirs = other->loaded;
    if (host == NULL || json_array_extend(loaded->runs, theirs->runs) < 0) {
        return -1;
    }
    into->info.host = host;
    into->merged += other->merged;
    into->info.workers += other->info.workers;
    into->info.viewers_peak += other->info.viewers_peak;
    into->info.duration_us = greater(into->info.duration_us, other->info.duration_us);
    return 0;
}

static void merge_generators(struct report *into, const struct report *other)
{
    struct trust_facts *a = &into->facts;
    const struct trust_facts *b = &other->facts;
    a->timer_delay_p99_us = greater(a->timer_delay_p99_us, b->timer_delay_p99_us);
    a->worker_busy = b->worker_busy_us > a->worker_busy_us ? b->worker_busy : a->worker_busy;
    a->worker_busy_us = greater(a->worker_busy_us, b->worker_busy_us);
    a->stale_cut_us = greater(a->stale_cut_us, b->stale_cut_us);
    a->descriptors_spent += b->descriptors_spent;
    a->ports_spent += b->ports_spent;
    a->memory_spent += b->memory_spent;
    into->cost.cpu_us += other->cost.cpu_us;
    into->cost.max_rss_bytes += other->cost.max_rss_bytes;
}

/* The value of that name, or else the last, which stands for all others. */
static uint32_t value_of(const struct shoal_counter_def *def, const char *name)
{
    for (uint32_t i = 0; i < def->value_count; i++) {
        if (def->values[i] != NULL && strcmp(def->values[i], name) == 0) {
            return i;
        }
    }
    return def->value_count - 1;
}

/* Makes room in the schema for servers that only the other machine met: the words stay where
 * they are, only unused ones get a name. */
static int widen_servers(struct report *into, const struct report *other)
{
    struct report_loaded *loaded = into->loaded;
    const struct shoal_counter_def *mine =
        &into->run.schema->def.counters[METRIC_SERVER_RESPONSES];
    const struct shoal_counter_def *theirs =
        &other->run.schema->def.counters[METRIC_SERVER_RESPONSES];
    const char *names[METRIC_SERVERS_MAX];
    uint32_t count = 0;
    while (count < METRIC_SERVERS_MAX && mine->values[count] != NULL) {
        names[count] = mine->values[count];
        count++;
    }
    uint32_t before = count;
    for (uint32_t i = 0; i < METRIC_SERVERS_MAX && count < METRIC_SERVERS_MAX; i++) {
        const char *name = theirs->values[i];
        if (name != NULL && value_of(mine, name) == METRIC_SERVER_OTHER) {
            names[count++] = name;
        }
    }
    if (count == before) {
        return 0;
    }
    uint32_t variants = 0;
    const char *const *labels = into->run.schema->def.counters[METRIC_SEGMENTS].values;
    while (variants < METRIC_VARIANTS_MAX && labels[variants] != NULL) {
        variants++;
    }
    struct shoal_schema *wider;
    if (metrics_schema_new(labels, variants, names, count, &loaded->absent.list, &wider) != 0) {
        return -1;
    }
    shoal_schema_free(loaded->schema);
    loaded->schema = wider;
    into->run.schema = wider;
    return 0;
}

/* Label values are matched by their names: each machine numbers its servers by itself. */
static void merge_totals(struct report_loaded *into, const struct report *other)
{
    const struct shoal_schema *schema = into->schema;
    for (uint32_t i = 0; i < schema->def.counter_count; i++) {
        const struct shoal_counter_def *from = &other->run.schema->def.counters[i];
        into->now[schema->counter[i].total] += shoal_total(&other->run, i);
        for (uint32_t v = 0; v < from->value_count; v++) {
            uint64_t total = shoal_total_at(&other->run, i, v);
            if (from->values[v] != NULL && total > 0) {
                uint32_t place = value_of(&schema->def.counters[i], from->values[v]);
                into->now[schema->counter[i].labels + place] += total;
            }
        }
    }
    for (uint32_t i = schema->counter_words; i < schema->full_words; i++) {
        into->now[i] += other->run.now[i];
    }
}

int report_merge(struct report *into, const struct report *other, struct err *err)
{
    const char *twin = find_twin(into->loaded, other->loaded);
    if (twin != NULL) {
        return err_set(err, ERR_USAGE, "--merge", "give each file once",
                       "the run %.64s is there twice", twin);
    }
    if (!same_variants(into, other)) {
        return err_set(err, ERR_USAGE, "--merge", "merge runs of one stream",
                       "the runs played different variants");
    }
    if (!same_absent(into, other)) {
        return err_set(err, ERR_USAGE, "--merge", "merge runs of one engine",
                       "the engines of the runs tell different figures");
    }
    int64_t a_us = into->info.start_wall_us, b_us = other->info.start_wall_us;
    int64_t start_us = a_us < b_us ? a_us : b_us;
    int64_t end_us = greater(a_us + into->run.elapsed_us, b_us + other->run.elapsed_us);
    unsigned places[ORIGIN_SOURCES_MAX];
    if (merge_exporters(into, other, places) < 0 ||
        merge_rows(into, other, start_us, places) < 0 ||
        merge_failures(into, other, start_us) < 0 || merge_info(into, other) < 0 ||
        widen_servers(into, other) < 0) {
        return no_memory(err);
    }
    merge_totals(into->loaded, other);
    merge_generators(into, other);
    into->info.start_wall_us = start_us;
    into->run.elapsed_us = end_us - start_us;
    into->interrupted = into->interrupted || other->interrupted;
    report_judge(into);
    return 0;
}
