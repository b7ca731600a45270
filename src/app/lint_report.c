#include "app/lint_report.h"

#include "view/json_util.h"

#include <stdlib.h>
#include <string.h>

/* Findings kept of one rule in one playlist. */
#define OF_RULE_MAX 100

static void init_report(struct m3u8_report *report, const bool *ignored)
{
    m3u8_report_init(report, 0);
    report->limit_of_rule = OF_RULE_MAX;
    report->ignored = ignored;
}

void lint_results_init(struct lint_results *results, const bool *ignored)
{
    *results = (struct lint_results){0};
    init_report(&results->together, ignored);
}

void lint_results_fini(struct lint_results *results)
{
    for (size_t i = 0; i < results->count; i++) {
        struct lint_entry *entry = &results->entries[i];
        free(entry->name);
        m3u8_unref(entry->current);
        m3u8_report_clear(&entry->report);
    }
    free(results->entries);
    m3u8_report_clear(&results->together);
    *results = (struct lint_results){0};
}

struct lint_entry *lint_results_add(struct lint_results *results, struct span name)
{
    if (results->count == results->capacity) {
        size_t capacity = results->capacity == 0 ? 8 : results->capacity * 2;
        void *entries = realloc(results->entries, capacity * sizeof results->entries[0]);
        if (entries == NULL) {
            abort();
        }
        results->entries = entries;
        results->capacity = capacity;
    }
    struct lint_entry *entry = &results->entries[results->count++];
    *entry = (struct lint_entry){.name = strndup(name.len > 0 ? name.ptr : "", name.len)};
    if (entry->name == NULL) {
        abort();
    }
    init_report(&entry->report, results->together.ignored);
    return entry;
}

uint64_t lint_results_must(const struct lint_results *results)
{
    uint64_t must = results->together.must;
    for (size_t i = 0; i < results->count; i++) {
        must += results->entries[i].report.must;
    }
    return must;
}

uint64_t lint_results_should(const struct lint_results *results)
{
    uint64_t should = results->together.should;
    for (size_t i = 0; i < results->count; i++) {
        should += results->entries[i].report.should;
    }
    return should;
}

bool lint_results_unreadable(const struct lint_results *results)
{
    for (size_t i = 0; i < results->count; i++) {
        if (results->entries[i].unreadable != NULL) {
            return true;
        }
    }
    return false;
}

static const char *severity_word(enum m3u8_rule rule)
{
    return m3u8_rule_info(rule)->severity == M3U8_MUST ? "must" : "should";
}

static void print_finding(const char *name, const struct m3u8_finding *f, FILE *out)
{
    const struct m3u8_rule_info *info = m3u8_rule_info(f->rule);
    if (f->line > 0) {
        fprintf(out, "%s:%u: %s: ", name, f->line, severity_word(f->rule));
    } else {
        fprintf(out, "%s: %s: ", name, severity_word(f->rule));
    }
    if (f->tag[0] != '\0' || f->attribute[0] != '\0') {
        fprintf(out, "%s%s%s: ", f->tag,
                f->tag[0] != '\0' && f->attribute[0] != '\0' ? " " : "", f->attribute);
    }
    fprintf(out, "%s%s%s [%s]\n", info->sentence, f->detail[0] != '\0' ? ": " : "", f->detail,
            info->name);
}

static void print_report(const char *name, const struct m3u8_report *report, uint32_t *printed,
                         FILE *out)
{
    for (; *printed < report->count; (*printed)++) {
        print_finding(name, &report->findings[*printed], out);
    }
}

static void print_unreadable(struct lint_entry *entry, FILE *out)
{
    if (entry->unreadable == NULL || entry->told) {
        return;
    }
    entry->told = true;
    if (entry->http_status != 0) {
        fprintf(out, "%s: unreadable: %s (%d)\n", entry->name, entry->unreadable,
                entry->http_status);
    } else {
        fprintf(out, "%s: unreadable: %s\n", entry->name, entry->unreadable);
    }
}

void lint_print_text(struct lint_results *results, FILE *out)
{
    for (size_t i = 0; i < results->count; i++) {
        struct lint_entry *entry = &results->entries[i];
        print_unreadable(entry, out);
        print_report(entry->name, &entry->report, &entry->printed, out);
    }
    if (results->count > 0) {
        print_report(results->entries[0].name, &results->together, &results->together_printed,
                     out);
    }
    fflush(out);
}

static void print_dropped(const char *name, const struct m3u8_report *report, FILE *out)
{
    uint32_t kept[M3U8_RULE_COUNT] = {0};
    for (uint32_t i = 0; i < report->count && report->dropped > 0; i++) {
        kept[report->findings[i].rule]++;
    }
    for (unsigned i = 0; i < M3U8_RULE_COUNT && report->dropped > 0; i++) {
        if (report->of_rule[i] > kept[i]) {
            fprintf(out, "%s: note: %u more of [%s]\n", name, report->of_rule[i] - kept[i],
                    m3u8_rule_info((enum m3u8_rule)i)->name);
        }
    }
}

