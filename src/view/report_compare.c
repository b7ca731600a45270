#include "view/report_compare.h"

#include "stats/metrics.h"
#include "view/format.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum kind {
    LENGTH,     /* of the run */
    VIEWERS,    /* the most that were planned */
    TOTAL,      /* of a counter */
    RATE,       /* of a counter */
    BITRATE,    /* of a counter of bytes */
    PER_MINUTE, /* of a counter, a minute watched */
    RATIO,      /* a derived figure */
    PERCENTILE, /* of a histogram */
    ORIGIN,     /* mean of an exporter's figure over the run, all exporters together */
};

enum better {
    LESS,
    NEITHER,
    MORE,
    MORE_OF_AS_MANY, /* where both runs had as many viewers; else neither */
};

struct row {
    const char *words;
    enum kind kind;
    uint32_t number; /* of the counter, figure, histogram or series */
    double percent;
    enum better better;
};

/* What grows with the length of a run is told and not judged; what is judged is a rate. */
static const struct row rows[] = {
    {"length", LENGTH, 0, 0, NEITHER},
    {"viewers", VIEWERS, 0, 0, NEITHER},
    {"sessions", TOTAL, METRIC_SESSIONS_STARTED, 0, NEITHER},
    {"segments a second", RATE, METRIC_SEGMENTS, 0, MORE_OF_AS_MANY},
    {"playlists a second", RATE, METRIC_PLAYLISTS, 0, NEITHER},
    {"HTTP requests a second", RATE, METRIC_HTTP_REQUESTS, 0, NEITHER},
    {"TCP connects a second", RATE, METRIC_TCP_CONNECTS, 0, NEITHER},
    {"throughput", BITRATE, METRIC_BODY_BYTES, 0, MORE_OF_AS_MANY},
    {"playlist first byte p50", PERCENTILE, METRIC_PLAYLIST_FIRST_BYTE, 50, LESS},
    {"playlist first byte p99", PERCENTILE, METRIC_PLAYLIST_FIRST_BYTE, 99, LESS},
    {"segment first byte p50", PERCENTILE, METRIC_SEGMENT_FIRST_BYTE, 50, LESS},
    {"segment first byte p99", PERCENTILE, METRIC_SEGMENT_FIRST_BYTE, 99, LESS},
    {"segment download p50", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 50, LESS},
    {"segment download p95", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 95, LESS},
    {"segment download p99", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 99, LESS},
    {"segment download max", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 100, LESS},
    {"startup p50", PERCENTILE, METRIC_STARTUP, 50, LESS},
    {"startup p95", PERCENTILE, METRIC_STARTUP, 95, LESS},
    {"live latency p50", PERCENTILE, METRIC_EDGE_LATENCY, 50, LESS},
    {"buffer left p5", PERCENTILE, METRIC_DEADLINE_SLACK, 5, MORE},
    {"rebuffer ratio", RATIO, METRIC_REBUFFER_RATIO, 0, LESS},
    {"stalls", TOTAL, METRIC_STALLS, 0, NEITHER},
    {"stalls a minute watched", PER_MINUTE, METRIC_STALLS, 0, LESS},
    {"skipped a minute watched", PER_MINUTE, METRIC_SEGMENTS_SKIPPED, 0, LESS},
    {"failures", TOTAL, METRIC_FAILURES, 0, NEITHER},
    {"failures a second", RATE, METRIC_FAILURES, 0, LESS},
    {"requests that fail", RATIO, METRIC_REQUEST_FAILURE_RATIO, 0, LESS},
    {"sessions that fail", RATIO, METRIC_SESSION_FAILURE_RATIO, 0, LESS},
    {"origin, cores", ORIGIN, SERIES_ORIGIN_CPU, 0, LESS},
    {"origin, connections", ORIGIN, SERIES_ORIGIN_CONNECTIONS, 0, NEITHER},
    {"timers late p99", PERCENTILE, METRIC_TIMER_DELAY, 99, NEITHER},
};

/* The mean of a column over the rows that know it. */
static double mean_of(const struct report *report, enum series series)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < report->row_count; i++) {
        double value = report->rows[i].value[series];
        sum += isfinite(value) ? value : 0;
        known += isfinite(value) ? 1 : 0;
    }
    return known > 0 ? sum / (double)known : (double)NAN;
}

static double percentile_of(const struct row *row, const struct shoal_interval *run)
{
    struct shoal_summary summary;
    uint64_t us;
    shoal_summarize(run, row->number, &summary);
    shoal_percentiles(run, row->number, &row->percent, 1, &us);
    return summary.count > 0 ? (double)us : (double)NAN;
}

/* What the engine of that run cannot tell. */
static bool is_absent(const struct row *row, const struct shoal_schema_def *def)
{
    switch (row->kind) {
    case TOTAL:
    case RATE:
    case BITRATE:
    case PER_MINUTE:
        return def->counters[row->number].absent;
    case RATIO:
        return def->derived[row->number].absent;
    case PERCENTILE:
        return def->histograms[row->number].absent;
    case LENGTH:
    case VIEWERS:
    case ORIGIN:
        break;
    }
    return false;
}

/* NAN where it is not known. */
static double value_of(const struct row *row, const struct report *report)
{
    const struct shoal_interval *run = &report->run;
    if (is_absent(row, &run->schema->def)) {
        return (double)NAN;
    }
    double watched_us = (double)shoal_total(run, METRIC_WATCHED_TIME);
    switch (row->kind) {
    case LENGTH:
        return (double)run->elapsed_us;
    case VIEWERS:
        return report->info.viewers_peak;
    case TOTAL:
        return (double)shoal_total(run, row->number);
    case RATE:
    case BITRATE:
        return shoal_rate(run, row->number);
    case PER_MINUTE:
        return watched_us > 0 ? (double)shoal_total(run, row->number) * 60e6 / watched_us
                              : (double)NAN;
    case RATIO:
        return shoal_derived(run, row->number);
    case PERCENTILE:
        return percentile_of(row, run);
    case ORIGIN:
        return mean_of(report, (enum series)row->number);
    }
    return (double)NAN;
}

