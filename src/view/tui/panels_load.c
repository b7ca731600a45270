/* Panels of what the swarm does: viewers, rates, graph, variants, and what it costs. */
#include "stats/metrics.h"
#include "view/format.h"
#include "view/tui/panel_list.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The plan's stage at the frame's time, from 1 on. */
static unsigned stage_of(const struct frame *frame, int64_t *ret_left_us)
{
    int64_t end_us = 0;
    for (unsigned i = 0; i < frame->info->stage_count; i++) {
        end_us += frame->info->stages[i].duration_us;
        if (frame->at_us < end_us) {
            *ret_left_us = end_us - frame->at_us;
            return i + 1;
        }
    }
    *ret_left_us = 0;
    return frame->info->stage_count;
}

int panel_viewers_wanted(const struct model *m)
{
    (void)m;
    return 3;
}

static uint64_t gauge(const struct frame *frame, uint32_t derived)
{
    double value = shoal_derived(&frame->counters[FRAME_RUN], derived);
    return value > 0 ? (uint64_t)(value + 0.5) : 0;
}

static void draw_sessions(const struct frame *frame, const struct area *area)
{
    const struct shoal_interval *run = &frame->counters[FRAME_RUN];
    char started[FORMAT_MAX], ended[FORMAT_MAX], failed[FORMAT_MAX], left[FORMAT_MAX];
    int x = area_printf(
        area, 2, 1, STYLE_PLAIN, "sessions %s started, %s ended, %s failed",
        format_count(started, FORMAT_MAX, shoal_total(run, METRIC_SESSIONS_STARTED)),
        format_count(ended, FORMAT_MAX, shoal_total(run, METRIC_SESSIONS_ENDED)),
        format_count(failed, FORMAT_MAX, shoal_total(run, METRIC_SESSIONS_FAILED)));
    int64_t left_us;
    unsigned stage = stage_of(frame, &left_us);
    if (left_us > 0 && x + 24 < area->width) {
        area_printf(area, 2, x, STYLE_DIM, "   stage %u of %u, %s left", stage,
                    frame->info->stage_count, format_clock(left, FORMAT_MAX, left_us));
    }
}

void panel_viewers_draw(const struct model *m, const struct area *area, enum style title)
{
    const struct frame *frame = &m->frame;
    uint64_t active = gauge(frame, METRIC_VIEWERS_ACTIVE);
    uint64_t stalled = gauge(frame, METRIC_VIEWERS_STALLED);
    uint32_t peak = frame->info->viewers_peak;
    uint32_t top = frame->target > peak ? frame->target : peak;
    char a[FORMAT_MAX], b[FORMAT_MAX], right[80];
    area_title(area, title, "Viewers");
    int x = area_text(area, 1, 1, STYLE_BOLD, format_count(a, FORMAT_MAX, active));
    x = area_printf(area, 1, x, STYLE_PLAIN, " of %s ",
                    format_count(b, FORMAT_MAX, frame->target));
    snprintf(right, sizeof(right), " starting %s  stalled ",
             format_count(a, FORMAT_MAX, gauge(frame, METRIC_VIEWERS_STARTING)));
    format_count(b, FORMAT_MAX, stalled);
    int width_b = snprintf(NULL, 0, "%s", b), width_right = snprintf(NULL, 0, "%s", right);
    int bar = area->width - x - width_right - width_b - 2;
    area_bar(area, 1, x, bar > 0 ? bar : 0, STYLE_ACCENT,
             top > 0 ? (double)active / (double)top : 0);
    area_text_right(area, 1, area->width - width_b - 1, STYLE_PLAIN, right);
    area_text_right(area, 1, area->width - 1, stalled > 0 ? STYLE_BAD : STYLE_GOOD, b);
    draw_sessions(frame, area);
}

struct rate_row {
    const char *name;
    uint32_t counter;
    enum series series;
    bool bytes;
};

static const struct rate_row rate_rows[] = {
    {"segments", METRIC_SEGMENTS, SERIES_SEGMENTS, false},
    {"playlists", METRIC_PLAYLISTS, SERIES_PLAYLISTS, false},
    {"requests", METRIC_HTTP_REQUESTS, SERIES_REQUESTS, false},
    {"connects", METRIC_TCP_CONNECTS, SERIES_CONNECTS, false},
    {"throughput", METRIC_BODY_BYTES, SERIES_BYTES, true},
};

enum { RATE_ROWS = sizeof(rate_rows) / sizeof(rate_rows[0]) };

int panel_rates_wanted(const struct model *m)
{
    (void)m;
    return 1 + RATE_ROWS;
}

