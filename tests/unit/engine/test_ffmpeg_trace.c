/* What is counted of a process, from the logs of real ones, whose servers' truth is known: the
 * stream is six segments in each of two variants and seven of audio, or six in one variant. */
#include "engine/ffmpeg/ffmpeg_trace.h"

#include "ffmpeg_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A failure as it was shown; the texts with their NUL. */
struct shown {
    int status;
    int64_t age_s;
    char url[300], cache[80], address[NET_ADDRESS_TEXT];
};

struct reader {
    struct ffmpeg_log log;
    struct ffmpeg_trace trace;
    struct shoal_lane *lane;
    int64_t now_us;
    unsigned shown_count;
    struct shown shown[FAIL_COUNT]; /* the newest of each */
};

static uint64_t in_flight(const struct shoal_lane *lane)
{
    uint64_t over = fixture_sum(lane, METRIC_HTTP_RESPONSES) +
                    fixture_sum(lane, METRIC_REQUESTS_ABORTED) +
                    fixture_sum(lane, METRIC_REQUESTS_FAILED);
    uint64_t requests = fixture_sum(lane, METRIC_HTTP_REQUESTS);
    assert_true(over <= requests);
    return requests - over;
}

static void take(void *user, const struct ffmpeg_log_event *event)
{
    struct reader *reader = user;
    reader->now_us += 1000;
    ffmpeg_trace_take(&reader->trace, event, reader->now_us);
    /* The balance holds after every event, and one process has few requests in flight. */
    assert_true(in_flight(reader->lane) <= 8);
}

static void on_failure(void *user, const struct engine_failure *failure)
{
    struct reader *reader = user;
    struct shown *shown = &reader->shown[failure->fail];
    reader->shown_count++;
    *shown = (struct shown){failure->status, failure->age_s, "", "", ""};
    assert_true(span_to_string(failure->url, shown->url, sizeof shown->url));
    assert_true(span_to_string(failure->cache, shown->cache, sizeof shown->cache));
    if (failure->address != NULL) {
        union net_address address = {.family = AF_UNSPEC};
        memcpy(&address, failure->address,
               failure->address->sa_family == AF_INET6 ? sizeof address.in6
                                                       : sizeof address.in);
        net_address_format(&address, shown->address);
    }
}

static void begin(struct reader *reader, struct shoal_lane *lane,
                  const struct ffmpeg_variants *variants, int64_t timeout_us)
{
    *reader = (struct reader){.lane = lane};
    ffmpeg_log_init(&reader->log, take, reader);
    ffmpeg_trace_init(&reader->trace, lane, variants, NULL, timeout_us);
    reader->trace.on_failure = on_failure;
    reader->trace.user = reader;
}

static void end(struct reader *reader)
{
    const struct ffmpeg_trace *trace = &reader->trace;
    ffmpeg_trace_end(&reader->trace, !trace->signalled && !trace->playlist_failed);
    ffmpeg_trace_end(&reader->trace, true); /* changes nothing */
    assert_int_equal(in_flight(reader->lane), 0);
    assert_int_equal(fixture_sum(reader->lane, METRIC_TCP_CONNECTS),
                     fixture_sum(reader->lane, METRIC_CONNECTIONS_CLOSED));
    assert_int_equal(trace->lost, 0);
    /* Each failure that is counted was shown. */
    assert_int_equal(reader->shown_count, fixture_sum(reader->lane, METRIC_FAILURES));
}

static void feed_file(struct reader *reader, const char *name)
{
    size_t len = 0;
    char *text = fixture_read(name, &len);
    ffmpeg_log_feed(&reader->log, text, len);
    free(text);
}

static void feed(struct reader *reader, const char *text)
{
    ffmpeg_log_feed(&reader->log, text, strlen(text));
}

/* What was counted, by metric or by failure; the list ends with a count of -1. */
struct want {
    enum metric metric;
    enum fail fail; /* for METRIC_FAILURES */
    int count;
};

#define N(metric, count)                  \
    {                                     \
        METRIC_##metric, FAIL_NONE, count \
    }
#define F(fail, count)                      \
    {                                       \
        METRIC_FAILURES, FAIL_##fail, count \
    }

struct row {
    const char *file;
    struct want want[12];
};

