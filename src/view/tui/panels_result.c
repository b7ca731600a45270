/* Panels of what the viewers get: times, quality, failures, thresholds. */
#include "base/fail.h"
#include "stats/metrics.h"
#include "view/format.h"
#include "view/tui/panel_list.h"
#include "view/tui/plot.h"

#include <stdio.h>
#include <string.h>

struct time_row {
    const char *name;
    uint32_t histogram;
    bool always;        /* shown before anything was recorded */
    enum series series; /* its history, or SERIES_COUNT */
};

static const struct time_row time_rows[] = {
    {"playlist", METRIC_PLAYLIST_FIRST_BYTE, true, SERIES_PLAYLIST_P95},
    {"first byte", METRIC_SEGMENT_FIRST_BYTE, true, SERIES_FIRST_BYTE_P95},
    {"segment", METRIC_SEGMENT_DOWNLOAD, true, SERIES_DOWNLOAD_P95},
    {"startup", METRIC_STARTUP, true, SERIES_STARTUP_P95},
    {"stall", METRIC_STALL, false, SERIES_COUNT},
    {"live latency", METRIC_EDGE_LATENCY, false, SERIES_EDGE_P95},
    {"buffer left", METRIC_DEADLINE_SLACK, false, SERIES_SLACK_P50},
    {"connect", METRIC_TCP_CONNECT, false, SERIES_COUNT},
    {"TLS", METRIC_TLS_HANDSHAKE, false, SERIES_COUNT},
    {"DNS", METRIC_DNS, false, SERIES_COUNT},
};

enum { TIME_ROWS = sizeof(time_rows) / sizeof(time_rows[0]) };

static bool has_records(const struct model *m, const struct time_row *row)
{
    const struct shoal_interval *full = frame_full(&m->frame, FRAME_RUN);
    struct shoal_summary summary;
    if (full->schema->def.histograms[row->histogram].absent) {
        return false;
    }
    if (row->always) {
        return true;
    }
    shoal_summarize(full, row->histogram, &summary);
    return summary.count > 0;
}

int panel_times_wanted(const struct model *m)
{
    int rows = 1;
    for (int i = 0; i < TIME_ROWS; i++) {
        rows += has_records(m, &time_rows[i]) ? 1 : 0;
    }
    return rows;
}

enum { TIME_NAME = 13, TIME_COLUMN = 9, TIME_END = TIME_NAME + 5 * TIME_COLUMN };

static void draw_time_row(const struct model *m, const struct area *area, int y,
                          const struct time_row *row)
{
    static const double percents[] = {50, 90, 95, 99};
    const struct shoal_interval *full = frame_full(&m->frame, m->window);
    struct shoal_summary summary;
    uint64_t us[4];
    char text[FORMAT_MAX];
    shoal_summarize(full, row->histogram, &summary);
    shoal_percentiles(full, row->histogram, percents, 4, us);
    area_text(area, y, 1, STYLE_DIM, row->name);
    for (int i = 0; i < 5; i++) {
        uint64_t value = i < 4 ? us[i] : summary.max;
        enum style style = i == 2 ? STYLE_BOLD : STYLE_PLAIN;
        area_text_right(area, y, TIME_NAME + (i + 1) * TIME_COLUMN, style,
                        summary.count == 0 ? "-"
                                           : format_duration(text, FORMAT_MAX, (int64_t)value));
    }
    if (row->series != SERIES_COUNT) {
        const double *values = timeline_column(&m->timeline, row->series);
        int count = m->timeline.count;
        struct area line = area_part(area, TIME_END + 2, y, area->width - TIME_END - 3, 1);
        plot_line(&line, values, count, model_top(values, count));
    }
}

void panel_times_draw(const struct model *m, const struct area *area, enum style title)
{
    static const char *const heads[] = {" p50 ", " p90 ", " p95 ", " p99 ", " max "};
    char words[40];
    snprintf(words, sizeof(words), "Times %s", frame_window_names[m->window]);
    area_title(area, title, words);
    for (int i = 0; i < 5; i++) {
        area_text_right(area, 0, TIME_NAME + (i + 1) * TIME_COLUMN + 1, STYLE_DIM, heads[i]);
    }
    int y = 1;
    for (int i = 0; i < TIME_ROWS && y < area->height; i++) {
        if (has_records(m, &time_rows[i])) {
            draw_time_row(m, area, y++, &time_rows[i]);
        }
    }
}

