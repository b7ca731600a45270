#include "loop/loop.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Timers are kept here and not in libev: as integers they fire exactly in order, they cost 24
 * bytes instead of 64, and their lateness is measured on the clock they were set by. libev is
 * told the earliest one, so that it wakes for it. */
struct loop {
    struct ev_loop *ev; /* owned */
    int64_t now_us;
    bool stop_wanted;
    ev_prepare prepare; /* before each wait: arms `alarm` */
    ev_check check;     /* first after each wait: reads the clock, fires what is due */
    ev_timer alarm;     /* ends the wait when the earliest timer is due */
    int64_t alarm_us;   /* what `alarm` is set to while it is active */

    struct loop_timer **heap; /* owned; 4-ary, earliest first, places count from 1 */
    uint32_t heap_len;
    uint32_t heap_capacity;

    loop_on_timer_late on_late;
    void *on_late_user; /* borrowed */
};

enum {
    HEAP_ARITY = 4,
    HEAP_FIRST_CAPACITY = 64,
};

static void heap_put(struct loop *loop, uint32_t place, struct loop_timer *timer)
{
    loop->heap[place - 1] = timer;
    timer->place = place;
}

static void heap_sift_up(struct loop *loop, struct loop_timer *timer, uint32_t place)
{
    while (place > 1) {
        uint32_t parent = (place - 2) / HEAP_ARITY + 1;
        struct loop_timer *above = loop->heap[parent - 1];
        if (above->at_us <= timer->at_us) {
            break;
        }
        heap_put(loop, place, above);
        place = parent;
    }
    heap_put(loop, place, timer);
}

static void heap_sift_down(struct loop *loop, struct loop_timer *timer, uint32_t place)
{
    for (;;) {
        uint64_t first = (uint64_t)(place - 1) * HEAP_ARITY + 2;
        if (first > loop->heap_len) {
            break;
        }
        uint32_t least = (uint32_t)first;
        for (uint32_t i = least + 1; i <= loop->heap_len && i < first + HEAP_ARITY; i++) {
            if (loop->heap[i - 1]->at_us < loop->heap[least - 1]->at_us) {
                least = i;
            }
        }
        struct loop_timer *below = loop->heap[least - 1];
        if (timer->at_us <= below->at_us) {
            break;
        }
        heap_put(loop, place, below);
        place = least;
    }
    heap_put(loop, place, timer);
}

static void heap_append(struct loop *loop, struct loop_timer *timer)
{
    if (loop->heap_len == loop->heap_capacity) {
        uint32_t capacity =
            loop->heap_capacity == 0 ? HEAP_FIRST_CAPACITY : loop->heap_capacity * 2;
        void *grown = realloc(loop->heap, capacity * sizeof(struct loop_timer *));
        /* A loop that loses a timer would hang its user for ever; there is no way on. */
        assert(grown != NULL);
        loop->heap = grown;
        loop->heap_capacity = capacity;
    }
    if (loop->heap_len == 0) {
        ev_ref(loop->ev); /* a started timer keeps the loop running */
    }
    loop->heap_len++;
    heap_sift_up(loop, timer, loop->heap_len);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
    uint32_t place = timer->place;
    struct loop_timer *last = loop->heap[loop->heap_len - 1];
    loop->heap_len--;
    timer->place = 0;
    if (loop->heap_len == 0) {
        ev_unref(loop->ev);
    }
    if (last == timer) {
        return;
    }
    uint32_t parent = place > 1 ? (place - 2) / HEAP_ARITY + 1 : 0;
    if (parent != 0 && loop->heap[parent - 1]->at_us > last->at_us) {
        heap_sift_up(loop, last, place);
    } else {
        heap_sift_down(loop, last, place);
    }
}

static void alarm_stop(struct loop *loop)
{
    if (ev_is_active(&loop->alarm)) {
        ev_ref(loop->ev);
        ev_timer_stop(loop->ev, &loop->alarm);
    }
}

static void alarm_start(struct loop *loop, int64_t at_us)
{
    /* A libev timer counts from the time of libev's last wait, which it does not tell; a timer
     * of delay 0 shows it. Both clocks are CLOCK_MONOTONIC. */
    ev_timer_set(&loop->alarm, 0, 0);
    ev_timer_start(loop->ev, &loop->alarm);
    double libev_now_s = loop->alarm.at;
    ev_timer_stop(loop->ev, &loop->alarm);
    double delay_s = (double)at_us * 1e-6 - libev_now_s;
    ev_timer_set(&loop->alarm, delay_s > 0 ? delay_s : 0, 0);
    ev_timer_start(loop->ev, &loop->alarm);
    ev_unref(loop->ev);
    loop->alarm_us = at_us;
}

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int revents)
{
    (void)prepare;
    (void)revents;
    struct loop *loop = ev_userdata(ev);
    int64_t at_us = loop_next_timer_us(loop);
    if (ev_is_active(&loop->alarm)) {
        if (loop->alarm_us == at_us) {
            return;
        }
        alarm_stop(loop);
    }
    if (at_us != INT64_MAX) {
        alarm_start(loop, at_us);
    }
}