static const struct row rows[] = {
    /* What went well, with two levels of log. */
    {"vod-debug.log",
     {N(HTTP_REQUESTS, 23), N(PLAYLISTS, 4), N(SEGMENTS, 19), N(TCP_CONNECTS, 8),
      N(FAILURES, 0), N(BODIES_ABORTED, 0), N(BODY_BYTES, 0)}},
    {"vod-trace.log",
     {N(HTTP_REQUESTS, 23), N(PLAYLISTS, 4), N(SEGMENTS, 19), N(TCP_CONNECTS, 8),
      N(FAILURES, 0), N(SEGMENT_BYTES, 90052), N(PLAYLIST_BYTES, 1195)}},
    {"https-debug.log",
     {N(HTTP_REQUESTS, 23), N(PLAYLISTS, 4), N(SEGMENTS, 19), N(TCP_CONNECTS, 8),
      N(TLS_HANDSHAKES, 8), N(FAILURES, 0)}},
    {"ipv6-debug.log",
     {N(HTTP_REQUESTS, 7), N(PLAYLISTS, 1), N(SEGMENTS, 6), N(TCP_CONNECTS, 3)}},
    {"fmp4-trace.log",
     {N(HTTP_REQUESTS, 7), N(PLAYLISTS, 1), N(SEGMENTS, 5), N(INIT_SECTIONS, 1)}},
    {"fmp4-debug.log", {N(SEGMENTS, 5), N(INIT_SECTIONS, 1)}},
    {"aes-debug.log", {N(HTTP_REQUESTS, 7), N(SEGMENTS, 5), N(KEYS, 1), N(PLAYLISTS, 1)}},
    {"chunked-trace.log",
     {N(HTTP_REQUESTS, 7), N(SEGMENTS, 6), N(SEGMENT_BYTES, 35344), N(TCP_CONNECTS, 3)}},
    {"redir-trace.log",
     {N(HTTP_REQUESTS, 8), N(HTTP_RESPONSES_3XX, 1), N(REDIRECTS, 1), N(TCP_CONNECTS, 4),
      N(PLAYLISTS, 1), N(SEGMENTS, 6), N(FAILURES, 0)}},
    {"redir-debug.log", {N(HTTP_REQUESTS, 8), N(HTTP_RESPONSES_3XX, 1), N(REDIRECTS, 1)}},
    {"stats-debug.log", {N(HTTP_REQUESTS, 7), N(SEGMENTS, 6), N(PLAYLISTS, 1)}},
    {"freeze-debug.log", {N(HTTP_REQUESTS, 7), N(SEGMENTS, 6), N(FAILURES, 0)}},
    /* Keep-alive reloads count as the playlists they are. */
    {"live-debug.log",
     {N(HTTP_REQUESTS, 39), N(PLAYLISTS, 15), N(TCP_CONNECTS, 8), N(SEGMENTS, 18),
      N(BODIES_ABORTED, 5), N(REQUESTS_ABORTED, 1)}},
    /* 404 and 503 are no segments. */
    {"missing-trace.log",
     {N(HTTP_REQUESTS, 31), N(SEGMENTS, 17), N(HTTP_RESPONSES_4XX, 5), N(HTTP_RESPONSES_5XX, 5),
      F(STATUS_4XX, 5), F(STATUS_5XX, 5), N(SEGMENTS_SKIPPED, 2), N(TCP_CONNECTS, 18)}},
    {"alldead-debug.log",
     {N(SEGMENTS, 0), F(STATUS_4XX, 6), N(PLAYLISTS, 1), N(HTTP_REQUESTS, 7)}},
    {"notfound-debug.log", {N(HTTP_REQUESTS, 1), F(STATUS_4XX, 1), N(PLAYLISTS, 0)}},
    /* A body that ended early is no segment. */
    {"truncate-trace.log",
     {N(SEGMENTS, 5), F(BODY_TRUNCATED, 1), N(SEGMENT_BYTES, 29892), N(KEEPALIVE_RETRIES, 1)}},
    {"garbage-trace.log", {N(SEGMENTS, 5), F(RESPONSE_MALFORMED, 1)}},
    {"closed-trace.log",
     {N(SEGMENTS, 5), F(CLOSED_BEFORE_RESPONSE, 5), N(REQUESTS_FAILED, 5),
      N(SEGMENTS_SKIPPED, 1)}},
    {"reset-debug.log", {N(SEGMENTS, 5), F(RESET_BEFORE_RESPONSE, 2), N(REQUESTS_FAILED, 5)}},
    /* Connections closed between requests: each loss is seen, no segment is lost. */
    {"closeafter-debug.log",
     {N(SEGMENTS, 6), N(KEEPALIVE_RETRIES, 4), N(REQUESTS_FAILED, 4), N(HTTP_RESPONSES, 7)}},
    /* No connection. */
    {"refused-debug.log", {F(CONNECT_REFUSED, 1), N(TCP_CONNECTS, 0), N(HTTP_REQUESTS, 0)}},
    {"reconnect-debug.log", {F(CONNECT_REFUSED, 3), N(RETRIES, 2), N(TCP_CONNECTS, 0)}},
    {"cntimeout-debug.log", {F(CONNECT_TIMEOUT, 1), N(FAILURES, 1)}},
    {"noname-debug.log", {F(DNS_NOT_FOUND, 1), N(FAILURES, 1)}},
    {"restart-trace.log", {F(CONNECT_REFUSED, 2), N(PLAYLISTS, 2), N(REQUESTS_FAILED, 1)}},
    {"expired-debug.log", {N(SEGMENTS_SKIPPED, 5), N(PLAYLISTS, 17), N(HTTP_REQUESTS, 50)}},
    /* Other versions than the one above, each of the same stream of an nginx whose log says so.
     */
    {"version4.1-trace.log",
     {N(HTTP_REQUESTS, 14), N(PLAYLISTS, 4), N(SEGMENTS, 10), N(TCP_CONNECTS, 8),
      N(SEGMENT_BYTES, 131036), N(BODY_BYTES, 132000), N(CACHE_HITS, 14), N(FAILURES, 0)}},
    {"version4.3-trace.log",
     {N(HTTP_REQUESTS, 14), N(PLAYLISTS, 4), N(SEGMENTS, 10), N(TCP_CONNECTS, 8),
      N(SEGMENT_BYTES, 131036), N(BODY_BYTES, 132000), N(CACHE_HITS, 14), N(FAILURES, 0)}},
    {"version6.0-trace.log",
     {N(HTTP_REQUESTS, 14), N(PLAYLISTS, 4), N(SEGMENTS, 10), N(TCP_CONNECTS, 8),
      N(SEGMENT_BYTES, 131036), N(BODY_BYTES, 132000), N(CACHE_HITS, 14), N(FAILURES, 0)}},
    {"version6.1-trace.log",
     {N(HTTP_REQUESTS, 14), N(PLAYLISTS, 4), N(SEGMENTS, 10), N(TCP_CONNECTS, 8),
      N(SEGMENT_BYTES, 131036), N(BODY_BYTES, 132000), N(CACHE_HITS, 14), N(FAILURES, 0)}},
    {"version7.1-trace.log",
     {N(HTTP_REQUESTS, 14), N(PLAYLISTS, 4), N(SEGMENTS, 10), N(TCP_CONNECTS, 8),
      N(SEGMENT_BYTES, 131036), N(BODY_BYTES, 132000), N(CACHE_HITS, 14), N(FAILURES, 0)}},
    {"version8.0-trace.log",
     {N(HTTP_REQUESTS, 14), N(PLAYLISTS, 4), N(SEGMENTS, 10), N(TCP_CONNECTS, 8),
      N(SEGMENT_BYTES, 131036), N(BODY_BYTES, 132000), N(CACHE_HITS, 14), N(FAILURES, 0)}},
    {"version9.0-trace.log",
     {N(HTTP_REQUESTS, 14), N(PLAYLISTS, 4), N(SEGMENTS, 10), N(TCP_CONNECTS, 8),
      N(SEGMENT_BYTES, 131036), N(BODY_BYTES, 132000), N(CACHE_HITS, 14), N(FAILURES, 0)}},
};

