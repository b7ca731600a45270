/* Starts, feeds and stops the views of a run. */
#include "view/view.h"

#include "view/control.h"
#include "view/csv.h"
#include "view/failure_sample.h"
#include "view/format.h"
#include "view/frame.h"
#include "view/own_cost.h"
#include "view/progress.h"
#include "view/recorder.h"
#include "view/run_info.h"
#include "view/tui/tui.h"
#include "view/web.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PROGRESS_LEAST_S 0.5

enum {
    POLL_MS = 100,          /* how often a thread looks for something new */
    LINE_LIMIT = 16 * 1024, /* bytes of a line of progress or CSV */
};

/* A thread that works every POLL_MS until it is told to stop. */
struct worker {
    pthread_t thread;
    bool running;
    int stop_fd; /* owned eventfd, -1 when not open */
    void (*work)(struct views *views);
    struct views *views;
};

struct views {
    struct view_setup setup;
    struct view_options options;
    struct origin_watch *origin; /* owned or NULL */
    struct recorder *recorder;   /* owned */
    struct web *web;             /* owned or NULL */
    struct tui *tui;             /* owned or NULL */
    struct worker recording, progress;
    bool settled;

    /* The recording thread's own. */
    FILE *csv;      /* owned or NULL */
    FILE *failures; /* owned or NULL */
    struct buf csv_line;
    bool abort_sent;
    bool has_unwritten;
    struct err unwritten; /* what could not be written first */

    /* The progress thread's own. */
    struct buf progress_line;
    size_t rows_shown;
};

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct pollfd stop = {.fd = worker->stop_fd, .events = POLLIN};
    while (poll(&stop, 1, POLL_MS) <= 0) {
        worker->work(worker->views);
    }
    return NULL;
}

static int worker_start(struct worker *worker, struct views *views,
                        void (*work)(struct views *views), struct err *err)
{
    *worker = (struct worker){.work = work, .views = views};
    worker->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (worker->stop_fd < 0) {
        return err_set(err, ERR_START, "views", "raise the limit of descriptors (ulimit -n)",
                       "no descriptor: %s", strerror(errno));
    }
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    if (error != 0) {
        close(worker->stop_fd);
        return err_set(err, ERR_START, "views", "raise the limit of threads (ulimit -u)",
                       "no thread: %s", strerror(error));
    }
    worker->running = true;
    return 0;
}

static void worker_stop(struct worker *worker)
{
    if (!worker->running) {
        return;
    }
    uint64_t one = 1;
    ssize_t written = write(worker->stop_fd, &one, sizeof(one));
    (void)written; /* an eventfd at 0 always takes 1 */
    pthread_join(worker->thread, NULL);
    close(worker->stop_fd);
    worker->running = false;
}

/* Lets the rows out that were printed into the file. */
static void let_out(struct views *views, FILE *file, const char *path)
{
    if ((fflush(file) != 0 || ferror(file) != 0) && !views->has_unwritten) {
        int error = errno;
        views->has_unwritten = true;
        err_set(&views->unwritten, ERR_START, path,
                error == ENOSPC ? "make room on the disk" : NULL, "cannot be written: %s",
                strerror(error));
    }
}

static void write_csv(struct views *views, const struct series_row *row)
{
    if (views->csv == NULL) {
        return;
    }
    views->csv_line.len = 0;
    if (csv_write_row(row, &views->csv_line) == 0) {
        fwrite(views->csv_line.ptr, 1, views->csv_line.len, views->csv);
        let_out(views, views->csv, views->options.csv_path);
    }
}

static void take_failures(struct views *views)
{
    struct failure_sample sample;
    bool printed = false;
    while (views->setup.failures != NULL && failure_queue_pop(views->setup.failures, &sample)) {
        recorder_add_failure(views->recorder, &sample);
        if (views->failures != NULL) {
            failure_sample_print(&sample, views->setup.info, views->failures);
            printed = true;
        }
    }
    if (views->setup.failures != NULL) {
        recorder_set_not_sampled(views->recorder, failure_queue_dropped(views->setup.failures));
    }
    if (printed) { /* so that the file can be followed while the run goes on */
        let_out(views, views->failures, views->options.failures_path);
    }
}

static void record(struct views *views)
{
    struct own_cost cost;
    struct series_row row;
    take_failures(views);
    own_cost_read(&cost);
    if (!recorder_poll(views->recorder, &cost, &row)) {
        return;
    }
    write_csv(views, &row);
    struct recorder_state state;
    recorder_state(views->recorder, &state);
    const struct run_control *control = views->setup.control;
    if (state.abort && !views->abort_sent && control->stop != NULL) {
        views->abort_sent = true;
        control->stop(control->arg);
    }
}

bool views_are_exposed(const struct views *views)
{
    const struct view_options *options = &views->options;
    bool loopback = strncmp(options->listen_address, "127.", 4) == 0 ||
                    strcmp(options->listen_address, "::1") == 0;
    return views->web != NULL && options->listen_token == NULL && !loopback;
}

/* Prints the newest row; those that it missed, because nobody read, are left out, and so is
 * what remained of a second when the run began. */
static void show_progress(struct views *views)
{
    struct recorder_state state;
    struct series_row row;
    recorder_state(views->recorder, &state);
    if (state.row_count == views->rows_shown || state.row_count == 0 ||
        recorder_rows(views->recorder, state.row_count - 1, &row, 1) == 0) {
        return;
    }
    views->rows_shown = state.row_count;
    if (row.value[SERIES_INTERVAL] < PROGRESS_LEAST_S) {
        return;
    }
    const struct run_control *control = views->setup.control;
    views->progress_line.len = 0;
    if (progress_write_line(&row, &state, control->phase(control->arg),
                            &views->progress_line) == 0) {
        fwrite(views->progress_line.ptr, 1, views->progress_line.len, stderr);
    }
}

