/* Command lines as values: built from the options and the capabilities of the binary for one
 * viewer, quoted for a shell to be shown. Pure, but for the memory of the command itself; each
 * command is built on its own, nothing is shared between viewers. */
#ifndef ENGINE_FFMPEG_FFMPEG_COMMAND_H
#define ENGINE_FFMPEG_FFMPEG_COMMAND_H

#include "base/buf.h"
#include "engine/ffmpeg/ffmpeg.h"

enum {
    FFMPEG_COMMAND_ARGS = 64,
    FFMPEG_COMMAND_BYTES = 65536, /* all arguments together */
};

struct ffmpeg_command {
    struct buf text; /* owned: the arguments, each ended by NUL */
    uint32_t count;
    uint32_t starts[FFMPEG_COMMAND_ARGS];      /* of the arguments in text */
    const char *argv[FFMPEG_COMMAND_ARGS + 1]; /* into text, ended by NULL; once built */
};

void ffmpeg_command_init(struct ffmpeg_command *command);
void ffmpeg_command_fini(struct ffmpeg_command *command);

/* The program of the variant that this viewer plays, -1 for all. `random` is drawn by the
 * caller. */
int32_t ffmpeg_command_program(const struct ffmpeg_options *options, uint64_t random);

/* The whole command line of a viewer, setpriv included. Returns 0, or -1 with *err filled when
 * it is longer than the bounds. */
int ffmpeg_command_build(struct ffmpeg_command *command, const struct ffmpeg_options *options,
                         uint32_t viewer, int32_t program, struct err *err);

/* The command line by which ffprobe lists the programs, with the same headers; its user agent
 * is that of all preflights. */
int ffmpeg_command_build_probe(struct ffmpeg_command *command,
                               const struct ffmpeg_options *options, struct err *err);

/* Appends the command to `out` so that a POSIX shell runs exactly it. Returns 0, or -1 when
 * `out` is full. */
int ffmpeg_command_quote(const struct ffmpeg_command *command, struct buf *out);

#endif