static void check_row(const struct row *row)
{
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed_file(&reader, row->file);
    end(&reader);
    for (size_t i = 0; i < sizeof row->want / sizeof row->want[0]; i++) {
        const struct want *want = &row->want[i];
        if (i > 0 && want->metric == 0 && want->count == 0) {
            break;
        }
        uint64_t got = want->fail != FAIL_NONE
                           ? fixture_value(lane, METRIC_FAILURES, want->fail)
                           : fixture_sum(lane, want->metric);
        if (got != (uint64_t)want->count) {
            fail_msg("%s: metric %d failure %d: %lu, expected %d", row->file, want->metric,
                     want->fail, (unsigned long)got, want->count);
        }
    }
    fixture_lane_free(lane);
}

static void real_logs_are_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(&rows[i]);
    }
}

/* What the log cannot tell is not there: no end of a download, and at level debug no size, and
 * no first byte. */
static void what_is_not_told_is_absent(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed_file(&reader, "vod-debug.log");
    end(&reader);
    assert_int_equal(fixture_histogram_count(lane, METRIC_SEGMENT_DOWNLOAD), 0);
    assert_int_equal(fixture_histogram_count(lane, METRIC_SEGMENT_FIRST_BYTE), 0);
    assert_int_equal(fixture_histogram_count(lane, METRIC_DNS), 0);
    assert_int_equal(fixture_histogram_count(lane, METRIC_TCP_CONNECT), 8);
    for (uint32_t i = 0; i < METRIC_VALUES_status; i++) {
        assert_int_equal(fixture_value(lane, METRIC_HTTP_RESPONSES, i), 0);
    }
    assert_int_equal(fixture_sum(lane, METRIC_HTTP_RESPONSES), 23);
    assert_int_equal(fixture_sum(lane, METRIC_HTTP_RESPONSES_2XX), 23);
    fixture_lane_free(lane);

    lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed_file(&reader, "vod-trace.log");
    end(&reader);
    assert_int_equal(fixture_histogram_count(lane, METRIC_SEGMENT_DOWNLOAD), 0);
    assert_int_equal(fixture_histogram_count(lane, METRIC_SEGMENT_FIRST_BYTE), 19);
    assert_int_equal(fixture_histogram_count(lane, METRIC_PLAYLIST_FIRST_BYTE), 4);
    assert_int_equal(fixture_value(lane, METRIC_HTTP_RESPONSES, 206 - METRIC_STATUS_MIN), 23);
    fixture_lane_free(lane);
}