static const char *format_rate(const struct rate_row *row,
                               const struct shoal_interval *interval, char *dst)
{
    double rate = shoal_rate(interval, row->counter);
    return row->bytes ? format_bitrate(dst, FORMAT_MAX, rate)
                      : format_number(dst, FORMAT_MAX, rate);
}

/* Which windows there is room for, as a bit each. */
static unsigned windows_that_fit(int width)
{
    return width >= 96 ? 1u << FRAME_1S | 1u << FRAME_10S | 1u << FRAME_60S | 1u << FRAME_300S |
                             1u << FRAME_RUN
           : width >= 76 ? 1u << FRAME_10S | 1u << FRAME_60S | 1u << FRAME_RUN
                         : 1u << FRAME_10S | 1u << FRAME_RUN;
}

void panel_rates_draw(const struct model *m, const struct area *area, enum style title)
{
    enum { NAME = 12, COLUMN = 12 };
    unsigned windows = windows_that_fit(area->width);
    double values[MODEL_ROWS], top;
    char text[FORMAT_MAX];
    area_title(area, title, "Rates a second");
    for (int i = 0; i < RATE_ROWS; i++) {
        const struct rate_row *row = &rate_rows[i];
        int x = NAME + COLUMN;
        area_text(area, i + 1, 1, STYLE_DIM, row->name);
        area_text_right(area, i + 1, x, STYLE_BOLD, format_rate(row, &m->frame.last, text));
        for (int w = 0; w < FRAME_WINDOWS; w++) {
            if (windows & (1u << w)) {
                x += COLUMN;
                area_text_right(area, i + 1, x, STYLE_PLAIN,
                                format_rate(row, &m->frame.counters[w], text));
            }
        }
        int count = model_column(m, row->series, values, &top);
        struct area line = area_part(area, x + 2, i + 1, area->width - x - 3, 1);
        area_sparkline(&line, values, count, top);
    }
    area_text_right(area, 0, NAME + COLUMN + 1, STYLE_DIM, " now ");
    int x = NAME + COLUMN;
    for (int w = 0; w < FRAME_WINDOWS; w++) {
        if (windows & (1u << w)) {
            x += COLUMN;
            snprintf(text, sizeof(text), " %s ", frame_window_names[w]);
            area_text_right(area, 0, x + 1, STYLE_DIM, text);
        }
    }
}

int panel_graph_wanted(const struct model *m)
{
    enum { ALL_THERE_IS = 1000 };
    return m->row_count > 1 ? ALL_THERE_IS : 0;
}

void panel_graph_draw(const struct model *m, const struct area *area, enum style title)
{
    const struct model_graph *graph = &model_graphs[m->graph];
    double values[MODEL_ROWS], top;
    char text[FORMAT_MAX], words[96];
    int count = model_column(m, graph->series, values, &top);
    switch (graph->unit) {
    case MODEL_UNIT_BYTES:
        format_bitrate(text, sizeof(text), top);
        break;
    case MODEL_UNIT_TIME:
        format_duration(text, sizeof(text), (int64_t)(top * 1e6));
        break;
    case MODEL_UNIT_SHARE:
        format_percent(text, sizeof(text), top);
        break;
    case MODEL_UNIT_NUMBER:
        format_number(text, sizeof(text), top);
        break;
    }
    snprintf(words, sizeof(words), "%s, top %s", graph->name, text);
    area_title(area, title, words);
    struct area body = area_part(area, 1, 1, area->width - 2, area->height - 1);
    area_graph(&body, STYLE_ACCENT, values, count, top);
}

/* Variants that there are, by the sort order; returns how many. */
static int list_variants(const struct model *m, uint32_t *out, int room)
{
    const struct shoal_interval *recent = &m->frame.counters[FRAME_10S];
    const struct shoal_counter_def *def = &recent->schema->def.counters[METRIC_SEGMENTS];
    int count = 0;
    for (uint32_t i = 0; i < def->value_count && count < room; i++) {
        bool used = shoal_total_at(recent, METRIC_SEGMENTS, i) > 0;
        if (def->values[i] != NULL && (used || i < m->frame.info->variant_count)) {
            out[count++] = i;
        }
    }
    for (int i = 1; i < count && m->sort != MODEL_SORT_NAME; i++) {
        for (int j = i; j > 0 && shoal_total_at(recent, METRIC_SEGMENTS, out[j]) >
                                     shoal_total_at(recent, METRIC_SEGMENTS, out[j - 1]);
             j--) {
            uint32_t swapped = out[j];
            out[j] = out[j - 1];
            out[j - 1] = swapped;
        }
    }
    return count;
}

