/* The progress line of a run without a dashboard: plain text, one line a second. Pure. */
#ifndef VIEW_PROGRESS_H
#define VIEW_PROGRESS_H

#include "base/buf.h"
#include "view/control.h"
#include "view/recorder.h"
#include "view/series.h"

/* Appends a line, its newline included. Returns 0, or -1 as buf_append does. */
int progress_write_line(const struct series_row *row, const struct recorder_state *state,
                        enum run_phase phase, struct buf *out);

#endif
