#include "app/lint.h"

#include "app/print_error.h"
#include "base/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* At most so many media playlists of one multivariant playlist are read. */
#define PLAYLISTS_MAX 1000

#define ROW(long_name, short_name, kind, field, least, most, value, standard, words)    \
    {                                                                                   \
        .name = (long_name), .letter = (short_name), .type = &(kind),                   \
        .offset = offsetof(struct lint_options, field), .low = (least), .high = (most), \
        .argument = (value), .fallback = (standard), .help = (words)                    \
    }

/* One rule a time. */
static int take_ignored(const struct option_value *value, struct err *err)
{
    const char *names[M3U8_RULE_COUNT + 1] = {NULL};
    bool *ignored = value->field;
    for (unsigned i = 0; i < M3U8_RULE_COUNT; i++) {
        names[i] = m3u8_rule_info((enum m3u8_rule)i)->name;
        if (strcmp(names[i], value->text) == 0) {
            ignored[i] = true;
            return 0;
        }
    }
    const char *nearest = nearest_word(span_from_string(value->text), names);
    char hint[80] = "docs/lint-rules.md lists them";
    if (nearest != NULL) {
        snprintf(hint, sizeof hint, "did you mean %s?", nearest);
    }
    return err_set(err, ERR_USAGE, option_what(value->option), hint, "'%s' is no rule",
                   value->text);
}

static const struct option_type option_rule = {.take = take_ignored, .repeats = true};

static const struct option rows[] = {
    ROW("json", 0, option_flag, json, 0, 0, NULL, NULL, "Print one JSON object."),
    ROW("strict", 0, option_flag, strict, 0, 0, NULL, NULL,
        "Exit 1 for rules of severity \"should\" as well."),
    ROW("ignore", 0, option_rule, ignored, 0, 0, "RULE", NULL,
        "Do not tell of that rule, named as findings name it. May be repeated."),
    ROW("follow", 0, option_duration, follow_us, 100000, OPTION_DURATION_MOST, "TIME", NULL,
        "Reload live playlists for that long, as players do, and compare the loads. Then ask "
        "for the blocking reloads and delta updates that they offer."),
    ROW("segments", 0, option_flag, segments, 0, 0, NULL, NULL,
        "Fetch segments and hold the playlists against them: durations, bit rates, ranges, "
        "keys, codecs."),
    ROW("segment-limit", 0, option_count, segment_limit, 1, 1000000, "N", "20",
        "With --segments: so many of each playlist, the newest ones."),
    ROW("base", 0, option_text, base, 0, 0, "URL", NULL,
        "Take a FILE as if it came from there: relative URIs, QUERYPARAM."),
    ROW("header", 'H', option_header, headers, 0, 0, "NAME: VALUE", NULL,
        "A header line for every request. May be repeated."),
    ROW("insecure", 'k', option_flag, net.insecure, 0, 0, NULL, NULL,
        "Do not check certificates."),
    ROW("cacert", 0, option_input_file, net.ca_file, 0, 0, "FILE", "the system's",
        "Certificates (PEM) of the authorities to trust."),
    ROW("timeout", 0, option_duration, net.total_timeout_us, 1000, OPTION_TIMEOUT_MOST, "TIME",
        "60s", "Bound of a whole request."),
    {.name = NULL},
};

static const char help_tail[] =
    "A multivariant playlist that is given as a URL is followed into its media\n"
    "playlists. FILE may be - for standard input.\n"
    "\n"
    "Exit status: 0 no must-rule is broken, 1 one is (with --strict: or a\n"
    "should-rule), 2 usage, 3 something could not be read, 130 interrupted while\n"
    "following.\n";

const struct option_command *app_lint_command(void)
{
    static const struct option_command command = {
        .name = "lint",
        .summary = "Tells which rules of RFC 8216 and rfc8216bis a playlist breaks.",
        .synopsis = "[options] FILE|URL",
        .operand = "FILE|URL",
        .operand_needed = true,
        .operand_offset = offsetof(struct lint_options, operand),
        .options = rows,
        .help_tail = help_tail,
    };
    return &command;
}

/* Bytes that no text holds: this is not a playlist with faults but something else. */
static bool is_binary(struct span text)
{
    return text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL &&
           !span_starts_with(text, SPAN("#EXTM3U"));
}

