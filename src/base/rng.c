#include "base/rng.h"

#include <math.h>

double rng_exponential(struct rng *rng, double mean)
{
    return -log1p(-rng_unit(rng)) * mean;
}
