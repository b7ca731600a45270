/* An engine plays viewers: the native one with our own player over our own transport, the
 * FFmpeg one with real processes. The client manager (run/) decides who plays when and knows
 * engines only through this table.
 *
 * A worker thread opens one engine of the chosen type on its loop; every call below is made on
 * that thread, between two events. The engine counts into the worker's lane. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/err.h"
#include "base/fail.h"
#include "base/span.h"
#include "stats/metrics.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct shoal_lane;
struct sockaddr;
struct engine;

/* How a session ended. */
enum engine_outcome {
    ENGINE_SESSION_ENDED,  /* played to its end, or its viewing time was over */
    ENGINE_SESSION_FAILED, /* retries exhausted, nothing left to play */
};

/* What an engine tells its worker. Called from the engine's own events, never from inside
 * viewer_start. */
struct engine_listener {
    /* The session in slot `viewer` is over and its resources are back; a new one may be started
     * there, also from inside this call. */
    void (*on_session_over)(struct engine_listener *listener, uint32_t viewer,
                            enum engine_outcome outcome);
};

/* One failure in full, for those that are kept to be followed up. Everything in it is borrowed
 * for the call. */
struct engine_failure {
    int64_t at_us;
    uint32_t viewer;
    enum fail fail;
    int status;                     /* 0: no response */
    int64_t age_s;                  /* of the Age header, -1 without */
    struct span url;                /* asked for last */
    struct span cache;              /* X-Cache or CF-Cache-Status, empty without */
    const struct sockaddr *address; /* of the server, NULL when it is not known */
};

/* Who keeps failures. Every failure is counted in the statistics whether it is kept or not.
 * Both are called on the worker's thread and must not block. */
struct engine_witness {
    /* Whether one would be kept now, so that it need not be put together in vain. */
    bool (*wants)(struct engine_witness *witness, uint32_t worker, int64_t now_us);
    void (*take)(struct engine_witness *witness, uint32_t worker,
                 const struct engine_failure *failure);
};

/* What a worker gives its engine; everything is borrowed until engine close. */
struct engine_setup {
    struct loop *loop;
    struct shoal_lane *lane;
    struct engine_listener *listener;
    struct engine_witness *witness; /* NULL: nobody keeps failures */
    const void *options;    /* the type's own options struct, the same for all workers */
    uint32_t worker;        /* this worker's number, 0 … workers-1 */
    uint32_t workers;       /* how many there are; viewer i belongs to worker i mod workers */
    uint32_t viewers_limit; /* viewer ids stay below this; pools are sized by it */
    uint64_t seed;
};

struct engine_type {
    const char *name; /* as in --engine */

    /* What it has no way to count. The run's schema marks it absent: no view shows a 0 that
     * means nothing, and a threshold on it is refused. NULL: it counts everything. */
    const struct metrics_absent *absent;

    /* Makes an engine. Returns NULL and fills *err when the machine or the options do not allow
     * it. */
    struct engine *(*open)(const struct engine_setup *setup, struct err *err);

    /* Frees it; sessions still playing are dropped, their requests counted as aborted. */
    void (*close)(struct engine *engine);

    /* Starts session number `session` (0, 1, …) of slot `viewer`, which must be idle. Latencies
     * count from `intended_us`, which may lie in the past when the worker is late.
     * `length_us` is how long this viewer watches at most, 0 for no bound. Returns 0, or -1
     * when nothing could be started (counted as a failed session; try again later). */
    int (*viewer_start)(struct engine *engine, uint32_t viewer, uint64_t session,
                        int64_t intended_us, int64_t length_us);

    /* The viewer leaves: no new request starts; fetches in flight may finish. on_session_over
     * follows when they have. */
    void (*viewer_leave)(struct engine *engine, uint32_t viewer);

    /* Cuts short what viewer_leave left in flight; on_session_over follows at once for each. */
    void (*abort_all)(struct engine *engine);

    /* Brings time-like counters (watched, stalled, media time) up to now_us. The worker calls
     * it before each cut. */
    void (*account)(struct engine *engine, int64_t now_us);
};

/* All engines of this build, ended by NULL. */
extern const struct engine_type *const engine_types[];

#endif
