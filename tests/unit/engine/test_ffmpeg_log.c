#include "engine/ffmpeg/ffmpeg_log.h"

#include "ffmpeg_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAKEN_MAX = 4096 };

/* Events as they came, their spans copied. */
struct taken {
    unsigned count;
    struct {
        struct ffmpeg_log_event event;
        char url[256], address[64];
    } events[TAKEN_MAX];
};

static void take(void *user, const struct ffmpeg_log_event *event)
{
    struct taken *taken = user;
    assert_true(taken->count < TAKEN_MAX);
    unsigned i = taken->count++;
    taken->events[i].event = *event;
    taken->events[i].event.url = taken->events[i].event.address = (struct span){NULL, 0};
    span_to_string(event->url, taken->events[i].url, sizeof taken->events[i].url);
    span_to_string(event->address, taken->events[i].address, sizeof taken->events[i].address);
}

static struct taken *read_text(const char *text, size_t len, size_t step,
                               struct ffmpeg_log *log)
{
    struct taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    ffmpeg_log_init(log, take, taken);
    for (size_t at = 0; at < len; at += step) {
        size_t part = len - at < step ? len - at : step;
        /* In memory of its own size, so that a sanitizer sees any over-read. */
        char *bytes = malloc(part);
        assert_non_null(bytes);
        memcpy(bytes, text + at, part);
        ffmpeg_log_feed(log, bytes, part);
        free(bytes);
    }
    return taken;
}

static bool are_equal(const struct taken *a, const struct taken *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (unsigned i = 0; i < a->count; i++) {
        const struct ffmpeg_log_event *x = &a->events[i].event;
        const struct ffmpeg_log_event *y = &b->events[i].event;
        bool same = x->type == y->type && x->reused == y->reused && x->fail == y->fail &&
                    x->playlist == y->playlist && x->port == y->port &&
                    x->stamp_ms == y->stamp_ms && x->context == y->context &&
                    x->number == y->number && x->other == y->other &&
                    strcmp(a->events[i].url, b->events[i].url) == 0 &&
                    strcmp(a->events[i].address, b->events[i].address) == 0;
        if (!same) {
            return false;
        }
    }
    return true;
}

struct expected {
    const char *line;
    int type; /* enum ffmpeg_log_type, or -1 for ignored, -2 for unknown */
    enum fail fail;
    int32_t playlist_1; /* one more than the playlist, 0 for none */
    uint64_t number, other;
    const char *url, *address;
    uint16_t port;
    bool reused;
};

