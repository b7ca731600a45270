#include "app/report.h"

#include "app/options.h"
#include "app/output_files.h"
#include "app/print_error.h"
#include "view/csv.h"
#include "view/report.h"
#include "view/report_compare.h"
#include "view/report_files.h"
#include "view/report_load.h"
#include "view/report_merge.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILES_MAX = 256,
    TEXT_LIMIT = 1 << 30,
};

struct report_options {
    bool compare, merge, quiet;
    const char *out_path, *html_path, *csv_path, *junit_path, *hlog_path, *hgrm_prefix;
    const char *thresholds[THRESHOLDS_MAX];
    unsigned threshold_count;
};

static int take_threshold(const struct option_value *value, struct err *err)
{
    struct report_options *options = value->target;
    if (options->threshold_count == THRESHOLDS_MAX) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL, "more than %d",
                       THRESHOLDS_MAX);
    }
    options->thresholds[options->threshold_count++] = value->text;
    return 0;
}

static const struct option_type option_report_threshold = {.take = take_threshold,
                                                           .repeats = true};

#define ROW(long_name, short_name, kind, field, value, words)                                  \
    {                                                                                          \
        .name = (long_name), .letter = (short_name), .type = &(kind),                          \
        .offset = offsetof(struct report_options, field), .argument = (value), .help = (words) \
    }

static const struct option rows[] = {
    ROW("compare", 'c', option_flag, compare, NULL,
        "Print two runs side by side and mark what differs by 5 % or more, and for better or "
        "worse. Two files without --merge are compared."),
    ROW("merge", 'm', option_flag, merge, NULL,
        "Take the runs of several machines for one: counters and histograms add up exactly, "
        "the time lines are laid over each other by the wall clock."),
    ROW("threshold", 't', option_report_threshold, thresholds, "EXPR",
        "Judge by this instead of the run's own thresholds; see shoal run. May be repeated."),
    ROW("out", 'o', option_output, out_path, "FILE",
        "Write the report, merged where asked for, as JSON; - is standard output."),
    ROW("html", 0, option_output, html_path, "FILE", "Write it as one HTML file with plots."),
    ROW("csv", 0, option_output, csv_path, "FILE",
        "Write its time line, a row for each second."),
    ROW("junit", 0, option_output, junit_path, "FILE", "Write the verdict as JUnit XML."),
    ROW("hlog", 0, option_output, hlog_path, "FILE",
        "Write its histograms as HdrHistogram's log, a line each, tagged with its name; in "
        "nanoseconds."),
    ROW("hgrm", 0, option_output_file, hgrm_prefix, "PREFIX",
        "Write each histogram's percentiles for HdrHistogram's plotter to PREFIX-NAME.hgrm."),
    ROW("quiet", 'q', option_flag, quiet, NULL, "Print nothing; the exit status tells."),
    {.name = NULL},
};

static const char help_tail[] =
    "FILE is what shoal run --out wrote; - is standard input. One is printed, two are\n"
    "compared.\n"
    "\n"
    "Exit status: as of shoal run, judged anew: 0 passed, 1 a threshold failed or no\n"
    "segment was complete, 4 the generator was the limit, 130 interrupted; with\n"
    "--compare 1 when something got worse; 2 usage, 3 a file cannot be read or\n"
    "written.\n";

const struct option_command *app_report_command(void)
{
    static const struct option_command command = {
        .name = "report",
        .summary = "Prints, converts, compares and merges the reports of finished runs.",
        .synopsis = "[options] FILE...",
        .options = rows,
        .help_tail = help_tail,
    };
    return &command;
}

/* Whether this word of the command line takes the next one as its value. */
static bool takes_next(const char *word)
{
    const struct option *option = NULL;
    if (word[0] == '-' && word[1] == '-') {
        option = strchr(word, '=') != NULL
                     ? NULL
                     : options_find(app_report_command(), span_from_string(word + 2));
    } else if (word[0] == '-' && word[1] != '\0' && word[2] == '\0') {
        option = options_find_letter(app_report_command(), word[1]);
    }
    return option != NULL && !option->type->is_flag;
}

/* Moves the operands out of argv into files; returns how many arguments stay, or -1. */
static int split_operands(int argc, char **argv, const char **files, unsigned *count,
                          struct err *err)
{
    int kept = 1;
    bool options_end = false, value = false;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        bool operand = !value && (options_end || word[0] != '-' || word[1] == '\0');
        if (!value && !options_end && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (!operand) {
            value = !value && takes_next(word);
            argv[kept++] = word;
        } else if (*count == FILES_MAX) {
            return err_set(err, ERR_USAGE, "FILE", NULL, "more than %d files", FILES_MAX);
        } else {
            files[(*count)++] = word;
        }
    }
    argv[kept] = NULL;
    return kept;
}

static int save(const struct report *report, const char *path,
                int (*write)(const struct report *report, struct buf *out), struct err *err)
{
    struct buf text;
    if (path == NULL) {
        return 0;
    }
    buf_init(&text, TEXT_LIMIT);
    int status = write(report, &text) < 0
                     ? err_set(err, ERR_START, path, NULL, "no memory for the report")
                     : report_save(&text, path, err);
    buf_release(&text);
    return status;
}

