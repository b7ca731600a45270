/* Each view against a golden file, from the same invented run. */
#include "fixture.h"
#include "view/csv.h"
#include "view/live_json.h"
#include "view/metrics_text.h"
#include "view/progress.h"
#include "view/report.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct played {
    struct fixture fixture;
    struct report report;
    struct buf text;
};

static int set_up(void **state)
{
    struct played *played = calloc(1, sizeof(*played));
    assert_non_null(played);
    fixture_init(&played->fixture);
    fixture_play_all(&played->fixture);
    fixture_finish(&played->fixture);
    assert_int_equal(report_make(&played->report, &played->fixture.info,
                                 played->fixture.recorder, played->fixture.thresholds,
                                 FIXTURE_THRESHOLDS, false),
                     0);
    buf_init(&played->text, 16 << 20);
    *state = played;
    return 0;
}

static int tear_down(void **state)
{
    struct played *played = *state;
    report_fini(&played->report);
    fixture_fini(&played->fixture);
    buf_release(&played->text);
    free(played);
    return 0;
}

static void test_report_text(void **state)
{
    struct played *played = *state;
    assert_int_equal(report_write_text(&played->report, false, &played->text), 0);
    fixture_assert_golden(&played->text, "report.txt");
}

static void test_report_json(void **state)
{
    struct played *played = *state;
    assert_int_equal(report_write_json(&played->report, &played->text), 0);
    fixture_assert_golden(&played->text, "report.json");
}

static void test_csv(void **state)
{
    struct played *played = *state;
    assert_int_equal(csv_write_head(&played->text), 0);
    for (size_t i = 0; i < played->report.row_count; i++) {
        assert_int_equal(csv_write_row(&played->report.rows[i], &played->text), 0);
    }
    fixture_assert_golden(&played->text, "timeline.csv");
}

static void test_progress(void **state)
{
    struct played *played = *state;
    struct recorder_state live;
    recorder_state(played->fixture.recorder, &live);
    for (size_t i = 0; i < played->report.row_count; i++) {
        assert_int_equal(progress_write_line(&played->report.rows[i], &live, RUN_PHASE_RUNNING,
                                             &played->text),
                         0);
    }
    fixture_assert_golden(&played->text, "progress.txt");
}

static void write_metrics(struct played *played, enum metrics_format format)
{
    struct frame frame;
    struct frame_source *source =
        frame_source_new(&played->fixture.setup, played->fixture.recorder,
                         played->fixture.thresholds, FIXTURE_THRESHOLDS);
    assert_non_null(source);
    frame_read(source, &frame);
    assert_int_equal(metrics_text_write(&frame, format, &played->text), 0);
    frame_source_free(source);
}

static void test_prometheus(void **state)
{
    struct played *played = *state;
    write_metrics(played, METRICS_PROMETHEUS);
    fixture_assert_golden(&played->text, "metrics.prom");
}

static void test_openmetrics(void **state)
{
    struct played *played = *state;
    write_metrics(played, METRICS_OPENMETRICS);
    fixture_assert_golden(&played->text, "metrics.openmetrics");
}

/* The rates of all rows, each over its own interval, make up the totals exactly. */
static void test_timeline_sums_to_the_totals(void **state)
{
    static const struct {
        enum series series;
        const char *counter;
    } cases[] = {{SERIES_SEGMENTS, "segments"},
                 {SERIES_REQUESTS, "http_requests"},
                 {SERIES_BYTES, "body_bytes"},
                 {SERIES_STALLS, "stalls"}};
    struct played *played = *state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        double sum = 0;
        for (size_t i = 0; i < played->report.row_count; i++) {
            const double *v = played->report.rows[i].value;
            sum += v[cases[c].series] * v[SERIES_INTERVAL];
        }
        int counter = shoal_schema_counter(played->fixture.schema, cases[c].counter);
        double total = (double)shoal_total(&played->report.run, (uint32_t)counter);
        if (sum < total - 0.5 || sum > total + 0.5) {
            fail_msg("%s: rows sum to %f, the total is %f", cases[c].counter, sum, total);
        }
    }
}

static void test_accept_chooses_the_format(void **state)
{
    static const struct {
        const char *accept;
        enum metrics_format format;
    } cases[] = {
        {NULL, METRICS_PROMETHEUS},
        {"", METRICS_PROMETHEUS},
        {"*/*", METRICS_PROMETHEUS},
        {"text/plain;version=0.0.4", METRICS_PROMETHEUS},
        {"application/openmetrics-text; version=1.0.0", METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         METRICS_OPENMETRICS},
        {"application/openmetrics-text;q=0.2,text/plain", METRICS_PROMETHEUS},
        {"application/openmetrics-text;q=0", METRICS_PROMETHEUS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(metrics_format_accepted(cases[i].accept), cases[i].format);
    }
}

/* How many rows an answer holds; asserts that they go up to the newest, in order. */
static size_t history_rows(const struct fixture *fixture, size_t first, struct buf *text)
{
    struct series_row newest;
    double before = -1;
    text->len = 0;
    assert_int_equal(live_json_write_history(fixture->recorder, first, text), 0);
    json_t *root = json_loadb(text->ptr, text->len, 0, NULL);
    json_t *times = json_object_get(json_object_get(root, "columns"), "time_s");
    size_t count = json_array_size(times);
    size_t total = (size_t)json_integer_value(json_object_get(root, "rows"));
    for (size_t i = 0; i < count; i++) {
        double at = json_real_value(json_array_get(times, i));
        assert_true(at > before);
        before = at;
    }
    assert_int_equal(recorder_rows(fixture->recorder, total - 1, &newest, 1), 1);
    assert_true(count == 0 || fabs(before - newest.value[SERIES_TIME]) < 1e-6);
    json_decref(root);
    return count;
}

/* However long the run, an answer has a bound. */
static void test_history_is_bounded(void **state)
{
    struct fixture fixture;
    struct buf text;
    (void)state;
    buf_init(&text, 16 << 20);
    fixture_init(&fixture);
    fixture_play(&fixture, 30000000, 2, false);
    assert_in_range(history_rows(&fixture, 0, &text), 28, 31);
    assert_int_equal(history_rows(&fixture, 20, &text) + 20, history_rows(&fixture, 0, &text));
    assert_int_equal(history_rows(&fixture, 1000000, &text), 0);
    fixture_play(&fixture, 2400000000, 2, false);
    assert_in_range(history_rows(&fixture, 0, &text), 1200, 2000);
    assert_true(text.len < 1 << 20);
    fixture_fini(&fixture);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_report_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_csv, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_progress, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_prometheus, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_openmetrics, set_up, tear_down),
        cmocka_unit_test(test_history_is_bounded),
        cmocka_unit_test_setup_teardown(test_timeline_sums_to_the_totals, set_up, tear_down),
        cmocka_unit_test(test_accept_chooses_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
