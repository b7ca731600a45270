/* What each option does to the numbers, as claims that this program proves or refutes: with 1,
 * 2, 4, 8 and 100 callers asking back to back while counters run, and with a dashboard that
 * asks every 500 ms beside a metrics client that asks ten times a second (on an invented
 * clock).
 *
 * Prints the measured table and one TAP line a claim. Where a claim is that a fault happens,
 * the runs are repeated until it has, a few times at most.
 *
 *     test_claims          all claims
 *     test_claims --trace  what the dashboard shows and what is true, as CSV, for the picture
 *                          in docs/rate-tracking.md
 *     test_claims --quick  short runs, and only the claims that no schedule may break; for
 *                          ThreadSanitizer */
#include "rate_options/option.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CLIENTS = 1000,
    WRITERS = 2,
    CROWDS = 5,
    CALLERS_MAX = 100,
    USES = 1 << 22, /* calls whose snapshots are watched for being used twice */
    ROUNDS_MAX = 6,
    EVENTS_MIN = 20000,
    PATIENCE = 500, /* times 10 ms */
};

static const uint32_t crowds[CROWDS] = {1, 2, 4, 8, CALLERS_MAX};

/* What the callers of one crowd were told. */
struct outcome {
    uint64_t calls, intervals;
    uint64_t truth;       /* HTTP requests counted, over all rounds */
    int64_t claimed;      /* and claimed by all callers */
    double least, most;   /* share of the truth that one caller claimed */
    bool each_exact;      /* every caller claimed exactly the truth, in every round */
    uint64_t used_twice;  /* calls whose baseline another call had used */
    uint64_t bad_elapsed; /* intervals of no or negative length */
    uint64_t torn;        /* baselines of mixed fields */
    uint64_t mixed;       /* totals read at different moments */
};

struct caller {
    struct race *race;
    uint32_t number;
    uint64_t calls;
    int64_t claimed;
    struct outcome outcome;
};

struct race {
    const struct rate_option *option;
    void *state;
    struct rate_source source;
    _Atomic uint8_t *uses; /* by snapshot: how often it was a baseline */
    uint32_t uses_each;    /* room for one caller's */
    _Atomic int go, stop;
    _Atomic uint64_t written[WRITERS];
};

struct writer {
    struct race *race;
    uint32_t number;
};

static bool is_set(_Atomic int *flag)
{
    return atomic_load_explicit(flag, memory_order_acquire) != 0; /* the test's release */
}

static void wait_for(_Atomic int *flag)
{
    while (!is_set(flag)) {
        sched_yield();
    }
}

static void *write_events(void *argument)
{
    enum { BATCH = 64 };
    struct writer *writer = argument;
    struct race *race = writer->race;
    struct rate_source *source = &race->source;
    struct shoal_lane *lane =
        source->per_lane ? rate_source_lane(source, writer->number) : NULL;
    if (lane != NULL) {
        shoal_lane_open(lane, rate_source_now_ns(source) / 1000);
    }
    wait_for(&race->go);
    uint64_t events = 0;
    while (!is_set(&race->stop)) {
        for (int i = 0; i < BATCH; i++) {
            rate_source_write(source, writer->number, events++);
        }
        atomic_store_explicit(&race->written[writer->number], events, memory_order_relaxed);
        int64_t now_us = rate_source_now_ns(source) / 1000;
        if (lane != NULL && shoal_lane_due(lane, now_us)) {
            shoal_lane_cut(lane, now_us);
        }
        if (events % 4096 == 0) {
            sched_yield();
        }
    }
    if (lane != NULL) {
        shoal_lane_close(lane, rate_source_now_ns(source) / 1000);
    }
    return NULL;
}

/* Notes the use of a snapshot as a baseline. Returns whether it had been one before. */
static bool use_again(struct race *race, uint64_t id)
{
    uint32_t number = (uint32_t)id;
    if (number >= race->uses_each) {
        return false; /* beyond what is watched */
    }
    size_t index = (id >> 32) * race->uses_each + number;
    return atomic_fetch_or_explicit(&race->uses[index], 1, memory_order_relaxed) != 0;
}

