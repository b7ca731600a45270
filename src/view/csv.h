/* The timeline as comma-separated values (RFC 4180, but lines end in LF): a head of column
 * names, then a row a second. Pure. */
#ifndef VIEW_CSV_H
#define VIEW_CSV_H

#include "base/buf.h"
#include "view/series.h"

struct report;

/* These append one line and return 0, or -1 as buf_append does. */
int csv_write_head(struct buf *out);
int csv_write_row(const struct series_row *row, struct buf *out);

/* Appends a report's whole timeline, head included; returns likewise. */
int csv_write_report(const struct report *report, struct buf *out);

#endif
