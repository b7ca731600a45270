#include "view/web.h"

#include "view/live_json.h"
#include "view/metrics_text.h"
#include "view/thread.h"
#include "view/web_assets.h"
#include "view/web_events.h"
#include "view/web_listen.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 192,
    CONNECTION_BYTES = 16 * 1024, /* request head and buffers of one connection */
    TIMEOUT_S = 20,               /* a connection on which nothing moves is closed */
    TEXT_LIMIT = 16 << 20,
    BODY_BYTES_MAX = 4096, /* of a request */
    EVENT_MS = 1000,
    HISTORIES_MAX = 16, /* answers of this size at once, however slowly they are read */
};

struct web {
    struct MHD_Daemon *daemon;
    char url[WEB_URL_MAX];
    char *token;                   /* owned or NULL */
    struct frame_source *requests; /* owned; the serving thread's */
    struct frame_source *events;   /* owned; the event thread's */
    struct web_events *streams;    /* owned */
    unsigned histories;            /* being sent; the serving thread's */
    pthread_t event_thread;
    bool event_thread_runs;
    int stop_fd; /* owned; wakes the event thread to its end */
};

/* What one request is answered with. */
struct answer {
    unsigned status;
    struct MHD_Response *response; /* NULL: the connection is closed */
};

/* A history that is being sent. */
struct history {
    struct web *web;
    char *text; /* owned */
};

typedef struct answer web_handler(struct web *web, struct MHD_Connection *connection);

static struct answer answer_text(unsigned status, const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    }
    return (struct answer){status, response};
}

/* The response takes the buffer's bytes over. */
static struct answer answer_buf(struct buf *text, const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text->len, text->ptr, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        buf_release(text);
        return answer_text(MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    }
    buf_init(text, 0);
    MHD_add_response_header(response, "Content-Type", type);
    return (struct answer){MHD_HTTP_OK, response};
}

