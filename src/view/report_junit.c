#include "stats/metrics.h"
#include "view/format.h"
#include "view/report.h"

#include <stdio.h>

/* Text in XML: markup escaped, control characters, which XML 1.0 has no way to hold, left out.
 */
static int put_text(struct buf *out, const char *text)
{
    int failed = 0;
    for (const char *at = text; *at != '\0' && failed == 0; at++) {
        switch (*at) {
        case '&':
            failed = buf_append_string(out, "&amp;");
            break;
        case '<':
            failed = buf_append_string(out, "&lt;");
            break;
        case '>':
            failed = buf_append_string(out, "&gt;");
            break;
        case '"':
            failed = buf_append_string(out, "&quot;");
            break;
        default:
            failed = (unsigned char)*at >= ' ' ? buf_append(out, at, 1) : 0;
            break;
        }
    }
    return failed;
}

static int put_case(struct buf *out, const char *class, const char *name, bool pass,
                    const char *message)
{
    int failed = buf_printf(out, "  <testcase classname=\"shoal.%s\" name=\"", class);
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
    failed |= put_text(out, report->info.host == NULL ? "" : report->info.host);
    failed |= buf_append_string(out, "\">\n");
    failed |= put_case(out, "run", "segments were played to the end", run_ok, why_not);
    failed |= put_case(out, "generator", "the figures can be trusted", report->trust.trusted,
                       report->trust.why);
    for (unsigned i = 0; i < report->threshold_count; i++) {
        failed |= put_threshold(out, &report->thresholds[i]);
    }
    return failed | buf_append_string(out, "</testsuite>\n");
}