void lint_print_rest(const struct lint_results *results, FILE *out)
{
    for (size_t i = 0; i < results->count; i++) {
        const struct lint_entry *entry = &results->entries[i];
        print_dropped(entry->name, &entry->report, out);
        if (entry->large_segments > 0) {
            fprintf(out, "%s: note: %u segments are too large to be looked at\n", entry->name,
                    entry->large_segments);
        }
        if (entry->failed_loads > 0) {
            fprintf(out, "%s: note: %u of %u loads failed, the last: %s (%d)\n", entry->name,
                    entry->failed_loads, entry->failed_loads + entry->loads,
                    fail_info(entry->load_fail)->words, entry->http_status);
        }
    }
    if (results->count > 0) {
        print_dropped(results->entries[0].name, &results->together, out);
    }
    if (results->left_out > 0) {
        fprintf(out, "%s: note: %u further playlists were not read\n", results->entries[0].name,
                results->left_out);
    }
}

static json_t *findings_json(const struct m3u8_report *report)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report->count; i++) {
        const struct m3u8_finding *f = &report->findings[i];
        const struct m3u8_rule_info *info = m3u8_rule_info(f->rule);
        json_t *finding =
            json_pack("{s:s, s:s, s:s, s:s}", "rule", info->name, "severity",
                      severity_word(f->rule), "section", info->section, "text", info->sentence);
        json_object_set_new(finding, "line", f->line > 0 ? json_integer(f->line) : json_null());
        json_object_set_new(finding, "load", f->load > 0 ? json_integer(f->load) : json_null());
        json_object_set_new(finding, "tag",
                            f->tag[0] != '\0' ? json_util_text(f->tag) : json_null());
        json_object_set_new(finding, "attribute",
                            f->attribute[0] != '\0' ? json_util_text(f->attribute)
                                                    : json_null());
        json_object_set_new(finding, "detail",
                            f->detail[0] != '\0' ? json_util_text(f->detail) : json_null());
        json_array_append_new(list, finding);
    }
    return list;
}

static void add_facts(json_t *object, const struct m3u8 *m)
{
    if (m == NULL) {
        return;
    }
    json_object_set_new(object, "version", json_integer((json_int_t)m->version));
    json_object_set_new(object, "lines", json_integer(m->lines));
    json_object_set_new(object, "unknown_tags", json_integer(m->unknown_tags));
    json_object_set_new(object, "unknown_attributes", json_integer(m->unknown_attributes));
    json_object_set_new(object, "ignored_tags", json_integer(m->ignored_tags));
    json_object_set_new(object, "ignored_uris", json_integer(m->ignored_uris));
    if (m->kind == M3U8_MEDIA) {
        json_object_set_new(object, "segments", json_integer(m->segment_count));
        json_object_set_new(object, "duration_s",
                            json_real((double)m->total_duration_us / 1e6));
        json_object_set_new(object, "target_duration_s",
                            json_real((double)m->target_duration_us / 1e6));
        json_object_set_new(object, "live", json_boolean(!m3u8_is_final(m)));
    } else {
        json_object_set_new(object, "variants", json_integer(m->variant_count));
        json_object_set_new(object, "i_frame_variants", json_integer(m->i_frame_variant_count));
        json_object_set_new(object, "renditions", json_integer(m->rendition_count));
    }
}

static json_t *entry_json(const struct lint_entry *entry)
{
    const struct m3u8 *m = entry->current;
    json_t *object = json_object();
    json_object_set_new(object, "name", json_util_text(entry->name));
    json_object_set_new(object, "kind",
                        m == NULL               ? json_null()
                        : m->kind == M3U8_MEDIA ? json_string("media")
                                                : json_string("multivariant"));
    json_object_set_new(object, "playable", json_boolean(m != NULL));
    json_object_set_new(object, "status",
                        json_string(entry->unreadable != NULL
                                        ? "unreadable"
                                        : m3u8_status_name(entry->status)));
    if (entry->unreadable != NULL) {
        json_object_set_new(object, "why", json_string(entry->unreadable));
    }
    if (entry->http_status != 0) {
        json_object_set_new(object, "http_status", json_integer(entry->http_status));
    }
    json_object_set_new(object, "loads", json_integer(entry->loads));
    json_object_set_new(object, "failed_loads", json_integer(entry->failed_loads));
    json_object_set_new(object, "large_segments", json_integer(entry->large_segments));
    add_facts(object, m);
    json_object_set_new(object, "must", json_integer((json_int_t)entry->report.must));
    json_object_set_new(object, "should", json_integer((json_int_t)entry->report.should));
    json_object_set_new(object, "dropped", json_integer((json_int_t)entry->report.dropped));
    json_object_set_new(object, "findings", findings_json(&entry->report));
    return object;
}

int lint_print_json(const struct lint_results *results, int exit_status, FILE *out)
{
    json_t *playlists = json_array();
    for (size_t i = 0; i < results->count; i++) {
        json_array_append_new(playlists, entry_json(&results->entries[i]));
    }
    json_t *root = json_object();
    json_object_set_new(root, "schema", json_string("shoal-lint/1"));
    json_object_set_new(root, "exit_status", json_integer(exit_status));
    json_object_set_new(root, "must", json_integer((json_int_t)lint_results_must(results)));
    json_object_set_new(root, "should", json_integer((json_int_t)lint_results_should(results)));
    json_object_set_new(root, "playlists", playlists);
    json_object_set_new(root, "playlists_left_out", json_integer(results->left_out));
    json_object_set_new(root, "together", findings_json(&results->together));
    int status = json_dumpf(root, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(root);
    return status == 0 && fputc('\n', out) != EOF ? 0 : -1;
}
