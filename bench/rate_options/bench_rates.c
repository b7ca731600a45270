/* What each option costs: its callers, and the writer that counts. Prints Markdown tables;
 * tools/bench-rates writes them to bench/RATES.md.
 *
 * Callers ask back to back, so the figures for many callers are those of a crowd on the cores
 * there are: compare options, not crowds. One writer counts all the while. */
#include "rate_options/option.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CALLERS_MAX = 100,
    BITS = 5,
    BUCKETS = 1024, /* up to about an hour of nanoseconds */
    BATCH = 64,     /* events between two looks at the clock */
    /* A hundred times as many cuts and samples as Shoal makes, so that calls which find a new
     * snapshot are not too rare to measure. */
    PERIOD_US = 1000,
    RUN_MS = 500,
    RUN_LARGE_MS = 900,
};

struct times {
    uint64_t count, max;
    uint64_t buckets[BUCKETS];
};

struct bench {
    const struct rate_option *option; /* NULL: the writer alone */
    void *state;
    struct rate_source source;
    _Atomic int go, stop;
    /* The writer's. */
    uint64_t events;
    int64_t cpu_ns;
    struct times batches;
};

struct caller {
    alignas(SHOAL_LINE_BYTES) struct bench *bench;
    uint32_t number;
    struct times times;
    struct times fresh; /* of these, calls that found something new */
};

struct figures {
    double calls_per_s;
    struct times calls, fresh, batches;
    double event_ns; /* thread CPU time */
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void times_add(struct times *times, int64_t ns)
{
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
    uint32_t bucket = shoal_bucket_of(value, BITS);
    times->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    times->count++;
    times->max = value > times->max ? value : times->max;
}

static void times_merge(struct times *into, const struct times *from)
{
    for (int i = 0; i < BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
    into->count += from->count;
    into->max = from->max > into->max ? from->max : into->max;
}

static double times_percentile(const struct times *times, double percent)
{
    uint64_t rank = (uint64_t)(percent / 100 * (double)times->count), seen = 0;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        seen += times->buckets[i];
        if (seen > rank) {
            return (double)shoal_bucket_middle(i, BITS);
        }
    }
    return (double)times->max;
}

static bool is_set(_Atomic int *flag)
{
    return atomic_load_explicit(flag, memory_order_acquire) != 0; /* main's release */
}

static void wait_for(_Atomic int *flag)
{
    while (!is_set(flag)) {
        sched_yield();
    }
}

static void *write_events(void *argument)
{
    struct bench *bench = argument;
    struct rate_source *source = &bench->source;
    struct shoal_lane *lane = source->per_lane ? rate_source_lane(source, 0) : NULL;
    if (lane != NULL) {
        shoal_lane_open(lane, rate_source_now_ns(source) / 1000);
    }
    wait_for(&bench->go);
    int64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    int64_t last_ns = clock_ns(CLOCK_MONOTONIC);
    while (!is_set(&bench->stop)) {
        for (int i = 0; i < BATCH; i++) {
            rate_source_write(source, 0, bench->events++);
        }
        if (lane != NULL && shoal_lane_due(lane, last_ns / 1000)) {
            shoal_lane_cut(lane, last_ns / 1000);
        }
        int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
        times_add(&bench->batches, now_ns - last_ns);
        last_ns = now_ns;
    }
    bench->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
    if (lane != NULL) {
        shoal_lane_close(lane, rate_source_now_ns(source) / 1000);
    }
    return NULL;
}

static void *ask_on(void *argument)
{
    struct caller *caller = argument;
    struct bench *bench = caller->bench;
    const struct rate_option *option = bench->option;
    if (option->enter != NULL) {
        option->enter(bench->state);
    }
    wait_for(&bench->go);
    uint64_t calls = 0;
    while (!is_set(&bench->stop)) {
        struct rate_answer answer;
        int64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
        option->call(bench->state, caller->number, ++calls, &answer);
        int64_t took_ns = clock_ns(CLOCK_MONOTONIC) - begun_ns;
        times_add(&caller->times, took_ns);
        if (answer.fresh) {
            times_add(&caller->fresh, took_ns);
        }
    }
    if (option->leave != NULL) {
        option->leave(bench->state);
    }
    return NULL;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static struct caller *start_callers(struct bench *bench, uint32_t count, pthread_t *threads)
{
    struct caller *callers = aligned_alloc(alignof(struct caller), count * sizeof(*callers));
    if (callers == NULL) {
        abort();
    }
    memset(callers, 0, count * sizeof(*callers));
    for (uint32_t i = 0; i < count; i++) {
        callers[i].bench = bench;
        callers[i].number = i;
        pthread_create(&threads[i], NULL, ask_on, &callers[i]);
    }
    return callers;
}

/* Runs `count` callers of an option beside a writer; no callers when option is NULL. */
static void run(const struct rate_option *option, bool per_lane, uint32_t clients,
                uint32_t count, struct figures *out)
{
    static struct bench bench;
    pthread_t writer, threads[CALLERS_MAX];
    struct caller *callers = NULL;
    memset(&bench, 0, sizeof(bench));
    bench.option = option;
    const struct rate_source_options source = {
        .per_lane = per_lane, .clients = clients, .writers = 1, .period_us = PERIOD_US};
    rate_source_init(&bench.source, &source);
    if (option != NULL) {
        bench.state = option->open(&bench.source, count);
        callers = start_callers(&bench, count, threads);
    }
    if (per_lane && shoal_sampler_start(bench.source.sampler) != 0) {
        abort();
    }
    pthread_create(&writer, NULL, write_events, &bench);
    long ms = clients > 10000 ? RUN_LARGE_MS : RUN_MS;
    int64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    atomic_store_explicit(&bench.go, 1, memory_order_release); /* the threads' acquires */
    pause_ms(ms);
    atomic_store_explicit(&bench.stop, 1, memory_order_release); /* the same */
    double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - begun_ns) / 1e9;
    pthread_join(writer, NULL);
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; callers != NULL && i < count; i++) {
        pthread_join(threads[i], NULL);
        times_merge(&out->calls, &callers[i].times);
        times_merge(&out->fresh, &callers[i].fresh);
    }
    free(callers);
    out->batches = bench.batches;
    out->calls_per_s = (double)out->calls.count / seconds;
    out->event_ns = (double)bench.cpu_ns / (double)bench.events;
    if (option != NULL) {
        option->close(bench.state);
    }
    rate_source_fini(&bench.source);
}

