/* What a frame of the dashboard costs the thread that makes it, in µs of its CPU time: a real
 * observer over real snapshots, real panels, real ncurses on a pseudo terminal.
 *
 *     bench_frame [FRAMES]        frames counted in a row of the table, 500 unless told
 *
 * An invented swarm of 10,000 viewers plays on a clock of its own. Every histogram is filled
 * over ten octaves, every value of the graphs' ten minutes is there, failures are sampled.
 *
 *     warm      frames come one after another; the swarm's counting is all that is between
 *     cold      none of the process's code and data is in the caches, as where others keep the
 *               cores busy
 *     rested    the thread has slept, as the dashboard's does, and the machine with it: on a
 *               virtual one its host has used the core for others (a fifth of the frames)
 *
 * What is behind the terminal runs in another process and is not counted. Prints Markdown. */
#include "base/huge.h"
#include "feeder.h"
#include "shoal/sampler.h"
#include "stats/metrics.h"
#include "view/recorder.h"
#include "view/run_info.h"
#include "view/tui/model.h"
#include "view/tui/panels.h"
#include "view/tui/terminal.h"

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    VIEWERS = 10000,
    START_US = 1000000000,
    STEP_US = 20000,
    FRAME_US = 500000,
    BEFORE_US = 620000000, /* the longest window and the longest graph are full */
    SETTLE = 10,           /* frames after a change of size that are not counted */
    FRAMES = 500,
    REST_US = 200000,
    ROOM_CELLS = 16384,
    RESTED_SHARE = 5,
    OCTAVES = 10,
    LEAST_US = 100,
    EVICT_BYTES = 64 << 20, /* several times what a core knows the addresses of */
};

enum part { READ, DRAW, SHOW, WHOLE, PARTS };
enum state { WARM, COLD, RESTED, STATES };

struct bench {
    FILE *out;
    int64_t now_us;
    struct shoal_schema *schema;
    struct shoal_sampler *sampler;
    struct feeder feeder;
    struct recorder *recorder;
    struct run_info info;
    struct run_control control;
    struct frame_source *source;
    struct terminal *terminal;
    struct model *model;
    struct canvas canvases[2]; /* one is shown while the other is drawn */
    int next;
    unsigned char *other; /* memory of something else */
    double *costs[PARTS]; /* µs, of each frame counted */
};

static void die(const struct bench *bench, const char *what)
{
    fprintf(bench->out, "bench_frame: %s\n", what);
    fflush(bench->out);
    exit(EXIT_FAILURE);
}

static int64_t bench_now(void *context)
{
    return ((struct bench *)context)->now_us;
}

static enum run_phase bench_phase(void *context)
{
    (void)context;
    return RUN_PHASE_RUNNING;
}

static uint32_t bench_target(void *context)
{
    (void)context;
    return VIEWERS;
}

/* What the feeder leaves out: every histogram gets values all over its octaves. */
static void record_widely(struct feeder *feeder)
{
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        int64_t low_us = (int64_t)LEAST_US << rng_below(&feeder->rng, OCTAVES);
        metrics_record(feeder->lane, i,
                       low_us + (int64_t)rng_below(&feeder->rng, (uint64_t)low_us));
    }
}

static void sample_failure(struct bench *bench)
{
    struct failure_sample sample = {
        .at_us = bench->now_us,
        .viewer = 17,
        .fail = FAIL_STATUS_5XX,
        .status = 503,
        .age_s = 4,
        .address = "192.0.2.7:443",
    };
    failure_sample_set_url(&sample, SPAN("https://cdn.example.net/live/720p/seg-004711.ts"));
    recorder_add_failure(bench->recorder, &sample);
}

static void play(struct bench *bench, int64_t length_us)
{
    struct feeder *feeder = &bench->feeder;
    for (int64_t at_us = 0; at_us < length_us; at_us += STEP_US) {
        bench->now_us += STEP_US;
        feeder->trouble = bench->now_us / 10000000 % 6 == 5;
        feeder_step(feeder, VIEWERS, STEP_US);
        record_widely(feeder);
        if (shoal_lane_due(feeder->lane, bench->now_us)) {
            shoal_lane_cut(feeder->lane, bench->now_us);
        }
        if (bench->now_us % 100000 == 40000) {
            shoal_sampler_tick(bench->sampler, bench->now_us);
            struct own_cost cost = {.cpu_us = bench->now_us / 5, .rss_bytes = 32000000};
            if (recorder_poll(bench->recorder, &cost, NULL)) {
                sample_failure(bench);
            }
        }
    }
}

