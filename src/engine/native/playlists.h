/* Parsed playlists of one worker, shared: ten thousand viewers of a live stream fetch the same
 * text, and a worker parses it once. The fetches stay real; the parsing does not repeat.
 *
 * A playlist is shared when text, URL and the multivariant playlist that led to it are the
 * same. The newest few hundred are kept, within a bound of memory. One thread. */
#ifndef ENGINE_NATIVE_PLAYLISTS_H
#define ENGINE_NATIVE_PLAYLISTS_H

#include "base/span.h"
#include "media/m3u8.h"

#include <stdint.h>

enum {
    PLAYLISTS_SETS = 64, /* power of two */
    PLAYLISTS_WAYS = 4,
};

/* No more than this is kept for sharing, and no playlist takes more. */
#define PLAYLISTS_MEMORY_BYTES ((size_t)64 << 20)

struct playlists_entry {
    struct m3u8 *playlist; /* one reference is the cache's; NULL: free */
    uint64_t hash;
    uint64_t used; /* by the count of look-ups, for the choice of what goes */
};

struct playlists {
    struct playlists_entry entries[PLAYLISTS_SETS][PLAYLISTS_WAYS];
    uint64_t lookups;
    uint64_t parses;     /* look-ups that found nothing */
    size_t memory_bytes; /* of what is kept */
    size_t held_bytes;   /* of all that live, kept or with viewers alone */
    size_t limit_bytes;  /* of held_bytes, but for the last one parsed; 0: none */
};

/* Zeroed memory is an empty cache. It must outlive the references that it gave. */

/* Lets go of every playlist. */
void playlists_fini(struct playlists *playlists);

/* The playlist of that source, from the cache or parsed; on M3U8_OK the reference in *out is
 * the caller's. `source->report` must be NULL; its bound of memory is replaced by ours.
 * M3U8_NO_MEMORY also when limit_bytes are held. */
enum m3u8_status playlists_get(struct playlists *playlists, const struct m3u8_source *source,
                               struct m3u8 **out);

#endif
