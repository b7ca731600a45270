#include "view/tui/terminal_guard.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGQUIT};
enum { FATAL = sizeof(fatal) / sizeof(fatal[0]) };

/* Written while disarmed, read by the handler while armed. */
static struct {
    int fd;
    struct termios saved;
    char text[256];
    size_t len;
    struct sigaction before[FATAL];
} guard;

static atomic_bool armed;

/* At most once per arming, by whoever comes first. */
static void restore(void)
{
    /* Acquire pairs with the release in terminal_guard_arm: the guard's fields before the flag.
     */
    if (!atomic_exchange_explicit(&armed, false, memory_order_acquire)) {
        return;
    }
    tcsetattr(guard.fd, TCSANOW, &guard.saved);
    ssize_t written = write(guard.fd, guard.text, guard.len);
    (void)written; /* nothing is left to try */
}

static void on_fatal(int number)
{
    restore();
    for (int i = 0; i < FATAL; i++) {
        if (fatal[i] == number) {
            sigaction(number, &guard.before[i], NULL);
        }
    }
    raise(number); /* blocked here; kills once this handler returns */
}

void terminal_guard_arm(int fd, const struct termios *saved, const char *text, size_t len)
{
    static bool at_exit;
    guard.fd = fd;
    guard.saved = *saved;
    guard.len = len < sizeof(guard.text) ? len : sizeof(guard.text);
    memcpy(guard.text, text, guard.len);
    if (!at_exit) {
        at_exit = atexit(restore) == 0;
    }
    struct sigaction action = {.sa_handler = on_fatal};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < FATAL; i++) {
        sigaction(fatal[i], &action, &guard.before[i]);
    }
    atomic_store_explicit(&armed, true, memory_order_release);
}

void terminal_guard_disarm(void)
{
    if (atomic_exchange_explicit(&armed, false, memory_order_acquire)) {
        for (int i = 0; i < FATAL; i++) {
            sigaction(fatal[i], &guard.before[i], NULL);
        }
    }
}
