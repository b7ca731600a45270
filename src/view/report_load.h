/* Reports of earlier runs, read back from their JSON. */
#ifndef VIEW_REPORT_LOAD_H
#define VIEW_REPORT_LOAD_H

#include "base/err.h"
#include "view/report.h"

/* Reads a JSON report ("-": standard input). Totals and histograms are exactly those of the
 * run; the verdict is judged anew from them. Returns 0; report_fini frees it. Returns -1 with
 * *err filled (ERR_START), and *out untouched, when it cannot be read or is none. */
int report_load(const char *path, struct report *out, struct err *err);

/* Frees report.loaded. NULL is a no-op. */
void report_unload(void *loaded);

#endif
