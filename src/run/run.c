#include "run/run.h"

#include "base/clock.h"
#include "loop/loop.h"
#include "run/slots.h"
#include "run/worker.h"
#include "shoal/sampler.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A hang-up, the terminal being closed, ends the run as the others do: its report is as good.
 */
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

enum { SIGNALS = sizeof signals / sizeof signals[0] };

struct run_signal {
    struct loop_signal watcher;
    struct run *run; /* borrowed */
};

struct run {
    struct run_setup setup;
    struct worker_orders orders;
    struct worker **workers; /* owned, setup.workers of them, NULL where not started */
    bool begun;
    _Atomic int state;         /* enum run_state, written by the main thread */
    _Atomic uint32_t stops;    /* calls of run_stop; the main thread acts on them */
    _Atomic uint32_t finished; /* workers whose thread is done */
    _Atomic int64_t start_us;
    struct loop *loop;
    struct loop_wake wake;      /* sent by finished workers and by run_stop */
    struct loop_timer deadline; /* end of the duration, then end of the grace */
    struct run_signal signals[SIGNALS];
    enum run_end end;
};

static void order(struct run *run, enum worker_phase phase)
{
    /* Relaxed: the phase stands alone, and the wake-up brings it over at once. */
    atomic_store_explicit(&run->orders.phase, phase, memory_order_relaxed);
    for (uint32_t i = 0; i < run->setup.workers; i++) {
        worker_wake(run->workers[i]);
    }
}

static void set_state(struct run *run, enum run_state state)
{
    /* Relaxed: views show the state and draw nothing else from it. */
    atomic_store_explicit(&run->state, state, memory_order_relaxed);
}

static void begin_ending(struct run *run)
{
    if (run_state(run) != RUN_STATE_RUNNING) {
        return;
    }
    set_state(run, RUN_STATE_ENDING);
    order(run, WORKER_PHASE_ENDING);
    loop_timer_start(run->loop, &run->deadline, clock_monotonic_us() + run->setup.grace_us);
}

static void on_deadline(struct loop_timer *timer)
{
    struct run *run = list_entry(timer, struct run, deadline);
    if (run_state(run) == RUN_STATE_RUNNING) {
        begin_ending(run);
    } else {
        order(run, WORKER_PHASE_ABORT);
    }
}

static void interrupted(struct run *run)
{
    if (run_state(run) == RUN_STATE_RUNNING) {
        begin_ending(run);
    } else {
        order(run, WORKER_PHASE_ABORT);
    }
    run->end = RUN_END_INTERRUPTED;
}

static void on_signal(struct loop_signal *signal, int number)
{
    (void)number;
    interrupted(list_entry(signal, struct run_signal, watcher)->run);
}

/* Watches the signals from now on. One that was ignored when the process began stays so where
 * that is how a user asks for it: nohup and SIGHUP. */
static void watch_signals(struct run *run)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction action;
        run->signals[i].run = run;
        loop_signal_init(&run->signals[i].watcher, on_signal);
        if (signals[i] != SIGHUP ||
            (sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler != SIG_IGN)) {
            loop_signal_start(run->loop, &run->signals[i].watcher, signals[i]);
        }
    }
}

static void on_wake(struct loop_wake *wake)
{
    struct run *run = list_entry(wake, struct run, wake);
    /* Relaxed: only the number counts; the wake-up orders it after the calls. */
    uint32_t stops = atomic_exchange_explicit(&run->stops, 0, memory_order_relaxed);
    for (; stops > 0; stops--) {
        interrupted(run);
    }
    /* Acquire pairs with the release in on_worker_finished: what the workers did to their lanes
     * happened before the run is over. */
    if (atomic_load_explicit(&run->finished, memory_order_acquire) == run->setup.workers) {
        loop_stop(run->loop);
    }
}

static void on_worker_finished(void *user)
{
    struct run *run = user;
    /* Release: see on_wake. */
    atomic_fetch_add_explicit(&run->finished, 1, memory_order_release);
    loop_wake_send(run->loop, &run->wake);
}

