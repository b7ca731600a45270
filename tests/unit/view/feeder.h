/* Invented runs: counts into a lane what a swarm of viewers would, so that views can be tested
 * and looked at without a network. Deterministic under its seed. */
#ifndef TESTS_UNIT_VIEW_FEEDER_H
#define TESTS_UNIT_VIEW_FEEDER_H

#include "base/rng.h"
#include "shoal/lane.h"

#include <stdbool.h>
#include <stdint.h>

struct feeder {
    struct shoal_lane *lane; /* borrowed */
    struct rng rng;
    uint32_t worker;
    double viewers; /* wanted by now, of this lane */
    double active, stalled;
    double owed_segments, owed_playlists;
    bool trouble;   /* failures and stalls */
    bool saturated; /* the generator at its limit */
};

/* Counts what `viewers` viewers do within step_us. */
void feeder_step(struct feeder *feeder, double viewers, int64_t step_us);

#endif
