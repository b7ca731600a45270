#include "view/origin_watch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "view/origin_ask.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVERY_MS = 2000,
    PATIENCE_US = 1500000, /* for a whole answer */
    ANSWER_MAX = 8 << 20,
};

const char *const origin_figure_names[ORIGIN_FIGURES] = {
    [ORIGIN_CPU] = "cpu",
    [ORIGIN_BYTES] = "bytes_per_s",
    [ORIGIN_REQUESTS] = "requests_per_s",
    [ORIGIN_CONNECTIONS] = "connections",
};

struct exporter {
    struct origin_watch *watch; /* whose it is */
    pthread_t thread;
    bool runs; /* the thread was made */
    char *url; /* owned */
    struct origin_address address;
    struct origin_totals last;     /* the thread's */
    int64_t last_us;               /* 0: none yet */
    struct origin_figures figures; /* under the lock */
};

struct origin_watch {
    int stop_fd;           /* owned */
    pthread_mutex_t *lock; /* owned; apart, so that readers of a const watch may take it */
    unsigned count;
    struct exporter exporters[ORIGIN_SOURCES_MAX];
};

static void forget(double value[ORIGIN_FIGURES])
{
    for (int i = 0; i < ORIGIN_FIGURES; i++) {
        value[i] = (double)NAN;
    }
}

static double rate(double now, double before, int64_t elapsed_us)
{
    return elapsed_us > 0 && now >= before ? (now - before) * 1e6 / (double)elapsed_us
                                           : (double)NAN;
}

/* Takes an answer in. A first one has no rates yet. Returns why it is of no use, or NULL. */
static const char *take(struct exporter *exporter, struct span body,
                        struct origin_figures *fresh)
{
    struct origin_totals now;
    const struct origin_totals *last = &exporter->last;
    int64_t now_us = clock_monotonic_us();
    origin_text_read(body, &now);
    if (now.down) {
        return "it says that its server is down";
    }
    if (isnan(now.cpu_s) && isnan(now.sent_bytes) && isnan(now.requests) &&
        isnan(now.connections)) {
        return "no figure in it that is known";
    }
    fresh->kind = now.kind;
    if (exporter->last_us != 0) {
        int64_t elapsed_us = now_us - exporter->last_us;
        fresh->value[ORIGIN_CPU] = rate(now.cpu_s, last->cpu_s, elapsed_us);
        fresh->value[ORIGIN_BYTES] = rate(now.sent_bytes, last->sent_bytes, elapsed_us);
        fresh->value[ORIGIN_REQUESTS] = rate(now.requests, last->requests, elapsed_us);
    }
    fresh->value[ORIGIN_CONNECTIONS] = now.connections;
    exporter->last = now;
    exporter->last_us = now_us;
    return NULL;
}

static void update(struct exporter *exporter)
{
    struct origin_watch *watch = exporter->watch;
    struct buf answer;
    struct span body;
    struct origin_figures fresh = exporter->figures; /* only this thread writes it */
    buf_init(&answer, ANSWER_MAX);
    forget(fresh.value);
    fresh.why[0] = '\0';
    if (origin_ask(&exporter->address, PATIENCE_US, watch->stop_fd, &answer, &body,
                   fresh.why)) {
        const char *why = take(exporter, body, &fresh);
        snprintf(fresh.why, sizeof(fresh.why), "%s", why == NULL ? "" : why);
    }
    fresh.ok = fresh.why[0] == '\0';
    fresh.asked++;
    fresh.failed += fresh.ok ? 0 : 1;
    buf_release(&answer);
    pthread_mutex_lock(watch->lock);
    exporter->figures = fresh;
    pthread_mutex_unlock(watch->lock);
}

static void *watch_main(void *arg)
{
    struct exporter *exporter = arg;
    struct pollfd stop = {.fd = exporter->watch->stop_fd, .events = POLLIN};
    do {
        update(exporter);
    } while (poll(&stop, 1, EVERY_MS) <= 0);
    return NULL;
}

static int prepare(struct origin_watch *watch, unsigned number, const char *text,
                   struct err *err)
{
    struct exporter *exporter = &watch->exporters[number];
    if (origin_address_parse(text, &exporter->address, err) < 0) {
        return -1;
    }
    exporter->watch = watch;
    exporter->url = strdup(text);
    exporter->figures.url = exporter->url;
    exporter->figures.kind = ORIGIN_PROCESS;
    snprintf(exporter->figures.why, sizeof(exporter->figures.why), "not asked yet");
    forget(exporter->figures.value);
    unsigned host = 0;
    while (!origin_address_same_host(&watch->exporters[host].address, &exporter->address)) {
        host++;
    }
    exporter->figures.host = host;
    return exporter->url == NULL
               ? err_set(err, ERR_START, "--origin-metrics", NULL, "no memory")
               : 0;
}

