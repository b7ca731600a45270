/* The ring. Each slot is a sequence word and the data. The sequence is 2g while the slot holds
 * generation g, and 2g - 1 while g is being written into it.
 *
 *     publish   S1  seq = 2g - 1   relaxed      read   L1  g = head       acquire
 *               F1  fence          release             L   data           relaxed
 *               S   data           relaxed             F2  fence          acquire
 *               S2  seq = 2g       release             L2  seq == 2g?     relaxed
 *               S3  head = g       release
 *
 * S3 and L1 pair: who sees head = g sees all data of g. F1 and F2 pair: a reader that saw one
 * word of the next tenant of its slot must, after F2, see a sequence of at least that tenant's
 * odd mark, so L2 fails. A release store S1 in place of F1 would order only what comes before
 * it, and an acquire load L2 in place of F2 only what comes after it: both are torn reads on
 * arm64 that no test on x86-64 finds. S2 may be relaxed, since readers come through head; it
 * is a release so that a slot describes itself in a core dump.
 *
 * x86-64 runs S1, S, S2, S3 as plain stores and L1, L, L2 as plain loads, and needs no
 * instruction for either fence: they bind the compiler alone. arm64 gets stlr for S2 and S3,
 * ldar for L1, dmb ish for F1 and dmb ishld for F2.
 *
 * Generations are 64-bit and never repeat, so there is no ABA. */
#include "shoal/ring.h"

#include "base/huge.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

/* A test compiles this file with a hook that yields between any two steps. */
#ifndef SHOAL_RING_HOOK
#define SHOAL_RING_HOOK() ((void)0)
#endif

enum { READ_TRIES = 4 };

struct slot {
    _Atomic uint64_t seq;
    _Atomic uint64_t data[];
};

static struct slot *slot_of(const struct shoal_ring *ring, uint64_t generation)
{
    size_t index = (size_t)(generation & (ring->slots - 1));
    return (struct slot *)(void *)(ring->memory + index * ring->stride);
}

/* The slots' memory; that of a large ring, whose readers jump about, in whole huge pages. */
static size_t bytes_of(uint32_t slots, size_t stride)
{
    size_t bytes = stride * slots;
    return bytes < HUGE_BYTES / 2 ? bytes : huge_round_up(bytes);
}

int shoal_ring_init(struct shoal_ring *ring, uint32_t slots, uint32_t words)
{
    if (slots < 2 || (slots & (slots - 1)) != 0 || words == 0) {
        return -EINVAL;
    }
    size_t bytes = sizeof(struct slot) + sizeof(uint64_t) * words;
    size_t stride = (bytes + SHOAL_LINE_BYTES - 1) / SHOAL_LINE_BYTES * SHOAL_LINE_BYTES;
    /* Fresh pages are zero, and a sequence of 0 is that of no generation. */
    size_t size = bytes_of(slots, stride);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return -ENOMEM;
    }
    if (size % HUGE_BYTES == 0) {
        madvise(memory, size, MADV_HUGEPAGE); /* small pages will do */
    }
    memset(ring, 0, sizeof(*ring));
    atomic_init(&ring->head, 0);
    ring->slots = slots;
    ring->words = words;
    ring->stride = stride;
    ring->memory = memory;
    return 0;
}

void shoal_ring_fini(struct shoal_ring *ring)
{
    if (ring->memory != NULL) {
        munmap(ring->memory, bytes_of(ring->slots, ring->stride));
        ring->memory = NULL;
    }
}

static struct slot *publish_begin(struct shoal_ring *ring)
{
    uint64_t generation = ++ring->generation;
    struct slot *slot = slot_of(ring, generation);
    atomic_store_explicit(&slot->seq, 2 * generation - 1, memory_order_relaxed); /* S1 */
    atomic_thread_fence(memory_order_release);                                   /* F1, F2 */
    return slot;
}

static uint64_t publish_end(struct shoal_ring *ring, struct slot *slot)
{
    uint64_t generation = ring->generation;
    SHOAL_RING_HOOK();
    atomic_store_explicit(&slot->seq, 2 * generation, memory_order_release); /* S2, L2 */
    SHOAL_RING_HOOK();
    atomic_store_explicit(&ring->head, generation, memory_order_release); /* S3, L1 */
    return generation;
}

uint64_t shoal_ring_publish(struct shoal_ring *ring, const uint64_t *src)
{
    uint32_t words = ring->words;
    struct slot *slot = publish_begin(ring);
    for (uint32_t i = 0; i < words; i++) {
        SHOAL_RING_HOOK();
        atomic_store_explicit(&slot->data[i], src[i], memory_order_relaxed);
    }
    return publish_end(ring, slot);
}

uint64_t shoal_ring_publish_atomic(struct shoal_ring *ring, const _Atomic uint64_t *src)
{
    uint32_t words = ring->words;
    struct slot *slot = publish_begin(ring);
    for (uint32_t i = 0; i < words; i++) {
        SHOAL_RING_HOOK();
        atomic_store_explicit(&slot->data[i],
                              atomic_load_explicit(&src[i], memory_order_relaxed),
                              memory_order_relaxed);
    }
    return publish_end(ring, slot);
}

uint64_t shoal_ring_head(const struct shoal_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire); /* L1, S3 */
}

int shoal_ring_read_generation(const struct shoal_ring *ring, uint64_t generation,
                               uint64_t *dst, uint32_t words)
{
    const struct shoal_ring_part all = {0, words};
    return shoal_ring_read_parts(ring, generation, dst, &all, 1);
}

int shoal_ring_read_parts(const struct shoal_ring *ring, uint64_t generation, uint64_t *dst,
                          const struct shoal_ring_part *parts, uint32_t part_count)
{
    struct slot *slot = slot_of(ring, generation);
    for (uint32_t k = 0; k < part_count; k++) {
        uint32_t end = parts[k].first + parts[k].count;
        for (uint32_t i = parts[k].first; i < end; i++) {
            SHOAL_RING_HOOK();
            dst[i] = atomic_load_explicit(&slot->data[i], memory_order_relaxed);
        }
    }
    SHOAL_RING_HOOK();
    atomic_thread_fence(memory_order_acquire); /* F2, F1 */
    uint64_t seq = atomic_load_explicit(&slot->seq, memory_order_relaxed);
    return seq == 2 * generation ? 0 : -ESTALE; /* L2 */
}

int shoal_ring_read(const struct shoal_ring *ring, uint64_t *dst, uint32_t words,
                    uint64_t *ret_generation)
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t generation = shoal_ring_head(ring);
        if (generation == 0) {
            return -ENODATA;
        }
        if (shoal_ring_read_generation(ring, generation, dst, words) == 0) {
            *ret_generation = generation;
            return 0;
        }
    }
    return -EBUSY;
}
