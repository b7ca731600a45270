/* What the statistics cost, each figure beside its floor or its rivals in the same run:
 * counting, recording, cutting, sampling, and reading a snapshot as one of a hundred readers.
 * Prints Markdown.
 *
 *     bench-stats */
#include "shoal/stats.h"
#include "stats/metrics.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef BENCH_WITH_URCU
#include <urcu.h>
#endif

enum { READERS = 100, LANES = 64, ROUNDS = 7 };

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void die(const char *what)
{
    fprintf(stderr, "bench-stats: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The costs of one repetition, in ns of thread CPU time, of several rounds in ascending order.
 */
static void measure(void (*repeat)(void *argument, int times), void *argument, int times,
                    double *results)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        repeat(argument, times);
        results[i] = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns) / times;
    }
    qsort(results, ROUNDS, sizeof(results[0]), compare);
}

/* The least of them: on a machine with other work that is the cost of the code. */
static double least_ns(void (*repeat)(void *argument, int times), void *argument, int times)
{
    double results[ROUNDS];
    measure(repeat, argument, times, results);
    return results[0];
}

/* The greatest of them: where a rival is to run at the same time, that is when it did. */
static double most_ns(void (*repeat)(void *argument, int times), void *argument, int times)
{
    double results[ROUNDS];
    measure(repeat, argument, times, results);
    return results[ROUNDS - 1];
}

/* Keeps a compiler from joining one event's counting to the next one's. */
static inline void event_ends(void)
{
    __asm__ volatile("" ::: "memory");
}

static void count_in_lane(void *argument, int times)
{
    struct shoal_lane *lane = argument;
    for (int i = 0; i < times; i++) {
        metrics_add(lane, METRIC_BODY_BYTES, 188);
        metrics_add_at(lane, METRIC_SEGMENTS, 0, 1);
        metrics_add_at(lane, METRIC_HTTP_REQUESTS, METRIC_KIND_SEGMENT, 1);
        metrics_add(lane, METRIC_MEDIA_PLAYED, 2000000);
        event_ends();
    }
}

static uint64_t plain[4];

static void count_plainly(void *argument, int times)
{
    (void)argument;
    for (int i = 0; i < times; i++) {
        for (int k = 0; k < 4; k++) {
            plain[k] += 1;
        }
        event_ends();
    }
}

static _Atomic uint64_t shared[4];

static void count_by_fetch_add(void *argument, int times)
{
    (void)argument;
    for (int i = 0; i < times; i++) {
        for (int k = 0; k < 4; k++) {
            atomic_fetch_add_explicit(&shared[k], 1, memory_order_relaxed);
        }
        event_ends();
    }
}

static _Atomic int rival_stop;

static void *rival(void *argument)
{
    while (atomic_load_explicit(&rival_stop, memory_order_relaxed) == 0) {
        count_by_fetch_add(argument, 1000);
    }
    return NULL;
}

enum { VALUES = 4096 };
static int64_t values[VALUES]; /* around 0.1 s, over three octaves */

static void draw_values(void)
{
    uint64_t seed = 88172645463325252ull;
    for (int i = 0; i < VALUES; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        values[i] = (int64_t)(60000 + (seed >> 44) % 400000);
    }
}

static void record(void *argument, int times)
{
    struct shoal_lane *lane = argument;
    for (int i = 0; i < times; i++) {
        metrics_record(lane, METRIC_SEGMENT_DOWNLOAD, values[i % VALUES]);
        event_ends();
    }
}

static void cut(void *argument, int times)
{
    struct shoal_lane *lane = argument;
    for (int i = 0; i < times; i++) {
        lane->next_full_us = INT64_MAX;
        shoal_lane_cut(lane, 1000000);
    }
}

static void cut_full(void *argument, int times)
{
    struct shoal_lane *lane = argument;
    for (int i = 0; i < times; i++) {
        lane->next_full_us = 0;
        shoal_lane_cut(lane, 1000000);
    }
}