static void purposes_are_told_apart(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed_file(&reader, "vod-trace.log");
    feed_file(&reader, "fmp4-trace.log");
    end(&reader);
    assert_int_equal(fixture_value(lane, METRIC_HTTP_REQUESTS, METRIC_KIND_MULTIVARIANT), 1);
    assert_int_equal(fixture_value(lane, METRIC_HTTP_REQUESTS, METRIC_KIND_OTHER), 0);
    fixture_lane_free(lane);

    lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed_file(&reader, "aes-debug.log");
    end(&reader);
    assert_int_equal(fixture_value(lane, METRIC_HTTP_REQUESTS, METRIC_KIND_KEY), 1);
    assert_int_equal(fixture_value(lane, METRIC_HTTP_REQUESTS, METRIC_KIND_SEGMENT), 5);
    assert_int_equal(fixture_value(lane, METRIC_HTTP_REQUESTS, METRIC_KIND_MEDIA_PLAYLIST), 1);
    fixture_lane_free(lane);
}

/* Segments are those of the variant whose playlist lists them; renditions are "other". */
static void variants_are_labels(void **state)
{
    (void)state;
    static struct reader reader;
    const struct span urls[] = {
        SPAN("http://127.0.0.1:18080/vod/v0.m3u8"),
        SPAN("http://127.0.0.1:18080/vod/v1.m3u8"),
    };
    const struct ffmpeg_variants variants = {urls, 2};
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, &variants, 0);
    feed_file(&reader, "vod-trace.log");
    end(&reader);
    assert_int_equal(fixture_value(lane, METRIC_SEGMENTS, 0), 6);
    assert_int_equal(fixture_value(lane, METRIC_SEGMENTS, 1), 6);
    assert_int_equal(fixture_value(lane, METRIC_SEGMENTS, METRIC_VARIANT_OTHER), 7);
    fixture_lane_free(lane);

    /* A lone media playlist is variant 0. */
    lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed_file(&reader, "ipv6-debug.log");
    end(&reader);
    assert_int_equal(fixture_value(lane, METRIC_SEGMENTS, 0), 6);
    fixture_lane_free(lane);
}

#define SEGMENT_REQUEST(url, context)                                             \
    "[hls @ 0x1] [verbose] HLS request for url '" url "', offset 0, playlist 0\n" \
    "[hls @ 0x1] [info] Opening '" url "' for reading\n"                          \
    "[tcp @ 0x2] [verbose] Starting connection attempt to 10.0.0.1 port 80\n"     \
    "[tcp @ 0x2] [verbose] Successfully connected to 10.0.0.1 port 80\n"          \
    "[http @ " context "] [debug] request: GET / HTTP/1.1\n"                      \
    "[http @ " context "] [trace] http_code=206\n"                                \
    "[http @ " context "] [trace] header='Content-Length: 10'\n"