int panel_quality_wanted(const struct model *m)
{
    (void)m;
    return 4;
}

/* " words VALUE" and returns the column after it. */
static int put_figure(const struct area *area, int y, int x, const char *words,
                      enum style style, const char *value)
{
    x = area_text(area, y, x, STYLE_DIM, words);
    x = area_text(area, y, x + 1, style, value);
    return x + 3;
}

struct quantile {
    const char *words;
    uint32_t histogram;
    double percent;
};

static int put_quantile(const struct model *m, const struct area *area, int y, int x,
                        const struct quantile *quantile)
{
    const struct shoal_interval *full = frame_full(&m->frame, m->window);
    struct shoal_summary summary;
    char text[FORMAT_MAX] = "-";
    uint64_t us;
    if (full->schema->def.histograms[quantile->histogram].absent) {
        return x;
    }
    shoal_summarize(full, quantile->histogram, &summary);
    shoal_percentiles(full, quantile->histogram, &quantile->percent, 1, &us);
    if (summary.count > 0) {
        format_duration(text, FORMAT_MAX, (int64_t)us);
    }
    return put_figure(area, y, x, quantile->words, STYLE_PLAIN, text);
}

/* What the run has seen so far, whatever the window. */
static void draw_totals(const struct model *m, const struct area *area)
{
    static const struct {
        uint32_t counter;
        const char *words;
    } totals[] = {{METRIC_STALLS, "stalls"},
                  {METRIC_DEADLINE_MISSED, "late"},
                  {METRIC_SEGMENTS_SKIPPED, "skipped"},
                  {METRIC_VARIANT_SWITCHES, "switches"}};
    const struct shoal_interval *run = frame_counters(&m->frame, FRAME_RUN);
    char text[FORMAT_MAX];
    int x = area_text(area, 3, 1, STYLE_DIM, "in all ");
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        if (run->schema->def.counters[totals[i].counter].absent) {
            continue; /* the engine cannot tell */
        }
        uint64_t total = shoal_total(run, totals[i].counter);
        x = area_text(area, 3, x, STYLE_PLAIN, format_count(text, FORMAT_MAX, total)) + 1;
        x = area_text(area, 3, x, STYLE_DIM, totals[i].words) + 2;
    }
    uint64_t hits = shoal_total(run, METRIC_CACHE_HITS);
    if (hits + shoal_total(run, METRIC_CACHE_MISSES) > 0) {
        double ratio =
            shoal_derived(frame_counters(&m->frame, m->window), METRIC_CACHE_HIT_RATIO);
        put_figure(area, 3, x, "cache hits", STYLE_PLAIN,
                   format_percent(text, FORMAT_MAX, ratio));
    }
}

void panel_quality_draw(const struct model *m, const struct area *area, enum style title)
{
    static const struct quantile startup = {"startup p95", METRIC_STARTUP, 95};
    static const struct quantile latency = {"live latency p50", METRIC_EDGE_LATENCY, 50};
    static const struct quantile slack = {"buffer left p5", METRIC_DEADLINE_SLACK, 5};
    enum { SLACK_WIDTH = 23 };
    const struct shoal_interval *window = frame_counters(&m->frame, m->window);
    double rebuffer = shoal_derived(window, METRIC_REBUFFER_RATIO);
    double stalls = shoal_rate(window, METRIC_STALLS) * 60;
    double switches = shoal_rate(window, METRIC_VARIANT_SWITCHES) * 60;
    char text[FORMAT_MAX], words[40];
    snprintf(words, sizeof(words), "Quality %s", frame_window_names[m->window]);
    area_title(area, title, words);
    int x = put_figure(area, 1, 1, "rebuffer", rebuffer > 0 ? STYLE_BAD : STYLE_GOOD,
                       format_percent(text, FORMAT_MAX, rebuffer));
    x = put_figure(area, 1, x, "stalls/min", stalls > 0 ? STYLE_BAD : STYLE_GOOD,
                   format_number(text, FORMAT_MAX, stalls));
    if (!window->schema->def.counters[METRIC_VARIANT_SWITCHES].absent) {
        put_figure(area, 1, x, "switches/min", STYLE_PLAIN,
                   format_number(text, FORMAT_MAX, switches));
    }
    x = put_quantile(m, area, 2, 1, &startup);
    x = put_quantile(m, area, 2, x, &latency);
    if (x + SLACK_WIDTH <= area->width) {
        put_quantile(m, area, 2, x, &slack);
    }
    draw_totals(m, area);
}

