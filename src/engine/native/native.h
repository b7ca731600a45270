/* The native engine: our player over our transport, ten thousand viewers in a process. */
#ifndef ENGINE_NATIVE_NATIVE_H
#define ENGINE_NATIVE_NATIVE_H

#include "engine/engine.h"
#include "net/net.h"
#include "player/player.h"

#include <stddef.h>
#include <stdint.h>

/* No playlist larger than this is accepted from a server: a day of any real stream is far below
 * it. Ten thousand hostile bodies at once are bounded by held_limit_bytes. */
#define NATIVE_PLAYLIST_LIMIT_BYTES ((uint64_t)16 << 20)
#define NATIVE_INIT_LIMIT_BYTES     ((uint64_t)4 << 20)
#define NATIVE_KEY_LIMIT_BYTES      ((uint64_t)4096)

/* The options behind engine_setup.options, the same for all workers, borrowed until close. */
struct native_options {
    struct player_config player;
    struct net_options net;   /* the sizes of the pools are set by the engine */
    uint32_t renditions;      /* player_renditions_needed of the stream */
    uint64_t viewer_rate_bps; /* what a viewer's line carries; 0: unbounded */
    uint64_t
        held_limit_bytes;  /* of bodies, and of parsed playlists, that all viewers hold at one
                            * time; what goes beyond fails as MEMORY_SPENT. 0: unbounded */
    uint32_t viewers_told; /* so many are counted one by one, METRIC_VIEWERS_TOLD_MAX at most */
};

extern const struct engine_type engine_native;

/* What one viewer of ours costs at rest, its connections apart. */
size_t native_bytes_per_viewer(const struct native_options *options);

#endif
