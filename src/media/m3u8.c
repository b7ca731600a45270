#include "media/m3u8.h"

#include "media/m3u8_checker.h"
#include "media/m3u8_parser.h"
#include "media/m3u8_text.h"

#include <stdlib.h>

#define STRLEN(literal) (sizeof(literal) - 1)

const struct m3u8_tag_info m3u8_tag_table[M3U8_TAG_COUNT] = {
#define X(symbol, name, where, value, once) \
    [M3U8_TAG_##symbol] = {name, STRLEN(name), M3U8_IN_##where, M3U8_VALUE_##value, once},
#include "media/m3u8_tags.def"
#undef X
};

static enum m3u8_tag find_tag(struct span name)
{
    for (unsigned i = 0; i < M3U8_TAG_COUNT; i++) {
        if (m3u8_tag_table[i].len == name.len &&
            memcmp(m3u8_tag_table[i].name, name.ptr, name.len) == 0) {
            return (enum m3u8_tag)i;
        }
    }
    return M3U8_TAG_COUNT;
}

static void apply_start(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    struct m3u8_attrs attrs;
    int64_t offset_us;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || (m->flags & M3U8_HAS_START) != 0 ||
        m3u8_read_seconds(m3u8_attrs_get(&attrs, AT_START_TIME_OFFSET), &offset_us) == 0) {
        m->ignored_tags++;
        return;
    }
    m->start_offset_us = offset_us;
    m->flags |= M3U8_HAS_START;
    if (span_equal(m3u8_attrs_get(&attrs, AT_START_PRECISE), SPAN("YES"))) {
        m->flags |= M3U8_START_PRECISE;
    }
}

static void apply_common_tag(struct m3u8_parser *p)
{
    uint64_t version;
    switch (p->tag) {
    case M3U8_TAG_VERSION:
        if (span_to_u64(span_trim(p->tag_value), &version)) {
            p->playlist->version = version;
        } else {
            p->playlist->ignored_tags++;
        }
        break;
    case M3U8_TAG_INDEPENDENT_SEGMENTS:
        p->playlist->flags |= M3U8_INDEPENDENT_SEGMENTS;
        break;
    case M3U8_TAG_START:
        apply_start(p);
        break;
    case M3U8_TAG_DEFINE:
        m3u8_apply_define(p);
        break;
    default:
        break; /* EXTM3U says nothing more. */
    }
}

static void note_kind(struct m3u8_parser *p, const struct m3u8_tag_info *info)
{
    if (info->where == M3U8_IN_MULTIVARIANT && p->seen_multivariant == 0) {
        p->seen_multivariant = p->line;
    }
    if (info->where == M3U8_IN_MEDIA && p->seen_media == 0) {
        p->seen_media = p->line;
    }
    p->decisive_media = p->decisive_media || p->tag == M3U8_TAG_EXTINF ||
                        p->tag == M3U8_TAG_TARGETDURATION || p->tag == M3U8_TAG_PART;
}

static void read_tag(struct m3u8_parser *p, struct span line)
{
    struct span name = span_skip(line, 1);
    size_t colon = span_find(name, ':');
    p->tag_has_colon = colon < name.len;
    p->tag_value = span_skip(name, colon + 1);
    name.len = colon;
    p->tag = find_tag(name);
    if (p->tag == M3U8_TAG_COUNT) {
        p->tag = find_tag(span_trim(name));
    }
    if (p->tag == M3U8_TAG_COUNT) {
        p->playlist->unknown_tags++;
        if (p->check != NULL) {
            m3u8_check_unknown_tag(p, name);
        }
        return;
    }
    const struct m3u8_tag_info *info = &m3u8_tag_table[p->tag];
    note_kind(p, info);
    if (p->check != NULL) {
        m3u8_check_tag(p);
    }
    if (info->where == M3U8_IN_MEDIA) {
        m3u8_apply_media_tag(p);
    } else if (info->where == M3U8_IN_MULTIVARIANT) {
        m3u8_apply_multivariant_tag(p);
    } else {
        apply_common_tag(p);
    }
    p->seen_tags |= UINT64_C(1) << p->tag;
}

