/* Making and freeing lanes: for the sampler, which owns them. */
#ifndef STATS_LANE_INTERNAL_H
#define STATS_LANE_INTERNAL_H

#include "shoal/lane.h"

/* Makes a lane that is not open. Returns NULL when memory is spent. The schema is borrowed. */
struct shoal_lane *lane_new(const struct shoal_schema *schema, int64_t period_us,
                            int64_t full_period_us);

/* NULL is a no-op. */
void lane_free(struct shoal_lane *lane);

#endif
