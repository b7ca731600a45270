#include "engine/ffmpeg/ffmpeg_trace.h"

#include "engine/ffmpeg/ffmpeg_fetch.h"

static uint64_t hash(struct span text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < text.len; i++) {
        h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return h == 0 ? 1 : h;
}

/* Encrypted segments are opened through another protocol's name. */
static struct span without_crypto(struct span url)
{
    return span_starts_with(url, SPAN("crypto+")) ? span_skip(url, 7) : url;
}

static uint64_t url_hash(struct span url)
{
    return hash(without_crypto(url));
}

static void keep_url(struct ffmpeg_url *kept, struct span url)
{
    url = without_crypto(url);
    kept->len = (uint16_t)(url.len < sizeof kept->text ? url.len : sizeof kept->text);
    memcpy(kept->text, url.ptr, kept->len);
}

void ffmpeg_trace_init(struct ffmpeg_trace *trace, struct shoal_lane *lane,
                       const struct ffmpeg_variants *variants,
                       const struct ffmpeg_servers *servers, int64_t read_timeout_us)
{
    *trace = (struct ffmpeg_trace){.lane = lane,
                                   .variants = variants,
                                   .servers = servers,
                                   .server = METRIC_SERVER_OTHER,
                                   .read_timeout_us = read_timeout_us,
                                   .duration_us = -1,
                                   .connected_us = -1};
}

/* A segment or an initialization section is asked for. One is being read and one more was
 * requested, so the oldest of two is over. */
static void on_hls_request(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                           int64_t now_us)
{
    ffmpeg_fetch_settle(trace, FFMPEG_FETCH_MEDIA_PLAYLIST, now_us);
    if (trace->playlist_count == 0) {
        trace->playlist_count = 1; /* no multivariant playlist: this is the one variant */
        trace->playlists[0].variant = 0;
    }
    struct ffmpeg_trace_playlist *playlist = ffmpeg_fetch_playlist(trace, event->playlist);
    while (playlist->reading_count >= 2) {
        ffmpeg_fetch_finish_oldest(trace, playlist);
    }
    uint64_t url = url_hash(event->url);
    if (playlist->failed_hash != 0) {
        metrics_add(trace->lane,
                    playlist->failed_hash == url ? METRIC_RETRIES : METRIC_SEGMENTS_SKIPPED, 1);
        playlist->failed_hash = 0;
    }
    enum ffmpeg_fetch_kind kind = !playlist->seen              ? FFMPEG_FETCH_PIECE_UNKNOWN
                                  : playlist->init_hash == url ? FFMPEG_FETCH_INIT_SECTION
                                                               : FFMPEG_FETCH_SEGMENT;
    trace->piece = (struct ffmpeg_fetch){url, event->playlist, kind, false};
    trace->piece_active = true;
}

/* FFmpeg numbers its playlists in the order in which it opens them first. */
static void note_playlist(struct ffmpeg_trace *trace, uint64_t url)
{
    for (uint32_t i = 0; i < trace->playlist_count; i++) {
        if (trace->playlists[i].url_hash == url) {
            return;
        }
    }
    if (trace->playlist_count == FFMPEG_TRACE_PLAYLISTS) {
        trace->lost++;
        return;
    }
    struct ffmpeg_trace_playlist *playlist = &trace->playlists[trace->playlist_count++];
    *playlist =
        (struct ffmpeg_trace_playlist){.url_hash = url, .variant = METRIC_VARIANT_OTHER};
    uint32_t count = trace->variants == NULL ? 0 : trace->variants->count;
    for (uint32_t i = 0; i < count && i < METRIC_VARIANTS_MAX; i++) {
        if (hash(trace->variants->urls[i]) == url) {
            playlist->variant = i;
            return;
        }
    }
}

/* What the address being opened is: see the header. */
static struct ffmpeg_fetch fetch_of_open(struct ffmpeg_trace *trace, uint64_t url)
{
    if (trace->piece_active) {
        if (trace->piece.url_hash == url) {
            trace->piece_active = false;
            return trace->piece;
        }
        return (struct ffmpeg_fetch){url, trace->piece.playlist, FFMPEG_FETCH_KEY, false};
    }
    if (!trace->opened_any) {
        return (struct ffmpeg_fetch){url, -1, FFMPEG_FETCH_PLAYLIST_UNKNOWN, false};
    }
    return (struct ffmpeg_fetch){url, -1, FFMPEG_FETCH_MEDIA_PLAYLIST, false};
}

