#include "view/threshold.h"

#include "stats/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct block {
    struct shoal_schema *schema;
    uint64_t *now, *base;
    struct shoal_interval run;
};

static int set_up(void **state)
{
    static const char *const names[] = {"720p", "360p"};
    struct block *block = calloc(1, sizeof(*block));
    assert_non_null(block);
    assert_int_equal(metrics_schema_new(names, 2, NULL, 0, NULL, &block->schema), 0);
    block->now = calloc(block->schema->full_words, sizeof(uint64_t));
    block->base = calloc(block->schema->full_words, sizeof(uint64_t));
    assert_true(block->now != NULL && block->base != NULL);
    block->run =
        (struct shoal_interval){block->schema, block->now, block->base, 10000000, true};
    *state = block;
    return 0;
}

static int tear_down(void **state)
{
    struct block *block = *state;
    shoal_schema_free(block->schema);
    free(block->now);
    free(block->base);
    free(block);
    return 0;
}

static void count(struct block *block, uint32_t counter, uint64_t n)
{
    block->now[block->schema->counter[counter].total] += n;
}

static void count_at(struct block *block, uint32_t counter, uint32_t value, uint64_t n)
{
    block->now[block->schema->counter[counter].labels + value] += n;
    count(block, counter, n);
}

static void record(struct block *block, uint32_t histogram, uint64_t us)
{
    const struct shoal_histogram_place *place = &block->schema->histogram[histogram];
    uint32_t bits = block->schema->def.histograms[histogram].bits;
    block->now[place->buckets + shoal_bucket_of(us, bits)]++;
    block->now[place->sum] += us;
}

static void invent(struct block *block)
{
    for (uint64_t i = 1; i <= 100; i++) {
        record(block, METRIC_SEGMENT_DOWNLOAD, i * 10000); /* 10 ms to 1 s */
    }
    count(block, METRIC_HTTP_RESPONSES_4XX, 3);
    count(block, METRIC_HTTP_RESPONSES_5XX, 7);
    count(block, METRIC_STALLS, 2);
    count(block, METRIC_STALL_TIME, 500000);
    count(block, METRIC_WATCHED_TIME, 100000000);
    count_at(block, METRIC_FAILURES, FAIL_STATUS_4XX, 3);
    count_at(block, METRIC_SEGMENTS, 1, 50);
}

struct judged {
    const char *text;
    bool pass;
    double value, tolerance;
};

static void test_judges_what_is_demanded(void **state)
{
    static const struct judged cases[] = {
        {"p99(segment_download)<800ms", false, 990000, 8000},
        {"p99(segment_download)<=1s", true, 990000, 8000},
        {"p50(segment_download)<800ms", true, 500000, 4000},
        {"p99.9(segment_download) < 2s", true, 1000000, 8000},
        {"max(segment_download)>=990ms", true, 1000000, 8000},
        {"min(segment_download)<11ms", true, 10000, 80},
        {"mean(segment_download)<505.1ms", true, 505000, 0},
        {"avg(segment_download)<505ms", false, 505000, 0},
        {"count(segment_download)==100", true, 100, 0},
        {"count(stalls)==0", false, 2, 0},
        {"count(stalls)!=0", true, 2, 0},
        {"count(stalls)<=2", true, 2, 0},
        {"rate(http_errors)<1/s", false, 1, 0},
        {"rate(http_errors)<=60/m", true, 1, 0},
        {"count(http_errors)==10", true, 10, 0},
        {"rebuffer_ratio<0.5%", false, 0.005, 0},
        {"rebuffer_ratio<=0.5%", true, 0.005, 0},
        {"count(failures)==3", true, 3, 0},
        {"count(failures{status_4xx})==3", true, 3, 0},
        {"count(status_4xx)==3", true, 3, 0},
        {"rate(connect_refused)<=0/s", true, 0, 0},
        {"count(segments{360p})>40", true, 50, 0},
        {"count(segments{720p})>40", false, 0, 0},
        {"viewers_stalled<=2", true, 2, 0},
    };
    struct block *block = *state;
    invent(block);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct threshold threshold;
        struct threshold_result result;
        struct err err = {0};
        if (threshold_parse(block->schema, span_from_string(cases[i].text), &threshold, &err) <
            0) {
            fail_msg("%s: %s: %s", cases[i].text, err.what, err.why);
        }
        threshold_evaluate(&threshold, &block->run, &result);
        double off = result.value - cases[i].value;
        if (result.pass != cases[i].pass || off > cases[i].tolerance ||
            off < -cases[i].tolerance) {
            fail_msg("%s: pass %d, value %g; expected pass %d, value %g", cases[i].text,
                     result.pass, result.value, cases[i].pass, cases[i].value);
        }
    }
}

static void test_nothing_recorded_passes_and_says_so(void **state)
{
    struct block *block = *state;
    struct threshold threshold;
    struct threshold_result result;
    assert_int_equal(threshold_parse(block->schema, SPAN("p99(stall)<1s"), &threshold, NULL),
                     0);
    threshold_evaluate(&threshold, &block->run, &result);
    assert_true(result.pass);
    assert_false(result.known);
}

