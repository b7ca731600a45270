#include "media/duration.h"

#include "media/mp4_box.h"
#include "media/ts_tables.h"

#include <stddef.h>

/* ---- MPEG transport stream (ISO 13818-1) ---- */

/* Timestamps have 33 bits. */
#define PTS_MASK INT64_C(0x1ffffffff)

/* What was seen of a stream. */
struct track {
    uint32_t count;          /* timestamps seen */
    int64_t first;           /* the first one, 90 kHz */
    int64_t least, greatest; /* relative to first */
};

struct ts {
    struct ts_tables tables;
    struct track tracks[TS_STREAMS_MAX]; /* of the stream at the same place */
};

static bool is_video(unsigned type)
{
    return type == 0x01 || type == 0x02 || type == 0x1b || type == 0x24 || type == 0xdb;
}

static bool is_audio(unsigned type)
{
    return type == 0x03 || type == 0x04 || type == 0x0f || type == 0x11 || type == 0x81 ||
           type == 0x87 || type == 0xcf || type == 0xc1 || type == 0xc2;
}

/* The timestamp of a PES packet that begins in this payload, or -1. */
static int64_t read_pts(const uint8_t *p, size_t len)
{
    if (len < 14 || p[0] != 0 || p[1] != 0 || p[2] != 1 || (p[7] & 0x80) == 0) {
        return -1;
    }
    return (int64_t)(p[9] >> 1 & 7) << 30 | (int64_t)p[10] << 22 | (int64_t)(p[11] >> 1) << 15 |
           (int64_t)p[12] << 7 | p[13] >> 1;
}

static void add_pts(struct track *track, int64_t pts)
{
    if (track->count++ == 0) {
        track->first = pts;
    }
    /* 33 bits wrap around; a segment is short against that. */
    int64_t diff = (pts - track->first) & PTS_MASK;
    diff = diff > PTS_MASK / 2 ? diff - PTS_MASK - 1 : diff;
    track->least = diff < track->least ? diff : track->least;
    track->greatest = diff > track->greatest ? diff : track->greatest;
}

static void read_packet(struct ts *ts, const uint8_t *p)
{
    size_t at = ts_payload_start(p);
    if (ts_tables_take(&ts->tables, p) || at == TS_PACKET_BYTES) {
        return;
    }
    for (unsigned i = 0; i < ts->tables.count; i++) {
        int64_t pts = ts->tables.streams[i].pid == ts_pid(p)
                          ? read_pts(p + at, TS_PACKET_BYTES - at)
                          : -1;
        if (pts >= 0) {
            add_pts(&ts->tracks[i], pts);
        }
    }
}

static bool measure_ts(struct span segment, struct duration *out)
{
    struct ts ts = {0};
    const uint8_t *p = (const uint8_t *)segment.ptr;
    for (size_t at = 0; at + TS_PACKET_BYTES <= segment.len && p[at] == 0x47;
         at += TS_PACKET_BYTES) {
        read_packet(&ts, p + at);
    }
    const struct track *best = NULL;
    bool best_is_video = false;
    for (unsigned i = 0; i < ts.tables.count; i++) {
        unsigned type = ts.tables.streams[i].type;
        bool usable = ts.tracks[i].count > 1 && (is_video(type) || is_audio(type));
        if (usable && (best == NULL || (is_video(type) && !best_is_video))) {
            best = &ts.tracks[i];
            best_is_video = is_video(type);
        }
    }
    if (best == NULL) {
        return false;
    }
    int64_t span = best->greatest - best->least;
    int64_t frame = span / (best->count - 1);
    *out = (struct duration){
        .us = (span + frame) * 100 / 9,
        .error_us = frame * 100 / 9,
        .start_us = ((best->first + best->least) & PTS_MASK) * 100 / 9,
        .wrap_us = (PTS_MASK + 1) * 100 / 9,
    };
    return true;
}

/* ---- Fragmented MP4 (ISO 14496-12) ---- */

#define TRACKS_MAX 16

