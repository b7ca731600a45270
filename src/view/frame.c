#include "view/frame.h"

#include "stats/metrics.h"

#include <stdlib.h>

const char *const frame_window_names[FRAME_WINDOWS] = {"1 s", "10 s", "60 s", "300 s", "run"};
const char *const frame_window_keys[FRAME_WINDOWS] = {"1s", "10s", "60s", "300s", "run"};

static const int64_t windows_us[FRAME_RUN] = {1000000, 10000000, 60000000, 300000000};

struct frame_source {
    struct view_setup setup;
    const struct recorder *recorder;
    const struct threshold *thresholds;
    unsigned threshold_count;
    struct shoal_observer *counters; /* owned */
    struct shoal_observer *full;     /* owned */
    /* What was last asked of them. */
    struct shoal_interval counters_windows[FRAME_WINDOWS], full_windows[FRAME_WINDOWS];
};

struct frame_source *frame_source_new(const struct view_setup *setup,
                                      const struct recorder *recorder,
                                      const struct threshold *thresholds,
                                      unsigned threshold_count)
{
    struct frame_source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        return NULL;
    }
    source->setup = *setup;
    source->recorder = recorder;
    source->thresholds = thresholds;
    source->threshold_count = threshold_count;
    if (shoal_observer_new(setup->sampler, SHOAL_COUNTERS, windows_us, FRAME_RUN,
                           &source->counters) < 0 ||
        shoal_observer_new(setup->sampler, SHOAL_FULL, windows_us, FRAME_RUN, &source->full) <
            0) {
        frame_source_free(source);
        return NULL;
    }
    return source;
}

void frame_source_free(struct frame_source *source)
{
    if (source == NULL) {
        return;
    }
    shoal_observer_free(source->counters);
    shoal_observer_free(source->full);
    free(source);
}

void frame_read(struct frame_source *source, struct frame *out)
{
    const struct run_control *control = source->setup.control;
    shoal_observer_update(source->counters);
    shoal_observer_update(source->full);
    *out = (struct frame){
        .info = source->setup.info,
        .control = control,
        .recorder = source->recorder,
        .thresholds = source->thresholds,
        .threshold_count = source->threshold_count,
        .phase = control->phase(control->arg),
        .target = control->target(control->arg),
        .final = shoal_observer_is_final(source->counters),
        .last = shoal_observer_last(source->counters),
        .source = source,
    };
    out->at_us = (int64_t)out->last.now[SHOAL_HEADER_TIME] - source->setup.info->start_us;
    recorder_state(source->recorder, &out->state);
}

static const struct shoal_interval *look(struct shoal_observer *observer,
                                         enum frame_window window, struct shoal_interval *out)
{
    *out = window == FRAME_RUN ? shoal_observer_run(observer)
                               : shoal_observer_window(observer, window);
    return out;
}

const struct shoal_interval *frame_counters(const struct frame *frame, enum frame_window window)
{
    struct frame_source *source = frame->source;
    return look(source->counters, window, &source->counters_windows[window]);
}

const struct shoal_interval *frame_full(const struct frame *frame, enum frame_window window)
{
    struct frame_source *source = frame->source;
    return look(source->full, window, &source->full_windows[window]);
}

void frame_hold(const struct frame *frame)
{
    for (enum frame_window window = 0; window < FRAME_WINDOWS; window++) {
        frame_counters(frame, window);
        frame_full(frame, window);
    }
}
