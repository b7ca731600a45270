#include "stats/used.h"

static struct shoal_used unpack(uint64_t word)
{
    return (struct shoal_used){(uint32_t)word, (uint32_t)(word >> 32)};
}

void used_find(const struct shoal_schema *schema, uint64_t *snapshot)
{
    for (uint32_t i = 0; i < schema->def.histogram_count; i++) {
        struct shoal_histogram_place place = schema->histogram[i];
        const uint64_t *buckets = snapshot + place.buckets;
        struct shoal_used known = unpack(snapshot[schema->full_words + i]);
        if (known.end == 0) {
            known.first = place.bucket_count;
        }
        /* Those in use stay so; what was 0 below and above them needs a look. */
        uint32_t first = 0, end = place.bucket_count;
        while (first < known.first && buckets[first] == 0) {
            first++;
        }
        while (end > known.end && end > first && buckets[end - 1] == 0) {
            end--;
        }
        snapshot[schema->full_words + i] =
            end > first ? (uint64_t)end << 32 | first : 0; /* 0: none is in use */
    }
}

void used_get(const struct shoal_schema *schema, const uint64_t *snapshot,
              struct shoal_used *used)
{
    for (uint32_t i = 0; i < schema->def.histogram_count; i++) {
        used[i] = unpack(snapshot[schema->full_words + i]);
    }
}

uint32_t used_parts(const struct shoal_schema *schema, const struct shoal_used *used,
                    struct shoal_ring_part *parts)
{
    uint32_t n = 0;
    parts[n++] = (struct shoal_ring_part){0, schema->counter_words};
    for (uint32_t i = 0; i < schema->def.histogram_count; i++) {
        struct shoal_histogram_place place = schema->histogram[i];
        if (used[i].end > used[i].first) {
            parts[n++] = (struct shoal_ring_part){place.sum, 1};
            parts[n++] = (struct shoal_ring_part){place.buckets + used[i].first,
                                                  used[i].end - used[i].first};
        }
    }
    return n;
}
