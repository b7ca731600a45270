#include "fixture.h"

void fixture_open(struct fixture *fixture, void (*serve)(struct server_connection *connection),
                  const void *user, const struct net_client_options *client_options)
{
    server_start(&fixture->server, "127.0.0.1", serve, user, NULL);
    rig_open(&fixture->rig, NULL, client_options);
    trial_init(&fixture->trial);
}

void fixture_close(struct fixture *fixture)
{
    trial_fini(&fixture->trial);
    rig_close(&fixture->rig);
    server_stop(&fixture->server);
    server_free_log(&fixture->server);
}

void fixture_serve_hello(struct server_connection *connection)
{
    while (server_read(connection) && server_hello(connection)) {
    }
}
