#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_same_seed_draws_the_same(void **state)
{
    (void)state;
    struct rng a = rng_make(7, 3), b = rng_make(7, 3), c = rng_make(7, 4), d = rng_make(8, 3);
    uint64_t first = rng_next(&a);
    assert_true(first == rng_next(&b));
    assert_true(first != rng_next(&c));
    assert_true(first != rng_next(&d));
}

/* SplitMix64 as published: the first draws from state 1234567. */
static void it_is_splitmix64(void **state)
{
    (void)state;
    struct rng rng = {1234567};
    assert_true(rng_next(&rng) == UINT64_C(6457827717110365317));
    assert_true(rng_next(&rng) == UINT64_C(3203168211198807973));
    assert_true(rng_next(&rng) == UINT64_C(9817491932198370423));
}

static void draws_are_in_range_and_even(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct rng rng = rng_make(1, 1);
    unsigned counts[7] = {0};
    double sum = 0, exponential = 0;
    for (unsigned i = 0; i < N; i++) {
        uint64_t below = rng_below(&rng, 7);
        assert_in_range(below, 0, 6);
        counts[below]++;
        double unit = rng_unit(&rng);
        assert_true(unit >= 0 && unit < 1);
        sum += unit;
        double x = rng_exponential(&rng, 20);
        assert_true(x >= 0 && x < 20 * 40);
        exponential += x;
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_in_range(counts[i], N / 7 * 96 / 100, N / 7 * 104 / 100);
    }
    assert_true(sum / N > 0.495 && sum / N < 0.505);
    assert_true(exponential / N > 19.6 && exponential / N < 20.4);
    assert_int_equal(rng_below(&rng, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_draws_the_same),
        cmocka_unit_test(it_is_splitmix64),
        cmocka_unit_test(draws_are_in_range_and_even),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
