/* Supervision, with small scripts in place of ffmpeg: they are started as it would be, write a
 * log and progress as it does, and die in all the ways it can. */
#include "base/clock.h"
#include "engine/ffmpeg/ffmpeg.h"
#include "engine/ffmpeg/ffmpeg_process.h"
#include "loop/loop.h"

#include "ffmpeg_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VIEWERS = 8 };

struct bench {
    struct loop *loop;
    struct shoal_lane *lane;
    struct engine *engine;
    struct ffmpeg_options options;
    struct engine_setup setup;
    struct engine_listener listener;
    struct engine_witness witness;
    struct engine_failure failure; /* the newest taken; its URL only in `url` */
    char url[64];
    unsigned over, failed, taken, asked;
    char folder[64], script[96], gate[96];
};

static void on_over(struct engine_listener *listener, uint32_t viewer,
                    enum engine_outcome outcome)
{
    (void)viewer;
    struct bench *bench = list_entry(listener, struct bench, listener);
    bench->over++;
    bench->failed += outcome == ENGINE_SESSION_FAILED;
}

static bool wants(struct engine_witness *witness, uint32_t worker, int64_t now_us)
{
    struct bench *bench = list_entry(witness, struct bench, witness);
    assert_int_equal(worker, 0);
    assert_in_range(clock_monotonic_us() - now_us, 0, 10000000);
    return bench->asked++ % 2 == 0;
}

static void take(struct engine_witness *witness, uint32_t worker,
                 const struct engine_failure *failure)
{
    struct bench *bench = list_entry(witness, struct bench, witness);
    assert_int_equal(worker, 0);
    bench->taken++;
    bench->failure = *failure;
    assert_true(span_to_string(failure->url, bench->url, sizeof bench->url));
}

/* Says that it plays and moves its position on twenty times a second, as a whole function; the
 * gate is a file while which exists the position stands. */
static const char player[] = "#!/bin/sh\n"
                             "play() { echo \"[info] Output #0, null, to 'pipe:':\" >&2; i=0\n"
                             "while :; do\n"
                             "if [ ! -e \"$GATE\" ]; then i=$((i+50000)); fi\n"
                             "printf 'out_time_us=%d\\nprogress=continue\\n' $i; sleep 0.05\n"
                             "done; }\n";