static struct answer answer_failed(struct buf *text)
{
    buf_release(text);
    return answer_text(MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
}

static const char *query(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct answer get_health(struct web *web, struct MHD_Connection *connection)
{
    (void)web;
    (void)connection;
    return answer_text(MHD_HTTP_OK, "ok\n");
}

static struct answer get_metrics(struct web *web, struct MHD_Connection *connection)
{
    enum metrics_format format = metrics_format_accepted(header(connection, "Accept"));
    struct frame frame;
    struct buf text;
    buf_init(&text, TEXT_LIMIT);
    frame_read(web->requests, &frame);
    if (metrics_text_write(&frame, format, &text) < 0) {
        return answer_failed(&text);
    }
    return answer_buf(&text, metrics_format_content_type(format));
}

static struct answer get_snapshot(struct web *web, struct MHD_Connection *connection)
{
    (void)connection;
    struct frame frame;
    struct buf text;
    buf_init(&text, TEXT_LIMIT);
    frame_read(web->requests, &frame);
    if (live_json_write_snapshot(&frame, &text) < 0) {
        return answer_failed(&text);
    }
    return answer_buf(&text, "application/json");
}

static void on_history_sent(void *arg)
{
    struct history *history = arg;
    history->web->histories--;
    free(history->text);
    free(history);
}

/* As answer_buf, and counted while it is being sent. */
static struct answer answer_history(struct web *web, struct buf *text)
{
    struct history *history = malloc(sizeof(*history));
    if (history == NULL) {
        return answer_failed(text);
    }
    *history = (struct history){web, text->ptr};
    web->histories++;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        text->len, text->ptr, on_history_sent, history);
    if (response == NULL) {
        web->histories--;
        free(history);
        return answer_failed(text);
    }
    buf_init(text, 0);
    MHD_add_response_header(response, "Content-Type", "application/json");
    return (struct answer){MHD_HTTP_OK, response};
}

static struct answer get_history(struct web *web, struct MHD_Connection *connection)
{
    if (web->histories >= HISTORIES_MAX) {
        return answer_text(MHD_HTTP_SERVICE_UNAVAILABLE, "too many are reading the history\n");
    }
    const char *first = query(connection, "first");
    uint64_t from = 0;
    if (first != NULL && !span_to_u64(span_from_string(first), &from)) {
        return answer_text(MHD_HTTP_BAD_REQUEST, "first: not a number\n");
    }
    struct frame frame;
    struct buf text;
    buf_init(&text, TEXT_LIMIT);
    frame_read(web->requests, &frame);
    if (live_json_write_history(frame.recorder, from, &text) < 0) {
        return answer_failed(&text);
    }
    return answer_history(web, &text);
}

static struct answer get_events(struct web *web, struct MHD_Connection *connection)
{
    struct MHD_Response *response = web_events_response(web->streams, connection);
    return response == NULL ? answer_text(MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n")
                            : (struct answer){MHD_HTTP_OK, response};
}

static struct answer post_target(struct web *web, struct MHD_Connection *connection)
{
    struct frame frame;
    uint64_t viewers;
    const char *text = query(connection, "viewers");
    if (text == NULL || !span_to_u64(span_from_string(text), &viewers)) {
        return answer_text(MHD_HTTP_BAD_REQUEST, "viewers: a number is needed\n");
    }
    frame_read(web->requests, &frame);
    if (frame.control->set_target == NULL) {
        return answer_text(MHD_HTTP_CONFLICT, "this run's target is fixed\n");
    }
    if (viewers > frame.info->viewers_limit) {
        return answer_text(MHD_HTTP_BAD_REQUEST, "viewers: above the run's --max-viewers\n");
    }
    frame.control->set_target(frame.control->arg, (uint32_t)viewers);
    return answer_text(MHD_HTTP_OK, "ok\n");
}

static struct answer post_stop(struct web *web, struct MHD_Connection *connection)
{
    (void)connection;
    struct frame frame;
    frame_read(web->requests, &frame);
    if (frame.control->stop == NULL) {
        return answer_text(MHD_HTTP_CONFLICT, "this run cannot be stopped from here\n");
    }
    frame.control->stop(frame.control->arg);
    return answer_text(MHD_HTTP_OK, "ok\n");
}

static const struct route {
    const char *method, *path;
    web_handler *handler;
    bool open; /* without the token */
} routes[] = {
    {"GET", "/healthz", get_health, true},
    {"GET", "/metrics", get_metrics, false},
    {"GET", "/api/v1/snapshot", get_snapshot, false},
    {"GET", "/api/v1/history", get_history, false},
    {"GET", "/api/v1/events", get_events, false},
    {"POST", "/api/v1/target", post_target, false},
    {"POST", "/api/v1/stop", post_stop, false},
};

/* Takes the same time wherever the two differ. */
static bool token_equal(const char *given, const char *token)
{
    size_t len = strlen(token);
    unsigned char difference = strlen(given) != len;
    for (size_t i = 0; i < len && given[i] != '\0'; i++) {
        difference |= (unsigned char)(given[i] ^ token[i]);
    }
    return difference == 0;
}

static bool has_token(const struct web *web, struct MHD_Connection *connection)
{
    static const char bearer[] = "Bearer ";
    const char *authorization = header(connection, "Authorization");
    const char *argument = query(connection, "token");
    if (authorization != NULL && strncmp(authorization, bearer, sizeof(bearer) - 1) == 0 &&
        token_equal(authorization + sizeof(bearer) - 1, web->token)) {
        return true;
    }
    return argument != NULL && token_equal(argument, web->token);
}

/* Whether the request comes from a page of another origin than ours: a browser then names it.
 */
static bool is_foreign(struct MHD_Connection *connection)
{
    static const char scheme[] = "http://";
    const char *origin = header(connection, "Origin");
    const char *host = header(connection, "Host");
    const char *site = header(connection, "Sec-Fetch-Site");
    if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) {
        return true;
    }
    return origin != NULL &&
           (host == NULL || strncmp(origin, scheme, sizeof(scheme) - 1) != 0 ||
            strcmp(origin + sizeof(scheme) - 1, host) != 0);
}

static struct answer answer_asset(const char *path)
{
    const struct web_asset *asset = web_asset_find(path);
    if (asset == NULL) {
        return answer_text(MHD_HTTP_NOT_FOUND, "not found\n");
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        asset->len, (void *)asset->bytes, MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        MHD_add_response_header(response, "Content-Type", asset->type);
    }
    return (struct answer){MHD_HTTP_OK, response};
}

static struct answer answer_request(struct web *web, struct MHD_Connection *connection,
                                    const char *path, const char *method)
{
    bool post = strcmp(method, "POST") == 0;
    const char *looked_for = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const struct route *route = NULL;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(routes[i].path, path) == 0 && strcmp(routes[i].method, looked_for) == 0) {
            route = &routes[i];
        }
    }
    if (route != NULL && !route->open && web->token != NULL && !has_token(web, connection)) {
        return answer_text(MHD_HTTP_UNAUTHORIZED, "the token is needed\n");
    }
    if (route == NULL) { /* the page's own files, which hold no figures */
        return strcmp(looked_for, "GET") == 0
                   ? answer_asset(path)
                   : answer_text(MHD_HTTP_METHOD_NOT_ALLOWED, "no such method here\n");
    }
    if (post && web->token == NULL) {
        return answer_text(MHD_HTTP_FORBIDDEN, "start with --listen-token to control a run\n");
    }
    if (post && is_foreign(connection)) {
        return answer_text(MHD_HTTP_FORBIDDEN, "not from a page of another origin\n");
    }
    return route->handler(web, connection);
}

static void add_headers(const struct web *web, struct answer *answer)
{
    struct MHD_Response *response = answer->response;
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; script-src 'self'; style-src 'self'; "
                            "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                            "form-action 'none'; frame-ancestors 'none'");
    if (answer->status == MHD_HTTP_UNAUTHORIZED && web->token != NULL) {
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"shoal\"");
    }
}

