#include "view/threshold.h"

#include "base/units.h"
#include "stats/metrics.h"
#include "view/format.h"
#include "view/threshold_words.h"

#include <stdio.h>
#include <string.h>

static const char example[] = "write for example p99(segment_download)<800ms, "
                              "rebuffer_ratio<0.5%, rate(http_errors)<1/s or count(stalls)==0";

/* Names that stand for a sum of counters. */
static const struct {
    const char *name;
    const char *parts[THRESHOLD_PARTS_MAX];
} sums[] = {
    {"http_errors", {"http_responses_4xx", "http_responses_5xx"}},
};

const char *threshold_sum_name(unsigned number)
{
    return number < sizeof(sums) / sizeof(sums[0]) ? sums[number].name : NULL;
}

struct function {
    const char *name;
    enum threshold_kind kind;
};

static const struct function functions[] = {
    {"count", THRESHOLD_COUNT}, {"rate", THRESHOLD_RATE}, {"mean", THRESHOLD_MEAN},
    {"avg", THRESHOLD_MEAN},    {"min", THRESHOLD_MIN},   {"max", THRESHOLD_MAX},
};

/* `part` of the threshold is refused; the hint stands after a semicolon of `why`, or is the
 * example. */
static int refuse(struct err *err, struct span text, struct span part, const char *why)
{
    char what[THRESHOLD_TEXT + 16];
    threshold_name(text, what, sizeof(what));
    return err_refuse(err, what, part, why, strchr(why, ';') == NULL ? example : NULL);
}

/* What no lane counts is no figure to demand: its 0 would pass or fail for nothing. */
static int refuse_absent(struct err *err, struct span text, const char *name)
{
    char what[THRESHOLD_TEXT + 16];
    threshold_name(text, what, sizeof(what));
    return err_set(err, ERR_USAGE, what, "leave it out, or use an engine that tells it",
                   "this engine cannot tell '%s'", name);
}

/* Cuts `text` into the figure, the operator and the limit. */
static bool cut_operator(struct span text, struct span *figure, enum threshold_operator *op,
                         struct span *limit)
{
    static const struct {
        const char *text;
        enum threshold_operator op;
    } operators[] = {
        {"<=", THRESHOLD_AT_MOST}, {">=", THRESHOLD_AT_LEAST}, {"==", THRESHOLD_EQUAL},
        {"!=", THRESHOLD_UNEQUAL}, {"<", THRESHOLD_LESS},      {">", THRESHOLD_GREATER},
    };
    for (size_t at = 0; at < text.len; at++) {
        struct span rest = span_skip(text, at);
        for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
            struct span sign = span_from_string(operators[i].text);
            if (span_starts_with(rest, sign)) {
                *figure = span_trim(span_of(text.ptr, at));
                *op = operators[i].op;
                *limit = span_trim(span_skip(rest, sign.len));
                return true;
            }
        }
    }
    return false;
}

/* What is wrong with a text in which no operator was found. */
static const char *wrong_operator(struct span text)
{
    return span_find(text, '=') < text.len ? "has no operator; write == in place of ="
                                           : "has no operator (< <= > >= == !=)";
}

static int find_counter(const struct shoal_schema *schema, struct span name)
{
    char text[64];
    int counter =
        span_to_string(name, text, sizeof(text)) ? shoal_schema_counter(schema, text) : -1;
    bool detail = counter >= 0 && metrics_is_by_viewer(&schema->def.counters[counter]);
    return detail ? -1 : counter;
}

static int find_label_value(const struct shoal_counter_def *counter, struct span value)
{
    for (uint32_t i = 0; i < counter->value_count; i++) {
        if (counter->values[i] != NULL &&
            span_equal(value, span_from_string(counter->values[i]))) {
            return (int)i;
        }
    }
    return -1;
}

/* A sum of counters by its name. */
static bool resolve_sum(const struct shoal_schema *schema, struct span name,
                        struct threshold *out)
{
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        if (!span_equal(name, span_from_string(sums[i].name))) {
            continue;
        }
        for (unsigned p = 0; p < THRESHOLD_PARTS_MAX && sums[i].parts[p] != NULL; p++) {
            int counter = shoal_schema_counter(schema, sums[i].parts[p]);
            if (counter < 0) {
                return false;
            }
            out->counters[out->counter_count++] = (uint32_t)counter;
        }
        return true;
    }
    return false;
}

