/* Every rule that a text can break is held against the playlists of rules.txt. */
#include "base/buf.h"
#include "media/m3u8_check.h"
#include "media/m3u8_reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LOADS_MAX 8

/* The playlists of one case: loads of one playlist, or a multivariant one and its media ones.
 */
struct sample {
    enum m3u8_rule rule;
    bool keeps;
    unsigned line; /* in rules.txt */
    struct buf text[LOADS_MAX];
    int64_t at_us[LOADS_MAX];
    enum m3u8_role role[LOADS_MAX];
    unsigned count;
    bool is_set;
};

static unsigned kept[M3U8_RULE_COUNT], broken[M3U8_RULE_COUNT], wrong;

static void load(const struct sample *s, unsigned i, const struct m3u8 *top,
                 struct m3u8_report *report, struct m3u8 **out)
{
    struct m3u8_source source = {
        .text = buf_span(&s->text[i]),
        .url = SPAN("http://h/a/v.m3u8?token=x&empty="),
        .multivariant = top,
        .report = report,
    };
    *out = NULL;
    (void)m3u8_parse(&source, out);
}

static void judge(const struct sample *s, struct m3u8_report *report)
{
    const char *name = m3u8_rule_info(s->rule)->name;
    for (uint32_t i = 0; i < report->count; i++) {
        const struct m3u8_finding *f = &report->findings[i];
        if (s->keeps && m3u8_rule_info(f->rule)->severity == M3U8_MUST) {
            wrong++;
            print_error("rules.txt:%u: what keeps %s breaks %s in line %u: %s\n", s->line, name,
                        m3u8_rule_info(f->rule)->name, f->line, f->detail);
        }
    }
    if (s->keeps && m3u8_report_has(report, s->rule)) {
        wrong++;
        print_error("rules.txt:%u: what keeps %s is told to break it\n", s->line, name);
    }
    if (!s->keeps && !m3u8_report_has(report, s->rule)) {
        wrong++;
        print_error("rules.txt:%u: what breaks %s is not told\n", s->line, name);
    }
    if (s->keeps) {
        kept[s->rule]++;
    } else {
        broken[s->rule]++;
    }
}

static void run(struct sample *s)
{
    struct m3u8 *playlists[LOADS_MAX] = {NULL};
    struct m3u8_report report;
    struct m3u8_watch watch = {0};
    m3u8_report_init(&report, 0);
    if (s->count == 0) {
        return;
    }
    for (unsigned i = 0; i < s->count; i++) {
        load(s, i, s->is_set && i > 0 ? playlists[0] : NULL, &report, &playlists[i]);
        if (!s->is_set && playlists[i] != NULL && (i == 0 || playlists[i - 1] != NULL)) {
            m3u8_check_reload(&watch, i > 0 ? playlists[i - 1] : NULL, playlists[i],
                              s->at_us[i], &report);
        }
    }
    if (s->is_set && playlists[0] != NULL) {
        m3u8_check_set(playlists[0], (const struct m3u8 *const *)playlists + 1, s->role + 1,
                       s->count - 1, &report);
    }
    judge(s, &report);
    for (unsigned i = 0; i < s->count; i++) {
        m3u8_unref(playlists[i]);
        buf_release(&s->text[i]);
    }
    m3u8_report_clear(&report);
}

static void begin_load(struct sample *s)
{
    assert_true(s->count < LOADS_MAX);
    buf_init(&s->text[s->count], 65536);
    s->count++;
}

static enum m3u8_rule rule_of(struct span name)
{
    for (unsigned i = 0; i < M3U8_RULE_COUNT; i++) {
        if (span_equal(name, span_from_string(m3u8_rule_info((enum m3u8_rule)i)->name))) {
            return (enum m3u8_rule)i;
        }
    }
    fail_msg("rules.txt names \"%.*s\", which is no rule", SPAN_ARGS(name));
    return M3U8_RULE_COUNT;
}

static void append_escaped(struct buf *out, struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned byte;
        if (line.ptr[i] == '\\' && i + 3 < line.len && line.ptr[i + 1] == 'x' &&
            sscanf(line.ptr + i + 2, "%2x", &byte) == 1) {
            char c = (char)byte;
            assert_int_equal(buf_append(out, &c, 1), 0);
            i += 3;
        } else {
            assert_int_equal(buf_append(out, &line.ptr[i], 1), 0);
        }
    }
    assert_int_equal(buf_append(out, "\n", 1), 0);
}

static void append_line(struct sample *s, struct span line)
{
    static const struct {
        struct span name;
        const char *text;
    } shorts[] = {
        {{"@m", 2}, "#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-TARGETDURATION:4\n"},
        {{"@s", 2}, "#EXTINF:4,\ns.ts\n"},
        {{"@e", 2}, "#EXT-X-ENDLIST\n"},
        {{"@v", 2}, "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a\"\nv.m3u8\n"},
    };
    struct buf *out = &s->text[s->count - 1];
    for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++) {
        if (span_equal(line, shorts[i].name)) {
            assert_int_equal(buf_append_string(out, shorts[i].text), 0);
            return;
        }
    }
    append_escaped(out, line);
}

