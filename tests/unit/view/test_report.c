/* Reports read back, merged and compared; JUnit and percentile files. */
#include "fixture.h"
#include "stats/metrics.h"
#include "view/report_compare.h"
#include "view/report_files.h"
#include "view/report_load.h"
#include "view/report_merge.h"
#include "view/report_origin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct played {
    struct fixture fixture;
    struct report report;
    struct buf text;
    char path[64]; /* of the JSON report */
};

static void write_json(const struct report *report, const char *path)
{
    struct buf text;
    struct err err = {0};
    buf_init(&text, 64 << 20);
    assert_int_equal(report_write_json(report, &text), 0);
    assert_int_equal(report_save(&text, path, &err), 0);
    buf_release(&text);
}

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
    buf_init(&played->text, 64 << 20);
    strcpy(played->path, "/tmp/shoal-report-XXXXXX");
    int fd = mkstemp(played->path);
    assert_true(fd >= 0);
    close(fd);
    write_json(&played->report, played->path);
    *state = played;
    return 0;
}

static int tear_down(void **state)
{
    struct played *played = *state;
    unlink(played->path);
    report_fini(&played->report);
    fixture_fini(&played->fixture);
    buf_release(&played->text);
    free(played);
    return 0;
}

/* Read back and written again it is the same, byte for byte. */
static void test_round_trip(void **state)
{
    struct played *played = *state;
    struct report loaded;
    struct err err = {0};
    assert_int_equal(report_load(played->path, &loaded, &err), 0);
    assert_int_equal(report_write_json(&loaded, &played->text), 0);
    fixture_assert_golden(&played->text, "report.json");
    played->text.len = 0;
    assert_int_equal(report_write_text(&loaded, false, &played->text), 0);
    fixture_assert_golden(&played->text, "report.txt");
    assert_int_equal(loaded.status, REPORT_FAILED);
    report_fini(&loaded);
}

/* Loads the report twice, the second as another machine's that began so much later. */
static void load_two(struct played *played, int64_t later_us, struct report *a,
                     struct report *b)
{
    struct err err = {0};
    struct report other = played->report;
    assert_int_equal(report_load(played->path, a, &err), 0);
    other.info.id = "20260301T123456-2b3c";
    other.info.host = "there";
    other.info.start_wall_us += later_us;
    write_json(&other, played->path);
    assert_int_equal(report_load(played->path, b, &err), 0);
}

/* What happened in all rows together. */
static double sum_of(const struct report *report, enum series series)
{
    double sum = 0;
    for (size_t i = 0; i < report->row_count; i++) {
        double seconds = report->rows[i].value[SERIES_INTERVAL];
        sum += report->rows[i].value[series] * seconds;
    }
    return sum;
}

static void assert_near(double found, double expected)
{
    if (!(found > expected * (1 - 1e-9) && found < expected * (1 + 1e-9))) {
        fail_msg("found %.12g, expected %.12g", found, expected);
    }
}

static void test_merge_adds_exactly(void **state)
{
    struct played *played = *state;
    const struct shoal_interval *run = &played->report.run;
    struct report a, b;
    struct err err = {0};
    load_two(played, 5000000, &a, &b);
    assert_int_equal(report_merge(&a, &b, &err), 0);
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        assert_int_equal(shoal_total(&a.run, i), 2 * shoal_total(run, i));
    }
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        static const double p99 = 99;
        struct shoal_summary one, both;
        uint64_t of_one, of_both;
        shoal_summarize(run, i, &one);
        shoal_summarize(&a.run, i, &both);
        shoal_percentiles(run, i, &p99, 1, &of_one);
        shoal_percentiles(&a.run, i, &p99, 1, &of_both);
        assert_int_equal(both.count, 2 * one.count);
        assert_int_equal(both.sum, 2 * one.sum);
        assert_int_equal(of_both, of_one);
    }
    assert_int_equal(a.run.elapsed_us, run->elapsed_us + 5000000);
    assert_int_equal(a.info.start_wall_us, played->report.info.start_wall_us);
    assert_int_equal(a.failure_count, 2 * played->report.failure_count);
    assert_string_equal(a.info.host, "here, there");
    assert_int_equal(a.merged, 2);
    assert_int_equal(a.tally.sampled, 2 * 2);
    assert_int_equal(a.tally.not_sampled, 2 * 111);
    report_fini(&a);
    report_fini(&b);
}

