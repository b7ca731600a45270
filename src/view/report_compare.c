#include "view/report_compare.h"

#include "stats/metrics.h"
#include "view/format.h"

#include <math.h>
#include <stdio.h>

enum kind {
    TOTAL,      /* of a counter */
    RATE,       /* of a counter */
    BITRATE,    /* of a counter of bytes */
    RATIO,      /* a derived figure */
    PERCENTILE, /* of a histogram */
};

struct row {
    const char *words;
    enum kind kind;
    uint32_t number;
    double percent;
    int better; /* 1: more is better; -1: less is; 0: neither */
};

static const struct row rows[] = {
    {"sessions", TOTAL, METRIC_SESSIONS_STARTED, 0, 0},
    {"segments a second", RATE, METRIC_SEGMENTS, 0, 1},
    {"playlists a second", RATE, METRIC_PLAYLISTS, 0, 0},
    {"HTTP requests a second", RATE, METRIC_HTTP_REQUESTS, 0, 0},
    {"TCP connects a second", RATE, METRIC_TCP_CONNECTS, 0, 0},
    {"throughput", BITRATE, METRIC_BODY_BYTES, 0, 1},
    {"playlist first byte p50", PERCENTILE, METRIC_PLAYLIST_FIRST_BYTE, 50, -1},
    {"playlist first byte p99", PERCENTILE, METRIC_PLAYLIST_FIRST_BYTE, 99, -1},
    {"segment first byte p50", PERCENTILE, METRIC_SEGMENT_FIRST_BYTE, 50, -1},
    {"segment first byte p99", PERCENTILE, METRIC_SEGMENT_FIRST_BYTE, 99, -1},
    {"segment download p50", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 50, -1},
    {"segment download p95", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 95, -1},
    {"segment download p99", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 99, -1},
    {"segment download max", PERCENTILE, METRIC_SEGMENT_DOWNLOAD, 100, -1},
    {"startup p50", PERCENTILE, METRIC_STARTUP, 50, -1},
    {"startup p95", PERCENTILE, METRIC_STARTUP, 95, -1},
    {"live latency p50", PERCENTILE, METRIC_EDGE_LATENCY, 50, -1},
    {"buffer left p5", PERCENTILE, METRIC_DEADLINE_SLACK, 5, 1},
    {"rebuffer ratio", RATIO, METRIC_REBUFFER_RATIO, 0, -1},
    {"stalls", TOTAL, METRIC_STALLS, 0, -1},
    {"segments skipped", TOTAL, METRIC_SEGMENTS_SKIPPED, 0, -1},
    {"failures", TOTAL, METRIC_FAILURES, 0, -1},
    {"sessions failed", TOTAL, METRIC_SESSIONS_FAILED, 0, -1},
    {"timers late p99", PERCENTILE, METRIC_TIMER_DELAY, 99, 0},
};

static double value_of(const struct row *row, const struct shoal_interval *run)
{
    uint64_t us;
    switch (row->kind) {
    case TOTAL:
        return (double)shoal_total(run, row->number);
    case RATE:
    case BITRATE:
        return shoal_rate(run, row->number);
    case RATIO:
        return shoal_derived(run, row->number);
    case PERCENTILE:
        shoal_percentiles(run, row->number, &row->percent, 1, &us);
        return (double)us;
    }
    return 0;
}

static const char *show(const struct row *row, double value, char *dst)
{
    switch (row->kind) {
    case TOTAL:
        return format_count(dst, FORMAT_MAX, (uint64_t)value);
    case RATE:
        return format_number(dst, FORMAT_MAX, value);
    case BITRATE:
        return format_bitrate(dst, FORMAT_MAX, value);
    case RATIO:
        return format_percent(dst, FORMAT_MAX, value);
    case PERCENTILE:
        return format_duration(dst, FORMAT_MAX, (int64_t)value);
    }
    return "";
}

/* 1: better, -1: worse, 0: about the same, or neither. */
static int judge(const struct row *row, double a, double b)
{
    double change = b - a;
    if (fabs(change) * 100 < fabs(a) * REPORT_COMPARE_MARK_PERCENT || change == 0) {
        return 0;
    }
    return change > 0 ? row->better : -row->better;
}

static int put_row(const struct row *row, const struct report *a, const struct report *b,
                   bool colour, struct buf *out)
{
    char ta[FORMAT_MAX], tb[FORMAT_MAX], change[24] = "";
    double va = value_of(row, &a->run), vb = value_of(row, &b->run);
    int verdict = judge(row, va, vb);
    if (va != 0) {
        snprintf(change, sizeof(change), "%+.1f %%", (vb - va) / va * 100);
    } else if (vb != 0) {
        snprintf(change, sizeof(change), "new");
    }
    const char *paint = !colour || verdict == 0 ? "" : verdict > 0 ? "\033[32m" : "\033[31m";
    const char *words = verdict == 0 ? "" : verdict > 0 ? "better" : "WORSE";
    if (buf_printf(out, "  %-24s %14s %14s %10s%s%s%s%s\n", row->words, show(row, va, ta),
                   show(row, vb, tb), change, words[0] == '\0' ? "" : "  ", paint, words,
                   paint[0] == '\0' ? "" : "\033[0m") < 0) {
        return -1;
    }
    return verdict < 0 ? 1 : 0;
}

int report_write_comparison(const struct report *a, const struct report *b, bool colour,
                            struct buf *out)
{
    char when_a[FORMAT_MAX], when_b[FORMAT_MAX];
    int worse = 0;
    if (buf_printf(out, "A  %s  %s\nB  %s  %s\n\n  %-24s %14s %14s %10s\n",
                   format_timestamp(when_a, FORMAT_MAX, a->info.start_wall_us), a->info.url,
                   format_timestamp(when_b, FORMAT_MAX, b->info.start_wall_us), b->info.url, "",
                   "A", "B", "change") < 0) {
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
