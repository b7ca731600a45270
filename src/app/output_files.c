#include "app/output_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path without links and dots as far as it exists; the caller frees it. */
static char *resolved(const char *path)
{
    char *whole = realpath(path, NULL);
    if (whole != NULL) {
        return whole;
    }
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    char *real = folder == NULL ? NULL : realpath(folder, NULL);
    if (real == NULL || asprintf(&whole, "%s/%s", real, slash == NULL ? path : slash + 1) < 0) {
        whole = NULL;
    }
    free(folder);
    free(real);
    return whole;
}

static bool is_same_file(const char *a, const char *b)
{
    char *one = resolved(a);
    char *other = resolved(b);
    bool same = strcmp(a, b) == 0 || (one != NULL && other != NULL && strcmp(one, other) == 0);
    free(one);
    free(other);
    return same;
}

int output_files_check(const struct output_file *files, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (files[i].path != NULL && files[j].path != NULL &&
                is_same_file(files[i].path, files[j].path)) {
                return err_set(err, ERR_USAGE, files[i].option, "name another file",
                               "'%s' is the file of %s already", files[i].path,
                               files[j].option);
            }
        }
    }
    return 0;
}