static int start_workers(struct run *run, struct err *err)
{
    const struct run_setup *setup = &run->setup;
    for (uint32_t i = 0; i < setup->workers; i++) {
        const struct worker_setup worker_setup = {
            .number = i,
            .workers = setup->workers,
            .plan = setup->plan,
            .orders = &run->orders,
            .engine = setup->engine,
            .engine_options = setup->engine_options,
            .witness = setup->witness,
            .lane = shoal_sampler_lane(setup->sampler, i),
            .seed = setup->seed,
            .session_mean_us = setup->session_mean_us,
            .viewers_limit = setup->viewers_limit,
            .change_per_second = setup->change_per_second,
            .once = setup->once,
            .on_finished = on_worker_finished,
            .user = run,
        };
        run->workers[i] = worker_start(&worker_setup, err);
        if (run->workers[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

size_t run_bytes_per_viewer(void)
{
    return sizeof(struct slot);
}

struct run *run_new(const struct run_setup *setup, struct err *err)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        err_set(err, ERR_START, "run", NULL, "no memory");
        return NULL;
    }
    run->setup = *setup;
    atomic_init(&run->orders.target, WORKER_TARGET_PLAN);
    run->workers = calloc(setup->workers, sizeof(struct worker *));
    run->loop = loop_new();
    if (run->workers == NULL || run->loop == NULL) {
        err_set(err, ERR_START, "run", NULL, "no memory or descriptor for its loop");
        run_free(run);
        return NULL;
    }
    loop_wake_init(&run->wake, on_wake);
    loop_wake_start(run->loop, &run->wake);
    loop_timer_init(&run->deadline, on_deadline);
    watch_signals(run);
    if (start_workers(run, err) != 0) {
        run_free(run);
        return NULL;
    }
    return run;
}

enum run_end run_play(struct run *run, int64_t start_us)
{
    /* Relaxed: read for the target shown; the workers get the time from worker_begin. */
    atomic_store_explicit(&run->start_us, start_us, memory_order_relaxed);
    if (run->setup.duration_us > 0) {
        loop_timer_start(run->loop, &run->deadline, start_us + run->setup.duration_us);
    }
    set_state(run, RUN_STATE_RUNNING);
    run->begun = true;
    for (uint32_t i = 0; i < run->setup.workers; i++) {
        worker_begin(run->workers[i], start_us);
    }
    loop_run(run->loop);
    loop_timer_stop(run->loop, &run->deadline);
    set_state(run, RUN_STATE_OVER);
    return run->end;
}

void run_free(struct run *run)
{
    if (run == NULL) {
        return;
    }
    /* Relaxed: a worker that was not begun reads it after the lock of worker_begin. */
    atomic_store_explicit(&run->orders.phase, WORKER_PHASE_ABORT, memory_order_relaxed);
    for (uint32_t i = 0; run->workers != NULL && i < run->setup.workers; i++) {
        if (run->workers[i] != NULL && !run->begun) {
            worker_begin(run->workers[i], clock_monotonic_us());
        }
        worker_join(run->workers[i]);
    }
    free(run->workers);
    if (run->loop != NULL) {
        for (int i = 0; i < SIGNALS; i++) {
            loop_signal_stop(run->loop, &run->signals[i].watcher);
        }
        loop_wake_stop(run->loop, &run->wake);
        loop_free(run->loop);
    }
    free(run);
}

enum run_state run_state(const struct run *run)
{
    /* Relaxed: see set_state. */
    return (enum run_state)atomic_load_explicit(&run->state, memory_order_relaxed);
}

uint32_t run_target(const struct run *run)
{
    /* Relaxed: a figure to be shown. */
    int64_t target = atomic_load_explicit(&run->orders.target, memory_order_relaxed);
    enum run_state state = run_state(run);
    if (state != RUN_STATE_RUNNING) {
        return 0;
    }
    if (target != WORKER_TARGET_PLAN) {
        return (uint32_t)target;
    }
    int64_t start_us = atomic_load_explicit(&run->start_us, memory_order_relaxed);
    int64_t at_us = clock_monotonic_us() - start_us;
    return at_us < 0 ? 0 : plan_target_at(run->setup.plan, at_us);
}

void run_set_target(struct run *run, uint32_t viewers)
{
    uint32_t limit = run->setup.viewers_limit;
    /* Relaxed: workers read it on their next tick, and it stands alone. */
    atomic_store_explicit(&run->orders.target, viewers > limit ? limit : viewers,
                          memory_order_relaxed);
}

void run_stop(struct run *run)
{
    /* Relaxed: see on_wake. */
    atomic_fetch_add_explicit(&run->stops, 1, memory_order_relaxed);
    loop_wake_send(run->loop, &run->wake);
}
