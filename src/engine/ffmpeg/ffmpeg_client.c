#include "engine/ffmpeg/ffmpeg_client.h"

#include "base/clock.h"
#include "engine/ffmpeg/ffmpeg_command.h"
#include "engine/ffmpeg/ffmpeg_process.h"
#include "stats/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    /* Reads of one pipe for each time it is ready, so that a chatty process cannot starve the
     * others. */
    READS_AT_ONCE = 4,
    /* Room for a burst of log while this thread is busy: a process that finds its pipe full
     * stands still, which would be our doing and not the server's. */
    LOG_PIPE_BYTES = 256 * 1024,
    LEAVING_AT_ONCE = 8,
};

static struct shoal_lane *lane_of(const struct ffmpeg_client *client)
{
    return client->shared->setup->lane;
}

static struct loop *loop_of(const struct ffmpeg_client *client)
{
    return client->shared->setup->loop;
}

static bool has_process(const struct ffmpeg_client *client)
{
    return client->log_fd >= 0;
}

/* Playback. */

static void begin_stall(struct ffmpeg_client *client, int64_t from_us)
{
    client->stalled = true;
    client->stall_from_us = from_us;
    metrics_add(lane_of(client), METRIC_STALLS, 1);
}

static void end_stall(struct ffmpeg_client *client, int64_t now_us)
{
    struct shoal_lane *lane = lane_of(client);
    int64_t length_us = now_us - client->stall_from_us;
    client->stalled = false;
    metrics_add(lane, METRIC_STALLS_OVER, 1);
    metrics_record(lane, METRIC_STALL, length_us);
    if (length_us >= 100000) {
        metrics_add(lane, METRIC_STALLS_LONG, 1);
    }
}

void ffmpeg_client_account(struct ffmpeg_client *client, int64_t now_us)
{
    if (!client->played || client->state == FFMPEG_CLIENT_IDLE ||
        client->state == FFMPEG_CLIENT_LEAVING || now_us <= client->accounted_us) {
        return;
    }
    struct shoal_lane *lane = lane_of(client);
    int64_t stalled_us = client->stalled ? now_us - client->accounted_us : 0;
    metrics_add(lane, METRIC_WATCHED_TIME, (uint64_t)(now_us - client->accounted_us));
    client->accounted_us = now_us;
    if (!client->stalled &&
        now_us - client->advanced_us >= client->shared->options->stall_after_us) {
        begin_stall(client, client->advanced_us);
        /* It began when the position last moved, which is only now known. */
        stalled_us = now_us - client->stall_from_us;
    }
    metrics_add(lane, METRIC_STALL_TIME, (uint64_t)stalled_us);
}

static void on_position(struct ffmpeg_client *client, int64_t position_us)
{
    int64_t now_us = client->read_us;
    int64_t moved_us = position_us - client->position_us;
    bool first = !client->has_position;
    client->has_position = true;
    client->position_us = position_us;
    if (first || moved_us <= 0) {
        return;
    }
    ffmpeg_client_account(client, now_us);
    metrics_add(lane_of(client), METRIC_MEDIA_PLAYED, (uint64_t)moved_us);
    client->advanced_us = now_us;
    if (client->stalled) {
        end_stall(client, now_us);
    }
}

static void on_report(void *user, const struct ffmpeg_progress_report *report)
{
    struct ffmpeg_client *client = user;
    if (report->has_position && client->played && client->state == FFMPEG_CLIENT_RUNNING) {
        on_position(client, report->position_us);
    }
}

/* The process has all streams and plays. */
static void on_playing(struct ffmpeg_client *client)
{
    int64_t now_us = client->read_us;
    client->process_us = now_us;
    if (client->played) { /* by an earlier process, whose end was a stall */
        ffmpeg_client_account(client, now_us);
        client->advanced_us = now_us;
        if (client->stalled) {
            end_stall(client, now_us);
        }
        return;
    }
    client->played = true;
    client->advanced_us = now_us;
    client->accounted_us = now_us;
    metrics_add(lane_of(client), METRIC_SESSIONS_PLAYED, 1);
    metrics_record(lane_of(client), METRIC_STARTUP, now_us - client->intended_us);
}

/* A failure that is counted, shown to who keeps some of them. */
static void show(const struct ffmpeg_client *client, struct engine_failure failure,
                 int64_t at_us)
{
    const struct engine_setup *setup = client->shared->setup;
    struct engine_witness *witness = setup->witness;
    if (witness == NULL || !witness->wants(witness, setup->worker, at_us)) {
        return;
    }
    failure.at_us = at_us;
    failure.viewer = client->viewer;
    witness->take(witness, setup->worker, &failure);
}

static void on_failure(void *user, const struct engine_failure *failure)
{
    struct ffmpeg_client *client = user;
    show(client, *failure, client->read_us);
}