static void on_open(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                    int64_t now_us)
{
    uint64_t url = url_hash(event->url);
    struct ffmpeg_connection *latest = trace->latest;
    bool again =
        !event->reused && !trace->piece_active && latest != NULL && latest->fetch.reused &&
        latest->fetch.url_hash == url &&
        (latest->state == FFMPEG_FETCH_WAITING || latest->state == FFMPEG_FETCH_FAILED);
    if (again) {
        /* The reused connection was closed: FFmpeg says nothing and opens a new one. */
        if (latest->state == FFMPEG_FETCH_WAITING) {
            ffmpeg_fetch_fail(trace, latest, ffmpeg_fetch_no_response(trace, latest, now_us));
            metrics_add(trace->lane, METRIC_KEEPALIVE_RETRIES, 1);
        }
        trace->opening = latest->fetch;
        ffmpeg_fetch_close(trace, latest);
    } else {
        ffmpeg_fetch_settle(trace, FFMPEG_FETCH_MULTIVARIANT, now_us);
        trace->opening = fetch_of_open(trace, url);
        if (trace->opening.kind == FFMPEG_FETCH_MEDIA_PLAYLIST) {
            bool first_known = trace->playlist_count > 0 && trace->playlists[0].url_hash == 0;
            if (first_known) {
                trace->playlists[0].url_hash = url; /* a lone media playlist's reload */
            } else {
                note_playlist(trace, url);
            }
        }
    }
    keep_url(&trace->opening_url, event->url);
    trace->opened_any = true;
    trace->opening.reused = event->reused;
    trace->opening_active = true;
    trace->opening_encrypted = span_starts_with(event->url, SPAN("https:"));
    trace->tcp_failure_counted = false;
    trace->tls_failure_counted = false;
    trace->connected_us = -1;
}

/* The connection of a request line. FFmpeg frees and makes contexts all the time, so a pointer
 * seen before on which no connection is reused is another connection. */
static struct ffmpeg_connection *connection_of_request(struct ffmpeg_trace *trace,
                                                       uint64_t context)
{
    struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, context);
    if (connection != NULL && connection->state == FFMPEG_FETCH_BODY) {
        ffmpeg_fetch_complete(trace, connection);
    }
    bool fresh = trace->opening_active && !trace->opening.reused;
    if (connection != NULL && connection->context != 0 && fresh) {
        ffmpeg_fetch_close(trace, connection);
    }
    if (connection == NULL || connection->context == 0) {
        connection = connection != NULL ? connection : ffmpeg_fetch_place(trace);
        *connection =
            (struct ffmpeg_connection){.context = context, .server = METRIC_SERVER_OTHER};
    }
    return connection;
}

/* A second request for one opening: the first was answered with a redirect or a challenge. */
static void follow(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection)
{
    if (connection->state == FFMPEG_FETCH_WAITING) {
        /* Only at level debug: 3xx without its number. */
        ffmpeg_fetch_resolve_any(trace, connection);
        shoal_lane_add(trace->lane, METRIC_HTTP_RESPONSES, 1);
        metrics_add(trace->lane, METRIC_HTTP_RESPONSES_3XX, 1);
        metrics_add_at(trace->lane, METRIC_SERVER_RESPONSES, connection->server, 1);
    }
    if (connection->state == FFMPEG_FETCH_WAITING ||
        connection->state == FFMPEG_FETCH_REDIRECT) {
        metrics_add(trace->lane, METRIC_REDIRECTS, 1);
        ffmpeg_fetch_count_close(trace); /* it opens another for the new address */
    }
}