static const char *show(const struct row *row, double value, char *dst)
{
    if (isnan(value)) {
        return "-";
    }
    switch (row->kind) {
    case TOTAL:
    case VIEWERS:
        return format_count(dst, FORMAT_MAX, (uint64_t)value);
    case RATE:
    case PER_MINUTE:
    case ORIGIN:
        return format_number(dst, FORMAT_MAX, value);
    case BITRATE:
        return format_bitrate(dst, FORMAT_MAX, value);
    case RATIO:
        return format_percent(dst, FORMAT_MAX, value);
    case LENGTH:
    case PERCENTILE:
        return format_duration(dst, FORMAT_MAX, (int64_t)value);
    }
    return "";
}

enum verdict { SAME, DIFFERS, IS_BETTER, IS_WORSE };

static enum verdict judge(enum better better, bool as_many, double a, double b)
{
    double change = b - a;
    if (isnan(change) || change == 0 ||
        fabs(change) * 100 < fabs(a) * REPORT_COMPARE_MARK_PERCENT) {
        return SAME;
    }
    if (better == NEITHER || (better == MORE_OF_AS_MANY && !as_many)) {
        return DIFFERS;
    }
    return (change > 0) == (better != LESS) ? IS_BETTER : IS_WORSE;
}

struct line {
    const char *words, *a, *b, *change;
    enum verdict verdict;
};

/* Appends a line; returns 1 when it is marked as worse, 0, or -1 as buf_append does. */
static int put_line(const struct line *line, bool colour, struct buf *out)
{
    enum verdict verdict = line->verdict;
    static const char *const marks[] = {"", "  differs", "  better", "  WORSE"};
    static const char *const paints[] = {"", "\033[33m", "\033[32m", "\033[31m"};
    const char *paint = colour ? paints[verdict] : "";
    int failed =
        buf_printf(out, "  %-24s %14.14s %14.14s %10s%s%s%s\n", line->words, line->a, line->b,
                   line->change, paint, marks[verdict], paint[0] == '\0' ? "" : "\033[0m");
    return failed < 0 ? -1 : verdict == IS_WORSE ? 1 : 0;
}

static int put_row(const struct row *row, const struct report *a, const struct report *b,
                   bool colour, struct buf *out)
{
    char ta[FORMAT_MAX], tb[FORMAT_MAX], change[24] = "";
    double va = value_of(row, a), vb = value_of(row, b);
    bool as_many = a->info.viewers_peak == b->info.viewers_peak;
    bool untold = is_absent(row, &a->run.schema->def) && is_absent(row, &b->run.schema->def);
    if (untold || (row->kind == ORIGIN && isnan(va) && isnan(vb))) {
        return 0;
    }
    if (va != 0 && !isnan(va + vb)) {
        snprintf(change, sizeof(change), "%+.1f %%", (vb - va) / va * 100);
    } else if (vb != 0 && !isnan(va + vb)) {
        snprintf(change, sizeof(change), "new");
    }
    const struct line line = {row->words, show(row, va, ta), show(row, vb, tb), change,
                              judge(row->better, as_many, va, vb)};
    return put_line(&line, colour, out);
}

/* How the runs were set, where they differ in it, and their results. */
static int put_settings(const struct report *a, const struct report *b, bool colour,
                        struct buf *out)
{
    static const char *const results[] = {"passed", "failed", "not trusted", "interrupted"};
    const char *result[2];
    for (int i = 0; i < 2; i++) {
        enum report_status status = i == 0 ? a->status : b->status;
        result[i] = results[status == REPORT_PASSED      ? 0
                            : status == REPORT_FAILED    ? 1
                            : status == REPORT_UNTRUSTED ? 2
                                                         : 3];
    }
    const struct line settings[] = {
        {"engine", a->info.engine, b->info.engine, "", DIFFERS},
        {"player", a->info.player, b->info.player, "", DIFFERS},
        {"variant", a->info.variant, b->info.variant, "", DIFFERS},
        {"stream", a->info.stream_kind, b->info.stream_kind, "", DIFFERS},
        {"result", result[0], result[1], "", DIFFERS},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && failed == 0; i++) {
        if (strcmp(settings[i].a, settings[i].b) != 0) {
            failed = put_line(&settings[i], colour, out);
        }
    }
    return failed;
}

int report_write_comparison(const struct report *a, const struct report *b, bool colour,
                            struct buf *out)
{
    char when_a[FORMAT_MAX], when_b[FORMAT_MAX];
    int worse = 0;
    if (buf_printf(out, "A  %s  %s\nB  %s  %s\n\n  %-24s %14s %14s %10s\n",
                   format_timestamp(when_a, FORMAT_MAX, a->info.start_wall_us), a->info.url,
                   format_timestamp(when_b, FORMAT_MAX, b->info.start_wall_us), b->info.url, "",
                   "A", "B", "change") < 0 ||
        put_settings(a, b, colour, out) < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int marked = put_row(&rows[i], a, b, colour, out);
        if (marked < 0) {
            return -1;
        }
        worse += marked;
    }
    for (int i = 0; i < 2; i++) {
        const struct report *report = i == 0 ? a : b;
        if (!report->trust.trusted && buf_printf(out, "\n%c is not to be trusted: %s\n",
                                                 'A' + i, report->trust.why) < 0) {
            return -1;
        }
    }
    return worse;
}
