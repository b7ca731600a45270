/* Panels of what the swarm does: viewers, rates, graphs, variants. */
#include "stats/metrics.h"
#include "view/format.h"
#include "view/tui/panel_list.h"
#include "view/tui/plot.h"

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
    double value = shoal_derived(frame_counters(frame, FRAME_RUN), derived);
    return value > 0 ? (uint64_t)(value + 0.5) : 0;
}

/* " words VALUE" and returns the column after it; nothing where it does not fit. */
static int put_count(const struct area *area, int x, const char *words, uint64_t count,
                     enum style style)
{
    char text[FORMAT_MAX];
    format_count(text, sizeof(text), count);
    if (x + (int)(strlen(words) + strlen(text)) + 1 > area->width) {
        return area->width;
    }
    x = area_text(area, 1, x, STYLE_DIM, words) + 1;
    return area_text(area, 1, x, style, text) + 2;
}

static void draw_stage(const struct frame *frame, const struct area *area)
{
    char left[FORMAT_MAX], text[80];
    int64_t left_us;
    unsigned stage = stage_of(frame, &left_us);
    if (left_us > 0) {
        snprintf(text, sizeof(text), " stage %u of %u, %s left ", stage,
                 frame->info->stage_count, format_clock(left, FORMAT_MAX, left_us));
        area_text_right(area, 0, area->width - 1, STYLE_DIM, text);
    }
}

/* How far the ramp is: viewers there are over the most that the plan wants, with a mark where
 * the target stands. */
static void draw_ramp(const struct frame *frame, const struct area *area, uint64_t active)
{
    enum { LABEL = 8, MARK = 0x2502 };
    uint32_t peak = frame->info->viewers_peak;
    uint32_t top = frame->target > peak ? frame->target : peak;
    double share = top > 0 ? (double)active / (double)top : 0;
    int width = area->width - LABEL - 2;
    char text[FORMAT_MAX];
    plot_bar(area, 2, 1, width, STYLE_ACCENT, share);
    if (width > 0 && frame->target < top) {
        area_rune(area, 2, 1 + (int)((double)frame->target / top * (width - 1)), STYLE_BOLD,
                  MARK);
    }
    area_text_right(area, 2, area->width - 1, STYLE_PLAIN,
                    format_percent(text, sizeof(text), share));
}

void panel_viewers_draw(const struct model *m, const struct area *area, enum style title)
{
    const struct frame *frame = &m->frame;
    const struct shoal_interval *run = frame_counters(frame, FRAME_RUN);
    uint64_t active = gauge(frame, METRIC_VIEWERS_ACTIVE);
    uint64_t stalled = gauge(frame, METRIC_VIEWERS_STALLED);
    uint64_t failed = shoal_total(run, METRIC_SESSIONS_FAILED);
    char text[FORMAT_MAX];
    area_title(area, title, "Viewers");
    draw_stage(frame, area);
    enum { ALL_WORDS = 78 }; /* width from which there is room for this one, too */
    int x = area_text(area, 1, 1, STYLE_DIM, area->width >= ALL_WORDS ? "active " : "");
    x = area_text(area, 1, x, STYLE_BOLD, format_count(text, FORMAT_MAX, active));
    x = area_printf(area, 1, x, STYLE_PLAIN, " of %s  ",
                    format_count(text, FORMAT_MAX, frame->target));
    x = put_count(area, x, "starting", gauge(frame, METRIC_VIEWERS_STARTING), STYLE_PLAIN);
    x = put_count(area, x, "stalled", stalled, stalled > 0 ? STYLE_BAD : STYLE_GOOD);
    x = put_count(area, x, "ended", shoal_total(run, METRIC_SESSIONS_ENDED), STYLE_PLAIN);
    put_count(area, x, "failed", failed, failed > 0 ? STYLE_BAD : STYLE_GOOD);
    draw_ramp(frame, area, active);
}

struct rate_row {
    const char *name;
    uint32_t counter;
    enum series series;
    bool bytes;
};

static const struct rate_row rate_rows[] = {
    {"segments", METRIC_SEGMENTS, SERIES_SEGMENTS, false},
    {"requests", METRIC_HTTP_REQUESTS, SERIES_REQUESTS, false},
    {"throughput", METRIC_BODY_BYTES, SERIES_BYTES, true},
    {"playlists", METRIC_PLAYLISTS, SERIES_PLAYLISTS, false},
    {"connects", METRIC_TCP_CONNECTS, SERIES_CONNECTS, false},
};

enum { RATE_ROWS = sizeof(rate_rows) / sizeof(rate_rows[0]) };

int panel_rates_wanted(const struct model *m)
{
    (void)m;
    return 1 + RATE_ROWS;
}

/* Where the columns stand. All windows are always there; on a narrow screen the units go. */
struct rate_columns {
    int name, width;
    bool units;
};

static struct rate_columns rate_columns_of(int width)
{
    return width >= 98   ? (struct rate_columns){12, 12, true}
           : width >= 76 ? (struct rate_columns){12, 7, false}
                         : (struct rate_columns){10, 6, false};
}

static const char *format_rate(const struct rate_row *row,
                               const struct shoal_interval *interval, bool units, char *dst)
{
    double rate = shoal_rate(interval, row->counter);
    return row->bytes && units ? format_bitrate(dst, FORMAT_MAX, rate)
                               : format_number(dst, FORMAT_MAX, row->bytes ? rate * 8 : rate);
}

