/* The dashboard's screens, drawn on a canvas and compared with golden files. */
#include "fixture.h"
#include "view/tui/canvas.h"
#include "view/tui/model.h"
#include "view/tui/panels.h"
#include "view/tui/plot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct shown {
    struct fixture fixture;
    struct frame_source *source;
    struct model model;
    struct canvas canvas;
    struct buf text;
};

static int set_up(void **state)
{
    struct shown *shown = calloc(1, sizeof(*shown));
    assert_non_null(shown);
    struct fixture *fixture = &shown->fixture;
    fixture_init(fixture);
    shown->source = frame_source_new(&fixture->setup, fixture->recorder, fixture->thresholds,
                                     FIXTURE_THRESHOLDS);
    assert_non_null(shown->source);
    shown->model.window = FRAME_10S;
    shown->model.focus = -1;
    shown->canvas.unicode = true;
    buf_init(&shown->text, 1 << 20);
    *state = shown;
    return 0;
}

static int tear_down(void **state)
{
    struct shown *shown = *state;
    frame_source_free(shown->source);
    canvas_fini(&shown->canvas);
    fixture_fini(&shown->fixture);
    buf_release(&shown->text);
    free(shown);
    return 0;
}

static void show(struct shown *shown, int width, int height)
{
    model_read(&shown->model, shown->source);
    shown->text.len = 0;
    assert_int_equal(canvas_reset(&shown->canvas, width, height), 0);
    panels_draw(&shown->model, &shown->canvas);
    assert_int_equal(canvas_dump(&shown->canvas, &shown->text), 0);
}

static void play_and_show(struct shown *shown, int width, int height)
{
    fixture_play(&shown->fixture, 1000000, 100, false);
    frame_read(shown->source, &shown->model.frame);
    fixture_play(&shown->fixture, 9000000, 1000, false);
    fixture_play_all(&shown->fixture);
    show(shown, width, height);
}

static bool says(const struct shown *shown, const char *words)
{
    return memmem(shown->text.ptr, shown->text.len, words, strlen(words)) != NULL;
}

static void test_80x24(void **state)
{
    struct shown *shown = *state;
    play_and_show(shown, 80, 24);
    fixture_assert_golden(&shown->text, "tui-80x24.txt");
}

static void test_60x20_ascii(void **state)
{
    struct shown *shown = *state;
    shown->canvas.unicode = false;
    play_and_show(shown, 60, 20);
    fixture_assert_golden(&shown->text, "tui-60x20-ascii.txt");
    for (size_t i = 0; i < shown->text.len; i++) {
        assert_true((unsigned char)shown->text.ptr[i] < 128);
    }
}

static void test_140x50(void **state)
{
    struct shown *shown = *state;
    play_and_show(shown, 140, 50);
    fixture_assert_golden(&shown->text, "tui-140x50.txt");
}

static void test_before_anything_happened(void **state)
{
    struct shown *shown = *state;
    show(shown, 80, 24);
    fixture_assert_golden(&shown->text, "tui-start.txt");
}

static void test_help(void **state)
{
    struct shown *shown = *state;
    model_key(&shown->model, 'h');
    play_and_show(shown, 80, 24);
    fixture_assert_golden(&shown->text, "tui-help.txt");
}

/* On the smallest screen each named figure is there, and tab brings up what is not. */
static void test_focus_brings_a_panel_up(void **state)
{
    static const char *const always[] = {
        "Viewers",  "ended",    "Rates",   " 300 s ", "bit/s",    "Times",  "p99",
        "rebuffer", "switches", "startup", "latency", "Failures", "worker", "sampler late"};
    struct shown *shown = *state;
    play_and_show(shown, 60, 20);
    for (int banner = 0; banner < 2; banner++) {
        shown->fixture.feeders[1].saturated = banner == 1;
        fixture_play(&shown->fixture, 3000000, 1000, false);
        show(shown, 60, 20);
        assert_int_equal(says(shown, "BOTTLENECK"), banner);
        for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
            assert_true(says(shown, always[i]));
        }
    }
    assert_false(says(shown, "Last failures"));
    assert_false(says(shown, "Variants"));
    bool samples = false, variants = false, graph = false;
    for (int i = 0; i < panels_count; i++) {
        model_key(&shown->model, MODEL_KEY_TAB);
        show(shown, 60, 20);
        samples = samples || says(shown, "Last failures");
        variants = variants || says(shown, "Variants");
        graph = graph || says(shown, "segments a second");
    }
    assert_true(samples && variants && graph);
}

