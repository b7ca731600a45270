#include "view/web_events.h"

#include "base/list.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long the last event may take to reach the clients. */
enum { CLOSE_S = 1 };

/* One event's text; shared by the clients that are sending it. */
struct event {
    unsigned references; /* under the lock */
    uint64_t number;
    size_t len;
    char text[];
};

struct client {
    struct list node;
    struct web_events *events;
    struct MHD_Connection *connection;
    struct event *event; /* being sent, or NULL */
    size_t sent;         /* bytes of it */
    uint64_t next;       /* number of the first event not yet taken */
    bool suspended;
};

struct web_events {
    pthread_mutex_t lock; /* guards all below and all clients */
    pthread_cond_t gone;  /* a client has left */
    struct list clients;
    struct event *newest;
    bool closed;
};

struct web_events *web_events_new(void)
{
    struct web_events *events = calloc(1, sizeof(*events));
    if (events != NULL) {
        pthread_mutex_init(&events->lock, NULL);
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&events->gone, &monotonic);
        pthread_condattr_destroy(&monotonic);
        list_init(&events->clients);
    }
    return events;
}

static void event_release(struct event *event)
{
    if (event != NULL && --event->references == 0) {
        free(event);
    }
}

void web_events_free(struct web_events *events)
{
    if (events == NULL) {
        return;
    }
    event_release(events->newest);
    pthread_cond_destroy(&events->gone);
    pthread_mutex_destroy(&events->lock);
    free(events);
}

/* Takes the newest event when this client has not had it. Under the lock. */
static bool client_take(struct client *client)
{
    struct event *newest = client->events->newest;
    if (newest == NULL || newest->number < client->next) {
        return false;
    }
    newest->references++;
    client->event = newest;
    client->sent = 0;
    client->next = newest->number + 1;
    return true;
}

/* Gives the serving thread the next bytes; without any the connection is suspended, and
 * resumed by the next event. */
static ssize_t client_read(void *arg, uint64_t position, char *dst, size_t room)
{
    (void)position;
    struct client *client = arg;
    struct web_events *events = client->events;
    ssize_t result = 0;
    pthread_mutex_lock(&events->lock);
    bool idle = client->event == NULL && !client_take(client);
    if (idle && events->closed) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (idle) {
        client->suspended = true;
        MHD_suspend_connection(client->connection);
    } else {
        size_t left = client->event->len - client->sent;
        size_t n = left < room ? left : room;
        memcpy(dst, client->event->text + client->sent, n);
        client->sent += n;
        if (client->sent == client->event->len) {
            event_release(client->event);
            client->event = NULL;
        }
        result = (ssize_t)n;
    }
    pthread_mutex_unlock(&events->lock);
    return result;
}

static void client_free(void *arg)
{
    struct client *client = arg;
    struct web_events *events = client->events;
    pthread_mutex_lock(&events->lock);
    list_remove(&client->node);
    event_release(client->event);
    pthread_cond_signal(&events->gone);
    pthread_mutex_unlock(&events->lock);
    free(client);
}

struct MHD_Response *web_events_response(struct web_events *events,
                                         struct MHD_Connection *connection)
{
    enum { BLOCK_BYTES = 4096 };
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    client->events = events;
    client->connection = connection;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, client_read, client, client_free);
    if (response == NULL) {
        free(client);
        return NULL;
    }
    pthread_mutex_lock(&events->lock);
    list_append(&events->clients, &client->node);
    pthread_mutex_unlock(&events->lock);
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    return response;
}

/* Under the lock. */
static void resume_all(struct web_events *events)
{
    list_for_each (node, &events->clients) {
        struct client *client = list_entry(node, struct client, node);
        if (client->suspended) {
            client->suspended = false;
            MHD_resume_connection(client->connection);
        }
    }
}

void web_events_publish(struct web_events *events, struct span data)
{
    static const char head[] = "data: ";
    static const char tail[] = "\n\n";
    size_t len = sizeof(head) - 1 + data.len + sizeof(tail) - 1;
    struct event *event = malloc(sizeof(*event) + len);
    if (event == NULL) {
        return;
    }
    event->references = 1;
    event->len = len;
    memcpy(event->text, head, sizeof(head) - 1);
    memcpy(event->text + sizeof(head) - 1, data.ptr, data.len);
    memcpy(event->text + len - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
    pthread_mutex_lock(&events->lock);
    event->number = events->newest == NULL ? 1 : events->newest->number + 1;
    event_release(events->newest);
    events->newest = event;
    resume_all(events);
    pthread_mutex_unlock(&events->lock);
}

void web_events_close(struct web_events *events)
{
    pthread_mutex_lock(&events->lock);
    events->closed = true;
    resume_all(events);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLOSE_S;
    int late = 0;
    while (!list_is_empty(&events->clients) && late == 0) {
        late = pthread_cond_timedwait(&events->gone, &events->lock, &until);
    }
    pthread_mutex_unlock(&events->lock);
}