static const struct expected table[] = {
    /* Opening: who says it tells whether the connection is new. */
    {"[hls @ 0x5a] [info] Opening 'http://h/a.ts' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/a.ts"},
    {"[http @ 0x5a] [info] Opening 'http://h/a.ts' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/a.ts", .reused = true},
    {"[https @ 0x5a] [info] Opening 'https://h/a.ts' for reading", FFMPEG_LOG_OPEN,
     .url = "https://h/a.ts", .reused = true},
    {"[NULL @ 0x5a] [debug] Opening 'http://h/l.m3u8' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/l.m3u8"},
    {"[AVFormatContext @ 0x5a] [debug] Opening 'http://h/l.m3u8' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/l.m3u8"},
    {"[in#0 @ 0x5a] [debug] Opening 'http://h/l.m3u8' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/l.m3u8"},
    {"[in#0/hls @ 0x5a] [info] Opening 'http://h/a.ts' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/a.ts"},
    {"[hls @ 0x5a] Opening 'http://h/a.ts' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/a.ts"},
    {"[hls @ 0x5a] [info] Opening 'http://h/it's' for reading.ts' for reading", FFMPEG_LOG_OPEN,
     .url = "http://h/it's' for reading.ts"},
    {"[hls @ 0x5a] [info] Opening 'crypto+http://h/a.ts' for reading", FFMPEG_LOG_OPEN,
     .url = "crypto+http://h/a.ts"},
    {"2026-01-23 08:12:29.601 [hls @ 0x5a] [info] Opening 'http://h/a.ts' for reading",
     FFMPEG_LOG_OPEN, .url = "http://h/a.ts"},
    {"[hls @ 0x5a] [verbose] HLS request for url 'http://h/a,b'.ts', offset 77, playlist 3",
     FFMPEG_LOG_HLS_REQUEST, .playlist_1 = 3 + 1, .number = 77, .url = "http://h/a,b'.ts"},
    {"[in#0/hls @ 0x5a] [verbose] HLS request for url 'x', offset 0, playlist 0",
     FFMPEG_LOG_HLS_REQUEST, .playlist_1 = 0 + 1, .url = "x"},
    /* HTTP. */
    {"[http @ 0x5a] [debug] request: GET /a.ts?x=1 HTTP/1.1", FFMPEG_LOG_REQUEST,
     .url = "/a.ts?x=1"},
    {"[https @ 0x5a] [debug] request: GET /a.ts HTTP/1.1", FFMPEG_LOG_REQUEST, .url = "/a.ts"},
    {"[http @ 0x5a] [trace] http_code=206", FFMPEG_LOG_STATUS, .number = 206},
    {"[http @ 0x5a] [trace] header='Content-Length: 1234'", FFMPEG_LOG_CONTENT_LENGTH,
     .number = 1234},
    {"[https @ 0x5a] [trace] header='content-length:99'", FFMPEG_LOG_CONTENT_LENGTH,
     .number = 99},
    {"[http @ 0x5a] [trace] header='Connection: Close'", FFMPEG_LOG_RESPONSE_CLOSE},
    {"[http @ 0x5a] [trace] header='Content-Type: video/mp2t'", -1},
    {"[http @ 0x5a] [trace] header=''", FFMPEG_LOG_HEAD_END},
    {"[http @ 0x5a] [] header=''", FFMPEG_LOG_HEAD_END}, /* version 4.1 */
    {"[http @ 0x5a] [trace] header='X-Cache: HIT, MISS'", FFMPEG_LOG_X_CACHE,
     .url = "HIT, MISS"},
    {"[https @ 0x5a] [trace] header='cf-cache-status: DYNAMIC'", FFMPEG_LOG_CF_CACHE_STATUS,
     .url = "DYNAMIC"},
    {"[http @ 0x5a] [trace] header='Age: 17'", FFMPEG_LOG_AGE, .number = 17},
    {"[http @ 0x5a] [trace] header='Age: old'", -1},
    {"[http @ 0x5a] [trace] Chunked encoding data size: 5452", FFMPEG_LOG_CHUNK,
     .number = 5452},
    {"[http @ 0x5a] [debug] Last chunk received, closing conn", FFMPEG_LOG_LAST_CHUNK},
    {"[http @ 0x5a] [warning] HTTP error 404 Not Found", FFMPEG_LOG_HTTP_ERROR, .number = 404},
    {"[https @ 0x5a] [warning] HTTP error 503 Service Unavailable", FFMPEG_LOG_HTTP_ERROR,
     .number = 503},
    {"[http @ 0x5a] [error] Stream ends prematurely at 2726, should be 5452",
     FFMPEG_LOG_BODY_CUT, .number = 2726, .other = 5452},
    {"[http @ 0x5a] [error] Stream ends prematurely at 0, should be 18446744073709551615",
     FFMPEG_LOG_BODY_CUT, .other = UINT64_MAX},
    {"[http @ 0x5a] [warning] Will reconnect at 17 in 3 second(s).", FFMPEG_LOG_RECONNECT,
     .number = 17, .other = 3},
    {"[http @ 0x5a] [warning] Will reconnect at 17 in 1 second(s), error=End of file.",
     FFMPEG_LOG_RECONNECT, .number = 17, .other = 1},
    {"[http @ 0x5a] [info] Will reconnect at 17 error=End of file.", FFMPEG_LOG_RECONNECT,
     .number = 17},
    {"[http @ 0x5a] [debug] Statistics: 1 connection, 17 requests, 0 retries", -1},
    {"[http @ 0x5a] [debug] Latency: 0.47 ms avg, 2.25 ms max", -1},
    /* TCP. */
    {"[tcp @ 0x5a] [verbose] Starting connection attempt to 127.0.0.1 port 80",
     FFMPEG_LOG_TCP_START, .address = "127.0.0.1", .port = 80},
    {"[tcp @ 0x5a] [verbose] Starting connection attempt to ::1 port 8080",
     FFMPEG_LOG_TCP_START, .address = "::1", .port = 8080},
    {"[tcp @ 0x5a] [verbose] Successfully connected to fe80::1%eth0 port 443",
     FFMPEG_LOG_TCP_CONNECTED, .address = "fe80::1%eth0", .port = 443},
    {"[tcp @ 0x5a] [verbose] Connection attempt to 127.0.0.1 port 1 failed: Connection refused",
     FFMPEG_LOG_TCP_FAILED, FAIL_CONNECT_REFUSED, .address = "127.0.0.1", .port = 1},
    {"[tcp @ 0x5a] [verbose] Connection attempt to ::1 port 1 failed: Connection timed out",
     FFMPEG_LOG_TCP_FAILED, FAIL_CONNECT_TIMEOUT, .address = "::1", .port = 1},
    {"[tcp @ 0x5a] [verbose] Connection attempt to ::1 port 1 failed: Network is unreachable",
     FFMPEG_LOG_TCP_FAILED, FAIL_CONNECT_UNREACHABLE, .address = "::1", .port = 1},
    {"[tcp @ 0x5a] [verbose] Connection attempt to ::1 port 1 failed: Something new",
     FFMPEG_LOG_TCP_FAILED, FAIL_CONNECT_FAILED, .address = "::1", .port = 1},
    {"[tcp @ 0x5a] [error] Connection to tcp://127.0.0.1:1 failed: Connection refused",
     FFMPEG_LOG_TCP_GIVEN_UP, FAIL_CONNECT_REFUSED},
    {"[tcp @ 0x5a] [warning] Connection to tcp://h:1 failed (Connection timed out), trying "
     "next "
     "address",
     FFMPEG_LOG_TCP_GIVEN_UP, FAIL_CONNECT_TIMEOUT},
    {"[tcp @ 0x5a] [error] Failed to resolve hostname h: Name or service not known",
     FFMPEG_LOG_DNS_FAILED, FAIL_DNS_NOT_FOUND},
    {"[tcp @ 0x5a] [error] Failed to resolve hostname h: Temporary failure in name resolution",
     FFMPEG_LOG_DNS_FAILED, FAIL_DNS_FAILED},
    {"[tcp @ 0x5a] [debug] Address 127.0.0.1 port 80", -1},
    {"[tcp @ 0x5a] [verbose] Connection attempt to nowhere", -2},
    {"[tls @ 0x5a] [error] The certificate's owner does not match hostname h",
     FFMPEG_LOG_TLS_FAILED, FAIL_TLS_CERTIFICATE},
    {"[tls @ 0x5a] [error] Unable to communicate with peer", FFMPEG_LOG_TLS_FAILED,
     FAIL_TLS_FAILED},
    {"[tls @ 0x5a] [debug] certificate loaded", -1},
    /* The demuxer. */
    {"[hls @ 0x5a] [warning] keepalive request failed for 'http://h/a.ts' with error: "
     "'Connection reset by peer' when opening url, retrying with new connection",
     FFMPEG_LOG_KEEPALIVE_FAILED, FAIL_RESET_BEFORE_RESPONSE, .url = "http://h/a.ts"},
    {"[hls @ 0x5a] [warning] keepalive request failed for 'http://h/l.m3u8' with error: "
     "'Connection timed out' when parsing playlist",
     FFMPEG_LOG_KEEPALIVE_FAILED, FAIL_FIRST_BYTE_TIMEOUT, .url = "http://h/l.m3u8"},
    {"[hls @ 0x5a] [debug] Media sequence change (19 -> 20) reflected in first_timestamp: 1 -> "
     "2",
     FFMPEG_LOG_SEQUENCE, .number = 19, .other = 20},
    {"[in#0/hls @ 0x5a] [debug] Media sequence change (19 -> 20)", FFMPEG_LOG_SEQUENCE,
     .number = 19, .other = 20},
    {"[hls @ 0x5a] [warning] Media sequence changed unexpectedly: 20 -> 3",
     FFMPEG_LOG_SEQUENCE_BACK, .number = 20, .other = 3},
    {"[hls @ 0x5a] [warning] Failed to open segment 7 of playlist 2", FFMPEG_LOG_SEGMENT_FAILED,
     .playlist_1 = 2 + 1, .number = 7},
    {"[hls @ 0x5a] [warning] Failed to open next segment 8 of playlist 2",
     FFMPEG_LOG_SEGMENT_FAILED, .playlist_1 = 2 + 1, .number = 8},
    {"[hls @ 0x5a] [warning] Segment 7 of playlist 2 failed too many times, skipping",
     FFMPEG_LOG_SEGMENT_SKIPPED, .playlist_1 = 2 + 1, .number = 7},
    {"[hls @ 0x5a] [warning] skipping 4 segments ahead, expired from playlists",
     FFMPEG_LOG_SEGMENTS_EXPIRED, .number = 4},
    {"[hls @ 0x5a] [debug] Downloading an initialization section of size 1333",
     FFMPEG_LOG_INIT_SECTION, .number = 1333},
    {"[hls @ 0x5a] [warning] Failed to open an initialization section in playlist 1",
     FFMPEG_LOG_INIT_FAILED, .playlist_1 = 1 + 1},
    {"[hls @ 0x5a] [error] Unable to open key file http://h/k", FFMPEG_LOG_KEY_FAILED,
     .url = "http://h/k"},
    {"[hls @ 0x5a] [warning] Failed to reload playlist 1", FFMPEG_LOG_PLAYLIST_FAILED,
     .playlist_1 = 1 + 1},
    {"[hls @ 0x5a] [warning] parse_playlist error Invalid data [http://h/l.m3u8]",
     FFMPEG_LOG_PLAYLIST_FAILED},
    {"[hls @ 0x5a] [info] No longer receiving playlist 1 ('http://h/l.m3u8')",
     FFMPEG_LOG_PLAYLIST_LEFT, .playlist_1 = 1 + 1},
    {"[hls @ 0x5a] [info] No longer receiving playlist 4", FFMPEG_LOG_PLAYLIST_LEFT,
     .playlist_1 = 4 + 1},
    {"[hls @ 0x5a] [verbose] Skip ('#EXT-X-VERSION:3')", FFMPEG_LOG_PLAYLIST_TAG},
    {"[hls @ 0x5a] [debug] Format hls probed with size=2048 and score=100", -1},
    {"[hls @ 0x5a] [warning] Words that nobody has seen", -2},
    {"[hls @ 0x5a] [trace] Words that nobody has seen", -1},
    {"[h264 @ 0x5a] [debug] nal_unit_type: 9(AUD), nal_ref_idc: 0", -1},
    {"[AVIOContext @ 0x5a] [verbose] Statistics: 29704 bytes read, 0 seeks",
     FFMPEG_LOG_BYTES_READ, .number = 29704},
    {"[AVIOContext @ 0x5a] [verbose] Statistics: 8407 bytes written, 0 seeks, 41 writeouts",
     -1},
    /* The program. */
    {"[info]   Duration: 00:01:05.50, start: 1.400000, bitrate: 0 kb/s", FFMPEG_LOG_DURATION,
     .number = 65500000},
    {"[info]   Duration: N/A, start: 1.400000, bitrate: N/A", -1},
    {"[info] Output #0, null, to 'pipe:':", FFMPEG_LOG_PLAYING},
    {"Output #0, null, to 'pipe:':", FFMPEG_LOG_PLAYING},
    {"[info] Exiting normally, received signal 15.", FFMPEG_LOG_SIGNALLED, .number = 15},
    {"[in#0 @ 0x5a] [error] Error opening input: Connection refused", FFMPEG_LOG_INPUT_FAILED},
    {"[debug] cur_dts is invalid st:0 (0)", -1},
    {"words from nowhere", -2},
    /* A parent's context before the context. */
    {"[hls @ 0x11] [http @ 0x5a] [warning] HTTP error 404 Not Found", FFMPEG_LOG_HTTP_ERROR,
     .number = 404},
};