static bool start(struct origin_watch *watch)
{
    watch->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (watch->stop_fd < 0) {
        return false;
    }
    for (unsigned i = 0; i < watch->count; i++) {
        struct exporter *exporter = &watch->exporters[i];
        if (pthread_create(&exporter->thread, NULL, watch_main, exporter) != 0) {
            return false;
        }
        exporter->runs = true;
    }
    return true;
}

struct origin_watch *origin_watch_new(const char *const *urls, unsigned count, struct err *err)
{
    struct origin_watch *watch = calloc(1, sizeof(*watch));
    pthread_mutex_t *lock = calloc(1, sizeof(*lock));
    if (watch == NULL || lock == NULL) {
        free(watch);
        free(lock);
        err_set(err, ERR_START, "--origin-metrics", NULL, "no memory");
        return NULL;
    }
    pthread_mutex_init(lock, NULL);
    watch->lock = lock;
    watch->count = count < ORIGIN_SOURCES_MAX ? count : ORIGIN_SOURCES_MAX;
    watch->stop_fd = -1;
    for (unsigned i = 0; i < watch->count; i++) {
        if (prepare(watch, i, urls[i], err) < 0) {
            origin_watch_free(watch);
            return NULL;
        }
    }
    if (!start(watch)) {
        err_set(err, ERR_START, "--origin-metrics", NULL, "no thread or descriptor");
        origin_watch_free(watch);
        return NULL;
    }
    return watch;
}

void origin_watch_free(struct origin_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    if (watch->stop_fd >= 0) {
        uint64_t one = 1;
        ssize_t written = write(watch->stop_fd, &one, sizeof(one));
        (void)written; /* an eventfd at 0 always takes 1, and nobody reads it */
    }
    for (unsigned i = 0; i < ORIGIN_SOURCES_MAX; i++) {
        if (watch->exporters[i].runs) {
            pthread_join(watch->exporters[i].thread, NULL);
        }
        free(watch->exporters[i].url);
    }
    if (watch->stop_fd >= 0) {
        close(watch->stop_fd);
    }
    pthread_mutex_destroy(watch->lock);
    free(watch->lock);
    free(watch);
}

unsigned origin_watch_read(const struct origin_watch *watch,
                           struct origin_figures out[ORIGIN_SOURCES_MAX])
{
    if (watch == NULL) {
        return 0;
    }
    pthread_mutex_lock(watch->lock);
    for (unsigned i = 0; i < watch->count; i++) {
        out[i] = watch->exporters[i].figures;
    }
    pthread_mutex_unlock(watch->lock);
    return watch->count;
}

/* What the exporters of one host say of a figure: sums by kind, of which one is chosen. */
static double host_figure(const struct origin_figures *figures, unsigned count, unsigned host,
                          enum origin_figure figure)
{
    double sums[ORIGIN_KINDS], chosen = (double)NAN;
    for (int kind = 0; kind < ORIGIN_KINDS; kind++) {
        sums[kind] = (double)NAN;
    }
    for (unsigned i = 0; i < count; i++) {
        double value = figures[i].value[figure];
        double *sum = &sums[figures[i].kind];
        if (figures[i].host == host && !isnan(value)) {
            *sum = isnan(*sum) ? value : *sum + value;
        }
    }
    for (int kind = 0; kind < ORIGIN_KINDS; kind++) {
        bool better = isnan(chosen) || figure == ORIGIN_CPU ||
                      (figure == ORIGIN_BYTES && sums[kind] > chosen);
        chosen = better && !isnan(sums[kind]) ? sums[kind] : chosen;
    }
    return chosen;
}

void origin_figures_sum(const struct origin_figures *figures, unsigned count,
                        double ret_sums[ORIGIN_FIGURES])
{
    forget(ret_sums);
    for (int f = 0; f < ORIGIN_FIGURES; f++) {
        for (unsigned host = 0; host < count; host++) {
            double value = host_figure(figures, count, host, f);
            if (!isnan(value)) {
                ret_sums[f] = isnan(ret_sums[f]) ? value : ret_sums[f] + value;
            }
        }
    }
}
