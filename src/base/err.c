#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Makes text safe to print on a terminal and whole: no control bytes, no half UTF-8 character
 * at the place where it was cut. */
static void clean(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';
        }
    }
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0xc0) {
        unsigned char lead = (unsigned char)text[start - 1];
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (len - (start - 1) < want) {
            /* What is nothing but a broken character must not vanish. */
            text[start - 1] = start == 1 ? '?' : '\0';
            text[start] = '\0';
        }
    }
}

int err_set(struct err *err, enum err_kind kind, const char *what, const char *hint,
            const char *why_format, ...)
{
    if (err == NULL) {
        return -1;
    }
    err->kind = kind;
    snprintf(err->what, sizeof err->what, "%s", what);
    snprintf(err->hint, sizeof err->hint, "%s", hint == NULL ? "" : hint);
    va_list args;
    va_start(args, why_format);
    vsnprintf(err->why, sizeof err->why, why_format, args);
    va_end(args);
    clean(err->what);
    clean(err->why);
    clean(err->hint);
    return -1;
}

int err_refuse(struct err *err, const char *what, struct span text, const char *why,
               const char *hint)
{
    struct span rest = span_from_string(why);
    struct span clause = span_cut(&rest, ';');
    rest = span_trim(rest); /* of a literal, so it ends in NUL */
    return err_set(err, ERR_USAGE, what, hint != NULL || rest.len == 0 ? hint : rest.ptr,
                   "'%.*s' %.*s", SPAN_ARGS(text), SPAN_ARGS(clause));
}

void err_format(const struct err *err, char *text, unsigned size)
{
    if (err->hint[0] != '\0') {
        snprintf(text, size, "%s: %s (%s)", err->what, err->why, err->hint);
    } else {
        snprintf(text, size, "%s: %s", err->what, err->why);
    }
}
