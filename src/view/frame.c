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
    };
    for (uint32_t i = 0; i < FRAME_RUN; i++) {
        out->counters[i] = shoal_observer_window(source->counters, i);
        out->full[i] = shoal_observer_window(source->full, i);
    }
    out->counters[FRAME_RUN] = shoal_observer_run(source->counters);
    out->full[FRAME_RUN] = shoal_observer_run(source->full);
    out->at_us = (int64_t)out->last.now[SHOAL_HEADER_TIME] - source->setup.info->start_us;
    recorder_state(source->recorder, &out->state);
}