/* Wherever one machine's seconds begin in the other's, nothing is lost or told twice, and rows
 * are in order and do not overlap. */
static void test_merge_aligns_rows(void **state)
{
    static const int64_t later_us[] = {0,       5000000,   500000,  499999,
                                       7250000, 100000000, -3700000};
    struct played *played = *state;
    for (size_t c = 0; c < sizeof(later_us) / sizeof(later_us[0]); c++) {
        struct report a, b;
        struct err err = {0};
        write_json(&played->report, played->path);
        load_two(played, later_us[c], &a, &b);
        double segments = sum_of(&a, SERIES_SEGMENTS), bytes = sum_of(&a, SERIES_BYTES);
        assert_int_equal(report_merge(&a, &b, &err), 0);
        assert_near(sum_of(&a, SERIES_SEGMENTS), 2 * segments);
        assert_near(sum_of(&a, SERIES_BYTES), 2 * bytes);
        double most = 0;
        for (size_t i = 0; i < a.row_count; i++) {
            const double *row = a.rows[i].value;
            double before = i > 0 ? a.rows[i - 1].value[SERIES_TIME] : -1e9;
            assert_true(row[SERIES_TIME] - row[SERIES_INTERVAL] > before - 1e-6);
            most = row[SERIES_ACTIVE] > most ? row[SERIES_ACTIVE] : most;
        }
        assert_near(most, later_us[c] == 100000000 ? 1000 : 2000);
        report_fini(&a);
        report_fini(&b);
    }
}

/* Two exporters, of which one is silent. */
static void tell_origin(struct report *report)
{
    report->origin_rows = calloc(report->row_count + 1, sizeof(*report->origin_rows));
    assert_non_null(report->origin_rows);
    report->origin[0] = (struct origin_figures){
        .url = "http://a:9100/", .kind = ORIGIN_MACHINE, .ok = true, .asked = 15};
    report->origin[1] = (struct origin_figures){
        .url = "http://b/", .asked = 15, .failed = 15, .why = "no whole answer"};
    report->origin_count = 2;
    for (size_t i = 0; i < report->row_count; i++) {
        for (int f = 0; f < 2 * ORIGIN_FIGURES; f++) {
            report->origin_rows[i].value[f / ORIGIN_FIGURES][f % ORIGIN_FIGURES] = (double)NAN;
        }
        if (i > 2) {
            report->origin_rows[i].value[0][ORIGIN_CPU] = (double)i;
        }
    }
}

/* The server's side comes back from JSON, and an exporter that two machines asked is one. */
static void test_exporters_are_kept(void **state)
{
    struct played *played = *state;
    size_t count = played->report.row_count;
    struct report a, b;
    struct err err = {0};
    double mean, most;
    tell_origin(&played->report);
    write_json(&played->report, played->path);
    load_two(played, 0, &a, &b);
    assert_int_equal(a.origin_count, 2);
    assert_int_equal(a.origin[0].kind, ORIGIN_MACHINE);
    assert_string_equal(a.origin[1].why, "no whole answer");
    assert_true(isnan(a.origin_rows[2].value[0][ORIGIN_CPU]));
    assert_true(report_origin_summary(&a, 0, ORIGIN_CPU, &mean, &most));
    assert_near(mean, (double)(3 + count - 1) / 2);
    assert_near(most, (double)(count - 1));
    assert_false(report_origin_summary(&a, 0, ORIGIN_BYTES, &mean, &most));
    assert_false(report_origin_summary(&a, 1, ORIGIN_CPU, &mean, &most));
    assert_int_equal(report_merge(&a, &b, &err), 0);
    assert_int_equal(a.origin_count, 2);
    assert_int_equal(a.origin[0].asked, 30);
    assert_int_equal(a.row_count, count);
    assert_true(report_origin_summary(&a, 0, ORIGIN_CPU, &mean, &most));
    assert_near(most, (double)(count - 1));
    report_fini(&a);
    report_fini(&b);
}

