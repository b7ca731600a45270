/* A frame is everything that a live view (dashboard, page, API) shows of one moment. A source
 * reads frames; it has observers of its own, so its intervals are its own as well. One thread
 * at a time per source. */
#ifndef VIEW_FRAME_H
#define VIEW_FRAME_H

#include "base/err.h"
#include "shoal/observer.h"
#include "view/control.h"
#include "view/recorder.h"
#include "view/run_info.h"
#include "view/view.h"

#include <stdbool.h>
#include <stdint.h>

enum frame_window {
    FRAME_1S,
    FRAME_10S,
    FRAME_60S,
    FRAME_300S,
    FRAME_RUN,
    FRAME_WINDOWS,
};

/* "1 s", "10 s", … "run"; and the same as a key: "1s", … "run". */
extern const char *const frame_window_names[FRAME_WINDOWS];
extern const char *const frame_window_keys[FRAME_WINDOWS];

struct frame_source;

struct frame {
    const struct run_info *info;       /* borrowed from the setup */
    const struct run_control *control; /* likewise */
    const struct recorder *recorder;   /* likewise */
    const struct threshold *thresholds;
    unsigned threshold_count;

    enum run_phase phase;
    uint32_t target;
    int64_t at_us; /* time into the run, of the newest snapshot */
    bool final;    /* totals are final and exact */

    struct shoal_interval last; /* counters, since the frame before; holds until the next */

    struct recorder_state state;
    struct frame_source *source; /* borrowed: where its windows are */
};

/* What `setup` holds must outlive the source. Returns NULL when there is no memory. */
struct frame_source *frame_source_new(const struct view_setup *setup,
                                      const struct recorder *recorder,
                                      const struct threshold *thresholds,
                                      unsigned threshold_count);

/* NULL is a no-op. */
void frame_source_free(struct frame_source *source);

/* Reads the newest moment. */
void frame_read(struct frame_source *source, struct frame *out);

/* The windows of the newest frame read from the source: counters, fresh to 100 ms, and counters
 * with histograms, fresh to 1 s. One that is never asked for costs nothing. They point into the
 * source and hold until its next frame. */
const struct shoal_interval *frame_counters(const struct frame *frame,
                                            enum frame_window window);
const struct shoal_interval *frame_full(const struct frame *frame, enum frame_window window);

/* Fetches all windows of a frame that is to be looked at for long: later they are gone. */
void frame_hold(const struct frame *frame);

#endif
