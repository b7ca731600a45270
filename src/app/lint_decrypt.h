/* Segments that are encrypted with AES-128, made readable for `shoal lint --segments`: the key
 * is fetched once, the body decrypted in place (RFC 8216 section 5). Main thread. */
#ifndef APP_LINT_DECRYPT_H
#define APP_LINT_DECRYPT_H

#include "app/lint_fetch.h"
#include "media/m3u8.h"

#include <stdbool.h>
#include <stdint.h>

/* The key fetched last; zeroed there is none. */
struct lint_key {
    const struct m3u8_key *key; /* whose bytes these are; borrowed with its playlist */
    bool usable;                /* 16 bytes came */
    uint8_t bytes[16];
    enum fail fail; /* why no body came, else FAIL_NONE */
    int status;     /* of HTTP */
    size_t len;     /* of the body */
};

/* Whether that is a key by which a whole resource can be decrypted here: METHOD=AES-128, and a
 * file to be fetched. NULL is none. */
bool lint_key_is_plain(const struct m3u8_key *key);

/* Fetches the key unless `held` is of it. Returns whether this was a new request, whose outcome
 * is in `held`. */
bool lint_key_get(struct lint_web *web, const struct m3u8 *playlist, const struct m3u8_key *key,
                  struct lint_key *held);

/* Decrypts a body in place. Returns false, with the body spoiled, when it is not a whole number
 * of blocks or does not end in the padding of PKCS7. */
bool lint_decrypt(const struct lint_key *held, uint64_t sequence, struct lint_body *body);

#endif
