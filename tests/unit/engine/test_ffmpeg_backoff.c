#include "engine/ffmpeg/ffmpeg_backoff.h"

#include "ffmpeg_fixture.h"

static const struct ffmpeg_restart rule = {
    .first_us = 1000000,
    .longest_us = 30000000,
    .factor = 2,
    .good_after_us = 60000000,
    .limit = 20,
};

/* Pauses double up to the bound, each drawn between half of it and all of it. */
static void pauses_grow_within_bounds(void **state)
{
    (void)state;
    static const int64_t full_us[] = {1000000,  2000000,  4000000,  8000000,
                                      16000000, 30000000, 30000000, 30000000};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct ffmpeg_backoff backoff = {0};
        struct rng rng = rng_make(seed, 1);
        for (size_t i = 0; i < sizeof full_us / sizeof full_us[0]; i++) {
            int64_t us = ffmpeg_backoff_next(&backoff, &rule, 0, &rng);
            assert_in_range(us, full_us[i] / 2, full_us[i]);
        }
    }
}

/* Those that died together do not come back together. */
static void pauses_are_jittered(void **state)
{
    (void)state;
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (uint64_t viewer = 0; viewer < 200; viewer++) {
        struct ffmpeg_backoff backoff = {0};
        struct rng rng = rng_make(7, viewer);
        int64_t us = ffmpeg_backoff_next(&backoff, &rule, 0, &rng);
        least = us < least ? us : least;
        most = us > most ? us : most;
    }
    assert_true(least < 550000);
    assert_true(most > 950000);
}

static void good_run_begins_anew(void **state)
{
    (void)state;
    struct ffmpeg_backoff backoff = {0};
    struct rng rng = rng_make(1, 1);
    for (int i = 0; i < 5; i++) {
        ffmpeg_backoff_next(&backoff, &rule, 59999999, &rng);
    }
    assert_true(ffmpeg_backoff_next(&backoff, &rule, 60000000, &rng) <= 1000000);
}

static void restarts_are_limited(void **state)
{
    (void)state;
    struct ffmpeg_backoff backoff = {0};
    struct rng rng = rng_make(1, 1);
    for (int i = 0; i < 20; i++) {
        assert_true(ffmpeg_backoff_next(&backoff, &rule, 60000000, &rng) >= 0);
    }
    assert_int_equal(ffmpeg_backoff_next(&backoff, &rule, 60000000, &rng), -1);
    assert_int_equal(ffmpeg_backoff_next(&backoff, &rule, 0, &rng), -1);
}

static void nothing_allowed_is_nothing(void **state)
{
    (void)state;
    struct ffmpeg_restart none = rule;
    struct ffmpeg_backoff backoff = {0};
    struct rng rng = rng_make(1, 1);
    none.limit = 0;
    assert_int_equal(ffmpeg_backoff_next(&backoff, &none, 0, &rng), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow_within_bounds),  cmocka_unit_test(pauses_are_jittered),
        cmocka_unit_test(good_run_begins_anew),       cmocka_unit_test(restarts_are_limited),
        cmocka_unit_test(nothing_allowed_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
