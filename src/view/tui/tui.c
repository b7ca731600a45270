#include "view/tui/tui.h"

#include "base/clock.h"
#include "base/huge.h"
#include "view/thread.h"
#include "view/tui/model.h"
#include "view/tui/panels.h"
#include "view/tui/terminal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME_US = 500000,
    LOOK_MS = 100,       /* how often the size is looked at */
    ROOM_CELLS = 16384,  /* larger terminals than 200 by 60 get memory of their own */
    STOP_NS = 300000000, /* how long the terminal may take for the last frame */
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
    struct canvas canvases[2]; /* one is shown while the other is drawn */
    int next;                  /* number of the one to be drawn */
    int width, height;         /* of what was drawn last */
    struct model model;
    struct cell cells[2][ROOM_CELLS]; /* of the canvases */
    int64_t frames, cost_us;          /* what all of them but the first took */
};

/* Whether the screen has to change by itself. A paused display reads and draws nothing, so it
 * costs nothing, but for the end of a message. */
static bool moves_on(struct model *model)
{
    bool expired = model->message_frames > 0 && --model->message_frames == 0;
    if (expired) {
        model->message[0] = '\0';
    }
    return expired || !model->paused;
}

static void show(struct tui *tui)
{
    int width, height;
    terminal_size(tui->terminal, &width, &height);
    struct canvas *canvas = &tui->canvases[tui->next];
    if (canvas_reset(canvas, width, height) != 0) {
        return;
    }
    panels_draw(&tui->model, canvas);
    tui->width = width;
    tui->height = height;
    if (terminal_show(tui->terminal, canvas)) {
        tui->next = !tui->next;
    }
}

static int64_t thread_cpu_us(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

/* The first frame, which pays for memory of its own, is no measure of the others. */
static void note_cost(struct tui *tui, int64_t cost_us)
{
    struct model *model = &tui->model;
    if (tui->frames++ == 0) {
        return;
    }
    tui->cost_us += cost_us;
    model->frame_mean_us = tui->cost_us / (tui->frames - 1);
    model->frame_max_us = cost_us > model->frame_max_us ? cost_us : model->frame_max_us;
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
    return width != tui->width || height != tui->height;
}

static void run(struct tui *tui)
{
    int64_t next_us = 0;
    while (!is_stopped(tui)) {
        int64_t now_us = clock_monotonic_us();
        int64_t before_us = thread_cpu_us();
        bool due = now_us >= next_us, draw = false;
        int key = MODEL_KEY_NONE;
        if (due) {
            draw = moves_on(&tui->model);
            if (!tui->model.paused) {
                model_read(&tui->model, tui->source);
            }
            next_us = now_us + FRAME_US;
        } else {
            key = terminal_wait(tui->terminal, tui->stop_fd, LOOK_MS);
            model_key(&tui->model, key);
        }
        if (draw || key != MODEL_KEY_NONE || size_changed(tui)) {
            show(tui);
        }
        if (draw) {
            note_cost(tui, thread_cpu_us() - before_us);
        }
    }
}

static void *thread_main(void *arg)
{
    struct tui *tui = arg;
    thread_give_way("dashboard");
    tui->terminal = terminal_open(&tui->err);
    tui->opened = tui->terminal != NULL;
    bool opened = tui->opened;
    sem_post(&tui->ready);
    if (opened) {
        for (int i = 0; i < 2; i++) {
            tui->canvases[i] = (struct canvas){.unicode = terminal_is_unicode(tui->terminal),
                                               .room = tui->cells[i],
                                               .room_cells = ROOM_CELLS};
        }
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
    canvas_fini(&tui->canvases[0]);
    canvas_fini(&tui->canvases[1]);
    frame_source_free(tui->source);
    free(tui);
}

struct tui *tui_start(struct frame_source *source, const struct tui_options *options,
                      struct err *err)
{
    struct tui *tui = huge_calloc(sizeof(*tui)); /* the timeline is most of it */
    if (tui == NULL || source == NULL) {
        frame_source_free(source);
        free(tui);
        err_set(err, ERR_START, "dashboard", "plain lines are shown instead", "out of memory");
        return NULL;
    }
    tui->source = source;
    tui->model.window = FRAME_10S;
    tui->model.focus = -1;
    tui->model.url = options->url;
    tui->model.exposed = options->exposed;
    sem_init(&tui->ready, 0, 0);
    tui->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = tui->stop_fd < 0 ? errno : pthread_create(&tui->thread, NULL, thread_main, tui);
    if (error != 0) {
        err_set(err, ERR_START, "dashboard", "plain lines are shown instead", "no thread: %s",
                strerror(error));
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

/* Waits for a thread's end for a while. */
static bool joined(pthread_t thread)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += STOP_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

void tui_stop(struct tui *tui)
{
    if (tui == NULL) {
        return;
    }
    uint64_t one = 1;
    ssize_t written = write(tui->stop_fd, &one, sizeof(one));
    (void)written; /* an eventfd at 0 always takes 1 */
    while (!joined(tui->thread)) {
        terminal_discard(); /* nobody reads: what the thread waits to write is lost */
    }
    tui_free(tui);
}
