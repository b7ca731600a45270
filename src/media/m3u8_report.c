#include "media/m3u8_check.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct m3u8_rule_info rules[M3U8_RULE_COUNT] = {
#define X(symbol, name, severity, scope, section, sentence) \
    [M3U8_RULE_##symbol] = {name, M3U8_##severity, M3U8_SCOPE_##scope, section, sentence},
#include "media/m3u8_rules.def"
#undef X
};

const struct m3u8_rule_info *m3u8_rule_info(enum m3u8_rule rule)
{
    assert(rule < M3U8_RULE_COUNT);
    return &rules[rule];
}

void m3u8_report_init(struct m3u8_report *report, uint32_t limit)
{
    *report = (struct m3u8_report){.limit = limit == 0 ? 1000 : limit};
}

void m3u8_report_clear(struct m3u8_report *report)
{
    free(report->findings);
    *report = (struct m3u8_report){.limit = report->limit,
                                   .limit_of_rule = report->limit_of_rule,
                                   .load = report->load,
                                   .ignored = report->ignored};
}

/* Bytes from the playlist go to terminals and into JSON: no control bytes, and no character cut
 * in the middle. */
static void clean(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';
        }
    }
    size_t i = 0;
    while (i < len) {
        unsigned char c = (unsigned char)text[i];
        size_t want = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : 2;
        bool good = c < 0x80 || (c >= 0xc2 && c < 0xf5);
        for (size_t k = 1; k < want && good; k++) {
            good = ((unsigned char)text[i + k] & 0xc0) == 0x80;
        }
        if (!good && i + want > len && (c & 0xc0) == 0xc0) {
            text[i] = '\0';
            return;
        }
        if (!good) {
            text[i] = '?';
        }
        i += good ? want : 1;
    }
}

static struct m3u8_finding *next_finding(struct m3u8_report *report)
{
    if (report->count == report->limit) {
        return NULL;
    }
    if (report->count == report->capacity) {
        uint32_t capacity = report->capacity == 0 ? 16 : report->capacity * 2;
        capacity = capacity > report->limit ? report->limit : capacity;
        void *findings = realloc(report->findings, capacity * sizeof report->findings[0]);
        if (findings == NULL) {
            return NULL;
        }
        report->findings = findings;
        report->capacity = capacity;
    }
    return &report->findings[report->count++];
}

void m3u8_report_add(struct m3u8_report *report, enum m3u8_rule rule, uint32_t line,
                     const char *tag, const char *attribute, const char *format, ...)
{
    if (report == NULL || (report->ignored != NULL && report->ignored[rule])) {
        return;
    }
    if (rules[rule].severity == M3U8_MUST) {
        report->must++;
    } else {
        report->should++;
    }
    bool enough = report->limit_of_rule != 0 && report->of_rule[rule] >= report->limit_of_rule;
    struct m3u8_finding *finding = enough ? NULL : next_finding(report);
    report->of_rule[rule]++;
    if (finding == NULL) {
        report->dropped++;
        return;
    }
    *finding = (struct m3u8_finding){.rule = rule, .line = line, .load = report->load};
    snprintf(finding->tag, sizeof finding->tag, "%s", tag == NULL ? "" : tag);
    snprintf(finding->attribute, sizeof finding->attribute, "%s",
             attribute == NULL ? "" : attribute);
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(finding->detail, sizeof finding->detail, format, args);
        va_end(args);
    }
    clean(finding->attribute);
    clean(finding->detail);
}

bool m3u8_report_has(const struct m3u8_report *report, enum m3u8_rule rule)
{
    for (uint32_t i = 0; i < report->count; i++) {
        if (report->findings[i].rule == rule) {
            return true;
        }
    }
    return false;
}

static int compare_findings(const void *a, const void *b)
{
    const struct m3u8_finding *x = a, *y = b;
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    if (x->rule != y->rule) {
        return x->rule < y->rule ? -1 : 1;
    }
    int order = strcmp(x->attribute, y->attribute);
    return order != 0 ? order : strcmp(x->detail, y->detail);
}

void m3u8_report_sort(struct m3u8_report *report)
{
    if (report->count > 1) {
        qsort(report->findings, report->count, sizeof report->findings[0], compare_findings);
    }
}