/* Renditions whose segments have equal names do not collide. */
static void equal_names_are_apart(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed(&reader,
         SEGMENT_REQUEST("http://h/a/1.ts", "0xa") SEGMENT_REQUEST("http://h/b/1.ts", "0xb")
             SEGMENT_REQUEST("http://h/a/2.ts", "0xc")
                 SEGMENT_REQUEST("http://h/b/2.ts", "0xd"));
    assert_int_equal(fixture_sum(lane, METRIC_SEGMENTS), 2);
    ffmpeg_trace_end(&reader.trace, true);
    assert_int_equal(fixture_sum(lane, METRIC_SEGMENTS), 4);
    assert_int_equal(fixture_sum(lane, METRIC_SEGMENT_BYTES), 40);
    fixture_lane_free(lane);
}

/* A process that is killed loses nothing and doubles nothing, and what the next one measures
 * does not begin before it. */
static void restarts_begin_anew(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed(&reader, SEGMENT_REQUEST("http://h/1.ts", "0xa"));
    feed(&reader, "[hls @ 0x1] [verbose] HLS request for url 'http://h/2.ts', offset 0, "
                  "playlist 0\n[http @ 0xf] [info] Opening 'http://h/2.ts' for reading\n"
                  "[http @ 0xa] [debug] request: GET / HTTP/1.1\n");
    reader.trace.signalled = true;
    ffmpeg_trace_end(&reader.trace, false);
    uint64_t first_us = fixture_histogram_sum(lane, METRIC_SEGMENT_FIRST_BYTE);
    assert_int_equal(fixture_sum(lane, METRIC_HTTP_REQUESTS), 2);
    assert_int_equal(fixture_sum(lane, METRIC_REQUESTS_ABORTED), 1);
    assert_int_equal(in_flight(lane), 0);

    reader.now_us += INT64_C(60000000); /* the outage */
    int64_t now_us = reader.now_us;
    begin(&reader, lane, NULL, 0);
    reader.now_us = now_us;
    feed(&reader, SEGMENT_REQUEST("http://h/2.ts", "0xa"));
    ffmpeg_trace_end(&reader.trace, true);
    assert_int_equal(fixture_sum(lane, METRIC_HTTP_REQUESTS), 3);
    assert_int_equal(fixture_histogram_count(lane, METRIC_SEGMENT_FIRST_BYTE), 2);
    assert_int_equal(fixture_histogram_sum(lane, METRIC_SEGMENT_FIRST_BYTE), 2 * first_us);
    fixture_lane_free(lane);
}

/* A reload that brings no segment has no request after it; stopped then, FFmpeg has read it all
 * the same. One of which no line was read is given up. */
static void a_playlist_that_was_read_counts_at_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        uint64_t playlists;
    } ends[] = {
        {"[hls @ 0x1] [verbose] Skip ('#EXT-X-VERSION:6')\n", 1},
        {"[hls @ 0x1] [debug] Media sequence change (6 -> 7) reflected in first_timestamp: "
         "37410660 -> 39410660\n",
         1},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        static struct reader reader;
        struct shoal_lane *lane = fixture_lane_new();
        begin(&reader, lane, NULL, 0);
        feed(&reader, "[http @ 0xf] [info] Opening 'http://h/l.m3u8' for reading\n"
                      "[http @ 0xa] [debug] request: GET /l.m3u8 HTTP/1.1\n"
                      "[http @ 0xa] [trace] http_code=206\n"
                      "[http @ 0xa] [trace] header='Content-Length: 269'\n"
                      "[http @ 0xa] [trace] header=''\n");
        feed(&reader, ends[i].lines);
        reader.trace.leaving = true;
        feed(&reader, "[info] Exiting normally, received signal 15.\n");
        end(&reader);
        assert_int_equal(fixture_sum(lane, METRIC_PLAYLISTS), ends[i].playlists);
        assert_int_equal(fixture_sum(lane, METRIC_BODIES_ABORTED), 1 - ends[i].playlists);
        fixture_lane_free(lane);
    }
}

