/* How many lines of FFmpeg's log are read a second on one core, the counting included; how much
 * is allocated by the way; what one client's readers occupy. The logs are those of real
 * processes, at level debug and at level trace.
 *
 *     bench_ffmpeg_log [seconds for each log] */
#include "base/clock.h"
#include "engine/ffmpeg/ffmpeg_log.h"
#include "engine/ffmpeg/ffmpeg_trace.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct ffmpeg_log log;
    struct ffmpeg_trace trace;
};

static struct shoal_lane *make_lane(void)
{
    struct shoal_schema *schema = NULL;
    size_t bytes = sizeof(struct shoal_lane) + METRIC_WORDS * sizeof(uint64_t);
    bytes = (bytes + SHOAL_LINE_BYTES - 1) / SHOAL_LINE_BYTES * SHOAL_LINE_BYTES;
    struct shoal_lane *lane = aligned_alloc(SHOAL_LINE_BYTES, bytes);
    if (lane == NULL || metrics_schema_new(NULL, 0, NULL, 0, NULL, &schema) != 0) {
        abort();
    }
    memset(lane, 0, bytes);
    lane->schema = schema;
    return lane;
}

static char *read_file(const char *name, size_t *len)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", FFMPEG_CORPUS, name);
    FILE *file = fopen(path, "rb");
    char *text = malloc(1 << 20);
    if (file == NULL || text == NULL) {
        perror(path);
        exit(1);
    }
    *len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static void on_event(void *user, const struct ffmpeg_log_event *event)
{
    struct reader *reader = user;
    ffmpeg_trace_take(&reader->trace, event, 1000);
}

/* Feeds the log in pieces as a pipe would give them, again and again. */
static void measure(const char *name, double seconds, struct shoal_lane *lane)
{
    enum { PIECE = 4096 };
    static struct reader reader;
    size_t len = 0;
    char *text = read_file(name, &len);
    ffmpeg_log_init(&reader.log, on_event, &reader);
    struct mallinfo2 before = mallinfo2();
    int64_t start_us = clock_thread_cpu_us();
    int64_t used_us = 0;
    do {
        ffmpeg_trace_init(&reader.trace, lane, NULL, NULL, 0);
        for (size_t at = 0; at < len; at += PIECE) {
            ffmpeg_log_feed(&reader.log, text + at, len - at < PIECE ? len - at : PIECE);
        }
        ffmpeg_trace_end(&reader.trace, true);
        used_us = clock_thread_cpu_us() - start_us;
    } while ((double)used_us < seconds * 1e6);
    struct mallinfo2 after = mallinfo2();
    double rate = (double)reader.log.lines / (double)used_us;
    printf("%-20s %10.2f M lines/s  %6.1f ns a line  %5.1f %% events  %zu bytes allocated\n",
           name, rate, 1000 / rate,
           100.0 * (double)reader.log.events / (double)reader.log.lines,
           (size_t)(after.uordblks - before.uordblks));
    free(text);
}

int main(int argc, char **argv)
{
    static const char *const logs[] = {"live-debug.log", "live-trace.log", "missing-trace.log",
                                       "fmp4-trace.log", "version9.0-trace.log"};
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    struct shoal_lane *lane = make_lane();
    printf("readers of one client: %zu bytes of log, %zu of trace\n", sizeof(struct ffmpeg_log),
           sizeof(struct ffmpeg_trace));
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        measure(logs[i], seconds, lane);
    }
    return 0;
}