static int open_file(const char *path, FILE **ret_file, struct err *err)
{
    if (path == NULL) {
        return 0;
    }
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return err_set(err, ERR_USAGE, path, "choose a folder that exists and can be written",
                       "cannot be opened for writing: %s", strerror(errno));
    }
    *ret_file = file;
    return 0;
}

static int open_files(struct views *views, struct err *err)
{
    if (open_file(views->options.csv_path, &views->csv, err) < 0 ||
        open_file(views->options.failures_path, &views->failures, err) < 0) {
        return -1;
    }
    if (views->csv != NULL && csv_write_head(&views->csv_line) == 0) {
        fwrite(views->csv_line.ptr, 1, views->csv_line.len, views->csv);
        let_out(views, views->csv, views->options.csv_path);
    }
    return 0;
}

static int start_origin(struct views *views, struct err *err)
{
    if (views->options.origin_count == 0) {
        return 0;
    }
    views->origin =
        origin_watch_new(views->options.origin_urls, views->options.origin_count, err);
    return views->origin == NULL ? -1 : 0;
}

static int make_recorder(struct views *views, struct err *err)
{
    struct recorder_options options = {
        .sampler = views->setup.sampler,
        .start_us = views->setup.info->start_us,
        .thresholds = views->options.thresholds,
        .threshold_count = views->options.threshold_count,
        .workers = views->setup.info->workers,
        .origin = views->origin,
    };
    views->recorder = recorder_new(&options);
    if (views->recorder == NULL) {
        return err_set(err, ERR_START, "views", NULL, "out of memory");
    }
    /* The baseline of the first row. */
    struct own_cost cost;
    own_cost_read(&cost);
    recorder_poll(views->recorder, &cost, NULL);
    return 0;
}

static struct frame_source *make_source(const struct views *views)
{
    return frame_source_new(&views->setup, views->recorder, views->options.thresholds,
                            views->options.threshold_count);
}

static int start_web(struct views *views, struct err *err)
{
    if (!views->options.listen) {
        return 0;
    }
    struct web_options options = {
        .address = views->options.listen_address,
        .port = views->options.listen_port,
        .port_exact = views->options.listen_port_exact,
        .token = views->options.listen_token,
    };
    views->web = web_start(&options, make_source(views), make_source(views), err);
    return views->web == NULL ? -1 : 0;
}

struct views *views_start(const struct view_setup *setup, const struct view_options *options,
                          struct err *err)
{
    struct views *views = calloc(1, sizeof(*views));
    if (views == NULL) {
        err_set(err, ERR_START, "views", NULL, "out of memory");
        return NULL;
    }
    views->setup = *setup;
    views->options = *options;
    buf_init(&views->csv_line, LINE_LIMIT);
    buf_init(&views->progress_line, LINE_LIMIT);
    if (open_files(views, err) < 0 || start_origin(views, err) < 0 ||
        make_recorder(views, err) < 0 || start_web(views, err) < 0 ||
        worker_start(&views->recording, views, record, err) < 0) {
        views_free(views);
        return NULL;
    }
    return views;
}

int views_show(struct views *views, struct err *err)
{
    if (views->options.terminal == VIEW_TERMINAL_NONE) {
        return 0;
    }
    if (views->options.terminal == VIEW_TERMINAL_DASHBOARD) {
        struct tui_options options = {.url = views_url(views),
                                      .exposed = views_are_exposed(views)};
        views->tui = tui_start(make_source(views), &options, err);
        if (views->tui != NULL) {
            return 0;
        }
    }
    bool fell_back = views->options.terminal == VIEW_TERMINAL_DASHBOARD;
    return worker_start(&views->progress, views, show_progress, fell_back ? NULL : err) < 0
               ? -1
               : fell_back;
}

const char *views_url(const struct views *views)
{
    return views->web == NULL ? NULL : web_url(views->web);
}

const struct err *views_unwritten(const struct views *views)
{
    return views->has_unwritten ? &views->unwritten : NULL;
}

/* The last line of the log of failures. */
static void end_failures(struct views *views)
{
    struct recorder_state state;
    if (views->failures == NULL || views->recorder == NULL) {
        return;
    }
    recorder_state(views->recorder, &state);
    failure_tally_print(&state.failures, views->failures);
    let_out(views, views->failures, views->options.failures_path);
}

void views_settle(struct views *views)
{
    if (views->settled) {
        return;
    }
    views->settled = true;
    worker_stop(&views->recording);
    if (views->recorder != NULL) {
        record(views); /* the final row */
    }
    end_failures(views);
    worker_stop(&views->progress);
    tui_stop(views->tui);
    views->tui = NULL;
}

const struct recorder *views_record(const struct views *views)
{
    return views->recorder;
}

static void close_file(FILE *file)
{
    if (file != NULL) {
        fclose(file);
    }
}

void views_free(struct views *views)
{
    if (views == NULL) {
        return;
    }
    views_settle(views);
    web_stop(views->web);
    recorder_free(views->recorder);
    origin_watch_free(views->origin);
    close_file(views->csv);
    close_file(views->failures);
    buf_release(&views->csv_line);
    buf_release(&views->progress_line);
    free(views);
}
