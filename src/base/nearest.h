/* Finds what a mistyped word may have meant. Pure, any thread. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/span.h"

/* Of the words, ended by NULL, the one most like `text`, or NULL when none is near. */
const char *nearest_word(struct span text, const char *const *words);

#endif