static void check_line(const struct expected *want)
{
    struct ffmpeg_log log;
    char text[512];
    int len = snprintf(text, sizeof text, "%s\n", want->line);
    struct taken *taken = read_text(text, (size_t)len, (size_t)len, &log);
    if (log.lines != 1 || log.events != (want->type >= 0) ||
        log.unknown != (want->type == -2)) {
        fail_msg("%s: lines %lu events %lu ignored %lu unknown %lu", want->line,
                 (unsigned long)log.lines, (unsigned long)log.events,
                 (unsigned long)log.ignored, (unsigned long)log.unknown);
    }
    if (want->type >= 0) {
        const struct ffmpeg_log_event *got = &taken->events[0].event;
        if ((int)got->type != want->type || got->fail != want->fail ||
            got->playlist != want->playlist_1 - 1 || got->number != want->number ||
            got->other != want->other || got->port != want->port ||
            got->reused != want->reused) {
            fail_msg("%s: type %d/%d fail %d/%d playlist %d/%d number %lu/%lu other %lu/%lu "
                     "port %u/%u",
                     want->line, got->type, want->type, got->fail, want->fail, got->playlist,
                     want->playlist_1 - 1, (unsigned long)got->number,
                     (unsigned long)want->number, (unsigned long)got->other,
                     (unsigned long)want->other, got->port, want->port);
        }
        assert_string_equal(taken->events[0].url, want->url != NULL ? want->url : "");
        assert_string_equal(taken->events[0].address,
                            want->address != NULL ? want->address : "");
    }
    free(taken);
}

