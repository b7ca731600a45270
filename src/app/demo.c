#include "app/demo.h"

#include "app/print_error.h"
#include "app/run.h"
#include "app/run_options.h"
#include "base/err.h"
#include "base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    DEMO_ARGS_MAX = 128,
    DEMO_LINE_BYTES = 512,
    DEMO_READY_MS = 10000,
};

struct demo {
    pid_t origin;
    int output; /* the origin's standard output, or -1 */
    char line[DEMO_LINE_BYTES];
    char url[DEMO_LINE_BYTES];
};

/* In the child: becomes the origin, and dies with the demo. */
static void exec_origin(int output, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* It may have died before that was asked for. */
    if (getppid() != parent) {
        _exit(127);
    }
    /* An interrupt at the terminal is for the swarm, which ends before the origin does. */
    setpgid(0, 0);
    dup2(output, STDOUT_FILENO);
    execl("/proc/self/exe", "shoal", "origin", "--listen", "127.0.0.1:0", (char *)NULL);
    _exit(127);
}

static int start_origin(struct demo *demo, struct err *err)
{
    int ends[2];
    /* Closed in the origin but for the copy that is its standard output: the end of that is
     * how its death is seen. */
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_set(err, ERR_START, "demo", NULL, "no pipe: %s", strerror(errno));
    }
    pid_t self = getpid();
    demo->origin = fork();
    if (demo->origin == 0) {
        exec_origin(ends[1], self);
    }
    close(ends[1]);
    demo->output = ends[0];
    if (demo->origin < 0) {
        return err_set(err, ERR_START, "demo", NULL, "no child process: %s", strerror(errno));
    }
    return 0;
}

/* Reads the origin's first line, which names its address. */
static int read_line(struct demo *demo, struct err *err)
{
    size_t len = 0;
    while (len + 1 < sizeof demo->line) {
        struct pollfd ready = {.fd = demo->output, .events = POLLIN};
        if (poll(&ready, 1, DEMO_READY_MS) <= 0) {
            return err_set(err, ERR_START, "demo", "run shoal origin by itself to see why",
                           "the origin did not say that it listens");
        }
        ssize_t n = read(demo->output, demo->line + len, 1);
        if (n <= 0) {
            return err_set(err, ERR_START, "demo", "run shoal origin by itself to see why",
                           "the origin ended at once");
        }
        if (demo->line[len] == '\n') {
            break;
        }
        len++;
    }
    demo->line[len] = '\0';
    return 0;
}

static int find_url(struct demo *demo, struct err *err)
{
    const char *at = strstr(demo->line, "http://");
    if (at == NULL) {
        return err_set(err, ERR_START, "demo", NULL, "the origin said \"%s\" and no address",
                       demo->line);
    }
    size_t len = strcspn(at, " \t\r");
    while (len > 0 && at[len - 1] == '/') {
        len--;
    }
    snprintf(demo->url, sizeof demo->url, "%.*s/live/index.m3u8", (int)len, at);
    return 0;
}

static int run_swarm(const struct demo *demo, int argc, char **argv, struct err *err)
{
    static const char *const defaults[] = {
        "run", "--viewers", "1000", "--ramp", "5s", "--duration", "30s", "--variant", "random"};
    const char *args[DEMO_ARGS_MAX];
    int count = 0;
    if (argc > DEMO_ARGS_MAX - (int)(sizeof defaults / sizeof defaults[0]) - 2) {
        err_set(err, ERR_USAGE, "demo", "use shoal run and shoal origin",
                "%d words are more than a demo takes", argc);
        return app_print_error(err);
    }
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        args[count++] = defaults[i];
    }
    args[count++] = demo->url; /* before whatever else may stand there */
    for (int i = 1; i < argc; i++) {
        args[count++] = argv[i];
    }
    args[count] = NULL;
    return app_run_demo(count, (char **)args);
}

static void stop_origin(struct demo *demo)
{
    if (demo->origin > 0) {
        kill(demo->origin, SIGTERM);
        while (waitpid(demo->origin, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (demo->output >= 0) {
        close(demo->output);
    }
}

/* Help before anything is started: the options are those of a run. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static void print_help(void)
{
    struct option_command command = run_command;
    command.name = "demo";
    command.synopsis = "[options]";
    command.summary =
        "Starts a test origin on this machine and plays a thousand viewers of its "
        "live stream for thirty seconds. The options are those of shoal run, and "
        "replace the demo's own.";
    command.help_tail = NULL;
    options_print_help(&command, stdout);
}

int app_demo_main(int argc, char **argv)
{
    if (wants_help(argc, argv)) {
        print_help();
        return 0;
    }
    struct demo demo = {.origin = -1, .output = -1};
    struct err err = {0};
    int status;
    if (start_origin(&demo, &err) != 0 || read_line(&demo, &err) != 0 ||
        find_url(&demo, &err) != 0) {
        status = app_print_error(&err);
    } else {
        status = run_swarm(&demo, argc, argv, &err);
    }
    stop_origin(&demo);
    return status;
}