int panel_variants_wanted(const struct model *m)
{
    uint32_t list[METRIC_VALUES_variant];
    int count = list_variants(m, list, METRIC_VALUES_variant);
    return count > 1 ? count + 1 : 0;
}

void panel_variants_draw(const struct model *m, const struct area *area, enum style title)
{
    uint32_t list[METRIC_VALUES_variant];
    const struct shoal_interval *recent = &m->frame.counters[FRAME_10S];
    const struct shoal_counter_def *def = &recent->schema->def.counters[METRIC_SEGMENTS];
    int count = list_variants(m, list, METRIC_VALUES_variant);
    double all = shoal_rate(recent, METRIC_SEGMENTS);
    char text[FORMAT_MAX];
    area_title(area, title, "Variants, 10 s");
    for (int i = 0; i < count && i + 1 < area->height; i++) {
        const struct run_info *info = m->frame.info;
        uint32_t v = list[i];
        double rate = shoal_rate_at(recent, METRIC_SEGMENTS, v);
        const char *name = v < info->variant_count ? info->variants[v].name : def->values[v];
        struct area cut = area_part(area, 0, i + 1, 24, 1);
        area_text(&cut, 0, 1, STYLE_DIM, name);
        area_text_right(area, i + 1, 33, STYLE_PLAIN, format_number(text, FORMAT_MAX, rate));
        area_text(area, i + 1, 33, STYLE_DIM, " seg/s");
        area_text_right(
            area, i + 1, 53, STYLE_PLAIN,
            format_bitrate(text, FORMAT_MAX, shoal_rate_at(recent, METRIC_SEGMENT_BYTES, v)));
        area_bar(area, i + 1, 55, area->width - 56, STYLE_ACCENT, all > 0 ? rate / all : 0);
    }
}

int panel_generator_wanted(const struct model *m)
{
    return m->frame.info->workers > 1 ? 4 : 3;
}

static void draw_workers(const struct model *m, const struct area *area, int y)
{
    const struct shoal_interval *recent = &m->frame.full[FRAME_1S];
    int x = area_text(area, y, 1, STYLE_DIM, "workers ");
    for (unsigned i = 0; i < m->frame.info->workers && i < METRIC_WORKERS_MAX; i++) {
        char text[FORMAT_MAX];
        double share = shoal_rate_at(recent, METRIC_WORKER_CPU, i) / 1e6;
        enum style style = share * 100 > TRUST_WORKER_CPU_PERCENT ? STYLE_BAD : STYLE_ACCENT;
        if (x + 14 > area->width) {
            area_text(area, y, x, STYLE_DIM, "…");
            return;
        }
        area_bar(area, y, x, 6, style, share);
        x = area_printf(area, y, x + 7, STYLE_PLAIN, "%-8s",
                        format_percent(text, FORMAT_MAX, share));
    }
}

void panel_generator_draw(const struct model *m, const struct area *area, enum style title)
{
    const struct frame *frame = &m->frame;
    const struct recorder_state *state = &frame->state;
    struct trust_verdict trust;
    char a[FORMAT_MAX], b[FORMAT_MAX];
    trust_judge(&state->facts, &trust);
    bool good = trust.trusted && !state->bottleneck;
    area_title(area, title, "Generator");
    area_text_right(area, 0, area->width - 1, good ? STYLE_GOOD : STYLE_BAD,
                    good ? " keeps up " : " AT ITS LIMIT ");
    int x = area_text(area, 1, 1, STYLE_DIM, "CPU ");
    x = area_printf(area, 1, x, STYLE_BOLD, "%.2f", state->process_cpu);
    x = area_text(area, 1, x, STYLE_DIM, " cores  memory ");
    x = area_text(area, 1, x, STYLE_PLAIN,
                  format_bytes(a, FORMAT_MAX, (double)state->cost.rss_bytes));
    x = area_text(area, 1, x, STYLE_DIM, "  open ");
    x = area_text(area, 1, x, STYLE_PLAIN,
                  format_count(b, FORMAT_MAX, gauge(frame, METRIC_CONNECTIONS_OPEN)));
    x = area_text(area, 1, x, STYLE_DIM, " connections");
    if (x + 26 < area->width) {
        x = area_text(area, 1, x, STYLE_DIM, ", descriptors ");
        x = area_text(
            area, 1, x, STYLE_PLAIN,
            format_number(a, FORMAT_MAX, (double)gauge(frame, METRIC_DESCRIPTORS_OPEN)));
        x = area_text(area, 1, x, STYLE_DIM, " of ");
        area_text(area, 1, x, STYLE_DIM,
                  format_number(b, FORMAT_MAX, (double)frame->info->descriptor_limit));
    }
    double p99 = 99;
    uint64_t late_us;
    shoal_percentiles(&frame->full[FRAME_10S], METRIC_TIMER_DELAY, &p99, 1, &late_us);
    x = area_text(area, 2, 1, STYLE_DIM, "timers late p99 ");
    x = area_text(area, 2, x, STYLE_PLAIN, format_duration(a, FORMAT_MAX, (int64_t)late_us));
    x = area_text(area, 2, x, STYLE_DIM, "  sampler ");
    x = area_text(
        area, 2, x, STYLE_PLAIN,
        format_duration(b, FORMAT_MAX, (int64_t)frame->last.now[SHOAL_HEADER_LATE_MAX_US]));
    area_text(area, 2, x, STYLE_DIM, " at most");
    draw_workers(m, area, 3);
}

