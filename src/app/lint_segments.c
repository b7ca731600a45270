/* Playlists against segments: are they there, can they be decrypted, are they media, do they
 * last as long as EXTINF says, do they fit BANDWIDTH, EXT-X-BITRATE and CODECS. */
#include "app/lint.h"
#include "app/lint_decrypt.h"
#include "app/lint_variants.h"
#include "media/duration.h"
#include "media/formats.h"
#include "media/sniff.h"

#include <stdlib.h>

/* A difference between EXTINF and media that people notice once segments add up. */
#define DURATION_SLACK_US INT64_C(100000)

/* How far timestamps may leap from one segment to the next without EXT-X-DISCONTINUITY. */
#define JUMP_SLACK_US INT64_C(500000)

/* What the next segment has to go on from. */
struct joint {
    bool known;
    uint64_t sequence;
    struct duration times;
    unsigned formats;
};

/* One playlist whose segments are being read. */
struct reading {
    struct lint_web *web;
    struct lint_entry *entry;
    const struct m3u8 *m;
    struct lint_body init; /* of the map in force */
    uint32_t init_map;     /* M3U8_NONE: none read */
    struct lint_key key;   /* fetched last */
    unsigned formats;      /* found so far */
    struct joint before;
    uint64_t *bytes; /* of segment first + i; 0: unknown */
    uint32_t first, count;
};

#define ADD(rule, segment, ...)                                                       \
    m3u8_report_add(&r->entry->report, M3U8_RULE_##rule, (segment)->line, NULL, NULL, \
                    __VA_ARGS__)

static int read_uri(const struct reading *r, struct span uri, const struct m3u8_range *range,
                    enum metric_kind kind, struct lint_body *body)
{
    char text[URL_MAX];
    struct lint_want want = {.kind = kind};
    *body = (struct lint_body){.fail = FAIL_CONNECT_FAILED};
    if (m3u8_resolve(r->m, uri, text, sizeof text, &want.url) != 0) {
        return -1;
    }
    if (range->length > 0) {
        want.has_range = true;
        want.offset = range->offset;
        want.length = range->length;
    }
    return lint_web_read(r->web, &want, body);
}

/* The key of a segment or map, when what it encrypts can be decrypted here; NULL otherwise,
 * with what is wrong told once. */
static const struct lint_key *key_of(struct reading *r, uint32_t first, uint32_t count)
{
    const struct m3u8_key *key = m3u8_identity_key(r->m, first, count);
    if (!lint_key_is_plain(key) || (r->m->flags & M3U8_I_FRAMES_ONLY) != 0) {
        return NULL;
    }
    if (lint_key_get(r->web, r->m, key, &r->key)) {
        if (r->key.fail != FAIL_NONE) {
            m3u8_report_add(&r->entry->report, M3U8_RULE_KEY_UNAVAILABLE, key->line,
                            "EXT-X-KEY", "URI", "%s (%d)", fail_info(r->key.fail)->words,
                            r->key.status);
        } else if (!r->key.usable) {
            m3u8_report_add(&r->entry->report, M3U8_RULE_KEY_LENGTH, key->line, "EXT-X-KEY",
                            "URI", "%zu bytes", r->key.len);
        }
    }
    return r->key.usable ? &r->key : NULL;
}

/* What cannot be decrypted is no initialisation section. */
static void decrypt_init(struct reading *r, const struct m3u8_map *map, uint64_t sequence)
{
    const struct lint_key *key = key_of(r, map->key_first, map->key_count);
    if (key != NULL && !lint_decrypt(key, sequence, &r->init)) {
        m3u8_report_add(&r->entry->report, M3U8_RULE_SEGMENT_UNDECRYPTABLE, map->line,
                        "EXT-X-MAP", "URI", "%zu bytes", r->init.len);
    }
}

/* The initialisation section that goes with a segment, read once for each map. */
static struct span init_of(struct reading *r, const struct m3u8_segment *segment)
{
    if (segment->map == M3U8_NONE) {
        return (struct span){0};
    }
    if (r->init_map != segment->map) {
        const struct m3u8_map *map = &r->m->maps[segment->map];
        lint_body_fini(&r->init);
        r->init_map = segment->map;
        if (read_uri(r, map->uri, &map->range, METRIC_KIND_INIT_SECTION, &r->init) != 0) {
            m3u8_report_add(&r->entry->report, M3U8_RULE_SEGMENT_UNAVAILABLE, map->line,
                            "EXT-X-MAP", "URI", "%s (%d)", fail_info(r->init.fail)->words,
                            r->init.status);
        } else if (map->key_count > 0) {
            decrypt_init(r, map, segment->sequence);
        }
    }
    return span_of(r->init.ptr, r->init.len);
}

