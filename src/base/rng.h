/* A small deterministic random generator (SplitMix64, Steele, Lea, Flood 2014). The same seed
 * gives the same schedule on every machine. One struct belongs to one thread; not for secrets.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* A generator for stream number `stream` of `seed`: viewers draw from streams of their own, so
 * that no draw of one shifts those of another. */
static inline struct rng rng_make(uint64_t seed, uint64_t stream)
{
    return (struct rng){rng_mix(seed + UINT64_C(0x9e3779b97f4a7c15)) ^
                        rng_mix(stream * UINT64_C(0xd1342543de82ef95) + 1)};
}

static inline uint64_t rng_next(struct rng *rng)
{
    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    return rng_mix(rng->state);
}

/* Uniform in [0, bound); bound must be at least 1. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)rng_next(rng) * bound) >> 64);
}

/* Uniform in [0, 1). */
static inline double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1.0p-53;
}

/* Exponential with the given mean. */
double rng_exponential(struct rng *rng, double mean);

#endif