static void make_run(struct bench *bench)
{
    static const char *const names[] = {"0", "1", "2"};
    static const struct run_variant variants[] = {
        {"1080p 5.0 Mbit/s", "avc1.640028,mp4a.40.2", 5000000, 1920, 1080},
        {"720p 2.8 Mbit/s", "avc1.64001f,mp4a.40.2", 2800000, 1280, 720},
        {"360p 0.8 Mbit/s", "avc1.4d401e,mp4a.40.2", 800000, 640, 360},
    };
    static const struct run_stage stage = {0, VIEWERS};
    if (metrics_schema_new(names, 3, NULL, 0, NULL, &bench->schema) < 0) {
        die(bench, "out of memory");
    }
    struct shoal_sampler_options options = {
        .schema = bench->schema, .lanes = 1, .clock = {bench_now, bench}};
    if (shoal_sampler_new(&options, &bench->sampler) < 0) {
        die(bench, "out of memory");
    }
    struct shoal_lane *lane = shoal_sampler_lane(bench->sampler, 0);
    shoal_lane_open(lane, bench->now_us);
    bench->feeder = (struct feeder){.lane = lane, .rng = rng_make(7, 0)};
    bench->info = (struct run_info){
        .url = "https://cdn.example.net/live/master.m3u8",
        .engine = "native",
        .start_us = START_US,
        .stages = &stage,
        .stage_count = 1,
        .viewers_peak = VIEWERS,
        .viewers_limit = VIEWERS,
        .variants = variants,
        .variant_count = 3,
        .workers = 1,
        .descriptor_limit = 65536,
    };
    bench->control = (struct run_control){.phase = bench_phase, .target = bench_target};
}

static void make_views(struct bench *bench)
{
    struct recorder_options recorder = {
        .sampler = bench->sampler, .start_us = START_US, .workers = 1};
    struct view_setup setup = {&bench->info, &bench->control, bench->sampler, NULL};
    struct err err;
    bench->recorder = recorder_new(&recorder);
    /* As the dashboard's: all that it draws from and on lies together. */
    char *memory = huge_calloc(sizeof(*bench->model) + 2 * sizeof(struct cell) * ROOM_CELLS);
    bench->model = (struct model *)(void *)memory;
    if (memory == NULL) {
        die(bench, "out of memory");
    }
    bench->source = frame_source_new(&setup, bench->recorder, NULL, 0);
    bench->terminal = terminal_open(&err);
    if (bench->recorder == NULL || bench->source == NULL || bench->terminal == NULL) {
        die(bench, "no memory or no terminal");
    }
    struct cell *cells = (struct cell *)(void *)(memory + sizeof(*bench->model));
    for (int i = 0; i < 2; i++) {
        bench->canvases[i] = (struct canvas){.unicode = terminal_is_unicode(bench->terminal),
                                             .room = cells + (size_t)i * ROOM_CELLS,
                                             .room_cells = ROOM_CELLS};
    }
    bench->model->window = FRAME_10S;
    bench->model->focus = -1;
}

static void flush_line(const char *line)
{
#if defined(__x86_64__)
    __builtin_ia32_clflush(line);
#elif defined(__aarch64__)
    __asm__ volatile("dc civac, %0" ::"r"(line) : "memory");
#else
    (void)line;
#endif
}

/* Nothing that the process has, code and data, is left in the caches; then something else uses
 * what remembers where pages are. */