static void on_event(void *user, const struct ffmpeg_log_event *event)
{
    struct ffmpeg_client *client = user;
    bool playing = client->trace.playing;
    ffmpeg_trace_take(&client->trace, event, client->read_us);
    if (client->trace.playing && !playing) {
        on_playing(client);
    }
}

/* Pipes. */

/* One read. Returns its length, 0 at the end of the pipe, -1 when nothing is there. */
static ssize_t read_some(struct ffmpeg_client *client, int fd)
{
    struct ffmpeg_shared *shared = client->shared;
    ssize_t got = read(fd, shared->scratch, shared->scratch_bytes);
    if (got <= 0) {
        return got == 0 || (errno != EAGAIN && errno != EINTR) ? 0 : -1;
    }
    client->read_us = clock_monotonic_us();
    if (fd == client->log_fd) {
        ffmpeg_log_feed(&client->log, shared->scratch, (size_t)got);
    } else {
        ffmpeg_progress_feed(&client->progress, shared->scratch, (size_t)got);
    }
    return got;
}

/* Reads what is there, within bounds. Returns whether the pipe has come to its end. */
static bool read_pipe(struct ffmpeg_client *client, int fd)
{
    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t got = read_some(client, fd);
        if (got == 0) {
            return true;
        }
        if (got < (ssize_t)client->shared->scratch_bytes) {
            return false; /* it is empty; level-triggered, so what comes is reported */
        }
    }
    return false;
}

static void count_lines(struct ffmpeg_client *client)
{
    struct shoal_lane *lane = lane_of(client);
    metrics_add(lane, METRIC_PLAYER_LOG_LINES, client->log.lines - client->lines_counted);
    metrics_add(lane, METRIC_PLAYER_LOG_UNKNOWN, client->log.unknown - client->unknown_counted);
    metrics_add(lane, METRIC_PLAYER_LOG_CUT, client->log.cut - client->cut_counted);
    client->lines_counted = client->log.lines;
    client->unknown_counted = client->log.unknown;
    client->cut_counted = client->log.cut;
}

static void on_log(struct loop_io *io, unsigned events)
{
    (void)events;
    struct ffmpeg_client *client = list_entry(io, struct ffmpeg_client, log_io);
    if (read_pipe(client, client->log_fd)) {
        loop_io_stop(loop_of(client), io); /* its exit is about to be reported */
    }
    count_lines(client);
}

static void on_progress(struct loop_io *io, unsigned events)
{
    (void)events;
    struct ffmpeg_client *client = list_entry(io, struct ffmpeg_client, progress_io);
    if (read_pipe(client, client->progress_fd)) {
        loop_io_stop(loop_of(client), io);
    }
}

static void close_pipes(struct ffmpeg_client *client)
{
    loop_io_stop(loop_of(client), &client->log_io);
    loop_io_stop(loop_of(client), &client->progress_io);
    close(client->log_fd);
    close(client->progress_fd);
    client->log_fd = client->progress_fd = -1;
}

/* Sessions. */

/* The viewer's time ends here; what its process does until it is gone is no watching. */
static void stop_watching(struct ffmpeg_client *client)
{
    ffmpeg_client_account(client, loop_now_us(loop_of(client)));
    if (client->stalled) {
        end_stall(client, client->accounted_us);
    }
}

static void count_session_over(struct ffmpeg_client *client, enum engine_outcome outcome)
{
    struct shoal_lane *lane = lane_of(client);
    stop_watching(client);

    metrics_add(
        lane, outcome == ENGINE_SESSION_FAILED ? METRIC_SESSIONS_FAILED : METRIC_SESSIONS_ENDED,
        1);
    if (!client->played) {
        metrics_add(lane, METRIC_SESSIONS_UNPLAYED, 1);
    }
    loop_timer_stop(loop_of(client), &client->pause);
    loop_timer_stop(loop_of(client), &client->length);
    loop_timer_stop(loop_of(client), &client->firm);
    loop_task_cancel(loop_of(client), &client->over);
    list_remove(&client->leave_node);
    client->state = FFMPEG_CLIENT_IDLE;
    client->played = false;
}

static void end_session(struct ffmpeg_client *client, enum engine_outcome outcome)
{
    struct engine_listener *listener = client->shared->setup->listener;
    count_session_over(client, outcome);
    listener->on_session_over(listener, client->viewer, outcome);
}

/* Nothing plays from here until another process does: no waiting for what counts as a stall. */
static void stall_without_process(struct ffmpeg_client *client)
{
    int64_t now_us = loop_now_us(loop_of(client));
    if (!client->played) {
        return;
    }
    ffmpeg_client_account(client, now_us);
    if (!client->stalled) {
        begin_stall(client, client->accounted_us);
    }
}

