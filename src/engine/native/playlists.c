#include "engine/native/playlists.h"

#include "base/rng.h"

#include <string.h>

static uint64_t hash_span(uint64_t hash, struct span span)
{
    size_t i = 0;
    for (; i + 8 <= span.len; i += 8) {
        uint64_t word;
        memcpy(&word, span.ptr + i, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    uint64_t rest = span.len;
    for (; i < span.len; i++) {
        rest = rest << 8 | (unsigned char)span.ptr[i];
    }
    return rng_mix(hash ^ rest);
}

static bool is_same(const struct m3u8 *playlist, const struct m3u8_source *source)
{
    return span_equal(playlist->text, source->text) && span_equal(playlist->url, source->url);
}

static void drop(struct playlists *playlists, struct playlists_entry *entry)
{
    if (entry->playlist != NULL) {
        playlists->memory_bytes -= entry->playlist->memory_bytes;
        m3u8_unref(entry->playlist);
        *entry = (struct playlists_entry){0};
    }
}

static void drop_all(struct playlists *playlists)
{
    for (unsigned set = 0; set < PLAYLISTS_SETS; set++) {
        for (unsigned way = 0; way < PLAYLISTS_WAYS; way++) {
            drop(playlists, &playlists->entries[set][way]);
        }
    }
}

void playlists_fini(struct playlists *playlists)
{
    drop_all(playlists);
}

static void keep(struct playlists *playlists, uint64_t hash, struct m3u8 *playlist)
{
    /* What a playlist means may depend on the variables of the one that led to it, so one that
     * uses variables is not shared. */
    if (playlist->define_count > 0 || playlist->memory_bytes > PLAYLISTS_MEMORY_BYTES) {
        return;
    }
    if (playlists->memory_bytes + playlist->memory_bytes > PLAYLISTS_MEMORY_BYTES) {
        drop_all(playlists);
    }
    struct playlists_entry *set = playlists->entries[hash % PLAYLISTS_SETS];
    struct playlists_entry *oldest = &set[0];
    for (unsigned way = 1; way < PLAYLISTS_WAYS; way++) {
        if (set[way].used < oldest->used) {
            oldest = &set[way];
        }
    }
    drop(playlists, oldest);
    *oldest = (struct playlists_entry){
        .playlist = m3u8_ref(playlist),
        .hash = hash,
        .used = playlists->lookups,
    };
    playlists->memory_bytes += playlist->memory_bytes;
}

enum m3u8_status playlists_get(struct playlists *playlists, const struct m3u8_source *source,
                               struct m3u8 **out)
{
    uint64_t hash = hash_span(hash_span(0, source->url), source->text);
    struct playlists_entry *set = playlists->entries[hash % PLAYLISTS_SETS];
    playlists->lookups++;
    for (unsigned way = 0; way < PLAYLISTS_WAYS; way++) {
        struct playlists_entry *entry = &set[way];
        if (entry->playlist != NULL && entry->hash == hash &&
            is_same(entry->playlist, source)) {
            entry->used = playlists->lookups;
            *out = m3u8_ref(entry->playlist);
            return M3U8_OK;
        }
    }
    if (playlists->limit_bytes > 0 && playlists->held_bytes >= playlists->limit_bytes) {
        drop_all(playlists);
        if (playlists->held_bytes >= playlists->limit_bytes) {
            return M3U8_NO_MEMORY;
        }
    }
    playlists->parses++;
    struct m3u8_source bounded = *source;
    bounded.limit_memory_bytes = PLAYLISTS_MEMORY_BYTES;
    bounded.held_bytes = &playlists->held_bytes;
    enum m3u8_status status = m3u8_parse(&bounded, out);
    if (status == M3U8_OK) {
        keep(playlists, hash, *out);
    }
    return status;
}