static void on_request(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                       int64_t now_us)
{
    struct ffmpeg_connection *connection = connection_of_request(trace, event->context);
    if (!trace->opening_active) {
        follow(trace, connection);
    } else {
        ffmpeg_fetch_drop(trace, connection);
    }
    if (trace->opening_encrypted && trace->connected_us >= 0) {
        metrics_add(trace->lane, METRIC_TLS_HANDSHAKES, 1);
        metrics_record(trace->lane, METRIC_TLS_HANDSHAKE,
                       ffmpeg_fetch_elapsed_us(trace->connected_us, now_us));
    }
    trace->connected_us = -1;
    if (trace->connected) {
        connection->server = trace->server;
        connection->address = trace->address;
        trace->connected = false;
    }
    trace->opening_active = false;
    connection->fetch = trace->opening;
    connection->state = FFMPEG_FETCH_WAITING;
    connection->request_counted = false;
    connection->closes = false;
    connection->is_read = false;
    connection->order = ++trace->order;
    connection->status = 0;
    connection->length_bytes = UINT64_MAX;
    connection->chunk_bytes = 0;
    connection->request_us = now_us;
    connection->url.len = trace->opening_url.len;
    memcpy(connection->url.text, trace->opening_url.text, trace->opening_url.len);
    connection->age_s = -1;
    connection->cache_len = 0;
    connection->cache_is_cf = false;
    trace->latest = connection;
    if (!ffmpeg_fetch_is_unknown(connection->fetch.kind)) {
        ffmpeg_fetch_count_request(trace, connection);
    }
}

static void record_first_byte(struct ffmpeg_trace *trace,
                              const struct ffmpeg_connection *connection, int64_t now_us)
{
    int64_t us = ffmpeg_fetch_elapsed_us(connection->request_us, now_us);
    if (ffmpeg_fetch_is_playlist(connection->fetch.kind)) {
        metrics_record(trace->lane, METRIC_PLAYLIST_FIRST_BYTE, us);
    } else if (connection->fetch.kind == FFMPEG_FETCH_SEGMENT ||
               connection->fetch.kind == FFMPEG_FETCH_PIECE_UNKNOWN) {
        metrics_record(trace->lane, METRIC_SEGMENT_FIRST_BYTE, us);
    }
}

static void on_status(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                      int64_t now_us)
{
    struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, event->context);
    trace->tells_status = true;
    if (connection == NULL || connection->state != FFMPEG_FETCH_WAITING) {
        return;
    }
    trace->head_context = event->context;
    memset(trace->cache_said, 0, sizeof trace->cache_said);
    unsigned status = event->number < 1000 ? (unsigned)event->number : 0;
    if (status < 100) {
        ffmpeg_fetch_fail(trace, connection, FAIL_RESPONSE_MALFORMED);
        return;
    }
    if (status < 200) {
        return;
    }
    record_first_byte(trace, connection, now_us);
    if (status >= 300) {
        /* Challenges (401, 407) come here too; errors have a line of their own next. The
         * purpose is no longer waited for. */
        ffmpeg_fetch_resolve_any(trace, connection);
        connection->state = FFMPEG_FETCH_REDIRECT;
    } else {
        connection->state = FFMPEG_FETCH_BODY;
    }
    ffmpeg_fetch_count_response(trace, connection, status);
}

