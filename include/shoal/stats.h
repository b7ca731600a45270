/* All of libshoal-stats: schema.h (what is counted), lane.h (counting), sampler.h (summing),
 * observer.h and interval.h (reading). See libshoal-stats(3). */
#ifndef SHOAL_STATS_H
#define SHOAL_STATS_H

#include "shoal/histogram.h"
#include "shoal/interval.h"
#include "shoal/lane.h"
#include "shoal/observer.h"
#include "shoal/ring.h"
#include "shoal/sampler.h"
#include "shoal/schema.h"

#endif