/* What a process that was asked to leave cuts short is no failure of the server. */
static void leaving_is_no_failure(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed(&reader, SEGMENT_REQUEST("http://h/1.ts", "0xa"));
    feed(&reader, "[hls @ 0x1] [verbose] HLS request for url 'http://h/2.ts', offset 0, "
                  "playlist 0\n[http @ 0xf] [info] Opening 'http://h/2.ts' for reading\n"
                  "[http @ 0xa] [debug] request: GET / HTTP/1.1\n");
    reader.trace.leaving = true;
    feed(&reader,
         "[hls @ 0x1] [warning] Failed to open segment 2 of playlist 0\n"
         "[tcp @ 0x2] [verbose] Connection attempt to ::1 port 1 failed: Immediate exit "
         "requested\n[info] Exiting normally, received signal 15.\n");
    end(&reader);
    assert_int_equal(fixture_sum(lane, METRIC_FAILURES), 0);
    assert_int_equal(fixture_sum(lane, METRIC_REQUESTS_FAILED), 0);
    assert_int_equal(fixture_sum(lane, METRIC_REQUESTS_ABORTED), 1);
    fixture_lane_free(lane);
}

/* With stamps in the log, its own times count, midnight included. */
static void stamps_are_times(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed(&reader, "2026-01-23 23:59:59.990 [tcp @ 0x2] [verbose] Starting connection attempt "
                  "to ::1 port 80\n"
                  "2026-01-24 00:00:00.033 [tcp @ 0x2] [verbose] Successfully connected to ::1 "
                  "port 80\n");
    assert_int_equal(fixture_histogram_sum(lane, METRIC_TCP_CONNECT), 43000);
    fixture_lane_free(lane);
}

/* Responses, bytes and failures are those of the address that TCP connected to, also on a
 * connection used again; a redirect leads to another server. */
static void servers_are_labels(void **state)
{
    (void)state;
    static struct reader reader;
    const struct span addresses[] = {SPAN("10.0.0.1"), SPAN("::1")};
    const struct ffmpeg_servers servers = {addresses, 2};
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    reader.trace.servers = &servers;
    feed(&reader, SEGMENT_REQUEST("http://h/1.ts", "0xa"));
    feed(&reader, "[hls @ 0x1] [verbose] HLS request for url 'http://h/2.ts', offset 0, "
                  "playlist 0\n[http @ 0xf] [info] Opening 'http://h/2.ts' for reading\n"
                  "[http @ 0xa] [debug] request: GET / HTTP/1.1\n"
                  "[http @ 0xa] [trace] http_code=302\n"
                  "[tcp @ 0x2] [verbose] Starting connection attempt to 10.9.9.9 port 80\n"
                  "[tcp @ 0x2] [verbose] Connection attempt to 10.9.9.9 port 80 failed: "
                  "Connection refused\n"
                  "[tcp @ 0x2] [verbose] Starting connection attempt to ::1 port 80\n"
                  "[tcp @ 0x2] [verbose] Successfully connected to ::1 port 80\n"
                  "[http @ 0xa] [debug] request: GET / HTTP/1.1\n"
                  "[http @ 0xa] [trace] http_code=404\n"
                  "[http @ 0xa] [warning] HTTP error 404 Not Found\n"
                  "[hls @ 0x1] [warning] Failed to open segment 2 of playlist 0\n");
    end(&reader);
    assert_int_equal(fixture_value(lane, METRIC_SERVER_RESPONSES, 0), 2);
    assert_int_equal(fixture_value(lane, METRIC_SERVER_RESPONSES, 1), 1);
    assert_int_equal(fixture_sum(lane, METRIC_SERVER_RESPONSES),
                     fixture_sum(lane, METRIC_HTTP_RESPONSES));
    assert_int_equal(fixture_value(lane, METRIC_SERVER_FAILURES, 0), 0);
    assert_int_equal(fixture_value(lane, METRIC_SERVER_FAILURES, 1), 1);
    assert_int_equal(fixture_value(lane, METRIC_SERVER_FAILURES, METRIC_SERVER_OTHER), 1);
    assert_int_equal(fixture_sum(lane, METRIC_SERVER_BODY_BYTES),
                     fixture_sum(lane, METRIC_BODY_BYTES));
    fixture_lane_free(lane);
}

