/* Text as Unicode (RFC 3629, UAX 15): characters of UTF-8, and whether they are in
 * normalization form C, which section 4.1 of RFC 8216 asks of playlists. Pure over memory. */
#ifndef MEDIA_UNICODE_H
#define MEDIA_UNICODE_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the character at text[at], at < text.len. Returns its length, 1 to 4, with *code set; 0
 * with *code untouched when there is no well-formed one. */
size_t unicode_next(struct span text, size_t at, uint32_t *code);

/* Whether the text is surely not in normalization form C; *at is then the offset of the
 * character that shows it. What is told is always true; not told are marks in the wrong order
 * outside of U+0300 to U+036F and a mark that belongs below one which its letter already holds,
 * since both need the whole of the character database. Ill-formed bytes end a sequence. */
bool unicode_is_not_nfc(struct span text, size_t *at);

#endif
