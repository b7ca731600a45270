/* Starting programs: found in PATH, given pipes, in a known state whatever this process has
 * done to its signals and descriptors. Nothing goes through a shell. */
#ifndef ENGINE_FFMPEG_FFMPEG_PROCESS_H
#define ENGINE_FFMPEG_FFMPEG_PROCESS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes the absolute path of a program: `name` itself when it has a slash, else the first
 * executable of that name in PATH. Returns 0, or -1 with *err filled; `path` is then untouched.
 */
int ffmpeg_process_find(const char *name, char *path, size_t size, const char *hint,
                        struct err *err);

/* Whether the program at a path is a static one, into which nothing can be preloaded. Scripts
 * and what cannot be read are not. */
bool ffmpeg_process_is_static(const char *path);

struct ffmpeg_process {
    pid_t pid;
    int log;      /* reads its stderr; owned by the caller, non-blocking, closed on exec */
    int progress; /* reads its stdout; likewise */
};

/* Starts argv[0], an absolute path, with stdin from /dev/null. Its signals are at their
 * defaults, none blocked, and it holds no other descriptor. Returns 0, or -1 with errno set and
 * nothing left open. */
int ffmpeg_process_spawn(const char *const argv[], struct ffmpeg_process *out);

/* Runs argv to its end and appends its output, stdout and stderr together, to `text`; what does
 * not fit is dropped. Blocks for at most timeout_us, then kills it. Returns its exit status
 * (128 and the signal's number when a signal ended it), or -1 with *err filled when it could
 * not be started or took too long. */
int ffmpeg_process_capture(const char *const argv[], int64_t timeout_us, struct buf *text,
                           struct err *err);

#endif
