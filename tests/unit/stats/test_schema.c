/* How a schema is laid out and which tables it refuses; that Shoal's table of metrics lies
 * where metrics.h says it does. */
#include "fixture.h"

#include "stats/metrics.h"

#include <errno.h>
#include <string.h>

static void test_layout(void **state)
{
    (void)state;
    struct shoal_schema_def def = fixture_schema_def();
    struct shoal_schema *schema;
    assert_int_equal(shoal_schema_new(&def, &schema), 0);
    uint32_t word = SHOAL_HEADER_WORDS;
    for (uint32_t i = 0; i < FIXTURE_COUNTERS; i++) {
        assert_int_equal(schema->counter[i].total, word + i);
    }
    word += FIXTURE_COUNTERS;
    assert_int_equal(schema->counter[STARTED].labels, 0);
    assert_int_equal(schema->counter[FAULTS].labels, word);
    word += FAULT_VALUES;
    assert_int_equal(schema->counter_words, word);
    for (uint32_t i = 0; i < FIXTURE_HISTOGRAMS; i++) {
        const struct shoal_histogram_def *row = &def.histograms[i];
        assert_int_equal(schema->histogram[i].sum, word);
        assert_int_equal(schema->histogram[i].buckets, word + 1);
        assert_int_equal(schema->histogram[i].bucket_count,
                         shoal_bucket_of(row->max, row->bits) + 1);
        word += 1 + schema->histogram[i].bucket_count;
    }
    assert_int_equal(schema->full_words, word);
    shoal_schema_free(schema);
}

static void test_schema_owns_its_strings(void **state)
{
    (void)state;
    char name[] = "hits", label[] = "kind", value[] = "video";
    const char *values[] = {value};
    struct shoal_counter_def counter = {name, "1", "Hits", label, values, 1};
    struct shoal_schema_def def = {.counters = &counter, .counter_count = 1};
    struct shoal_schema *schema;
    assert_int_equal(shoal_schema_new(&def, &schema), 0);
    memset(name, 'x', 4);
    memset(label, 'x', 4);
    memset(value, 'x', 5);
    memset(&counter, 0, sizeof(counter));
    assert_string_equal(schema->def.counters[0].name, "hits");
    assert_string_equal(schema->def.counters[0].label, "kind");
    assert_string_equal(schema->def.counters[0].values[0], "video");
    shoal_schema_free(schema);
}

static void test_names_are_found(void **state)
{
    (void)state;
    struct shoal_schema_def def = fixture_schema_def();
    struct shoal_schema *schema;
    assert_int_equal(shoal_schema_new(&def, &schema), 0);
    assert_int_equal(shoal_schema_counter(schema, "bytes"), BYTES);
    assert_int_equal(shoal_schema_counter(schema, "latency"), -1);
    assert_int_equal(shoal_schema_histogram(schema, "latency"), LATENCY);
    assert_int_equal(shoal_schema_histogram(schema, "ok"), -1);
    assert_int_equal(shoal_schema_derived(schema, "ok_ratio"), OK_RATIO);
    assert_int_equal(shoal_schema_derived(schema, ""), -1);
    shoal_schema_free(schema);
}

static void expect_refused(struct shoal_schema_def def)
{
    struct shoal_schema *schema = NULL;
    assert_int_equal(shoal_schema_new(&def, &schema), -EINVAL);
    assert_null(schema);
}