static void test_merge_refuses_the_same_run_twice(void **state)
{
    struct played *played = *state;
    struct report a, b, again;
    struct err err = {0};
    load_two(played, 0, &a, &b);
    assert_int_equal(report_load(played->path, &again, &err), 0);
    assert_int_equal(report_merge(&a, &b, &err), 0);
    assert_int_equal(report_merge(&a, &again, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.why, "twice"));
    report_fini(&a);
    report_fini(&b);
    report_fini(&again);
}

static void test_merge_refuses_other_streams(void **state)
{
    static const char *const names[] = {"other"};
    struct played *played = *state;
    struct report a, b;
    struct err err = {0};
    load_two(played, 0, &a, &b);
    struct shoal_schema *schema;
    const struct shoal_schema *own = b.run.schema;
    assert_int_equal(metrics_schema_new(names, 1, NULL, 0, NULL, &schema), 0);
    b.run.schema = schema;
    assert_int_equal(report_merge(&a, &b, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.why, "variants"));
    b.run.schema = own;
    shoal_schema_free(schema);
    report_fini(&a);
    report_fini(&b);
}

static void test_load_refuses_what_is_no_report(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "is empty"},
        {" ", "not JSON"},
        {"{", "not JSON"},
        {"[]", "not a report"},
        {"{\"schema\": \"cows\"}", "not a report"},
        {"{\"schema\": \"" REPORT_SCHEMA "\", \"histograms\": {\"dns\": {\"bits\": 9}}}",
         "histograms"},
        {"{\"schema\": \"" REPORT_SCHEMA "\", \"histograms\": {\"dns\": {\"bits\": 5, "
         "\"count\": 3, \"buckets\": [[7, 2]]}}}",
         "damaged"},
        {"{\"schema\": \"" REPORT_SCHEMA
         "\", \"histograms\": {\"dns\": {\"bits\": 5, \"buckets\": [[999999, 1]]}}}",
         "histograms"},
    };
    struct played *played = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct report loaded;
        struct err err = {0};
        FILE *file = fopen(played->path, "we");
        assert_non_null(file);
        fputs(cases[i].text, file);
        fclose(file);
        assert_int_equal(report_load(played->path, &loaded, &err), -1);
        assert_int_equal(err.kind, ERR_START);
        if (strstr(err.why, cases[i].why) == NULL) {
            fail_msg("%s: '%s' does not say '%s'", cases[i].text, err.why, cases[i].why);
        }
    }
}

static void test_load_refuses_a_folder(void **state)
{
    struct report loaded;
    struct err err = {0};
    (void)state;
    assert_int_equal(report_load("/", &loaded, &err), -1);
    assert_string_equal(err.why, "is a folder");
}

static void test_almost_empty_report_is_a_failed_run(void **state)
{
    struct played *played = *state;
    struct report loaded;
    struct err err = {0};
    FILE *file = fopen(played->path, "we");
    assert_non_null(file);
    fputs("{\"schema\": \"" REPORT_SCHEMA "\"}", file);
    fclose(file);
    assert_int_equal(report_load(played->path, &loaded, &err), 0);
    assert_int_equal(loaded.status, REPORT_FAILED);
    assert_int_equal(report_write_text(&loaded, false, &played->text), 0);
    report_fini(&loaded);
}

static void test_comparison(void **state)
{
    struct played *played = *state;
    struct report a, b;
    struct err err = {0};
    assert_int_equal(report_load(played->path, &a, &err), 0);
    assert_int_equal(report_load(played->path, &b, &err), 0);
    assert_int_equal(report_write_comparison(&a, &b, false, &played->text), 0);
    assert_null(strstr(played->text.ptr, "WORSE"));
    uint64_t *now = (uint64_t *)b.run.now;
    now[SHOAL_HEADER_WORDS + METRIC_STALLS] *= 2;
    now[SHOAL_HEADER_WORDS + METRIC_FAILURES] = 1;
    b.facts.ports_spent = 3;
    report_judge(&b);
    played->text.len = 0;
    assert_int_equal(report_write_comparison(&a, &b, false, &played->text), 1);
    fixture_assert_golden(&played->text, "comparison.txt");
    report_fini(&a);
    report_fini(&b);
}