static void bench_open(struct bench *bench, const char *body)
{
    *bench = (struct bench){.listener = {on_over}, .witness = {wants, take}};
    strcpy(bench->folder, "/tmp/shoal-test-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->script, sizeof bench->script, "%s/player", bench->folder);
    snprintf(bench->gate, sizeof bench->gate, "%s/gate", bench->folder);
    FILE *file = fopen(bench->script, "w");
    assert_non_null(file);
    fprintf(file, "%sGATE=%s\n%s\n", player, bench->gate, body);
    fclose(file);
    assert_int_equal(chmod(bench->script, 0700), 0);

    struct ffmpeg_options *options = &bench->options;
    struct err err = {0};
    ffmpeg_options_init(options);
    options->url = "http://127.0.0.1:1/x.m3u8";
    snprintf(options->ffmpeg, sizeof options->ffmpeg, "%s", bench->script);
    if (ffmpeg_process_find("setpriv", options->setpriv, sizeof options->setpriv, "", &err) !=
        0) {
        fail_msg("%s", err.why);
    }
    options->restart = (struct ffmpeg_restart){.first_us = 10000,
                                               .longest_us = 40000,
                                               .factor = 2,
                                               .good_after_us = 10000000,
                                               .limit = 3};
    options->stall_after_us = 400000;
    options->term_grace_us = 300000;
    bench->loop = loop_new();
    bench->lane = fixture_lane_new();
    bench->setup = (struct engine_setup){
        .loop = bench->loop,
        .lane = bench->lane,
        .listener = &bench->listener,
        .witness = &bench->witness,
        .options = options,
        .workers = 1,
        .viewers_limit = VIEWERS,
        .seed = 1,
    };
    bench->engine = engine_ffmpeg.open(&bench->setup, &err);
    assert_non_null(bench->engine);
}

static uint64_t sum(const struct bench *bench, enum metric metric)
{
    return fixture_sum(bench->lane, metric);
}

static void bench_close(struct bench *bench)
{
    engine_ffmpeg.close(bench->engine);
    loop_free(bench->loop);
    /* Whatever happened: sessions, processes, stalls and descriptors balance, and no child is
     * left, running or dead. */
    assert_int_equal(sum(bench, METRIC_SESSIONS_STARTED),
                     sum(bench, METRIC_SESSIONS_ENDED) + sum(bench, METRIC_SESSIONS_FAILED));
    assert_int_equal(sum(bench, METRIC_SESSIONS_STARTED),
                     sum(bench, METRIC_SESSIONS_PLAYED) + sum(bench, METRIC_SESSIONS_UNPLAYED));
    assert_int_equal(sum(bench, METRIC_PLAYER_PROCESSES_STARTED),
                     sum(bench, METRIC_PLAYER_PROCESSES_ENDED));
    assert_int_equal(sum(bench, METRIC_STALLS), sum(bench, METRIC_STALLS_OVER));
    assert_int_equal(sum(bench, METRIC_DESCRIPTORS_OPENED),
                     sum(bench, METRIC_DESCRIPTORS_CLOSED));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    fixture_lane_free(bench->lane);
    unlink(bench->gate);
    unlink(bench->script);
    rmdir(bench->folder);
}

/* Lets the engine work until the condition holds; fails the test after ten seconds. */
static void run_until(struct bench *bench, bool (*holds)(struct bench *bench), const char *what)
{
    int64_t deadline_us = clock_monotonic_us() + 10000000;
    while (!holds(bench)) {
        if (clock_monotonic_us() > deadline_us) {
            fail_msg("never: %s", what);
        }
        loop_run_once(bench->loop, 20000);
        engine_ffmpeg.account(bench->engine, loop_now_us(bench->loop));
    }
}

#define RUN_UNTIL(bench, condition) run_until(bench, condition, #condition)

static int start(struct bench *bench, uint32_t viewer)
{
    return engine_ffmpeg.viewer_start(bench->engine, viewer, 0, clock_monotonic_us(), 0);
}

static bool one_is_over(struct bench *bench)
{
    return bench->over == 1;
}

static bool all_are_over(struct bench *bench)
{
    return bench->over == VIEWERS;
}

static bool one_plays(struct bench *bench)
{
    return sum(bench, METRIC_MEDIA_PLAYED) > 0;
}

static bool all_play(struct bench *bench)
{
    return sum(bench, METRIC_SESSIONS_PLAYED) == VIEWERS &&
           sum(bench, METRIC_MEDIA_PLAYED) >= (uint64_t)VIEWERS * 100000;
}

/* Crash loops are failures and not activity. */
static void early_exit_is_restarted_then_fails(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "exit 1");
    assert_int_equal(start(&bench, 3), 0);
    RUN_UNTIL(&bench, one_is_over);
    assert_int_equal(bench.failed, 1);
    assert_int_equal(sum(&bench, METRIC_PLAYER_PROCESSES_STARTED), 4);
    assert_int_equal(sum(&bench, METRIC_PLAYER_RESTARTS), 3);
    assert_int_equal(sum(&bench, METRIC_SESSIONS_FAILED), 1);
    assert_int_equal(sum(&bench, METRIC_SESSIONS_PLAYED), 0);
    bench_close(&bench);
}

static void end_of_stream_ends_the_session(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "echo \"[info] Output #0, null, to 'pipe:':\" >&2; exit 0");
    assert_int_equal(start(&bench, 0), 0);
    RUN_UNTIL(&bench, one_is_over);
    assert_int_equal(bench.failed, 0);
    assert_int_equal(sum(&bench, METRIC_SESSIONS_ENDED), 1);
    assert_int_equal(sum(&bench, METRIC_SESSIONS_PLAYED), 1);
    assert_int_equal(fixture_histogram_count(bench.lane, METRIC_STARTUP), 1);
    assert_int_equal(sum(&bench, METRIC_PLAYER_PROCESSES_STARTED), 1);
    bench_close(&bench);
}

