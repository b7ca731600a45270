#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void blocks_are_apart_and_aligned(void **state)
{
    (void)state;
    enum { N = 100, BYTES = 13 };
    struct pool pool;
    unsigned char *blocks[N];
    assert_int_equal(pool_init(&pool, BYTES, N), 0);
    for (unsigned i = 0; i < N; i++) {
        blocks[i] = pool_take(&pool);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)i, BYTES);
    }
    assert_null(pool_take(&pool));
    assert_int_equal(pool.in_use, N);
    for (unsigned i = 0; i < N; i++) {
        for (unsigned k = 0; k < BYTES; k++) {
            assert_int_equal(blocks[i][k], i);
        }
    }
    pool_fini(&pool);
}

static void what_is_given_back_is_taken_again(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_init(&pool, 1, 2), 0);
    void *first = pool_take(&pool);
    void *second = pool_take(&pool);
    pool_give(&pool, first);
    pool_give(&pool, NULL);
    assert_int_equal(pool.in_use, 1);
    assert_ptr_equal(pool_take(&pool), first);
    assert_null(pool_take(&pool));
    pool_give(&pool, second);
    pool_give(&pool, first);
    assert_int_equal(pool.in_use, 0);
    pool_fini(&pool);
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_init(&pool, SIZE_MAX / 2, 4), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_apart_and_aligned),
        cmocka_unit_test(what_is_given_back_is_taken_again),
        cmocka_unit_test(absurd_sizes_are_refused),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