static void check_duration(struct reading *r, const struct m3u8_segment *segment,
                           const struct duration *measured)
{
    int64_t us = measured->us, error_us = measured->error_us;
    if (llabs(us - segment->duration_us) > DURATION_SLACK_US + error_us) {
        ADD(SEGMENT_DURATION, segment, "the media lasts %.3f s, EXTINF says %.3f s",
            (double)us / 1e6, (double)segment->duration_us / 1e6);
    }
    int64_t target_us = r->m->target_duration_us;
    if ((us - error_us + 500000) / 1000000 * 1000000 > target_us &&
        segment->duration_us <= target_us) {
        ADD(SEGMENT_TOO_LONG, segment, "the media lasts %.3f s, target duration %.6g s",
            (double)us / 1e6, (double)target_us / 1e6);
    }
}

static void check_bitrate(struct reading *r, const struct m3u8_segment *segment, uint64_t bytes)
{
    if (segment->bitrate_kbps == 0 || segment->duration_us == 0) {
        return;
    }
    double kbps = (double)bytes * 8000 / (double)segment->duration_us;
    if (segment->bitrate_kbps < 0.9 * kbps || segment->bitrate_kbps > 1.1 * kbps) {
        ADD(BITRATE_WRONG, segment, "%u kbit/s, the segment has %.0f", segment->bitrate_kbps,
            kbps);
    }
}

/* The time from the end of one segment to the begin of the next, by their timestamps. */
static int64_t jump_us(const struct duration *a, const struct duration *b)
{
    int64_t jump = b->start_us - (a->start_us + a->us);
    if (a->wrap_us > 0) {
        jump = (jump % a->wrap_us + a->wrap_us) % a->wrap_us;
        jump = jump > a->wrap_us / 2 ? jump - a->wrap_us : jump;
    }
    return jump;
}

/* A segment against the one before: formats and timestamps go on, or there is
 * EXT-X-DISCONTINUITY (section 6.2.1). */
static void check_joint(struct reading *r, const struct m3u8_segment *segment,
                        const struct duration *measured, unsigned formats)
{
    const struct joint *before = &r->before;
    bool joins = before->known && before->sequence + 1 == segment->sequence &&
                 (segment->flags & M3U8_SEGMENT_DISCONTINUITY) == 0 &&
                 (r->m->flags & M3U8_I_FRAMES_ONLY) == 0;
    if (joins && before->formats != formats) {
        ADD(FORMATS_CHANGE, segment, NULL);
    } else if (joins && before->times.start_us >= 0 && measured->start_us >= 0 &&
               before->times.wrap_us == measured->wrap_us) {
        int64_t jump = jump_us(&before->times, measured);
        if (llabs(jump) > JUMP_SLACK_US + measured->error_us) {
            ADD(TIMESTAMPS_JUMP, segment, "by %.3f s", (double)jump / 1e6);
        }
    }
    r->before = (struct joint){true, segment->sequence, *measured, formats};
}

/* What is inside of a segment, as far as it can be read. */
static void check_content(struct reading *r, const struct m3u8_segment *segment,
                          struct lint_body *body)
{
    bool encrypted = segment->key_count > 0;
    const struct m3u8_key *identity =
        m3u8_identity_key(r->m, segment->key_first, segment->key_count);
    const struct lint_key *key =
        encrypted ? key_of(r, segment->key_first, segment->key_count) : NULL;
    if (key != NULL) {
        if (!lint_decrypt(key, segment->sequence, body)) {
            ADD(SEGMENT_UNDECRYPTABLE, segment, "%zu bytes", body->len);
            return;
        }
        encrypted = false;
    }
    struct span bytes = span_of(body->ptr, body->len);
    if (!encrypted && !sniff_is_media(bytes)) {
        ADD(SEGMENT_NOT_MEDIA, segment, NULL);
        return;
    }
    /* Where only samples are encrypted the container is legible. */
    unsigned formats = 0;
    if (!encrypted || !lint_key_is_plain(identity)) {
        formats = formats_find(init_of(r, segment), bytes);
        r->formats |= formats;
    }
    struct duration measured;
    if (!encrypted && duration_measure(init_of(r, segment), bytes, &measured)) {
        check_duration(r, segment, &measured);
        check_joint(r, segment, &measured, formats);
    }
}