/* To a witness who wants every other one: each is offered, and none is taken unasked. */
static void failures_are_shown_to_the_witness(void **state)
{
    (void)state;
    struct bench bench;
    int64_t before_us = clock_monotonic_us();
    bench_open(&bench, "echo \"[NULL @ 0x1] [debug] Opening 'http://h/x.m3u8' for reading\n"
                       "[http @ 0x2] [debug] request: GET /x.m3u8 HTTP/1.1\r\n\r\n"
                       "[http @ 0x2] [warning] HTTP error 404 Not Found\" >&2; exit 1");
    assert_int_equal(start(&bench, 3), 0);
    RUN_UNTIL(&bench, one_is_over);
    assert_int_equal(sum(&bench, METRIC_FAILURES), 4);
    assert_int_equal(bench.asked, 4);
    assert_int_equal(bench.taken, 2);
    assert_int_equal(bench.failure.viewer, 3);
    assert_int_equal(bench.failure.fail, FAIL_STATUS_4XX);
    assert_int_equal(bench.failure.status, 404);
    assert_string_equal(bench.url, "http://h/x.m3u8");
    assert_null(bench.failure.address); /* no line said where it went */
    assert_in_range(bench.failure.at_us, before_us, clock_monotonic_us());
    bench_close(&bench);
}

/* A live stream whose reload fails makes FFmpeg exit with 0; that is no end. */
static void lost_playlist_is_no_end(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "echo '[hls @ 0x1] [warning] Failed to reload playlist 0' >&2; exit 0");
    assert_int_equal(start(&bench, 0), 0);
    RUN_UNTIL(&bench, one_is_over);
    assert_int_equal(bench.failed, 1);
    assert_int_equal(sum(&bench, METRIC_PLAYER_RESTARTS), 3);
    bench_close(&bench);
}

static void polite_signal_is_enough(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "trap 'exit 255' TERM; play");
    assert_int_equal(start(&bench, 0), 0);
    RUN_UNTIL(&bench, one_plays);
    engine_ffmpeg.viewer_leave(bench.engine, 0);
    assert_int_equal(bench.over, 0); /* told from an event of its own */
    RUN_UNTIL(&bench, one_is_over);
    assert_int_equal(sum(&bench, METRIC_PLAYER_PROCESSES_KILLED), 0);
    assert_int_equal(sum(&bench, METRIC_SESSIONS_ENDED), 1);
    assert_true(sum(&bench, METRIC_WATCHED_TIME) > 0);
    bench_close(&bench);
}

static void firm_signal_follows(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "trap '' TERM; play");
    assert_int_equal(start(&bench, 0), 0);
    RUN_UNTIL(&bench, one_plays);
    int64_t asked_us = clock_monotonic_us();
    engine_ffmpeg.viewer_leave(bench.engine, 0);
    RUN_UNTIL(&bench, one_is_over);
    int64_t took_us = clock_monotonic_us() - asked_us;
    assert_in_range(took_us, 300000, 2000000);
    assert_int_equal(sum(&bench, METRIC_PLAYER_PROCESSES_KILLED), 1);
    bench_close(&bench);
}

static bool one_stalls(struct bench *bench)
{
    return sum(bench, METRIC_STALLS) == 1;
}

static bool stall_is_over(struct bench *bench)
{
    return sum(bench, METRIC_STALLS_OVER) == 1;
}

/* Seen from the position, while the process lives and reports as ever; the time since the
 * position last moved is all of the stall. */
