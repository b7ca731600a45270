/* How the files of net move jobs through a client. One thread. */
#ifndef NET_CLIENT_INTERNAL_H
#define NET_CLIENT_INTERNAL_H

#include "net/client.h"

struct conn;
struct job;

/* Puts a job into the queue, in front for those that go again. Follow with client_dispatch. */
void client_queue(struct net_client *client, struct job *job, bool in_front);

/* Gives queued jobs their connections, as far as there are any. No user's callback runs. */
void client_dispatch(struct net_client *client);

/* The job goes onto the connection, and off it. */
void client_attach(struct job *job, struct conn *conn);
void client_detach(struct job *job);

/* The line carries n more bytes. */
void client_count_line(struct net_client *client, size_t n);

/* Whether reading must pause for the line; then conn_resume follows. */
bool client_must_pause(struct net_client *client);

/* The most that one read of a paced client takes. */
size_t client_read_limit(const struct net_client *client, size_t size);

#endif