static void pause_or_fail(struct ffmpeg_client *client, int64_t played_us)
{
    int64_t pause_us = ffmpeg_backoff_next(&client->backoff, &client->shared->options->restart,
                                           played_us, &client->rng);
    if (pause_us < 0) {
        end_session(client, ENGINE_SESSION_FAILED);
        return;
    }
    client->state = FFMPEG_CLIENT_PAUSED;
    metrics_add(lane_of(client), METRIC_PLAYER_RESTARTS, 1);
    loop_timer_start(loop_of(client), &client->pause, loop_now_us(loop_of(client)) + pause_us);
}

/* Reads what a process that is gone has left, settles its counters, closes its pipes. Returns
 * whether it came to the end of its stream by itself. */
static bool take_back_process(struct ffmpeg_client *client, int status)
{
    struct shoal_lane *lane = lane_of(client);
    while (read_some(client, client->log_fd) > 0) {
    }
    while (read_some(client, client->progress_fd) > 0) {
    }
    ffmpeg_log_finish(&client->log);
    count_lines(client);
    const struct ffmpeg_trace *trace = &client->trace;
    bool by_itself = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !trace->signalled &&
                     !trace->playlist_failed;
    ffmpeg_trace_end(&client->trace, by_itself);
    close_pipes(client);
    metrics_add(lane, METRIC_PLAYER_PROCESSES_ENDED, 1);
    metrics_add(lane, METRIC_DESCRIPTORS_CLOSED, FFMPEG_DESCRIPTORS);
    return by_itself;
}

/* Sends the polite signal, which starts the time for the firm one. */
static void ask_to_leave(struct ffmpeg_client *client)
{
    list_remove(&client->leave_node);
    client->asked = true;
    client->trace.leaving = true;
    client->shared->leaving++;
    loop_child_kill(&client->child, SIGTERM);
    loop_timer_start(loop_of(client), &client->firm,
                     loop_now_us(loop_of(client)) + client->shared->options->term_grace_us);
}

/* A process that was asked to leave has gone: the next one's turn. */
static void ask_next(struct ffmpeg_client *gone)
{
    struct ffmpeg_shared *shared = gone->shared;
    if (!gone->asked) {
        return;
    }
    gone->asked = false;
    shared->leaving--;
    struct list *node = list_first(&shared->leave_queue);
    if (node != NULL) {
        ask_to_leave(list_entry(node, struct ffmpeg_client, leave_node));
    }
}

static void on_exit_of_process(struct loop_child *child, int status)
{
    struct ffmpeg_client *client = list_entry(child, struct ffmpeg_client, child);
    bool leaving = client->state == FFMPEG_CLIENT_LEAVING;
    /* It may have had no time to say so. */
    client->trace.signalled = client->trace.signalled || client->asked;
    bool ended = take_back_process(client, status);
    ask_next(client);
    if (leaving || ended) {
        end_session(client, ENGINE_SESSION_ENDED);
        return;
    }
    int64_t played_us = client->trace.playing ? client->advanced_us - client->process_us : 0;
    stall_without_process(client);
    pause_or_fail(client, played_us);
}

static int start_process(struct ffmpeg_client *client)
{
    struct ffmpeg_shared *shared = client->shared;
    struct shoal_lane *lane = lane_of(client);
    struct ffmpeg_process process;
    struct ffmpeg_command command;
    ffmpeg_command_init(&command);
    int status =
        ffmpeg_command_build(&command, shared->options, client->viewer, client->program, NULL);
    errno = E2BIG;
    if (status == 0) {
        status = ffmpeg_process_spawn(command.argv, &process);
    }
    int error = errno;
    ffmpeg_command_fini(&command);
    if (status == 0 && loop_child_start(loop_of(client), &client->child, process.pid) != 0) {
        error = errno;
        kill(process.pid, SIGKILL);
        waitpid(process.pid, NULL, 0);
        close(process.log);
        close(process.progress);
        status = -1;
    }
    if (status != 0) {
        enum fail fail =
            error == EMFILE || error == ENFILE ? FAIL_DESCRIPTORS_SPENT : FAIL_MEMORY_SPENT;
        metrics_add_failure(lane, fail);
        show(client, (struct engine_failure){.fail = fail, .age_s = -1},
             loop_now_us(loop_of(client)));
        return -1;
    }
    (void)fcntl(process.log, F_SETPIPE_SZ, LOG_PIPE_BYTES); /* it works with less as well */
    client->log_fd = process.log;
    client->progress_fd = process.progress;
    ffmpeg_log_init(&client->log, on_event, client);
    ffmpeg_progress_init(&client->progress, on_report, client);
    ffmpeg_trace_init(&client->trace, lane, &shared->options->variants,
                      &shared->options->servers, shared->options->read_timeout_us);
    client->trace.on_failure = on_failure;
    client->trace.user = client;
    client->lines_counted = client->unknown_counted = client->cut_counted = 0;
    client->has_position = false;
    client->position_us = 0;
    loop_io_start(loop_of(client), &client->log_io, client->log_fd, LOOP_READ);
    loop_io_start(loop_of(client), &client->progress_io, client->progress_fd, LOOP_READ);
    client->state = FFMPEG_CLIENT_RUNNING;
    metrics_add(lane, METRIC_PLAYER_PROCESSES_STARTED, 1);
    metrics_add(lane, METRIC_DESCRIPTORS_OPENED, FFMPEG_DESCRIPTORS);
    return 0;
}