static void parse_into(struct lint_entry *entry, const struct lint_body *body, struct span url,
                       const struct m3u8 *multivariant, bool alone)
{
    const struct m3u8_source source = {
        .text = span_of(body->ptr, body->len),
        .url = url,
        .multivariant = multivariant,
        .report = &entry->report,
        .alone = alone,
    };
    struct m3u8 *playlist = NULL;
    entry->report.load = ++entry->loads;
    if (is_binary(source.text)) {
        entry->unreadable = "not a text";
        return;
    }
    if (source.text.len < 4 || memmem(body->ptr, body->len, "#EXT", 4) == NULL) {
        /* An error page, say: each of its lines breaks rules, which tells nobody anything. */
        struct span first = source.text;
        first.len = span_find(first, '\n') < 60 ? span_find(first, '\n') : 60;
        entry->status = M3U8_NOT_PLAYLIST;
        m3u8_report_add(&entry->report, M3U8_RULE_EXTM3U_FIRST, 1, NULL, NULL,
                        "this is no playlist, it begins with \"%.*s\"", SPAN_ARGS(first));
        return;
    }
    entry->status = m3u8_parse(&source, &playlist);
    if (entry->status == M3U8_TOO_LARGE || entry->status == M3U8_NO_MEMORY) {
        entry->unreadable = m3u8_status_name(entry->status);
    }
    entry->current = playlist;
    m3u8_report_sort(&entry->report);
}

void lint_load(struct lint_web *web, struct lint_entry *entry, struct span url,
               const struct m3u8 *multivariant)
{
    struct lint_body body;
    const struct lint_want want = {.url = url, .kind = METRIC_KIND_MEDIA_PLAYLIST};
    if (lint_web_read(web, &want, &body) == 0) {
        entry->sent_bytes = body.sent_bytes;
        parse_into(entry, &body, body.url, multivariant, false);
        if (entry->current != NULL) {
            lint_check_served(&body, url, &entry->report);
            m3u8_report_sort(&entry->report);
        }
    } else {
        entry->unreadable = fail_info(body.fail)->words;
        entry->http_status = body.status;
    }
    lint_body_fini(&body);
}

/* Loads what a URI of the multivariant playlist names, unless it has been loaded. */
static void load_uri(struct lint_web *web, struct lint_results *results, const struct m3u8 *top,
                     struct span uri, enum m3u8_role role)
{
    char text[URL_MAX];
    struct span url;
    if (uri.len == 0 || m3u8_resolve(top, uri, text, sizeof text, &url) != 0) {
        return;
    }
    for (size_t i = 0; i < results->count; i++) {
        if (span_equal(span_from_string(results->entries[i].name), url)) {
            return;
        }
    }
    if (results->count > PLAYLISTS_MAX) {
        results->left_out++;
        return;
    }
    struct lint_entry *entry = lint_results_add(results, url);
    entry->role = role;
    lint_load(web, entry, url, top);
}

static void load_media(struct lint_web *web, struct lint_results *results)
{
    struct m3u8 *top = m3u8_ref(results->entries[0].current);
    for (uint32_t i = 0; i < top->variant_count; i++) {
        load_uri(web, results, top, top->variants[i].uri, M3U8_ROLE_VARIANT);
    }
    for (uint32_t i = 0; i < top->rendition_count; i++) {
        const struct m3u8_rendition *r = &top->renditions[i];
        load_uri(web, results, top, r->uri,
                 r->type == M3U8_SUBTITLES ? M3U8_ROLE_SUBTITLES
                 : r->type == M3U8_AUDIO   ? M3U8_ROLE_AUDIO
                                           : M3U8_ROLE_VARIANT);
    }
    for (uint32_t i = 0; i < top->i_frame_variant_count; i++) {
        load_uri(web, results, top, top->i_frame_variants[i].uri, M3U8_ROLE_I_FRAMES);
    }
    m3u8_unref(top);
}

