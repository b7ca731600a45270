#include "view/tui/model.h"

#include "view/format.h"
#include "view/tui/panels.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_FRAMES = 6 };

const struct model_graph model_graphs[MODEL_GRAPHS] = {
    {"segments a second", SERIES_SEGMENTS, MODEL_UNIT_NUMBER},
    {"throughput", SERIES_BYTES, MODEL_UNIT_BYTES},
    {"active viewers", SERIES_ACTIVE, MODEL_UNIT_NUMBER},
    {"HTTP requests a second", SERIES_REQUESTS, MODEL_UNIT_NUMBER},
    {"segment download p95", SERIES_DOWNLOAD_P95, MODEL_UNIT_TIME},
    {"stalled viewers", SERIES_STALLED, MODEL_UNIT_NUMBER},
    {"failures a second", SERIES_FAILURES, MODEL_UNIT_NUMBER},
    {"busiest worker's CPU", SERIES_WORKER_CPU, MODEL_UNIT_SHARE},
};

void model_read(struct model *model, struct frame_source *source)
{
    frame_read(source, &model->frame);
    const struct recorder_state *state = &model->frame.state;
    timeline_read(&model->timeline, model->frame.recorder, state);
    if (state->failures.sampled != model->samples_read) {
        model->sample_count =
            recorder_failures(model->frame.recorder, model->samples, MODEL_SAMPLES);
        model->samples_read = state->failures.sampled;
    }
}

unsigned model_graph_from(const struct model *model, unsigned number)
{
    const struct shoal_schema *schema = model->frame.last.schema;
    number %= MODEL_GRAPHS;
    while (schema != NULL && series_is_absent(model_graphs[number].series, schema)) {
        number = (number + 1) % MODEL_GRAPHS; /* of rates there is always one */
    }
    return number;
}

double model_top(const double *values, int count)
{
    double top = 0;
    for (int i = 0; i < count; i++) {
        top = values[i] > top ? values[i] : top;
    }
    return top;
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
    do {
        model->focus = (model->focus + 1 + direction + places) % places - 1;
    } while (model->focus >= 0 && panels[model->focus].wanted(model) == 0);
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
        if (model->paused && model->frame.source != NULL) {
            frame_hold(&model->frame);
        }
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
        model->graph = model_graph_from(model, model->graph + 1);
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