static void standing_position_is_a_stall(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "trap 'exit 255' TERM; play");
    assert_int_equal(start(&bench, 0), 0);
    RUN_UNTIL(&bench, one_plays);
    int64_t froze_us = clock_monotonic_us();
    fclose(fopen(bench.gate, "w"));
    RUN_UNTIL(&bench, one_stalls);
    assert_in_range(clock_monotonic_us() - froze_us, 350000, 2000000);
    unlink(bench.gate);
    RUN_UNTIL(&bench, stall_is_over);
    uint64_t length_us = fixture_histogram_sum(bench.lane, METRIC_STALL);
    assert_in_range(length_us, 400000, 2500000);
    assert_int_equal(sum(&bench, METRIC_STALLS_LONG), 1);
    engine_ffmpeg.viewer_leave(bench.engine, 0);
    RUN_UNTIL(&bench, one_is_over);
    assert_int_equal(sum(&bench, METRIC_STALL_TIME), length_us);
    assert_true(sum(&bench, METRIC_STALL_TIME) < sum(&bench, METRIC_WATCHED_TIME));
    bench_close(&bench);
}

static bool played_again(struct bench *bench)
{
    return sum(bench, METRIC_PLAYER_PROCESSES_STARTED) == 2 && stall_is_over(bench);
}

/* A process that dies while it plays: the gap until the next one plays is a stall of the same
 * session, which starts up once. */
static void death_while_playing_is_a_stall(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "trap 'exit 255' TERM\n"
                       "if [ -e $GATE-again ]; then rm $GATE-again; play; fi\n"
                       "touch $GATE-again; play & sleep 0.3; kill -9 $!; exit 9");
    bench.options.restart.first_us = 900000;
    bench.options.restart.longest_us = 900000;
    assert_int_equal(start(&bench, 0), 0);
    RUN_UNTIL(&bench, played_again);
    assert_int_equal(sum(&bench, METRIC_SESSIONS_PLAYED), 1);
    assert_int_equal(fixture_histogram_count(bench.lane, METRIC_STARTUP), 1);
    assert_in_range(fixture_histogram_sum(bench.lane, METRIC_STALL), 400000, 4000000);
    engine_ffmpeg.viewer_leave(bench.engine, 0);
    RUN_UNTIL(&bench, one_is_over);
    bench_close(&bench);
}

static void viewing_time_is_kept(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "trap 'exit 255' TERM; play");
    int64_t now_us = clock_monotonic_us();
    assert_int_equal(engine_ffmpeg.viewer_start(bench.engine, 0, 0, now_us, 500000), 0);
    RUN_UNTIL(&bench, one_is_over);
    assert_in_range(clock_monotonic_us() - now_us, 500000, 2500000);
    assert_int_equal(bench.failed, 0);
    bench_close(&bench);
}

static bool is_paused(struct bench *bench)
{
    return sum(bench, METRIC_PLAYER_RESTARTS) > 0;
}

static void leaving_in_a_pause_ends(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "exit 1");
    bench.options.restart.first_us = bench.options.restart.longest_us = 60000000;
    assert_int_equal(start(&bench, 0), 0);
    RUN_UNTIL(&bench, is_paused);
    engine_ffmpeg.viewer_leave(bench.engine, 0);
    assert_int_equal(bench.over, 0);
    RUN_UNTIL(&bench, one_is_over);
    assert_int_equal(bench.failed, 0);
    bench_close(&bench);
}

static void abort_is_at_once(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "trap '' TERM; play");
    bench.options.term_grace_us = 60000000;
    for (uint32_t i = 0; i < VIEWERS; i++) {
        assert_int_equal(start(&bench, i), 0);
    }
    RUN_UNTIL(&bench, all_play);
    for (uint32_t i = 0; i < VIEWERS; i++) {
        engine_ffmpeg.viewer_leave(bench.engine, i);
    }
    engine_ffmpeg.abort_all(bench.engine);
    assert_true(all_are_over(&bench));
    bench_close(&bench);
}

