/* Panels of both machines: what the swarm costs its own, and what the server says of itself. */
#include "stats/metrics.h"
#include "view/format.h"
#include "view/tui/panel_list.h"
#include "view/tui/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double worker_share(const struct model *m, unsigned worker)
{
    return shoal_rate_at(frame_counters(&m->frame, FRAME_1S), METRIC_WORKER_CPU, worker) / 1e6;
}

static enum style worker_style(double share, enum style good)
{
    return share * 100 > TRUST_WORKER_CPU_PERCENT ? STYLE_BAD : good;
}

static unsigned worker_count(const struct model *m)
{
    unsigned workers = m->frame.info->workers;
    return workers < METRIC_WORKERS_MAX ? workers : METRIC_WORKERS_MAX;
}

int panel_generator_wanted(const struct model *m)
{
    (void)m;
    return 4;
}

/* "workers 12 % 9 %" in the title line, as many as there is room for. */
static void draw_worker_shares(const struct model *m, const struct area *area, int x, int end)
{
    x = area_text(area, 0, x, STYLE_DIM, worker_count(m) == 1 ? " worker " : " workers ");
    for (unsigned i = 0; i < worker_count(m); i++) {
        char text[FORMAT_MAX];
        double share = worker_share(m, i);
        format_percent(text, sizeof(text), share);
        if (x + (int)strlen(text) + 2 > end) {
            area_text(area, 0, x - 1, STYLE_DIM, "… ");
            return;
        }
        x = area_text(area, 0, x, worker_style(share, STYLE_BOLD), text);
        x = area_text(area, 0, x, STYLE_DIM, " ");
    }
}

static void draw_worker_bars(const struct model *m, const struct area *area, int y)
{
    enum { LEAST = 7, NAME = 9 };
    int workers = (int)worker_count(m), room = area->width - NAME - 2;
    int width = workers > 0 ? room / workers - 1 : 0;
    width = width < LEAST ? LEAST : width;
    area_text(area, y, 1, STYLE_DIM, workers == 1 ? "worker" : "workers");
    for (int i = 0; i < workers && (i + 1) * (width + 1) <= room + 1; i++) {
        double share = worker_share(m, (unsigned)i);
        plot_bar(area, y, NAME + i * (width + 1), width, worker_style(share, STYLE_ACCENT),
                 share);
    }
}

static uint64_t open_now(const struct frame *frame, uint32_t derived)
{
    double value = shoal_derived(frame_counters(frame, FRAME_RUN), derived);
    return value > 0 ? (uint64_t)(value + 0.5) : 0;
}

/* What must be seen on the smallest screen. */
static void draw_needs(const struct frame *frame, const struct area *area)
{
    char text[FORMAT_MAX];
    int x = area_text(area, 1, 1, STYLE_DIM, "memory ");
    format_bytes(text, sizeof(text), (double)frame->state.cost.rss_bytes);
    x = area_text(area, 1, x, STYLE_PLAIN, text);
    x = area_text(area, 1, x, STYLE_DIM, "  files ");
    format_count(text, sizeof(text), open_now(frame, METRIC_DESCRIPTORS_OPEN));
    x = area_text(area, 1, x, STYLE_PLAIN, text);
    format_count(text, sizeof(text), frame->info->descriptor_limit);
    x = area_printf(area, 1, x, STYLE_DIM, " of %s  sampler ", text);
    format_duration(text, sizeof(text), (int64_t)frame->last.now[SHOAL_HEADER_LATE_MAX_US]);
    if (x + (int)(sizeof("late ") - 1 + strlen(text)) < area->width) {
        x = area_text(area, 1, x, STYLE_DIM, "late ");
    }
    area_text(area, 1, x, STYLE_PLAIN, text);
}

static void draw_lateness(const struct model *m, const struct area *area)
{
    const struct frame *frame = &m->frame;
    double p99 = 99;
    uint64_t late_us;
    char text[FORMAT_MAX];
    shoal_percentiles(frame_full(frame, FRAME_10S), METRIC_TIMER_DELAY, &p99, 1, &late_us);
    int x = area_text(area, 2, 1, STYLE_DIM, "CPU ");
    x = area_printf(area, 2, x, STYLE_PLAIN, "%.2f", frame->state.process_cpu);
    x = area_text(area, 2, x, STYLE_DIM, " cores  timers late p99 ");
    format_duration(text, sizeof(text), (int64_t)late_us);
    x = area_text(area, 2, x, STYLE_PLAIN, text);
    static const char words[] = "  connections ";
    format_count(text, sizeof(text), open_now(frame, METRIC_CONNECTIONS_OPEN));
    bool fits = x + (int)(sizeof(words) - 1 + strlen(text)) < area->width;
    x = area_text(area, 2, x, STYLE_DIM, fits ? words : "  open ");
    area_text(area, 2, x, STYLE_PLAIN, text);
}

void panel_generator_draw(const struct model *m, const struct area *area, enum style title)
{
    enum { NAME_END = 13, VERDICT = 14 };
    struct trust_verdict trust;
    trust_judge(&m->frame.state.facts, &trust);
    bool good = trust.trusted && !m->frame.state.bottleneck;
    area_title(area, title, "Generator");
    draw_worker_shares(m, area, NAME_END, area->width - VERDICT);
    area_text_right(area, 0, area->width - 1, good ? STYLE_GOOD : STYLE_BAD,
                    good ? " keeps up " : " AT ITS LIMIT ");
    draw_needs(&m->frame, area);
    draw_lateness(m, area);
    draw_worker_bars(m, area, 3);
}

