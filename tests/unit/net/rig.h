/* A worker with one client on a loop, and what a test needs to run a fetch to its end and look
 * at the result and the counters. */
#ifndef TEST_NET_RIG_H
#define TEST_NET_RIG_H

#include "net/client.h"
#include "net/fetch.h"
#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>

struct shoal_sampler;
struct shoal_schema;

struct rig {
    struct loop *loop;
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    struct shoal_lane *lane;
    struct net_worker *worker;
    struct net_client client;
};

/* options may be NULL. Time-outs that are 0 become short ones. */
void rig_open(struct rig *rig, const struct net_options *options,
              const struct net_client_options *client_options);

/* Closes all, after asserting that requests balance. */
void rig_close(struct rig *rig);

/* A fetch of a test and a copy of its result. */
struct trial {
    struct fetch fetch;
    struct fetch_result result; /* body, url, cache point to the copies */
    char *body;                 /* owned, NUL-terminated */
    char *url;                  /* owned */
    char *cache;                /* owned, NUL-terminated */
    bool done;
    int calls; /* of on_done */
};

void trial_init(struct trial *trial);
void trial_fini(struct trial *trial);

/* Fails the test when the fetch ended otherwise. */
void trial_expect(const struct trial *trial, enum fail fail);

/* Starts it and runs the loop until it is done, 10 s at most. */
void rig_fetch(struct rig *rig, struct trial *trial, const struct fetch_request *request);

/* The same for a URL to be collected. */
void rig_get(struct rig *rig, struct trial *trial, const char *url);

/* Runs the loop until *done, 10 s at most. */
void rig_run_until(struct rig *rig, const bool *done);

/* Runs the loop until condition(user), 10 s at most. */
void rig_run_until_true(struct rig *rig, bool (*condition)(const void *user), const void *user);

/* All events of a counter so far, over its label values. */
uint64_t rig_count(const struct rig *rig, enum metric metric);
uint64_t rig_failures(const struct rig *rig, enum fail fail);

#endif
