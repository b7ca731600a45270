/* URLs by RFC 3986: taken apart into spans, resolved against a base, normalised. It fetches
 * nothing and knows no HLS. Nothing is allocated; results go into the caller's memory.
 *
 * Bytes below 0x20 and 0x7f are refused everywhere, since they could smuggle a header line into
 * a request. Other bytes that RFC 3986 does not allow (a stray space, non-ASCII text, quotes)
 * are accepted and percent-encoded by url_resolve, as players do. Pure functions, any thread.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No URL longer than this is parsed or made, in bytes. A buffer of URL_MAX bytes holds every
 * result; results are spans and carry no NUL. */
#define URL_MAX 8192

/* A URI reference in pieces (RFC 3986 sections 3 and 4.1). All spans point into the text that
 * was parsed and are valid as long as it is. */
struct url {
    struct span text;   /* the whole reference */
    struct span scheme; /* "http", in the case it was written; empty in a relative reference */
    struct span userinfo;    /* what stands before '@'; empty when absent */
    struct span host;        /* without the brackets of an IPv6 literal; case as written */
    struct span authority;   /* userinfo, host and port as written; empty when absent */
    struct span path;        /* may be empty */
    struct span query;       /* without '?'; see has_query */
    struct span fragment;    /* without '#'; see has_fragment */
    uint16_t port;           /* as written, or 0 when absent */
    bool has_authority;      /* "//" was there, even if nothing follows it */
    bool has_query;          /* '?' was there */
    bool has_fragment;       /* '#' was there */
    bool host_is_ip_literal; /* the host stood in brackets */
};

/* Takes a URI reference apart. Returns 0, or -1 with *out untouched when it is longer than
 * URL_MAX, has a control byte, a broken IPv6 literal, or a port that is not 1 to 65535 (an
 * empty port counts as absent). An empty text is a valid reference. */
int url_parse(struct span text, struct url *out);

/* As url_parse, but only for what can be fetched: scheme http or https, a host that is not
 * empty, no longer than a name can be, and holds no bytes that no host has. */
int url_parse_http(struct span text, struct url *out);

static inline bool url_is_absolute(const struct url *url)
{
    return url->scheme.len > 0;
}

bool url_is_http(const struct url *url);  /* scheme "http", whatever its case */
bool url_is_https(const struct url *url); /* scheme "https", whatever its case */

/* The port to connect to: as written, else 80 or 443 by scheme, else 0. */
uint16_t url_port(const struct url *url);

/* Path and query as one span, for a request line. Empty when both are empty, and starting with
 * '?' when only the path is: the caller then writes "/" first (RFC 9112 section 3.2.1). */
struct span url_target(const struct url *url);

/* The value of the first query parameter of that name, still percent-encoded, as
 * name=value pairs joined by '&'. Returns false when there is none; a parameter without '='
 * yields a value of length 0. */
bool url_query_find(const struct url *url, struct span name, struct span *out);

/* Undoes percent-encoding into dst; a '%' that starts no valid code stays as it is.
 * Returns the length, or -1 when it does not fit in size bytes. */
int url_percent_decode(struct span text, char *dst, size_t size);

/* Resolves a reference against an absolute base (RFC 3986 section 5.2, strict; dot segments
 * removed) and writes the target, fragment included, into dst. Bytes that a URL cannot hold
 * are percent-encoded. *out is a span in dst. Returns 0, or -1 with *out untouched when the
 * reference cannot be parsed, base has no scheme and reference has none either, the result
 * would be ambiguous (a path "//" without authority), or it
 * does not fit in size bytes or URL_MAX. dst must not overlap base or reference. */
int url_resolve(const struct url *base, struct span reference, char *dst, size_t size,
                struct span *out);

/* Writes the normal form of an absolute URL (RFC 3986 section 6.2.2 and 6.2.3: case of scheme,
 * host and percent codes, unreserved characters decoded, dot segments removed, default port and
 * fragment dropped, empty path of http made "/"), so that equal forms name one resource.
 * Results as url_resolve. */
int url_normalise(const struct url *url, char *dst, size_t size, struct span *out);

#endif