static void ask(struct caller *caller)
{
    struct rate_answer answer;
    struct outcome *outcome = &caller->outcome;
    caller->race->option->call(caller->race->state, caller->number, ++caller->calls, &answer);
    outcome->calls++;
    outcome->mixed += answer.total[RATE_HTTP_REQUESTS] !=
                      answer.total[RATE_SEGMENTS] + answer.total[RATE_PLAYLISTS];
    if (!answer.fresh) {
        return;
    }
    outcome->intervals++;
    outcome->bad_elapsed += answer.elapsed_ns <= 0;
    outcome->torn += answer.torn;
    outcome->used_twice += use_again(caller->race, answer.baseline_id);
    caller->claimed += answer.delta[RATE_HTTP_REQUESTS];
}

static void *ask_on(void *argument)
{
    struct caller *caller = argument;
    const struct rate_option *option = caller->race->option;
    if (option->enter != NULL) {
        option->enter(caller->race->state);
    }
    wait_for(&caller->race->go);
    while (!is_set(&caller->race->stop)) {
        ask(caller);
    }
    if (option->leave != NULL) {
        option->leave(caller->race->state);
    }
    return NULL;
}

/* Once the writers have stopped, every caller asks once more, one after another, so that each
 * option has had its chance to account for everything. */
static void ask_last(struct race *race, struct caller *callers, uint32_t crowd)
{
    if (race->option->settle != NULL) {
        race->option->settle(race->state);
    }
    if (race->option->enter != NULL) {
        race->option->enter(race->state);
    }
    for (uint32_t i = 0; i < crowd; i++) {
        ask(&callers[i]);
    }
    if (race->option->leave != NULL) {
        race->option->leave(race->state);
    }
}

/* Events counted so far. */
static uint64_t written(struct race *race)
{
    uint64_t sum = 0;
    for (int i = 0; i < WRITERS; i++) {
        sum += atomic_load_explicit(&race->written[i], memory_order_relaxed);
    }
    return sum;
}

static void add_up(struct race *race, const struct caller *callers, uint32_t crowd,
                   struct outcome *outcome)
{
    uint64_t truth = written(race);
    outcome->truth += truth;
    for (uint32_t i = 0; i < crowd; i++) {
        const struct caller *caller = &callers[i];
        double share = (double)caller->claimed / (double)truth;
        outcome->least = share < outcome->least ? share : outcome->least;
        outcome->most = share > outcome->most ? share : outcome->most;
        outcome->each_exact = outcome->each_exact && caller->claimed == (int64_t)truth;
        outcome->claimed += caller->claimed;
        outcome->calls += caller->outcome.calls;
        outcome->intervals += caller->outcome.intervals;
        outcome->used_twice += caller->outcome.used_twice;
        outcome->bad_elapsed += caller->outcome.bad_elapsed;
        outcome->torn += caller->outcome.torn;
        outcome->mixed += caller->outcome.mixed;
    }
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* One round of one crowd; adds to *outcome. */
static void run_crowd(const struct rate_option *option, uint32_t crowd, long ms,
                      struct outcome *outcome)
{
    static struct race race;
    static struct caller callers[CALLERS_MAX];
    struct writer writers[WRITERS];
    pthread_t caller_threads[CALLERS_MAX], writer_threads[WRITERS];
    memset(&race, 0, sizeof(race));
    race.option = option;
    race.uses_each = USES / (crowd + 1);
    race.uses = calloc(USES, 1);
    const struct rate_source_options source = {
        .per_lane = option->own_baseline,
        .clients = CLIENTS,
        .writers = WRITERS,
        .period_us = 1000,
    };
    rate_source_init(&race.source, &source);
    race.state = option->open(&race.source, crowd);
    for (uint32_t i = 0; i < crowd; i++) {
        callers[i] = (struct caller){.race = &race, .number = i};
        pthread_create(&caller_threads[i], NULL, ask_on, &callers[i]);
    }
    if (option->own_baseline && shoal_sampler_start(race.source.sampler) != 0) {
        abort();
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){&race, i};
        pthread_create(&writer_threads[i], NULL, write_events, &writers[i]);
    }
    atomic_store_explicit(&race.go, 1, memory_order_release); /* the threads' acquires */
    pause_ms(ms);
    /* On a busy machine the writers may not have had their turn among so many callers. */
    for (int i = 0; i < PATIENCE && written(&race) < EVENTS_MIN; i++) {
        pause_ms(10);
    }
    atomic_store_explicit(&race.stop, 1, memory_order_release); /* the same */
    for (uint32_t i = 0; i < WRITERS; i++) {
        pthread_join(writer_threads[i], NULL);
    }
    for (uint32_t i = 0; i < crowd; i++) {
        pthread_join(caller_threads[i], NULL);
    }
    ask_last(&race, callers, crowd);
    add_up(&race, callers, crowd, outcome);
    option->close(race.state);
    rate_source_fini(&race.source);
    free(race.uses);
}