static void on_alarm(struct ev_loop *ev, ev_timer *alarm, int revents)
{
    (void)alarm;
    (void)revents;
    ev_ref(ev); /* it stopped by itself and so was unreferenced a second time */
}

static void fire_due_timers(struct loop *loop)
{
    /* What is due at this moment, and no more: a timer that keeps setting itself into the past
     * must not starve the descriptors. */
    int64_t due_us = loop->now_us;
    for (uint32_t n = loop->heap_len; n > 0 && loop->heap_len > 0 && !loop->stop_wanted; n--) {
        struct loop_timer *timer = loop->heap[0];
        if (timer->at_us > due_us) {
            return;
        }
        heap_remove(loop, timer);
        int64_t now_us = loop_update_now(loop);
        if (loop->on_late != NULL) {
            loop->on_late(loop->on_late_user, now_us - timer->at_us);
        }
        timer->on_due(timer);
    }
}

static void on_check(struct ev_loop *ev, ev_check *check, int revents)
{
    (void)check;
    (void)revents;
    struct loop *loop = ev_userdata(ev);
    loop_update_now(loop);
    fire_due_timers(loop);
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        return NULL;
    }
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (loop->ev == NULL) {
        free(loop);
        return NULL;
    }
    ev_set_userdata(loop->ev, loop);
    ev_prepare_init(&loop->prepare, on_prepare);
    ev_check_init(&loop->check, on_check);
    ev_set_priority(&loop->check, EV_MAXPRI);
    ev_timer_init(&loop->alarm, on_alarm, 0, 0);
    ev_prepare_start(loop->ev, &loop->prepare);
    ev_unref(loop->ev);
    ev_check_start(loop->ev, &loop->check);
    ev_unref(loop->ev);
    loop_update_now(loop);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    alarm_stop(loop);
    ev_ref(loop->ev);
    ev_prepare_stop(loop->ev, &loop->prepare);
    ev_ref(loop->ev);
    ev_check_stop(loop->ev, &loop->check);
    ev_loop_destroy(loop->ev);
    free(loop->heap);
    free(loop);
}

void loop_run(struct loop *loop)
{
    if (!loop->stop_wanted) {
        ev_run(loop->ev, 0);
    }
    loop->stop_wanted = false;
}

static void on_wait_over(struct ev_loop *ev, ev_timer *timer, int revents)
{
    (void)ev;
    (void)timer;
    (void)revents;
}

void loop_run_once(struct loop *loop, int64_t max_wait_us)
{
    if (max_wait_us <= 0) {
        ev_run(loop->ev, EVRUN_NOWAIT);
    } else {
        ev_now_update(loop->ev);
        ev_timer limit;
        ev_timer_init(&limit, on_wait_over, (double)max_wait_us * 1e-6, 0);
        ev_timer_start(loop->ev, &limit);
        ev_run(loop->ev, EVRUN_ONCE);
        ev_timer_stop(loop->ev, &limit);
    }
    loop->stop_wanted = false;
}

void loop_stop(struct loop *loop)
{
    loop->stop_wanted = true;
    ev_break(loop->ev, EVBREAK_ALL);
}

int64_t loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

int64_t loop_update_now(struct loop *loop)
{
    loop->now_us = clock_monotonic_us();
    return loop->now_us;
}

void loop_observe_timers(struct loop *loop, loop_on_timer_late on_late, void *user)
{
    loop->on_late = on_late;
    loop->on_late_user = user;
}

static void on_io(struct ev_loop *ev, ev_io *watcher, int revents)
{
    (void)ev;
    struct loop_io *io = list_entry(watcher, struct loop_io, ev);
    /* EV_ERROR means that the descriptor is not usable: the owner finds out by using it. */
    unsigned events = (unsigned)revents & (LOOP_READ | LOOP_WRITE);
    io->on_ready(io, events != 0 ? events : LOOP_READ | LOOP_WRITE);
}

void loop_io_init(struct loop_io *io, void (*on_ready)(struct loop_io *io, unsigned events))
{
    ev_io_init(&io->ev, on_io, -1, 0);
    io->on_ready = on_ready;
}

void loop_io_start(struct loop *loop, struct loop_io *io, int fd, unsigned events)
{
    bool same_descriptor = ev_is_active(&io->ev) && io->ev.fd == fd;
    if (same_descriptor && ((unsigned)io->ev.events & (LOOP_READ | LOOP_WRITE)) == events) {
        return;
    }
    ev_io_stop(loop->ev, &io->ev);
    if (same_descriptor) {
        /* Without the mark of a new descriptor libev makes one call of this, not two. */
        ev_io_modify(&io->ev, (int)events);
    } else {
        ev_io_set(&io->ev, fd, (int)events);
    }
    ev_io_start(loop->ev, &io->ev);
}

void loop_io_stop(struct loop *loop, struct loop_io *io)
{
    ev_io_stop(loop->ev, &io->ev);
}

