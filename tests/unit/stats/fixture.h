/* A small schema and a sampler on an invented clock, for the tests of the statistics. */
#ifndef TESTS_UNIT_STATS_FIXTURE_H
#define TESTS_UNIT_STATS_FIXTURE_H

#include "shoal/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h needs the four headers above. */
#include <cmocka.h>

enum { STARTED, OK, FAILED, BYTES, FAULTS, FIXTURE_COUNTERS };
enum { LATENCY, COARSE_LATENCY, FIXTURE_HISTOGRAMS };
enum { ACTIVE, OK_RATIO, FIXTURE_DERIVED };
enum { FAULT_VALUES = 3 };

struct fixture {
    int64_t now_us;
    uint32_t lanes;
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
};

/* The time at which every fixture starts: a whole number of seconds and tens of them. */
enum { FIXTURE_START_US = 1000000000 };

/* The tables of the schema. */
struct shoal_schema_def fixture_schema_def(void);

/* A sampler with `lanes` lanes, none open, its clock at FIXTURE_START_US. `sizes` gives the
 * slots of its rings and may be NULL for the defaults. */
void fixture_init(struct fixture *fixture, uint32_t lanes,
                  const struct shoal_sampler_options *sizes);

void fixture_fini(struct fixture *fixture);

struct shoal_lane *fixture_lane(struct fixture *fixture, uint32_t number);

/* Opens lanes 0 to count - 1 now. */
void fixture_open(struct fixture *fixture, uint32_t count);

/* Moves the clock on; every lane that is due cuts, and the sampler ticks when it is due, each
 * at its time. */
void fixture_advance(struct fixture *fixture, int64_t us);

#endif
