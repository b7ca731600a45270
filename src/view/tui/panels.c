#include "view/tui/panels.h"

#include "view/format.h"
#include "view/tui/panel_list.h"

#include <stdio.h>
#include <string.h>

enum {
    TWO_COLUMNS_FROM = 118, /* width from which panels stand in two columns */
    LEAST_WIDTH = 40,
    LEAST_HEIGHT = 8,
    LEAST_FOCUS = 4, /* rows that the panel with the focus gets at least */
    PANELS_MAX = 16,
    CORE = 6, /* panels of a rank below this come before any other grows past its share */
};

/* In the order in which they are drawn. On the smallest screen those of the core just fit. */
const struct panel panels[] = {
    {"Viewers", 2, 3, panel_viewers_wanted, panel_viewers_draw, 0, 0},
    {"Rates", 4, 6, panel_rates_wanted, panel_rates_draw, 0, 1},
    {"Graph", 4, 4, panel_graph_wanted, panel_graph_draw, 0, 9},
    {"Times", 4, 4, panel_times_wanted, panel_times_draw, 1, 2},
    {"Quality", 3, 3, panel_quality_wanted, panel_quality_draw, 1, 3},
    {"Variants", 2, 4, panel_variants_wanted, panel_variants_draw, 0, 7},
    {"Servers", 3, 5, panel_servers_wanted, panel_servers_draw, 0, 12},
    {"Failures", 2, 3, panel_failures_wanted, panel_failures_draw, 1, 4},
    {"Samples", 3, 4, panel_samples_wanted, panel_samples_draw, 1, 8},
    {"Thresholds", 2, 4, panel_thresholds_wanted, panel_thresholds_draw, 1, 6},
    {"Second graph", 4, 4, panel_second_wanted, panel_second_draw, 1, 11},
    {"Origin", 2, 9, panel_origin_wanted, panel_origin_draw, 0, 10},
    {"Generator", 2, 2, panel_generator_wanted, panel_generator_draw, 0, 5},
};
const int panels_count = sizeof(panels) / sizeof(panels[0]);

struct layout {
    int height;             /* rows left to give */
    int wanted[PANELS_MAX]; /* 0: not in this column, or nothing to show */
    int given[PANELS_MAX];
};

static int min(int a, int b)
{
    return a < b ? a : b;
}

static void give(struct layout *layout, int panel, int rows)
{
    int more = min(rows - layout->given[panel], layout->height);
    if (more > 0) {
        layout->given[panel] += more;
        layout->height -= more;
    }
}

/* Gives the panels of a column their rows: first the one that has the focus, which others make
 * room for; then what none can do without, then fair shares in the order of rank, then all they
 * want. */
static void lay_out(const struct model *model, struct layout *layout)
{
    int by_rank[PANELS_MAX];
    for (int i = 0; i < panels_count; i++) {
        by_rank[panels[i].rank] = i;
    }
    int focus = model->focus;
    if (focus >= 0 && layout->wanted[focus] > 0) {
        int share = layout->height / 2;
        give(layout, focus,
             min(layout->wanted[focus], share > LEAST_FOCUS ? share : LEAST_FOCUS));
    }
    for (int rank = 0; rank < CORE; rank++) {
        int i = by_rank[rank];
        if (layout->wanted[i] > 0 && layout->given[i] == 0 &&
            layout->height >= panels[i].least) {
            give(layout, i, panels[i].least);
        }
    }
    for (int rank = 0; rank < panels_count; rank++) {
        int i = by_rank[rank];
        if (layout->given[i] > 0 || layout->height >= panels[i].least) {
            give(layout, i, min(layout->wanted[i], panels[i].fair));
        }
    }
    if (focus >= 0) {
        give(layout, focus, layout->wanted[focus]);
    }
    for (int rank = 0; rank < panels_count; rank++) {
        int i = by_rank[rank];
        if (layout->given[i] > 0) {
            give(layout, i, layout->wanted[i]);
        }
    }
}

/* Draws the panels of one column, or of both when `column` is -1. */
static void draw_column(const struct model *model, const struct area *area, int column)
{
    struct layout layout = {.height = area->height};
    for (int i = 0; i < panels_count; i++) {
        bool here = column < 0 || panels[i].column == column;
        layout.wanted[i] = here ? panels[i].wanted(model) : 0;
    }
    lay_out(model, &layout);
    int y = 0;
    for (int i = 0; i < panels_count; i++) {
        if (layout.given[i] > 0) {
            struct area part = area_part(area, 0, y, area->width, layout.given[i]);
            panels[i].draw(model, &part, i == model->focus ? STYLE_FOCUS : STYLE_TITLE);
            y += layout.given[i];
        }
    }
}

/* How many thresholds fail, before column `end`; their panel may not be there. Returns where
 * that begins. */
static int draw_failed(const struct frame *frame, const struct area *area, int end)
{
    enum { ALL_WORDS = 78 }; /* width from which there is room for them */
    unsigned failed = 0;
    char text[48];
    for (unsigned i = 0; i < frame->threshold_count; i++) {
        failed += frame->state.thresholds[i].pass ? 0 : 1;
    }
    if (failed == 0) {
        return end;
    }
    int width = snprintf(text, sizeof(text), "%u of %u %sfail", failed, frame->threshold_count,
                         area->width >= ALL_WORDS ? "thresholds " : "");
    area_text_right(area, 0, end - 1, STYLE_BAD, text);
    return end - width - 3;
}

