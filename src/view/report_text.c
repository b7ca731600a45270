/* The report for people. */
#include "base/fail.h"
#include "stats/metrics.h"
#include "view/format.h"
#include "view/report.h"
#include "view/report_origin.h"

#include <stdio.h>
#include <string.h>

struct text {
    struct buf *out;
    bool colour;
    int failed; /* a write did not fit */
};

enum colour { PLAIN, BOLD, DIM, GREEN, RED, YELLOW };

static const char *paint(const struct text *text, enum colour colour)
{
    static const char *const codes[] = {
        [PLAIN] = "\033[0m",  [BOLD] = "\033[1m", [DIM] = "\033[2m",
        [GREEN] = "\033[32m", [RED] = "\033[31m", [YELLOW] = "\033[33m",
    };
    return text->colour ? codes[colour] : "";
}

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    text->failed |= buf_vprintf(text->out, format, args) < 0;
    va_end(args);
}

static void put_heading(struct text *text, const char *words, const char *columns)
{
    put(text, "\n%s%s%s%s\n", paint(text, BOLD), words, paint(text, PLAIN), columns);
}

static void put_head(struct text *text, const struct report *report)
{
    const struct run_info *info = &report->info;
    char when[FORMAT_MAX], length[FORMAT_MAX], viewers[FORMAT_MAX];
    put(text, "%sshoal %s%s  %s\n", paint(text, BOLD), info->version, paint(text, PLAIN),
        info->url);
    put(text,
        "%s, %s, up to %s viewers for %s\n"
        "player %s, variant %s, engine %s\n",
        format_timestamp(when, sizeof(when), info->start_wall_us),
        info->stream_kind != NULL ? info->stream_kind : "stream",
        format_count(viewers, sizeof(viewers), info->viewers_peak),
        format_duration(length, sizeof(length), report->run.elapsed_us), info->player,
        info->variant, info->engine);
    if (report->merged > 1) {
        put(text, "%u runs taken together, of %s\n", report->merged, info->host);
    }
}

static void put_viewers(struct text *text, const struct report *report)
{
    static const struct {
        const char *words;
        uint32_t counter;
    } rows[] = {
        {"sessions started", METRIC_SESSIONS_STARTED},
        {"  began to play", METRIC_SESSIONS_PLAYED},
        {"  ended", METRIC_SESSIONS_ENDED},
        {"  failed", METRIC_SESSIONS_FAILED},
    };
    char count[FORMAT_MAX];
    put_heading(text, "Viewers", "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t total = shoal_total(&report->run, rows[i].counter);
        put(text, "  %-22s %14s\n", rows[i].words, format_count(count, sizeof(count), total));
    }
}

static void put_rates(struct text *text, const struct report *report)
{
    static const struct {
        const char *words;
        uint32_t counter;
    } rows[] = {
        {"segments", METRIC_SEGMENTS},
        {"playlists", METRIC_PLAYLISTS},
        {"HTTP requests", METRIC_HTTP_REQUESTS},
        {"TCP connects", METRIC_TCP_CONNECTS},
    };
    char count[FORMAT_MAX], rate[FORMAT_MAX];
    put_heading(text, "Rates", "                            total     mean a second");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(text, "  %-22s %14s %17s\n", rows[i].words,
            format_count(count, sizeof(count), shoal_total(&report->run, rows[i].counter)),
            format_number(rate, sizeof(rate), shoal_rate(&report->run, rows[i].counter)));
    }
    put(text, "  %-22s %14s %17s\n", "body bytes",
        format_bytes(count, sizeof(count),
                     (double)shoal_total(&report->run, METRIC_BODY_BYTES)),
        format_bitrate(rate, sizeof(rate), shoal_rate(&report->run, METRIC_BODY_BYTES)));
}

/* "segment_first_byte" as "segment first byte"; two as they are called wherever they are shown.
 */
static const char *words_of(const struct shoal_schema *schema, uint32_t histogram, char *dst,
                            size_t size)
{
    snprintf(dst, size, "%s",
             histogram == METRIC_EDGE_LATENCY     ? "live latency"
             : histogram == METRIC_DEADLINE_SLACK ? "buffer left"
             : histogram == METRIC_TIMER_DELAY    ? "timers late"
                                                  : schema->def.histograms[histogram].name);
    for (char *at = dst; *at != '\0'; at++) {
        *at = *at == '_' ? ' ' : *at;
    }
    return dst;
}

