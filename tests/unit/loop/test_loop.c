/* The event loop: timers against a plain reckoning, descriptors, tasks, wake-ups from another
 * thread, signals, children. */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    return loop == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

enum { TIMERS = 2000 };

struct many_timer {
    struct loop_timer timer;
    int64_t due_us; /* -1: stopped */
    int fired;
};

static struct many_timer many[TIMERS];
static int64_t last_due_us;

static void on_many(struct loop_timer *timer)
{
    struct many_timer *m = list_entry(timer, struct many_timer, timer);
    m->fired++;
    assert_int_equal(timer->at_us, m->due_us);
    assert_true(clock_monotonic_us() >= m->due_us);
    /* In the order of their times, whatever the order of starting. */
    assert_true(m->due_us >= last_due_us);
    assert_false(loop_timer_is_started(timer));
    last_due_us = m->due_us;
}

static void test_many_timers(void **state)
{
    (void)state;
    struct rng rng = rng_make(1, 1);
    int64_t start_us = clock_monotonic_us();
    last_due_us = 0;
    for (int i = 0; i < TIMERS; i++) {
        loop_timer_init(&many[i].timer, on_many);
        many[i].due_us = start_us + 20000 + (int64_t)rng_below(&rng, 60000);
        loop_timer_start(loop, &many[i].timer, many[i].due_us);
    }
    for (int i = 0; i < TIMERS; i++) {
        switch (rng_below(&rng, 4)) {
        case 0:
            loop_timer_stop(loop, &many[i].timer);
            loop_timer_stop(loop, &many[i].timer);
            many[i].due_us = -1;
            break;
        case 1:
            many[i].due_us = start_us + 20000 + (int64_t)rng_below(&rng, 60000);
            loop_timer_start(loop, &many[i].timer, many[i].due_us);
            break;
        default:
            break;
        }
    }
    loop_run(loop); /* returns when nothing is started any more */
    assert_int_equal(loop_next_timer_us(loop), INT64_MAX);
    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(many[i].fired, many[i].due_us >= 0);
    }
}

struct counted_timer {
    struct loop_timer timer;
    int fired;
    int64_t again_after_us; /* started again in its callback */
    int stop_at;            /* stops the loop when it fired so often */
};

static void on_counted(struct loop_timer *timer)
{
    struct counted_timer *c = list_entry(timer, struct counted_timer, timer);
    c->fired++;
    if (c->fired == c->stop_at) {
        loop_stop(loop);
        return;
    }
    if (c->stop_at > 0) {
        loop_timer_start(loop, timer, loop_now_us(loop) + c->again_after_us);
    }
}

struct ready {
    struct loop_io io;
    int calls;
    unsigned events;
};

static void on_ready(struct loop_io *io, unsigned events)
{
    struct ready *r = list_entry(io, struct ready, io);
    r->calls++;
    r->events = events;
}

/* A timer that keeps setting itself into the past must not starve the descriptors. */
static void test_restless_timer_is_fair(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct ready r = {0};
    loop_io_init(&r.io, on_ready);
    loop_io_start(loop, &r.io, fds[1], LOOP_WRITE);
    struct counted_timer restless = {.again_after_us = -1000, .stop_at = 100};
    loop_timer_init(&restless.timer, on_counted);
    loop_timer_start(loop, &restless.timer, 0);
    loop_run(loop);
    assert_int_equal(restless.fired, 100);
    assert_true(r.calls > 10);
    loop_io_stop(loop, &r.io);
    close(fds[0]);
    close(fds[1]);
}

static int64_t late_sum_us;
static int late_count;

static void on_late(void *user, int64_t late_us)
{
    assert_ptr_equal(user, &late_sum_us);
    assert_true(late_us >= 0);
    late_sum_us += late_us;
    late_count++;
}

static void test_lateness(void **state)
{
    (void)state;
    late_sum_us = 0;
    late_count = 0;
    struct counted_timer a = {0};
    struct counted_timer b = {0};
    loop_timer_init(&a.timer, on_counted);
    loop_timer_init(&b.timer, on_counted);
    loop_observe_timers(loop, on_late, &late_sum_us);
    int64_t now_us = clock_monotonic_us();
    loop_timer_start(loop, &a.timer, now_us - 500000); /* late already */
    loop_timer_start(loop, &b.timer, now_us + 5000);
    loop_run(loop);
    assert_int_equal(late_count, 2);
    assert_in_range(late_sum_us, 500000, 1500000);
}

static void test_run_once_waits(void **state)
{
    (void)state;
    struct counted_timer far = {0};
    loop_timer_init(&far.timer, on_counted);
    loop_timer_start(loop, &far.timer, clock_monotonic_us() + 10000000);
    int64_t start_us = clock_monotonic_us();
    loop_run_once(loop, 0);
    loop_run_once(loop, 30000);
    int64_t took_us = clock_monotonic_us() - start_us;
    assert_in_range(took_us, 30000, 1000000);
    assert_true(loop_now_us(loop) >= start_us + 29000);
    assert_int_equal(far.fired, 0);
    loop_timer_stop(loop, &far.timer);
}

