/* Server-sent events: one text a second for any number of clients, made once and shared. A
 * client that is slow misses texts, never gets half of one. */
#ifndef VIEW_WEB_EVENTS_H
#define VIEW_WEB_EVENTS_H

#include "base/span.h"

#include <microhttpd.h>

struct web_events;

/* Returns NULL when there is no memory. */
struct web_events *web_events_new(void);

/* After web_events_close and MHD_stop_daemon. NULL is a no-op. */
void web_events_free(struct web_events *events);

/* A response for one more client, or NULL. The serving thread. */
struct MHD_Response *web_events_response(struct web_events *events,
                                         struct MHD_Connection *connection);

/* Sends one event with these bytes of data (no newlines in it) to all clients. Any thread. */
void web_events_publish(struct web_events *events, struct span data);

/* Ends all streams once they have the last event, and waits up to a second for that; must
 * precede MHD_stop_daemon, which wants no connection suspended. Not the serving thread. */
void web_events_close(struct web_events *events);

#endif