static void lines_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        check_line(&table[i]);
    }
}

/* The context is the identity of a connection. */
static void context_is_the_pointer(void **state)
{
    (void)state;
    static const char text[] = "[http @ 0x55a9e89ff900] [trace] http_code=200\n";
    struct ffmpeg_log log;
    struct taken *taken = read_text(text, sizeof text - 1, sizeof text, &log);
    assert_int_equal(taken->count, 1);
    assert_true(taken->events[0].event.context == UINT64_C(0x55a9e89ff900));
    free(taken);
}

/* A status text ends in CR, so the next event shares its LF-ended line: it must have its own
 * time and not be lost. */
static void cr_ends_a_line(void **state)
{
    (void)state;
    static const char text[] =
        "2026-01-23 08:12:29.650 [info] frame=  178 fps=178 speed=6.02x    \r"
        "2026-01-23 08:12:30.650 [info] frame=  278 fps=178 speed=6.02x    \r"
        "2026-01-23 08:12:31.607 [hls @ 0x5a] [debug] Opening 'http://h/l.m3u8' for reading\n";
    struct ffmpeg_log log;
    struct taken *taken = read_text(text, sizeof text - 1, 7, &log);
    assert_int_equal(log.lines, 3);
    assert_int_equal(taken->count, 1);
    assert_int_equal(taken->events[0].event.stamp_ms, ((8 * 60 + 12) * 60 + 31) * 1000 + 607);
    free(taken);
}

