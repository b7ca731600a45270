/* Files that a command writes: no two of its options may name the same. */
#ifndef APP_OUTPUT_FILES_H
#define APP_OUTPUT_FILES_H

#include "base/err.h"

#include <stddef.h>

struct output_file {
    const char *option; /* "--out" */
    const char *path;   /* "-" is standard output; NULL: not given */
};

/* Returns 0, or -1 with *err filled (ERR_USAGE) where two are the same file, by whatever path.
 */
int output_files_check(const struct output_file *files, size_t count, struct err *err);

#endif
