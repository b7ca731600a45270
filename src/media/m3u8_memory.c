#include "media/m3u8_parser.h"

#include <stdlib.h>

void m3u8_stop(struct m3u8_parser *p, enum m3u8_status status)
{
    bool of_text = status == M3U8_INVALID || status == M3U8_NOT_PLAYLIST;
    if (p->check != NULL && of_text) {
        p->verdict = p->verdict == M3U8_OK ? status : p->verdict;
    } else if (p->status == M3U8_OK) {
        p->status = status;
    }
}

/* How many elements to make room for next. Segments are guessed from how much text the ones so
 * far have taken, so that a long playlist is copied once or twice and not twenty times. */
static uint64_t next_capacity(const struct m3u8_parser *p, enum m3u8_array_name name,
                              uint32_t count)
{
    size_t text = p->playlist->text.len;
    if (count == 0) {
        return name == M3U8_SEGMENTS ? (text < 1024 ? text / 64 : 16) + 4 : 4;
    }
    uint64_t doubled = (uint64_t)count * 2;
    if (name != M3U8_SEGMENTS || p->line_at == 0) {
        return doubled;
    }
    uint64_t guess = (uint64_t)((double)count / p->line_at * (double)text * 1.05) + 4;
    return guess > doubled ? guess : doubled;
}

static bool grow(struct m3u8_parser *p, enum m3u8_array_name name, size_t item_bytes)
{
    struct m3u8_array *array = &p->block->arrays[name];
    uint64_t capacity = next_capacity(p, name, array->count);
    size_t left = p->memory_limit - p->playlist->memory_bytes;
    uint64_t most = array->capacity + left / item_bytes;
    if (capacity > most) {
        capacity = most;
    }
    if (capacity <= array->capacity || capacity >= UINT32_MAX) {
        m3u8_stop(p, M3U8_TOO_LARGE);
        return false;
    }
    char *items = realloc(array->items, (size_t)capacity * item_bytes);
    if (items == NULL) {
        m3u8_stop(p, M3U8_NO_MEMORY);
        return false;
    }
    p->playlist->memory_bytes += (size_t)(capacity - array->capacity) * item_bytes;
    array->items = items;
    array->capacity = (uint32_t)capacity;
    return true;
}

void *m3u8_push(struct m3u8_parser *p, enum m3u8_array_name name, size_t item_bytes)
{
    struct m3u8_array *array = &p->block->arrays[name];
    if (p->status != M3U8_OK ||
        (array->count == array->capacity && !grow(p, name, item_bytes))) {
        return NULL;
    }
    char *item = array->items + (size_t)array->count * item_bytes;
    array->count++;
    memset(item, 0, item_bytes);
    return item;
}

char *m3u8_keep(struct m3u8_parser *p, size_t size)
{
    struct m3u8_chunk *chunk = p->block->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > 4096 ? size : 4096;
        size_t total = sizeof *chunk + room;
        if (total > p->memory_limit - p->playlist->memory_bytes) {
            m3u8_stop(p, M3U8_TOO_LARGE);
            return NULL;
        }
        chunk = malloc(total);
        if (chunk == NULL) {
            m3u8_stop(p, M3U8_NO_MEMORY);
            return NULL;
        }
        *chunk = (struct m3u8_chunk){.next = p->block->chunks, .size = room};
        p->block->chunks = chunk;
        p->playlist->memory_bytes += total;
    }
    char *bytes = chunk->bytes + chunk->used;
    chunk->used += size;
    return bytes;
}

static const void *settle(struct m3u8_parser *p, enum m3u8_array_name name, size_t item_bytes,
                          uint32_t *count)
{
    struct m3u8_array *array = &p->block->arrays[name];
    uint32_t spare = array->capacity - array->count;
    if (array->count > 0 && (size_t)spare * item_bytes > 4096 && spare > array->count / 8) {
        char *items = realloc(array->items, (size_t)array->count * item_bytes);
        if (items != NULL) {
            array->items = items;
            array->capacity = array->count;
            p->playlist->memory_bytes -= (size_t)spare * item_bytes;
        }
    }
    *count = array->count;
    return array->items;
}

void m3u8_settle_arrays(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
#define SETTLE(name, field, field_count) \
    (m->field = settle(p, name, sizeof m->field[0], &m->field_count))
    SETTLE(M3U8_SEGMENTS, segments, segment_count);
    SETTLE(M3U8_PARTS, parts, part_count);
    SETTLE(M3U8_MAPS, maps, map_count);
    SETTLE(M3U8_KEYS, keys, key_count);
    SETTLE(M3U8_REPORTS, reports, report_count);
    SETTLE(M3U8_DATERANGES, dateranges, daterange_count);
    SETTLE(M3U8_VARIANTS, variants, variant_count);
    SETTLE(M3U8_I_FRAME_VARIANTS, i_frame_variants, i_frame_variant_count);
    SETTLE(M3U8_RENDITIONS, renditions, rendition_count);
    SETTLE(M3U8_SESSION_DATA, session_data, session_data_count);
    SETTLE(M3U8_SESSION_KEYS, session_keys, session_key_count);
    SETTLE(M3U8_DEFINES, defines, define_count);
#undef SETTLE
}