static void test_banner_when_the_generator_is_the_limit(void **state)
{
    struct shown *shown = *state;
    shown->fixture.feeders[1].saturated = true;
    play_and_show(shown, 80, 24);
    assert_true(says(shown, "THE GENERATOR IS THE BOTTLENECK"));
    assert_true(says(shown, "AT ITS LIMIT"));
}

/* A held display can be looked through: each window is what it was, however long it is held. */
static void test_held_windows(void **state)
{
    static const int64_t lengths_us[FRAME_RUN] = {1000000, 10000000, 60000000, 300000000};
    struct shown *shown = *state;
    const struct frame *frame = &shown->model.frame;
    fixture_play(&shown->fixture, 320000000, 10, false);
    model_read(&shown->model, shown->source);
    model_key(&shown->model, 'p');
    fixture_play(&shown->fixture, 700000000, 10, true);
    for (enum frame_window i = 0; i < FRAME_RUN; i++) {
        assert_in_range(frame_counters(frame, i)->elapsed_us, lengths_us[i],
                        lengths_us[i] + 10000000);
        assert_in_range(frame_full(frame, i)->elapsed_us, lengths_us[i],
                        lengths_us[i] + 10000000);
    }
}

/* What has been read row by row is what the recorder has, across the point where the columns
 * begin anew. */
static void test_timeline(void **state)
{
    struct shown *shown = *state;
    struct fixture *fixture = &shown->fixture;
    struct timeline *timeline = calloc(1, sizeof(*timeline));
    struct series_row *rows = calloc(TIMELINE_ROWS, sizeof(*rows));
    struct recorder_state recorded;
    assert_true(timeline != NULL && rows != NULL);
    for (int second = 0; second < 3 * TIMELINE_ROWS; second += 1 + second / 10 % 40) {
        fixture_play(fixture, 1000000LL * (1 + second / 10 % 40), 10, false);
        recorder_state(fixture->recorder, &recorded);
        timeline_read(timeline, fixture->recorder, &recorded);
        size_t count = recorded.row_count < TIMELINE_ROWS ? recorded.row_count : TIMELINE_ROWS;
        size_t first = recorded.row_count - count;
        assert_int_equal(recorder_rows(fixture->recorder, first, rows, TIMELINE_ROWS), count);
        assert_int_equal(timeline->count, count);
        for (size_t i = 0; i < count; i++) {
            for (int k = 0; k < SERIES_COUNT; k++) {
                assert_memory_equal(&timeline_column(timeline, (enum series)k)[i],
                                    &rows[i].value[k], sizeof(double));
            }
        }
    }
    /* Thinned: another step, fewer rows. */
    recorded.step_s = 2;
    timeline_read(timeline, fixture->recorder, &recorded);
    assert_int_equal(timeline->count, TIMELINE_ROWS);
    assert_int_equal(timeline->read, recorded.row_count);
    free(rows);
    free(timeline);
}

static void tell_origin(struct model *model)
{
    const double no = (double)NAN;
    struct recorder_state *state = &model->frame.state;
    state->origin[0] = (struct origin_figures){
        .url = "http://server:9100/metrics", .ok = true, .value = {1.5, 1e6, no, 21}};
    state->origin[1] = (struct origin_figures){
        .url = "http://gone/", .why = "Connection refused", .value = {no, no, no, no}};
    state->origin_count = 2;
    struct timeline *timeline = &model->timeline;
    for (int i = 0; i < timeline->count; i++) {
        int at = timeline->first + i;
        timeline->values[SERIES_ORIGIN_CPU][at] = i % 3 == 0 ? no : 0.5 * (i % 4);
        timeline->values[SERIES_ORIGIN_CONNECTIONS][at] = 21;
    }
}