static int write_text(const struct report *report, struct buf *out)
{
    return report_write_text(report, isatty(STDOUT_FILENO) != 0, out);
}

/* The command line's thresholds in place of the run's. */
static int judge(const struct report_options *options, struct report *report, struct err *err)
{
    if (options->threshold_count == 0) {
        return 0;
    }
    for (unsigned i = 0; i < options->threshold_count; i++) {
        if (threshold_parse(report->run.schema, span_from_string(options->thresholds[i]),
                            &report->thresholds[i].threshold, err) < 0) {
            return -1;
        }
        report->thresholds[i].ended_run = false;
    }
    report->threshold_count = options->threshold_count;
    report_judge(report);
    return 0;
}

static int put_out(const struct report_options *options, struct report *report, struct err *err)
{
    const char *paths[] = {options->out_path, options->html_path, options->csv_path,
                           options->junit_path, options->hlog_path};
    bool print = !options->quiet;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        print = print && (paths[i] == NULL || strcmp(paths[i], "-") != 0);
    }
    if (judge(options, report, err) < 0 ||
        save(report, options->out_path, report_write_json, err) < 0 ||
        save(report, options->html_path, report_write_html, err) < 0 ||
        save(report, options->csv_path, csv_write_report, err) < 0 ||
        save(report, options->junit_path, report_write_junit, err) < 0 ||
        save(report, options->hlog_path, report_write_hlog, err) < 0 ||
        (options->hgrm_prefix != NULL &&
         report_save_hgrm(report, options->hgrm_prefix, err) < 0) ||
        (print && save(report, "-", write_text, err) < 0)) {
        return -1;
    }
    return (int)report->status;
}

static int compare(const struct report_options *options, const char *const *files,
                   struct err *err)
{
    struct report a = {0}, b = {0};
    struct buf text;
    int status = -1;
    buf_init(&text, TEXT_LIMIT);
    if (report_load(files[0], &a, err) == 0 && report_load(files[1], &b, err) == 0 &&
        judge(options, &a, err) == 0 && judge(options, &b, err) == 0) {
        int worse = report_write_comparison(&a, &b, isatty(STDOUT_FILENO) != 0, &text);
        status = worse > 0 ? 1 : 0;
        if (worse < 0) {
            status = err_set(err, ERR_START, "--compare", NULL, "out of memory");
        } else if (!options->quiet && report_save(&text, "-", err) < 0) {
            status = -1;
        }
    }
    buf_release(&text);
    report_fini(&a);
    report_fini(&b);
    return status;
}

static int merge(const struct report_options *options, const char *const *files, unsigned count,
                 struct err *err)
{
    struct report all;
    if (report_load(files[0], &all, err) < 0) {
        return -1;
    }
    int status = 0;
    for (unsigned i = 1; i < count && status == 0; i++) {
        struct report one;
        status = report_load(files[i], &one, err);
        if (status == 0) {
            status = report_merge(&all, &one, err);
            report_fini(&one);
        }
    }
    status = status < 0 ? -1 : put_out(options, &all, err);
    report_fini(&all);
    return status;
}

static bool writes_files(const struct report_options *options)
{
    return options->out_path != NULL || options->html_path != NULL ||
           options->csv_path != NULL || options->junit_path != NULL ||
           options->hlog_path != NULL || options->hgrm_prefix != NULL;
}

static int check_files(const struct report_options *options, struct err *err)
{
    const struct output_file files[] = {
        {"--out", options->out_path},   {"--html", options->html_path},
        {"--csv", options->csv_path},   {"--junit", options->junit_path},
        {"--hlog", options->hlog_path},
    };
    return output_files_check(files, sizeof(files) / sizeof(files[0]), err);
}

static int run(const struct report_options *options, const char *const *files, unsigned count,
               struct err *err)
{
    if (check_files(options, err) < 0) {
        return -1;
    }
    if (count == 0) {
        return err_set(err, ERR_USAGE, "FILE", "see shoal report --help", "is missing");
    }
    bool two = count == 2 && !options->merge;
    if (options->compare || (two && !writes_files(options))) {
        return two ? compare(options, files, err)
                   : err_set(err, ERR_USAGE, "--compare", "write shoal report --compare A B",
                             "takes two files and no --merge");
    }
    if (count > 1 && !options->merge) {
        return err_set(err, ERR_USAGE, files[1],
                       two ? "add --merge, or leave out the files to write"
                           : "add --merge to take them for one run",
                       "one run at a time is printed and written, two are compared");
    }
    return merge(options, files, count, err);
}

int app_report_main(int argc, char **argv)
{
    struct report_options options = {0};
    struct option_memory memory = {0};
    struct err err = {0};
    const char *files[FILES_MAX];
    unsigned count = 0;
    int status = split_operands(argc, argv, files, &count, &err);
    if (status >= 0) {
        status = options_read(app_report_command(), status, argv, &options, &memory, &err);
    }
    if (status == 1) {
        status = 0; /* --help */
    } else if (status == 0) {
        status = run(&options, files, count, &err);
    }
    if (status < 0) {
        status = app_print_error(&err);
    }
    option_memory_fini(&memory);
    return status;
}