static void stamps_are_optional(void **state)
{
    (void)state;
    static const char text[] = "[http @ 0x5a] [trace] http_code=200\n"
                               "2026-01-23 23:59:59.999 [http @ 0x5a] [trace] http_code=200\n";
    struct ffmpeg_log log;
    struct taken *taken = read_text(text, sizeof text - 1, sizeof text, &log);
    assert_int_equal(taken->count, 2);
    assert_int_equal(taken->events[0].event.stamp_ms, -1);
    assert_int_equal(taken->events[1].event.stamp_ms, 86399999);
    free(taken);
}

/* The header lines of a request have no prefix; they are neither unknown nor events, but for
 * the one that says what becomes of the connection. */
static void request_heads_are_one(void **state)
{
    (void)state;
    static const char text[] = "[http @ 0x5a] [debug] request: GET /l.m3u8 HTTP/1.1\r\n"
                               "User-Agent: Lavf/59.27.100\r\nRange: bytes=0-\r\n"
                               "Connection: close\r\nHost: h\r\n\r\n\n"
                               "[hls @ 0x5a] [info] Skip ('#EXT-X-VERSION:3')\n"
                               "Connection: close\r\n";
    struct ffmpeg_log log;
    struct taken *taken = read_text(text, sizeof text - 1, sizeof text, &log);
    assert_int_equal(taken->count, 3);
    assert_int_equal(taken->events[1].event.type, FFMPEG_LOG_REQUEST_CLOSE);
    assert_int_equal(taken->events[2].event.type, FFMPEG_LOG_PLAYLIST_TAG);
    assert_int_equal(log.unknown, 1); /* the last line stands in no head */
    free(taken);
}