/* The dashboard's experiment. Viewers in lockstep make 1,000 requests within 60 ms about every
 * two seconds; not exactly, so that each look falls on every phase of it in turn. */
enum {
    DASHBOARD_MS = 500,
    METRICS_MS = 100,
    METRICS_PHASE_MS = 30,
    SIMULATED_MS = 300000,
    BURST_EVERY_MS = 2030,
    BURST_MS = 60,
    BURST = 1000,
};

struct dashboard {
    double error; /* mean distance of the shown from the true rate, over the mean true rate */
    double shown_max; /* segments a second */
    double true_max;
    double true_mean;
};

struct simulation {
    const struct rate_option *option;
    void *state;
    struct rate_source source;
    int64_t now_ms, tick_us;
    uint64_t events;
    uint64_t truth[SIMULATED_MS + 1]; /* segments after each millisecond */
    uint64_t segments;
};

static int64_t simulated_ns(void *context)
{
    /* Starts at 1000 s, so that no time is near zero. */
    return (((struct simulation *)context)->now_ms + 1000000) * 1000000;
}

static void simulate_ms(struct simulation *simulation)
{
    int64_t in_burst = simulation->now_ms % BURST_EVERY_MS;
    if (in_burst < BURST_MS) {
        uint64_t due =
            (uint64_t)(in_burst + 1) * BURST / BURST_MS - (uint64_t)in_burst * BURST / BURST_MS;
        for (uint64_t i = 0; i < due; i++) {
            simulation->segments += simulation->events % 3 != 0;
            rate_source_write(&simulation->source, 0, simulation->events++);
        }
    }
    simulation->truth[simulation->now_ms] = simulation->segments;
    if (!simulation->option->own_baseline) {
        return;
    }
    int64_t now_us = simulated_ns(simulation) / 1000;
    struct shoal_lane *lane = rate_source_lane(&simulation->source, 0);
    if (shoal_lane_due(lane, now_us)) {
        shoal_lane_cut(lane, now_us);
    }
    if (now_us >= simulation->tick_us) {
        simulation->tick_us = shoal_sampler_tick(simulation->source.sampler, now_us);
    }
}

static uint64_t true_segments(const struct simulation *simulation, int64_t at_ns)
{
    int64_t ms = at_ns / 1000000 - 1000000;
    return ms < 0 ? 0 : simulation->truth[ms < SIMULATED_MS ? ms : SIMULATED_MS];
}

/* What the dashboard shows beside what was true of the time since it looked before. */
struct view {
    int64_t looked_ns;
    double shown, error_sum, true_sum;
    uint64_t samples, calls;
};

static bool tracing;

static void look(struct simulation *simulation, struct view *view, struct dashboard *out)
{
    struct rate_answer answer;
    simulation->option->call(simulation->state, 0, ++view->calls, &answer);
    if (answer.fresh && answer.elapsed_ns > 0) {
        view->shown = (double)answer.delta[RATE_SEGMENTS] * 1e9 / (double)answer.elapsed_ns;
    }
    if (view->looked_ns != 0 && answer.as_of_ns > view->looked_ns) {
        uint64_t happened = true_segments(simulation, answer.as_of_ns) -
                            true_segments(simulation, view->looked_ns);
        double truth = (double)happened * 1e9 / (double)(answer.as_of_ns - view->looked_ns);
        double error = view->shown - truth;
        view->error_sum += error < 0 ? -error : error;
        view->true_sum += truth;
        view->samples++;
        if (tracing) {
            printf("%s,%.3f,%.3f,%.3f\n", simulation->option->name,
                   (double)simulation->now_ms / 1000, truth, view->shown);
        }
        out->shown_max = view->shown > out->shown_max ? view->shown : out->shown_max;
        out->true_max = truth > out->true_max ? truth : out->true_max;
    }
    view->looked_ns = answer.as_of_ns;
}