/* `name`, `name{value}`, the name of a sum, or a failure's name alone. */
static bool resolve_counter(const struct shoal_schema *schema, struct span name,
                            struct threshold *out)
{
    struct span value = name;
    struct span base = span_cut(&value, '{');
    bool labelled = base.len < name.len;
    int counter = find_counter(schema, base);
    if (counter < 0 && !labelled) {
        if (resolve_sum(schema, name, out)) {
            return true;
        }
        counter = shoal_schema_counter(schema, "failures");
        labelled = counter >= 0;
    } else if (labelled) {
        if (!span_ends_with(value, SPAN("}"))) {
            return false;
        }
        value.len--;
    }
    if (!labelled) {
        value.len = 0;
    } else if (base.len == name.len) {
        value = name;
    }
    if (counter < 0) {
        return false;
    }
    out->counters[0] = (uint32_t)counter;
    out->counter_count = 1;
    if (labelled) {
        int found = find_label_value(&schema->def.counters[counter], value);
        out->label_value = (uint32_t)found;
        return found >= 0;
    }
    return true;
}

static bool resolve_histogram(const struct shoal_schema *schema, struct span name,
                              struct threshold *out)
{
    char text[64];
    int number =
        span_to_string(name, text, sizeof(text)) ? shoal_schema_histogram(schema, text) : -1;
    out->number = (uint32_t)number;
    return number >= 0;
}

/* The function before the bracket: one of the table, or pN. */
static bool resolve_function(struct span name, struct threshold *out)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (span_equal(name, span_from_string(functions[i].name))) {
            out->kind = functions[i].kind;
            return true;
        }
    }
    if (name.len < 2 || name.ptr[0] != 'p' ||
        units_parse_number(span_skip(name, 1), &out->percent) != NULL) {
        return false;
    }
    out->kind = THRESHOLD_PERCENTILE;
    return out->percent <= 100;
}

static int resolve_derived(const struct shoal_schema *schema, struct span text,
                           struct span figure, struct threshold *out, struct err *err)
{
    char name[64];
    int number =
        span_to_string(figure, name, sizeof(name)) ? shoal_schema_derived(schema, name) : -1;
    if (number < 0) {
        return threshold_refuse_name(schema, text, THRESHOLD_PLACE_FIGURE, figure, err);
    }
    if (schema->def.derived[number].absent) {
        return refuse_absent(err, text, name);
    }
    out->kind = THRESHOLD_DERIVED;
    out->number = (uint32_t)number;
    snprintf(out->unit, sizeof(out->unit), "%s", schema->def.derived[number].unit);
    return 0;
}

/* Refuses what of the figure's parts is absent. */
static int check_parts(const struct shoal_schema *schema, struct span text,
                       const struct threshold *threshold, struct err *err)
{
    bool of_counters = threshold->kind == THRESHOLD_COUNT || threshold->kind == THRESHOLD_RATE;
    for (uint32_t i = 0; of_counters && i < threshold->counter_count; i++) {
        const struct shoal_counter_def *def = &schema->def.counters[threshold->counters[i]];
        if (def->absent) {
            return refuse_absent(err, text, def->name);
        }
    }
    if (!of_counters && schema->def.histograms[threshold->number].absent) {
        return refuse_absent(err, text, schema->def.histograms[threshold->number].name);
    }
    return 0;
}

static int resolve_figure(const struct shoal_schema *schema, struct span text,
                          struct span figure, struct threshold *out, struct err *err)
{
    struct span argument = figure;
    struct span name = span_trim(span_cut(&argument, '('));
    if (name.len == figure.len) {
        return resolve_derived(schema, text, figure, out, err);
    }
    if (!span_ends_with(argument, SPAN(")"))) {
        return refuse(err, text, figure, "has no closing bracket");
    }
    argument.len--;
    argument = span_trim(argument);
    if (!resolve_function(name, out)) {
        return refuse(err, text, name,
                      "is no function; there are count, rate, mean, min, max, and percentiles "
                      "such as p50 and p99.9");
    }
    if (out->kind == THRESHOLD_RATE || out->kind == THRESHOLD_COUNT) {
        snprintf(out->unit, sizeof(out->unit), "%s", out->kind == THRESHOLD_RATE ? "/s" : "1");
        if (resolve_counter(schema, argument, out)) {
            return check_parts(schema, text, out, err);
        }
        if (out->kind == THRESHOLD_COUNT && resolve_histogram(schema, argument, out)) {
            out->kind = THRESHOLD_RECORDS;
            return check_parts(schema, text, out, err);
        }
        return threshold_refuse_name(schema, text, THRESHOLD_PLACE_COUNTER, argument, err);
    }
    if (!resolve_histogram(schema, argument, out)) {
        return threshold_refuse_name(schema, text, THRESHOLD_PLACE_HISTOGRAM, argument, err);
    }
    snprintf(out->unit, sizeof(out->unit), "%s", schema->def.histograms[out->number].unit);
    return check_parts(schema, text, out, err);
}