static void read_uri(struct m3u8_parser *p, struct span line)
{
    p->tag = M3U8_TAG_COUNT;
    struct span uri = m3u8_may_refer(line) ? m3u8_substitute(p, line) : line;
    if (p->check != NULL) {
        m3u8_check_uri_line(p, uri);
    }
    if (p->skip_uri) {
        p->skip_uri = false;
    } else if (p->has_variant) {
        m3u8_apply_variant_uri(p, uri);
    } else {
        m3u8_apply_segment_uri(p, uri);
    }
}

static struct span trim_line(struct span line)
{
    while (line.len > 0 && (unsigned char)line.ptr[line.len - 1] <= ' ') {
        line.len--;
    }
    while (line.len > 0 && (unsigned char)line.ptr[0] <= ' ') {
        line.ptr++;
        line.len--;
    }
    return line;
}

static void read_line(struct m3u8_parser *p, struct span raw)
{
    struct span line = trim_line(raw);
    if (p->check != NULL) {
        m3u8_check_line(p, raw);
    }
    if (line.len == 0) {
        return;
    }
    bool comment = line.ptr[0] == '#' && !span_starts_with(line, SPAN("#EXT"));
    if (!p->has_extm3u && !comment) {
        p->has_extm3u = span_starts_with(line, SPAN("#EXTM3U"));
        if (!p->has_extm3u) {
            m3u8_stop(p, M3U8_NOT_PLAYLIST);
        }
    }
    if (p->after_segment_at == UINT32_MAX) {
        p->after_segment_at = p->line_at;
    }
    if (line.ptr[0] != '#') {
        read_uri(p, line);
    } else if (!comment) {
        read_tag(p, line);
    }
}

bool m3u8_has_cr_lines(struct span text)
{
    size_t at = span_find(text, '\r');
    return at + 1 < text.len && text.ptr[at + 1] != '\n';
}

size_t m3u8_line_end(struct span text, bool cr_lines, size_t at, size_t *next)
{
    size_t end = at;
    if (!cr_lines) {
        const char *newline = memchr(text.ptr + at, '\n', text.len - at);
        end = newline == NULL ? text.len : (size_t)(newline - text.ptr);
        *next = end + 1;
        return end;
    }
    while (end < text.len && text.ptr[end] != '\n' && text.ptr[end] != '\r') {
        end++;
    }
    bool both = end + 1 < text.len && text.ptr[end] == '\r' && text.ptr[end + 1] == '\n';
    *next = end + (both ? 2 : 1);
    return end;
}

static void read_lines(struct m3u8_parser *p)
{
    struct span text = p->playlist->text;
    size_t at = 0;
    /* Browsers' decoders drop a byte order mark before the parser sees it. */
    if (span_starts_with(text, SPAN("\xef\xbb\xbf"))) {
        at = 3;
    }
    p->cr_lines = m3u8_has_cr_lines(text);
    if (p->check != NULL) {
        m3u8_check_start(p);
    }
    while (at < text.len && p->status == M3U8_OK) {
        size_t next, end = m3u8_line_end(text, p->cr_lines, at, &next);
        p->line++;
        p->line_at = (uint32_t)at;
        p->line_end = (uint32_t)end;
        read_line(p, span_of(text.ptr + at, end - at));
        at = next;
    }
    p->playlist->lines = p->line;
    if (!p->has_extm3u) {
        m3u8_stop(p, M3U8_NOT_PLAYLIST);
    }
}

static void drop_segments(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    m->ignored_uris += p->block->arrays[M3U8_SEGMENTS].count;
    p->block->arrays[M3U8_SEGMENTS].count = 0;
    m->total_duration_us = 0;
    m->longest_duration_us = 0;
}

/* Section 4.1 wants one kind of tags only. Of a mixture players take what has segments for a
 * media playlist, and so is it here, unless nothing but segments would be lost. */
