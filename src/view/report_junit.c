#include "stats/metrics.h"
#include "view/format.h"
#include "view/json_util.h"
#include "view/report.h"

#include <stdio.h>

static int put_character(struct buf *out, char c)
{
    switch (c) {
    case '&':
        return buf_append_string(out, "&amp;");
    case '<':
        return buf_append_string(out, "&lt;");
    case '>':
        return buf_append_string(out, "&gt;");
    case '"':
        return buf_append_string(out, "&quot;");
    default:
        return (unsigned char)c >= ' ' ? buf_append(out, &c, 1) : 0;
    }
}

/* Text in XML: markup escaped, control characters, which XML 1.0 has no way to hold, left out,
 * and whole UTF-8. */
static int put_text(struct buf *out, const char *text)
{
    int failed = 0;
    json_t *whole = json_util_text(text);
    for (const char *at = json_string_value(whole); at != NULL && *at != '\0'; at++) {
        failed |= put_character(out, *at);
    }
    json_decref(whole);
    return failed;
}

static int put_case(struct buf *out, const char *class, const char *name, bool pass,
                    const char *message)
{
    int failed =
        buf_printf(out, "  <testcase time=\"0\" classname=\"shoal.%s\" name=\"", class);
    failed |= put_text(out, name);
    if (pass) {
        return failed | buf_append_string(out, "\"/>\n");
    }
    failed |= buf_printf(out, "\">\n    <failure type=\"%s\" message=\"", class);
    failed |= put_text(out, message);
    return failed | buf_append_string(out, "\"/>\n  </testcase>\n");
}

static int put_threshold(struct buf *out, const struct report_threshold *row)
{
    char value[FORMAT_MAX], message[80];
    threshold_format_value(&row->threshold, row->result.value, value, sizeof(value));
    snprintf(message, sizeof(message), "was %s", value);
    return put_case(out, "threshold", row->threshold.text, row->result.pass, message);
}

/* How the run was set; the schema of Ant wants the element, people the figures. */
static int put_properties(struct buf *out, const struct report *report)
{
    const struct {
        const char *name, *value;
    } properties[] = {
        {"shoal", report->info.version},   {"run", report->info.id},
        {"url", report->info.url},         {"engine", report->info.engine},
        {"player", report->info.player},   {"variant", report->info.variant},
        {"command", report->info.command},
    };
    int failed = buf_append_string(out, "  <properties>\n");
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        if (properties[i].value == NULL) {
            continue;
        }
        failed |= buf_printf(out, "    <property name=\"%s\" value=\"", properties[i].name);
        failed |= put_text(out, properties[i].value);
        failed |= buf_append_string(out, "\"/>\n");
    }
    return failed | buf_append_string(out, "  </properties>\n");
}

int report_write_junit(const struct report *report, struct buf *out)
{
    char when[FORMAT_MAX];
    bool played = shoal_total(&report->run, METRIC_SEGMENTS) > 0;
    bool run_ok = played && !report->interrupted;
    const char *why_not = played ? "interrupted" : "not one segment was complete";
    unsigned failures = (run_ok ? 0 : 1) + (report->trust.trusted ? 0 : 1);
    for (unsigned i = 0; i < report->threshold_count; i++) {
        failures += report->thresholds[i].result.pass ? 0 : 1;
    }
    int failed =
        buf_printf(out,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<testsuite name=\"shoal\" tests=\"%u\" failures=\"%u\" "
                   "errors=\"0\" time=\"%.3f\" timestamp=\"%.19s\" hostname=\"",
                   report->threshold_count + 2, failures, (double)report->run.elapsed_us / 1e6,
                   format_timestamp(when, sizeof(when), report->info.start_wall_us));
    bool named = report->info.host != NULL && report->info.host[0] != '\0';
    failed |= put_text(out, named ? report->info.host : "localhost");
    failed |= buf_append_string(out, "\">\n");
    failed |= put_properties(out, report);
    failed |= put_case(out, "run", "segments were played to the end", run_ok, why_not);
    failed |= put_case(out, "generator", "the figures can be trusted", report->trust.trusted,
                       report->trust.why);
    for (unsigned i = 0; i < report->threshold_count; i++) {
        failed |= put_threshold(out, &report->thresholds[i]);
    }
    failed |= buf_append_string(out, "  <system-out>");
    failed |= put_text(out, report->why);
    return failed | buf_append_string(out, "</system-out>\n  <system-err/>\n</testsuite>\n");
}