static struct dashboard run_dashboard(const struct rate_option *option, bool with_metrics)
{
    static struct simulation simulation;
    struct dashboard dashboard = {0};
    struct view view = {0};
    memset(&simulation, 0, sizeof(simulation));
    simulation.option = option;
    const struct rate_source_options source = {
        .per_lane = option->own_baseline,
        .clients = CLIENTS,
        .writers = 1,
        .clock_ns = simulated_ns,
        .clock_context = &simulation,
    };
    rate_source_init(&simulation.source, &source);
    if (option->own_baseline) {
        shoal_lane_open(rate_source_lane(&simulation.source, 0),
                        simulated_ns(&simulation) / 1000);
    }
    simulation.state = option->open(&simulation.source, 2);
    if (option->enter != NULL) {
        option->enter(simulation.state);
    }
    uint64_t metrics_calls = 0;
    for (; simulation.now_ms < SIMULATED_MS; simulation.now_ms++) {
        simulate_ms(&simulation);
        if (with_metrics && simulation.now_ms % METRICS_MS == METRICS_PHASE_MS) {
            struct rate_answer answer;
            option->call(simulation.state, 1, ++metrics_calls, &answer);
        }
        if (simulation.now_ms % DASHBOARD_MS == DASHBOARD_MS - 1) {
            look(&simulation, &view, &dashboard);
        }
    }
    if (option->leave != NULL) {
        option->leave(simulation.state);
    }
    option->close(simulation.state);
    rate_source_fini(&simulation.source);
    dashboard.error = view.error_sum / view.true_sum;
    dashboard.true_mean = view.true_sum / (double)view.samples;
    return dashboard;
}

/* What is claimed of an option. */
enum expect { ANY, NEVER, HAPPENS };
enum sums {
    SUM_ANY,
    SUM_EXACT,  /* all callers together claim exactly the truth */
    SUM_DOUBLE, /* more than it */
    SUM_WRONG,  /* something else */
    SUM_EACH,   /* every single caller claims exactly the truth */
};

struct claims {
    const struct rate_option *option;
    enum sums sum;
    enum expect used_twice, bad_elapsed, torn, mixed;
    bool shares_split;    /* a caller gets less than the truth once there are others */
    bool dashboard_right; /* beside a metrics client */
    bool alone_exact;     /* right as long as there is one caller */
};

static const struct claims all_claims[] = {
    {&rate_mutex_document, SUM_EXACT, NEVER, HAPPENS, NEVER, HAPPENS, true, false, true},
    {&rate_mutex_mended, SUM_EXACT, NEVER, NEVER, NEVER, HAPPENS, true, false, true},
    {&rate_rwlock, SUM_DOUBLE, HAPPENS, HAPPENS, NEVER, HAPPENS, true, false, true},
#ifdef RATE_WITH_URCU
    {&rate_swap_document, SUM_DOUBLE, HAPPENS, HAPPENS, NEVER, HAPPENS, true, false, true},
    {&rate_compare_swap, SUM_EXACT, NEVER, NEVER, NEVER, HAPPENS, true, false, true},
#endif
    {&rate_exchange, SUM_EXACT, NEVER, HAPPENS, NEVER, HAPPENS, true, false, true},
    {&rate_fields, SUM_WRONG, ANY, HAPPENS, HAPPENS, HAPPENS, true, false, true},
    {&rate_cached, SUM_ANY, HAPPENS, NEVER, NEVER, ANY, false, false, false},
    {&rate_ring, SUM_EACH, NEVER, NEVER, NEVER, NEVER, false, true, true},
};
enum { OPTIONS = sizeof(all_claims) / sizeof(all_claims[0]) };

