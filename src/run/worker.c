#include "run/worker.h"

#include "base/clock.h"
#include "base/rng.h"
#include "loop/loop.h"
#include "run/slots.h"
#include "shoal/lane.h"
#include "stats/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* As the help text of timers_late says. */
#define TIMER_LATE_US 50000

enum gate { GATE_OPENING, GATE_READY, GATE_FAILED, GATE_BEGUN };

struct worker {
    struct worker_setup setup;
    pthread_t thread;

    /* The gate is passed twice in a worker's life, so a lock does no harm here. */
    pthread_mutex_t gate_lock;
    pthread_cond_t gate_changed;
    enum gate gate;
    int64_t start_us; /* set with GATE_BEGUN */
    struct err err;   /* set with GATE_FAILED */

    /* The rest belongs to the worker's thread; `wake` may be sent from any. */
    struct loop *loop;
    struct loop_wake wake;
    struct loop_timer arrival; /* due at `next` */
    struct loop_timer cut;
    struct slots slots;
    struct plan_cursor cursor;
    struct plan_switch next;
    bool has_next;
    bool by_hand; /* the target was given by hand: the plan is no longer followed */
    bool ending, aborted;
    int64_t cpu_us; /* of this thread, as last counted */
};

static void finish_if_done(struct worker *worker)
{
    bool no_more = worker->ending || (worker->setup.once && !worker->has_next);
    if (no_more && worker->slots.busy == 0) {
        loop_stop(worker->loop);
    }
}

static void schedule_next(struct worker *worker)
{
    worker->has_next = plan_cursor_next(&worker->cursor, &worker->next);
    if (worker->has_next) {
        loop_timer_start(worker->loop, &worker->arrival, worker->start_us + worker->next.at_us);
    }
}

static void on_arrival(struct loop_timer *timer)
{
    struct worker *worker = list_entry(timer, struct worker, arrival);
    int64_t due_us = worker->start_us + worker->next.at_us;
    if (worker->next.on) {
        slots_want(&worker->slots, worker->next.viewer, due_us);
    } else {
        slots_unwant(&worker->slots, worker->next.viewer);
    }
    schedule_next(worker);
    finish_if_done(worker);
}

/* Follows a target given by hand, a little on each tick so that it is no thundering herd. */
static void follow_target(struct worker *worker, int64_t target)
{
    const struct worker_setup *setup = &worker->setup;
    if (!worker->by_hand) {
        worker->by_hand = true;
        loop_timer_stop(worker->loop, &worker->arrival);
        worker->has_next = false;
    }
    uint32_t wanted =
        target < setup->number
            ? 0
            : ((uint32_t)target - setup->number + setup->workers - 1) / setup->workers;
    uint32_t step = setup->change_per_second / (10 * setup->workers) + 1;
    for (uint32_t i = 0; i < step && worker->slots.wanted < wanted; i++) {
        slots_want(&worker->slots, worker->slots.wanted * setup->workers + setup->number,
                   loop_now_us(worker->loop));
    }
    for (uint32_t i = 0; i < step && worker->slots.wanted > wanted; i++) {
        slots_unwant(&worker->slots,
                     (worker->slots.wanted - 1) * setup->workers + setup->number);
    }
}

static void read_orders(struct worker *worker)
{
    const struct worker_orders *orders = worker->setup.orders;
    /* Relaxed: the phase carries no other data with it. */
    int phase = atomic_load_explicit(&orders->phase, memory_order_relaxed);
    if (phase >= WORKER_PHASE_ENDING && !worker->ending) {
        worker->ending = true;
        worker->has_next = false;
        loop_timer_stop(worker->loop, &worker->arrival);
        slots_end(&worker->slots);
    }
    if (phase >= WORKER_PHASE_ABORT && !worker->aborted) {
        worker->aborted = true;
        worker->setup.engine->abort_all(worker->slots.engine);
    }
    if (!worker->ending) {
        /* Relaxed: as above. */
        int64_t target = atomic_load_explicit(&orders->target, memory_order_relaxed);
        if (target != WORKER_TARGET_PLAN) {
            follow_target(worker, target);
        }
    }
    finish_if_done(worker);
}

static void on_wake(struct loop_wake *wake)
{
    read_orders(list_entry(wake, struct worker, wake));
}

static void count_cpu(struct worker *worker)
{
    int64_t cpu_us = clock_thread_cpu_us();
    metrics_add_at(worker->setup.lane, METRIC_WORKER_CPU,
                   worker->setup.number % METRIC_WORKERS_MAX,
                   (uint64_t)(cpu_us - worker->cpu_us));
    worker->cpu_us = cpu_us;
}

static void on_cut(struct loop_timer *timer)
{
    struct worker *worker = list_entry(timer, struct worker, cut);
    struct shoal_lane *lane = worker->setup.lane;
    int64_t now_us = loop_now_us(worker->loop);
    worker->setup.engine->account(worker->slots.engine, now_us);
    count_cpu(worker);
    metrics_set_target(lane, worker->ending ? 0 : worker->slots.wanted);
    shoal_lane_cut(lane, now_us);
    loop_timer_start(worker->loop, &worker->cut, lane->next_cut_us);
    read_orders(worker);
}

static void on_timer_late(void *user, int64_t late_us)
{
    struct worker *worker = user;
    struct shoal_lane *lane = worker->setup.lane;
    metrics_add(lane, METRIC_TIMERS_FIRED, 1);
    if (late_us > TIMER_LATE_US) {
        metrics_add(lane, METRIC_TIMERS_LATE, 1);
    }
    metrics_record(lane, METRIC_TIMER_DELAY, late_us);
}