/* What caches say of playlists and segments; keys and redirects are in neither count. */
static void cache_verdicts_are_counted(void **state)
{
    static const struct {
        const char *head;
        uint64_t hits, misses;
    } cases[] = {
        {"[http @ 0xa] [trace] header='X-Cache: HIT'\n", 1, 0},
        {"[http @ 0xa] [trace] header='x-cache: Miss from cloudfront'\n", 0, 1},
        {"[http @ 0xa] [trace] header='X-Cache: HIT'\n"
         "[http @ 0xa] [trace] header='CF-Cache-Status: EXPIRED'\n",
         0, 1},
        {"[http @ 0xa] [trace] header='Age: 12'\n", 1, 0},
        {"[http @ 0xa] [trace] header='Age: 0'\n", 0, 0},
        {"[http @ 0xa] [trace] header='Server: HIT'\n", 0, 0},
    };
    (void)state;
    static struct reader reader;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shoal_lane *lane = fixture_lane_new();
        begin(&reader, lane, NULL, 0);
        feed(&reader, SEGMENT_REQUEST("http://h/1.ts", "0xa"));
        feed(&reader, cases[i].head);
        assert_int_equal(fixture_sum(lane, METRIC_CACHE_HITS), 0);
        feed(&reader, "[http @ 0xa] [trace] header=''\n"
                      "[http @ 0xa] [trace] header='X-Cache: HIT'\n"
                      "[http @ 0xa] [trace] header=''\n"); /* of trailers */
        assert_int_equal(fixture_sum(lane, METRIC_CACHE_HITS), cases[i].hits);
        assert_int_equal(fixture_sum(lane, METRIC_CACHE_MISSES), cases[i].misses);
        /* What was said of one response is not said of the next. */
        feed(&reader, SEGMENT_REQUEST("http://h/2.ts", "0xb"));
        feed(&reader, "[http @ 0xb] [trace] header=''\n");
        assert_int_equal(fixture_sum(lane, METRIC_CACHE_HITS), cases[i].hits);
        end(&reader);
        fixture_lane_free(lane);
    }
}

static void check_shown(const struct reader *reader, const char *what, enum fail fail,
                        struct shown want)
{
    const struct shown *got = &reader->shown[fail];
    if (got->status != want.status || got->age_s != want.age_s ||
        strcmp(got->url, want.url) != 0 || strcmp(got->cache, want.cache) != 0 ||
        strcmp(got->address, want.address) != 0) {
        fail_msg("%s: %d: status %d, age %ld, '%s', '%s', '%s'", what, (int)fail, got->status,
                 (long)got->age_s, got->url, got->cache, got->address);
    }
}