/* An exporter that fails says why in its own line; the figures of all are drawn over time. */
static void test_origin(void **state)
{
    struct shown *shown = *state;
    play_and_show(shown, 140, 60);
    assert_false(says(shown, "Origin"));
    tell_origin(&shown->model);
    shown->text.len = 0;
    assert_int_equal(canvas_reset(&shown->canvas, 140, 60), 0);
    panels_draw(&shown->model, &shown->canvas);
    assert_int_equal(canvas_dump(&shown->canvas, &shown->text), 0);
    assert_true(says(shown, " server:9100           cores 1.50  sends 8.00 Mbit/s  open 21.0"));
    assert_true(says(shown, " gone                  Connection refused"));
    assert_true(says(shown, " open               21.0  "));
    shown->text.len = 0; /* in half a screen that last figure of the row has no room */
    assert_int_equal(canvas_reset(&shown->canvas, 118, 60), 0);
    panels_draw(&shown->model, &shown->canvas);
    assert_int_equal(canvas_dump(&shown->canvas, &shown->text), 0);
    assert_true(says(shown, " server:9100           cores 1.50  sends 8.00 Mbit/s"));
    assert_false(says(shown, "8.00 Mbit/s  o"));
    assert_false(says(shown, "req/s"));
}

static void test_long_texts_end_in_dots(void **state)
{
    struct shown *shown = *state;
    assert_int_equal(canvas_reset(&shown->canvas, 10, 3), 0);
    struct area area = canvas_area(&shown->canvas);
    assert_int_equal(area_text_head(&area, 0, 1, 8, STYLE_PLAIN, "seven b"), 8);
    assert_int_equal(area_text_head(&area, 1, 1, 8, STYLE_PLAIN, "eight by"), 8);
    assert_int_equal(area_text_tail(&area, 2, 1, 8, STYLE_PLAIN, "eight by"), 8);
    shown->text.len = 0;
    assert_int_equal(canvas_dump(&shown->canvas, &shown->text), 0);
    assert_true(says(shown, " seven b\n eight …\n …ght by\n"));
}

/* With room for few, those thresholds are shown that fail, wherever they stand. */
static void test_thresholds_that_fail_come_first(void **state)
{
    struct shown *shown = *state;
    struct threshold_result *results = shown->model.frame.state.thresholds;
    enum { HEIGHT = 29 };
    play_and_show(shown, 80, HEIGHT);
    for (int i = 0; i < FIXTURE_THRESHOLDS; i++) {
        results[i].pass = i < FIXTURE_THRESHOLDS - 1;
    }
    shown->text.len = 0;
    assert_int_equal(canvas_reset(&shown->canvas, 80, HEIGHT), 0);
    panels_draw(&shown->model, &shown->canvas);
    assert_int_equal(canvas_dump(&shown->canvas, &shown->text), 0);
    char last[THRESHOLD_TEXT + 8];
    snprintf(last, sizeof(last), "FAIL  %s",
             shown->fixture.thresholds[FIXTURE_THRESHOLDS - 1].text);
    assert_true(says(shown, last));
    assert_true(says(shown, " 1 of 4 thresholds fail  "));
    assert_true(says(shown, " 1 of 4 fail "));
    assert_false(says(shown, shown->fixture.thresholds[FIXTURE_THRESHOLDS - 2].text));
}

static void test_any_size_is_safe(void **state)
{
    struct shown *shown = *state;
    play_and_show(shown, 80, 24);
    for (int width = 1; width < 230; width += 7) {
        for (int height = 1; height < 70; height += 3) {
            for (shown->model.focus = -1; shown->model.focus < panels_count;
                 shown->model.focus += 3) {
                shown->model.help = (width + height) % 2 == 0;
                show(shown, width, height);
            }
        }
    }
}