static void print_time(double ns)
{
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    int unit = 0;
    while (ns >= 1000 && unit < 3) {
        ns /= 1000;
        unit++;
    }
    printf(" %.*f %s |", ns < 10 ? 1 : 0, ns, units[unit]);
}

static void print_row(const char *name, uint32_t count, const struct figures *figures)
{
    printf("| %s | %u |", name, count);
    print_time(times_percentile(&figures->calls, 50));
    print_time(times_percentile(&figures->calls, 99));
    print_time(times_percentile(&figures->calls, 99.9));
    print_time((double)figures->calls.max);
    printf(" %.3g |", figures->calls_per_s);
    print_time(figures->event_ns);
    print_time(times_percentile(&figures->batches, 99.9));
    print_time((double)figures->batches.max);
    printf("\n");
}

static const uint32_t crowds[] = {1, 10, CALLERS_MAX};
enum { CROWDS = sizeof(crowds) / sizeof(crowds[0]) };

static void print_head(void)
{
    printf("| option | callers | call p50 | p99 | p99.9 | max | calls/s | event, CPU | "
           "%d events p99.9 | max |\n",
           BATCH);
    printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
}

static void print_alone(bool per_lane, uint32_t clients)
{
    struct figures alone;
    run(NULL, per_lane, clients, 0, &alone);
    printf("| no caller | 0 | | | | | |");
    print_time(alone.event_ns);
    print_time(times_percentile(&alone.batches, 99.9));
    print_time((double)alone.batches.max);
    printf("\n");
}

