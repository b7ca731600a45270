/* The one binary: finds the subcommand and hands the rest to it. */
#include "app/options.h"
#include "app/print_error.h"
#include "base/nearest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define X(name, words) int app_##name##_main(int argc, char **argv);
#include "app/commands.def"
#undef X

static const struct command {
    const char *name;
    const char *summary;
    int (*main)(int argc, char **argv);
} commands[] = {
#define X(name, words) {#name, words, app_##name##_main},
#include "app/commands.def"
#undef X
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fputs("Usage: shoal COMMAND [options]\n\n"
          "Plays many viewers of an HLS stream and tells what they get.\n\nCommands:\n",
          out);
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nshoal COMMAND --help tells more; shoal --version names the version.\n"
          "Begin with: shoal demo\n",
          out);
}

static int complain(const char *word)
{
    const char *words[COMMANDS + 1] = {NULL};
    for (int i = 0; i < COMMANDS; i++) {
        words[i] = commands[i].name;
    }
    struct err err = {0};
    char hint[80] = "see shoal --help";
    const char *nearest = nearest_word(span_from_string(word), words);
    if (strncmp(word, "http://", 7) == 0 || strncmp(word, "https://", 8) == 0) {
        snprintf(hint, sizeof hint, "write shoal run URL");
    } else if (nearest != NULL) {
        snprintf(hint, sizeof hint, "did you mean %s?", nearest);
    }
    err_set(&err, ERR_USAGE, word, hint, word[0] == '-' ? "unknown option" : "unknown command");
    return app_print_error(&err);
}

/* What was printed must have arrived: a full disk or a closed pipe is a failure. */
static int finish(int status)
{
    if (fflush(stdout) != 0 && status == 0) {
        struct err err = {0};
        err_set(&err, ERR_START, "standard output", NULL, "%s", strerror(errno));
        return app_print_error(&err);
    }
    return status;
}

/* A standard descriptor that is closed would become a connection's, and what is printed would
 * go to a server: each is something from the beginning. */
static void hold_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    /* A server or a reader of our output that goes away is an error code, not a death. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return ERR_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help(stdout);
        return finish(0);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("shoal " SHOAL_VERSION);
        return finish(0);
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return finish(commands[i].main(argc - 1, argv + 1));
        }
    }
    return complain(word);
}