static void test_keys(void **state)
{
    struct shown *shown = *state;
    struct model *model = &shown->model;
    play_and_show(shown, 80, 24);
    model_key(model, '+');
    assert_int_equal(shown->fixture.asked_target, 1100);
    model_key(model, '-');
    assert_int_equal(shown->fixture.asked_target, 900);
    shown->fixture.target = 1950;
    model_key(model, '+');
    assert_int_equal(shown->fixture.asked_target, 2000);
    shown->fixture.target = 0;
    model_key(model, '-');
    assert_int_equal(shown->fixture.asked_target, 0);
    model_key(model, 'q');
    assert_int_equal(shown->fixture.stops, 1);
    assert_non_null(strstr(model->message, "q again"));
    model_key(model, 'q');
    assert_int_equal(shown->fixture.stops, 2);
    model_key(model, 'p');
    assert_true(model->paused);
    model_key(model, ' ');
    assert_false(model->paused);
    model_key(model, MODEL_KEY_BACKTAB);
    assert_int_equal(model->focus, panels_count - 1);
    model_key(model, MODEL_KEY_TAB);
    model_key(model, MODEL_KEY_TAB);
    assert_int_equal(model->focus, 0);
    model_key(model, MODEL_KEY_ESCAPE);
    assert_int_equal(model->focus, -1);
    for (int i = 0; i < FRAME_WINDOWS; i++) {
        model_key(model, 'w');
    }
    assert_int_equal(model->window, FRAME_10S);
    model->frame.phase = RUN_PHASE_ENDING;
    shown->fixture.asked_target = 7;
    model_key(model, '+');
    assert_int_equal(shown->fixture.asked_target, 7);
}

static void test_text_from_outside_stays_in_its_cells(void **state)
{
    struct shown *shown = *state;
    struct canvas *canvas = &shown->canvas;
    struct area area;
    assert_int_equal(canvas_reset(canvas, 12, 2), 0);
    area = canvas_area(canvas);
    assert_int_equal(area_text(&area, 0, 0, STYLE_PLAIN, "a\x1b[2J\xff\xc3\xa9\xe4\xb8\xad"),
                     8);
    area_text(&area, 1, -3, STYLE_PLAIN, "cut at both ends of the row");
    assert_int_equal(canvas_dump(canvas, &shown->text), 0);
    assert_int_equal(buf_append(&shown->text, "", 1), 0);
    assert_string_equal(shown->text.ptr, "a?[2J?\xc3\xa9?\n at both end\n");
}

static void assert_dump(struct shown *shown, const char *expected)
{
    shown->text.len = 0;
    assert_int_equal(canvas_dump(&shown->canvas, &shown->text), 0);
    assert_int_equal(buf_append(&shown->text, "", 1), 0);
    assert_string_equal(shown->text.ptr, expected);
}

static void test_plots(void **state)
{
    static const double ramp[] = {0, 8}, many[] = {9, 9, 9, 4, 4, 4, 4, 8, (double)NAN};
    struct shown *shown = *state;
    struct canvas *canvas = &shown->canvas;
    for (int unicode = 0; unicode < 2; unicode++) {
        canvas->unicode = unicode;
        assert_int_equal(canvas_reset(canvas, 4, 5), 0);
        struct area screen = canvas_area(canvas);
        struct area graph = area_part(&screen, 0, 0, 4, 2),
                    line = area_part(&screen, 0, 2, 4, 1);
        plot_graph(&graph, ramp, 2, 8); /* two values, stretched over the whole width */
        plot_line(&line, many, 9, 8);
        plot_bar(&screen, 3, 0, 4, STYLE_ACCENT, 0.3);
        area_text_tail(&screen, 4, 0, 4, STYLE_PLAIN, "abcdef");
        assert_dump(shown, unicode ? "  \u28e0\u28fe\n\u2880\u28f4\u28ff\u28ff\n"
                                     "\u2584\u2584\u2588\n"
                                     "\u2588\u258e\u2591\u2591\n\u2026def\n"
                                   : "  ##\n####\n--#\n#...\n~def\n");
    }
    assert_int_equal(plot_graph_shows(4, 9), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_80x24, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_60x20_ascii, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_140x50, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_before_anything_happened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_help, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_banner_when_the_generator_is_the_limit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_focus_brings_a_panel_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_held_windows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timeline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_plots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_origin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_texts_end_in_dots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thresholds_that_fail_come_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_any_size_is_safe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_from_outside_stays_in_its_cells, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