static void on_slots_idle(struct slots *slots)
{
    finish_if_done(list_entry(slots, struct worker, slots));
}

static int open_worker(struct worker *worker, struct err *err)
{
    const struct worker_setup *setup = &worker->setup;
    worker->loop = loop_new();
    if (worker->loop == NULL) {
        return err_set(err, ERR_START, "event loop", NULL, "%s", strerror(errno));
    }
    loop_wake_init(&worker->wake, on_wake);
    loop_wake_start(worker->loop, &worker->wake);
    loop_timer_init(&worker->arrival, on_arrival);
    loop_timer_init(&worker->cut, on_cut);
    const struct slots_setup slots_setup = {
        .loop = worker->loop,
        .engine = setup->engine,
        .number = setup->number,
        .workers = setup->workers,
        .viewers_limit = setup->viewers_limit,
        .seed = setup->seed,
        .session_mean_us = setup->session_mean_us,
        .once = setup->once,
        .on_idle = on_slots_idle,
    };
    if (slots_init(&worker->slots, &slots_setup, err) != 0) {
        return -1;
    }
    const struct engine_setup engine_setup = {
        .loop = worker->loop,
        .lane = setup->lane,
        .listener = &worker->slots.listener,
        .witness = setup->witness,
        .options = setup->engine_options,
        .worker = setup->number,
        .workers = setup->workers,
        .viewers_limit = setup->viewers_limit,
        .seed = setup->seed,
    };
    worker->slots.engine = setup->engine->open(&engine_setup, err);
    if (worker->slots.engine == NULL) {
        return -1;
    }
    plan_cursor_init(&worker->cursor, setup->plan, setup->number, setup->workers);
    shoal_lane_open(setup->lane, clock_monotonic_us());
    return 0;
}

static void close_worker(struct worker *worker)
{
    if (worker->loop == NULL) {
        return;
    }
    loop_timer_stop(worker->loop, &worker->arrival);
    loop_timer_stop(worker->loop, &worker->cut);
    slots_stop(&worker->slots);
    if (worker->slots.engine != NULL) {
        worker->setup.engine->account(worker->slots.engine, clock_monotonic_us());
        worker->setup.engine->close(worker->slots.engine);
        count_cpu(worker);
        metrics_set_target(worker->setup.lane, 0);
        shoal_lane_close(worker->setup.lane, clock_monotonic_us());
    }
    slots_fini(&worker->slots);
}

static void pass_gate(struct worker *worker, enum gate gate)
{
    pthread_mutex_lock(&worker->gate_lock);
    worker->gate = gate;
    pthread_cond_broadcast(&worker->gate_changed);
    pthread_mutex_unlock(&worker->gate_lock);
}

static enum gate wait_gate(struct worker *worker, enum gate while_gate)
{
    pthread_mutex_lock(&worker->gate_lock);
    while (worker->gate == while_gate) {
        pthread_cond_wait(&worker->gate_changed, &worker->gate_lock);
    }
    enum gate gate = worker->gate;
    pthread_mutex_unlock(&worker->gate_lock);
    return gate;
}

static void *run_worker(void *user)
{
    struct worker *worker = user;
    if (open_worker(worker, &worker->err) != 0) {
        close_worker(worker);
        pass_gate(worker, GATE_FAILED);
        return NULL;
    }
    pass_gate(worker, GATE_READY);
    wait_gate(worker, GATE_READY);
    loop_update_now(worker->loop);
    loop_observe_timers(worker->loop, on_timer_late, worker);
    schedule_next(worker);
    loop_timer_start(worker->loop, &worker->cut, worker->setup.lane->next_cut_us);
    read_orders(worker);
    loop_run(worker->loop);
    close_worker(worker);
    worker->setup.on_finished(worker->setup.user);
    return NULL;
}

static int create_thread(struct worker *worker)
{
    /* Signals are the main thread's business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, run_worker, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void free_worker(struct worker *worker)
{
    /* Not before the thread is joined: until then others may wake it. */
    if (worker->loop != NULL) {
        loop_wake_stop(worker->loop, &worker->wake);
        loop_free(worker->loop);
    }
    pthread_cond_destroy(&worker->gate_changed);
    pthread_mutex_destroy(&worker->gate_lock);
    free(worker);
}

struct worker *worker_start(const struct worker_setup *setup, struct err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        err_set(err, ERR_START, "worker", NULL, "no memory");
        return NULL;
    }
    worker->setup = *setup;
    pthread_mutex_init(&worker->gate_lock, NULL);
    pthread_cond_init(&worker->gate_changed, NULL);
    int error = create_thread(worker);
    if (error != 0) {
        err_set(err, ERR_START, "worker", "use fewer --threads", "no thread: %s",
                strerror(error));
        free_worker(worker);
        return NULL;
    }
    if (wait_gate(worker, GATE_OPENING) == GATE_FAILED) {
        pthread_join(worker->thread, NULL);
        *err = worker->err;
        free_worker(worker);
        return NULL;
    }
    return worker;
}

void worker_begin(struct worker *worker, int64_t start_us)
{
    worker->start_us = start_us;
    pass_gate(worker, GATE_BEGUN);
}

void worker_wake(struct worker *worker)
{
    loop_wake_send(worker->loop, &worker->wake);
}

void worker_join(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    pthread_join(worker->thread, NULL);
    free_worker(worker);
}
