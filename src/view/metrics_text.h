/* The figures of a frame in the text formats of Prometheus. Pure over the frame.
 *
 * Names: counter c is shoal_c_total, times in seconds; a histogram h is shoal_h_seconds with a
 * fixed set of bounds, each of which is a bucket's edge, so that its counts are exact; derived
 * figures are gauges (ratios over the run). */
#ifndef VIEW_METRICS_TEXT_H
#define VIEW_METRICS_TEXT_H

#include "base/buf.h"
#include "view/frame.h"

#include <stdbool.h>

enum metrics_format {
    METRICS_PROMETHEUS,  /* text/plain; version=0.0.4 */
    METRICS_OPENMETRICS, /* application/openmetrics-text; version=1.0.0 */
};

/* What an Accept header asks for; NULL: Prometheus. */
enum metrics_format metrics_format_accepted(const char *accept);

const char *metrics_format_content_type(enum metrics_format format);

/* Appends all metrics. Returns 0, or -1 as buf_append does. */
int metrics_text_write(const struct frame *frame, enum metrics_format format, struct buf *out);

#endif
