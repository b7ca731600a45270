#include "app/print_error.h"

#include <stdio.h>

int app_print_error(const struct err *err)
{
    char text[sizeof err->what + sizeof err->why + sizeof err->hint + 8];
    err_format(err, text, sizeof text);
    fprintf(stderr, "shoal: %s\n", text);
    return err->kind == ERR_NONE ? ERR_START : (int)err->kind;
}
