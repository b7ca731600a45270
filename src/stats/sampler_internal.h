/* What observers see of a sampler: constants and the rings of snapshots. */
#ifndef STATS_SAMPLER_INTERNAL_H
#define STATS_SAMPLER_INTERNAL_H

#include "shoal/ring.h"
#include "shoal/sampler.h"

#include <pthread.h>
#include <stdbool.h>

/* What the sampler keeps of one lane. */
struct sampler_lane {
    struct shoal_lane *lane;
    uint64_t *counters; /* last cut taken, counter_words */
    uint64_t *full;     /* last cut with histograms taken, full_words */
    uint64_t counters_generation, full_generation; /* 0: not opened yet */
};

struct shoal_sampler {
    struct shoal_ring short_ring;         /* counters, every period */
    struct shoal_ring full_ring;          /* all words and used.h's, every full period */
    struct shoal_ring coarse_ring;        /* the same, every coarse period */
    struct shoal_sampler_options options; /* with defaults filled in; constant */
    int64_t start_us;                     /* constant */

    /* Of the thread that ticks. */
    struct sampler_lane *lanes;          /* options.lanes of them */
    uint64_t *spare_counters;            /* counter_words: where the next cut is read into */
    uint64_t *spare_full;                /* full_words: the same for one with histograms */
    uint64_t *sum;                       /* used_words(): the snapshot being made */
    uint64_t health[SHOAL_HEADER_WORDS]; /* header words that all snapshots share */
    int64_t last_us, last_full_us;       /* times of the last snapshots */
    int64_t full_boundary_us;            /* multiple of the full period last published */
    int64_t coarse_boundary_us;
    int64_t due_us; /* when the next tick should come; 0 before the first */
    int full_waits; /* ticks that a full snapshot has been waiting for a lane */

    /* The thread of shoal_sampler_start. */
    pthread_t thread;
    pthread_mutex_t lock; /* guards stop */
    pthread_cond_t wake;
    bool running; /* of the thread that starts and stops */
    bool stop;
};

#endif