/* Keeps the words for a failure of this response: Cloudflare's, if there are any. */
static void keep_cache_words(struct ffmpeg_connection *connection,
                             const struct ffmpeg_log_event *event)
{
    bool is_cf = event->type == FFMPEG_LOG_CF_CACHE_STATUS;
    if (connection->cache_is_cf && !is_cf) {
        return;
    }
    size_t len =
        event->url.len < sizeof connection->cache ? event->url.len : sizeof connection->cache;
    for (size_t i = 0; i < len; i++) {
        char c = event->url.ptr[i];
        connection->cache[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    connection->cache_len = (uint8_t)len;
    connection->cache_is_cf = is_cf;
}

static void on_cache_said(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection,
                          const struct ffmpeg_log_event *event)
{
    struct span none = {NULL, 0};
    bool is_age = event->type == FFMPEG_LOG_AGE;
    int64_t age_s = !is_age                     ? -1
                    : event->number > INT32_MAX ? INT32_MAX
                                                : (int64_t)event->number;
    trace->cache_said[event->type - FFMPEG_LOG_CF_CACHE_STATUS] =
        cache_status_of(event->type == FFMPEG_LOG_CF_CACHE_STATUS ? event->url : none,
                        event->type == FFMPEG_LOG_X_CACHE ? event->url : none, age_s);
    if (connection == NULL) {
        return;
    }
    if (is_age) {
        connection->age_s = (int32_t)age_s;
    } else {
        keep_cache_words(connection, event);
    }
}

/* Counts the verdict of the first that said one. Of a redirect, what it leads to counts; keys
 * are kept out of caches on purpose. FFmpeg reads no further than the status of an error. */
static void on_head_end(struct ffmpeg_trace *trace, const struct ffmpeg_connection *connection)
{
    enum cache_status said = CACHE_STATUS_SILENT;
    if (connection == NULL || connection->context != trace->head_context) {
        return; /* trailers end with an empty line too */
    }
    trace->head_context = 0;
    for (size_t i = 0; i < sizeof trace->cache_said / sizeof trace->cache_said[0]; i++) {
        said = said != CACHE_STATUS_SILENT ? said : trace->cache_said[i];
    }
    if (said != CACHE_STATUS_SILENT && connection->state == FFMPEG_FETCH_BODY &&
        connection->fetch.kind != FFMPEG_FETCH_KEY) {
        metrics_add(trace->lane,
                    said == CACHE_STATUS_HIT ? METRIC_CACHE_HITS : METRIC_CACHE_MISSES, 1);
    }
}

static void on_http_error(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                          int64_t now_us)
{
    struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, event->context);
    unsigned status = event->number < 1000 ? (unsigned)event->number : 0;
    enum fail fail = status >= 500 ? FAIL_STATUS_5XX : FAIL_STATUS_4XX;
    if (connection == NULL) {
        ffmpeg_fetch_count_failure(trace, NULL, fail);
        return;
    }
    ffmpeg_fetch_resolve_any(trace, connection);
    if (connection->state == FFMPEG_FETCH_WAITING) {
        record_first_byte(trace, connection, now_us);
        ffmpeg_fetch_count_response(trace, connection, status);
    }
    ffmpeg_fetch_count_failure(trace, connection, fail);
    connection->state = FFMPEG_FETCH_FAILED;
    connection->closes = true;
}

static void on_body_cut(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event)
{
    struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, event->context);
    bool malformed = event->number == 0 && event->other == UINT64_MAX;
    if (connection == NULL || connection->state == FFMPEG_FETCH_FAILED) {
        return;
    }
    ffmpeg_fetch_resolve_any(trace, connection);
    if (connection->state == FFMPEG_FETCH_WAITING) {
        ffmpeg_fetch_fail(trace, connection,
                          malformed ? FAIL_RESPONSE_MALFORMED : FAIL_CLOSED_BEFORE_RESPONSE);
    } else {
        ffmpeg_fetch_count_bytes(trace, connection, event->number);
        ffmpeg_fetch_count_failure(trace, connection,
                                   malformed ? FAIL_RESPONSE_MALFORMED : FAIL_BODY_TRUNCATED);
        connection->state = FFMPEG_FETCH_FAILED;
    }
    connection->closes = true;
}

static void on_chunk(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event)
{
    struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, event->context);
    if (connection != NULL && connection->state == FFMPEG_FETCH_BODY) {
        connection->chunk_bytes += event->number;
    }
}

/* The last request did not give what was wanted; whatever is not yet counted about it is. */
static void on_open_failed(struct ffmpeg_trace *trace, enum fail fail, int64_t now_us)
{
    struct ffmpeg_connection *connection = trace->latest;
    trace->latest = NULL;
    trace->piece_active = false;
    if (connection == NULL) {
        return;
    }
    ffmpeg_fetch_resolve_any(trace, connection);
    if (connection->state == FFMPEG_FETCH_WAITING) {
        ffmpeg_fetch_fail(
            trace, connection,
            fail != FAIL_NONE ? fail : ffmpeg_fetch_no_response(trace, connection, now_us));
    } else if (connection->state == FFMPEG_FETCH_BODY &&
               ffmpeg_fetch_is_playlist(connection->fetch.kind)) {
        ffmpeg_fetch_count_bytes(trace, connection, ffmpeg_fetch_body_bytes(connection));
        ffmpeg_fetch_count_failure(trace, connection, FAIL_PLAYLIST_INVALID);
        connection->state = FFMPEG_FETCH_FAILED;
    }
    ffmpeg_fetch_close(trace, connection);
}

static void on_segment_failed(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                              int64_t now_us)
{
    struct ffmpeg_trace_playlist *playlist = ffmpeg_fetch_playlist(trace, event->playlist);
    playlist->failed_hash = trace->piece.url_hash;
    playlist->seen = true;
    on_open_failed(trace, FAIL_NONE, now_us);
}

