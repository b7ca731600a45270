#include "origin/shared_playlist.h"

#include <zlib.h>

#define PLAYLIST_LIMIT (16u << 20)

/* Places in origin->playlists[i]: the multivariant playlist, the variants', the sound's. */
#define PLAYLIST_PLACES (STREAM_VARIANTS_MAX + 2)

struct text *shared_playlist_gzip(struct text *plain)
{
    z_stream z = {0};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        return NULL;
    }
    size_t bound = deflateBound(&z, plain->len);
    struct text *packed = malloc(sizeof *packed + bound);
    if (packed != NULL) {
        z.next_in = (unsigned char *)plain->bytes;
        z.avail_in = (uInt)plain->len;
        z.next_out = (unsigned char *)packed->bytes;
        z.avail_out = (uInt)bound;
        int result = deflate(&z, Z_FINISH);
        packed->len = bound - z.avail_out;
        packed->references = 1;
        if (result != Z_STREAM_END) {
            free(packed);
            packed = NULL;
        }
    }
    deflateEnd(&z);
    return packed;
}

struct text *shared_playlist_render(const struct playlist_request *request)
{
    struct buf buf;
    buf_init(&buf, PLAYLIST_LIMIT);
    struct text *text = NULL;
    if (playlist_render(request, &buf) == 0) {
        text = text_new(buf.ptr, buf.len);
    }
    buf_release(&buf);
    return text;
}

static void forget(struct server_playlist *playlist)
{
    text_release(playlist->plain);
    text_release(playlist->gzip);
    playlist->plain = NULL;
    playlist->gzip = NULL;
}

void shared_playlist_fini(struct origin *origin)
{
    for (unsigned i = 0; i < origin->stream_count; i++) {
        for (unsigned place = 0; origin->playlists[i] != NULL && place < PLAYLIST_PLACES;
             place++) {
            forget(&origin->playlists[i][place]);
        }
        free(origin->playlists[i]);
        origin->playlists[i] = NULL;
    }
}

static struct server_playlist *playlist_place(struct origin *origin,
                                              const struct stream_target *target)
{
    unsigned i = 0;
    while (origin->streams[i] != target->stream) {
        i++;
    }
    if (origin->playlists[i] == NULL) {
        origin->playlists[i] = calloc(PLAYLIST_PLACES, sizeof *origin->playlists[i]);
        if (origin->playlists[i] == NULL) {
            return NULL;
        }
    }
    size_t place = 0;
    if (target->rendition == &target->stream->audio) {
        place = PLAYLIST_PLACES - 1;
    } else if (target->rendition != NULL) {
        place = 1 + (size_t)(target->rendition - target->stream->video);
    }
    return &origin->playlists[i][place];
}

struct text *shared_playlist_get(struct origin *origin, const struct playlist_request *request,
                                 bool as_gzip)
{
    struct server_playlist *playlist = playlist_place(origin, &request->target);
    if (playlist == NULL) {
        return NULL;
    }
    if (playlist->plain == NULL || request->now_us >= playlist->valid_until_us) {
        forget(playlist);
        struct text *plain = shared_playlist_render(request);
        int64_t until_us = request->target.rendition == NULL
                               ? INT64_MAX
                               : stream_next_change_us(request->target.stream, request->now_us);
        playlist->plain = plain;
        playlist->gzip = NULL;
        playlist->valid_until_us = until_us;
    }
    if (playlist->plain == NULL) {
        return NULL;
    }
    if (as_gzip && playlist->gzip == NULL) {
        playlist->gzip = shared_playlist_gzip(playlist->plain);
    }
    struct text *text = as_gzip ? playlist->gzip : playlist->plain;
    return text != NULL ? text_share(text) : NULL;
}