static enum m3u8_role role_of(struct span name)
{
    return span_equal(name, SPAN("audio"))       ? M3U8_ROLE_AUDIO
           : span_equal(name, SPAN("subtitles")) ? M3U8_ROLE_SUBTITLES
           : span_equal(name, SPAN("i-frames"))  ? M3U8_ROLE_I_FRAMES
                                                 : M3U8_ROLE_VARIANT;
}

/* A line that begins with '@' and is none of the short forms. Returns whether it was one. */
static bool directive(struct sample *s, struct span line, unsigned number)
{
    bool keeps = span_equal(line, SPAN("@keeps"));
    if (keeps || span_equal(line, SPAN("@breaks"))) {
        enum m3u8_rule rule = s->rule;
        run(s);
        *s = (struct sample){.rule = rule, .keeps = keeps, .line = number};
        begin_load(s);
        return true;
    }
    if (span_starts_with(line, SPAN("@rule "))) {
        run(s);
        *s = (struct sample){.rule = rule_of(span_skip(line, 6))};
        return true;
    }
    if (span_starts_with(line, SPAN("@then "))) {
        int64_t before_us = s->at_us[s->count - 1];
        begin_load(s);
        s->at_us[s->count - 1] = before_us + (int64_t)(strtod(line.ptr + 6, NULL) * 1e6);
        return true;
    }
    if (span_starts_with(line, SPAN("@as "))) {
        begin_load(s);
        s->is_set = true;
        s->role[s->count - 1] = role_of(span_skip(line, 4));
        return true;
    }
    return false;
}

static void test_rules(void **state)
{
    (void)state;
    FILE *file = fopen(RULES_FILE, "r");
    assert_non_null(file);
    char text[4096];
    struct sample sample = {0};
    bool started = false;
    for (unsigned number = 1; fgets(text, sizeof text, file) != NULL; number++) {
        struct span line = span_of(text, strcspn(text, "\n"));
        started = started || span_starts_with(line, SPAN("@rule "));
        /* The blank line before the next rule belongs to nothing. */
        if (started && !directive(&sample, line, number) && sample.count > 0) {
            append_line(&sample, line);
        }
    }
    run(&sample);
    fclose(file);
    assert_int_equal(wrong, 0);
}

static void test_every_rule_is_there(void **state)
{
    (void)state;
    for (unsigned i = 0; i < M3U8_RULE_COUNT; i++) {
        const struct m3u8_rule_info *info = m3u8_rule_info((enum m3u8_rule)i);
        bool by_text = info->scope != M3U8_SCOPE_SERVED && info->scope != M3U8_SCOPE_MEDIA;
        if (by_text && (kept[i] == 0 || broken[i] == 0)) {
            fail_msg("rules.txt has nothing that %s %s", kept[i] == 0 ? "keeps" : "breaks",
                     info->name);
        }
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(info->name, m3u8_rule_info((enum m3u8_rule)k)->name);
        }
    }
}

static void test_report_is_bounded(void **state)
{
    (void)state;
    struct m3u8_report report;
    m3u8_report_init(&report, 3);
    for (uint32_t i = 0; i < 10; i++) {
        m3u8_report_add(&report, M3U8_RULE_UTF8, 10 - i, NULL, NULL, "%u", i);
    }
    assert_int_equal(report.count, 3);
    assert_int_equal(report.dropped, 7);
    assert_int_equal(report.must, 10);
    m3u8_report_sort(&report);
    assert_int_equal(report.findings[0].line, 8);
    m3u8_report_clear(&report);
    m3u8_report_add(NULL, M3U8_RULE_UTF8, 1, NULL, NULL, NULL);
    m3u8_report_add(&report, M3U8_RULE_SCORE_PARTIAL, 1, "T", "a\nb", "%s",
                    "\xc3\x28\x01\xe2\x82");
    assert_int_equal(report.should, 1);
    assert_string_equal(report.findings[0].attribute, "a?b");
    assert_string_equal(report.findings[0].detail, "?(?");
    m3u8_report_clear(&report);
}

static void test_one_rule_does_not_drown_the_others(void **state)
{
    (void)state;
    static const bool ignored[M3U8_RULE_COUNT] = {[M3U8_RULE_UTF8] = true};
    struct m3u8_report report;
    m3u8_report_init(&report, 0);
    report.limit_of_rule = 2;
    report.ignored = ignored;
    report.load = 7;
    for (uint32_t i = 0; i < 10; i++) {
        m3u8_report_add(&report, M3U8_RULE_UTF8, i, NULL, NULL, NULL);
        m3u8_report_add(&report, M3U8_RULE_WHITESPACE, i, NULL, NULL, NULL);
    }
    m3u8_report_add(&report, M3U8_RULE_EXTM3U_FIRST, 1, NULL, NULL, NULL);
    assert_int_equal(report.count, 3);
    assert_int_equal(report.findings[2].load, 7);
    assert_int_equal(report.dropped, 8);
    assert_int_equal(report.must, 11);
    assert_int_equal(report.of_rule[M3U8_RULE_WHITESPACE], 10);
    assert_false(m3u8_report_has(&report, M3U8_RULE_UTF8));
    assert_true(m3u8_report_has(&report, M3U8_RULE_EXTM3U_FIRST));
    m3u8_report_clear(&report);
    assert_int_equal(report.of_rule[M3U8_RULE_WHITESPACE], 0);
    assert_int_equal(report.limit_of_rule, 2);
    assert_ptr_equal(report.ignored, ignored);
}

