/* The ring with its smallest sizes, a writer that never pauses and a yield at random between
 * any two steps of writer and readers: no copy is torn, generations never go back, and the
 * writer's stopping in the middle blocks nobody. */
#include "shoal/ring.h"

#include "ring_hook.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static _Thread_local uint64_t hook_seed = 88172645463325252ull;
static _Thread_local uint64_t hook_halt_at; /* steps until this thread stops; 0: never */
static _Atomic int halted, released;

/* Called between any two steps of the ring. */
void ring_hook(void)
{
    hook_seed ^= hook_seed << 13;
    hook_seed ^= hook_seed >> 7;
    hook_seed ^= hook_seed << 17;
    if (hook_seed % 32 == 0) {
        sched_yield();
    }
    if (hook_halt_at != 0 && --hook_halt_at == 0) {
        atomic_store_explicit(&halted, 1, memory_order_release); /* the reader's load */
        /* Pairs with the test's release. */
        while (atomic_load_explicit(&released, memory_order_acquire) == 0) {
            sched_yield();
        }
    }
}

enum { WORDS = 9, READERS = 3, GENERATIONS = 20000 };

struct race {
    struct shoal_ring ring;
    _Atomic int done;
    _Atomic uint64_t torn, back, copies, failures;
};

static void *read_all(void *argument)
{
    struct race *race = argument;
    uint64_t words[WORDS], last = 0;
    hook_seed ^= (uint64_t)(uintptr_t)words;
    while (atomic_load_explicit(&race->done, memory_order_relaxed) == 0) {
        uint64_t generation;
        int result = shoal_ring_read(&race->ring, words, WORDS, &generation);
        if (result != 0) {
            atomic_fetch_add_explicit(&race->failures, result == -EBUSY, memory_order_relaxed);
            continue;
        }
        atomic_fetch_add_explicit(&race->copies, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&race->back, generation < last, memory_order_relaxed);
        last = generation;
        for (uint64_t i = 0; i < WORDS; i++) {
            if (words[i] != generation * 100 + i) {
                atomic_fetch_add_explicit(&race->torn, 1, memory_order_relaxed);
                break;
            }
        }
    }
    return NULL;
}

static void publish(struct shoal_ring *ring, uint64_t generation)
{
    uint64_t words[WORDS];
    for (uint64_t i = 0; i < WORDS; i++) {
        words[i] = generation * 100 + i;
    }
    shoal_ring_publish(ring, words);
}

static void test_no_copy_is_torn(void **state)
{
    (void)state;
    for (uint32_t slots = 2; slots <= 8; slots *= 2) {
        struct race race = {0};
        pthread_t threads[READERS];
        assert_int_equal(shoal_ring_init(&race.ring, slots, WORDS), 0);
        for (int i = 0; i < READERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, read_all, &race), 0);
        }
        uint64_t generation = 0;
        /* Until the readers have had their chance as well. */
        while (generation < GENERATIONS ||
               (atomic_load_explicit(&race.copies, memory_order_relaxed) < GENERATIONS &&
                generation < 50ull * GENERATIONS)) {
            publish(&race.ring, ++generation);
        }
        atomic_store_explicit(&race.done, 1, memory_order_relaxed);
        for (int i = 0; i < READERS; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_true(race.copies > 100);
        assert_int_equal(race.torn, 0);
        assert_int_equal(race.back, 0);
        shoal_ring_fini(&race.ring);
    }
}

struct halt {
    struct shoal_ring *ring;
    uint64_t steps;
};

static void *publish_and_halt(void *argument)
{
    struct halt *halt = argument;
    hook_halt_at = halt->steps;
    publish(halt->ring, 4);
    return NULL;
}

static void test_halted_writer_blocks_no_reader(void **state)
{
    (void)state;
    for (uint64_t steps = 1; steps <= WORDS + 2; steps++) {
        struct shoal_ring ring;
        assert_int_equal(shoal_ring_init(&ring, 2, WORDS), 0);
        for (uint64_t g = 1; g <= 3; g++) {
            publish(&ring, g);
        }
        atomic_store_explicit(&halted, 0, memory_order_relaxed);
        atomic_store_explicit(&released, 0, memory_order_relaxed);
        struct halt halt = {&ring, steps};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, publish_and_halt, &halt), 0);
        /* Pairs with the hook's release. */
        while (atomic_load_explicit(&halted, memory_order_acquire) == 0) {
            sched_yield();
        }
        for (int i = 0; i < 100; i++) {
            uint64_t words[WORDS] = {0}, generation = 0;
            assert_int_equal(shoal_ring_read(&ring, words, WORDS, &generation), 0);
            assert_int_equal(generation, 3);
            assert_int_equal(words[WORDS - 1], 300 + WORDS - 1);
        }
        atomic_store_explicit(&released, 1, memory_order_release); /* the hook's acquire */
        pthread_join(thread, NULL);
        shoal_ring_fini(&ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_copy_is_torn),
        cmocka_unit_test(test_halted_writer_blocks_no_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