static void on_keepalive_failed(struct ffmpeg_trace *trace,
                                const struct ffmpeg_log_event *event, int64_t now_us)
{
    struct ffmpeg_connection *connection = trace->latest;
    if (connection == NULL || connection->fetch.url_hash != url_hash(event->url)) {
        return;
    }
    if (connection->state == FFMPEG_FETCH_WAITING) {
        bool timed_out =
            ffmpeg_fetch_no_response(trace, connection, now_us) == FAIL_FIRST_BYTE_TIMEOUT;
        ffmpeg_fetch_fail(trace, connection, timed_out ? FAIL_FIRST_BYTE_TIMEOUT : event->fail);
        metrics_add(trace->lane, METRIC_KEEPALIVE_RETRIES, 1);
    } else if (connection->state == FFMPEG_FETCH_FAILED) {
        metrics_add(trace->lane, METRIC_RETRIES,
                    1); /* an error status is asked for again at once */
    }
    /* `latest` stays: the "Opening" line that follows is for the same thing. */
}

static void on_init_section(struct ffmpeg_trace *trace, int64_t now_us)
{
    struct ffmpeg_connection *connection = trace->latest;
    if (connection == NULL || connection->fetch.playlist < 0) {
        return;
    }
    struct ffmpeg_trace_playlist *playlist =
        ffmpeg_fetch_playlist(trace, connection->fetch.playlist);
    playlist->seen = true;

    playlist->init_hash = connection->fetch.url_hash;
    if (connection->fetch.kind == FFMPEG_FETCH_SEGMENT) {
        connection->fetch.kind = FFMPEG_FETCH_INIT_SECTION; /* its request stays as it was */
    }
    connection->closes = true;
    ffmpeg_fetch_resolve(trace, connection, FFMPEG_FETCH_INIT_SECTION);
    ffmpeg_fetch_settle(trace, FFMPEG_FETCH_MEDIA_PLAYLIST, now_us);
}

static void on_playlist_left(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event)
{
    struct ffmpeg_trace_playlist *playlist = ffmpeg_fetch_playlist(trace, event->playlist);
    while (playlist->reading_count > 0) {
        struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, playlist->reading[0]);
        if (connection == NULL) {
            ffmpeg_fetch_drop_oldest(playlist);
            continue;
        }
        ffmpeg_fetch_close(trace, connection);
    }
}

static uint64_t address_hash(const struct ffmpeg_log_event *event)
{
    return hash(event->address) + event->port;
}

static uint8_t server_of(const struct ffmpeg_trace *trace, struct span address)
{
    uint32_t count = trace->servers == NULL ? 0 : trace->servers->count;
    for (uint32_t i = 0; i < count && i < METRIC_SERVERS_MAX; i++) {
        if (span_equal(trace->servers->addresses[i], address)) {
            return (uint8_t)i;
        }
    }
    return METRIC_SERVER_OTHER;
}

/* AF_UNSPEC for an address that is none. */
static union net_address address_of(const struct ffmpeg_log_event *event)
{
    union net_address address = {.family = AF_UNSPEC};
    (void)net_address_parse(event->address, event->port, &address);
    return address;
}

static void on_tcp(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                   int64_t now_us)
{
    uint64_t address = address_hash(event);
    size_t at = 0;
    bool start = event->type == FFMPEG_LOG_TCP_START;
    while (at < FFMPEG_TRACE_ATTEMPTS &&
           trace->attempts[at].address_hash != (start ? 0 : address)) {
        at++;
    }
    bool found = at < FFMPEG_TRACE_ATTEMPTS;
    if (start) {
        size_t place = found ? at : 0;
        trace->attempts[place].address_hash = address;
        trace->attempts[place].start_us = now_us;
        return;
    }
    if (event->type == FFMPEG_LOG_TCP_CONNECTED) {
        metrics_add(trace->lane, METRIC_TCP_CONNECTS, 1);
        trace->open_count++;
        if (found) {
            metrics_record(trace->lane, METRIC_TCP_CONNECT,
                           ffmpeg_fetch_elapsed_us(trace->attempts[at].start_us, now_us));
        }
        /* Attempts at other addresses of the name are dropped with the first success. */
        memset(trace->attempts, 0, sizeof trace->attempts);
        trace->connected_us = now_us;
        trace->connected = true;
        trace->server = server_of(trace, event->address);
        trace->address = address_of(event);
        trace->opening.reused = false; /* also for a reused context that had been closed */
        return;
    }
    if (found) {
        trace->attempts[at].address_hash = 0;
    }
    if (!trace->leaving) {
        const struct ffmpeg_connection attempt = {
            .server = server_of(trace, event->address),
            .address = address_of(event),
            .age_s = -1,
        };
        ffmpeg_fetch_count_failure(trace, &attempt, event->fail);
    }
    trace->tcp_failure_counted = true;
}

