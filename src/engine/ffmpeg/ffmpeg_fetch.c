#include "engine/ffmpeg/ffmpeg_fetch.h"

/* From `start` to `now`, both from stamps of the day or both from the clock. */
int64_t ffmpeg_fetch_elapsed_us(int64_t start, int64_t now)
{
    const int64_t day_us = INT64_C(86400000000);
    int64_t us = now - start;
    return us < -day_us / 2 ? us + day_us : us;
}

/* Shows a failure with what the log has told of its request. Where no request was written it
 * is of what was being opened. */
static void show_failure(const struct ffmpeg_trace *trace,
                         const struct ffmpeg_connection *connection, enum fail fail)
{
    if (trace->on_failure == NULL) {
        return;
    }
    const struct ffmpeg_url *url =
        connection != NULL && connection->url.len > 0 ? &connection->url : &trace->opening_url;
    struct engine_failure failure = {
        .fail = fail,
        .age_s = -1,
        .url = span_of(url->text, url->len),
    };
    if (connection != NULL) {
        failure.status = (int)connection->status;
        failure.age_s = connection->age_s;
        failure.cache = span_of(connection->cache, connection->cache_len);
        failure.address =
            connection->address.family == AF_UNSPEC ? NULL : &connection->address.sa;
    }
    trace->on_failure(trace->user, &failure);
}

void ffmpeg_fetch_count_failure(struct ffmpeg_trace *trace,
                                const struct ffmpeg_connection *connection, enum fail fail)
{
    metrics_add_failure(trace->lane, fail);
    trace->last_fail = fail;
    if (connection != NULL && fail_info(fail)->class != FAIL_CLASS_LOCAL) {
        metrics_add_at(trace->lane, METRIC_SERVER_FAILURES, connection->server, 1);
    }
    show_failure(trace, connection, fail);
}

void ffmpeg_fetch_count_bytes(struct ffmpeg_trace *trace,
                              const struct ffmpeg_connection *connection, uint64_t bytes)
{
    metrics_add(trace->lane, METRIC_BODY_BYTES, bytes);
    metrics_add_at(trace->lane, METRIC_SERVER_BODY_BYTES, connection->server, bytes);
}

struct ffmpeg_trace_playlist *ffmpeg_fetch_playlist(struct ffmpeg_trace *trace, int32_t number)
{
    int32_t last = FFMPEG_TRACE_PLAYLISTS - 1;
    return &trace->playlists[number < 0 ? 0 : number < last ? number : last];
}

static enum metric_kind label_of(enum ffmpeg_fetch_kind kind)
{
    switch (kind) {
    case FFMPEG_FETCH_MULTIVARIANT:
        return METRIC_KIND_MULTIVARIANT;
    case FFMPEG_FETCH_MEDIA_PLAYLIST:
        return METRIC_KIND_MEDIA_PLAYLIST;
    case FFMPEG_FETCH_SEGMENT:
        return METRIC_KIND_SEGMENT;
    case FFMPEG_FETCH_INIT_SECTION:
        return METRIC_KIND_INIT_SECTION;
    case FFMPEG_FETCH_KEY:
        return METRIC_KIND_KEY;
    case FFMPEG_FETCH_PLAYLIST_UNKNOWN:
    case FFMPEG_FETCH_PIECE_UNKNOWN:
        break;
    }
    return METRIC_KIND_OTHER;
}

bool ffmpeg_fetch_is_unknown(enum ffmpeg_fetch_kind kind)
{
    return kind == FFMPEG_FETCH_PLAYLIST_UNKNOWN || kind == FFMPEG_FETCH_PIECE_UNKNOWN;
}

bool ffmpeg_fetch_is_playlist(enum ffmpeg_fetch_kind kind)
{
    return kind <= FFMPEG_FETCH_MEDIA_PLAYLIST;
}

/* Counts the connection's request, unless it is counted already. A request whose purpose only
 * the next line tells waits for it, and so do its response and all else about it, so that the
 * requests balance at every moment. */
void ffmpeg_fetch_count_request(struct ffmpeg_trace *trace,
                                struct ffmpeg_connection *connection)
{
    if (!connection->request_counted) {
        metrics_add_at(trace->lane, METRIC_HTTP_REQUESTS, label_of(connection->fetch.kind), 1);
        connection->request_counted = true;
    }
}

/* The connection's segment is no longer being read. */
static void forget_reading(struct ffmpeg_trace *trace,
                           const struct ffmpeg_connection *connection)
{
    if (connection->fetch.playlist < 0) {
        return;
    }
    struct ffmpeg_trace_playlist *playlist =
        ffmpeg_fetch_playlist(trace, connection->fetch.playlist);
    uint8_t kept = 0;
    for (uint8_t i = 0; i < playlist->reading_count; i++) {
        if (playlist->reading[i] != connection->context) {
            playlist->reading[kept++] = playlist->reading[i];
        }
    }
    playlist->reading_count = kept;
}

