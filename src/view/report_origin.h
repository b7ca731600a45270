/* The server's side in a report: what the exporters (--origin-metrics) said over the run, as
 * text, to JSON and back. Pure. */
#ifndef VIEW_REPORT_ORIGIN_H
#define VIEW_REPORT_ORIGIN_H

#include "view/report.h"

#include <jansson.h>

/* Mean and maximum of an exporter's figure over the rows of the timeline that know it. Returns
 * false, with nothing written, when none does. */
bool report_origin_summary(const struct report *report, unsigned number,
                           enum origin_figure figure, double *ret_mean, double *ret_max);

/* Appends mean and maximum of each figure, exporter by exporter. Returns 0, or -1 as buf_append
 * does. */
int report_origin_write_text(const struct report *report, struct buf *out);

/* The value of the key "origin": a list, empty without exporters. */
json_t *report_origin_to_json(const struct report *report);

/* Reads it back from a report's root. report->row_count is known by then; strings are borrowed
 * from the root. A report without the key has no exporters. Returns 0, or -1 without memory. */
int report_origin_from_json(const json_t *root, struct report *out);

#endif