/* Failures before there is a request. */
static void on_no_connection(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event)
{
    bool *counted = event->type == FFMPEG_LOG_TLS_FAILED ? &trace->tls_failure_counted
                                                         : &trace->tcp_failure_counted;
    if (!*counted) {
        const struct ffmpeg_connection attempt = {
            .server = trace->server,
            .address = trace->address,
            .age_s = -1,
        };
        bool connected = event->type == FFMPEG_LOG_TLS_FAILED && trace->connected;
        ffmpeg_fetch_count_failure(trace, connected ? &attempt : NULL, event->fail);
        *counted = true;
    }
}

/* Lines of the newest playlist have been read. A body that is cut says so, and ends it. */
static void on_playlist_read(struct ffmpeg_trace *trace)
{
    struct ffmpeg_connection *connection = trace->latest;
    if (connection != NULL && ffmpeg_fetch_is_playlist(connection->fetch.kind)) {
        connection->is_read = true;
    }
}

/* Events that say how things go, and settle the newest request by the way. */
static void take_flow(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                      int64_t now_us)
{
    switch (event->type) {
    case FFMPEG_LOG_DURATION:
        trace->duration_us = (int64_t)event->number;
        break;
    case FFMPEG_LOG_PLAYING:
        ffmpeg_fetch_settle(trace, FFMPEG_FETCH_MEDIA_PLAYLIST, now_us);
        trace->playing = true;
        break;
    case FFMPEG_LOG_INPUT_FAILED:
        trace->input_failed = true;
        break;
    case FFMPEG_LOG_SIGNALLED:
        trace->signalled = true;
        break;
    case FFMPEG_LOG_PLAYLIST_TAG:
    case FFMPEG_LOG_SEQUENCE:
        on_playlist_read(trace);
        break;
    case FFMPEG_LOG_SEQUENCE_BACK:
        on_playlist_read(trace);
        ffmpeg_fetch_count_failure(trace, NULL, FAIL_SEQUENCE_REGRESSED);
        break;
    case FFMPEG_LOG_SEGMENTS_EXPIRED:
        metrics_add(trace->lane, METRIC_SEGMENTS_SKIPPED, event->number);
        break;
    case FFMPEG_LOG_SEGMENT_SKIPPED:
        metrics_add(trace->lane, METRIC_SEGMENTS_SKIPPED, 1);
        ffmpeg_fetch_playlist(trace, event->playlist)->failed_hash = 0;
        break;
    default:
        break;
    }
}

static void take_http(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                      int64_t now_us)
{
    struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, event->context);
    switch (event->type) {
    case FFMPEG_LOG_REQUEST_CLOSE:
        /* The head's lines have no context: they belong to the newest request. */
        connection = trace->latest;
        __attribute__((fallthrough));
    case FFMPEG_LOG_RESPONSE_CLOSE:
        if (connection != NULL) {
            connection->closes = true;
        }
        break;
    case FFMPEG_LOG_STATUS:
        on_status(trace, event, now_us);
        break;
    case FFMPEG_LOG_CONTENT_LENGTH:
        if (connection != NULL && connection->state == FFMPEG_FETCH_BODY) {
            connection->length_bytes = event->number;
        }
        break;
    case FFMPEG_LOG_HTTP_ERROR:
        on_http_error(trace, event, now_us);
        break;
    case FFMPEG_LOG_BODY_CUT:
        on_body_cut(trace, event);
        break;
    case FFMPEG_LOG_CHUNK:
        on_chunk(trace, event);
        break;
    case FFMPEG_LOG_LAST_CHUNK:
        if (connection != NULL) {
            connection->closes = true;
        }
        break;
    case FFMPEG_LOG_CF_CACHE_STATUS:
    case FFMPEG_LOG_X_CACHE:
    case FFMPEG_LOG_AGE:
        on_cache_said(trace, connection, event);
        break;
    case FFMPEG_LOG_HEAD_END:
        on_head_end(trace, connection);
        break;
    case FFMPEG_LOG_RECONNECT:
        metrics_add(trace->lane, METRIC_RETRIES, 1);
        trace->opening_active = true;
        break;
    default:
        break;
    }
}

