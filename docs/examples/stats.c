/* Two worker threads that count, and a dashboard that shows totals, rates and percentiles.
 *
 *     cc -o stats stats.c $(pkg-config --cflags --libs libshoal-stats) */
#include <pthread.h>
#include <shoal/stats.h>
#include <stdio.h>
#include <time.h>

enum { REQUESTS, BYTES, LATENCY = 0, WORKERS = 2 };

static const struct shoal_counter_def counters[] = {
    [REQUESTS] = {"requests", "1", "Requests answered", NULL, NULL, 0},
    [BYTES] = {"bytes", "bytes", "Bytes received", NULL, NULL, 0},
};
static const struct shoal_histogram_def histograms[] = {
    [LATENCY] = {"latency", "us", "Time to answer", 6, 60000000},
};
static const struct shoal_schema_def def = {
    .counters = counters, .counter_count = 2, .histograms = histograms, .histogram_count = 1};
static struct shoal_sampler *sampler;

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void *work(void *argument)
{
    struct shoal_lane *lane = argument;
    shoal_lane_open(lane, shoal_sampler_now_us(sampler));
    for (int i = 0; i < 2000; i++) {
        int64_t begun_us = shoal_sampler_now_us(sampler);
        pause_ms(1); /* the work */
        int64_t now_us = shoal_sampler_now_us(sampler);
        shoal_lane_add(lane, REQUESTS, 1);
        shoal_lane_add(lane, BYTES, 1500);
        shoal_lane_record(lane, LATENCY, now_us - begun_us);
        if (shoal_lane_due(lane, now_us)) {
            shoal_lane_cut(lane, now_us);
        }
    }
    shoal_lane_close(lane, shoal_sampler_now_us(sampler));
    return NULL;
}

int main(void)
{
    struct shoal_schema *schema;
    struct shoal_observer *dashboard;
    pthread_t threads[WORKERS];
    if (shoal_schema_new(&def, &schema) != 0 ||
        shoal_sampler_new(&(struct shoal_sampler_options){.schema = schema, .lanes = WORKERS},
                          &sampler) != 0 ||
        shoal_sampler_start(sampler) != 0 ||
        shoal_observer_new(sampler, SHOAL_FULL, NULL, 0, &dashboard) != 0) {
        return 1;
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        pthread_create(&threads[i], NULL, work, shoal_sampler_lane(sampler, i));
    }
    /* Rates of the time since the last look; any number of threads may each have their own. */
    while (!shoal_observer_is_final(dashboard)) {
        pause_ms(100);
        if (shoal_observer_update(dashboard) == 1) {
            struct shoal_interval last = shoal_observer_last(dashboard);
            uint64_t p99_us;
            shoal_percentiles(&last, LATENCY, &(double){99}, 1, &p99_us);
            printf("%6llu requests %8.1f/s  p99 %llu us\n",
                   (unsigned long long)shoal_total(&last, REQUESTS),
                   shoal_rate(&last, REQUESTS), (unsigned long long)p99_us);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    shoal_observer_free(dashboard);
    shoal_sampler_free(sampler);
    shoal_schema_free(schema);
}
