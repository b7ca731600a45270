/* What the tests of the FFmpeg engine share: a lane outside of any sampler, sums of its
 * counters, and the logs of real processes kept as the corpus of the fuzz target. */
#ifndef TESTS_UNIT_ENGINE_FFMPEG_FIXTURE_H
#define TESTS_UNIT_ENGINE_FFMPEG_FIXTURE_H

#include "stats/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h needs the four headers above. */
#include <cmocka.h>

/* A lane of the whole table, all zero. Free with fixture_lane_free. */
struct shoal_lane *fixture_lane_new(void);
void fixture_lane_free(struct shoal_lane *lane);

/* A counter over all values of its label. */
uint64_t fixture_sum(const struct shoal_lane *lane, enum metric metric);

/* One value of a labelled counter. */
uint64_t fixture_value(const struct shoal_lane *lane, enum metric metric, uint32_t value);

/* How many values a histogram holds, and their sum. */
uint64_t fixture_histogram_count(const struct shoal_lane *lane,
                                 enum metric_histogram histogram);
uint64_t fixture_histogram_sum(const struct shoal_lane *lane, enum metric_histogram histogram);

/* The bytes of a file of the corpus; fails the test when it cannot be read. Free them. */
char *fixture_read(const char *name, size_t *len);

/* Calls `each` with the name of every file of the corpus; returns how many there are. */
unsigned fixture_each(void (*each)(const char *name));

#endif
