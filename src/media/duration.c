#include "media/duration.h"

#include <stddef.h>

/* ---- MPEG transport stream (ISO 13818-1) ---- */

#define TS_PACKET  188
#define TRACKS_MAX 16

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static uint64_t get64(const uint8_t *p)
{
    return (uint64_t)get32(p) << 32 | get32(p + 4);
}

struct track {
    uint32_t pid;
    bool video;
    uint32_t count;          /* timestamps seen */
    int64_t first;           /* the first one, 90 kHz */
    int64_t least, greatest; /* relative to first */
};

struct ts {
    uint32_t pmt_pid; /* 0: not known yet */
    struct track tracks[TRACKS_MAX];
    unsigned count;
};

static void add_track(struct ts *ts, uint32_t pid, unsigned type)
{
    bool video = type == 0x01 || type == 0x02 || type == 0x1b || type == 0x24 || type == 0xdb;
    bool audio = type == 0x03 || type == 0x04 || type == 0x0f || type == 0x11 || type == 0x81 ||
                 type == 0x87 || type == 0xcf || type == 0xc1 || type == 0xc2;
    for (unsigned i = 0; i < ts->count; i++) {
        if (ts->tracks[i].pid == pid) {
            return;
        }
    }
    if ((video || audio) && ts->count < TRACKS_MAX) {
        ts->tracks[ts->count++] = (struct track){.pid = pid, .video = video};
    }
}

/* A section that begins in this payload; only what lies in the packet is read. */
static void read_section(struct ts *ts, const uint8_t *p, size_t len, bool pat)
{
    if (len < 1 || (size_t)p[0] + 9 > len) {
        return;
    }
    size_t skip = 1 + (size_t)p[0];
    p += skip;
    len -= skip;
    if (p[0] != (pat ? 0x00 : 0x02)) {
        return;
    }
    size_t section = (get16(p + 1) & 0x0fff) + 3u;
    len = section < len ? section : len;
    if (pat) {
        for (size_t at = 8; at + 8 <= len; at += 4) {
            if (get16(p + at) != 0) {
                ts->pmt_pid = get16(p + at + 2) & 0x1fff;
                return;
            }
        }
        return;
    }
    if (len < 12) {
        return;
    }
    size_t at = 12 + (get16(p + 10) & 0x0fff);
    while (at + 9 <= len) {
        add_track(ts, get16(p + at + 1) & 0x1fff, p[at]);
        at += 5 + (get16(p + at + 3) & 0x0fff);
    }
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
    int64_t diff = (pts - track->first) & 0x1ffffffff;
    diff = diff >= 0x100000000 ? diff - 0x200000000 : diff;
    track->least = diff < track->least ? diff : track->least;
    track->greatest = diff > track->greatest ? diff : track->greatest;
}

static void read_packet(struct ts *ts, const uint8_t *p)
{
    uint32_t pid = get16(p + 1) & 0x1fff;
    bool start = (p[1] & 0x40) != 0;
    size_t at = 4;
    if ((p[3] & 0x20) != 0) {
        at += 1 + (size_t)p[4];
    }
    if (!start || (p[3] & 0x10) == 0 || at >= TS_PACKET) {
        return;
    }
    if (pid == 0 || (pid == ts->pmt_pid && pid != 0)) {
        read_section(ts, p + at, TS_PACKET - at, pid == 0);
        return;
    }
    for (unsigned i = 0; i < ts->count; i++) {
        int64_t pts = ts->tracks[i].pid == pid ? read_pts(p + at, TS_PACKET - at) : -1;
        if (pts >= 0) {
            add_pts(&ts->tracks[i], pts);
        }
    }
}

static bool measure_ts(struct span segment, int64_t *out_us, int64_t *out_error_us)
{
    struct ts ts = {0};
    const uint8_t *p = (const uint8_t *)segment.ptr;
    for (size_t at = 0; at + TS_PACKET <= segment.len && p[at] == 0x47; at += TS_PACKET) {
        read_packet(&ts, p + at);
    }
    const struct track *best = NULL;
    for (unsigned i = 0; i < ts.count; i++) {
        const struct track *t = &ts.tracks[i];
        if (t->count > 1 && (best == NULL || (t->video && !best->video))) {
            best = t;
        }
    }
    if (best == NULL) {
        return false;
    }
    int64_t span = best->greatest - best->least;
    int64_t frame = span / (best->count - 1);
    *out_us = (span + frame) * 100 / 9;
    *out_error_us = frame * 100 / 9;
    return true;
}

/* ---- Fragmented MP4 (ISO 14496-12) ---- */

struct box {
    uint32_t type;
    struct span body;
};

#define TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* Takes the next box off *rest; false at the end or at nonsense. */
static bool next_box(struct span *rest, struct box *out)
{
    const uint8_t *p = (const uint8_t *)rest->ptr;
    if (rest->len < 8) {
        return false;
    }
    uint64_t size = get32(p);
    size_t head = 8;
    if (size == 1 && rest->len >= 16) {
        size = get64(p + 8);
        head = 16;
    } else if (size == 0) {
        size = rest->len;
    }
    if (size < head || size > rest->len) {
        return false;
    }
    out->type = get32(p + 4);
    out->body = span_of(rest->ptr + head, (size_t)size - head);
    *rest = span_skip(*rest, (size_t)size);
    return true;
}