/* The newest failure of a kind in real logs. */
static void failures_of_real_logs_are_shown(void **state)
{
    static const struct {
        const char *file;
        enum fail fail;
        int status;
        const char *url, *address;
    } cases[] = {
        {"missing-trace.log", FAIL_STATUS_4XX, 404, "http://127.0.0.1:18080/missing/s0_003.ts",
         "127.0.0.1:18080"},
        {"missing-debug.log", FAIL_STATUS_5XX, 503, "http://127.0.0.1:18080/missing/s1_002.ts",
         "127.0.0.1:18080"},
        {"notfound-debug.log", FAIL_STATUS_4XX, 404, "http://127.0.0.1:18080/nothing.m3u8",
         "127.0.0.1:18080"},
        {"truncate-trace.log", FAIL_BODY_TRUNCATED, 206, "http://127.0.0.1:44843/s0_003.ts",
         "127.0.0.1:44843"},
        {"closed-trace.log", FAIL_CLOSED_BEFORE_RESPONSE, 0, "http://127.0.0.1:41201/s0_003.ts",
         "127.0.0.1:41201"},
        {"reset-debug.log", FAIL_RESET_BEFORE_RESPONSE, 0, "http://127.0.0.1:57343/s0_003.ts",
         "127.0.0.1:57343"},
        {"refused-debug.log", FAIL_CONNECT_REFUSED, 0, "http://127.0.0.1:1/x.m3u8",
         "127.0.0.1:1"},
        {"cntimeout-debug.log", FAIL_CONNECT_TIMEOUT, 0, "http://127.0.0.1:56135/v0.m3u8",
         "127.0.0.1:56135"},
        {"noname-debug.log", FAIL_DNS_NOT_FOUND, 0, "http://nosuchname.invalid/x.m3u8", ""},
        {"restart-trace.log", FAIL_CONNECT_REFUSED, 0, "http://127.0.0.1:18080/live/v0.m3u8",
         "127.0.0.1:18080"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct reader reader;
        struct shoal_lane *lane = fixture_lane_new();
        begin(&reader, lane, NULL, 0);
        feed_file(&reader, cases[i].file);
        end(&reader);
        struct shown want = {.status = cases[i].status, .age_s = -1};
        snprintf(want.url, sizeof want.url, "%s", cases[i].url);
        snprintf(want.address, sizeof want.address, "%s", cases[i].address);
        check_shown(&reader, cases[i].file, cases[i].fail, want);
        fixture_lane_free(lane);
    }
}

/* Without anything that is of an earlier request on the connection, or of another server. */
static void failures_are_shown_with_what_is_told_of_them(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    feed(&reader,
         SEGMENT_REQUEST(
             "crypto+http://h/1.ts",
             "0xa") "[http @ 0xa] [trace] header='CF-Cache-Status: HI\x1bT'\n"
                    "[http @ 0xa] [trace] header='X-Cache: MISS'\n"
                    "[http @ 0xa] [trace] header='Age: 17'\n"
                    "[http @ 0xa] [trace] header=''\n"
                    "[http @ 0xa] [error] Stream ends prematurely at 5, should be 10\n");
    check_shown(&reader, "cut", FAIL_BODY_TRUNCATED,
                (struct shown){206, 17, "http://h/1.ts", "HI?T", "10.0.0.1:80"});
    char url[400], text[1024];
    memset(url, 'u', sizeof url);
    memcpy(url, "http://h/", 9);
    url[sizeof url - 1] = '\0';
    snprintf(text, sizeof text,
             "[hls @ 0x1] [verbose] HLS request for url '%s', offset 0, playlist 0\n"
             "[http @ 0xf] [info] Opening '%s' for reading\n"
             "[http @ 0xa] [debug] request: GET / HTTP/1.1\n",
             url, url);
    feed(&reader, text);
    feed(&reader, "[http @ 0xa] [trace] http_code=302\n"
                  "[tcp @ 0x2] [verbose] Starting connection attempt to ::1 port 443\n"
                  "[tcp @ 0x2] [verbose] Successfully connected to ::1 port 443\n"
                  "[tls @ 0x3] [error] certificate of another\n"
                  "[http @ 0xa] [debug] request: GET / HTTP/1.1\n"
                  "[http @ 0xa] [trace] http_code=404\n"
                  "[http @ 0xa] [warning] HTTP error 404 Not Found\n"
                  "[hls @ 0x1] [warning] Failed to open segment 2 of playlist 0\n");
    struct shown want = {404, -1, "", "", "[::1]:443"};
    memcpy(want.url, url, FFMPEG_TRACE_URL_BYTES);
    check_shown(&reader, "redirected", FAIL_STATUS_4XX, want);
    want.status = 0;
    check_shown(&reader, "certificate", FAIL_TLS_CERTIFICATE, want);
    end(&reader);
    fixture_lane_free(lane);
}

/* Nothing grows with the length of a run: the places are fixed, and all are given back. */
static void nothing_grows(void **state)
{
    (void)state;
    static struct reader reader;
    struct shoal_lane *lane = fixture_lane_new();
    begin(&reader, lane, NULL, 0);
    for (int i = 0; i < 20000; i++) {
        char text[1024];
        snprintf(
            text, sizeof text,
            "[hls @ 0x1] [verbose] HLS request for url 'http://h/%d.ts', offset 0, playlist "
            "0\n[hls @ 0x1] [info] Opening 'http://h/%d.ts' for reading\n"
            "[tcp @ 0x2] [verbose] Starting connection attempt to 10.0.0.1 port 80\n"
            "[tcp @ 0x2] [verbose] Successfully connected to 10.0.0.1 port 80\n"
            "[http @ 0x%x] [debug] request: GET / HTTP/1.1\nConnection: close\r\n\r\n"
            "[http @ 0x%x] [trace] http_code=200\n",
            i, i, i + 1, i + 1);
        feed(&reader, text);
    }
    end(&reader);
    assert_int_equal(fixture_sum(lane, METRIC_SEGMENTS), 20000);
    assert_int_equal(fixture_sum(lane, METRIC_TCP_CONNECTS), 20000);
    fixture_lane_free(lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_logs_are_counted),
        cmocka_unit_test(what_is_not_told_is_absent),
        cmocka_unit_test(purposes_are_told_apart),
        cmocka_unit_test(variants_are_labels),
        cmocka_unit_test(equal_names_are_apart),
        cmocka_unit_test(restarts_begin_anew),
        cmocka_unit_test(a_playlist_that_was_read_counts_at_the_end),
        cmocka_unit_test(leaving_is_no_failure),
        cmocka_unit_test(stamps_are_times),
        cmocka_unit_test(failures_of_real_logs_are_shown),
        cmocka_unit_test(failures_are_shown_with_what_is_told_of_them),
        cmocka_unit_test(nothing_grows),
        cmocka_unit_test(servers_are_labels),
        cmocka_unit_test(cache_verdicts_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
