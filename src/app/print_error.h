/* The one place where an error that has come up is printed. Main thread. */
#ifndef APP_PRINT_ERROR_H
#define APP_PRINT_ERROR_H

#include "base/err.h"

/* Prints "shoal: what: why (what to do)" on standard error and returns the exit status that the
 * error asks for. */
int app_print_error(const struct err *err);

#endif