struct failure_row {
    char words[56];
    uint64_t total;
    double rate;
};

enum { FAILURE_ROWS_MAX = 64 };

static bool goes_before(const struct failure_row *a, const struct failure_row *b,
                        enum model_sort sort)
{
    switch (sort) {
    case MODEL_SORT_RATE:
        return a->rate > b->rate;
    case MODEL_SORT_NAME:
        return strcmp(a->words, b->words) < 0;
    default:
        return a->total > b->total;
    }
}

static void insert_row(struct failure_row *rows, int *count, const struct failure_row *row,
                       enum model_sort sort)
{
    if (*count == FAILURE_ROWS_MAX) {
        return;
    }
    int at = (*count)++;
    while (at > 0 && goes_before(row, &rows[at - 1], sort)) {
        rows[at] = rows[at - 1];
        at--;
    }
    rows[at] = *row;
}

/* Failures and HTTP statuses from 400 on that were seen, in the model's order. */
static int list_failures(const struct model *m, struct failure_row *rows)
{
    const struct shoal_interval *recent = frame_counters(&m->frame, FRAME_10S);
    const struct shoal_counter_def *def = &recent->schema->def.counters[METRIC_HTTP_RESPONSES];
    int count = 0;
    for (unsigned fail = FAIL_NONE + 1; fail < FAIL_COUNT; fail++) {
        struct failure_row row = {.total = shoal_total_at(recent, METRIC_FAILURES, fail)};
        if (row.total > 0) {
            snprintf(row.words, sizeof(row.words), "%s", fail_info(fail)->words);
            row.rate = shoal_rate_at(recent, METRIC_FAILURES, fail);
            insert_row(rows, &count, &row, m->sort);
        }
    }
    for (uint32_t i = 400 - METRIC_STATUS_MIN; i < def->value_count; i++) {
        struct failure_row row = {.total = shoal_total_at(recent, METRIC_HTTP_RESPONSES, i)};
        if (row.total > 0) {
            snprintf(row.words, sizeof(row.words), "HTTP %s", def->values[i]);
            row.rate = shoal_rate_at(recent, METRIC_HTTP_RESPONSES, i);
            insert_row(rows, &count, &row, m->sort);
        }
    }
    return count;
}

int panel_failures_wanted(const struct model *m)
{
    struct failure_row rows[FAILURE_ROWS_MAX];
    int count = list_failures(m, rows);
    return 1 + (count > 0 ? count : 1);
}

void panel_failures_draw(const struct model *m, const struct area *area, enum style title)
{
    static const char *const orders[MODEL_SORTS] = {"by count", "by rate", "by name"};
    enum { RATE = 11, COUNTS = RATE + 9 }; /* columns from the right edge */
    struct failure_row rows[FAILURE_ROWS_MAX];
    int count = list_failures(m, rows);
    char text[FORMAT_MAX], words[48];
    snprintf(words, sizeof(words), "Failures%s%s", count > 1 ? " " : "",
             count > 1 ? orders[m->sort] : "");
    area_title(area, title, words);
    if (count == 0) {
        area_text(area, 1, 1, STYLE_GOOD, "none");
    }
    for (int i = 0; i < count && i + 1 < area->height; i++) {
        area_text_head(area, i + 1, 1, area->width - COUNTS, STYLE_BAD, rows[i].words);
        area_text_right(area, i + 1, area->width - RATE, STYLE_PLAIN,
                        format_count(text, FORMAT_MAX, rows[i].total));
        char rate[FORMAT_MAX + 4];
        snprintf(rate, sizeof(rate), "%s/s", format_number(text, FORMAT_MAX, rows[i].rate));
        area_text_right(area, i + 1, area->width - 1, STYLE_DIM, rate);
    }
    int hidden = count - (area->height - 1);
    if (hidden > 0 && count > 0) {
        snprintf(text, sizeof(text), " %d more ", hidden);
        area_text_right(area, 0, area->width - 1, STYLE_WARN, text);
    }
}