static void decide_kind(struct m3u8_parser *p)
{
    struct m3u8 *m = p->playlist;
    bool has_variants = p->block->arrays[M3U8_VARIANTS].count > 0;
    bool has_segments = p->block->arrays[M3U8_SEGMENTS].count > 0;
    if (p->seen_media != 0 && p->seen_multivariant != 0) {
        m->flags |= M3U8_MIXED;
    }
    bool media = p->decisive_media ? has_segments || !has_variants
                                   : p->seen_media != 0 && p->seen_multivariant == 0;
    m->kind = media ? M3U8_MEDIA : M3U8_MULTIVARIANT;
    if (media && p->import_failed) {
        m3u8_stop(p, M3U8_INVALID);
    }
    if (media) {
        m3u8_finish_media(p);
    } else {
        drop_segments(p);
    }
}

static struct m3u8_block *new_block(const struct m3u8_source *source)
{
    struct m3u8_block *block = malloc(sizeof *block + source->url.len + source->text.len);
    if (block == NULL) {
        return NULL;
    }
    memset(block, 0, sizeof *block);
    struct m3u8 *m = &block->playlist;
    if (source->url.len > 0) {
        memcpy(block->bytes, source->url.ptr, source->url.len);
    }
    if (source->text.len > 0) {
        memcpy(block->bytes + source->url.len, source->text.ptr, source->text.len);
    }
    m->url = span_of(block->bytes, source->url.len);
    m->text = span_of(block->bytes + source->url.len, source->text.len);
    m->memory_bytes = sizeof *block + source->url.len + source->text.len;
    m->version = 1;
    m->references = 1;
    /* A URL that cannot be taken apart leaves an empty base: nothing relative resolves. */
    if (url_parse(m->url, &m->base) != 0) {
        m->base = (struct url){0};
    }
    return block;
}

static enum m3u8_status check_limits(const struct m3u8_source *source, size_t memory_limit)
{
    size_t text_limit =
        source->limit_text_bytes != 0 ? source->limit_text_bytes : M3U8_LIMIT_TEXT_BYTES;
    if (source->text.len > text_limit || source->text.len >= UINT32_MAX / 2 ||
        source->url.len > URL_MAX ||
        source->text.len + source->url.len + sizeof(struct m3u8_block) > memory_limit) {
        return M3U8_TOO_LARGE;
    }
    return M3U8_OK;
}

enum m3u8_status m3u8_parse(const struct m3u8_source *source, struct m3u8 **out)
{
    size_t memory_limit =
        source->limit_memory_bytes != 0 ? source->limit_memory_bytes : M3U8_LIMIT_MEMORY_BYTES;
    enum m3u8_status status = check_limits(source, memory_limit);
    if (status != M3U8_OK) {
        return status;
    }
    struct m3u8_block *block = new_block(source);
    if (block == NULL) {
        return M3U8_NO_MEMORY;
    }
    struct m3u8_parser p = {
        .block = block,
        .playlist = &block->playlist,
        .source = source,
        .memory_limit = memory_limit,
        .map = M3U8_NONE,
        .next_date_us = M3U8_NO_DATE,
        .pending = {.date_us = M3U8_NO_DATE},
    };
    struct m3u8_checker check = {.target_from = UINT32_MAX};
    p.check = source->report != NULL ? &check : NULL;
    read_lines(&p);
    if (p.status == M3U8_OK) {
        decide_kind(&p);
    }
    if (p.status == M3U8_OK && p.check != NULL) {
        m3u8_check_end(&p);
    }
    free(p.daterange_ids.slots);
    m3u8_settle_arrays(&p);
    status = p.status != M3U8_OK ? p.status : p.verdict;
    if (status != M3U8_OK) {
        m3u8_unref(&block->playlist);
        return status;
    }
    if (source->held_bytes != NULL) {
        block->playlist.held_bytes = source->held_bytes;
        *source->held_bytes += block->playlist.memory_bytes;
    }
    *out = &block->playlist;
    return M3U8_OK;
}

