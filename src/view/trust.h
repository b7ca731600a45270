/* Whether the figures of a run may be trusted: did the generator itself keep up? A pure
 * judgement of facts that the recorder gathers from snapshots. */
#ifndef VIEW_TRUST_H
#define VIEW_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRUST_TIMER_DELAY_P99_US = 50000, /* timers fire at most this late, 99th percentile */
    TRUST_WORKER_CPU_PERCENT = 95,    /* no worker above this … */
    TRUST_WORKER_BUSY_US = 5000000,   /* … for this long on end */
    TRUST_STALE_CUT_US = 1000000,     /* no worker silent for longer */
};

struct trust_facts {
    int64_t timer_delay_p99_us; /* over the run; 0 when nothing was recorded */
    int64_t worker_busy_us;     /* longest time on end that one worker was above the limit */
    unsigned worker_busy;       /* which worker that was */
    int64_t stale_cut_us;       /* the longest that a worker's cut was overdue */
    uint64_t descriptors_spent; /* failures for want of a descriptor, … */
    uint64_t ports_spent;
    uint64_t memory_spent;
};

enum trust_check {
    TRUST_TIMER_DELAY,
    TRUST_WORKER_CPU,
    TRUST_STALE_CUT,
    TRUST_DESCRIPTORS,
    TRUST_PORTS,
    TRUST_MEMORY,
    TRUST_CHECKS,
};

struct trust_row {
    const char *name; /* stable, as in the JSON report */
    bool ok;
    char text[96]; /* the figure and its limit, for people */
};

struct trust_verdict {
    bool trusted;
    struct trust_row rows[TRUST_CHECKS];
    char why[240]; /* the failed rows' texts joined by "; ", empty when trusted */
};

void trust_judge(const struct trust_facts *facts, struct trust_verdict *out);

/* How long each worker has been above the CPU limit without a pause. Feed it once a second. */
enum { TRUST_WORKERS_MAX = 256 };

struct trust_watch {
    int64_t busy_us[TRUST_WORKERS_MAX]; /* on end, until now */
    int64_t longest_us;
    unsigned longest_worker;
};

/* Worker `worker` used `cpu_us` of CPU in the last `elapsed_us`. Workers at or above
 * TRUST_WORKERS_MAX are ignored. */
void trust_watch_worker(struct trust_watch *watch, unsigned worker, int64_t elapsed_us,
                        int64_t cpu_us);

#endif