/* Reads one segment. Returns its size, 0 when it could not be had. */
static uint64_t read_segment(struct reading *r, const struct m3u8_segment *segment)
{
    struct lint_body body;
    bool ranged = (segment->flags & M3U8_SEGMENT_RANGE) != 0;
    struct m3u8_range whole = {0, 0};
    uint64_t size = 0;
    if (read_uri(r, segment->uri, ranged ? &segment->range : &whole, METRIC_KIND_SEGMENT,
                 &body) != 0) {
        if (ranged && (body.status == 416 || body.fail == FAIL_LENGTH_WRONG)) {
            ADD(SEGMENT_RANGE_BEYOND, segment, "the server answered %d", body.status);
        } else if (body.fail == FAIL_BODY_TOO_LARGE) {
            r->entry->large_segments++;
        } else {
            ADD(SEGMENT_UNAVAILABLE, segment, "%s (%d)", fail_info(body.fail)->words,
                body.status);
        }
    } else if (ranged && body.len != segment->range.length) {
        ADD(SEGMENT_RANGE_BEYOND, segment, "%zu bytes came of %llu", body.len,
            (unsigned long long)segment->range.length);
    } else {
        size = body.len;
        check_bitrate(r, segment, size);
        check_content(r, segment, &body);
    }
    lint_body_fini(&body);
    return size;
}

/* The peak segment bit rate as section 4.1 defines it: over runs of segments that last between
 * half a target duration and one and a half and half a second more. */
static double peak_bps(const struct reading *r)
{
    int64_t least_us = r->m->target_duration_us / 2;
    int64_t most_us = r->m->target_duration_us * 3 / 2 + 500000;
    double peak = 0;
    for (uint32_t from = 0; from < r->count; from++) {
        int64_t us = 0;
        uint64_t bytes = 0;
        for (uint32_t to = from; to < r->count && r->bytes[to] > 0; to++) {
            us += r->m->segments[r->first + to].duration_us;
            bytes += r->bytes[to];
            if (us > most_us) {
                break;
            }
            double bps = us >= least_us && us > 0 ? (double)bytes * 8e6 / (double)us : 0;
            peak = bps > peak ? bps : peak;
        }
    }
    return peak;
}

static double average_bps(const struct reading *r)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->bytes[i] == 0) {
            return 0;
        }
        bytes += r->bytes[i];
    }
    return r->count == r->m->segment_count && r->m->total_duration_us > 0
               ? (double)bytes * 8e6 / (double)r->m->total_duration_us
               : 0;
}

/* Parts are as available as segments (section 6.2.1); the newest ones are asked for. */
static void read_parts(struct reading *r, uint32_t limit)
{
    uint32_t from = r->m->part_count > limit ? r->m->part_count - limit : 0;
    for (uint32_t i = from; i < r->m->part_count; i++) {
        const struct m3u8_part *part = &r->m->parts[i];
        struct m3u8_range whole = {0, 0};
        struct lint_body body;
        bool ranged = (part->flags & M3U8_PART_RANGE) != 0;
        if ((part->flags & M3U8_PART_GAP) != 0) {
            continue;
        }
        if (read_uri(r, part->uri, ranged ? &part->range : &whole, METRIC_KIND_SEGMENT,
                     &body) != 0) {
            m3u8_report_add(&r->entry->report, M3U8_RULE_SEGMENT_UNAVAILABLE, part->line,
                            "EXT-X-PART", "URI", "%s (%d)", fail_info(body.fail)->words,
                            body.status);
        }
        lint_body_fini(&body);
    }
}

static struct lint_measured read_playlist(struct lint_web *web, struct lint_entry *entry,
                                          uint32_t limit)
{
    const struct m3u8 *m = entry->current;
    uint32_t count = m->segment_count < limit ? m->segment_count : limit;
    struct reading reading = {
        .web = web,
        .entry = entry,
        .m = m,
        .init_map = M3U8_NONE,
        .first = m->segment_count - count,
        .count = count,
        .bytes = calloc(count + 1, sizeof(uint64_t)),
    };
    struct reading *r = &reading;
    for (uint32_t i = 0; i < count && r->bytes != NULL; i++) {
        const struct m3u8_segment *segment = &m->segments[r->first + i];
        if ((segment->flags & M3U8_SEGMENT_GAP) == 0) {
            r->bytes[i] = read_segment(r, segment);
        }
    }
    read_parts(r, limit);
    struct lint_measured measured = {
        .entry = entry, .formats = r->formats, .final = m3u8_is_final(m)};
    if (r->bytes != NULL) {
        measured.peak_bps = peak_bps(r);
        measured.average_bps = average_bps(r);
    }
    lint_body_fini(&r->init);
    free(r->bytes);
    return measured;
}

void lint_segments(struct lint_web *web, struct lint_results *results,
                   const struct lint_options *options)
{
    struct lint_measured *all = calloc(results->count, sizeof all[0]);
    size_t count = 0;
    for (size_t i = 0; i < results->count && all != NULL; i++) {
        struct lint_entry *entry = &results->entries[i];
        if (entry->current != NULL && entry->current->kind == M3U8_MEDIA) {
            all[count++] = read_playlist(web, entry, options->segment_limit);
        }
    }
    if (all != NULL) {
        lint_check_variants(results, all, count);
    }
    free(all);
}
