/* Playlists as texts: each is rendered, and packed, once for all clients until it changes.
 * Inside this folder only. One thread. */
#ifndef ORIGIN_SHARED_PLAYLIST_H
#define ORIGIN_SHARED_PLAYLIST_H

#include "origin/playlist.h"
#include "origin/server.h"
#include "origin/text.h"

/* A reference to the playlist as it is at request->now_us, without defects; NULL when memory is
 * spent. */
struct text *shared_playlist_get(struct origin *origin, const struct playlist_request *request,
                                 bool as_gzip);

/* A playlist of one's own, or NULL when memory is spent. */
struct text *shared_playlist_render(const struct playlist_request *request);

/* The text packed, or NULL when memory is spent; `plain` is not changed. */
struct text *shared_playlist_gzip(struct text *plain);

/* Forgets all. */
void shared_playlist_fini(struct origin *origin);

#endif
