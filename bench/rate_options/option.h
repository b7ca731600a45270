/* One way to turn running totals into live rates, behind one interface: what the founding
 * document calls GetDebugStats, callable by any number of threads at once.
 *
 * Each option is one file. All but the ring keep one previous snapshot for all callers, as the
 * document does; they differ in how they guard it. */
#ifndef BENCH_RATE_OPTIONS_OPTION_H
#define BENCH_RATE_OPTIONS_OPTION_H

#include "rate_options/source.h"

/* What one call tells its caller. */
struct rate_answer {
    bool fresh;           /* false: no interval, show what was shown before */
    bool torn;            /* the baseline's fields were of different snapshots */
    uint64_t baseline_id; /* the id of the snapshot that the rates count from */
    int64_t as_of_ns;     /* the time of the totals */
    int64_t elapsed_ns;   /* from the baseline's time to that */
    int64_t delta[RATE_COUNTERS];
    uint64_t total[RATE_COUNTERS];
};

struct rate_option {
    const char *name;
    const char *does; /* in a few words */
    bool own_baseline;

    void *(*open)(struct rate_source *source, uint32_t callers);
    void (*close)(void *state);

    /* A caller's thread begins and ends; may be NULL. */
    void (*enter)(void *state);
    void (*leave)(void *state);

    /* Caller number `caller` asks; `call` numbers its calls from 1. */
    void (*call)(void *state, uint32_t caller, uint64_t call, struct rate_answer *out);

    /* Writers have stopped: whatever is on its way arrives. May be NULL. */
    void (*settle)(void *state);
};

extern const struct rate_option rate_mutex_document, rate_mutex_mended, rate_rwlock,
    rate_swap_document, rate_exchange, rate_compare_swap, rate_fields, rate_cached, rate_ring;

/* All options of this build, ended by NULL; the ring is the last. */
extern const struct rate_option *const rate_options[];

static inline uint64_t rate_id(uint32_t caller, uint64_t call)
{
    return (uint64_t)(caller + 1) << 32 | call;
}

/* The answer from a baseline to totals taken later. */
void rate_answer_between(const struct rate_snapshot *base, const struct rate_snapshot *now,
                         struct rate_answer *out);

#endif
