#include "view/tui/model.h"

#include "view/format.h"
#include "view/tui/panels.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_FRAMES = 6 };

const struct model_graph model_graphs[MODEL_GRAPHS] = {
    {"segments a second", SERIES_SEGMENTS, MODEL_UNIT_NUMBER},
    {"throughput", SERIES_BYTES, MODEL_UNIT_BYTES},
    {"HTTP requests a second", SERIES_REQUESTS, MODEL_UNIT_NUMBER},
    {"active viewers", SERIES_ACTIVE, MODEL_UNIT_NUMBER},
    {"stalled viewers", SERIES_STALLED, MODEL_UNIT_NUMBER},
    {"segment download p95", SERIES_DOWNLOAD_P95, MODEL_UNIT_TIME},
    {"failures a second", SERIES_FAILURES, MODEL_UNIT_NUMBER},
    {"busiest worker's CPU", SERIES_WORKER_CPU, MODEL_UNIT_SHARE},
};

int model_column(const struct model *model, enum series series, double *values, double *ret_top)
{
    double top = 0;
    for (size_t i = 0; i < model->row_count; i++) {
        values[i] = model->rows[i].value[series];
        top = values[i] > top ? values[i] : top;
    }
    *ret_top = top;
    return (int)model->row_count;
}

__attribute__((format(printf, 2, 3))) static void say(struct model *model, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(model->message, sizeof(model->message), format, args);
    va_end(args);
    model->message_frames = MESSAGE_FRAMES;
}

/* A tenth more or fewer viewers, at least one. */
static void change_target(struct model *model, int direction)
{
    const struct run_control *control = model->frame.control;
    if (control->set_target == NULL || model->frame.phase != RUN_PHASE_RUNNING) {
        say(model, "the target cannot be changed now");
        return;
    }
    int64_t now = control->target(control->arg);
    int64_t limit = model->frame.info->viewers_limit;
    int64_t step = now / 10 > 0 ? now / 10 : 1;
    int64_t wanted = now + direction * step;
    wanted = wanted < 0 ? 0 : wanted > limit ? limit : wanted;
    control->set_target(control->arg, (uint32_t)wanted);
    char text[FORMAT_MAX];
    say(model, "target %s%s", format_count(text, sizeof(text), (uint64_t)wanted),
        wanted == limit ? " (the most; see --max-viewers)" : "");
}

static void stop(struct model *model)
{
    const struct run_control *control = model->frame.control;
    if (control->stop == NULL) {
        say(model, "this run cannot be stopped from here");
        return;
    }
    control->stop(control->arg);
    say(model, model->stops++ == 0 ? "ending: sessions finish; q again stops at once"
                                   : "stopping now");
}

static void move_focus(struct model *model, int direction)
{
    int places = panels_count + 1; /* "none" is one of them */
    model->focus = (model->focus + 1 + direction + places) % places - 1;
}

/* The next figure that the run's engine can tell; of rates there is always one. */
static void change_graph(struct model *model)
{
    const struct shoal_schema *schema = model->frame.counters[FRAME_RUN].schema;
    do {
        model->graph = (model->graph + 1) % MODEL_GRAPHS;
    } while (schema != NULL && series_is_absent(model_graphs[model->graph].series, schema));
}

void model_key(struct model *model, int key)
{
    switch (key) {
    case 'h':
    case '?':
        model->help = !model->help;
        break;
    case MODEL_KEY_ESCAPE:
        model->help = false;
        model->focus = -1;
        break;
    case 'p':
    case ' ':
        model->paused = !model->paused;
        break;
    case MODEL_KEY_TAB:
        move_focus(model, 1);
        break;
    case MODEL_KEY_BACKTAB:
        move_focus(model, -1);
        break;
    case 's':
        model->sort = (model->sort + 1) % MODEL_SORTS;
        break;
    case 'w':
        model->window = (model->window + 1) % FRAME_WINDOWS;
        break;
    case 'g':
        change_graph(model);
        break;
    case '+':
    case '=':
        change_target(model, 1);
        break;
    case '-':
        change_target(model, -1);
        break;
    case 'q':
        stop(model);
        break;
    default:
        break;
    }
}