/* The first box of that type inside; its body is empty when there is none. */
static struct span find_box(struct span inside, uint32_t type)
{
    struct box box;
    while (next_box(&inside, &box)) {
        if (box.type == type) {
            return box.body;
        }
    }
    return (struct span){0};
}

struct mp4_track {
    uint32_t id, timescale, default_duration;
    bool video, audio;
};

static uint32_t full_box_u32(struct span body, size_t at0, size_t at1)
{
    size_t at = body.len > 0 && body.ptr[0] == 1 ? at1 : at0;
    return body.len >= at + 4 ? get32((const uint8_t *)body.ptr + at) : 0;
}

static unsigned read_tracks(struct span init, struct mp4_track *tracks)
{
    struct span moov = find_box(init, TYPE('m', 'o', 'o', 'v'));
    struct span mvex = find_box(moov, TYPE('m', 'v', 'e', 'x'));
    struct span rest = moov;
    struct box box;
    unsigned count = 0;
    while (count < TRACKS_MAX && next_box(&rest, &box)) {
        if (box.type != TYPE('t', 'r', 'a', 'k')) {
            continue;
        }
        struct span mdia = find_box(box.body, TYPE('m', 'd', 'i', 'a'));
        uint32_t handler = full_box_u32(find_box(mdia, TYPE('h', 'd', 'l', 'r')), 8, 8);
        tracks[count++] = (struct mp4_track){
            .id = full_box_u32(find_box(box.body, TYPE('t', 'k', 'h', 'd')), 12, 20),
            .timescale = full_box_u32(find_box(mdia, TYPE('m', 'd', 'h', 'd')), 12, 20),
            .video = handler == TYPE('v', 'i', 'd', 'e'),
            .audio = handler == TYPE('s', 'o', 'u', 'n'),
        };
    }
    while (next_box(&mvex, &box)) {
        uint32_t id = full_box_u32(box.body, 4, 4);
        for (unsigned i = 0; i < count && box.type == TYPE('t', 'r', 'e', 'x'); i++) {
            if (tracks[i].id == id) {
                tracks[i].default_duration = full_box_u32(box.body, 12, 12);
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
    uint32_t flags = get32(p) & 0xffffff;
    uint32_t samples = get32(p + 4);
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
        sum += get32(p + at);
    }
    return sum;
}

static uint64_t sum_traf(struct span traf, const struct mp4_track *track)
{
    struct span tfhd = find_box(traf, TYPE('t', 'f', 'h', 'd'));
    const uint8_t *p = (const uint8_t *)tfhd.ptr;
    uint32_t duration = track->default_duration;
    if (tfhd.len < 8 || get32(p + 4) != track->id) {
        return 0;
    }
    uint32_t flags = get32(p) & 0xffffff;
    size_t at = 8 + ((flags & 1) != 0 ? 8 : 0) + ((flags & 2) != 0 ? 4 : 0);
    if ((flags & 8) != 0 && at + 4 <= tfhd.len) {
        duration = get32(p + at);
    }
    uint64_t sum = 0;
    struct box box;
    while (next_box(&traf, &box)) {
        sum += box.type == TYPE('t', 'r', 'u', 'n') ? sum_trun(box.body, duration) : 0;
    }
    return sum;
}

static bool measure_mp4(struct span init, struct span segment, int64_t *out_us)
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
    struct box box, inner;
    while (next_box(&segment, &box)) {
        struct span moof = box.body;
        while (box.type == TYPE('m', 'o', 'o', 'f') && next_box(&moof, &inner)) {
            sum += inner.type == TYPE('t', 'r', 'a', 'f') ? sum_traf(inner.body, best) : 0;
        }
    }
    if (sum == 0 || sum > UINT64_MAX / 2000000) {
        return false;
    }
    *out_us = (int64_t)(sum * 1000000 / best->timescale);
    return true;
}

/* ---- Packed AAC: ADTS frames after an ID3 tag (ISO 13818-7) ---- */

static bool measure_adts(struct span segment, int64_t *out_us)
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
    *out_us = (int64_t)(frames * 1024 * 1000000 / rate);
    return true;
}

bool duration_measure(struct span init, struct span segment, int64_t *out_us,
                      int64_t *out_error_us)
{
    const uint8_t *p = (const uint8_t *)segment.ptr;
    if (segment.len < 16) {
        return false;
    }
    if (p[0] == 0x47) {
        return measure_ts(segment, out_us, out_error_us);
    }
    bool packed = p[0] == 0xff || (p[0] == 'I' && p[1] == 'D' && p[2] == '3');
    if (packed ? !measure_adts(segment, out_us) : !measure_mp4(init, segment, out_us)) {
        return false;
    }
    *out_error_us = 0;
    return true;
}
