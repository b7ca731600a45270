/* What the dashboard shows and how the operator has set it: everything a panel draws from. */
#ifndef VIEW_TUI_MODEL_H
#define VIEW_TUI_MODEL_H

#include "view/frame.h"
#include "view/tui/timeline.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MODEL_SAMPLES = 32,
};

enum model_sort {
    MODEL_SORT_COUNT, /* most first */
    MODEL_SORT_RATE,  /* most of the last 10 s first */
    MODEL_SORT_NAME,
    MODEL_SORTS,
};

struct model {
    struct frame frame;
    struct timeline timeline;
    struct failure_sample samples[MODEL_SAMPLES]; /* newest first */
    size_t sample_count;
    uint64_t samples_read; /* how many there had been when they were read */

    const char *url; /* where the page is served, or NULL; borrowed */
    bool exposed;    /* to others, and without a token */

    int64_t frame_mean_us, frame_max_us; /* CPU time of a frame; 0: not known yet */

    enum frame_window window; /* of times, failures, quality */
    enum model_sort sort;
    unsigned graph; /* which of model_graphs is the first of those drawn large */
    int focus;      /* number of the panel, -1: none */
    bool paused, help;
    unsigned stops;     /* how often stop was asked for here */
    char message[80];   /* shown in the foot for a while; empty: none */
    int message_frames; /* how many more frames */
};

/* The figures that can be drawn large. */
struct model_graph {
    const char *name;
    enum series series;
    enum { MODEL_UNIT_NUMBER, MODEL_UNIT_BYTES, MODEL_UNIT_TIME, MODEL_UNIT_SHARE } unit;
};

enum { MODEL_GRAPHS = 8 };
extern const struct model_graph model_graphs[MODEL_GRAPHS];

/* Reads the newest moment. */
void model_read(struct model *model, struct frame_source *source);

/* The first figure from `number` on, counted round, that the run's engine can tell. */
unsigned model_graph_from(const struct model *model, unsigned number);

/* The greatest of the values, at least 0. */
double model_top(const double *values, int count);

/* What a key does to the model and, through the frame's control, to the run. `key` is a
 * character or one of these. */
enum {
    MODEL_KEY_NONE = 0,
    MODEL_KEY_ESCAPE = 27,
    MODEL_KEY_TAB = 9,
    MODEL_KEY_BACKTAB = 0x1000,
};
void model_key(struct model *model, int key);

#endif