struct mp4_track {
    uint32_t id, timescale, default_duration;
    bool video, audio;
};

static unsigned read_tracks(struct span init, struct mp4_track *tracks)
{
    struct span moov = mp4_find_box(init, MP4_TYPE('m', 'o', 'o', 'v'));
    struct span mvex = mp4_find_box(moov, MP4_TYPE('m', 'v', 'e', 'x'));
    struct span rest = moov;
    struct mp4_box box;
    unsigned count = 0;
    while (count < TRACKS_MAX && mp4_next_box(&rest, &box)) {
        if (box.type != MP4_TYPE('t', 'r', 'a', 'k')) {
            continue;
        }
        struct span mdia = mp4_find_box(box.body, MP4_TYPE('m', 'd', 'i', 'a'));
        uint32_t handler =
            mp4_full_box_u32(mp4_find_box(mdia, MP4_TYPE('h', 'd', 'l', 'r')), 8, 8);
        tracks[count++] = (struct mp4_track){
            .id =
                mp4_full_box_u32(mp4_find_box(box.body, MP4_TYPE('t', 'k', 'h', 'd')), 12, 20),
            .timescale =
                mp4_full_box_u32(mp4_find_box(mdia, MP4_TYPE('m', 'd', 'h', 'd')), 12, 20),
            .video = handler == MP4_TYPE('v', 'i', 'd', 'e'),
            .audio = handler == MP4_TYPE('s', 'o', 'u', 'n'),
        };
    }
    while (mp4_next_box(&mvex, &box)) {
        uint32_t id = mp4_full_box_u32(box.body, 4, 4);
        for (unsigned i = 0; i < count && box.type == MP4_TYPE('t', 'r', 'e', 'x'); i++) {
            if (tracks[i].id == id) {
                tracks[i].default_duration = mp4_full_box_u32(box.body, 12, 12);
            }
        }
    }
    return count;
}

/* The sum of the sample durations of one trun box. */
static uint64_t sum_trun(struct span body, uint32_t default_duration)
{
    const uint8_t *p = (const uint8_t *)body.ptr;
    if (body.len < 8) {
        return 0;
    }
    uint32_t flags = mp4_u32(p) & 0xffffff;
    uint32_t samples = mp4_u32(p + 4);
    size_t at = 8 + ((flags & 1) != 0 ? 4 : 0) + ((flags & 4) != 0 ? 4 : 0);
    size_t step = 0;
    for (unsigned bit = 8; bit < 12; bit++) {
        step += (flags >> bit & 1) != 0 ? 4 : 0;
    }
    if ((flags & 0x100) == 0) {
        return (uint64_t)samples * default_duration;
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < samples && at + step <= body.len; i++, at += step) {
        sum += mp4_u32(p + at);
    }
    return sum;
}

static uint64_t sum_traf(struct span traf, const struct mp4_track *track)
{
    struct span tfhd = mp4_find_box(traf, MP4_TYPE('t', 'f', 'h', 'd'));
    const uint8_t *p = (const uint8_t *)tfhd.ptr;
    uint32_t duration = track->default_duration;
    if (tfhd.len < 8 || mp4_u32(p + 4) != track->id) {
        return 0;
    }
    uint32_t flags = mp4_u32(p) & 0xffffff;
    size_t at = 8 + ((flags & 1) != 0 ? 8 : 0) + ((flags & 2) != 0 ? 4 : 0);
    if ((flags & 8) != 0 && at + 4 <= tfhd.len) {
        duration = mp4_u32(p + at);
    }
    uint64_t sum = 0;
    struct mp4_box box;
    while (mp4_next_box(&traf, &box)) {
        sum += box.type == MP4_TYPE('t', 'r', 'u', 'n') ? sum_trun(box.body, duration) : 0;
    }
    return sum;
}

/* The decode time of a fragment of that track (tfdt) in µs; -1 when there is none or it is of
 * another track. */