static void put_times(struct text *text, const struct report *report)
{
    static const double percents[] = {50, 90, 95, 99, 99.9};
    enum { COUNT = sizeof(percents) / sizeof(percents[0]) };
    put(text, "\n%s%-22s%s%9s%9s%9s%9s%9s%9s\n", paint(text, BOLD), "Times", paint(text, PLAIN),
        "p50", "p90", "p95", "p99", "p99.9", "max");
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        struct shoal_summary summary;
        uint64_t values[COUNT];
        char name[32], value[FORMAT_MAX];
        shoal_summarize(&report->run, i, &summary);
        if (summary.count == 0 || report->run.schema->def.histograms[i].absent) {
            continue;
        }
        shoal_percentiles(&report->run, i, percents, COUNT, values);
        put(text, "  %-19s ", words_of(report->run.schema, i, name, sizeof(name)));
        for (int p = 0; p < COUNT; p++) {
            put(text, "%9s", format_duration(value, sizeof(value), (int64_t)values[p]));
        }
        put(text, "%9s\n", format_duration(value, sizeof(value), (int64_t)summary.max));
    }
}

static void put_quality(struct text *text, const struct report *report)
{
    const struct shoal_interval *run = &report->run;
    const struct shoal_schema_def *def = &run->schema->def;
    char a[FORMAT_MAX], b[FORMAT_MAX], c[FORMAT_MAX];
    put_heading(text, "Quality", "");
    put(text, "  %-22s %14s   stalled %s of %s watched\n", "rebuffer ratio",
        format_percent(a, sizeof(a), shoal_derived(run, METRIC_REBUFFER_RATIO)),
        format_duration(b, sizeof(b), (int64_t)shoal_total(run, METRIC_STALL_TIME)),
        format_duration(c, sizeof(c), (int64_t)shoal_total(run, METRIC_WATCHED_TIME)));
    put(text, "  %-22s %14s   %s of 100 ms or more\n", "stalls",
        format_count(a, sizeof(a), shoal_total(run, METRIC_STALLS)),
        format_count(b, sizeof(b), shoal_total(run, METRIC_STALLS_LONG)));
    if (!def->counters[METRIC_DEADLINE_MISSED].absent) {
        put(text, "  %-22s %14s   after the buffer had run out\n", "segments late",
            format_count(a, sizeof(a), shoal_total(run, METRIC_DEADLINE_MISSED)));
    }
    put(text, "  %-22s %14s\n", "segments skipped",
        format_count(a, sizeof(a), shoal_total(run, METRIC_SEGMENTS_SKIPPED)));
    if (shoal_total(run, METRIC_CACHE_HITS) + shoal_total(run, METRIC_CACHE_MISSES) > 0) {
        put(text, "  %-22s %14s   %s hits, %s misses\n", "cache hit ratio",
            format_percent(a, sizeof(a), shoal_derived(run, METRIC_CACHE_HIT_RATIO)),
            format_count(b, sizeof(b), shoal_total(run, METRIC_CACHE_HITS)),
            format_count(c, sizeof(c), shoal_total(run, METRIC_CACHE_MISSES)));
    }
    if (!def->counters[METRIC_VARIANT_SWITCHES].absent) {
        put(text, "  %-22s %14s\n", "variant switches",
            format_count(a, sizeof(a), shoal_total(run, METRIC_VARIANT_SWITCHES)));
    }
}

static void put_variants(struct text *text, const struct report *report)
{
    const struct shoal_interval *run = &report->run;
    const struct shoal_counter_def *def = &run->schema->def.counters[METRIC_SEGMENTS];
    char count[FORMAT_MAX], bytes[FORMAT_MAX];
    put_heading(text, "Variants", "                      segments             bytes");
    for (uint32_t i = 0; i < def->value_count; i++) {
        uint64_t segments = shoal_total_at(run, METRIC_SEGMENTS, i);
        if (def->values[i] == NULL || segments == 0) {
            continue;
        }
        const char *name = def->values[i];
        if (i < report->info.variant_count) {
            name = report->info.variants[i].name;
        }
        put(text, "  %-22.40s %14s %17s\n", name, format_count(count, sizeof(count), segments),
            format_bytes(bytes, sizeof(bytes),
                         (double)shoal_total_at(run, METRIC_SEGMENT_BYTES, i)));
    }
}

static int count_servers(const struct shoal_interval *run)
{
    const struct shoal_counter_def *def = &run->schema->def.counters[METRIC_SERVER_RESPONSES];
    int count = 0;
    for (uint32_t i = 0; i < def->value_count; i++) {
        count +=
            def->values[i] != NULL && (shoal_total_at(run, METRIC_SERVER_RESPONSES, i) > 0 ||
                                       shoal_total_at(run, METRIC_SERVER_FAILURES, i) > 0);
    }
    return count;
}