void loop_timer_init(struct loop_timer *timer, void (*on_due)(struct loop_timer *timer))
{
    timer->at_us = 0;
    timer->on_due = on_due;
    timer->place = 0;
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t at_us)
{
    if (timer->place == 0) {
        timer->at_us = at_us;
        heap_append(loop, timer);
        return;
    }
    bool earlier = at_us < timer->at_us;
    timer->at_us = at_us;
    if (earlier) {
        heap_sift_up(loop, timer, timer->place);
    } else {
        heap_sift_down(loop, timer, timer->place);
    }
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->place != 0) {
        heap_remove(loop, timer);
    }
}

int64_t loop_next_timer_us(const struct loop *loop)
{
    return loop->heap_len > 0 ? loop->heap[0]->at_us : INT64_MAX;
}

static void on_task(struct ev_loop *ev, ev_prepare *watcher, int revents)
{
    (void)ev;
    (void)revents;
    struct loop_task *task = list_entry(watcher, struct loop_task, ev);
    task->on_run(task);
}

void loop_task_init(struct loop_task *task, void (*on_run)(struct loop_task *task))
{
    ev_prepare_init(&task->ev, on_task);
    task->on_run = on_run;
}

void loop_task_post(struct loop *loop, struct loop_task *task)
{
    /* The watcher is never started: a fed event is all that is needed of it. */
    ev_feed_event(loop->ev, &task->ev, EV_CUSTOM);
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
    ev_clear_pending(loop->ev, &task->ev);
}

static void on_async(struct ev_loop *ev, ev_async *watcher, int revents)
{
    (void)ev;
    (void)revents;
    struct loop_wake *wake = list_entry(watcher, struct loop_wake, ev);
    wake->on_wake(wake);
}

void loop_wake_init(struct loop_wake *wake, void (*on_wake)(struct loop_wake *wake))
{
    ev_async_init(&wake->ev, on_async);
    wake->on_wake = on_wake;
}

void loop_wake_start(struct loop *loop, struct loop_wake *wake)
{
    ev_async_start(loop->ev, &wake->ev);
}

void loop_wake_stop(struct loop *loop, struct loop_wake *wake)
{
    ev_async_stop(loop->ev, &wake->ev);
}

void loop_wake_send(struct loop *loop, struct loop_wake *wake)
{
    ev_async_send(loop->ev, &wake->ev);
}

static void on_ev_signal(struct ev_loop *ev, ev_signal *watcher, int revents)
{
    (void)ev;
    (void)revents;
    struct loop_signal *signal = list_entry(watcher, struct loop_signal, ev);
    signal->on_signal(signal, watcher->signum);
}

void loop_signal_init(struct loop_signal *signal,
                      void (*on_signal)(struct loop_signal *signal, int number))
{
    ev_signal_init(&signal->ev, on_ev_signal, 0);
    signal->on_signal = on_signal;
}

void loop_signal_start(struct loop *loop, struct loop_signal *signal, int number)
{
    ev_signal_stop(loop->ev, &signal->ev);
    ev_signal_set(&signal->ev, number);
    ev_signal_start(loop->ev, &signal->ev);
}

void loop_signal_stop(struct loop *loop, struct loop_signal *signal)
{
    ev_signal_stop(loop->ev, &signal->ev);
}

/* glibc before 2.36 has no names for these three calls. */
static int pidfd_open_call(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int pidfd_kill_call(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static int child_wait_status(const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_EXITED:
        return (info->si_status & 0xff) << 8;
    case CLD_DUMPED:
        return (info->si_status & 0x7f) | 0x80;
    default:
        return info->si_status & 0x7f;
    }
}

static void on_pidfd(struct loop_io *io, unsigned events)
{
    (void)events;
    struct loop_child *child = list_entry(io, struct loop_child, io);
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0) {
        return;
    }
    loop_child_stop(child);
    child->on_exit(child, child_wait_status(&info));
}

void loop_child_init(struct loop_child *child,
                     void (*on_exit)(struct loop_child *child, int status))
{
    loop_io_init(&child->io, on_pidfd);
    child->loop = NULL;
    child->pidfd = -1;
    child->pid = 0;
    child->on_exit = on_exit;
}

int loop_child_start(struct loop *loop, struct loop_child *child, pid_t pid)
{
    assert(child->pidfd == -1);
    int pidfd = pidfd_open_call(pid);
    if (pidfd < 0) {
        return -1;
    }
    child->loop = loop;
    child->pidfd = pidfd;
    child->pid = pid;
    loop_io_start(loop, &child->io, pidfd, LOOP_READ);
    return 0;
}

void loop_child_stop(struct loop_child *child)
{
    if (child->pidfd < 0) {
        return;
    }
    loop_io_stop(child->loop, &child->io);
    close(child->pidfd);
    child->pidfd = -1;
    child->loop = NULL;
}

int loop_child_kill(struct loop_child *child, int number)
{
    if (child->pidfd < 0) {
        errno = ESRCH;
        return -1;
    }
    return pidfd_kill_call(child->pidfd, number);
}
