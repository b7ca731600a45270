/* What the caches on the way say of a response, read from the fields that CDNs and proxies add.
 * None of them is a standard that servers agree on (RFC 9211 came late and is rarely sent), so
 * this reads what is seen in the wild. Pure. */
#ifndef NET_CACHE_STATUS_H
#define NET_CACHE_STATUS_H

#include "base/span.h"

#include <stdint.h>

enum cache_status {
    CACHE_STATUS_SILENT, /* nothing was said, or nothing that is understood */
    CACHE_STATUS_HIT,    /* the cache nearest to us answered from what it held */
    CACHE_STATUS_MISS,   /* it asked further on */
};

/* The verdict of the first of these that says one:
 *
 * CF-Cache-Status, one word. Cloudflare lets an X-Cache of what lies behind it pass, so its own
 * field is the nearer one. HIT, STALE, UPDATING and REVALIDATED are hits: the body came from
 * the cache. MISS, EXPIRED, BYPASS and DYNAMIC are misses.
 *
 * X-Cache, a list. Every cache appends its own verdict (Fastly and Varnish: shield first, edge
 * last), so the last item is the one that the client met, and the others are not looked at. In
 * an item the first word counts ("Hit from cloudfront", "TCP_HIT from a23-1-2-3"), or else the
 * last ("cp3066 hit/4"): those above and whatever ends in HIT or MISS, without regard to case.
 *
 * Age above 0: the response has lain somewhere (RFC 9111 section 5.1). 0 says nothing: caches
 * send it with hits and misses.
 *
 * Empty spans and a negative age stand for absent fields. */
enum cache_status cache_status_of(struct span cf_cache_status, struct span x_cache,
                                  int64_t age_s);

#endif
