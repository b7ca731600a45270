/* The ring in one thread: what a reader gets at each point of its turning. What concurrent
 * readers get is the business of tests/conc and of the models. */
#include "fixture.h"

#include <errno.h>
#include <string.h>

enum { WORDS = 5 };

static void fill(uint64_t *words, uint64_t value)
{
    for (int i = 0; i < WORDS; i++) {
        words[i] = value * 100 + (uint64_t)i;
    }
}

static void test_sizes_are_checked(void **state)
{
    (void)state;
    static const struct {
        uint32_t slots, words;
        int result;
    } cases[] = {{0, 1, -EINVAL}, {1, 1, -EINVAL}, {3, 1, -EINVAL}, {6, 1, -EINVAL},
                 {2, 0, -EINVAL}, {2, 1, 0},       {64, 1000, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shoal_ring ring = {0};
        assert_int_equal(shoal_ring_init(&ring, cases[i].slots, cases[i].words),
                         cases[i].result);
        shoal_ring_fini(&ring);
    }
}

static void test_empty_ring_has_no_data(void **state)
{
    (void)state;
    struct shoal_ring ring;
    uint64_t words[WORDS], generation = 77;
    assert_int_equal(shoal_ring_init(&ring, 4, WORDS), 0);
    assert_int_equal(shoal_ring_head(&ring), 0);
    assert_int_equal(shoal_ring_read(&ring, words, WORDS, &generation), -ENODATA);
    assert_int_equal(generation, 77);
    shoal_ring_fini(&ring);
}

static void test_newest_is_read(void **state)
{
    (void)state;
    struct shoal_ring ring;
    assert_int_equal(shoal_ring_init(&ring, 4, WORDS), 0);
    for (uint64_t g = 1; g <= 20; g++) {
        uint64_t words[WORDS], expected[WORDS], generation;
        fill(expected, g);
        assert_int_equal(shoal_ring_publish(&ring, expected), g);
        assert_int_equal(shoal_ring_read(&ring, words, WORDS, &generation), 0);
        assert_int_equal(generation, g);
        assert_memory_equal(words, expected, sizeof(words));
    }
    shoal_ring_fini(&ring);
}

static void test_part_of_a_block_is_read(void **state)
{
    (void)state;
    struct shoal_ring ring;
    uint64_t src[WORDS], words[WORDS] = {0}, generation;
    assert_int_equal(shoal_ring_init(&ring, 2, WORDS), 0);
    fill(src, 1);
    shoal_ring_publish(&ring, src);
    assert_int_equal(shoal_ring_read(&ring, words, 2, &generation), 0);
    assert_int_equal(words[1], 101);
    assert_int_equal(words[2], 0);
    shoal_ring_fini(&ring);
}

static void test_parts_of_a_block_are_read(void **state)
{
    (void)state;
    static const struct shoal_ring_part parts[] = {{0, 1}, {2, 0}, {3, 2}};
    struct shoal_ring ring;
    uint64_t words[WORDS] = {7, 7, 7, 7, 7};
    const uint64_t expected[WORDS] = {200, 7, 7, 203, 204};
    assert_int_equal(shoal_ring_init(&ring, 2, WORDS), 0);
    for (uint64_t g = 1; g <= 3; g++) {
        uint64_t src[WORDS];
        fill(src, g);
        shoal_ring_publish(&ring, src);
    }
    assert_int_equal(shoal_ring_read_parts(&ring, 1, words, parts, 3), -ESTALE);
    memset(words, 0, sizeof(words));
    words[1] = words[2] = 7;
    assert_int_equal(shoal_ring_read_parts(&ring, 2, words, parts, 3), 0);
    assert_memory_equal(words, expected, sizeof(words));
    shoal_ring_fini(&ring);
}

static void test_older_generations_until_overwritten(void **state)
{
    (void)state;
    struct shoal_ring ring;
    enum { SLOTS = 8 };
    assert_int_equal(shoal_ring_init(&ring, SLOTS, WORDS), 0);
    for (uint64_t g = 1; g <= 30; g++) {
        uint64_t words[WORDS];
        fill(words, g);
        shoal_ring_publish(&ring, words);
        for (uint64_t old = 1; old <= g; old++) {
            int expected = g - old < SLOTS ? 0 : -ESTALE;
            assert_int_equal(shoal_ring_read_generation(&ring, old, words, WORDS), expected);
            if (expected == 0) {
                assert_int_equal(words[0], old * 100);
            }
        }
    }
    shoal_ring_fini(&ring);
}

static void test_slot_being_written_is_refused(void **state)
{
    (void)state;
    struct shoal_ring ring;
    uint64_t words[WORDS], generation;
    assert_int_equal(shoal_ring_init(&ring, 2, WORDS), 0);
    for (uint64_t g = 1; g <= 3; g++) {
        fill(words, g);
        shoal_ring_publish(&ring, words);
    }
    /* A writer that stopped within generation 4 has marked the slot of generation 2. */
    _Atomic uint64_t *seq = (_Atomic uint64_t *)(void *)ring.memory;
    atomic_store_explicit(seq, 2 * 4 - 1, memory_order_relaxed);
    assert_int_equal(shoal_ring_read_generation(&ring, 2, words, WORDS), -ESTALE);
    /* Readers of the newest are not held up by it. */
    assert_int_equal(shoal_ring_read(&ring, words, WORDS, &generation), 0);
    assert_int_equal(generation, 3);
    shoal_ring_fini(&ring);
}

static void test_reader_gives_up_when_the_newest_never_holds_still(void **state)
{
    (void)state;
    struct shoal_ring ring;
    uint64_t words[WORDS], generation = 77;
    assert_int_equal(shoal_ring_init(&ring, 2, WORDS), 0);
    fill(words, 1);
    shoal_ring_publish(&ring, words);
    _Atomic uint64_t *seq = (_Atomic uint64_t *)(void *)(ring.memory + ring.stride);
    atomic_store_explicit(seq, 2 * 3 - 1, memory_order_relaxed);
    assert_int_equal(shoal_ring_read(&ring, words, WORDS, &generation), -EBUSY);
    assert_int_equal(generation, 77);
    shoal_ring_fini(&ring);
}

static void test_shared_data_keeps_its_distance(void **state)
{
    (void)state;
    struct shoal_ring ring;
    assert_int_equal(shoal_ring_init(&ring, 4, 3), 0);
    assert_int_equal(offsetof(struct shoal_ring, generation) % SHOAL_LINE_BYTES, 0);
    assert_int_equal(ring.stride % SHOAL_LINE_BYTES, 0);
    assert_int_equal((uintptr_t)ring.memory % SHOAL_LINE_BYTES, 0);
    shoal_ring_fini(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_checked),
        cmocka_unit_test(test_empty_ring_has_no_data),
        cmocka_unit_test(test_newest_is_read),
        cmocka_unit_test(test_part_of_a_block_is_read),
        cmocka_unit_test(test_parts_of_a_block_are_read),
        cmocka_unit_test(test_older_generations_until_overwritten),
        cmocka_unit_test(test_slot_being_written_is_refused),
        cmocka_unit_test(test_reader_gives_up_when_the_newest_never_holds_still),
        cmocka_unit_test(test_shared_data_keeps_its_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