/* The request got no response. */
void ffmpeg_fetch_fail(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection,
                       enum fail fail)
{
    if (trace->leaving) {
        ffmpeg_fetch_drop(trace, connection);
        connection->state = FFMPEG_FETCH_FAILED;
        return;
    }
    ffmpeg_fetch_resolve_any(trace, connection);
    ffmpeg_fetch_count_request(trace, connection);
    metrics_add(trace->lane, METRIC_REQUESTS_FAILED, 1);
    ffmpeg_fetch_count_failure(trace, connection, fail);
    connection->state = FFMPEG_FETCH_FAILED;
}

void ffmpeg_fetch_count_response(struct ffmpeg_trace *trace,
                                 struct ffmpeg_connection *connection, unsigned status)
{
    connection->status = status;
    if (ffmpeg_fetch_is_unknown(connection->fetch.kind)) {
        return; /* count_settled does it */
    }
    ffmpeg_fetch_count_request(trace, connection);
    metrics_add_at(trace->lane, METRIC_SERVER_RESPONSES, connection->server, 1);
    if (status != 0) {
        metrics_add_response(trace->lane, status);
    } else {
        shoal_lane_add(trace->lane, METRIC_HTTP_RESPONSES, 1);
        metrics_add(trace->lane, METRIC_HTTP_RESPONSES_2XX, 1);
    }
}

/* The purpose of the request is known now: counts what had to wait for it. */
void ffmpeg_fetch_resolve(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection,
                          enum ffmpeg_fetch_kind kind)
{
    if (!ffmpeg_fetch_is_unknown(connection->fetch.kind)) {
        return;
    }
    connection->fetch.kind = kind;
    ffmpeg_fetch_count_request(trace, connection);
    if (connection->state == FFMPEG_FETCH_BODY) {
        ffmpeg_fetch_count_response(trace, connection, connection->status);
    }
}

void ffmpeg_fetch_resolve_any(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection)
{
    ffmpeg_fetch_resolve(trace, connection,
                         ffmpeg_fetch_is_playlist(connection->fetch.kind)
                             ? FFMPEG_FETCH_MEDIA_PLAYLIST
                             : FFMPEG_FETCH_SEGMENT);
}

void ffmpeg_fetch_count_close(struct ffmpeg_trace *trace)
{
    if (trace->open_count > 0) {
        trace->open_count--;
        metrics_add(trace->lane, METRIC_CONNECTIONS_CLOSED, 1);
    }
}

void ffmpeg_fetch_drop(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection)
{
    if (connection->state == FFMPEG_FETCH_NONE) {
        return;
    }
    ffmpeg_fetch_resolve_any(trace, connection);
    if (connection->state == FFMPEG_FETCH_WAITING) {
        metrics_add(trace->lane, METRIC_REQUESTS_ABORTED, 1);
    } else if (connection->state == FFMPEG_FETCH_BODY) {
        metrics_add(trace->lane, METRIC_BODIES_ABORTED, 1);
    }
    connection->state = FFMPEG_FETCH_NONE;
}

void ffmpeg_fetch_close(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection)
{
    ffmpeg_fetch_drop(trace, connection);
    if (trace->latest == connection) {
        trace->latest = NULL;
    }
    forget_reading(trace, connection);
    ffmpeg_fetch_count_close(trace);
    *connection = (struct ffmpeg_connection){0};
}

uint64_t ffmpeg_fetch_body_bytes(const struct ffmpeg_connection *connection)
{
    return connection->length_bytes != UINT64_MAX ? connection->length_bytes
                                                  : connection->chunk_bytes;
}

/* The body has been read to its end; counts what it was. Error statuses do not come here. */
void ffmpeg_fetch_complete(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection)
{
    ffmpeg_fetch_resolve_any(trace, connection);
    uint64_t bytes = ffmpeg_fetch_body_bytes(connection);
    ffmpeg_fetch_count_bytes(trace, connection, bytes);
    connection->state = FFMPEG_FETCH_NONE;
    forget_reading(trace, connection);
    switch (connection->fetch.kind) {
    case FFMPEG_FETCH_PLAYLIST_UNKNOWN:
    case FFMPEG_FETCH_MULTIVARIANT:
    case FFMPEG_FETCH_MEDIA_PLAYLIST:
        metrics_add(trace->lane, METRIC_PLAYLISTS, 1);
        metrics_add(trace->lane, METRIC_PLAYLIST_BYTES, bytes);
        trace->playlist_failed = false;
        break;
    case FFMPEG_FETCH_PIECE_UNKNOWN:
    case FFMPEG_FETCH_SEGMENT: {
        uint32_t variant = ffmpeg_fetch_playlist(trace, connection->fetch.playlist)->variant;
        if (connection->status != 0 && connection->status != 200 && connection->status != 206) {
            ffmpeg_fetch_count_failure(trace, connection, FAIL_STATUS_UNEXPECTED);
            break;
        }
        metrics_add_at(trace->lane, METRIC_SEGMENTS, variant, 1);
        metrics_add_at(trace->lane, METRIC_SEGMENT_BYTES, variant, bytes);
        break;
    }
    case FFMPEG_FETCH_INIT_SECTION:
        metrics_add(trace->lane, METRIC_INIT_SECTIONS, 1);
        break;
    case FFMPEG_FETCH_KEY:
        metrics_add(trace->lane, METRIC_KEYS, 1);
        break;
    }
    if (connection->closes) {
        ffmpeg_fetch_close(trace, connection);
    }
}

