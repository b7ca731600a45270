#include "engine/ffmpeg/ffmpeg_process.h"

#include "base/clock.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

int ffmpeg_process_find(const char *name, char *path, size_t size, const char *hint,
                        struct err *err)
{
    char candidate[4096];
    if (strchr(name, '/') != NULL) {
        if (!is_program(name) || strlen(name) >= size) {
            return err_set(err, ERR_START, name, hint, "there is no such program");
        }
        memcpy(path, name, strlen(name) + 1);
        return 0;
    }
    const char *folders = getenv("PATH");
    struct span rest = span_from_string(folders != NULL ? folders : "/usr/bin:/bin");
    while (rest.len > 0) {
        struct span folder = span_cut(&rest, ':');
        int len = snprintf(candidate, sizeof candidate, "%.*s/%s", SPAN_ARGS(folder), name);
        if (folder.len > 0 && len > 0 && (size_t)len < sizeof candidate && (size_t)len < size &&
            is_program(candidate)) {
            memcpy(path, candidate, (size_t)len + 1);
            return 0;
        }
    }
    return err_set(err, ERR_START, name, hint, "there is no such program in PATH");
}

/* A dynamic program names its interpreter (System V ABI, program header PT_INTERP). */
bool ffmpeg_process_is_static(const char *path)
{
    FILE *file = fopen(path, "re");
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    bool is_elf = file != NULL && fread(&head, sizeof head, 1, file) == 1 &&
                  memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 &&
                  head.e_phentsize == sizeof part &&
                  fseek(file, (long)head.e_phoff, SEEK_SET) == 0;
    bool has_interpreter = false;
    for (unsigned i = 0; is_elf && i < head.e_phnum; i++) {
        is_elf = fread(&part, sizeof part, 1, file) == 1;
        has_interpreter = has_interpreter || (is_elf && part.p_type == PT_INTERP);
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_elf && !has_interpreter;
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            close(pair[i]);
        }
    }
}

/* posix_spawn rather than fork: the cost of starting must not grow with this process. */
static int spawn(const char *const argv[], int out, int errors, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int status = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    status = status != 0 ? status : posix_spawn_file_actions_adddup2(&actions, out, 1);
    status = status != 0 ? status : posix_spawn_file_actions_adddup2(&actions, errors, 2);
    /* Whatever libraries of this process have left open without O_CLOEXEC. */
    status = status != 0 ? status : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    status = status != 0 ? status : posix_spawnattr_setsigmask(&attributes, &none);
    status = status != 0 ? status : posix_spawnattr_setsigdefault(&attributes, &all);
    /* A group of its own: Ctrl-C on the terminal is ours to pass on. */
    status = status != 0 ? status : posix_spawnattr_setpgroup(&attributes, 0);
    status = status != 0 ? status
                         : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                                                     POSIX_SPAWN_SETSIGDEF |
                                                                     POSIX_SPAWN_SETPGROUP);
    status = status != 0 ? status
                         : posix_spawn(pid, argv[0], &actions, &attributes, (char *const *)argv,
                                       environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

/* A pipe of which only our end is non-blocking. */
static int make_pipe(int pair[2])
{
    if (pipe2(pair, O_CLOEXEC) != 0) {
        pair[0] = pair[1] = -1;
        return -1;
    }
    return fcntl(pair[0], F_SETFL, O_NONBLOCK);
}

int ffmpeg_process_spawn(const char *const argv[], struct ffmpeg_process *out)
{
    int log[2] = {-1, -1};
    int progress[2] = {-1, -1};
    pid_t pid = -1;
    int status = 0;
    if (make_pipe(log) != 0 || make_pipe(progress) != 0) {
        status = errno;
    } else {
        status = spawn(argv, progress[1], log[1], &pid);
    }
    if (status != 0 || pid < 0) {
        close_pair(log);
        close_pair(progress);
        errno = status;
        return -1;
    }
    close(log[1]);
    close(progress[1]);
    *out = (struct ffmpeg_process){.pid = pid, .log = log[0], .progress = progress[0]};
    return 0;
}

/* Reads until the end of the pipe or the deadline. Returns whether the end was reached. */
static bool read_all(int fd, int64_t deadline_us, struct buf *text)
{
    char bytes[4096];
    for (;;) {
        int64_t left_us = deadline_us - clock_monotonic_us();
        if (left_us <= 0) {
            return false;
        }
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, (int)(left_us / 1000 + 1)) <= 0) {
            continue;
        }
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got == 0) {
            return true;
        }
        if (got > 0 && buf_append(text, bytes, (size_t)got) != 0) {
            continue; /* no room: read on, so that it can end */
        }
    }
}

int ffmpeg_process_capture(const char *const argv[], int64_t timeout_us, struct buf *text,
                           struct err *err)
{
    int64_t deadline_us = clock_monotonic_us() + timeout_us;
    int pair[2];
    pid_t pid = -1;
    int status = make_pipe(pair) != 0 ? errno : spawn(argv, pair[1], pair[1], &pid);
    if (status != 0) {
        close_pair(pair);
        return err_set(err, ERR_START, argv[0], NULL, "it cannot be started: %s",
                       strerror(status));
    }
    close(pair[1]);
    bool ended = read_all(pair[0], deadline_us, text);
    close(pair[0]);
    if (!ended) {
        kill(pid, SIGKILL);
    }
    int wait_status = 0;
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) {
        return err_set(err, ERR_START, argv[0], NULL, "it did not end within %lld s",
                       (long long)(timeout_us / 1000000));
    }
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