static int parse_limit(struct span text, struct span limit, struct threshold *out,
                       struct err *err)
{
    const char *why;
    if (strcmp(out->unit, "us") == 0) {
        int64_t us = 0;
        why = units_parse_duration(limit, &us);
        out->limit = (double)us;
    } else if (strcmp(out->unit, "/s") == 0) {
        bool zero = span_equal(limit, SPAN("0/s"));
        why = zero ? NULL : units_parse_rate(limit, &out->limit);
    } else if (strcmp(out->unit, "ratio") == 0) {
        why = units_parse_percent(limit, &out->limit);
    } else {
        why = units_parse_number(limit, &out->limit);
    }
    if (why != NULL) {
        return refuse(err, text, limit, why);
    }
    return 0;
}

int threshold_parse(const struct shoal_schema *schema, struct span text, struct threshold *out,
                    struct err *err)
{
    struct threshold made = {.label_value = UINT32_MAX};
    text = span_trim(text);
    struct span rest = text, figure, limit;
    if (span_ends_with(rest, SPAN(" abort"))) {
        made.abort = true;
        rest.len -= sizeof(" abort") - 1;
        rest = span_trim(rest);
    }
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] < ' ' || rest.ptr[i] > '~') {
            return refuse(err, text, rest, "is not plain ASCII text");
        }
    }
    if (!span_to_string(rest, made.text, sizeof(made.text))) {
        return refuse(err, text, span_of(text.ptr, 32), "begins what is longer than 127 bytes");
    }
    if (!cut_operator(rest, &figure, &made.op, &limit)) {
        return refuse(err, text, rest, wrong_operator(rest));
    }
    if (span_ends_with(figure, SPAN("="))) {
        return refuse(err, text, rest, "has its operator the wrong way round; write <= or >=");
    }
    if (resolve_figure(schema, text, figure, &made, err) < 0 ||
        parse_limit(text, limit, &made, err) < 0) {
        return -1;
    }
    *out = made;
    return 0;
}

static double counters_value(const struct threshold *threshold,
                             const struct shoal_interval *run)
{
    bool rate = threshold->kind == THRESHOLD_RATE;
    double sum = 0;
    for (uint32_t i = 0; i < threshold->counter_count; i++) {
        uint32_t counter = threshold->counters[i], value = threshold->label_value;
        if (value == UINT32_MAX) {
            sum += rate ? shoal_rate(run, counter) : (double)shoal_delta(run, counter);
        } else {
            sum += rate ? shoal_rate_at(run, counter, value)
                        : (double)shoal_delta_at(run, counter, value);
        }
    }
    return sum;
}

static void evaluate_histogram(const struct threshold *threshold,
                               const struct shoal_interval *run, struct threshold_result *out)
{
    struct shoal_summary summary;
    shoal_summarize(run, threshold->number, &summary);
    uint64_t percentile = 0;
    out->known = summary.count > 0;
    switch (threshold->kind) {
    case THRESHOLD_RECORDS:
        out->value = (double)summary.count;
        out->known = true;
        break;
    case THRESHOLD_MEAN:
        out->value = summary.mean;
        break;
    case THRESHOLD_MIN:
        out->value = (double)summary.min;
        break;
    case THRESHOLD_MAX:
        out->value = (double)summary.max;
        break;
    default:
        shoal_percentiles(run, threshold->number, &threshold->percent, 1, &percentile);
        out->value = (double)percentile;
        break;
    }
}

static bool holds(double value, enum threshold_operator op, double limit)
{
    switch (op) {
    case THRESHOLD_LESS:
        return value < limit;
    case THRESHOLD_AT_MOST:
        return value <= limit;
    case THRESHOLD_GREATER:
        return value > limit;
    case THRESHOLD_AT_LEAST:
        return value >= limit;
    case THRESHOLD_EQUAL:
        return value == limit;
    case THRESHOLD_UNEQUAL:
        return value != limit;
    }
    return false;
}

void threshold_evaluate(const struct threshold *threshold, const struct shoal_interval *run,
                        struct threshold_result *out)
{
    *out = (struct threshold_result){.known = true};
    if (threshold->kind == THRESHOLD_COUNT || threshold->kind == THRESHOLD_RATE) {
        out->value = counters_value(threshold, run);
    } else if (threshold->kind == THRESHOLD_DERIVED) {
        out->value = shoal_derived(run, threshold->number);
    } else {
        evaluate_histogram(threshold, run, out);
    }
    out->pass = !out->known || holds(out->value, threshold->op, threshold->limit);
}

char *threshold_format_value(const struct threshold *threshold, double value, char *dst,
                             size_t size)
{
    if (strcmp(threshold->unit, "us") == 0) {
        return format_duration(dst, size, (int64_t)value);
    }
    if (strcmp(threshold->unit, "ratio") == 0) {
        return format_percent(dst, size, value);
    }
    if (strcmp(threshold->unit, "/s") == 0) {
        char number[FORMAT_MAX];
        snprintf(dst, size, "%s/s", format_number(number, sizeof(number), value));
        return dst;
    }
    if (value >= 0 && value < 1e15 && value == (double)(uint64_t)value) {
        return format_count(dst, size, (uint64_t)value);
    }
    return format_number(dst, size, value);
}
