/* A running swarm's figures as JSON, for the page and for scripts. Pure over frame and rows. */
#ifndef VIEW_LIVE_JSON_H
#define VIEW_LIVE_JSON_H

#include "base/buf.h"
#include "view/frame.h"

#include <stddef.h>

/* Everything of one moment, one object on one line without a newline: run, population, rates
 * and figures by window, percentiles, failures, variants, thresholds so far, the generator's
 * own state, the newest row of the timeline. Returns 0, or -1 as buf_append does. */
int live_json_write_snapshot(const struct frame *frame, struct buf *out);

/* Rows of the timeline from number `first` on, by columns: {"first": N, "rows": how many there
 * are in all, "step_s": N, "columns": {name: [...]}}. Where there are more than 2,000, it is so
 * many of them, evenly apart, and the newest. Exporters have columns of their own: origin0_cpu,
 * origin0_bytes_per_s and so on. */
int live_json_write_history(const struct recorder *recorder, size_t first, struct buf *out);

#endif