static const struct origin_line {
    const char *name;
    enum series series;
    char *(*format)(char *dst, size_t size, double value);
} origin_lines[] = {
    {"cores", SERIES_ORIGIN_CPU, format_number},
    {"sends", SERIES_ORIGIN_BYTES, format_bitrate},
    {"requests/s", SERIES_ORIGIN_REQUESTS, format_number},
    {"open", SERIES_ORIGIN_CONNECTIONS, format_number},
};

enum { ORIGIN_LINES = sizeof(origin_lines) / sizeof(origin_lines[0]) };

/* Whether the newest rows know the figure. */
static bool is_known(const struct model *m, enum series series)
{
    for (size_t i = 0; i < m->row_count; i++) {
        if (!isnan(m->rows[i].value[series])) {
            return true;
        }
    }
    return false;
}

int panel_origin_wanted(const struct model *m)
{
    int wanted = 1 + (int)m->frame.state.origin_count;
    for (int i = 0; i < ORIGIN_LINES; i++) {
        wanted += is_known(m, origin_lines[i].series) ? 1 : 0;
    }
    return m->frame.state.origin_count > 0 ? wanted : 0;
}

/* "cpu 0.42", or nothing where it is not known; returns the column after it. */
static int put_known(const struct area *area, int y, int x, const char *words, double value,
                     char *(*format)(char *dst, size_t size, double value))
{
    char text[FORMAT_MAX];
    if (isnan(value)) {
        return x;
    }
    x = area_text(area, y, x, STYLE_DIM, words);
    return area_text(area, y, x + 1, STYLE_PLAIN, format(text, sizeof(text), value)) + 2;
}

/* All exporters together over the newest rows: the same seconds below each other as in Rates.
 */
static void draw_origin_lines(const struct model *m, const struct area *area, int y)
{
    double values[MODEL_ROWS], top;
    char text[FORMAT_MAX];
    for (int i = 0; i < ORIGIN_LINES; i++) {
        if (!is_known(m, origin_lines[i].series)) {
            continue;
        }
        int count = model_column(m, origin_lines[i].series, values, &top);
        double newest = values[count - 1];
        struct area line = area_part(area, 26, y, area->width - 27, 1);
        area_text(area, y, 1, STYLE_DIM, origin_lines[i].name);
        area_text_right(area, y, 24, isnan(newest) ? STYLE_DIM : STYLE_BOLD,
                        isnan(newest) ? "-" : origin_lines[i].format(text, FORMAT_MAX, newest));
        area_sparkline(&line, values, count, top);
        y++;
    }
}

void panel_origin_draw(const struct model *m, const struct area *area, enum style title)
{
    area_title(area, title, "Origin");
    for (unsigned i = 0; i < m->frame.state.origin_count; i++) {
        const struct origin_figures *figures = &m->frame.state.origin[i];
        struct area name = area_part(area, 0, (int)i + 1, 22, 1);
        bool plain = strncmp(figures->url, "http://", 7) == 0;
        area_text(&name, 0, 1, STYLE_DIM, figures->url + (plain ? 7 : 0));
        int y = (int)i + 1, x = 23;
        if (!figures->ok) {
            area_text(area, y, x, STYLE_DIM, figures->why);
            continue;
        }
        x = put_known(area, y, x, "cores", figures->value[ORIGIN_CPU], format_number);
        x = put_known(area, y, x, "sends", figures->value[ORIGIN_BYTES], format_bitrate);
        x = put_known(area, y, x, "req/s", figures->value[ORIGIN_REQUESTS], format_number);
        put_known(area, y, x, "open", figures->value[ORIGIN_CONNECTIONS], format_number);
    }
    draw_origin_lines(m, area, 1 + (int)m->frame.state.origin_count);
}
