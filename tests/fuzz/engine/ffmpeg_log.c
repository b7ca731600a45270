/* The log of an FFmpeg process, and what is counted from it. The first byte chooses how the
 * rest is cut into reads. Held: each line has one verdict, spans lie in bounds (by the
 * sanitizers), the cutting changes nothing, and the requests and connections balance after
 * every event. */
#include "engine/ffmpeg/ffmpeg_log.h"
#include "engine/ffmpeg/ffmpeg_trace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    struct ffmpeg_log log;
    struct ffmpeg_trace trace;
    struct shoal_lane *lane;
    int64_t now_us;
    uint64_t bytes_of_spans;
    uint64_t shown; /* failures */
};

static uint64_t sum(const struct shoal_lane *lane, enum metric metric)
{
    uint64_t total = shoal_lane_get(lane, metric);
    for (uint32_t i = 0; i < metric_values[metric]; i++) {
        /* Relaxed: one thread. */
        total +=
            atomic_load_explicit(&lane->words[metric_labels[metric] + i], memory_order_relaxed);
    }
    return total;
}

static void check_span(struct reader *reader, struct span span)
{
    for (size_t i = 0; i < span.len; i++) {
        reader->bytes_of_spans += (unsigned char)span.ptr[i];
    }
}

static void on_failure(void *user, const struct engine_failure *failure)
{
    struct reader *reader = user;
    assert(failure->url.len <= FFMPEG_TRACE_URL_BYTES);
    assert(failure->cache.len <= FFMPEG_TRACE_CACHE_BYTES);
    check_span(reader, failure->url);
    check_span(reader, failure->cache);
    reader->shown++;
}

static void on_event(void *user, const struct ffmpeg_log_event *event)
{
    struct reader *reader = user;
    assert(event->type < FFMPEG_LOG_TYPE_COUNT);
    assert(event->stamp_ms >= -1 && event->stamp_ms < 100 * 3600 * 1000);
    check_span(reader, event->url);
    check_span(reader, event->address);
    reader->now_us += 1000;
    ffmpeg_trace_take(&reader->trace, event, reader->now_us);
    const struct shoal_lane *lane = reader->lane;
    uint64_t over = sum(lane, METRIC_HTTP_RESPONSES) + sum(lane, METRIC_REQUESTS_ABORTED) +
                    sum(lane, METRIC_REQUESTS_FAILED);
    assert(over <= sum(lane, METRIC_HTTP_REQUESTS));
}

static struct reader *reader_new(void)
{
    static struct shoal_schema *schema;
    if (schema == NULL && metrics_schema_new(NULL, 0, NULL, 0, NULL, &schema) != 0) {
        abort();
    }
    struct reader *reader = calloc(1, sizeof *reader);
    size_t bytes = sizeof(struct shoal_lane) + METRIC_WORDS * sizeof(uint64_t);
    bytes = (bytes + SHOAL_LINE_BYTES - 1) / SHOAL_LINE_BYTES * SHOAL_LINE_BYTES;
    struct shoal_lane *lane = aligned_alloc(SHOAL_LINE_BYTES, bytes);
    if (reader == NULL || lane == NULL) {
        abort();
    }
    memset(lane, 0, bytes);
    lane->schema = schema;
    reader->lane = lane;
    ffmpeg_log_init(&reader->log, on_event, reader);
    static const struct span addresses[] = {{"127.0.0.1", 9}, {"::1", 3}};
    static const struct ffmpeg_servers servers = {addresses, 2};
    ffmpeg_trace_init(&reader->trace, lane, NULL, &servers, 0);
    reader->trace.on_failure = on_failure;
    reader->trace.user = reader;
    return reader;
}

static void reader_free(struct reader *reader)
{
    ffmpeg_log_finish(&reader->log);
    ffmpeg_trace_end(&reader->trace, reader->log.lines % 2 == 0);
    const struct ffmpeg_log *log = &reader->log;
    assert(log->lines == log->events + log->ignored + log->unknown);
    assert(sum(reader->lane, METRIC_HTTP_REQUESTS) ==
           sum(reader->lane, METRIC_HTTP_RESPONSES) +
               sum(reader->lane, METRIC_REQUESTS_ABORTED) +
               sum(reader->lane, METRIC_REQUESTS_FAILED));
    /* What is told by server is all there is; a cache is heard once a response at most. */
    assert(sum(reader->lane, METRIC_SERVER_RESPONSES) ==
           sum(reader->lane, METRIC_HTTP_RESPONSES));
    assert(sum(reader->lane, METRIC_SERVER_BODY_BYTES) == sum(reader->lane, METRIC_BODY_BYTES));
    assert(sum(reader->lane, METRIC_CACHE_HITS) + sum(reader->lane, METRIC_CACHE_MISSES) <=
           sum(reader->lane, METRIC_HTTP_RESPONSES_2XX));
    assert(reader->shown == sum(reader->lane, METRIC_FAILURES));
    free(reader->lane);
    free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t step = (size_t)data[0] + 1;
    const char *text = (const char *)data + 1;
    size--;
    struct reader *whole = reader_new();
    struct reader *pieces = reader_new();
    ffmpeg_log_feed(&whole->log, text, size);
    for (size_t at = 0; at < size; at += step) {
        size_t part = size - at < step ? size - at : step;
        ffmpeg_log_feed(&pieces->log, text + at, part);
    }
    assert(whole->log.events == pieces->log.events && whole->log.lines == pieces->log.lines);
    assert(whole->bytes_of_spans == pieces->bytes_of_spans);
    assert(whole->log.unknown == pieces->log.unknown && whole->log.cut == pieces->log.cut);
    reader_free(whole);
    reader_free(pieces);
    return 0;
}