static void draw_rate_row(const struct model *m, const struct area *area, int y,
                          const struct rate_columns *columns)
{
    const struct rate_row *row = &rate_rows[y - 1];
    const double *values = timeline_column(&m->timeline, row->series);
    int count = m->timeline.count;
    char text[FORMAT_MAX];
    int x = columns->name + columns->width;
    area_text(area, y, 1, STYLE_DIM, row->bytes && !columns->units ? "bit/s" : row->name);
    area_text_right(area, y, x, STYLE_BOLD,
                    format_rate(row, &m->frame.last, columns->units, text));
    for (int w = 0; w < FRAME_WINDOWS; w++) {
        x += columns->width;
        area_text_right(area, y, x, STYLE_PLAIN,
                        format_rate(row, frame_counters(&m->frame, w), columns->units, text));
    }
    struct area line = area_part(area, x + 2, y, area->width - x - 3, 1);
    plot_line(&line, values, count, model_top(values, count));
}

void panel_rates_draw(const struct model *m, const struct area *area, enum style title)
{
    struct rate_columns columns = rate_columns_of(area->width);
    int x = columns.name + columns.width;
    char text[FORMAT_MAX];
    area_title(area, title, columns.units ? "Rates a second" : "Rates/s");
    area_text_right(area, 0, x + 1, STYLE_DIM, " now ");
    for (int w = 0; w < FRAME_WINDOWS; w++) {
        x += columns.width;
        snprintf(text, sizeof(text), " %s ", frame_window_names[w]);
        area_text_right(area, 0, x + 1, STYLE_DIM, text);
    }
    for (int y = 1; y <= RATE_ROWS && y < area->height; y++) {
        draw_rate_row(m, area, y, &columns);
    }
}

int panel_graph_wanted(const struct model *m)
{
    enum { ALL_THERE_IS = 1000 };
    return m->timeline.count > 1 ? ALL_THERE_IS : 0;
}

int panel_second_wanted(const struct model *m)
{
    return panel_graph_wanted(m);
}

static const char *format_graph(const struct model_graph *graph, double value, char *dst)
{
    if (isnan(value)) {
        return "-"; /* nothing was recorded */
    }
    switch (graph->unit) {
    case MODEL_UNIT_BYTES:
        return format_bitrate(dst, FORMAT_MAX, value);
    case MODEL_UNIT_TIME:
        return format_duration(dst, FORMAT_MAX, (int64_t)(value * 1e6));
    case MODEL_UNIT_SHARE:
        return format_percent(dst, FORMAT_MAX, value);
    case MODEL_UNIT_NUMBER:
        break;
    }
    return format_number(dst, FORMAT_MAX, value);
}

static void draw_graph(const struct model *m, const struct model_graph *graph,
                       const struct area *area, enum style title)
{
    const double *values = timeline_column(&m->timeline, graph->series);
    const double *times = timeline_column(&m->timeline, SERIES_TIME);
    int count = m->timeline.count;
    char now[FORMAT_MAX], most[FORMAT_MAX], span[FORMAT_MAX], words[120];
    struct area body = area_part(area, 1, 1, area->width - 2, area->height - 1);
    int shown = plot_graph_shows(body.width, count);
    if (shown < 1) {
        return;
    }
    double from_s = times[count - shown];
    double to_s = times[count - 1];
    double top = model_top(values + count - shown, shown);
    snprintf(words, sizeof(words), "%s  %s", graph->name,
             format_graph(graph, values[count - 1], now));
    area_title(area, title, words);
    snprintf(words, sizeof(words), " top %s, last %s ", format_graph(graph, top, most),
             format_clock(span, FORMAT_MAX, (int64_t)((to_s - from_s) * 1e6)));
    if (area->width > 70) {
        area_text_right(area, 0, area->width - 1, STYLE_DIM, words);
    } else {
        snprintf(words, sizeof(words), " top %s ", most);
        area_text_right(area, 0, area->width - 1, STYLE_DIM, words);
    }
    plot_graph(&body, values, count, top);
}

/* Several graphs, one below the other, where one alone would be out of proportion. */
static void draw_graphs(const struct model *m, unsigned first, const struct area *area,
                        enum style title)
{
    enum { FAIR_HEIGHT = 8, MOST = MODEL_GRAPHS / 2 };
    int graphs = area->height / FAIR_HEIGHT;
    graphs = graphs < 1 ? 1 : graphs > MOST ? MOST : graphs;
    for (int i = 0; i < graphs; i++) {
        int y = area->height * i / graphs, below = area->height * (i + 1) / graphs;
        struct area part = area_part(area, 0, y, area->width, below - y);
        unsigned number = model_graph_from(m, first);
        draw_graph(m, &model_graphs[number], &part, title);
        first = number + 1;
    }
}

void panel_graph_draw(const struct model *m, const struct area *area, enum style title)
{
    draw_graphs(m, m->graph, area, title);
}

void panel_second_draw(const struct model *m, const struct area *area, enum style title)
{
    draw_graphs(m, m->graph + MODEL_GRAPHS / 2, area, title);
}

/* Variants that there are, by the sort order; returns how many. */
static int list_variants(const struct model *m, uint32_t *out, int room)
{
    const struct shoal_interval *recent = frame_counters(&m->frame, FRAME_10S);
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
    return count > 0 ? count + 1 : 0;
}

void panel_variants_draw(const struct model *m, const struct area *area, enum style title)
{
    uint32_t list[METRIC_VALUES_variant];
    const struct shoal_interval *recent = frame_counters(&m->frame, FRAME_10S);
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
        plot_bar(area, i + 1, 55, area->width - 56, STYLE_ACCENT, all > 0 ? rate / all : 0);
    }
}