static void print_row(const char *what, double value, const char *unit, const char *budget)
{
    printf("| %s | %.3g %s | %s |\n", what, value, unit, budget);
}

static struct shoal_sampler *make_sampler(struct shoal_schema *schema, uint32_t lanes)
{
    struct shoal_sampler *sampler;
    const struct shoal_sampler_options options = {.schema = schema, .lanes = lanes};
    if (shoal_sampler_new(&options, &sampler) != 0) {
        die("no memory for the sampler");
    }
    for (uint32_t i = 0; i < lanes; i++) {
        shoal_lane_open(shoal_sampler_lane(sampler, i), shoal_sampler_now_us(sampler));
    }
    return sampler;
}

static void bench_writing(struct shoal_schema *schema)
{
    enum { TIMES = 5000000, CUTS = 20000, FULL_CUTS = 2000 };
    struct shoal_sampler *sampler = make_sampler(schema, 1);
    struct shoal_lane *lane = shoal_sampler_lane(sampler, 0);
    draw_values();
    printf("### Writing\n\n| what | cost | budget |\n| --- | ---: | --- |\n");
    print_row("four counters of one event, in a lane", least_ns(count_in_lane, lane, TIMES),
              "ns", "at most 2 ns");
    print_row("… as plain words", least_ns(count_plainly, NULL, TIMES), "ns", "");
    print_row("… by fetch_add, nobody else", least_ns(count_by_fetch_add, NULL, TIMES), "ns",
              "");
    pthread_t thread;
    pthread_create(&thread, NULL, rival, NULL);
    print_row("… by fetch_add, shared with one other thread",
              most_ns(count_by_fetch_add, NULL, TIMES), "ns", "");
    atomic_store_explicit(&rival_stop, 1, memory_order_relaxed);
    pthread_join(thread, NULL);
    print_row("one histogram record", least_ns(record, lane, TIMES), "ns", "at most 2 ns");
    char text[80];
    snprintf(text, sizeof(text), "a cut of %u words, ten times a second",
             schema->counter_words);
    print_row(text, least_ns(cut, lane, CUTS) / 1000, "µs", "");
    snprintf(text, sizeof(text), "a cut of %u words as well, once a second",
             schema->full_words);
    print_row(text, least_ns(cut_full, lane, FULL_CUTS) / 1000, "µs", "");
    shoal_sampler_free(sampler);
}

struct ticking {
    struct shoal_sampler *sampler;
    int64_t now_us, step_us;
};

/* Every lane cuts, which is not measured, and the sampler ticks, which is. */
static double tick_ns(struct ticking *ticking)
{
    for (uint32_t i = 0; i < LANES; i++) {
        shoal_lane_cut(shoal_sampler_lane(ticking->sampler, i), ticking->now_us);
    }
    int64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    shoal_sampler_tick(ticking->sampler, ticking->now_us + 50000);
    int64_t took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
    ticking->now_us += ticking->step_us;
    return (double)took_ns;
}

static double middle_tick_ms(struct shoal_sampler *sampler, int64_t step_us)
{
    enum { TICKS = 31 };
    double results[TICKS];
    int64_t now_us = shoal_sampler_now_us(sampler);
    struct ticking ticking = {sampler, now_us - now_us % 1000000 + 3600000000, step_us};
    tick_ns(&ticking); /* touches the memory */
    for (int i = 0; i < TICKS; i++) {
        results[i] = tick_ns(&ticking) / 1e6;
    }
    qsort(results, TICKS, sizeof(results[0]), compare);
    return results[TICKS / 2];
}

static void bench_sampling(struct shoal_schema *schema)
{
    struct shoal_sampler *sampler = make_sampler(schema, LANES);
    struct shoal_sampler *full = make_sampler(schema, LANES);
    printf("\n### Sampling\n\n| what | cost | budget |\n| --- | ---: | --- |\n");
    print_row("a tick of 64 lanes, counters", middle_tick_ms(sampler, 1) * 1000, "µs",
              "at most 2 ms, whatever the viewers");
    print_row("a tick of 64 lanes, histograms as well, once a second",
              middle_tick_ms(full, 1000000), "ms", "at most 2 ms, whatever the viewers");
    shoal_sampler_free(sampler);
    shoal_sampler_free(full);
}