static void check_together(struct lint_results *results)
{
    size_t count = results->count - 1;
    const struct m3u8 **media = calloc(count + 1, sizeof(void *));
    enum m3u8_role *roles = calloc(count + 1, sizeof roles[0]);
    if (media != NULL && roles != NULL) {
        for (size_t i = 0; i < count; i++) {
            media[i] = results->entries[i + 1].current;
            roles[i] = results->entries[i + 1].role;
        }
        m3u8_check_set(results->entries[0].current, media, roles, count, &results->together);
    }
    free(media);
    free(roles);
}

static int lint_url(const struct lint_options *options, struct lint_results *results,
                    struct err *err)
{
    struct lint_web web = {.options = options->net};
    web.options.user_agent = "shoal-lint/" SHOAL_VERSION;
    web.options.extra_headers = options->headers;
    if (lint_web_open(&web, err) != 0) {
        return -1;
    }
    struct span url = span_from_string(options->operand);
    lint_load(&web, lint_results_add(results, url), url, NULL);
    const struct m3u8 *top = results->entries[0].current;
    if (top != NULL && top->kind == M3U8_MULTIVARIANT) {
        load_media(&web, results);
        check_together(results);
    }
    if (options->follow_us > 0) {
        lint_follow(&web, results, options->follow_us, options->json ? NULL : stdout);
    }
    if (options->follow_us > 0 && !results->interrupted) {
        lint_directives(&web, results);
    }
    if (options->segments && !results->interrupted) {
        lint_segments(&web, results, options);
    }
    lint_web_close(&web);
    return 0;
}

static int lint_file(const struct lint_options *options, struct lint_results *results,
                     struct err *err)
{
    struct lint_body body;
    if (lint_file_read(options->operand, &body, err) != 0) {
        return -1;
    }
    struct lint_entry *entry = lint_results_add(results, span_from_string(options->operand));
    struct span base =
        options->base != NULL ? span_from_string(options->base) : (struct span){0};
    parse_into(entry, &body, base, NULL, true);
    lint_body_fini(&body);
    return 0;
}

static int exit_status(const struct lint_options *options, const struct lint_results *results)
{
    if (results->interrupted) {
        return 130;
    }
    if (lint_results_unreadable(results)) {
        return 3;
    }
    bool broken =
        lint_results_must(results) > 0 || (options->strict && lint_results_should(results) > 0);
    return broken ? 1 : 0;
}

static int print(const struct lint_options *options, struct lint_results *results)
{
    int status = exit_status(options, results);
    if (options->json) {
        return lint_print_json(results, status, stdout) == 0 ? status : 3;
    }
    lint_print_text(results, stdout);
    lint_print_rest(results, stdout);
    fprintf(stderr, "%zu %s: %llu must, %llu should\n", results->count,
            results->count == 1 ? "playlist" : "playlists",
            (unsigned long long)lint_results_must(results),
            (unsigned long long)lint_results_should(results));
    return status;
}

static int check_operand(const struct lint_options *options, bool is_url, struct err *err)
{
    if (!is_url && strstr(options->operand, "://") != NULL) {
        return err_set(err, ERR_USAGE, options->operand, "give a file, or an http or https URL",
                       "it is not a URL that can be fetched");
    }
    if (!is_url && (options->follow_us > 0 || options->segments)) {
        return err_set(err, ERR_USAGE, options->follow_us > 0 ? "--follow" : "--segments",
                       "give the playlist's URL", "a file cannot be %s",
                       options->follow_us > 0 ? "followed" : "held against segments");
    }
    return 0;
}

int app_lint_main(int argc, char **argv)
{
    struct lint_options options = {.segment_limit = 20};
    struct option_memory memory = {0};
    struct lint_results results;
    struct err err = {0};
    int got = options_read(app_lint_command(), argc, argv, &options, &memory, &err);
    if (got != 0) {
        option_memory_fini(&memory);
        return got > 0 ? 0 : app_print_error(&err);
    }
    lint_results_init(&results, options.ignored);
    bool is_url = lint_is_url(options.operand);
    bool failed = check_operand(&options, is_url, &err) != 0 ||
                  (is_url ? lint_url(&options, &results, &err)
                          : lint_file(&options, &results, &err)) != 0;
    int status = failed ? app_print_error(&err) : print(&options, &results);
    lint_results_fini(&results);
    option_memory_fini(&memory);
    return status;
}