/* Closing with all of them alive. */
static void close_ends_what_plays(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "trap '' TERM; play");
    for (uint32_t i = 0; i < VIEWERS; i++) {
        assert_int_equal(start(&bench, i), 0);
    }
    RUN_UNTIL(&bench, all_play);
    bench_close(&bench);
    assert_int_equal(bench.over, 0); /* nobody is told any more */
}

static void missing_program_is_a_failed_session(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "exit 0");
    strcpy(bench.options.setpriv, "/nonexistent/setpriv");
    assert_int_equal(start(&bench, 0), -1);
    assert_int_equal(sum(&bench, METRIC_SESSIONS_FAILED), 1);
    assert_int_equal(sum(&bench, METRIC_PLAYER_PROCESSES_STARTED), 0);
    bench_close(&bench);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* A hundred processes one after the other, and nothing is left of them. */
static void nothing_is_left_behind(void **state)
{
    (void)state;
    unsigned before = count_descriptors();
    struct bench bench;
    bench_open(&bench, "exit 1");
    for (unsigned round = 0; round < 5; round++) {
        bench.over = 0;
        for (uint32_t i = 0; i < VIEWERS; i++) {
            assert_int_equal(start(&bench, i), 0);
        }
        RUN_UNTIL(&bench, all_are_over);
    }
    assert_int_equal(sum(&bench, METRIC_PLAYER_PROCESSES_STARTED), 5 * VIEWERS * 4);
    bench_close(&bench);
    assert_int_equal(count_descriptors(), before);
}

/* The pids of a process's children. */
static unsigned children_of(pid_t pid, pid_t *out, unsigned limit)
{
    char path[64];
    int child = 0;
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && count < limit && fscanf(file, "%d", &child) == 1) {
        out[count++] = child;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

/* Whether the process runs still; one that nobody has reaped yet does not. */
static bool is_alive(pid_t pid)
{
    char path[64];
    char line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    const char *got = fgets(line, sizeof line, file);
    fclose(file);
    const char *end = got != NULL ? strrchr(line, ')') : NULL;
    return end != NULL && end[2] != 'Z' && end[2] != 'X';
}

/* Shoal is killed outright: its players die with it, though they ignore the polite signal. */
static void players_die_with_us(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static struct bench bench;
        bench_open(&bench, "trap '' TERM INT HUP; play");
        for (uint32_t i = 0; i < VIEWERS; i++) {
            start(&bench, i);
        }
        RUN_UNTIL(&bench, all_play);
        pid_t players[VIEWERS];
        unsigned count = children_of(getpid(), players, VIEWERS);
        ssize_t wrote = write(ready[1], players, count * sizeof players[0]);
        (void)wrote;
        unlink(bench.script);
        rmdir(bench.folder);
        for (;;) {
            pause();
        }
    }
    pid_t players[VIEWERS];
    assert_int_equal(read(ready[0], players, sizeof players), sizeof players);
    for (unsigned i = 0; i < VIEWERS; i++) {
        assert_true(is_alive(players[i]));
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    int64_t deadline_us = clock_monotonic_us() + 5000000;
    for (unsigned i = 0; i < VIEWERS; i++) {
        while (is_alive(players[i])) {
            assert_true(clock_monotonic_us() < deadline_us);
        }
    }
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_exit_is_restarted_then_fails),
        cmocka_unit_test(end_of_stream_ends_the_session),
        cmocka_unit_test(failures_are_shown_to_the_witness),
        cmocka_unit_test(lost_playlist_is_no_end),
        cmocka_unit_test(polite_signal_is_enough),
        cmocka_unit_test(firm_signal_follows),
        cmocka_unit_test(standing_position_is_a_stall),
        cmocka_unit_test(death_while_playing_is_a_stall),
        cmocka_unit_test(viewing_time_is_kept),
        cmocka_unit_test(leaving_in_a_pause_ends),
        cmocka_unit_test(abort_is_at_once),
        cmocka_unit_test(close_ends_what_plays),
        cmocka_unit_test(missing_program_is_a_failed_session),
        cmocka_unit_test(nothing_is_left_behind),
        cmocka_unit_test(players_die_with_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
