/* What a view may ask of the run and the little it must know that is no statistic. App fills
 * the table; every function may be called from any thread, never blocks and does no more than
 * read or write a few atomics and wake a loop. */
#ifndef VIEW_CONTROL_H
#define VIEW_CONTROL_H

#include <stdint.h>

enum run_phase {
    RUN_PHASE_STARTING, /* before time 0 of the plan */
    RUN_PHASE_RUNNING,
    RUN_PHASE_ENDING, /* no new requests; what is in flight finishes */
    RUN_PHASE_OVER,   /* the last cut has been made: totals are final */
};

struct run_control {
    void *arg; /* handed to each function */

    enum run_phase (*phase)(void *arg);

    /* Viewers wanted now: the plan's, or what set_target asked for. */
    uint32_t (*target)(void *arg);

    /* Sets the target from now on in place of the plan's; cut to run_info.viewers_limit.
     * NULL when this run cannot. */
    void (*set_target)(void *arg, uint32_t viewers);

    /* As an interrupt: the first call ends arrivals and lets sessions finish within the grace
     * period, the second stops now. NULL when this run cannot. */
    void (*stop)(void *arg);
};

#endif