static void test_abort_is_a_last_word(void **state)
{
    struct block *block = *state;
    struct threshold threshold;
    assert_int_equal(
        threshold_parse(block->schema, SPAN("count(stalls)==0 abort"), &threshold, NULL), 0);
    assert_true(threshold.abort);
    assert_string_equal(threshold.text, "count(stalls)==0");
}

static void test_refuses_what_it_cannot_judge(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "operator"},
        {"p99(segment_download)", "operator"},
        {"p99(segment_download)<800", "'800' has no unit"},
        {"p99(segment_download)<", "'' is not a duration"},
        {"p101(segment_download)<1s", "'p101' is no function"},
        {"p(segment_download)<1s", "'p' is no function"},
        {"q99(segment_download)<1s", "'q99' is no function"},
        {"p99(segments)<1s", "'segments' is no time"},
        {"count(cows)==0", "'cows' is no counter"},
        {"count(failures{cows})==0", "'failures{cows}' is no counter"},
        {"count(failures{status_4xx)==0", "is no counter"},
        {"count(stalls==0", "'count(stalls' has no closing bracket"},
        {"count(stalls)=0", "has no operator"},
        {"count(stalls)=<0", "the wrong way round"},
        {"rebuffer_ratio<0.005", "'0.005' has no percent sign"},
        {"cows<1%", "'cows' is no figure"},
        {"rate(stalls)<1", "'1' has no unit"},
        {"count(stalls)==0%", "'0%' is not a number"},
        {"count(st\001alls)==0", "is not plain ASCII text"},
        {"count(st\xc3\xa4lls)==0", "is not plain ASCII text"},
    };
    struct block *block = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct threshold threshold = {.percent = 42};
        struct err err = {0};
        assert_int_equal(
            threshold_parse(block->schema, span_from_string(cases[i].text), &threshold, &err),
            -1);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_true(threshold.percent == 42);
        if (strstr(err.why, cases[i].why) == NULL) {
            fail_msg("%s: '%s' does not say '%s'", cases[i].text, err.why, cases[i].why);
        }
    }
}

static void test_says_what_may_have_been_meant(void **state)
{
    static const struct {
        const char *text, *hint;
    } cases[] = {
        {"p99(segment_downlod)<1s", "did you mean segment_download?"},
        {"rebufer_ratio<1%", "did you mean rebuffer_ratio?"},
        {"count(stals)==0", "did you mean stalls?"},
        {"count(http_eror)==0", "did you mean http_errors?"},
        {"count(status_404)==0", "did you mean status_4xx?"},
        {"p99(stalls)<1s", "write count(stalls) or rate(stalls)"},
        {"segments>5", "write count(segments) or rate(segments)"},
        {"rate(segment_download)<1/s", "write p99(segment_download)"},
        {"mean(rebuffer_ratio)<1%", "write it alone"},
        {"p99(segment_download)<800", "write 500ms, 2s, 1.5m or 1h"},
        {"count(stalls)=0", "write == in place of ="},
        {"count(stalls)=>0", "write <= or >="},
        {"count(http_responses{4xx})==0", "by status: 100 to 599"},
        {"p95(live_latency)<5s", "write for example p95(edge_latency)"},
        {"throughput>1/s", "write for example rate(body_bytes)"},
        {"p99(cows)<1s", "the times are dns, tcp_connect"},
        {"cows<1%", "the figures are viewers_target"},
        {"count(segments{1080p})>0", "segments has by variant: 720p, 360p, other"},
        {"count(stalls{1080p})>0", "stalls is not split up"},
        {"count(segments{720p)>0", "write segments{variant}"},
    };
    struct block *block = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct threshold threshold;
        struct err err = {0};
        assert_int_equal(
            threshold_parse(block->schema, span_from_string(cases[i].text), &threshold, &err),
            -1);
        if (strstr(err.hint, cases[i].hint) == NULL) {
            fail_msg("%s: '%s' does not say '%s'", cases[i].text, err.hint, cases[i].hint);
        }
    }
}

static void test_values_are_shown_in_their_unit(void **state)
{
    static const struct {
        const char *text;
        double value;
        const char *shown;
    } cases[] = {
        {"p99(stall)<1s", 812000, "812 ms"},   {"rebuffer_ratio<1%", 0.0052, "0.52 %"},
        {"rate(stalls)<1/s", 12.34, "12.3/s"}, {"count(stalls)==0", 12345, "12,345"},
        {"viewers_active<5", 7, "7"},
    };
    struct block *block = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct threshold threshold;
        char text[64];
        assert_int_equal(
            threshold_parse(block->schema, span_from_string(cases[i].text), &threshold, NULL),
            0);
        threshold_format_value(&threshold, cases[i].value, text, sizeof(text));
        assert_string_equal(text, cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_judges_what_is_demanded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_recorded_passes_and_says_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_abort_is_a_last_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_what_it_cannot_judge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_says_what_may_have_been_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_are_shown_in_their_unit, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