struct ffmpeg_connection *ffmpeg_fetch_find(struct ffmpeg_trace *trace, uint64_t context)
{
    for (size_t i = 0; i < FFMPEG_TRACE_CONNECTIONS; i++) {
        if (trace->connections[i].context == context) {
            return context == 0 ? NULL : &trace->connections[i];
        }
    }
    return NULL;
}

void ffmpeg_fetch_drop_oldest(struct ffmpeg_trace_playlist *playlist)
{
    playlist->reading_count--;
    memmove(playlist->reading, playlist->reading + 1,
            playlist->reading_count * sizeof playlist->reading[0]);
}

/* The oldest of the segments being read from a playlist is over. */
void ffmpeg_fetch_finish_oldest(struct ffmpeg_trace *trace,
                                struct ffmpeg_trace_playlist *playlist)
{
    struct ffmpeg_connection *connection = ffmpeg_fetch_find(trace, playlist->reading[0]);
    ffmpeg_fetch_drop_oldest(playlist);
    if (connection != NULL && connection->state == FFMPEG_FETCH_BODY) {
        ffmpeg_fetch_complete(trace, connection);
    }
}

enum fail ffmpeg_fetch_no_response(const struct ffmpeg_trace *trace,
                                   const struct ffmpeg_connection *connection, int64_t now_us)
{
    bool timed_out =
        trace->read_timeout_us > 0 &&
        ffmpeg_fetch_elapsed_us(connection->request_us, now_us) >= trace->read_timeout_us;
    return timed_out ? FAIL_FIRST_BYTE_TIMEOUT : FAIL_CLOSED_BEFORE_RESPONSE;
}

/* FFmpeg has gone on without complaint, so the newest request was answered well: a playlist or
 * key has been read, a segment is being read. */
void ffmpeg_fetch_settle(struct ffmpeg_trace *trace, enum ffmpeg_fetch_kind playlist_is,
                         int64_t now_us)
{
    struct ffmpeg_connection *connection = trace->latest;
    trace->latest = NULL;
    if (connection == NULL) {
        return;
    }
    enum ffmpeg_fetch_kind unknown_is =
        ffmpeg_fetch_is_playlist(connection->fetch.kind) ? playlist_is : FFMPEG_FETCH_SEGMENT;
    if (connection->state == FFMPEG_FETCH_WAITING) {
        if (trace->tells_status) {
            ffmpeg_fetch_resolve(trace, connection, unknown_is);
            ffmpeg_fetch_fail(trace, connection,
                              ffmpeg_fetch_no_response(trace, connection, now_us));
        } else {
            connection->state = FFMPEG_FETCH_BODY;
            ffmpeg_fetch_count_response(trace, connection, 0);
        }
    }
    if (connection->state != FFMPEG_FETCH_BODY) {
        return;
    }
    ffmpeg_fetch_resolve(trace, connection, unknown_is);
    if (connection->fetch.kind != FFMPEG_FETCH_SEGMENT) {
        ffmpeg_fetch_complete(trace, connection);
        return;
    }
    struct ffmpeg_trace_playlist *playlist =
        ffmpeg_fetch_playlist(trace, connection->fetch.playlist);
    playlist->seen = true;
    if (playlist->reading_count == sizeof playlist->reading / sizeof playlist->reading[0]) {
        ffmpeg_fetch_finish_oldest(trace, playlist);
    }
    playlist->reading[playlist->reading_count++] = connection->context;
}

/* A place for a new connection: a free one, or that of the oldest. */
struct ffmpeg_connection *ffmpeg_fetch_place(struct ffmpeg_trace *trace)
{
    struct ffmpeg_connection *oldest = &trace->connections[0];
    for (size_t i = 0; i < FFMPEG_TRACE_CONNECTIONS; i++) {
        struct ffmpeg_connection *connection = &trace->connections[i];
        if (connection->context == 0) {
            return connection;
        }
        if ((int32_t)(connection->order - oldest->order) < 0) {
            oldest = connection;
        }
    }
    trace->lost++;
    if (oldest->state == FFMPEG_FETCH_BODY) {
        ffmpeg_fetch_complete(trace, oldest);
    }
    if (oldest->context != 0) {
        ffmpeg_fetch_close(trace, oldest);
    }
    return oldest;
}
