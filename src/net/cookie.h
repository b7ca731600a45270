/* The cookies of one viewer (RFC 6265): kept by domain and path, sent where they match. No list
 * of public suffixes is consulted; a Domain of one label is refused unless it is the host.
 * Bounded in number and bytes. Pure but for malloc: time is told, in microseconds of the wall
 * clock, since Expires is a date. One thread. */
#ifndef NET_COOKIE_H
#define NET_COOKIE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct cookie_jar;

enum {
    /* RFC 6265 section 6.1 asks for 50 a domain and 4096 bytes each at least. */
    COOKIES_MAX = 64,
    COOKIE_BYTES_MAX = 4096,      /* name, value, domain and path together */
    COOKIE_JAR_BYTES_MAX = 32768, /* likewise, of all together */
};

/* Where a response came from or a request goes to. */
struct cookie_place {
    struct span host; /* lower case, without brackets or port */
    struct span path; /* of the URL; what follows '?' is not looked at */
    bool secure;      /* https */
    bool host_is_address;
};

/* Takes the value of a Set-Cookie field in: adds, replaces or removes a cookie. *jar is made
 * when it is NULL and there is something to keep. Returns how many cookies were dropped for
 * lack of room, old ones or the new one; malformed or foreign ones are ignored as the RFC says.
 */
uint32_t cookie_jar_set(struct cookie_jar **jar, struct span value,
                        const struct cookie_place *place, int64_t wall_us);

/* The value of the Cookie field for a request, empty when no cookie matches. Valid until the
 * next call with this jar. */
struct span cookie_jar_header(struct cookie_jar *jar, const struct cookie_place *place,
                              int64_t wall_us);

/* Bytes held. */
uint64_t cookie_jar_bytes(const struct cookie_jar *jar);

/* NULL is a no-op. */
void cookie_jar_free(struct cookie_jar *jar);

/* The parts of a Set-Cookie value (section 5.2). */
struct cookie_parsed {
    struct span name, value;
    struct span domain; /* without a leading dot; empty: the host only */
    struct span path;   /* empty: the default path */
    bool has_expiry;
    int64_t expires_us; /* wall clock; in the past: remove it */
    bool secure;
};

/* Returns false when the value is to be ignored. Spans point into `value`. */
bool cookie_parse(struct span value, int64_t wall_us, struct cookie_parsed *out);

/* A cookie date in any of the forms of section 5.1.1. Returns false when it is none. */
bool cookie_date_parse(struct span text, int64_t *ret_wall_us);

#endif
