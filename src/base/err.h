/* An error that the operator of Shoal must hear about: a bad flag, a file that cannot be read,
 * a limit of this machine. It travels up as a value, and app prints it once as
 *
 *     shoal: what: why (what to do)
 *
 * It is not for what goes wrong with the service under test: those are enum fail. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/span.h"

#include <stdbool.h>

/* The exit statuses of the command that an error can ask for. */
enum err_kind {
    ERR_NONE = 0,
    ERR_USAGE = 2,   /* a flag, a unit, a configuration file */
    ERR_START = 3,   /* the stream or the file cannot be read, or a resource is missing */
    ERR_MACHINE = 4, /* the machine cannot hold the load */
};

struct err {
    enum err_kind kind; /* ERR_NONE until filled */
    char what[160];     /* the thing at fault: a flag, a URL, a file */
    char why[320];      /* one clause with the offending text and the legal range */
    char hint[240];     /* what to do; may be empty */
};

/* Fills *err and returns -1, so that a caller can `return err_set(...)`. Text that does not fit
 * is cut at a whole character; control bytes in it are shown as '?', since it may hold what the
 * network sent. `hint` may be NULL. err may be NULL: then only -1 is returned. */
int err_set(struct err *err, enum err_kind kind, const char *what, const char *hint,
            const char *why_format, ...) __attribute__((format(printf, 5, 6)));

/* Refuses a text of the operator's, as a usage error: "what: 'text' why (hint)". `why` may
 * bring the hint along after a semicolon, as those of units.h do: "has no unit; write 500ms".
 * Where `hint` is given it stands in that one's place. Otherwise as err_set. */
int err_refuse(struct err *err, const char *what, struct span text, const char *why,
               const char *hint);

/* Writes "what: why (hint)" into text; always ends it with NUL. */
void err_format(const struct err *err, char *text, unsigned size);

#endif