/* Reading: a hundred readers copy the newest snapshot back to back, one writer publishes every
 * millisecond. */
enum { WORDS_MAX = 2816 };

struct reading {
    struct shoal_ring ring;
    const struct reader_kind *kind;
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    uint64_t guarded[WORDS_MAX]; /* by mutex or rwlock */
    void *_Atomic pointer;       /* by liburcu */
    _Atomic int64_t end_ns;      /* when readers stop, come what may: a writer may starve */
    uint32_t words;
};

struct reader_kind {
    const char *name;
    void (*publish)(struct reading *reading, const uint64_t *src);
    void (*read)(struct reading *reading, uint64_t *dst);
    bool rcu;
};

static void ring_publish(struct reading *reading, const uint64_t *src)
{
    shoal_ring_publish(&reading->ring, src);
}

static void ring_read(struct reading *reading, uint64_t *dst)
{
    uint64_t generation;
    shoal_ring_read(&reading->ring, dst, reading->words, &generation);
}

static void mutex_publish(struct reading *reading, const uint64_t *src)
{
    pthread_mutex_lock(&reading->mutex);
    memcpy(reading->guarded, src, reading->words * sizeof(*src));
    pthread_mutex_unlock(&reading->mutex);
}

static void mutex_read(struct reading *reading, uint64_t *dst)
{
    pthread_mutex_lock(&reading->mutex);
    memcpy(dst, reading->guarded, reading->words * sizeof(*dst));
    pthread_mutex_unlock(&reading->mutex);
}

static void rwlock_publish(struct reading *reading, const uint64_t *src)
{
    pthread_rwlock_wrlock(&reading->rwlock);
    memcpy(reading->guarded, src, reading->words * sizeof(*src));
    pthread_rwlock_unlock(&reading->rwlock);
}

static void rwlock_read(struct reading *reading, uint64_t *dst)
{
    pthread_rwlock_rdlock(&reading->rwlock);
    memcpy(dst, reading->guarded, reading->words * sizeof(*dst));
    pthread_rwlock_unlock(&reading->rwlock);
}

#ifdef BENCH_WITH_URCU
static void urcu_publish(struct reading *reading, const uint64_t *src)
{
    uint64_t *copy = malloc(reading->words * sizeof(*copy));
    if (copy == NULL) {
        die("out of memory");
    }
    memcpy(copy, src, reading->words * sizeof(*copy));
    /* Releases the copy to the readers' loads, and acquires nothing: this is the one writer. */
    void *old = atomic_exchange_explicit(&reading->pointer, copy, memory_order_release);
    synchronize_rcu();
    free(old);
}

static void urcu_read(struct reading *reading, uint64_t *dst)
{
    rcu_read_lock();
    /* Acquires what the writer's exchange released. */
    const void *copy = atomic_load_explicit(&reading->pointer, memory_order_acquire);
    memcpy(dst, copy, reading->words * sizeof(*dst));
    rcu_read_unlock();
}
#endif

