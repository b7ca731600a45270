/* What an engine cannot tell is in no view: neither as a zero nor as a name with a value. The
 * invented run counts it all the same, so that a view that shows it shows a number. */
#include "fixture.h"
#include "stats/metrics.h"
#include "view/csv.h"
#include "view/live_json.h"
#include "view/metrics_text.h"
#include "view/progress.h"
#include "view/report_compare.h"
#include "view/report_load.h"
#include "view/report_merge.h"
#include "view/tui/canvas.h"
#include "view/tui/model.h"
#include "view/tui/panels.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const enum metric counters[] = {METRIC_DEADLINE_MISSED, METRIC_VARIANT_SWITCHES,
                                       METRIC_PLAYLISTS_UNCHANGED, METRIC_SERVER_RESPONSES};
static const enum metric_histogram histograms[] = {METRIC_SEGMENT_DOWNLOAD, METRIC_EDGE_LATENCY,
                                                   METRIC_DEADLINE_SLACK};
static const struct metrics_absent absent = {counters, 4, histograms, 3};

/* All that follows from the above. */
static const char *const names[] = {
    "deadline_missed",  "variant_switches", "playlists_unchanged", "server_responses",
    "segment_download", "edge_latency",     "deadline_slack",      "playlist_unchanged_ratio"};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

struct played {
    struct fixture fixture;
    struct frame_source *source;
    struct frame frame;
    struct report report;
    struct buf text;
};

static int set_up(void **state)
{
    struct played *played = calloc(1, sizeof(*played));
    assert_non_null(played);
    struct fixture *fixture = &played->fixture;
    fixture_init_absent(fixture, &absent);
    fixture_play_all(fixture);
    fixture_finish(fixture);
    assert_int_equal(report_make(&played->report, &fixture->info, fixture->recorder,
                                 fixture->thresholds, FIXTURE_THRESHOLDS, false),
                     0);
    played->source = frame_source_new(&fixture->setup, fixture->recorder, fixture->thresholds,
                                      FIXTURE_THRESHOLDS);
    assert_non_null(played->source);
    frame_read(played->source, &played->frame);
    buf_init(&played->text, 64 << 20);
    *state = played;
    return 0;
}

static int tear_down(void **state)
{
    struct played *played = *state;
    frame_source_free(played->source);
    report_fini(&played->report);
    fixture_fini(&played->fixture);
    buf_release(&played->text);
    free(played);
    return 0;
}

/* Ends the text and gives it out. */
static const char *text_of(struct played *played)
{
    assert_int_equal(buf_append(&played->text, "", 1), 0);
    return played->text.ptr;
}

static void test_the_run_has_what_is_hidden(void **state)
{
    struct played *played = *state;
    const struct shoal_interval *run = &played->report.run;
    struct shoal_summary summary;
    shoal_summarize(run, METRIC_SEGMENT_DOWNLOAD, &summary);
    assert_true(summary.count > 0);
    assert_true(run->schema->def.derived[METRIC_PLAYLIST_UNCHANGED_RATIO].absent);
    assert_false(run->schema->def.derived[METRIC_REBUFFER_RATIO].absent);
}

static void check_no_names(const char *text)
{
    assert_non_null(strstr(text, "shoal_segments_total"));
    for (int i = 0; i < NAMES; i++) {
        char name[96];
        snprintf(name, sizeof name, "shoal_%s", names[i]);
        if (strstr(text, name) != NULL) {
            fail_msg("%s is in the metrics", name);
        }
    }
}

static void test_metrics(void **state)
{
    struct played *played = *state;
    for (int format = 0; format < 2; format++) {
        played->text.len = 0;
        assert_int_equal(
            metrics_text_write(&played->frame,
                               format == 0 ? METRICS_PROMETHEUS : METRICS_OPENMETRICS,
                               &played->text),
            0);
        check_no_names(text_of(played));
    }
}

static void check_key(const char *key, const json_t *item)
{
    for (int i = 0; i < NAMES; i++) {
        /* In rows of the timeline, deadline_slack_p5_s and their like are null. */
        if (strncmp(key, names[i], strlen(names[i])) == 0 && !json_is_null(item)) {
            fail_msg("\"%s\" has a value", key);
        }
    }
}

/* No object anywhere in it has one of the names as its key. */
static void check_json(const json_t *json)
{
    const char *key;
    json_t *item;
    size_t at;
    if (json_is_array(json)) {
        json_array_foreach(json, at, item)
        {
            check_json(item);
        }
    }
    json_object_foreach((json_t *)json, key, item)
    {
        check_key(key, item);
        check_json(item);
    }
}

static void check_document(struct played *played)
{
    json_error_t error;
    json_t *root = json_loads(text_of(played), 0, &error);
    assert_non_null(root);
    check_json(root);
    json_t *list = json_object_get(root, "absent");
    assert_int_equal(json_array_size(list), NAMES);
    for (int i = 0; i < NAMES; i++) {
        bool found = false;
        for (int k = 0; k < NAMES; k++) {
            const char *name = json_string_value(json_array_get(list, (size_t)k));
            found = found || strcmp(name, names[i]) == 0;
        }
        assert_true(found);
    }
    json_decref(root);
}

static void test_report_json(void **state)
{
    struct played *played = *state;
    assert_int_equal(report_write_json(&played->report, &played->text), 0);
    check_document(played);
}