/* Only where there are several: of one, all other figures speak. */
static void put_servers(struct text *text, const struct report *report)
{
    const struct shoal_interval *run = &report->run;
    const struct shoal_counter_def *def = &run->schema->def.counters[METRIC_SERVER_RESPONSES];
    char responses[FORMAT_MAX], bytes[FORMAT_MAX], failures[FORMAT_MAX];
    if (count_servers(run) < 2) {
        return;
    }
    put_heading(text, "Servers",
                "                      responses             bytes      failures");
    for (uint32_t i = 0; i < def->value_count; i++) {
        uint64_t total = shoal_total_at(run, METRIC_SERVER_RESPONSES, i);
        uint64_t failed = shoal_total_at(run, METRIC_SERVER_FAILURES, i);
        if (def->values[i] == NULL || total + failed == 0) {
            continue;
        }
        put(text, "  %-22.40s %14s %17s %13s\n", def->values[i],
            format_count(responses, sizeof(responses), total),
            format_bytes(bytes, sizeof(bytes),
                         (double)shoal_total_at(run, METRIC_SERVER_BODY_BYTES, i)),
            format_count(failures, sizeof(failures), failed));
    }
}

/* Only where exporters were asked. */
static void put_origin(struct text *text, const struct report *report)
{
    if (report->origin_count > 0) {
        put_heading(text, "Origin", "                            mean              most");
        text->failed |= report_origin_write_text(report, text->out);
    }
}

/* Of how many failures there are some in full, in JSON, HTML and the log of --failures. */
static void put_tally(struct text *text, const struct failure_tally *tally)
{
    char sampled[FORMAT_MAX], all[FORMAT_MAX], words[2 * FORMAT_MAX + 8];
    uint64_t sum = tally->sampled + tally->not_sampled;
    if (sum > 0) {
        snprintf(words, sizeof(words), "%s of %s",
                 format_count(sampled, sizeof(sampled), tally->sampled),
                 format_count(all, sizeof(all), sum));
        put(text, "  %s%-44s %22s%s\n", paint(text, DIM), "sampled in full", words,
            paint(text, PLAIN));
    }
}

static void put_failures(struct text *text, const struct report *report)
{
    const struct shoal_interval *run = &report->run;
    char count[FORMAT_MAX];
    put_heading(text, "Failures", "");
    if (shoal_total(run, METRIC_FAILURES) == 0) {
        put(text, "  none\n");
    }
    for (unsigned fail = FAIL_NONE + 1; fail < FAIL_COUNT; fail++) {
        uint64_t total = shoal_total_at(run, METRIC_FAILURES, fail);
        if (total > 0) {
            put(text, "  %s%-52s %14s%s\n", paint(text, RED), fail_info(fail)->words,
                format_count(count, sizeof(count), total), paint(text, PLAIN));
        }
    }
    const struct shoal_counter_def *def = &run->schema->def.counters[METRIC_HTTP_RESPONSES];
    for (uint32_t i = 400 - METRIC_STATUS_MIN; i < def->value_count; i++) {
        uint64_t total = shoal_total_at(run, METRIC_HTTP_RESPONSES, i);
        if (total > 0) {
            put(text, "  %sHTTP status %-40s %14s%s\n", paint(text, RED), def->values[i],
                format_count(count, sizeof(count), total), paint(text, PLAIN));
        }
    }
    put_tally(text, &report->tally);
}

static void put_counters(struct text *text, const struct report *report)
{
    const struct shoal_schema_def *def = &report->run.schema->def;
    char count[FORMAT_MAX], rate[FORMAT_MAX];
    put_heading(text, "Counters", "                         total     mean a second");
    for (uint32_t i = 0; i < def->counter_count; i++) {
        uint64_t total = shoal_total(&report->run, i);
        /* Their sums are told by http_responses and body_bytes. */
        bool by_server =
            def->counters[i].label != NULL && strcmp(def->counters[i].label, "server") == 0;
        if (total == 0 || by_server || def->counters[i].absent ||
            metrics_is_by_viewer(&def->counters[i])) {
            continue;
        }
        put(text, "  %-22s %14s %17s\n", def->counters[i].name,
            format_count(count, sizeof(count), total),
            format_number(rate, sizeof(rate), shoal_rate(&report->run, i)));
    }
}

/* Appends a name to the list of what is not told; lines break before column 80. */
static void put_name(struct text *text, const char *name, int *column)
{
    int len = (int)strlen(name);
    if (*column + len + 2 > 80) {
        put(text, ",\n  ");
        *column = 2;
    } else if (*column > 2) {
        put(text, ", ");
        *column += 2;
    }
    put(text, "%s", name);
    *column += len;
}