static int64_t start_of_traf(struct span traf, const struct mp4_track *track)
{
    struct span tfhd = mp4_find_box(traf, MP4_TYPE('t', 'f', 'h', 'd'));
    struct span tfdt = mp4_find_box(traf, MP4_TYPE('t', 'f', 'd', 't'));
    bool wide = tfdt.len > 0 && tfdt.ptr[0] == 1;
    if (mp4_full_box_u32(tfhd, 4, 4) != track->id || tfdt.len < (wide ? 12 : 8)) {
        return -1;
    }
    uint64_t high = wide ? mp4_full_box_u32(tfdt, 4, 4) : 0;
    uint64_t time = high << 32 | mp4_full_box_u32(tfdt, 4, 8);
    return time > INT64_MAX / 1000000 ? -1 : (int64_t)(time * 1000000 / track->timescale);
}

static bool measure_mp4(struct span init, struct span segment, struct duration *out)
{
    struct mp4_track tracks[TRACKS_MAX];
    unsigned count = read_tracks(init.len > 0 ? init : segment, tracks);
    const struct mp4_track *best = NULL;
    for (unsigned i = 0; i < count; i++) {
        bool better = best == NULL || (tracks[i].video && !best->video);
        best = (tracks[i].video || tracks[i].audio) && tracks[i].timescale > 0 && better
                   ? &tracks[i]
                   : best;
    }
    if (best == NULL) {
        return false;
    }
    uint64_t sum = 0;
    int64_t start_us = -1;
    struct mp4_box box, inner;
    while (mp4_next_box(&segment, &box)) {
        struct span moof = box.body;
        while (box.type == MP4_TYPE('m', 'o', 'o', 'f') && mp4_next_box(&moof, &inner)) {
            if (inner.type == MP4_TYPE('t', 'r', 'a', 'f')) {
                sum += sum_traf(inner.body, best);
                start_us = start_us < 0 ? start_of_traf(inner.body, best) : start_us;
            }
        }
    }
    if (sum == 0 || sum > UINT64_MAX / 2000000) {
        return false;
    }
    *out = (struct duration){.us = (int64_t)(sum * 1000000 / best->timescale),
                             .start_us = start_us};
    return true;
}

/* ---- Packed AAC: ADTS frames after an ID3 tag (ISO 13818-7) ---- */

static bool measure_adts(struct span segment, struct duration *out)
{
    static const uint32_t rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                       22050, 16000, 12000, 11025, 8000,  7350};
    const uint8_t *p = (const uint8_t *)segment.ptr;
    size_t at = 0;
    if (segment.len >= 10 && p[0] == 'I' && p[1] == 'D' && p[2] == '3') {
        at = 10 + ((size_t)(p[6] & 127) << 21 | (size_t)(p[7] & 127) << 14 |
                   (size_t)(p[8] & 127) << 7 | (p[9] & 127));
    }
    uint64_t frames = 0;
    uint32_t rate = 0;
    while (at + 7 <= segment.len && p[at] == 0xff && (p[at + 1] & 0xf6) == 0xf0) {
        size_t len = (size_t)(p[at + 3] & 3) << 11 | (size_t)p[at + 4] << 3 | p[at + 5] >> 5;
        rate = rates[p[at + 2] >> 2 & 15];
        if (len < 7) {
            break;
        }
        frames += 1u + (p[at + 6] & 3);
        at += len;
    }
    if (frames == 0 || rate == 0) {
        return false;
    }
    *out = (struct duration){.us = (int64_t)(frames * 1024 * 1000000 / rate), .start_us = -1};
    return true;
}

bool duration_measure(struct span init, struct span segment, struct duration *out)
{
    const uint8_t *p = (const uint8_t *)segment.ptr;
    if (segment.len < 16) {
        return false;
    }
    if (p[0] == 0x47) {
        return measure_ts(segment, out);
    }
    bool packed = p[0] == 0xff || (p[0] == 'I' && p[1] == 'D' && p[2] == '3');
    return packed ? measure_adts(segment, out) : measure_mp4(init, segment, out);
}
