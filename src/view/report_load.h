/* Reports of earlier runs, read back from their JSON, and several of them taken together. */
#ifndef VIEW_REPORT_LOAD_H
#define VIEW_REPORT_LOAD_H

#include "base/err.h"
#include "view/report.h"

/* Reads a JSON report ("-": standard input). Totals and histograms are exactly those of the
 * run; the verdict is judged anew from them. Returns 0; report_fini frees it. Returns -1 with
 * *err filled (ERR_START), and *out untouched, when it cannot be read or is none. */
int report_load(const char *path, struct report *out, struct err *err);

/* Adds another loaded report to a loaded one, as if both machines had been one: counters and
 * histograms add up exactly, the time lines are laid over each other by the wall clock (see
 * series_merge), the verdicts on the generators are those of the worst. The length is from the
 * first start to the last end. Returns 0, or -1 with *err filled (ERR_USAGE) when the runs
 * played different variants, or there is no memory. */
int report_merge(struct report *into, const struct report *other, struct err *err);

/* Frees report.loaded. NULL is a no-op. */
void report_unload(void *loaded);

#endif
