/* Which buckets of a snapshot's histograms are in use. The sampler finds out once and publishes
 * it behind the words of each full snapshot, a word a histogram, so that observers copy the
 * buckets that hold something and leave alone the rest, which lies idle in memory.
 *
 *     full_words | first bucket in use (low 32 bits) and the one after the last (high), …
 *     |<--------------- used_words of them: one full snapshot --------------------->|
 *
 * Words only grow, so the buckets in use in one snapshot hold those of all before. */
#ifndef STATS_USED_H
#define STATS_USED_H

#include "shoal/interval.h"
#include "shoal/ring.h"
#include "shoal/schema.h"

#include <stdint.h>

/* Words of a full snapshot with what stands behind. */
static inline uint32_t used_words(const struct shoal_schema *schema)
{
    return schema->full_words + schema->def.histogram_count;
}

/* Brings what stands behind the snapshot up to date; there it has to find what it left there
 * for an earlier one, or 0. */
void used_find(const struct shoal_schema *schema, uint64_t *snapshot);

/* Reads what stands behind the snapshot into used[histogram_count]. */
void used_get(const struct shoal_schema *schema, const uint64_t *snapshot,
              struct shoal_used *used);

/* The parts of a snapshot that hold something: header and counters, then sum and buckets of
 * each histogram. `parts` has room for 1 + 2 × histogram_count; returns how many there are. */
uint32_t used_parts(const struct shoal_schema *schema, const struct shoal_used *used,
                    struct shoal_ring_part *parts);

#endif