static void test_live_json(void **state)
{
    struct played *played = *state;
    assert_int_equal(live_json_write_snapshot(&played->frame, &played->text), 0);
    check_document(played);
}

static void test_report_text(void **state)
{
    struct played *played = *state;
    assert_int_equal(report_write_text(&played->report, false, &played->text), 0);
    const char *text = text_of(played);
    assert_null(strstr(text, "segments late"));
    assert_null(strstr(text, "variant switches "));
    assert_null(strstr(text, "\n  segment download "));
    const char *list =
        strstr(text, "\nNot told by this engine\n  server_responses, playlists_unchanged");
    assert_non_null(list);
    assert_non_null(strstr(list, "segment_download"));
}

static void test_rows(void **state)
{
    struct played *played = *state;
    struct recorder_state live;
    recorder_state(played->fixture.recorder, &live);
    const struct series_row *row = &played->report.rows[played->report.row_count / 2];
    assert_true(isnan(row->value[SERIES_DOWNLOAD_P95]));
    assert_true(isnan(row->value[SERIES_SWITCHES]));
    assert_false(isnan(row->value[SERIES_SEGMENTS]));
    assert_int_equal(csv_write_row(row, &played->text), 0);
    assert_null(strstr(text_of(played), "nan"));
    played->text.len = 0;
    assert_int_equal(progress_write_line(row, &live, RUN_PHASE_RUNNING, &played->text), 0);
    assert_non_null(strstr(text_of(played), "p95 -"));
}

static void test_dashboard(void **state)
{
    static const char *const words[] = {"switches", "live latency", "slack"};
    struct played *played = *state;
    struct canvas canvas = {.unicode = true};
    struct model *model = calloc(1, sizeof(*model));
    assert_non_null(model);
    model->frame = played->frame;
    model->window = FRAME_10S;
    model->focus = -1;
    timeline_read(&model->timeline, played->fixture.recorder, &model->frame.state);
    assert_int_equal(canvas_reset(&canvas, 120, 50), 0);
    panels_draw(model, &canvas);
    assert_int_equal(canvas_dump(&canvas, &played->text), 0);
    const char *text = text_of(played);
    /* Deadlines missed are told as "late", which timers may be too. */
    const char *line = strstr(text, "in all ");
    assert_non_null(line);
    assert_non_null(strstr(line, "skipped"));
    const char *late = strstr(line, "late");
    assert_true(late == NULL || late > strchr(line, '\n'));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(text, words[i]) != NULL) {
            fail_msg("the dashboard says '%s'", words[i]);
        }
    }
    for (int i = 0; i < MODEL_GRAPHS; i++) {
        model_key(model, 'g');
        assert_int_not_equal(model_graphs[model->graph].series, SERIES_DOWNLOAD_P95);
    }
    canvas_fini(&canvas);
    free(model);
}

static void test_thresholds_are_refused(void **state)
{
    static const char *const bad[] = {"p99(segment_download)<800ms",
                                      "count(deadline_missed)==0", "rate(variant_switches)<1/s",
                                      "count(edge_latency)>0", "playlist_unchanged_ratio<50%"};
    struct played *played = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct threshold threshold;
        struct err err = {0};
        assert_int_equal(
            threshold_parse(played->fixture.schema, span_from_string(bad[i]), &threshold, &err),
            -1);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.why, "cannot tell"));
    }
}

/* Through a file and back. */
static void save_and_load(const struct report *report, struct buf *text, struct report *out)
{
    char path[] = "/tmp/shoal-absent-XXXXXX";
    struct err err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    text->len = 0;
    assert_int_equal(report_write_json(report, text), 0);
    assert_int_equal(report_save(text, path, &err), 0);
    assert_int_equal(report_load(path, out, &err), 0);
    unlink(path);
}

/* Another run, of an engine that tells all. */
static void load_whole(struct buf *text, struct report *out)
{
    struct fixture fixture;
    struct report report;
    fixture_init(&fixture);
    fixture.info.id = "another run";
    fixture_play(&fixture, 2000000, 10, false);
    fixture_finish(&fixture);
    assert_int_equal(report_make(&report, &fixture.info, fixture.recorder, NULL, 0, false), 0);
    save_and_load(&report, text, out);
    report_fini(&report);
    fixture_fini(&fixture);
}

/* Read back it lacks the same; a sum with a run that has more would be a lie. */
static void test_read_back(void **state)
{
    struct played *played = *state;
    struct report loaded, whole;
    struct err err = {0};
    struct buf again;
    buf_init(&again, 64 << 20);
    save_and_load(&played->report, &played->text, &loaded);
    assert_int_equal(report_write_json(&loaded, &again), 0);
    assert_int_equal(again.len, played->text.len);
    assert_memory_equal(again.ptr, played->text.ptr, again.len);

    load_whole(&again, &whole);
    assert_int_equal(report_merge(&loaded, &whole, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.why, "tell different figures"));
    again.len = 0;
    assert_true(report_write_comparison(&loaded, &whole, false, &again) >= 0);
    assert_int_equal(buf_append(&again, "", 1), 0);
    const char *line = strstr(again.ptr, "segment download p95");
    assert_non_null(line);
    assert_non_null(strstr(line, " - "));
    report_fini(&whole);
    report_fini(&loaded);
    buf_release(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_run_has_what_is_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metrics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_live_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dashboard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thresholds_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_back, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("view/absent", tests, NULL, NULL);
}