static void test_bad_counters_are_refused(void **state)
{
    (void)state;
    const char *values[] = {"a"};
    const struct shoal_counter_def bad[] = {
        {NULL, "1", "No name", NULL, NULL, 0},
        {"", "1", "Empty name", NULL, NULL, 0},
        {"x", "1", "Label without values", "kind", NULL, 0},
        {"x", "1", "Values without label", NULL, values, 1},
        {"x", "1", "Values missing", "kind", NULL, 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_refused((struct shoal_schema_def){.counters = &bad[i], .counter_count = 1});
    }
    const struct shoal_counter_def twice[] = {{"x", "1", "Once", NULL, NULL, 0},
                                              {"x", "1", "Again", NULL, NULL, 0}};
    expect_refused((struct shoal_schema_def){.counters = twice, .counter_count = 2});
}

static void test_bad_histograms_and_formulas_are_refused(void **state)
{
    (void)state;
    const struct shoal_histogram_def bad[] = {
        {"h", "us", "No bits", 0, 1000},
        {"h", "us", "Too many bits", 11, 1000},
        {"h", "us", "No range", 5, 0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_refused((struct shoal_schema_def){.histograms = &bad[i], .histogram_count = 1});
    }
    const struct shoal_derived_def stray = {"d", "1", "No such counter", SHOAL_GAUGE, {1}};
    expect_refused((struct shoal_schema_def){.derived = &stray, .derived_count = 1});
}

static void test_metrics_lie_where_their_header_says(void **state)
{
    (void)state;
    struct shoal_schema *schema;
    assert_int_equal(metrics_schema_new(NULL, 3, NULL, 0, NULL, &schema), 0);
    assert_int_equal(schema->def.counter_count, METRIC_COUNT);
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        assert_int_equal(schema->counter[i].labels, metric_labels[i]);
        assert_int_equal(schema->def.counters[i].value_count, metric_values[i]);
    }
    assert_int_equal(schema->def.histogram_count, METRIC_HISTOGRAM_COUNT);
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        assert_memory_equal(&schema->histogram[i], &metric_histograms[i],
                            sizeof(schema->histogram[i]));
        assert_int_equal(schema->def.histograms[i].bits, metric_bits[i]);
    }
    assert_int_equal(schema->full_words, METRIC_WORDS);
    shoal_schema_free(schema);
}

static void test_metrics_names(void **state)
{
    (void)state;
    const char *variants[] = {"360p", "720p"};
    const char *servers[] = {"192.0.2.1", "2001:db8::1"};
    struct shoal_schema *schema;
    assert_int_equal(metrics_schema_new(variants, 2, servers, 2, NULL, &schema), 0);
    assert_int_equal(shoal_schema_counter(schema, "http_responses_2xx"),
                     METRIC_HTTP_RESPONSES_2XX);
    assert_int_equal(shoal_schema_histogram(schema, "edge_latency"), METRIC_EDGE_LATENCY);
    assert_int_equal(shoal_schema_derived(schema, "rebuffer_ratio"), METRIC_REBUFFER_RATIO);
    const struct shoal_counter_def *row = &schema->def.counters[METRIC_SEGMENTS];
    assert_string_equal(row->label, "variant");
    assert_string_equal(row->values[1], "720p");
    assert_null(row->values[2]);
    assert_string_equal(row->values[METRIC_VARIANT_OTHER], "other");
    row = &schema->def.counters[METRIC_SERVER_FAILURES];
    assert_string_equal(row->label, "server");
    assert_string_equal(row->values[1], "2001:db8::1");
    assert_null(row->values[2]);
    assert_string_equal(row->values[METRIC_SERVER_OTHER], "other");
    row = &schema->def.counters[METRIC_HTTP_RESPONSES];
    assert_string_equal(row->values[404 - METRIC_STATUS_MIN], "404");
    row = &schema->def.counters[METRIC_FAILURES];
    assert_null(row->values[FAIL_NONE]);
    assert_string_equal(row->values[FAIL_CONNECT_REFUSED], "connect_refused");
    shoal_schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_schema_owns_its_strings),
        cmocka_unit_test(test_names_are_found),
        cmocka_unit_test(test_bad_counters_are_refused),
        cmocka_unit_test(test_bad_histograms_and_formulas_are_refused),
        cmocka_unit_test(test_metrics_lie_where_their_header_says),
        cmocka_unit_test(test_metrics_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
