/* Further forms of a report: HTML, and histograms for HdrHistogram's tools. JSON, text and
 * JUnit are in report.h. Pure; these append to *out and return 0, or -1 as buf_append does. */
#ifndef VIEW_REPORT_FILES_H
#define VIEW_REPORT_FILES_H

#include "view/report.h"

/* One file with plots that opens from disk: page, scripts and the JSON report in it. */
int report_write_html(const struct report *report, struct buf *out);

/* All histograms with records, as HdrHistogram's log (version 1.3): a line each, tagged with
 * its name, in nanoseconds. Values are those of our buckets' middles. */
int report_write_hlog(const struct report *report, struct buf *out);

/* The percentile distribution of one histogram in the text form of HdrHistogram (.hgrm), in
 * milliseconds. */
int report_write_hgrm(const struct report *report, uint32_t histogram, struct buf *out);

/* Writes PREFIX-NAME.hgrm for every histogram with records. Returns 0, or -1 with *err filled.
 */
int report_save_hgrm(const struct report *report, const char *prefix, struct err *err);

#endif