void ffmpeg_trace_take(struct ffmpeg_trace *trace, const struct ffmpeg_log_event *event,
                       int64_t now_us)
{
    if (event->stamp_ms >= 0) {
        now_us = (int64_t)event->stamp_ms * 1000;
    }
    switch (event->type) {
    case FFMPEG_LOG_OPEN:
        on_open(trace, event, now_us);
        break;
    case FFMPEG_LOG_HLS_REQUEST:
        on_hls_request(trace, event, now_us);
        break;
    case FFMPEG_LOG_REQUEST:
        on_request(trace, event, now_us);
        break;
    case FFMPEG_LOG_TCP_START:
    case FFMPEG_LOG_TCP_CONNECTED:
    case FFMPEG_LOG_TCP_FAILED:
        on_tcp(trace, event, now_us);
        break;
    case FFMPEG_LOG_TCP_GIVEN_UP:
    case FFMPEG_LOG_DNS_FAILED:
    case FFMPEG_LOG_TLS_FAILED:
        on_no_connection(trace, event);
        break;
    case FFMPEG_LOG_KEEPALIVE_FAILED:
        on_keepalive_failed(trace, event, now_us);
        break;
    case FFMPEG_LOG_SEGMENT_FAILED:
        on_segment_failed(trace, event, now_us);
        break;
    case FFMPEG_LOG_INIT_SECTION:
        on_init_section(trace, now_us);
        break;
    case FFMPEG_LOG_INIT_FAILED:
    case FFMPEG_LOG_KEY_FAILED:
        on_open_failed(trace, FAIL_NONE, now_us);
        break;
    case FFMPEG_LOG_PLAYLIST_FAILED:
        on_open_failed(trace, FAIL_NONE, now_us);
        trace->playlist_failed = true;
        break;
    case FFMPEG_LOG_PLAYLIST_LEFT:
        on_playlist_left(trace, event);
        break;
    default:
        take_flow(trace, event, now_us);
        take_http(trace, event, now_us);
        break;
    }
}

/* The process is over: the newest request, if it was never answered or never read. */
static void end_latest(struct ffmpeg_trace *trace, bool by_itself)
{
    struct ffmpeg_connection *connection = trace->latest;
    trace->latest = NULL;
    if (connection == NULL) {
        return;
    }
    ffmpeg_fetch_resolve_any(trace, connection);
    if (connection->state != FFMPEG_FETCH_WAITING) {
        return;
    }
    if (by_itself && !trace->tells_status) {
        connection->state = FFMPEG_FETCH_BODY;
        ffmpeg_fetch_count_response(trace, connection, 0);
    } else if (trace->signalled) {
        metrics_add(trace->lane, METRIC_REQUESTS_ABORTED, 1);
        connection->state = FFMPEG_FETCH_FAILED;
    } else {
        ffmpeg_fetch_fail(trace, connection, FAIL_CLOSED_BEFORE_RESPONSE);
    }
}

void ffmpeg_trace_end(struct ffmpeg_trace *trace, bool by_itself)
{
    end_latest(trace, by_itself);
    for (size_t i = 0; i < FFMPEG_TRACE_CONNECTIONS; i++) {
        struct ffmpeg_connection *connection = &trace->connections[i];
        if (connection->context == 0) {
            continue;
        }
        if (connection->state == FFMPEG_FETCH_BODY && (by_itself || connection->is_read)) {
            connection->closes = false;
            ffmpeg_fetch_complete(trace, connection);
        }
        ffmpeg_fetch_close(trace, connection);
    }
    while (trace->open_count > 0) {
        ffmpeg_fetch_count_close(trace);
    }
    trace->opening_active = false;
    trace->piece_active = false;
}
