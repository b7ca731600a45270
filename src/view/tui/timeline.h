/* The newest rows of the run's timeline, at hand for graphs: column by column, since a graph
 * draws one. What has been read once is kept, so that a new second costs one row. One thread.
 */
#ifndef VIEW_TUI_TIMELINE_H
#define VIEW_TUI_TIMELINE_H

#include "view/recorder.h"
#include "view/series.h"

enum { TIMELINE_ROWS = 600 };

struct timeline {
    double values[SERIES_COUNT][2 * TIMELINE_ROWS];
    int first, count; /* the rows at hand are these of each column, oldest first */
    size_t read;      /* rows of the recorder that have been read or passed over */
    unsigned step_s;  /* its step then; another one: it has been thinned */
};

/* Reads what is new. `state` is what recorder_state told just now. */
void timeline_read(struct timeline *timeline, const struct recorder *recorder,
                   const struct recorder_state *state);

/* timeline->count values. */
const double *timeline_column(const struct timeline *timeline, enum series series);

#endif
