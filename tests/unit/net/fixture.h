/* A server that answers as the test says and a rig with one client: what most tests of the
 * client begin with. */
#ifndef TEST_NET_FIXTURE_H
#define TEST_NET_FIXTURE_H

#include "rig.h"
#include "server.h"

struct fixture {
    struct server server;
    struct rig rig;
    struct trial trial;
};

/* Starts the server on 127.0.0.1 and opens the rig. client_options may be NULL. */
void fixture_open(struct fixture *fixture, void (*serve)(struct server_connection *connection),
                  const void *user, const struct net_client_options *client_options);

/* Closes all, with the checks of rig_close. */
void fixture_close(struct fixture *fixture);

/* For `serve`: answers every request of a connection with "hello". */
void fixture_serve_hello(struct server_connection *connection);

#endif
