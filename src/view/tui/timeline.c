#include "view/tui/timeline.h"

#include <string.h>

/* Once in TIMELINE_ROWS rows the columns begin anew at their places. */
static void make_room(struct timeline *timeline)
{
    if (timeline->first + timeline->count < 2 * TIMELINE_ROWS) {
        return;
    }
    for (int i = 0; i < SERIES_COUNT; i++) {
        double *column = timeline->values[i];
        memmove(column, column + timeline->first, (size_t)timeline->count * sizeof(*column));
    }
    timeline->first = 0;
}

static void append(struct timeline *timeline, const struct series_row *row)
{
    make_room(timeline);
    int at = timeline->first + timeline->count;
    for (int i = 0; i < SERIES_COUNT; i++) {
        timeline->values[i][at] = row->value[i];
    }
    if (timeline->count < TIMELINE_ROWS) {
        timeline->count++;
    } else {
        timeline->first++;
    }
}

void timeline_read(struct timeline *timeline, const struct recorder *recorder,
                   const struct recorder_state *state)
{
    enum { AT_ONCE = 16 };
    struct series_row rows[AT_ONCE];
    size_t from = state->step_s == timeline->step_s ? timeline->read : 0, n;
    if (state->row_count > TIMELINE_ROWS && from < state->row_count - TIMELINE_ROWS) {
        from = state->row_count - TIMELINE_ROWS;
    }
    if (from != timeline->read) {
        timeline->first = timeline->count = 0;
    }
    while ((n = recorder_rows(recorder, from, rows, AT_ONCE)) > 0) {
        for (size_t i = 0; i < n; i++) {
            append(timeline, &rows[i]);
        }
        from += n;
    }
    timeline->read = from;
    timeline->step_s = state->step_s;
}

const double *timeline_column(const struct timeline *timeline, enum series series)
{
    return timeline->values[series] + timeline->first;
}
