#include "net/client.h"

#include "base/clock.h"
#include "net/client_internal.h"
#include "net/conn.h"
#include "net/cookie.h"
#include "net/exchange.h"
#include "net/job.h"
#include "net/worker.h"

#include <assert.h>
#include <string.h>

enum {
    CONNECTIONS_DEFAULT = 2,
    /* A paced line may run ahead by so much before reading pauses, and one read takes at most
     * what the line carries in PACE_READ_US: so a client wakes about ten times a second. */
    PACE_SLACK_US = 10000,
    PACE_READ_US = 100000,
    PACE_READ_MIN_BYTES = 4096,
};

static void on_pace(struct loop_timer *timer)
{
    struct net_client *client = list_entry(timer, struct net_client, pace);
    client->paused = false;
    if (client_must_pause(client)) {
        return; /* another one was quicker; whose turn it is stays */
    }
    /* A connection that is resumed may end its fetch, whose callback may do anything to the
     * client: so one connection an event, and the timer again for the next. */
    list_for_each (node, &client->connections) {
        struct conn *conn = list_entry(node, struct conn, node);
        if (conn->paused) {
            /* To the end of the list: the line goes to each in turn. */
            list_remove(&conn->node);
            list_append(&client->connections, &conn->node);
            loop_timer_start(client->worker->loop, timer, loop_now_us(client->worker->loop));
            conn_resume(conn);
            return;
        }
    }
}

void net_client_open(struct net_client *client, struct net_worker *worker,
                     const struct net_client_options *options)
{
    memset(client, 0, sizeof(*client));
    client->worker = worker;
    list_init(&client->connections);
    list_init(&client->queue);
    list_init(&client->active);
    loop_timer_init(&client->pace, on_pace);
    client->user_agent = options->user_agent;
    client->bytes_per_s = options->bytes_per_s;
    client->cookies_off = options->cookies_off;
    uint32_t limit = options->connections == 0 ? CONNECTIONS_DEFAULT : options->connections;
    client->connection_limit = (uint8_t)(limit < UINT8_MAX ? limit : UINT8_MAX);
    client->source = worker->source_turn++;
    worker->client_count++;
}

void net_client_close(struct net_client *client)
{
    struct net_worker *worker = client->worker;
    if (worker == NULL) {
        return;
    }
    while (!list_is_empty(&client->queue)) {
        struct job *job = list_entry(list_first(&client->queue), struct job, node);
        fetch_cancel(job->fetch);
    }
    while (!list_is_empty(&client->active)) {
        struct job *job = list_entry(list_first(&client->active), struct job, node);
        fetch_cancel(job->fetch);
    }
    list_for_each_safe (node, after, &worker->ended) {
        struct job *job = list_entry(node, struct job, node);
        if (job->client == client) {
            fetch_cancel(job->fetch);
        }
    }
    list_for_each_safe (node, after, &client->connections) {
        conn_close(list_entry(node, struct conn, node));
    }
    loop_timer_stop(worker->loop, &client->pace);
    cookie_jar_free(client->jar);
    client->jar = NULL;
    client->worker = NULL;
    worker->client_count--;
}

void client_queue(struct net_client *client, struct job *job, bool in_front)
{
    if (in_front) {
        list_prepend(&client->queue, &job->node);
    } else {
        list_append(&client->queue, &job->node);
    }
}

void client_attach(struct job *job, struct conn *conn)
{
    struct net_client *client = conn->client;
    list_remove(&job->node);
    list_append(&client->active, &job->node);
    job->conn = conn;
    conn->job = job;
    if (!job->left_queue) {
        int64_t now_us = clock_monotonic_us();
        job->left_queue = true;
        job->result.phases.queue_us = now_us - job->result.started_us;
        job->total_deadline_us = now_us + job->request.total_timeout_us;
    }
}

void client_detach(struct job *job)
{
    struct conn *conn = job->conn;
    assert(conn->job == job);
    list_remove(&job->node);
    conn->job = NULL;
    job->conn = NULL;
}

/* The connection for a job: an idle one of its number to its server, used most recently if
 * there are several. NULL when there is none; *ret_victim is then the idle one used longest
 * ago, or NULL. */
static struct conn *find_idle(struct net_client *client, const struct job *job,
                              struct conn **ret_victim)
{
    *ret_victim = NULL;
    list_for_each (node, &client->connections) {
        struct conn *conn = list_entry(node, struct conn, node);
        if (conn->state != CONN_IDLE) {
            continue;
        }
        if (conn->peer == job->peer && conn->number == job->request.connection &&
            !job->needs_new) {
            return conn;
        }
        *ret_victim = conn;
    }
    return NULL;
}

/* Must the job wait for the connection of its number? */
static bool must_wait(const struct net_client *client, const struct job *job)
{
    if (job->request.connection == 0) {
        return false;
    }
    list_for_each (node, &client->connections) {
        const struct conn *conn = list_entry(node, struct conn, node);
        if (conn->number == job->request.connection && conn->peer == job->peer &&
            conn->state != CONN_IDLE) {
            return true;
        }
    }
    return false;
}

/* The job to be given a connection next, or NULL. */
static struct job *next_job(struct net_client *client)
{
    list_for_each (node, &client->queue) {
        struct job *job = list_entry(node, struct job, node);
        if (!must_wait(client, job)) {
            return job;
        }
    }
    return NULL;
}

static void put_to_use(struct net_client *client, struct conn *conn, struct job *job)
{
    list_remove(&conn->node);
    list_prepend(&client->connections, &conn->node);
    client_attach(job, conn);
    exchange_start(conn);
}

void client_dispatch(struct net_client *client)
{
    /* Starting a job may fail at once and lead here again: the loop below goes on with it. */
    if (client->dispatching) {
        return;
    }
    client->dispatching = true;
    struct job *job;
    while ((job = next_job(client)) != NULL) {
        struct conn *victim;
        struct conn *conn = find_idle(client, job, &victim);
        if (conn != NULL) {
            put_to_use(client, conn, job);
            continue;
        }
        if (client->connection_count >= client->connection_limit) {
            if (victim == NULL) {
                break;
            }
            conn_close(victim);
        }
        conn_open(client, job);
    }
    client->dispatching = false;
}

void client_count_line(struct net_client *client, size_t n)
{
    if (client->bytes_per_s == 0) {
        return;
    }
    int64_t now_us = clock_monotonic_us();
    int64_t from_us = client->line_free_us > now_us ? client->line_free_us : now_us;
    client->line_free_us = from_us + (int64_t)(n * UINT64_C(1000000) / client->bytes_per_s);
}

bool client_must_pause(struct net_client *client)
{
    if (client->bytes_per_s == 0) {
        return false;
    }
    if (client->line_free_us <= clock_monotonic_us() + PACE_SLACK_US) {
        return false;
    }
    if (!client->paused) {
        client->paused = true;
        loop_timer_start(client->worker->loop, &client->pace, client->line_free_us);
    }
    return true;
}

size_t client_read_limit(const struct net_client *client, size_t size)
{
    if (client->bytes_per_s == 0) {
        return size;
    }
    uint64_t most = client->bytes_per_s * PACE_READ_US / 1000000;
    most = most > PACE_READ_MIN_BYTES ? most : PACE_READ_MIN_BYTES;
    return most < size ? (size_t)most : size;
}
