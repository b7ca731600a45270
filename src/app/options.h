/* Options as a table: each command of Shoal lists its options once, and the command line, the
 * configuration file, --help, the man page and the completion all come from that list. This
 * module knows how to read any such table; which options there are is in options.def and in
 * the lists of the other commands.
 *
 * GNU habits: --name VALUE and --name=VALUE, -x VALUE and -xVALUE, flags of one letter joined,
 * options and operands in any order, `--` ends the options. Names are not abbreviated. A
 * repeated option that takes one value holds its last.
 *
 * Main thread. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Texts that live as long as the options that point to them. Zeroed memory is an empty one. */
struct option_memory {
    char **texts; /* owned, each owned */
    size_t count;
};

/* A copy of the span that ends in NUL; aborts the process when there is no memory for it. */
const char *option_memory_keep(struct option_memory *memory, struct span text);
void option_memory_fini(struct option_memory *memory);

struct option;

/* What the function that takes a value is given. */
struct option_value {
    const struct option *option;
    const char *text; /* the value; NULL for a flag. Borrowed from argv or memory. */
    void *field;      /* where it belongs: the command's struct + option.offset */
    void *target;     /* the command's whole struct */
    struct option_memory *memory; /* for texts that must be made */
};

/* Where the value of an option can be completed by the shell. */
enum option_completion {
    OPTION_COMPLETE_NONE,
    OPTION_COMPLETE_CHOICES, /* the words of `argument` in lower case, split at '|' */
    OPTION_COMPLETE_FILES,
};

struct option_type {
    /* Takes one value. Returns 0, or -1 with *err filled: what is option_what(). */
    int (*take)(const struct option_value *value, struct err *err);
    enum option_completion completion;
    /* The words that a value can be, joined by '|', where they are known only at run time;
     * NULL: option.argument says it. */
    const char *(*choices)(void);
    bool repeats; /* each time adds to a list */
    bool is_flag; /* takes no value; in a configuration file true or false */
};

struct option {
    const char *name; /* without the dashes; NULL makes the row a heading with `help` as text */
    char letter;      /* '\0': none */
    const struct option_type *type;
    size_t offset; /* of the field in the command's struct */
    int64_t low;   /* legal range of numbers, in the unit of the field */
    int64_t high;
    const char *argument; /* what --help shows as the value; NULL for a flag or choices() */
    const char *fallback; /* default as --help shows it; NULL: none worth showing */
    const char *help;     /* one or two sentences, for --help and the man page */
};

struct option_command {
    const char *name;     /* "run" */
    const char *summary;  /* one line */
    const char *synopsis; /* "[options] URL" */
    const char *operand;  /* "URL"; NULL: none is taken */
    bool operand_needed;
    size_t operand_offset;        /* of a const char * in the struct */
    const struct option *options; /* rows, the last zeroed but for offset */
    const char *help_tail;        /* paragraphs after the options, or NULL */
};

/* Reads argv[1] … argv[argc-1] into the command's struct, which already holds the defaults. The
 * file of an option named "config" is read first; what the command line says wins, and a list
 * given there replaces the file's. Returns 0; 1 when --help was asked for and has been printed
 * on standard output; or -1 with *err filled (ERR_USAGE). */
int options_read(const struct option_command *command, int argc, char **argv, void *target,
                 struct option_memory *memory, struct err *err);

/* Reads the YAML file into settings of the command's options: a mapping of option names to a
 * value or, for options that repeat, a list of values. See option_settings. */
struct option_setting {
    const struct option *option; /* NULL: the operand */
    const char *text;            /* NULL for a flag */
    unsigned line;               /* of the file; 0: the command line */
};

struct option_settings {
    struct option_setting *items; /* owned */
    size_t count;
};

void option_settings_add(struct option_settings *settings, const struct option_setting *item);
int options_read_file(const struct option_command *command, const char *path,
                      struct option_settings *out, struct option_memory *memory,
                      struct err *err);

/* The option of that name or letter, or NULL. */
const struct option *options_find(const struct option_command *command, struct span name);
const struct option *options_find_letter(const struct option_command *command, char letter);

/* Fills *err for a name that is no option: "--" stands before it unless from a file. */
int options_unknown(const struct option_command *command, struct span name, const char *what,
                    struct err *err);

/* Prints --help, wrapped to 80 columns. */
void options_print_help(const struct option_command *command, FILE *out);

/* What --help shows as the value: "N"; NULL for a flag. */
const char *option_argument(const struct option *option);

/* "--viewers" as the `what` of an error. Valid until the next call. */
const char *option_what(const struct option *option);

/* Fills *err for a value that is refused: "--buffer: '30' has no unit (write 500ms)"; see
 * err_refuse. Returns -1. */
int option_refuse(const struct option_value *value, const char *why, struct err *err);

/* Ranges for durations, in microseconds. */
#define OPTION_DURATION_MOST (INT64_C(365) * 86400 * 1000000)
#define OPTION_TIMEOUT_MOST  (INT64_C(3600) * 1000000)

/* The types that commands share. The field each writes is named. */
extern const struct option_type option_flag;        /* bool */
extern const struct option_type option_text;        /* const char * */
extern const struct option_type option_input_file;  /* const char *; must be readable */
extern const struct option_type option_output;      /* const char *; writable, or "-" */
extern const struct option_type option_output_file; /* const char *; must be writable */
extern const struct option_type option_count;       /* uint32_t within low … high */
extern const struct option_type option_seed;        /* uint64_t, the whole range */
extern const struct option_type option_duration;    /* int64_t µs within low … high */
extern const struct option_type option_bitrate;     /* uint64_t bits per second */
extern const struct option_type option_size;        /* uint64_t bytes within low … high */
extern const struct option_type option_header;      /* const char *; lines "Name: value\r\n" */

/* Reads "ADDR:PORT", "[v6]:PORT", ":PORT" or, where `fallback` is given, a lone "ADDR"; writes
 * the address without brackets. Returns 0, or -1 with *err filled. */
int option_read_endpoint(const struct option_value *value, const char *fallback_address,
                         const char **ret_address, uint16_t *ret_port, struct err *err);

#endif
