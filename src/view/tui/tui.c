#include "view/tui/tui.h"

#include "base/clock.h"
#include "view/tui/model.h"
#include "view/tui/panels.h"
#include "view/tui/terminal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    FRAME_US = 500000,
    LOOK_MS = 100, /* how often the size is looked at */
};

struct tui {
    struct frame_source *source; /* owned */
    pthread_t thread;
    int stop_fd; /* owned eventfd */

    /* The outcome of opening the terminal, handed to tui_start by `ready`. */
    sem_t ready;
    bool opened;
    struct err err;

    /* The thread's own. */
    struct terminal *terminal;
    struct canvas canvas;
    struct model model;
};

/* Reads what is to be shown. While paused only the banner's and the run's state move on. */
static void read_model(struct tui *tui)
{
    struct model *model = &tui->model;
    if (model->message_frames > 0 && --model->message_frames == 0) {
        model->message[0] = '\0';
    }
    if (model->paused) {
        return;
    }
    frame_read(tui->source, &model->frame);
    size_t count = model->frame.state.row_count;
    size_t first = count > MODEL_ROWS ? count - MODEL_ROWS : 0;
    model->row_count = recorder_rows(model->frame.recorder, first, model->rows, MODEL_ROWS);
    model->sample_count =
        recorder_failures(model->frame.recorder, model->samples, MODEL_SAMPLES);
}

static void show(struct tui *tui)
{
    int width, height;
    terminal_size(tui->terminal, &width, &height);
    if (canvas_reset(&tui->canvas, width, height) == 0) {
        panels_draw(&tui->model, &tui->canvas);
        terminal_show(tui->terminal, &tui->canvas);
    }
}

static bool is_stopped(const struct tui *tui)
{
    uint64_t value;
    return read(tui->stop_fd, &value, sizeof(value)) == sizeof(value);
}

static bool size_changed(struct tui *tui)
{
    int width, height;
    terminal_size(tui->terminal, &width, &height);
    return width != tui->canvas.width || height != tui->canvas.height;
}

static void run(struct tui *tui)
{
    int64_t next_us = 0;
    while (!is_stopped(tui)) {
        int64_t now_us = clock_monotonic_us();
        bool due = now_us >= next_us;
        int key = MODEL_KEY_NONE;
        if (due) {
            read_model(tui);
            next_us = now_us + FRAME_US;
        } else {
            key = terminal_wait(tui->terminal, tui->stop_fd, LOOK_MS);
            model_key(&tui->model, key);
        }
        if (due || key != MODEL_KEY_NONE || size_changed(tui)) {
            show(tui);
        }
    }
}

static void *thread_main(void *arg)
{
    struct tui *tui = arg;
    tui->terminal = terminal_open(&tui->err);
    tui->opened = tui->terminal != NULL;
    bool opened = tui->opened;
    sem_post(&tui->ready);
    if (opened) {
        tui->canvas.unicode = terminal_is_unicode(tui->terminal);
        run(tui);
        terminal_close(tui->terminal);
    }
    return NULL;
}

static void tui_free(struct tui *tui)
{
    if (tui->stop_fd >= 0) {
        close(tui->stop_fd);
    }
    sem_destroy(&tui->ready);
    canvas_fini(&tui->canvas);
    frame_source_free(tui->source);
    free(tui);
}

struct tui *tui_start(struct frame_source *source, const char *url, struct err *err)
{
    struct tui *tui = calloc(1, sizeof(*tui));
    if (tui == NULL || source == NULL) {
        frame_source_free(source);
        free(tui);
        err_set(err, ERR_START, "dashboard", "use --no-tui", "out of memory");
        return NULL;
    }
    tui->source = source;
    tui->model.window = FRAME_10S;
    tui->model.focus = -1;
    tui->model.url = url;
    sem_init(&tui->ready, 0, 0);
    tui->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = tui->stop_fd < 0 ? errno : pthread_create(&tui->thread, NULL, thread_main, tui);
    if (error != 0) {
        err_set(err, ERR_START, "dashboard", "use --no-tui", "no thread: %s", strerror(error));
        tui_free(tui);
        return NULL;
    }
    while (sem_wait(&tui->ready) < 0) {
        /* interrupted by a signal */
    }
    if (!tui->opened) {
        pthread_join(tui->thread, NULL);
        if (err != NULL) {
            *err = tui->err;
        }
        tui_free(tui);
        return NULL;
    }
    return tui;
}

void tui_stop(struct tui *tui)
{
    if (tui == NULL) {
        return;
    }
    uint64_t one = 1;
    ssize_t written = write(tui->stop_fd, &one, sizeof(one));
    (void)written; /* an eventfd at 0 always takes 1 */
    pthread_join(tui->thread, NULL);
    tui_free(tui);
}
