/* What the files of the native engine share; nobody else includes it. */
#ifndef ENGINE_NATIVE_NATIVE_INTERNAL_H
#define ENGINE_NATIVE_NATIVE_INTERNAL_H

#include "base/pool.h"
#include "engine/native/native.h"
#include "engine/native/playlists.h"
#include "engine/native/viewer.h"

struct native {
    struct engine_setup setup;
    const struct native_options *options; /* borrowed */
    struct net_options net;               /* the options with this worker's sizes */
    struct net_worker *worker;            /* owned */
    struct playlists playlists;
    struct pool fetches;    /* struct viewer_fetch */
    unsigned char *viewers; /* owned, `count` of `stride` bytes, untouched until used */
    size_t stride, viewers_bytes;
    uint32_t count;
    uint32_t opened;                           /* viewers [0, opened) have been initialised */
    uint32_t account_at;                       /* the next viewer whose time is counted */
    struct player_event events[PLAYER_EVENTS]; /* shared by all players, see player_init */
};

static inline struct viewer *native_viewer(struct native *native, uint32_t index)
{
    return (struct viewer *)(void *)(native->viewers + (size_t)index * native->stride);
}

#endif