static struct outcome outcomes[OPTIONS][CROWDS];
static struct dashboard dashboards[OPTIONS][2];
static int tests, failures;

static void report(bool holds, const char *option, const char *claim)
{
    failures += !holds;
    printf("%s %d - %s: %s\n", holds ? "ok" : "not ok", ++tests, option, claim);
}

/* The sum of a column over all crowds. */
static uint64_t over_crowds(const struct outcome *row, size_t column)
{
    uint64_t sum = 0;
    for (int i = 0; i < CROWDS; i++) {
        sum += *(const uint64_t *)(const void *)((const char *)&row[i] + column);
    }
    return sum;
}

static bool expectation_holds(enum expect expect, const struct outcome *row, size_t column)
{
    uint64_t seen = over_crowds(row, column);
    return expect == ANY || (expect == NEVER ? seen == 0 : seen > 0);
}

static bool sums_hold(enum sums sums, const struct outcome *row)
{
    bool exact = true, each = true, more = false;
    for (int i = 0; i < CROWDS; i++) {
        exact = exact && row[i].claimed == (int64_t)row[i].truth;
        each = each && row[i].each_exact;
        more = more || (double)row[i].claimed > 1.02 * (double)row[i].truth;
    }
    switch (sums) {
    case SUM_ANY:
        return true;
    case SUM_EXACT:
        return exact;
    case SUM_DOUBLE:
        return more;
    case SUM_WRONG:
        return !exact;
    case SUM_EACH:
        return each;
    }
    return false;
}

/* Where events are counted twice, each of two callers may come near the truth by accident. */
static bool shares_split(const struct outcome *row)
{
    for (int i = 1; i < CROWDS; i++) {
        if (row[i].least < 0.9) {
            return true;
        }
    }
    return false;
}

/* Whether everything that is claimed to happen has been seen. */
static bool all_seen(const struct claims *claims, const struct outcome *row)
{
    return sums_hold(claims->sum, row) &&
           (claims->used_twice != HAPPENS ||
            over_crowds(row, offsetof(struct outcome, used_twice)) > 0) &&
           (claims->bad_elapsed != HAPPENS ||
            over_crowds(row, offsetof(struct outcome, bad_elapsed)) > 0) &&
           (claims->torn != HAPPENS || over_crowds(row, offsetof(struct outcome, torn)) > 0) &&
           (claims->mixed != HAPPENS || over_crowds(row, offsetof(struct outcome, mixed)) > 0);
}

static void run_option(const struct claims *claims, struct outcome *row, long ms, int rounds)
{
    for (int i = 0; i < CROWDS; i++) {
        row[i] = (struct outcome){.least = 1e9, .most = -1e9, .each_exact = true};
    }
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < CROWDS; i++) {
            run_crowd(claims->option, crowds[i], ms, &row[i]);
        }
        if (all_seen(claims, row)) {
            return;
        }
    }
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static void print_table(void)
{
    printf("# %-15s %7s %9s %9s %15s %8s %8s %7s %7s\n", "option", "callers", "calls",
           "accounted", "per observer", "twice%", "elapsed%", "torn%", "mixed%");
    for (int i = 0; i < OPTIONS; i++) {
        for (int k = 0; k < CROWDS; k++) {
            const struct outcome *o = &outcomes[i][k];
            printf("# %-15s %7u %9llu %9.3f %7.3f-%7.3f %8.2f %8.3f %7.3f %7.2f\n",
                   all_claims[i].option->name, crowds[k], (unsigned long long)o->calls,
                   (double)o->claimed / (double)o->truth, o->least, o->most,
                   percent(o->used_twice, o->intervals), percent(o->bad_elapsed, o->intervals),
                   percent(o->torn, o->intervals), percent(o->mixed, o->calls));
        }
    }
    printf("#\n# a 500 ms dashboard, segments in bursts of two seconds: error of the rate "
           "shown\n");
    printf("# %-15s %12s %22s %28s\n", "option", "alone", "beside a metrics client",
           "highest rate shown / true");
    for (int i = 0; i < OPTIONS; i++) {
        printf("# %-15s %11.1f%% %22.1f%% %17.0f / %.0f\n", all_claims[i].option->name,
               100 * dashboards[i][0].error, 100 * dashboards[i][1].error,
               dashboards[i][1].shown_max, dashboards[i][1].true_max);
    }
}

