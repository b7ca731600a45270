/* What is said of a finished run: one struct, written as text, JSON, HTML, JUnit and
 * HdrHistogram log by the functions below. It is made from a recorder after the run, or read
 * back from the JSON of earlier runs (report_load.h); every writer is pure over it.
 *
 * A report borrows everything that it points to. */
#ifndef VIEW_REPORT_H
#define VIEW_REPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "shoal/interval.h"
#include "view/failure_sample.h"
#include "view/own_cost.h"
#include "view/run_info.h"
#include "view/series.h"
#include "view/threshold.h"
#include "view/trust.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recorder;

/* Identifies the JSON report's form; see docs/report.schema.json. */
#define REPORT_SCHEMA "https://shoal.invalid/report/1"

enum report_status {
    REPORT_PASSED = 0,
    REPORT_FAILED = 1,        /* a threshold, or not one complete segment */
    REPORT_UNTRUSTED = 4,     /* the machine could not hold the load */
    REPORT_INTERRUPTED = 130, /* by the operator */
};

struct report_threshold {
    struct threshold threshold;
    struct threshold_result result;
    bool ended_run; /* marked `abort`, it failed and ended the run; the result is of then */
};

struct report {
    struct run_info info;
    struct shoal_interval run; /* the whole run, histograms included */

    struct series_row *rows; /* owned; the timeline */
    size_t row_count;
    unsigned step_s; /* a row is the last of so many seconds */

    struct origin_figures
        origin[ORIGIN_SOURCES_MAX]; /* the exporters as they were asked last */
    unsigned origin_count;
    struct series_origin *origin_rows; /* owned; one a row, NULL without exporters */

    struct report_threshold thresholds[THRESHOLDS_MAX];
    unsigned threshold_count;

    struct trust_facts facts;
    struct trust_verdict trust;
    struct own_cost cost;

    struct failure_sample *failures; /* owned; sampled, newest first */
    size_t failure_count;
    struct failure_tally tally; /* of how many failures those are some */

    unsigned merged; /* how many runs are taken together in it; 0 and 1: one */
    bool interrupted;
    enum report_status status; /* the exit status of the command */
    char why[640];             /* why it did not pass; empty when it did */
    void *loaded;              /* owned by report_load.c; NULL otherwise */
};

/* Makes the report of a run that is over. `interrupted`: its stop was asked for; where a
 * threshold with `abort` did so, the run counts as failed and not as interrupted. Returns 0, or
 * -1 when there is no memory. */
int report_make(struct report *report, const struct run_info *info,
                const struct recorder *recorder, const struct threshold *thresholds,
                unsigned threshold_count, bool interrupted);

/* Judges facts, thresholds and the run anew: fills trust, status and why. */
void report_judge(struct report *report);

/* Frees what it owns. A zeroed report is a no-op. */
void report_fini(struct report *report);

/* For people, at most 80 columns wide. `colour`: with ANSI colours. These append to *out and
 * return 0, or -1 when its limit is reached or memory is spent. */
int report_write_text(const struct report *report, bool colour, struct buf *out);
int report_write_json(const struct report *report, struct buf *out);

/* JUnit XML: one test case a threshold, one for the generator, one for the run itself. */
int report_write_junit(const struct report *report, struct buf *out);

/* Writes a whole file; "-" is standard output. Whoever reads the file finds the old one or all
 * of the new one, whatever ends this process or fills the disk: it is written beside and takes
 * the old one's place and mode. A symbolic link stays one. What is no regular file (a pipe, a
 * device), has further links, is another user's or stands where nothing can be put beside it is
 * written in place. Returns 0, or -1 with *err filled and what was there before as it was,
 * unless it had to be written in place. */
int report_save(const struct buf *text, const char *path, struct err *err);

#endif