/* A line of any length costs its bound and no more, and the next is read as it should. */
static void long_lines_are_cut(void **state)
{
    (void)state;
    size_t len = 100000;
    char *text = malloc(len + 128);
    assert_non_null(text);
    int head = sprintf(text, "[http @ 0x5a] [warning] HTTP error 404 ");
    memset(text + head, 'x', len - (size_t)head);
    int tail = sprintf(text + len, "\n[http @ 0x5a] [trace] http_code=200\n");
    for (size_t step = 1; step <= len + (size_t)tail; step = step * 7 + 1000) {
        struct ffmpeg_log log;
        struct taken *taken = read_text(text, len + (size_t)tail, step, &log);
        assert_int_equal(log.lines, 2);
        assert_int_equal(log.cut, 1);
        assert_int_equal(taken->count, 2);
        assert_int_equal(taken->events[0].event.number, 404);
        assert_int_equal(taken->events[1].event.number, 200);
        free(taken);
    }
    free(text);
}

/* What stands at the very bound is whole. */
static void longest_line_is_whole(void **state)
{
    (void)state;
    static char text[FFMPEG_LOG_LINE_MAX + 2];
    for (size_t over = 0; over < 2; over++) {
        size_t len = FFMPEG_LOG_LINE_MAX + over;
        memset(text, 'y', len);
        text[len] = '\n';
        for (size_t step = 1; step < 5000; step += 1666) {
            struct ffmpeg_log log;
            free(read_text(text, len + 1, step, &log));
            assert_int_equal(log.lines, 1);
            assert_int_equal(log.cut, over);
        }
    }
}

static void unfinished_line_is_counted(void **state)
{
    (void)state;
    struct ffmpeg_log log;
    free(read_text("[http @ 0x5a] [trace] http_c", 28, 28, &log));
    assert_int_equal(log.lines, 0);
    assert_true(ffmpeg_log_finish(&log));
    assert_int_equal(log.lines, 1);
    assert_int_equal(log.cut, 1);
    assert_false(ffmpeg_log_finish(&log));
    assert_int_equal(log.lines, 1);
}

static unsigned event_files;

/* However a log is cut into reads, the events are the same; every line has one verdict; logs of
 * real processes have almost no line that is not understood. */