int panel_samples_wanted(const struct model *m)
{
    return m->sample_count > 0 ? 1 + (int)m->sample_count : 0;
}

void panel_samples_draw(const struct model *m, const struct area *area, enum style title)
{
    const struct failure_tally *tally = &m->frame.state.failures;
    char sampled[FORMAT_MAX], all[FORMAT_MAX], words[2 * FORMAT_MAX + 16];
    area_title(area, title, "Last failures");
    if (tally->not_sampled > 0) {
        snprintf(words, sizeof(words), " %s of %s sampled ",
                 format_count(sampled, FORMAT_MAX, tally->sampled),
                 format_count(all, FORMAT_MAX, tally->sampled + tally->not_sampled));
        area_text_right(area, 0, area->width - 1, STYLE_DIM, words);
    }
    for (int i = 0; i < (int)m->sample_count && i + 1 < area->height; i++) {
        const struct failure_sample *sample = &m->samples[i];
        char at[FORMAT_MAX], status[8] = "-";
        format_clock(at, FORMAT_MAX, sample->at_us - m->frame.info->start_us);
        if (sample->status != 0) {
            snprintf(status, sizeof(status), "%u", sample->status);
        }
        area_text_right(area, i + 1, 8, STYLE_DIM, at);
        area_text(area, i + 1, 9, STYLE_BAD, status);
        int x = area_text(area, i + 1, 13, STYLE_PLAIN, fail_info(sample->fail)->words) + 1;
        int room = area->width - 1 - x;
        if (room > (int)(strlen(sample->url) + strlen(sample->address)) + 1) {
            area_text_right(area, i + 1, area->width - 1, STYLE_DIM, sample->address);
        }
        area_text_tail(area, i + 1, x, area->width - 1, STYLE_DIM, sample->url);
    }
}

int panel_thresholds_wanted(const struct model *m)
{
    return m->frame.threshold_count > 0 ? 1 + (int)m->frame.threshold_count : 0;
}

static void draw_threshold(const struct model *m, const struct area *area, int y, unsigned i)
{
    const struct threshold *threshold = &m->frame.thresholds[i];
    const struct threshold_result *result = &m->frame.state.thresholds[i];
    char value[FORMAT_MAX];
    area_text(area, y, 1, result->pass ? STYLE_GOOD : STYLE_BAD,
              result->pass ? "pass" : "FAIL");
    area_text_head(area, y, 7, area->width - 12, STYLE_PLAIN, threshold->text);
    threshold_format_value(threshold, result->value, value, sizeof(value));
    area_text_right(area, y, area->width - 1, STYLE_BOLD, result->known ? value : "-");
}

/* Those that fail come first: where there is no room for all, they are what must be seen. */
void panel_thresholds_draw(const struct model *m, const struct area *area, enum style title)
{
    int y = 1;
    unsigned failed = 0, count = m->frame.threshold_count;
    char text[48];
    area_title(area, title, "Thresholds so far");
    for (int pass = 0; pass <= 1; pass++) {
        for (unsigned i = 0; i < count; i++) {
            if (m->frame.state.thresholds[i].pass != (pass == 1)) {
                continue;
            }
            failed += pass == 0 ? 1 : 0;
            if (y < area->height) {
                draw_threshold(m, area, y++, i);
            }
        }
    }
    snprintf(text, sizeof(text), failed > 0 ? " %u of %u fail " : " all pass ", failed, count);
    area_text_right(area, 0, area->width - 1, failed > 0 ? STYLE_BAD : STYLE_GOOD, text);
}
