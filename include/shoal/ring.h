/* A ring of snapshots: one writer publishes blocks of words, any number of readers copy the
 * newest, or an older one that is still there. No locks; nothing is allocated or freed after
 * shoal_ring_init.
 *
 * - The writer is wait-free and never waits for a reader.
 * - A reader writes no shared memory. Its copy fails only when the writer completed slots - 1
 *   further publications meanwhile; then it tries again, at most 4 times.
 * - A copy is never torn. Generations seen by one thread never go back.
 * - A writer that stops for ever, at any point, blocks no reader.
 *
 * The memory orders and why each is needed stand in ring.c; models of it that leave one out
 * and must fail stand in tools/model. */
#ifndef SHOAL_RING_H
#define SHOAL_RING_H

#include "shoal/api.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

struct shoal_ring {
    alignas(SHOAL_LINE_BYTES) _Atomic uint64_t head; /* newest complete generation; 0: none */
    alignas(SHOAL_LINE_BYTES) uint64_t generation;   /* the writer's */
    uint32_t slots, words;                           /* these and below: constant */
    size_t stride;                                   /* bytes from slot to slot */
    unsigned char *memory;                           /* owned */
};

/* Makes an empty ring of `slots` (a power of two, at least 2) blocks of `words` words. Returns
 * 0, -EINVAL or -ENOMEM. The memory is untouched, so it becomes resident as it is first used,
 * on the writer's node. */
SHOAL_API int shoal_ring_init(struct shoal_ring *ring, uint32_t slots, uint32_t words);

/* No reader or writer may be active. A ring of zeros is a no-op. */
SHOAL_API void shoal_ring_fini(struct shoal_ring *ring);

/* The one writer: publishes ring->words words of src. Returns the generation: 1, 2, 3, … */
SHOAL_API uint64_t shoal_ring_publish(struct shoal_ring *ring, const uint64_t *src);

/* As shoal_ring_publish, from words that others may read too. */
SHOAL_API uint64_t shoal_ring_publish_atomic(struct shoal_ring *ring,
                                             const _Atomic uint64_t *src);

/* Readers: the newest generation, 0 when there is none yet. */
SHOAL_API uint64_t shoal_ring_head(const struct shoal_ring *ring);

/* Copies the first `words` words of the newest generation into dst and sets *ret_generation.
 * Returns 0; -ENODATA when nothing has been published; -EBUSY when the writer lapped all four
 * tries. On failure dst holds anything. */
SHOAL_API int shoal_ring_read(const struct shoal_ring *ring, uint64_t *dst, uint32_t words,
                              uint64_t *ret_generation);

/* Copies an older generation, which must not be above a head that this thread has seen.
 * Returns 0, or -ESTALE when it has been overwritten. */
SHOAL_API int shoal_ring_read_generation(const struct shoal_ring *ring, uint64_t generation,
                                         uint64_t *dst, uint32_t words);

/* Some of the words of a block. */
struct shoal_ring_part {
    uint32_t first, count;
};

/* As shoal_ring_read_generation, but copies only these parts, each to its own place in dst; the
 * rest of dst stays as it is. */
SHOAL_API int shoal_ring_read_parts(const struct shoal_ring *ring, uint64_t generation,
                                    uint64_t *dst, const struct shoal_ring_part *parts,
                                    uint32_t part_count);

#endif