const char *m3u8_status_name(enum m3u8_status status)
{
    static const char *const names[] = {
        [M3U8_OK] = "ok",
        [M3U8_NOT_PLAYLIST] = "not a playlist",
        [M3U8_INVALID] = "undefined variable",
        [M3U8_TOO_LARGE] = "too large",
        [M3U8_NO_MEMORY] = "out of memory",
    };
    return names[status];
}

struct m3u8 *m3u8_ref(struct m3u8 *playlist)
{
    playlist->references++;
    return playlist;
}

void m3u8_unref(struct m3u8 *playlist)
{
    if (playlist == NULL || --playlist->references > 0) {
        return;
    }
    if (playlist->held_bytes != NULL) {
        *playlist->held_bytes -= playlist->memory_bytes;
    }
    struct m3u8_block *block = (struct m3u8_block *)(void *)playlist;
    for (unsigned i = 0; i < M3U8_ARRAY_COUNT; i++) {
        free(block->arrays[i].items);
    }
    while (block->chunks != NULL) {
        struct m3u8_chunk *chunk = block->chunks;
        block->chunks = chunk->next;
        free(chunk);
    }
    free(block);
}

int m3u8_resolve(const struct m3u8 *playlist, struct span uri, char *dst, size_t size,
                 struct span *out)
{
    return url_resolve(&playlist->base, uri, dst, size, out);
}

struct span m3u8_segment_title(const struct m3u8 *playlist, const struct m3u8_segment *segment)
{
    return span_of(playlist->text.ptr + segment->title_at, segment->title_len);
}

const struct m3u8_segment *m3u8_segment_by_sequence(const struct m3u8 *playlist,
                                                    uint64_t sequence)
{
    if (playlist->segment_count == 0 || sequence < playlist->segments[0].sequence ||
        sequence - playlist->segments[0].sequence >= playlist->segment_count) {
        return NULL;
    }
    return &playlist->segments[sequence - playlist->segments[0].sequence];
}

const struct m3u8_segment *m3u8_segment_by_time(const struct m3u8 *playlist, int64_t start_us)
{
    uint32_t low = 0, high = playlist->segment_count;
    if (high == 0) {
        return NULL;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (playlist->segments[middle].start_us <= start_us) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &playlist->segments[low];
}

const struct m3u8_key *m3u8_identity_key(const struct m3u8 *playlist, uint32_t key_first,
                                         uint32_t key_count)
{
    for (uint32_t i = 0; i < key_count; i++) {
        const struct m3u8_key *key = &playlist->keys[key_first + i];
        if (key->format == M3U8_KEY_IDENTITY && key->method != M3U8_METHOD_NONE &&
            key->method != M3U8_METHOD_UNKNOWN && key->uri.len > 0) {
            return key;
        }
    }
    return NULL;
}

void m3u8_key_iv(const struct m3u8_key *key, uint64_t sequence, uint8_t out[16])
{
    if (key->has_iv) {
        memcpy(out, key->iv, 16);
        return;
    }
    memset(out, 0, 8);
    for (unsigned i = 0; i < 8; i++) {
        out[15 - i] = (uint8_t)(sequence >> (8 * i));
    }
}

uint32_t m3u8_rendition_pick(const struct m3u8 *playlist, enum m3u8_rendition_type type,
                             struct span group_id)
{
    uint32_t best = M3U8_NONE;
    int best_rank = 0;
    for (uint32_t i = 0; i < playlist->rendition_count; i++) {
        const struct m3u8_rendition *r = &playlist->renditions[i];
        int rank = r->is_default ? 3 : r->autoselect ? 2 : 1;
        if (r->type == type && rank > best_rank && span_equal(r->group_id, group_id)) {
            best = i;
            best_rank = rank;
        }
    }
    return best;
}

int64_t m3u8_hold_back_us(const struct m3u8 *playlist, bool low_latency)
{
    return low_latency && playlist->part_hold_back_us > 0 ? playlist->part_hold_back_us
                                                          : playlist->hold_back_us;
}

bool m3u8_is_final(const struct m3u8 *playlist)
{
    return (playlist->flags & M3U8_ENDLIST) != 0 || playlist->type == M3U8_TYPE_VOD;
}