/* Nothing here needs a body. A small one is read and forgotten; one of many bytes, or of nobody
 * knows how many, would keep the thread busy for as long as its sender likes. */
static bool has_great_body(struct MHD_Connection *connection)
{
    uint64_t bytes = 0;
    const char *length = header(connection, "Content-Length");
    return header(connection, "Transfer-Encoding") != NULL ||
           (length != NULL &&
            (!span_to_u64(span_from_string(length), &bytes) || bytes > BODY_BYTES_MAX));
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd decides its parameters. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *body, size_t *body_len, void **state)
{
    (void)version;
    (void)body;
    static int seen;
    static _Thread_local bool gave_way;
    if (!gave_way) { /* the serving thread is the library's own */
        gave_way = true;
        thread_give_way("web");
    }
    if (*state == NULL) { /* the head; answered when the request is whole */
        *state = &seen;
        return has_great_body(connection) ? MHD_NO : MHD_YES; /* no: closed */
    }
    if (*body_len > 0) { /* nobody here reads bodies */
        *body_len = 0;
        return MHD_YES;
    }
    struct web *web = arg;
    struct answer answer = answer_request(web, connection, path, method);
    if (answer.response == NULL) {
        return MHD_NO;
    }
    add_headers(web, &answer);
    enum MHD_Result result = MHD_queue_response(connection, answer.status, answer.response);
    MHD_destroy_response(answer.response);
    return result;
}

static void *event_main(void *arg)
{
    struct web *web = arg;
    thread_give_way("events");
    struct pollfd stop = {.fd = web->stop_fd, .events = POLLIN};
    struct frame frame;
    struct buf text;
    buf_init(&text, TEXT_LIMIT);
    bool stopped = false;
    for (;;) { /* once more after the end, which pages are to learn of */
        text.len = 0;
        frame_read(web->events, &frame);
        if (live_json_write_snapshot(&frame, &text) == 0) {
            web_events_publish(web->streams, buf_span(&text));
        }
        if (stopped) {
            break;
        }
        stopped = poll(&stop, 1, EVENT_MS) > 0;
    }
    buf_release(&text);
    return NULL;
}

static int start_events(struct web *web, struct err *err)
{
    web->stop_fd = eventfd(0, EFD_CLOEXEC);
    int error =
        web->stop_fd < 0 ? errno : pthread_create(&web->event_thread, NULL, event_main, web);
    if (error != 0) {
        return err_set(err, ERR_START, "--listen", "raise the limits of this process",
                       "no thread: %s", strerror(error));
    }
    web->event_thread_runs = true;
    return 0;
}

static int start_daemon(struct web *web, const struct web_options *options, struct err *err)
{
    int fd = web_listen(options, web->url, err);
    if (fd < 0) {
        return -1;
    }
    web->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
        on_request, web, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    if (web->daemon == NULL) {
        close(fd);
        return err_set(err, ERR_START, "--listen", "raise the limits of this process",
                       "the HTTP server did not start: %s", strerror(errno));
    }
    return 0;
}

struct web *web_start(const struct web_options *options, struct frame_source *requests,
                      struct frame_source *events, struct err *err)
{
    struct web *web = calloc(1, sizeof(*web));
    if (web == NULL || requests == NULL || events == NULL) {
        frame_source_free(requests);
        frame_source_free(events);
        free(web);
        err_set(err, ERR_START, "--listen", NULL, "out of memory");
        return NULL;
    }
    web->stop_fd = -1;
    web->requests = requests;
    web->events = events;
    web->streams = web_events_new();
    web->token = options->token == NULL ? NULL : strdup(options->token);
    if (web->streams == NULL || (options->token != NULL && web->token == NULL)) {
        err_set(err, ERR_START, "--listen", NULL, "out of memory");
    } else if (start_daemon(web, options, err) == 0 && start_events(web, err) == 0) {
        return web;
    }
    web_stop(web);
    return NULL;
}

const char *web_url(const struct web *web)
{
    return web->url;
}

void web_stop(struct web *web)
{
    if (web == NULL) {
        return;
    }
    if (web->event_thread_runs) {
        uint64_t one = 1;
        ssize_t written = write(web->stop_fd, &one, sizeof(one));
        (void)written; /* an eventfd at 0 always takes 1 */
        pthread_join(web->event_thread, NULL);
    }
    if (web->streams != NULL) {
        web_events_close(web->streams);
    }
    if (web->daemon != NULL) {
        MHD_stop_daemon(web->daemon);
    }
    if (web->stop_fd >= 0) {
        close(web->stop_fd);
    }
    web_events_free(web->streams);
    frame_source_free(web->requests);
    frame_source_free(web->events);
    free(web->token);
    free(web);
}