/* What no line above may be read for: the engine has no way to know it. */
static void put_absent(struct text *text, const struct report *report)
{
    const struct shoal_schema_def *def = &report->run.schema->def;
    int column = 2;
    for (uint32_t i = 0; i < def->counter_count + def->histogram_count; i++) {
        bool counter = i < def->counter_count;
        uint32_t h = i - def->counter_count;
        if (counter ? !def->counters[i].absent : !def->histograms[h].absent) {
            continue;
        }
        if (column == 2) {
            put_heading(text, "Not told by this engine", "");
            put(text, "  ");
        }
        put_name(text, counter ? def->counters[i].name : def->histograms[h].name, &column);
    }
    if (column > 2) {
        put(text, "\n");
    }
}

static void put_generator(struct text *text, const struct report *report)
{
    const struct own_cost *cost = &report->cost;
    char a[FORMAT_MAX], b[FORMAT_MAX];
    double cores =
        report->run.elapsed_us > 0 ? (double)cost->cpu_us / (double)report->run.elapsed_us : 0;
    put_heading(text, "Generator", "");
    put(text, "  CPU %s (%.2f cores), memory %s at most\n",
        format_duration(a, sizeof(a), cost->cpu_us), cores,
        format_bytes(b, sizeof(b), (double)cost->max_rss_bytes));
    for (int i = 0; i < TRUST_CHECKS; i++) {
        const struct trust_row *row = &report->trust.rows[i];
        put(text, "  %s%s%s  %s\n", paint(text, row->ok ? GREEN : RED),
            row->ok ? "ok  " : "BAD ", paint(text, PLAIN), row->text);
    }
    put(text, "  %s\n",
        report->trust.trusted
            ? "The figures can be trusted."
            : "THE FIGURES ARE NOT TO BE TRUSTED: the generator was the limit.");
}

static void put_thresholds(struct text *text, const struct report *report)
{
    if (report->threshold_count == 0) {
        return;
    }
    put_heading(text, "Thresholds", "");
    for (unsigned i = 0; i < report->threshold_count; i++) {
        const struct report_threshold *row = &report->thresholds[i];
        char value[FORMAT_MAX];
        threshold_format_value(&row->threshold, row->result.value, value, sizeof(value));
        put(text, "  %s%s%s  %-50s %s\n", paint(text, row->result.pass ? GREEN : RED),
            row->result.pass ? "pass" : "FAIL", paint(text, PLAIN), row->threshold.text,
            row->result.known ? value : "nothing recorded");
        if (row->ended_run) {
            put(text, "        and ended the run\n");
        }
    }
}

/* Puts words from column `column` on; lines break before column 80, with two blanks in front.
 */
static void put_wrapped(struct text *text, struct span words, int column)
{
    while (words.len > 0) {
        struct span word = span_cut(&words, ' ');
        if (column + (int)word.len + 1 > 80) {
            put(text, "\n ");
            column = 1;
        }
        put(text, " %.*s", SPAN_ARGS(word));
        column += (int)word.len + 1;
    }
}

static void put_result(struct text *text, const struct report *report)
{
    static const struct {
        enum report_status status;
        enum colour colour;
        const char *words;
    } results[] = {
        {REPORT_PASSED, GREEN, "passed"},
        {REPORT_FAILED, RED, "failed"},
        {REPORT_UNTRUSTED, YELLOW, "not to be trusted"},
        {REPORT_INTERRUPTED, YELLOW, "interrupted"},
    };
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i].status != report->status) {
            continue;
        }
        bool stopped = report->status == REPORT_INTERRUPTED;
        struct span why = span_from_string(stopped ? "by the operator" : report->why);
        int column = (int)(sizeof("Result: ") - 1 + strlen(results[i].words)) + 1;
        put(text, "\n%sResult: %s%s%s", paint(text, results[i].colour), results[i].words,
            paint(text, PLAIN), why.len > 0 ? ":" : "");
        put_wrapped(text, why, column);
        put(text, "\n");
    }
}

int report_write_text(const struct report *report, bool colour, struct buf *out)
{
    struct text text = {.out = out, .colour = colour};
    put_head(&text, report);
    put_viewers(&text, report);
    put_rates(&text, report);
    put_times(&text, report);
    put_quality(&text, report);
    put_variants(&text, report);
    put_servers(&text, report);
    put_origin(&text, report);
    put_counters(&text, report);
    put_absent(&text, report);
    put_failures(&text, report);
    put_generator(&text, report);
    put_thresholds(&text, report);
    put_result(&text, report);
    return text.failed ? -1 : 0;
}
