#include "view/report.h"

#include "stats/metrics.h"
#include "view/recorder.h"
#include "view/report_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int copy_rows(struct report *report, const struct recorder *recorder, size_t count)
{
    report->rows = calloc(count + 1, sizeof(*report->rows));
    report->failures = calloc(RECORDER_FAILURES_MAX, sizeof(*report->failures));
    if (report->rows == NULL || report->failures == NULL) {
        return -1;
    }
    report->row_count = recorder_rows(recorder, 0, report->rows, count);
    if (report->origin_count > 0) {
        report->origin_rows = calloc(count + 1, sizeof(*report->origin_rows));
        if (report->origin_rows == NULL) {
            return -1;
        }
        recorder_origin(recorder, 0, report->origin_rows, count);
    }
    report->failure_count =
        recorder_failures(recorder, report->failures, RECORDER_FAILURES_MAX);
    return 0;
}

int report_make(struct report *report, const struct run_info *info,
                const struct recorder *recorder, const struct threshold *thresholds,
                unsigned threshold_count, bool interrupted)
{
    struct recorder_state *state = malloc(sizeof(*state));
    *report = (struct report){.info = *info};
    if (state == NULL) {
        return -1;
    }
    recorder_state(recorder, state);
    report->run = recorder_run(recorder);
    report->step_s = state->step_s;
    report->interrupted = interrupted && !state->abort;
    report->facts = state->facts;
    report->cost = state->cost;
    report->tally = state->failures;
    report->origin_count = state->origin_count;
    memcpy(report->origin, state->origin, sizeof(report->origin));
    report->threshold_count =
        threshold_count < THRESHOLDS_MAX ? threshold_count : THRESHOLDS_MAX;
    for (unsigned i = 0; i < report->threshold_count; i++) {
        struct report_threshold *row = &report->thresholds[i];
        row->threshold = thresholds[i];
        row->ended_run = interrupted && state->abort && state->abort_by == i;
        row->result = state->abort_result;
    }
    int result = copy_rows(report, recorder, state->row_count);
    free(state);
    if (result < 0) {
        report_fini(report);
        return -1;
    }
    report_judge(report);
    return 0;
}

void report_fini(struct report *report)
{
    free(report->rows);
    free(report->failures);
    free(report->origin_rows);
    report_unload(report->loaded);
    report->rows = NULL;
    report->failures = NULL;
    report->origin_rows = NULL;
    report->loaded = NULL;
}

static void judge_thresholds(struct report *report)
{
    unsigned failed = 0;
    const char *first = "", *ended_by = NULL;
    for (unsigned i = 0; i < report->threshold_count; i++) {
        struct report_threshold *row = &report->thresholds[i];
        if (!row->ended_run) {
            threshold_evaluate(&row->threshold, &report->run, &row->result);
        }
        if (!row->result.pass) {
            first = failed++ == 0 ? row->threshold.text : first;
            ended_by = row->ended_run ? row->threshold.text : ended_by;
        }
    }
    if (failed > 0) {
        report->status = REPORT_FAILED;
        snprintf(report->why, sizeof(report->why), "%u of %u thresholds failed, %s %s", failed,
                 report->threshold_count, ended_by == NULL ? "first" : "the run was ended by",
                 ended_by == NULL ? first : ended_by);
    }
    if (shoal_total(&report->run, METRIC_SEGMENTS) == 0) {
        report->status = REPORT_FAILED;
        snprintf(report->why, sizeof(report->why), "not one segment was complete");
    }
}

void report_judge(struct report *report)
{

    report->status = REPORT_PASSED;
    report->why[0] = '\0';
    judge_thresholds(report);
    trust_judge(&report->facts, &report->trust);
    if (!report->trust.trusted) {
        /* What failed besides is still worth a word. */
        char failed[320];
        snprintf(failed, sizeof(failed), "%.319s", report->why);
        report->status = REPORT_UNTRUSTED;
        snprintf(report->why, sizeof(report->why), "%s%s%s", report->trust.why,
                 failed[0] != '\0' ? "; and " : "", failed);
    }
    if (report->interrupted) {
        report->status = REPORT_INTERRUPTED;
        snprintf(report->why, sizeof(report->why), "interrupted");
    }
}