/* The table of one number of clients. Keeps the middle call of one caller of each option. */
static void bench_clients(uint32_t clients, double *ret_call_ns)
{
    printf("\n### %u clients, aggregated per client\n\n", clients);
    print_head();
    print_alone(false, clients);
    for (int i = 0; rate_options[i] != NULL; i++) {
        if (rate_options[i]->own_baseline) {
            continue;
        }
        for (int k = 0; k < CROWDS; k++) {
            struct figures figures;
            run(rate_options[i], false, clients, crowds[k], &figures);
            print_row(rate_options[i]->name, crowds[k], &figures);
            if (crowds[k] == 1) {
                ret_call_ns[i] = times_percentile(&figures.calls, 50);
            }
        }
        fflush(stdout);
    }
}

static double bench_lanes(void)
{
    double ring_ns = 0;
    printf("\n### Any number of clients, aggregated per lane\n\n");
    print_head();
    print_alone(true, 1000);
    for (int i = 0; rate_options[i] != NULL; i++) {
        for (int k = 0; k < CROWDS; k++) {
            struct figures figures;
            run(rate_options[i], true, 1000, crowds[k], &figures);
            print_row(rate_options[i]->name, crowds[k], &figures);
            if (rate_options[i]->own_baseline) {
                /* Not its tail: a call that the scheduler interrupts is the likelier to find
                 * something new, so that would be the scheduler's. */
                figures.calls = figures.fresh;
                printf("| … that finds something new | %u |", crowds[k]);
                print_time(times_percentile(&figures.calls, 50));
                printf(" | | | | | | |\n");
            }
            if (crowds[k] == 1) {
                ring_ns = times_percentile(&figures.calls, 50);
            }
        }
        fflush(stdout);
    }
    return ring_ns;
}

enum { OPTIONS_MAX = 16, SIZES = 4, DOCUMENT_SIZES = 3 };
static const uint32_t sizes[SIZES] = {100, 1000, 10000, 100000};

static int index_of(const struct rate_option *option)
{
    for (int i = 0; rate_options[i] != NULL; i++) {
        if (rate_options[i] == option) {
            return i;
        }
    }
    return -1;
}

/* A call's share of the time at the document's pace: a dashboard twice a second and a metrics
 * client ten times. */
static void print_share(double call_ns)
{
    enum { CALLS_PER_S = 12 };
    printf(" %.2g %%, %.3g µs a call |", call_ns * CALLS_PER_S / 1e9 * 100, call_ns / 1000);
}

/* The document's table "Measured Impact (Estimated)", measured. */
static void print_document_table(double (*call_ns)[OPTIONS_MAX], double ring_ns)
{
    static const char *const estimates[DOCUMENT_SIZES][2] = {
        {"0.001%", "0%"}, {"0.01%", "0%"}, {"0.1%", "0%"}};
    int mutex = index_of(&rate_mutex_document), swap = -1;
#ifdef RATE_WITH_URCU
    swap = index_of(&rate_swap_document);
#endif
    printf("| Clients | Mutex, estimated | measured | Atomic, estimated | measured | "
           "ring, measured |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (int i = 0; i < DOCUMENT_SIZES; i++) {
        printf("| %u | %s |", sizes[i], estimates[i][0]);
        print_share(call_ns[i][mutex]);
        printf(" %s |", estimates[i][1]);
        if (swap >= 0) {
            print_share(call_ns[i][swap]);
        } else {
            printf(" (built without liburcu) |");
        }
        print_share(ring_ns);
        printf("\n");
    }
}

int main(void)
{
    static double call_ns[SIZES][OPTIONS_MAX];
    for (int i = 0; i < SIZES; i++) {
        bench_clients(sizes[i], call_ns[i]);
    }
    double ring_ns = bench_lanes();
    printf("\n## The document's table\n\n");
    print_document_table(call_ns, ring_ns);
    return EXIT_SUCCESS;
}
