/* Thresholds: what the operator demands of a run's figures, and whether it holds.
 *
 *     p99(segment_download)<800ms      a percentile of a histogram; also p50, p99.9, ...
 *     max(stall)<=2s                   min, max, mean (or avg) of a histogram
 *     count(stalls)==0                 a counter's total, or how many records a histogram has
 *     rate(http_errors)<1/s            a counter's rate over the whole run
 *     count(failures{status_4xx})==0   one label value of a labelled counter
 *     count(status_4xx)==0             the same: a failure's name stands for itself
 *     rebuffer_ratio<0.5%              a derived figure, over the whole run
 *
 * Operators: < <= > >= == !=. A last word `abort` ends the run as soon as the threshold fails
 * while it plays. Names are those of the schema, so every figure that exists can be demanded,
 * but for those that the run's engine cannot tell; http_errors is the sum of the 4xx and 5xx
 * responses.
 *
 * Pure over intervals; any thread. */
#ifndef VIEW_THRESHOLD_H
#define VIEW_THRESHOLD_H

#include "base/err.h"
#include "base/span.h"
#include "shoal/interval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    THRESHOLD_TEXT = 128,
    THRESHOLDS_MAX = 64,
    THRESHOLD_PARTS_MAX = 4, /* counters that one name may stand for */
};

enum threshold_kind {
    THRESHOLD_COUNT,      /* of counters */
    THRESHOLD_RATE,       /* of counters, a second */
    THRESHOLD_RECORDS,    /* of a histogram */
    THRESHOLD_PERCENTILE, /* of a histogram, µs */
    THRESHOLD_MEAN,
    THRESHOLD_MIN,
    THRESHOLD_MAX,
    THRESHOLD_DERIVED,
};

enum threshold_operator {
    THRESHOLD_LESS,
    THRESHOLD_AT_MOST,
    THRESHOLD_GREATER,
    THRESHOLD_AT_LEAST,
    THRESHOLD_EQUAL,
    THRESHOLD_UNEQUAL,
};

struct threshold {
    char text[THRESHOLD_TEXT]; /* as written, without `abort` */
    enum threshold_kind kind;
    enum threshold_operator op;
    double percent;                         /* THRESHOLD_PERCENTILE: 0 to 100 */
    uint32_t number;                        /* of the histogram or derived figure */
    uint32_t counters[THRESHOLD_PARTS_MAX]; /* COUNT and RATE: their sum is meant */
    uint32_t label_value;                   /* of counters[0]; UINT32_MAX: all of it */
    uint32_t counter_count;
    double limit;  /* in the unit of the figure: µs, events a second, a ratio, a number */
    char unit[16]; /* "us", "/s", "ratio", "1", "bytes" */
    bool abort;
};

/* Reads a threshold. Returns 0, or -1 with *err filled (ERR_USAGE) and *out untouched. */
int threshold_parse(const struct shoal_schema *schema, struct span text, struct threshold *out,
                    struct err *err);

/* The names that stand for sums of counters, by number from 0 on; NULL after the last. */
const char *threshold_sum_name(unsigned number);

struct threshold_result {
    double value; /* in the threshold's unit; 0 when there is nothing to judge by */
    bool known;   /* false: a percentile, mean, min or max of a histogram without records */
    bool pass;    /* what is not known passes: nothing was seen that breaks it */
};

/* Judges over the interval, which must be full; for the verdict that is the whole run. */
void threshold_evaluate(const struct threshold *threshold, const struct shoal_interval *run,
                        struct threshold_result *out);

/* A value of this threshold's figure for people: "812 ms", "0.52 %". */
char *threshold_format_value(const struct threshold *threshold, double value, char *dst,
                             size_t size);

#endif
