/* One viewer: a player told of what a net_client fetched. This is where the pure state machine
 * and the transport meet; it decides nothing by itself. The worker's thread. */
#ifndef ENGINE_NATIVE_VIEWER_H
#define ENGINE_NATIVE_VIEWER_H

#include "engine/engine.h"
#include "loop/loop.h"
#include "net/client.h"
#include "net/fetch.h"
#include "player/player.h"

#include <stdbool.h>
#include <stdint.h>

struct native;

/* One request of a viewer under way; from the engine's pool, only as long as it is. */
struct viewer_fetch {
    struct fetch fetch;
    struct list node;                /* in viewer.fetches */
    struct viewer *viewer;           /* borrowed */
    const struct m3u8 *multivariant; /* as in player_action, borrowed */
    uint32_t token, variant;
    uint8_t resource; /* enum player_resource */
    bool encrypted;   /* its bytes look like noise and cannot be checked */
};

struct viewer {
    struct native *native; /* borrowed */
    struct player player;
    struct net_client client;
    struct loop_timer wake; /* when the player wants to be asked again */
    struct loop_task over;  /* ends the session outside of the call that ended it */
    struct list fetches;    /* struct viewer_fetch */
    uint32_t number;
    bool active; /* a session is going on */
    bool played; /* playback has begun in it */
    enum engine_outcome outcome;
    struct player_rendition renditions[]; /* native.options->renditions of them */
};

_Static_assert(sizeof(struct viewer) + 2 * sizeof(struct player_rendition) <= 2048,
               "memory per viewer is a budget");

/* Makes an idle viewer of zeroed memory. */
void viewer_init(struct viewer *viewer, struct native *native, uint32_t number);

/* Begins a session; see engine_type.viewer_start. */
int viewer_start(struct viewer *viewer, const struct player_session *session);

/* See engine_type.viewer_leave. */
void viewer_leave(struct viewer *viewer);

/* Cancels what is in flight and ends the session; the listener is told at once. */
void viewer_abort(struct viewer *viewer);

/* Counts the time that has passed for the viewer. */
void viewer_account(struct viewer *viewer, int64_t now_us);

#endif
