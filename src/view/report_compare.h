/* Two runs side by side. Pure. */
#ifndef VIEW_REPORT_COMPARE_H
#define VIEW_REPORT_COMPARE_H

#include "view/report.h"

/* What differs by less than this is not marked, in percent. */
enum { REPORT_COMPARE_MARK_PERCENT = 5 };

/* Appends a table of both runs' figures and the change from a to b, and marks what differs:
 * whether it is for better or worse, where that can be told of runs of any length and size.
 * Returns how many figures are marked as worse, or -1 as buf_append does. */
int report_write_comparison(const struct report *a, const struct report *b, bool colour,
                            struct buf *out);

#endif