static const struct reader_kind kinds[] = {
    {"ring", ring_publish, ring_read, false},
    {"mutex", mutex_publish, mutex_read, false},
    {"rwlock", rwlock_publish, rwlock_read, false},
#ifdef BENCH_WITH_URCU
    {"liburcu", urcu_publish, urcu_read, true},
#endif
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct reader {
    struct reading *reading;
    double read_ns;
};

static void *read_on(void *argument)
{
    enum { BATCH = 256 };
    struct reader *reader = argument;
    struct reading *reading = reader->reading;
    uint64_t words[WORDS_MAX];
#ifdef BENCH_WITH_URCU
    if (reading->kind->rcu) {
        rcu_register_thread();
    }
#endif
    uint64_t reads = 0;
    int64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (clock_ns(CLOCK_MONOTONIC) <
           atomic_load_explicit(&reading->end_ns, memory_order_relaxed)) {
        for (int i = 0; i < BATCH; i++) {
            reading->kind->read(reading, words);
            event_ends();
        }
        reads += BATCH;
    }
    int64_t took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
    reader->read_ns = reads > 0 ? (double)took_ns / (double)reads : 0;
#ifdef BENCH_WITH_URCU
    if (reading->kind->rcu) {
        rcu_unregister_thread();
    }
#endif
    return NULL;
}

/* Publishes for 1.5 s and lets the readers stop then. Returns the longest that a publication
 * took, in ns. */
static int64_t publish_on(struct reading *reading)
{
    static uint64_t words[WORDS_MAX];
    int64_t longest_ns = 0, begun_ns = clock_ns(CLOCK_MONOTONIC);
    int64_t end_ns = begun_ns + 1500000000;
    atomic_store_explicit(&reading->end_ns, end_ns, memory_order_relaxed);
    do {
        reading->kind->publish(reading, words);
        int64_t took_ns = clock_ns(CLOCK_MONOTONIC) - begun_ns;
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        begun_ns = clock_ns(CLOCK_MONOTONIC);
    } while (begun_ns < end_ns);
    return longest_ns;
}

static void bench_readers(const struct reader_kind *kind, uint32_t words)
{
    static struct reading reading;
    static struct reader readers[READERS];
    static const uint64_t zeros[WORDS_MAX];
    pthread_t threads[READERS];
    memset(&reading, 0, sizeof(reading));
    reading.kind = kind;
    reading.words = words;
    pthread_mutex_init(&reading.mutex, NULL);
    pthread_rwlock_init(&reading.rwlock, NULL);
    if (shoal_ring_init(&reading.ring, 8, words) != 0) {
        die("no memory for the ring");
    }
    for (int i = 0; i < 8; i++) {
        kind->publish(&reading, zeros);
    }
    atomic_init(&reading.end_ns, INT64_MAX);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){&reading, 0};
        pthread_create(&threads[i], NULL, read_on, &readers[i]);
    }
    int64_t longest_ns = publish_on(&reading);
    double read_ns[READERS] = {0};
    int ran = 0; /* readers that had a turn at all */
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        if (readers[i].read_ns > 0) {
            read_ns[ran++] = readers[i].read_ns;
        }
    }
    qsort(read_ns, (size_t)ran, sizeof(read_ns[0]), compare);
    free(atomic_load_explicit(&reading.pointer, memory_order_relaxed));
    shoal_ring_fini(&reading.ring);
    printf("| %s | %u | %.0f ns | %.3g ms |", kind->name, words, read_ns[ran / 2],
           (double)longest_ns / 1e6);
    if (kind->read == ring_read) {
        printf(" at most %u ns |\n", 20 + words);
    } else {
        printf(" |\n");
    }
}

static void bench_reading(void)
{
    static const uint32_t sizes[] = {64, WORDS_MAX};
    printf("\n### Reading: 100 readers back to back, one writer\n\n");
    printf(
        "Readers stop after 1.5 s, and a writer that has waited until then had starved.\n\n");
    printf("| guarded by | words | a read, thread CPU, middle reader | longest publication | "
           "budget |\n| --- | ---: | ---: | ---: | --- |\n");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int k = 0; k < KINDS; k++) {
            bench_readers(&kinds[k], sizes[i]);
        }
    }
}

int main(void)
{
    struct shoal_schema *schema;
    if (metrics_schema_new(NULL, 8, NULL, 0, NULL, &schema) != 0) {
        die("no memory for the schema");
    }
    bench_writing(schema);
    bench_sampling(schema);
    bench_reading();
    shoal_schema_free(schema);
    return EXIT_SUCCESS;
}
