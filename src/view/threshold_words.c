#include "view/threshold_words.h"

#include "base/fail.h"
#include "base/nearest.h"
#include "stats/metrics.h"
#include "view/threshold.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 512 };

/* Names, ended by NULL. */
struct words {
    const char *at[WORDS_MAX + 1];
    size_t count;
};

static void add(struct words *words, const char *name)
{
    if (words->count < WORDS_MAX && name != NULL) {
        words->at[words->count++] = name;
        words->at[words->count] = NULL;
    }
}

static void add_histograms(const struct shoal_schema *schema, struct words *words)
{
    for (uint32_t i = 0; i < schema->def.histogram_count; i++) {
        add(words, schema->def.histograms[i].name);
    }
}

static void add_figures(const struct shoal_schema *schema, struct words *words)
{
    for (uint32_t i = 0; i < schema->def.derived_count; i++) {
        add(words, schema->def.derived[i].name);
    }
}

static void add_counters(const struct shoal_schema *schema, struct words *words)
{
    for (uint32_t i = 0; i < schema->def.counter_count; i++) {
        bool detail = metrics_is_by_viewer(&schema->def.counters[i]);
        add(words, detail ? NULL : schema->def.counters[i].name);
    }
    for (unsigned i = 0; threshold_sum_name(i) != NULL; i++) {
        add(words, threshold_sum_name(i));
    }
    for (unsigned fail = FAIL_NONE + 1; fail < FAIL_COUNT; fail++) {
        add(words, fail_info(fail)->label);
    }
}

static bool holds_word(const struct words *words, struct span name)
{
    for (size_t i = 0; i < words->count; i++) {
        if (span_equal(name, span_from_string(words->at[i]))) {
            return true;
        }
    }
    return false;
}

/* Writes "begins: a, b, c" as far as there is room. */
static void list(const char *begin, const char *const *words, size_t count, char *dst,
                 size_t size)
{
    size_t len = (size_t)snprintf(dst, size, "%s", begin);
    for (size_t i = 0; i < count; i++) {
        if (words[i] == NULL) {
            continue;
        }
        if (len + strlen(words[i]) + 7 > size) {
            snprintf(dst + len, size - len, ", ...");
            return;
        }
        len += (size_t)snprintf(dst + len, size - len, "%s%s", dst[len - 1] == ' ' ? "" : ", ",
                                words[i]);
    }
}

/* The hint for counter{value} with a value that does not exist; false when that is not it. */
static bool hint_value(const struct shoal_schema *schema, struct span name, char *dst,
                       size_t size)
{
    char text[64], begin[120];
    struct span rest = name;
    struct span base = span_cut(&rest, '{');
    int counter = -1;
    if (base.len < name.len && span_to_string(base, text, sizeof(text))) {
        counter = shoal_schema_counter(schema, text);
    }
    if (counter < 0 || metrics_is_by_viewer(&schema->def.counters[counter])) {
        return false;
    }
    const struct shoal_counter_def *def = &schema->def.counters[counter];
    if (def->label == NULL) {
        snprintf(dst, size, "%s is not split up; write count(%s)", text, text);
        return true;
    }
    if (!span_ends_with(rest, SPAN("}"))) {
        snprintf(dst, size, "write %s{%s}", text, def->label);
        return true;
    }
    if (strcmp(def->label, "status") == 0) { /* a list of them helps nobody */
        snprintf(dst, size, "%s has by status: %s to %s; of a class: count(http_responses_4xx)",
                 text, def->values[0], def->values[def->value_count - 1]);
        return true;
    }
    snprintf(begin, sizeof(begin), "%s has by %s: ", text, def->label);
    list(begin, def->values, def->value_count, dst, size);
    return true;
}

/* The hint for what views call otherwise than the statistics do. */
static bool hint_shown(struct span name, char *dst, size_t size)
{
    static const struct {
        const char *shown, *name;
    } words[] = {
        {"live_latency", "p95(edge_latency)"},       {"buffer_left", "p5(deadline_slack)"},
        {"timers_late", "p99(timer_delay)"},         {"throughput", "rate(body_bytes)"},
        {"requests", "rate(http_requests)"},         {"connects", "rate(tcp_connects)"},
        {"segments_late", "count(deadline_missed)"}, {"switches", "count(variant_switches)"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_equal(name, span_from_string(words[i].shown))) {
            snprintf(dst, size, "write for example %s", words[i].name);
            return true;
        }
    }
    return false;
}

/* The hint for a name that exists, but not as what was wanted. */
static bool hint_other_place(const struct shoal_schema *schema, struct span name, char *dst,
                             size_t size)
{
    struct words counters = {0}, histograms = {0}, figures = {0};
    add_counters(schema, &counters);
    add_histograms(schema, &histograms);
    add_figures(schema, &figures);
    if (holds_word(&counters, name)) {
        snprintf(dst, size, "it is counted: write count(%.*s) or rate(%.*s)", SPAN_ARGS(name),
                 SPAN_ARGS(name));
    } else if (holds_word(&histograms, name)) {
        snprintf(dst, size,
                 "it is a time: write p99(%.*s), mean(%.*s), max(%.*s) or count(%.*s)",
                 SPAN_ARGS(name), SPAN_ARGS(name), SPAN_ARGS(name), SPAN_ARGS(name));
    } else if (holds_word(&figures, name)) {
        snprintf(dst, size, "write it alone: %.*s<...", SPAN_ARGS(name));
    } else {
        return false;
    }
    return true;
}

static void hint_names(const struct shoal_schema *schema, enum threshold_place place,
                       struct span name, char *dst, size_t size)
{
    struct words words = {0};
    const char *begin = "the times are ";
    if (place == THRESHOLD_PLACE_COUNTER) {
        begin = "names are those of the report's counters, such as ";
        add_counters(schema, &words);
    } else if (place == THRESHOLD_PLACE_FIGURE) {
        begin = "the figures are ";
        add_figures(schema, &words);
    } else {
        add_histograms(schema, &words);
    }
    const char *nearest = nearest_word(name, words.at);
    if (nearest != NULL) {
        snprintf(dst, size, "did you mean %s?", nearest);
    } else {
        list(begin, words.at, words.count, dst, size);
    }
}

void threshold_name(struct span text, char *dst, size_t size)
{
    snprintf(dst, size, "--threshold%s%.*s", text.len > 0 ? " " : "", SPAN_ARGS(text));
}

int threshold_refuse_name(const struct shoal_schema *schema, struct span text,
                          enum threshold_place place, struct span name, struct err *err)
{
    static const char *const wanted[] = {
        [THRESHOLD_PLACE_COUNTER] = "counter",
        [THRESHOLD_PLACE_HISTOGRAM] = "time",
        [THRESHOLD_PLACE_FIGURE] = "figure",
    };
    char what[THRESHOLD_TEXT + 16], hint[sizeof(err->hint)];
    threshold_name(text, what, sizeof(what));
    if (!hint_value(schema, name, hint, sizeof(hint)) &&
        !hint_other_place(schema, name, hint, sizeof(hint)) &&
        !hint_shown(name, hint, sizeof(hint))) {
        hint_names(schema, place, name, hint, sizeof(hint));
    }
    return err_set(err, ERR_USAGE, what, hint, "'%.*s' is no %s", SPAN_ARGS(name),
                   wanted[place]);
}
