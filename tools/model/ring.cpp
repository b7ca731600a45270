// The ring of src/stats/ring.c under Relacy, a simulator of the C++11 memory model: one writer,
// two readers. Arguments: the mutant, how many executions to try. It performs every load with
// any value that the model allows, so it finds the orders that x86-64 gives for free.
//
// The mutant leaves one thing out or replaces it; all but 0 and 1 must fail:
//     0  as in ring.c                       5  head loaded relaxed (L1)
//     1  even mark relaxed (S2): allowed    6  no odd mark (S1)
//     2  no fence after the odd mark (F1)   7  no check after the copy (L2)
//     3  no fence before the check (F2)     8  check by an acquire load in place of F2
//     4  head stored relaxed (S3)           9  odd mark by a release store in place of F1
#include <relacy/relacy.hpp>

#ifndef SLOTS
#define SLOTS 2
#endif

namespace
{
const unsigned words = 2, generations = 2 * SLOTS;
int mutant;

struct ring_test : rl::test_suite<ring_test, 3> {
    rl::atomic<unsigned> head, seq[SLOTS], data[SLOTS][words];

    void before()
    {
        head($) = 0;
        for (unsigned i = 0; i < SLOTS; i++) {
            seq[i]($) = 0;
            for (unsigned k = 0; k < words; k++) {
                data[i][k]($) = 0;
            }
        }
        publish(1);
    }

    void publish(unsigned generation)
    {
        unsigned slot = generation % SLOTS;
        if (mutant != 6) {
            seq[slot]($).store(2 * generation - 1,
                               mutant == 9 ? rl::mo_release : rl::mo_relaxed);
        }
        if (mutant != 2 && mutant != 9) {
            rl::atomic_thread_fence(rl::mo_release, $);
        }
        for (unsigned k = 0; k < words; k++) {
            data[slot][k]($).store(generation, rl::mo_relaxed);
        }
        seq[slot]($).store(2 * generation, mutant == 1 ? rl::mo_relaxed : rl::mo_release);
        head($).store(generation, mutant == 4 ? rl::mo_relaxed : rl::mo_release);
    }

    bool read(unsigned &generation)
    {
        unsigned copy[words];
        generation = head($).load(mutant == 5 ? rl::mo_relaxed : rl::mo_acquire);
        unsigned slot = generation % SLOTS;
        for (unsigned k = 0; k < words; k++) {
            copy[k] = data[slot][k]($).load(rl::mo_relaxed);
        }
        if (mutant != 3 && mutant != 8) {
            rl::atomic_thread_fence(rl::mo_acquire, $);
        }
        unsigned check = seq[slot]($).load(mutant == 8 ? rl::mo_acquire : rl::mo_relaxed);
        if (mutant != 7 && check != 2 * generation) {
            return false;
        }
        for (unsigned k = 0; k < words; k++) {
            RL_ASSERT(copy[k] == generation);
        }
        return true;
    }

    void thread(unsigned index)
    {
        if (index == 0) {
            for (unsigned generation = 2; generation <= generations; generation++) {
                publish(generation);
            }
            return;
        }
        unsigned last = 0, generation = 0;
        for (int i = 0; i < 2; i++) {
            if (read(generation)) {
                RL_ASSERT(generation >= last);
                last = generation;
            }
        }
    }
};
} // namespace

int main(int argc, char **argv)
{
    rl::test_params params;
    mutant = argc > 1 ? atoi(argv[1]) : 0;
    params.iteration_count = argc > 2 ? atoi(argv[2]) : 100000;
    params.search_type = rl::random_scheduler_type;
    return rl::simulate<ring_test>(params) ? 0 : 1;
}