/* Addresses that answered or failed, up to `room`; returns how many. */
static int list_servers(const struct model *m, uint32_t *out, int room)
{
    const struct shoal_interval *run = frame_counters(&m->frame, FRAME_RUN);
    const struct shoal_counter_def *def = &run->schema->def.counters[METRIC_SERVER_RESPONSES];
    int count = 0;
    for (uint32_t i = 0; i < def->value_count && count < room && !def->absent; i++) {
        if (def->values[i] != NULL && shoal_total_at(run, METRIC_SERVER_RESPONSES, i) +
                                              shoal_total_at(run, METRIC_SERVER_FAILURES, i) >
                                          0) {
            out[count++] = i;
        }
    }
    return count;
}

enum { SERVERS_SHOWN = 32 };

/* One server's figures are those of the whole run. */
int panel_servers_wanted(const struct model *m)
{
    uint32_t list[SERVERS_SHOWN];
    int count = list_servers(m, list, SERVERS_SHOWN);
    return count > 1 ? count + 1 : 0;
}

void panel_servers_draw(const struct model *m, const struct area *area, enum style title)
{
    uint32_t list[SERVERS_SHOWN];
    const struct shoal_interval *recent = frame_counters(&m->frame, FRAME_10S);
    const struct shoal_counter_def *def =
        &recent->schema->def.counters[METRIC_SERVER_RESPONSES];
    int count = list_servers(m, list, SERVERS_SHOWN);
    area_title(area, title, "Servers, 10 s");
    for (int i = 0; i < count && i + 1 < area->height; i++) {
        char text[FORMAT_MAX];
        uint64_t failed = shoal_total_at(recent, METRIC_SERVER_FAILURES, list[i]);
        struct area cut = area_part(area, 0, i + 1, 22, 1);
        area_text(&cut, 0, 1, STYLE_DIM, def->values[list[i]]);
        double rate = shoal_rate_at(recent, METRIC_SERVER_RESPONSES, list[i]);
        area_text_right(area, i + 1, 28, STYLE_PLAIN, format_number(text, FORMAT_MAX, rate));
        int x = area_text(area, i + 1, 28, STYLE_DIM, "/s") + 13;
        rate = shoal_rate_at(recent, METRIC_SERVER_BODY_BYTES, list[i]);
        area_text_right(area, i + 1, x, STYLE_PLAIN, format_bitrate(text, FORMAT_MAX, rate));
        area_text_right(area, i + 1, x + 7, failed > 0 ? STYLE_BAD : STYLE_GOOD,
                        format_count(text, FORMAT_MAX, failed));
        area_text(area, i + 1, x + 8, STYLE_DIM, "failed");
    }
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
    const double *values = timeline_column(&m->timeline, series);
    for (int i = 0; i < m->timeline.count; i++) {
        if (!isnan(values[i])) {
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

/* "cpu 0.42", or nothing where it is not known or does not fit; returns the column after it. */
static int put_known(const struct area *area, int y, int x, const char *words, double value,
                     char *(*format)(char *dst, size_t size, double value))
{
    char text[FORMAT_MAX];
    if (isnan(value)) {
        return x;
    }
    format(text, sizeof(text), value);
    if (x + (int)(strlen(words) + strlen(text)) + 1 > area->width) {
        return x;
    }
    x = area_text(area, y, x, STYLE_DIM, words);
    return area_text(area, y, x + 1, STYLE_PLAIN, text) + 2;
}

/* All exporters together over the newest rows: the same seconds below each other as in Rates.
 */
static void draw_origin_lines(const struct model *m, const struct area *area, int y)
{
    int count = m->timeline.count;
    char text[FORMAT_MAX];
    for (int i = 0; i < ORIGIN_LINES; i++) {
        if (!is_known(m, origin_lines[i].series)) {
            continue;
        }
        const double *values = timeline_column(&m->timeline, origin_lines[i].series);
        double newest = values[count - 1];
        struct area line = area_part(area, 26, y, area->width - 27, 1);
        area_text(area, y, 1, STYLE_DIM, origin_lines[i].name);
        area_text_right(area, y, 24, isnan(newest) ? STYLE_DIM : STYLE_BOLD,
                        isnan(newest) ? "-" : origin_lines[i].format(text, FORMAT_MAX, newest));
        plot_line(&line, values, count, model_top(values, count));
        y++;
    }
}

/* "server:9100" of a URL. */
static const char *host_of(const char *url, char *dst, size_t size)
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    snprintf(dst, size, "%.*s", (int)strcspn(host, "/?#"), host);
    return dst;
}

void panel_origin_draw(const struct model *m, const struct area *area, enum style title)
{
    char text[64];
    area_title(area, title, "Origin");
    for (unsigned i = 0; i < m->frame.state.origin_count; i++) {
        const struct origin_figures *figures = &m->frame.state.origin[i];
        struct area name = area_part(area, 0, (int)i + 1, 22, 1);
        area_text(&name, 0, 1, STYLE_DIM, host_of(figures->url, text, sizeof(text)));
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
