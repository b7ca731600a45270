#include "fixture.h"

#include <string.h>

static int64_t read_clock(void *context)
{
    return ((struct fixture *)context)->now_us;
}

struct shoal_schema_def fixture_schema_def(void)
{
    static const char *const faults[FAULT_VALUES] = {"timeout", "reset", "other"};
    static const struct shoal_counter_def counters[FIXTURE_COUNTERS] = {
        [STARTED] = {"started", "1", "Events begun", NULL, NULL, 0},
        [OK] = {"ok", "1", "Events that ended well", NULL, NULL, 0},
        [FAILED] = {"failed", "1", "Events that failed", NULL, NULL, 0},
        [BYTES] = {"bytes", "bytes", "Bytes", NULL, NULL, 0},
        [FAULTS] = {"faults", "1", "Faults", "fault", faults, FAULT_VALUES},
    };
    static const struct shoal_histogram_def histograms[FIXTURE_HISTOGRAMS] = {
        [LATENCY] = {"latency", "us", "Latency", 6, 3600000000},
        [COARSE_LATENCY] = {"coarse_latency", "us", "Latency again", 5, 60000000},
    };
    static const struct shoal_derived_def derived[FIXTURE_DERIVED] = {
        [ACTIVE] = {"active",
                    "1",
                    "Events going on",
                    SHOAL_GAUGE,
                    {STARTED + 1},
                    {OK + 1, FAILED + 1},
                    {0}},
        [OK_RATIO] = {"ok_ratio",
                      "ratio",
                      "Events that ended well over all that ended",
                      SHOAL_RATIO,
                      {OK + 1},
                      {0},
                      {OK + 1, FAILED + 1}},
    };
    return (struct shoal_schema_def){
        .counters = counters,
        .counter_count = FIXTURE_COUNTERS,
        .histograms = histograms,
        .histogram_count = FIXTURE_HISTOGRAMS,
        .derived = derived,
        .derived_count = FIXTURE_DERIVED,
    };
}

void fixture_init(struct fixture *fixture, uint32_t lanes,
                  const struct shoal_sampler_options *sizes)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->now_us = FIXTURE_START_US;
    fixture->lanes = lanes;
    struct shoal_schema_def def = fixture_schema_def();
    assert_int_equal(shoal_schema_new(&def, &fixture->schema), 0);
    struct shoal_sampler_options options = {0};
    if (sizes != NULL) {
        options = *sizes;
    }
    options.schema = fixture->schema;
    options.lanes = lanes;
    options.clock = (struct shoal_clock){read_clock, fixture};
    assert_int_equal(shoal_sampler_new(&options, &fixture->sampler), 0);
}

void fixture_fini(struct fixture *fixture)
{
    shoal_sampler_free(fixture->sampler);
    shoal_schema_free(fixture->schema);
}

struct shoal_lane *fixture_lane(struct fixture *fixture, uint32_t number)
{
    return shoal_sampler_lane(fixture->sampler, number);
}

void fixture_open(struct fixture *fixture, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        shoal_lane_open(fixture_lane(fixture, i), fixture->now_us);
    }
}

void fixture_advance(struct fixture *fixture, int64_t us)
{
    enum { STEP_US = 50000 };
    int64_t end_us = fixture->now_us + us;
    while (fixture->now_us < end_us) {
        int64_t next_us = fixture->now_us - fixture->now_us % STEP_US + STEP_US;
        fixture->now_us = next_us < end_us ? next_us : end_us;
        for (uint32_t i = 0; i < fixture->lanes; i++) {
            struct shoal_lane *lane = fixture_lane(fixture, i);
            if (shoal_lane_due(lane, fixture->now_us)) {
                shoal_lane_cut(lane, fixture->now_us);
            }
        }
        if (fixture->now_us % 100000 == STEP_US) {
            shoal_sampler_tick(fixture->sampler, fixture->now_us);
        }
    }
}