static void lose_caches(struct bench *bench)
{
    enum { LINE = 64 };
    char text[512], rights[8];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(text, sizeof(text), maps) != NULL) {
        char *begin, *end;
        if (sscanf(text, "%p-%p %7s", (void **)&begin, (void **)&end, rights) == 3 &&
            rights[0] == 'r' && strstr(text, "[v") == NULL && begin != (char *)bench->other) {
            for (; begin < end; begin += LINE) {
                flush_line(begin);
            }
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    for (size_t i = 0; i < EVICT_BYTES; i += LINE) {
        bench->other[i]++;
    }
}

static double cpu_us(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

static void make_frame(struct bench *bench, double *costs)
{
    int width, height;
    double begun = cpu_us();
    model_read(bench->model, bench->source);
    double read = cpu_us();
    terminal_size(bench->terminal, &width, &height);
    struct canvas *canvas = &bench->canvases[bench->next];
    if (canvas_reset(canvas, width, height) != 0) {
        die(bench, "out of memory");
    }
    panels_draw(bench->model, canvas);
    double drawn = cpu_us();
    bench->next ^= terminal_show(bench->terminal, canvas) ? 1 : 0;
    double shown = cpu_us();
    costs[READ] = read - begun;
    costs[DRAW] = drawn - read;
    costs[SHOW] = shown - drawn;
    costs[WHOLE] = shown - begun;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* "mean, p99" of one part of all frames. */
static void print_part(struct bench *bench, enum part part, int frames)
{
    double sum = 0;
    qsort(bench->costs[part], (size_t)frames, sizeof(double), compare);
    for (int i = 0; i < frames; i++) {
        sum += bench->costs[part][i];
    }
    fprintf(bench->out, " %.0f, %.0f |", sum / frames,
            bench->costs[part][(frames * 99 + 99) / 100 - 1]);
}

static void measure(struct bench *bench, const unsigned short *size, enum state state,
                    int frames)
{
    static const char *const names[STATES] = {"warm", "cold", "rested"};
    struct winsize window = {.ws_col = size[0], .ws_row = size[1]};
    ioctl(STDOUT_FILENO, TIOCSWINSZ, &window);
    for (int i = -SETTLE; i < frames; i++) {
        double costs[PARTS];
        play(bench, FRAME_US);
        if (state == COLD) {
            lose_caches(bench);
        } else if (state == RESTED) {
            usleep(REST_US);
        }
        make_frame(bench, costs);
        for (int part = 0; part < PARTS && i >= 0; part++) {
            bench->costs[part][i] = costs[part];
        }
    }
    fprintf(bench->out, "| %u x %u, %s |", size[0], size[1], names[state]);
    for (int part = 0; part < PARTS; part++) {
        print_part(bench, (enum part)part, frames);
    }
    fprintf(bench->out, " %.0f |\n", bench->costs[WHOLE][frames - 1]);
    fflush(bench->out);
}

static int run(FILE *out, int frames)
{
    struct bench bench = {.out = out, .now_us = START_US};
    make_run(&bench);
    make_views(&bench);
    bench.other =
        mmap(NULL, EVICT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bench.other == MAP_FAILED) {
        die(&bench, "out of memory");
    }
    madvise(bench.other, EVICT_BYTES, MADV_NOHUGEPAGE);
    for (int part = 0; part < PARTS; part++) {
        bench.costs[part] = calloc((size_t)frames, sizeof(double));
    }
    play(&bench, BEFORE_US);
    fprintf(out, "| µs of CPU: mean, p99 | read | draw | show | a frame | dearest |\n"
                 "| --- | ---: | ---: | ---: | ---: | ---: |\n");
    static const unsigned short sizes[][2] = {{80, 24}, {200, 60}};
    for (int i = 0; i < 2; i++) {
        measure(&bench, sizes[i], WARM, frames);
        measure(&bench, sizes[i], COLD, frames);
        measure(&bench, sizes[i], RESTED, (frames + RESTED_SHARE - 1) / RESTED_SHARE);
    }
    terminal_close(bench.terminal);
    return EXIT_SUCCESS;
}

/* A terminal that shows nobody anything. */
static int drain(int terminal, pid_t child)
{
    char text[65536];
    int status = 0;
    while (read(terminal, text, sizeof(text)) > 0) {
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    int frames = argc > 1 ? atoi(argv[1]) : FRAMES, terminal;
    struct winsize size = {.ws_col = 80, .ws_row = 24};
    FILE *out = fdopen(dup(STDOUT_FILENO), "w");
    if (frames < 1 || out == NULL) {
        fprintf(stderr, "usage: bench_frame [FRAMES]\n");
        return EXIT_FAILURE;
    }
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    pid_t child = forkpty(&terminal, NULL, NULL, &size);
    if (child < 0) {
        fprintf(stderr, "bench_frame: no pseudo terminal\n");
        return EXIT_FAILURE;
    }
    return child == 0 ? run(out, frames) : drain(terminal, child);
}