static void check_corpus_file(const char *name)
{
    size_t len = 0;
    char *text = fixture_read(name, &len);
    struct ffmpeg_log whole;
    struct ffmpeg_log pieces;
    struct taken *a = read_text(text, len, len, &whole);
    struct taken *b = read_text(text, len, 13, &pieces);
    assert_int_equal(whole.lines, whole.events + whole.ignored + whole.unknown);
    assert_int_equal(whole.lines, pieces.lines);
    assert_int_equal(whole.unknown, pieces.unknown);
    assert_int_equal(a->count, b->count);
    if (!are_equal(a, b)) {
        fail_msg("%s: other events when cut into pieces of 13", name);
    }
    if (strstr(name, ".log") != NULL) {
        assert_true(whole.unknown * 100 <= whole.lines);
        event_files += whole.events > 0;
    }
    free(a);
    free(b);
    free(text);
}

static void real_logs_are_understood(void **state)
{
    (void)state;
    event_files = 0;
    assert_true(fixture_each(check_corpus_file) >= 30);
    assert_true(event_files >= 30);
}

static void count_type(void *user, const struct ffmpeg_log_event *event)
{
    unsigned *counts = user;
    counts[event->type]++;
}

/* How often each kind of event is in a log that a version wrote; nothing in it is unknown. */
static void count_events(const char *name, unsigned counts[FFMPEG_LOG_TYPE_COUNT])
{
    static struct ffmpeg_log log;
    size_t len = 0;
    char *text = fixture_read(name, &len);
    memset(counts, 0, FFMPEG_LOG_TYPE_COUNT * sizeof(*counts));
    ffmpeg_log_init(&log, count_type, counts);
    ffmpeg_log_feed(&log, text, len);
    free(text);
    assert_int_equal(log.unknown, 0);
}

/* Each version played the same stream: one variant and another, and their audio apart. */
static void versions_say_the_same(void **state)
{
    static const char *const names[] = {"version4.1-trace.log", "version4.3-trace.log",
                                        "version6.0-trace.log", "version6.1-trace.log",
                                        "version7.1-trace.log", "version8.0-trace.log",
                                        "version9.0-trace.log"};
    static const struct {
        enum ffmpeg_log_type type;
        unsigned count;
    } wanted[] = {
        {FFMPEG_LOG_OPEN, 14},           {FFMPEG_LOG_HLS_REQUEST, 10},
        {FFMPEG_LOG_REQUEST, 14},        {FFMPEG_LOG_STATUS, 14},
        {FFMPEG_LOG_CONTENT_LENGTH, 14}, {FFMPEG_LOG_X_CACHE, 14},
        {FFMPEG_LOG_HEAD_END, 14},       {FFMPEG_LOG_TCP_START, 8},
        {FFMPEG_LOG_TCP_CONNECTED, 8},   {FFMPEG_LOG_HTTP_ERROR, 0},
        {FFMPEG_LOG_PLAYING, 1},         {FFMPEG_LOG_DURATION, 1},
        {FFMPEG_LOG_INPUT_FAILED, 0},
    };
    (void)state;
    const size_t kinds = sizeof wanted / sizeof wanted[0];
    for (size_t i = 0; i < kinds * (sizeof names / sizeof names[0]); i++) {
        const char *name = names[i / kinds];
        enum ffmpeg_log_type type = wanted[i % kinds].type;
        unsigned counts[FFMPEG_LOG_TYPE_COUNT], count = wanted[i % kinds].count;
        count_events(name, counts);
        if (counts[type] != count) {
            fail_msg("%s: event %d %u times, expected %u", name, (int)type, counts[type],
                     count);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_understood),
        cmocka_unit_test(context_is_the_pointer),
        cmocka_unit_test(cr_ends_a_line),
        cmocka_unit_test(stamps_are_optional),
        cmocka_unit_test(request_heads_are_one),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(longest_line_is_whole),
        cmocka_unit_test(unfinished_line_is_counted),
        cmocka_unit_test(real_logs_are_understood),
        cmocka_unit_test(versions_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
