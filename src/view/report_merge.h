/* Several machines' runs taken for one. */
#ifndef VIEW_REPORT_MERGE_H
#define VIEW_REPORT_MERGE_H

#include "base/err.h"
#include "view/report.h"

/* Adds another loaded report to a loaded one, as if both machines had been one: counters and
 * histograms add up exactly; the time lines are laid over each other by the wall clock; sampled
 * failures and exporters come together; the verdicts on the generators are those of the worst.
 * The length is from the first start to the last end. What is shown of a run's settings is that
 * of the first.
 *
 * A merged row holds rates exactly: what happened in its seconds, wherever the other machine's
 * seconds began. Gauges are those of the other's nearest row. Percentiles of two rows cannot be
 * joined; the greater stays, which for the buffer left is the better and for all else the worse
 * of the two. The rebuffer ratio of a row is weighed by the viewers.
 *
 * Returns 0, or -1 with *err filled (ERR_USAGE) when the runs played different variants, when
 * their engines tell different figures or when a run is there twice, or there is no memory. */
int report_merge(struct report *into, const struct report *other, struct err *err);

#endif