static void draw_header(const struct model *model, const struct area *area)
{
    static const char *const phases[] = {"starting", "running", "ending", "over"};
    const struct frame *frame = &model->frame;
    bool running = frame->phase == RUN_PHASE_RUNNING && !model->paused;
    char at[FORMAT_MAX], planned[FORMAT_MAX], right[120];
    format_clock(at, sizeof(at), frame->at_us);
    format_clock(planned, sizeof(planned), frame->info->duration_us);
    bool ends = frame->info->duration_us > 0;
    int width =
        snprintf(right, sizeof(right), "%s%s %s%s%s ", model->paused ? "display PAUSED  " : "",
                 phases[frame->phase], at, ends ? " / " : "", ends ? planned : "");
    int end = area->width - width;
    area_text(area, 0, 0, STYLE_HEAD, " shoal ");
    int url_end = draw_failed(frame, area, end - 3);
    area_text_tail(area, 0, 8, url_end, STYLE_BOLD, frame->info->url);
    area_rune(area, 0, end - 2, running ? STYLE_GOOD : STYLE_WARN, 0x25cf);
    area_text(area, 0, end, running ? STYLE_GOOD : STYLE_WARN, right);
}

/* What must not be overlooked, or NULL. */
static const char *banner_of(const struct model *model, char *dst, size_t size)
{
    const struct recorder_state *state = &model->frame.state;
    struct trust_verdict trust;
    trust_judge(&state->facts, &trust);
    if (state->bottleneck) {
        snprintf(dst, size, " THE GENERATOR IS THE BOTTLENECK: %s ", state->bottleneck_why);
        return dst;
    }
    if (!trust.trusted) {
        snprintf(dst, size, " NOT TO BE TRUSTED: %s ", trust.why);
        return dst;
    }
    return NULL;
}

static bool draw_banner(const struct model *model, const struct area *area)
{
    char text[320];
    if (banner_of(model, text, sizeof(text)) == NULL) {
        return false;
    }
    for (int x = 0; x < area->width; x++) {
        area_rune(area, 1, x, STYLE_BANNER, ' ');
    }
    area_text(area, 1, 0, STYLE_BANNER, text);
    return true;
}

static void draw_foot(const struct model *model, const struct area *area)
{
    static const struct {
        const char *key, *words;
    } keys[] = {{"h", "help"},     {"q", "quit"},   {"p", "pause"}, {"tab", "panel"},
                {"+-", "viewers"}, {"w", "window"}, {"s", "sort"},  {"g", "graph"}};
    int y = area->height - 1, x = 0;
    if (model->message[0] != '\0') {
        area_text(area, y, 0, STYLE_BOLD, model->message);
        return;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        int width = (int)(strlen(keys[i].key) + strlen(keys[i].words) + 3);
        if (x + width > area->width) {
            break;
        }
        x = area_text(area, y, x, STYLE_BOLD, keys[i].key) + 1;
        x = area_text(area, y, x, STYLE_DIM, keys[i].words) + 2;
    }
    if (model->url != NULL) {
        char text[160];
        snprintf(text, sizeof(text), "%s%s", model->exposed ? "open to all: " : "", model->url);
        if (x + (int)strlen(text) <= area->width) {
            area_text_right(area, y, area->width, model->exposed ? STYLE_WARN : STYLE_DIM,
                            text);
        }
    }
}

static void draw_help(const struct model *model, const struct area *area)
{
    static const char *const lines[] = {
        "h ?        this help",
        "p space    hold the display; the run goes on",
        "tab        next panel gets the room; esc: none",
        "w          window of times and quality",
        "s          order of failures and variants",
        "g          figure of the graph",
        "+ -        a tenth more or fewer viewers",
        "q          end the run; twice: at once",
        "ctrl-z     suspend; fg brings it back",
    };
    enum { COUNT = sizeof(lines) / sizeof(lines[0]), WIDTH = 56 };
    int left = area->width > WIDTH ? (area->width - WIDTH) / 2 : 0;
    int top = area->height > COUNT + 2 ? (area->height - COUNT - 2) / 2 : 0;
    struct area box = area_part(area, left, top, WIDTH, COUNT + 2);
    area_box(&box);
    area_text(&box, 0, 2, STYLE_TITLE, " Keys ");
    for (int i = 0; i < COUNT; i++) {
        area_text(&box, i + 1, 2, STYLE_PLAIN, lines[i]);
    }
    if (model->url != NULL) {
        area_printf(&box, COUNT + 1, 2, STYLE_TITLE, " the page: %s ", model->url);
    }
    if (model->frame_max_us > 0) {
        char mean[FORMAT_MAX], most[FORMAT_MAX], text[96];
        format_duration(mean, sizeof(mean), model->frame_mean_us);
        format_duration(most, sizeof(most), model->frame_max_us);
        snprintf(text, sizeof(text), " a frame takes %s, at most %s ", mean, most);
        area_text_right(&box, 0, WIDTH - 2, STYLE_DIM, text);
    }
}

void panels_draw(const struct model *model, struct canvas *canvas)
{
    struct area screen = canvas_area(canvas);
    if (screen.width < LEAST_WIDTH || screen.height < LEAST_HEIGHT) {
        area_text(&screen, 0, 0, STYLE_BOLD, "too small");
        return;
    }
    draw_header(model, &screen);
    int top = draw_banner(model, &screen) ? 2 : 1;
    int height = screen.height - top - 1;
    if (screen.width >= TWO_COLUMNS_FROM) {
        int half = (screen.width - 2) / 2;
        struct area left = area_part(&screen, 0, top, half, height);
        struct area right = area_part(&screen, screen.width - half, top, half, height);
        draw_column(model, &left, 0);
        draw_column(model, &right, 1);
    } else {
        struct area body = area_part(&screen, 0, top, screen.width, height);
        draw_column(model, &body, -1);
    }
    draw_foot(model, &screen);
    if (model->help) {
        draw_help(model, &screen);
    }
}
