/* The arithmetic of log-linear histograms: which bucket holds a value, and which values a
 * bucket holds. Bucket i holds the value i alone while i < 2^(bits+1); from there on each
 * octave is cut into 2^bits buckets of equal width. Pure, any thread. */
#ifndef SHOAL_HISTOGRAM_H
#define SHOAL_HISTOGRAM_H

#include "shoal/api.h"

#include <stdint.h>

static inline uint32_t shoal_bucket_of(uint64_t value, uint32_t bits)
{
    uint32_t shift = 63 - bits - (uint32_t)__builtin_clzll(value | (1ull << bits));
    return (shift << bits) + (uint32_t)(value >> shift);
}

/* The least and the greatest value of a bucket. */
static inline uint64_t shoal_bucket_low(uint32_t bucket, uint32_t bits)
{
    uint32_t octave = bucket >> bits;
    return octave <= 1 ? bucket : (uint64_t)(bucket - ((octave - 1) << bits)) << (octave - 1);
}

static inline uint64_t shoal_bucket_high(uint32_t bucket, uint32_t bits)
{
    return shoal_bucket_low(bucket + 1, bits) - 1;
}

/* The value that stands for a bucket: its middle. */
static inline uint64_t shoal_bucket_middle(uint32_t bucket, uint32_t bits)
{
    uint64_t low = shoal_bucket_low(bucket, bits);
    return low + (shoal_bucket_low(bucket + 1, bits) - low) / 2;
}

#endif