static void test_io(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct ready r = {0};
    loop_io_init(&r.io, on_ready);
    assert_false(loop_io_is_started(&r.io));
    loop_io_start(loop, &r.io, fds[0], LOOP_READ);
    loop_run_once(loop, 1000);
    assert_int_equal(r.calls, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_run_once(loop, 1000000);
    loop_run_once(loop, 1000000);
    assert_int_equal(r.calls, 2); /* level-triggered */
    assert_int_equal(r.events, LOOP_READ);
    loop_io_start(loop, &r.io, fds[1], LOOP_WRITE);
    loop_run_once(loop, 1000000);
    assert_int_equal(r.calls, 3);
    assert_int_equal(r.events, LOOP_WRITE);
    loop_io_stop(loop, &r.io);
    loop_io_stop(loop, &r.io);
    loop_run_once(loop, 1000);
    assert_int_equal(r.calls, 3);
    close(fds[0]);
    close(fds[1]);
}

/* A descriptor number that is closed and given out anew is watched anew. */
static void test_reused_number(void **state)
{
    (void)state;
    struct ready r = {0};
    loop_io_init(&r.io, on_ready);
    for (int i = 1; i <= 10; i++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        loop_io_start(loop, &r.io, fds[0], LOOP_READ);
        assert_int_equal(write(fds[1], "x", 1), 1);
        loop_run_once(loop, 1000000);
        assert_int_equal(r.calls, i);
        loop_io_stop(loop, &r.io);
        close(fds[0]);
        close(fds[1]);
    }
}

struct counted_task {
    struct loop_task task;
    int runs;
};

static void on_run(struct loop_task *task)
{
    list_entry(task, struct counted_task, task)->runs++;
}

static void test_tasks(void **state)
{
    (void)state;
    struct counted_task a = {0};
    struct counted_task b = {0};
    loop_task_init(&a.task, on_run);
    loop_task_init(&b.task, on_run);
    loop_task_post(loop, &a.task);
    loop_task_post(loop, &a.task);
    loop_task_post(loop, &b.task);
    loop_task_cancel(loop, &b.task);
    assert_int_equal(a.runs, 0);
    loop_run_once(loop, 0);
    assert_int_equal(a.runs, 1);
    assert_int_equal(b.runs, 0);
    loop_task_post(loop, &b.task);
    loop_run_once(loop, 0);
    assert_int_equal(b.runs, 1);
}

struct counted_wake {
    struct loop_wake wake;
    int wakes;
    int written_before; /* by the sender */
    int seen;
};

static void on_wake(struct loop_wake *wake)
{
    struct counted_wake *w = list_entry(wake, struct counted_wake, wake);
    w->wakes++;
    w->seen = w->written_before;
    loop_stop(loop);
}

static void *send_wake(void *argument)
{
    struct counted_wake *w = argument;
    w->written_before = 42;
    loop_wake_send(loop, &w->wake);
    return NULL;
}

static void test_wake_from_a_thread(void **state)
{
    (void)state;
    struct counted_wake w = {0};
    loop_wake_init(&w.wake, on_wake);
    loop_wake_start(loop, &w.wake);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_wake, &w), 0);
    loop_run(loop);
    pthread_join(thread, NULL);
    assert_int_equal(w.wakes, 1);
    assert_int_equal(w.seen, 42);
    loop_wake_stop(loop, &w.wake);
}

static int signal_seen;

static void on_signal(struct loop_signal *signal, int number)
{
    (void)signal;
    signal_seen = number;
    loop_stop(loop);
}

static void test_signal(void **state)
{
    (void)state;
    struct loop_signal s;
    loop_signal_init(&s, on_signal);
    loop_signal_start(loop, &s, SIGUSR1);
    kill(getpid(), SIGUSR1);
    loop_run(loop);
    assert_int_equal(signal_seen, SIGUSR1);
    loop_signal_stop(loop, &s);
}

static int child_status;
static int children_over;

static void on_exit_of_child(struct loop_child *child, int status)
{
    assert_int_equal(child->pidfd, -1);
    child_status = status;
    children_over++;
}

static pid_t fork_child(int exit_status)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (exit_status < 0) {
            pause();
        }
        _exit(exit_status);
    }
    assert_true(pid > 0);
    return pid;
}

static void test_children(void **state)
{
    (void)state;
    struct loop_child child;
    loop_child_init(&child, on_exit_of_child);
    children_over = 0;
    assert_int_equal(loop_child_start(loop, &child, fork_child(3)), 0);
    loop_run(loop); /* until the child is reaped: nothing else is started */
    assert_int_equal(children_over, 1);
    assert_true(WIFEXITED(child_status));
    assert_int_equal(WEXITSTATUS(child_status), 3);

    assert_int_equal(loop_child_start(loop, &child, fork_child(-1)), 0);
    assert_int_equal(loop_child_kill(&child, SIGKILL), 0);
    loop_run(loop);
    assert_int_equal(children_over, 2);
    assert_true(WIFSIGNALED(child_status));
    assert_int_equal(WTERMSIG(child_status), SIGKILL);
    assert_int_equal(loop_child_kill(&child, SIGKILL), -1);
    assert_int_equal(errno, ESRCH);

    pid_t left_alone = fork_child(0);
    assert_int_equal(loop_child_start(loop, &child, left_alone), 0);
    loop_child_stop(&child);
    assert_int_equal(waitpid(left_alone, NULL, 0), left_alone);
    assert_int_equal(children_over, 2);
    /* No process has the largest number. */
    assert_int_equal(loop_child_start(loop, &child, INT32_MAX), -1);
}

static void test_stop_before_run(void **state)
{
    (void)state;
    struct counted_timer far = {0};
    loop_timer_init(&far.timer, on_counted);
    loop_timer_start(loop, &far.timer, clock_monotonic_us() + 60000000);
    loop_stop(loop);
    loop_run(loop);
    assert_int_equal(far.fired, 0);
    loop_timer_stop(loop, &far.timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_timers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_restless_timer_is_fair, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lateness, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_run_once_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_io, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reused_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wake_from_a_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_children, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_before_run, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