/* Over the whole run it holds; when it ended the run it did not, and that counts. */
static void test_a_threshold_that_ended_the_run_stays_failed(void **state)
{
    struct played *played = *state;
    struct report_threshold *row = &played->report.thresholds[FIXTURE_THRESHOLDS - 1];
    struct report loaded;
    struct err err = {0};
    assert_true(row->result.pass);
    row->ended_run = true;
    row->result = (struct threshold_result){.value = 3, .known = true};
    write_json(&played->report, played->path);
    assert_int_equal(report_load(played->path, &loaded, &err), 0);
    row = &loaded.thresholds[FIXTURE_THRESHOLDS - 1];
    assert_true(row->ended_run && !row->result.pass && row->result.value == 3);
    assert_int_equal(loaded.status, REPORT_FAILED);
    assert_string_equal(loaded.why, "3 of 4 thresholds failed, the run was ended by "
                                    "count(connect_refused)==0");
    report_fini(&loaded);
}

static void test_junit(void **state)
{
    struct played *played = *state;
    assert_int_equal(report_write_junit(&played->report, &played->text), 0);
    fixture_assert_golden(&played->text, "junit.xml");
}

static void test_hgrm(void **state)
{
    struct played *played = *state;
    assert_int_equal(report_write_hgrm(&played->report, METRIC_STARTUP, &played->text), 0);
    fixture_assert_golden(&played->text, "startup.hgrm");
}

static void test_html_holds_its_data_safely(void **state)
{
    struct played *played = *state;
    played->report.info.command = "</script><script>alert(1)</script>";
    assert_int_equal(report_write_html(&played->report, &played->text), 0);
    assert_int_equal(buf_append(&played->text, "", 1), 0);
    assert_null(strstr(played->text.ptr, "alert(1)</script>"));
    assert_non_null(strstr(played->text.ptr, "\\u003c/script>\\u003cscript>alert(1)"));
    assert_null(strstr(played->text.ptr, "{{"));
    assert_null(strstr(played->text.ptr, "src="));
}

static void test_status_order(void **state)
{
    struct played *played = *state;
    struct report *report = &played->report;
    report->threshold_count = 0;
    report_judge(report);
    assert_int_equal(report->status, REPORT_PASSED);
    report->threshold_count = FIXTURE_THRESHOLDS;
    report_judge(report);
    assert_int_equal(report->status, REPORT_FAILED);
    report->facts.descriptors_spent = 1;
    report_judge(report);
    assert_int_equal(report->status, REPORT_UNTRUSTED);
    assert_non_null(strstr(report->why, "out of descriptors")); /* and what failed besides */
    assert_non_null(strstr(report->why, "; and 2 of 4 thresholds failed"));
    played->text.len = 0;
    assert_int_equal(report_write_text(report, false, &played->text), 0);
    struct span rest = buf_span(&played->text);
    while (rest.len > 0) {
        assert_in_range(span_cut(&rest, '\n').len, 0, 80);
    }
    report->interrupted = true;
    report_judge(report);
    assert_int_equal(report->status, REPORT_INTERRUPTED);
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RUN(test_round_trip),
        WITH_RUN(test_merge_adds_exactly),
        WITH_RUN(test_merge_aligns_rows),
        WITH_RUN(test_exporters_are_kept),
        WITH_RUN(test_merge_refuses_the_same_run_twice),
        WITH_RUN(test_merge_refuses_other_streams),
        WITH_RUN(test_load_refuses_what_is_no_report),
        WITH_RUN(test_load_refuses_a_folder),
        WITH_RUN(test_almost_empty_report_is_a_failed_run),
        WITH_RUN(test_comparison),
        WITH_RUN(test_a_threshold_that_ended_the_run_stays_failed),
        WITH_RUN(test_junit),
        WITH_RUN(test_hgrm),
        WITH_RUN(test_html_holds_its_data_safely),
        WITH_RUN(test_status_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