static const char doc_head[] =
    "# The rules of `shoal lint`\n\n"
    "`shoal lint FILE|URL` holds a playlist against RFC 8216 and its successor rfc8216bis "
    "(draft 22)\n"
    "and names each rule broken, its severity, line, tag and attribute. This list is made "
    "from\n"
    "`src/media/m3u8_rules.def`; the tests hold for each rule a playlist that keeps it and one "
    "that\n"
    "breaks it (`tests/unit/media/rules.txt`).\n\n"
    "* **must**: the playlist is invalid, or the server breaks a duty; the exit status is 1.\n"
    "* **should**: advice not followed; the exit status is 1 with `--strict` only. What the "
    "draft\n"
    "  forbids and RFC 8216 expressly allows is a should.\n\n"
    "Exit status: 0 no must-rule is broken, 1 one is, 2 usage, 3 something could not be "
    "read,\n"
    "130 interrupted while following.\n\n"
    "Text output is a line for each finding, `NAME:LINE: must|should: TAG ATTRIBUTE: "
    "sentence:\n"
    "detail [rule]`. With `--json` one object is printed: `schema` (`shoal-lint/1`), "
    "`exit_status`,\n"
    "`must`, `should`, `playlists` (each with `name`, `kind`, `playable`, `status`, `loads`,\n"
    "`failed_loads`, facts, and `findings`: `rule`, `severity`, `section`, `text`, `line`, "
    "`load`,\n"
    "which counts the loads of that playlist from 1, `tag`, `attribute`, `detail`) and "
    "`together`,\n"
    "the findings about the playlists as a set.\n\n"
    "Of one rule the first 100 findings in a playlist are told and the others counted. "
    "`--ignore RULE`\n"
    "leaves a rule out, for the exit status too. A playlist of up to 256 MiB is read; 100 "
    "MB or a\n"
    "million segments take about a second and a third of a GB.\n";

static void append_doc(struct buf *out)
{
    static const char *const headings[] = {
        [M3U8_SCOPE_TEXT] = "One playlist by itself",
        [M3U8_SCOPE_SERVED] = "How a playlist was answered (URLs)",
        [M3U8_SCOPE_RELOAD] = "Two loads of one playlist (`--follow`)",
        [M3U8_SCOPE_SET] = "A multivariant playlist and its media playlists (URLs)",
        [M3U8_SCOPE_MEDIA] = "Playlists against segments (`--segments`)",
    };
    assert_int_equal(buf_append_string(out, doc_head), 0);
    for (unsigned scope = 0; scope < M3U8_SCOPE_COUNT; scope++) {
        assert_int_equal(
            buf_printf(
                out, "\n## %s\n\n| rule | severity | section | |\n| --- | --- | --- | --- |\n",
                headings[scope]),
            0);
        for (unsigned i = 0; i < M3U8_RULE_COUNT; i++) {
            const struct m3u8_rule_info *info = m3u8_rule_info((enum m3u8_rule)i);
            if (info->scope == scope) {
                assert_int_equal(buf_printf(out, "| `%s` | %s | %s | %s |\n", info->name,
                                            info->severity == M3U8_MUST ? "must" : "should",
                                            info->section, info->sentence),
                                 0);
            }
        }
    }
}

/* With SHOAL_WRITE_DOCS set the page is written anew; then look at what changed. */
static void test_page_lists_the_rules(void **state)
{
    (void)state;
    struct buf page;
    static char held[65536];
    buf_init(&page, sizeof held);
    append_doc(&page);
    bool write = getenv("SHOAL_WRITE_DOCS") != NULL;
    FILE *file = fopen(RULES_PAGE, write ? "w" : "r");
    assert_non_null(file);
    if (write) {
        assert_int_equal(fwrite(page.ptr, 1, page.len, file), page.len);
    } else {
        size_t len = fread(held, 1, sizeof held, file);
        if (!span_equal(span_of(held, len), buf_span(&page))) {
            fail_msg("docs/lint-rules.md is not what m3u8_rules.def says; run this test with "
                     "SHOAL_WRITE_DOCS=1");
        }
    }
    fclose(file);
    buf_release(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_every_rule_is_there),
        cmocka_unit_test(test_report_is_bounded),
        cmocka_unit_test(test_one_rule_does_not_drown_the_others),
        cmocka_unit_test(test_page_lists_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