static void on_pause_over(struct loop_timer *timer)
{
    struct ffmpeg_client *client = list_entry(timer, struct ffmpeg_client, pause);
    if (start_process(client) != 0) {
        pause_or_fail(client, 0);
    }
}

static void on_length_over(struct loop_timer *timer)
{
    ffmpeg_client_leave(list_entry(timer, struct ffmpeg_client, length));
}

static void on_firm(struct loop_timer *timer)
{
    struct ffmpeg_client *client = list_entry(timer, struct ffmpeg_client, firm);
    metrics_add(lane_of(client), METRIC_PLAYER_PROCESSES_KILLED, 1);
    loop_child_kill(&client->child, SIGKILL);
}

static void on_over(struct loop_task *task)
{
    end_session(list_entry(task, struct ffmpeg_client, over), ENGINE_SESSION_ENDED);
}

void ffmpeg_client_init(struct ffmpeg_client *client, struct ffmpeg_shared *shared,
                        uint32_t viewer)
{
    client->shared = shared;
    client->viewer = viewer;
    client->state = FFMPEG_CLIENT_IDLE;
    client->log_fd = client->progress_fd = -1;
    list_init(&client->leave_node);
    loop_child_init(&client->child, on_exit_of_process);
    loop_io_init(&client->log_io, on_log);
    loop_io_init(&client->progress_io, on_progress);
    loop_timer_init(&client->pause, on_pause_over);
    loop_timer_init(&client->length, on_length_over);
    loop_timer_init(&client->firm, on_firm);
    loop_task_init(&client->over, on_over);
}

int ffmpeg_client_start(struct ffmpeg_client *client, uint64_t session, int64_t intended_us,
                        int64_t length_us)
{
    struct shoal_lane *lane = lane_of(client);
    client->session = session;
    client->intended_us = intended_us;
    client->played = client->stalled = false;
    client->backoff = (struct ffmpeg_backoff){0};
    client->rng = rng_make(client->shared->setup->seed + session, client->viewer);
    client->program = ffmpeg_command_program(client->shared->options, rng_next(&client->rng));
    metrics_add(lane, METRIC_SESSIONS_STARTED, 1);
    if (start_process(client) != 0) {
        metrics_add(lane, METRIC_SESSIONS_FAILED, 1);
        metrics_add(lane, METRIC_SESSIONS_UNPLAYED, 1);
        return -1;
    }
    if (length_us > 0) {
        loop_timer_start(loop_of(client), &client->length,
                         loop_now_us(loop_of(client)) + length_us);
    }
    return 0;
}

void ffmpeg_client_leave(struct ffmpeg_client *client)
{
    struct loop *loop = loop_of(client);
    loop_timer_stop(loop, &client->length);
    stop_watching(client);
    if (client->state == FFMPEG_CLIENT_PAUSED) {
        loop_timer_stop(loop, &client->pause);
        client->state = FFMPEG_CLIENT_LEAVING;
        loop_task_post(loop, &client->over);
        return;
    }
    if (client->state != FFMPEG_CLIENT_RUNNING) {
        return;
    }
    client->state = FFMPEG_CLIENT_LEAVING;
    if (client->shared->leaving < LEAVING_AT_ONCE) {
        ask_to_leave(client);
    } else {
        list_append(&client->shared->leave_queue, &client->leave_node);
    }
}

void ffmpeg_client_kill(struct ffmpeg_client *client)
{
    if (has_process(client)) {
        loop_child_kill(&client->child, SIGKILL);
    }
}

bool ffmpeg_client_reap(struct ffmpeg_client *client)
{
    if (client->state == FFMPEG_CLIENT_IDLE) {
        return false;
    }
    if (has_process(client)) {
        pid_t pid = client->child.pid;
        int status = 0;
        loop_child_stop(&client->child);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        client->trace.signalled = true; /* by us; it cannot say so itself */
        take_back_process(client, status);
        client->shared->leaving -= client->asked ? 1 : 0;
        client->asked = false;
    }
    count_session_over(client, ENGINE_SESSION_ENDED);
    return true;
}
