/* The event loop of one thread: descriptors, one-shot timers, tasks, wake-ups from other
 * threads, signals, child processes. A thin wrapper of libev that adds one cached clock in
 * microseconds and one rule: a callback is one event, and nothing runs inside it.
 *
 * Watchers are structs that the user embeds in its own; a callback is given the watcher and
 * finds the rest with list_entry(watcher, struct mine, member). A watcher is set up once with
 * its init call, may be started and stopped any number of times, and must be stopped before its
 * memory goes away; stopping one that is not started is a no-op. Stopping is allowed anywhere,
 * also in its own callback; afterwards it does not call back, not even for what has already
 * happened.
 *
 * One loop belongs to one thread, and all calls are made there, except loop_wake_send. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/list.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;

/* Makes a loop on epoll. Returns NULL when the kernel gives no descriptor for it. */
struct loop *loop_new(void);

/* Frees the loop; every watcher must be stopped. NULL is a no-op. */
void loop_free(struct loop *loop);

/* Handles events until loop_stop, or until nothing is started any more. */
void loop_run(struct loop *loop);

/* Waits at most max_wait_us for events, handles what is there, and returns. */
void loop_run_once(struct loop *loop, int64_t max_wait_us);

/* Makes loop_run return after the current callback; before loop_run it makes the next one
 * return at once. From another thread use a loop_wake whose callback stops the loop. */
void loop_stop(struct loop *loop);

/* CLOCK_MONOTONIC in microseconds as read when the loop last woke or a timer last fired; the
 * time that timers count by. Costs a load. Measurements read clock_monotonic_us(). */
int64_t loop_now_us(const struct loop *loop);

/* Reads the clock now, so that the cached time is right after long work. Returns it. */
int64_t loop_update_now(struct loop *loop);

/* Called after each timer has become due and before its callback, with how late it fires. One
 * observer a loop; NULL takes it away. The generator's own honesty hangs on this figure. */
typedef void (*loop_on_timer_late)(void *user, int64_t late_us);
void loop_observe_timers(struct loop *loop, loop_on_timer_late on_late, void *user);

/* Readiness of a descriptor, level-triggered: reported again until it is used up. */

enum {
    LOOP_READ = EV_READ,
    LOOP_WRITE = EV_WRITE,
};

struct loop_io {
    ev_io ev;
    void (*on_ready)(struct loop_io *io, unsigned events); /* LOOP_READ | LOOP_WRITE */
};

void loop_io_init(struct loop_io *io, void (*on_ready)(struct loop_io *io, unsigned events));

/* Watches fd for `events`, which may be changed by starting again: that costs no system call
 * when nothing differs. The io must be stopped before fd is closed. */
void loop_io_start(struct loop *loop, struct loop_io *io, int fd, unsigned events);
void loop_io_stop(struct loop *loop, struct loop_io *io);

static inline bool loop_io_is_started(const struct loop_io *io)
{
    return ev_is_active(&io->ev);
}

/* A timer that fires once. */

struct loop_timer {
    int64_t at_us; /* when it is due; valid while started and in its callback */
    void (*on_due)(struct loop_timer *timer);
    uint32_t place; /* in the loop's heap, from 1; 0 while not started */
};

_Static_assert(sizeof(struct loop_timer) <= 24, "several exist per viewer");

void loop_timer_init(struct loop_timer *timer, void (*on_due)(struct loop_timer *timer));

/* Fires at `at_us` on the loop's clock, as soon as possible when that is past, but never inside
 * this call. Starting a started timer moves it. Timers due in one wake-up fire in the order of
 * their times. A timer fires up to 1 ms late on an idle machine, never early. Costs O(log n) of
 * the timers started, no system call, and no memory once as many have been started before. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t at_us);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* The time of the earliest timer, or INT64_MAX when none is started. */
int64_t loop_next_timer_us(const struct loop *loop);

static inline bool loop_timer_is_started(const struct loop_timer *timer)
{
    return timer->place != 0;
}

/* Work to be done when the current event is over and before the loop waits again: for a
 * callback that must not be made from inside the call that causes it. */

struct loop_task {
    ev_prepare ev;
    void (*on_run)(struct loop_task *task);
};

void loop_task_init(struct loop_task *task, void (*on_run)(struct loop_task *task));

/* Runs the task once; posting a posted task changes nothing. */
void loop_task_post(struct loop *loop, struct loop_task *task);
void loop_task_cancel(struct loop *loop, struct loop_task *task);

/* A wake-up from any thread or signal handler. Several sent before the loop gets to it are one.
 */

struct loop_wake {
    ev_async ev;
    void (*on_wake)(struct loop_wake *wake);
};

void loop_wake_init(struct loop_wake *wake, void (*on_wake)(struct loop_wake *wake));
void loop_wake_start(struct loop *loop, struct loop_wake *wake);
void loop_wake_stop(struct loop *loop, struct loop_wake *wake);

/* Any thread, while the wake is started. What the sender wrote before is seen in on_wake. */
void loop_wake_send(struct loop *loop, struct loop_wake *wake);

/* A signal of the process. A signal may be watched by one loop only. */

struct loop_signal {
    ev_signal ev;
    void (*on_signal)(struct loop_signal *signal, int number);
};

void loop_signal_init(struct loop_signal *signal,
                      void (*on_signal)(struct loop_signal *signal, int number));
void loop_signal_start(struct loop *loop, struct loop_signal *signal, int number);
void loop_signal_stop(struct loop *loop, struct loop_signal *signal);

/* The end of a child process, by pidfd: no SIGCHLD is needed, and a number that the kernel has
 * given to another process is never touched. */

struct loop_child {
    struct loop_io io;
    struct loop *loop; /* borrowed while started */
    int pidfd;         /* owned; -1 unless started */
    pid_t pid;
    /* The child is reaped and the watcher stopped. `status` as of waitpid(2). */
    void (*on_exit)(struct loop_child *child, int status);
};

void loop_child_init(struct loop_child *child,
                     void (*on_exit)(struct loop_child *child, int status));

/* Watches a child of this process that has not been reaped. Returns 0, or -1 with errno set
 * when there is no such child or no descriptor. */
int loop_child_start(struct loop *loop, struct loop_child *child, pid_t pid);

/* Stops watching; the child lives on and is the caller's to reap. */
void loop_child_stop(struct loop_child *child);

/* Sends a signal to a watched child. Returns 0, or -1 with errno set. */
int loop_child_kill(struct loop_child *child, int number);

#endif