static const char *expect_words(enum expect expect, const char *never, const char *happens)
{
    return expect == NEVER ? never : happens;
}

static const char *sums_words(enum sums sums)
{
    static const char *const words[] = {
        [SUM_ANY] = "",
        [SUM_EXACT] = "all callers together account for exactly every event",
        [SUM_DOUBLE] = "events are counted more than once",
        [SUM_WRONG] = "the sum over all callers is wrong",
        [SUM_EACH] = "every caller by itself accounts for exactly every event",
    };
    return words[sums];
}

static void report_option(int index)
{
    const struct claims *claims = &all_claims[index];
    const struct outcome *row = outcomes[index];
    const char *name = claims->option->name;
    if (claims->sum != SUM_ANY) {
        report(sums_hold(claims->sum, row), name, sums_words(claims->sum));
    }
    if (claims->used_twice != ANY) {
        report(expectation_holds(claims->used_twice, row, offsetof(struct outcome, used_twice)),
               name,
               expect_words(claims->used_twice, "no previous snapshot is used twice",
                            "a previous snapshot is used twice"));
    }
    report(expectation_holds(claims->bad_elapsed, row, offsetof(struct outcome, bad_elapsed)),
           name,
           expect_words(claims->bad_elapsed, "every interval has a positive length",
                        "intervals of no or negative length occur"));
    report(expectation_holds(claims->torn, row, offsetof(struct outcome, torn)), name,
           expect_words(claims->torn, "no baseline is torn",
                        "baselines mix fields of several snapshots"));
    if (claims->mixed != ANY) {
        report(expectation_holds(claims->mixed, row, offsetof(struct outcome, mixed)), name,
               expect_words(claims->mixed, "totals are of one moment",
                            "totals are of different moments"));
    }
    if (claims->shares_split) {
        report(shares_split(row), name, "callers take one another's intervals");
    }
    if (claims->alone_exact) {
        report(row[0].claimed == (int64_t)row[0].truth && row[0].bad_elapsed == 0 &&
                   dashboards[index][0].error < 1e-9,
               name, "a single caller is told the truth");
    }
    if (claims->dashboard_right) {
        report(dashboards[index][1].error < 1e-9, name,
               "a dashboard beside a metrics client is told the truth");
    } else {
        report(dashboards[index][1].error > 0.2, name,
               "a dashboard beside a metrics client is wrong by more than a fifth");
    }
}

/* What holds whatever the schedule: for builds too slow or too short to see the rest. */
static void report_quick(int index)
{
    const struct claims *claims = &all_claims[index];
    const struct outcome *row = outcomes[index];
    report(row[0].claimed == (int64_t)row[0].truth || !claims->alone_exact,
           claims->option->name, "a single caller accounts for exactly every event");
    if (claims->sum == SUM_EACH || claims->sum == SUM_EXACT) {
        report(sums_hold(claims->sum, row), claims->option->name, sums_words(claims->sum));
    }
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    tracing = argc > 1 && strcmp(argv[1], "--trace") == 0;
    if (tracing) {
        printf("option,time_s,true_per_s,shown_per_s\n");
        for (int i = 0; i < OPTIONS; i++) {
            run_dashboard(all_claims[i].option, true);
        }
        return EXIT_SUCCESS;
    }
    for (int i = 0; i < OPTIONS; i++) {
        run_option(&all_claims[i], outcomes[i], quick ? 40 : 200, quick ? 1 : ROUNDS_MAX);
        if (!quick) {
            dashboards[i][0] = run_dashboard(all_claims[i].option, false);
            dashboards[i][1] = run_dashboard(all_claims[i].option, true);
        }
    }
    print_table();
    for (int i = 0; i < OPTIONS; i++) {
        if (quick) {
            report_quick(i);
        } else {
            report_option(i);
        }
    }
    printf("1..%d\n", tests);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
