/* A run of half a minute on an injected clock: the same figures each time, so that what views
 * make of them can be compared with golden files.
 *
 * Two workers, up to 1,000 viewers, trouble in the last third. */
#ifndef TESTS_UNIT_VIEW_FIXTURE_H
#define TESTS_UNIT_VIEW_FIXTURE_H

#include "base/buf.h"
#include "feeder.h"
#include "shoal/sampler.h"
#include "view/control.h"
#include "view/failure_sample.h"
#include "view/frame.h"
#include "view/recorder.h"
#include "view/run_info.h"
#include "view/threshold.h"
#include "view/view.h"

enum { FIXTURE_WORKERS = 2, FIXTURE_THRESHOLDS = 4 };

struct fixture {
    int64_t now_us;
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    struct feeder feeders[FIXTURE_WORKERS];
    struct threshold thresholds[FIXTURE_THRESHOLDS];
    struct recorder *recorder;
    struct run_info info;
    struct run_control control;
    struct view_setup setup;
    enum run_phase phase;
    uint32_t target, asked_target;
    int stops;
};

/* Asserts that everything could be made. Nothing has happened yet. */
void fixture_init(struct fixture *fixture);

/* The same of an engine that cannot tell all. */
struct metrics_absent;
void fixture_init_absent(struct fixture *fixture, const struct metrics_absent *absent);

/* Lets time go by: `viewers` wanted at its end, linearly from now. */
void fixture_play(struct fixture *fixture, int64_t length_us, double viewers, bool trouble);

/* The run ends: final cuts, final snapshot, final row. */
void fixture_finish(struct fixture *fixture);

/* Ramp, plateau, trouble, end; two sampled failures. */
void fixture_play_all(struct fixture *fixture);

void fixture_fini(struct fixture *fixture);

/* Compares with the golden file tests/golden/NAME. With SHOAL_GOLDEN_WRITE set in the
 * environment the file is written instead. */
void fixture_assert_golden(const struct buf *text, const char *name);

#endif
