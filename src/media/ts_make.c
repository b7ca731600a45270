#include "media/ts_make.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PID_PAT = 0, PID_PMT = 0x1000, PID_VIDEO = 0x100, PID_AUDIO = 0x101, PID_NULL = 0x1fff };
enum { STREAM_H264 = 0x1b, STREAM_AAC = 0x0f };

#define PAYLOAD          184
#define PCR_FIELD        8  /* an adaptation field that carries a PCR and nothing else */
#define PES_HEADER       14 /* with a PTS and no DTS */
#define TICKS_PICTURE    3600
#define TICKS_AUDIO      1920
#define START_TICKS      126000 /* so that PCR never goes below zero */
#define PCR_LEAD_TICKS   9000   /* a picture arrives 100 ms before it is shown */
#define TIMESTAMP_MASK   ((UINT64_C(1) << 33) - 1)
#define PICTURES_PER_PES 3 /* audio is carried in runs of 120 ms */
#define PES_AUDIO_MAX    ((AAC_MAKE_ADTS_BYTES + AAC_MAKE_FRAME_MAX) * 7)

/* A run of payload: `head`, then fill bytes up to `len`. Fill is the body of a filler NAL unit,
 * whose last byte is 0x80. */
struct payload {
    const uint8_t *head;
    size_t head_len;
    size_t len;
    bool has_pcr;
    bool random_access;
    uint64_t pcr; /* 90 kHz */
};

struct muxer {
    const struct make_spec *spec;
    const struct make_segment *segment;
    uint64_t first_picture;
    uint8_t *out; /* the next packet */
    uint8_t cc_psi, cc_video, cc_audio;
    uint64_t spare_packets; /* of video, to be spread over the pictures */
    uint64_t spare_used;
    uint8_t *scratch; /* an access unit's natural bytes */
    uint8_t audio[PES_HEADER + PES_AUDIO_MAX];
    uint8_t audio_frame[AAC_MAKE_ADTS_BYTES + AAC_MAKE_FRAME_MAX];
};

static uint64_t packets_for(size_t bytes, bool has_pcr)
{
    return (bytes + (has_pcr ? PCR_FIELD : 0) + PAYLOAD - 1) / PAYLOAD;
}

/* Packets of the audio of a segment that begins with `first_picture`. */
static uint64_t audio_packets(const struct make_spec *spec, uint64_t first_picture,
                              uint32_t pictures)
{
    uint64_t packets = 0;
    if (!make_has_audio(spec)) {
        return 0;
    }
    for (uint32_t i = 0; i < pictures; i += PICTURES_PER_PES) {
        uint32_t end = i + PICTURES_PER_PES < pictures ? i + PICTURES_PER_PES : pictures;
        uint64_t frames =
            make_audio_frame_at(first_picture + end) - make_audio_frame_at(first_picture + i);
        if (frames > 0) {
            size_t bytes = frames * (AAC_MAKE_ADTS_BYTES + spec->audio_frame_bytes);
            packets += packets_for(PES_HEADER + bytes, !make_has_video(spec));
        }
    }
    return packets;
}

/* Packets of the audio of all segments before `number`. */
static uint64_t audio_packets_before(const struct make_spec *spec, uint64_t number)
{
    uint64_t period = 0;
    uint64_t rest = 0;
    for (uint64_t i = 0; i < MAKE_PERIOD; i++) {
        uint64_t packets =
            audio_packets(spec, i * spec->segment_pictures, spec->segment_pictures);
        period += packets;
        rest += i < number % MAKE_PERIOD ? packets : 0;
    }
    return number / MAKE_PERIOD * period + rest;
}

/* Bytes of the IDR access unit with its delimiter, parameter sets and start codes, at most. */
static size_t idr_unit_bound(const struct make_spec *spec)
{
    return PES_HEADER + 16 + 3 * (size_t)H264_MAKE_SMALL_BYTES +
           h264_make_idr_bound(&spec->video);
}

static uint64_t video_packets_least(const struct make_spec *spec, uint32_t pictures)
{
    return make_has_video(spec) ? packets_for(idr_unit_bound(spec), true) + pictures - 1 : 0;
}

/* The most that segments of `pictures` pictures need, wherever they lie. */
static uint64_t least_packets(const struct make_spec *spec, uint32_t pictures)
{
    uint64_t audio = 0;
    for (uint64_t i = 0; i < MAKE_PERIOD; i++) {
        uint64_t packets = audio_packets(spec, i * spec->segment_pictures, pictures);
        audio = packets > audio ? packets : audio;
    }
    return 2 + audio + video_packets_least(spec, pictures);
}

uint64_t ts_make_least_bytes(const struct make_spec *spec)
{
    return least_packets(spec, spec->segment_pictures) * TS_MAKE_PACKET;
}

static uint64_t segment_packets(const struct make_spec *spec, uint32_t pictures)
{
    uint64_t packets = spec->segment_bytes / TS_MAKE_PACKET;
    if (pictures == spec->segment_pictures) {
        return packets;
    }
    uint64_t least = least_packets(spec, pictures);
    packets = packets * pictures / spec->segment_pictures;
    return packets > least ? packets : least;
}

uint64_t ts_make_segment_bytes(const struct make_spec *spec, const struct make_segment *segment)
{
    return segment_packets(spec, segment->pictures) * TS_MAKE_PACKET;
}

static void put_packet_header(uint8_t *p, unsigned pid, bool unit_start, bool adaptation,
                              uint8_t *cc)
{
    p[0] = 0x47;
    p[1] = (uint8_t)((unit_start ? 0x40 : 0) | pid >> 8);
    p[2] = (uint8_t)pid;
    p[3] = (uint8_t)((adaptation ? 0x30 : 0x10) | (*cc & 0xf));
    (*cc)++;
}

/* Writes an adaptation field of `len` bytes, its length byte included. */
static void put_adaptation(uint8_t *p, size_t len, const struct payload *payload, bool first)
{
    p[0] = (uint8_t)(len - 1);
    if (len == 1) {
        return;
    }
    bool pcr = first && payload->has_pcr;
    p[1] = (uint8_t)((first && payload->random_access ? 0x40 : 0) | (pcr ? 0x10 : 0));
    memset(p + 2, 0xff, len - 2);
    if (pcr) {
        uint64_t base = payload->pcr & TIMESTAMP_MASK;
        p[2] = (uint8_t)(base >> 25);
        p[3] = (uint8_t)(base >> 17);
        p[4] = (uint8_t)(base >> 9);
        p[5] = (uint8_t)(base >> 1);
        p[6] = (uint8_t)((base & 1) << 7 | 0x7e);
        p[7] = 0;
    }
}

/* Cuts one PES packet into transport packets; the last one is stuffed. */
static void put_payload(struct muxer *mux, unsigned pid, uint8_t *cc,
                        const struct payload *payload)
{
    size_t at = 0;
    while (at < payload->len) {
        bool first = at == 0;
        size_t field = first && payload->has_pcr ? PCR_FIELD : 0;
        size_t left = payload->len - at;
        size_t len = left < PAYLOAD - field ? left : PAYLOAD - field;
        field = PAYLOAD - len;
        uint8_t *p = mux->out;
        put_packet_header(p, pid, first, field > 0, cc);
        if (field > 0) {
            put_adaptation(p + 4, field, payload, first);
        }
        p += 4 + field;
        size_t copied = 0;
        if (at < payload->head_len) {
            copied = payload->head_len - at < len ? payload->head_len - at : len;
            memcpy(p, payload->head + at, copied);
        }
        memset(p + copied, 0xff, len - copied);
        at += len;
        if (at == payload->len && copied < len) {
            p[len - 1] = 0x80;
        }
        mux->out += TS_MAKE_PACKET;
    }
}

static void put_pes_header(uint8_t *p, unsigned stream_id, size_t data_len, uint64_t pts)
{
    /* A video PES may leave its length open, section 2.4.3.7. */
    size_t length = stream_id == 0xe0 ? 0 : data_len + PES_HEADER - 6;
    pts &= TIMESTAMP_MASK;
    const uint8_t header[PES_HEADER] = {0,
                                        0,
                                        1,
                                        (uint8_t)stream_id,
                                        (uint8_t)(length >> 8),
                                        (uint8_t)length,
                                        0x84, /* data begins with an access unit */
                                        0x80, /* a PTS */
                                        5,
                                        (uint8_t)(0x21 | (pts >> 29 & 0xe)),
                                        (uint8_t)(pts >> 22),
                                        (uint8_t)(1 | pts >> 14),
                                        (uint8_t)(pts >> 7),
                                        (uint8_t)(1 | pts << 1)};
    memcpy(p, header, sizeof header);
}

static uint32_t crc32_mpeg(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
        }
    }
    return crc;
}

/* Writes a section of table `id`; its length and CRC are put in here. */
static void put_section(struct muxer *mux, unsigned pid, uint8_t *section, size_t len)
{
    section[1] = (uint8_t)(0xb0 | (len + 4 - 3) >> 8);
    section[2] = (uint8_t)(len + 4 - 3);
    uint32_t crc = crc32_mpeg(section, len);
    uint8_t cc = mux->cc_psi;
    put_packet_header(mux->out, pid, true, false, &cc);
    uint8_t *p = mux->out + 4;
    memset(p, 0xff, PAYLOAD);
    *p++ = 0; /* pointer_field */
    memcpy(p, section, len);
    p += len;
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    mux->out += TS_MAKE_PACKET;
}

static void put_psi(struct muxer *mux)
{
    uint8_t pat[] = {0, 0, 0, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | PID_PMT >> 8, PID_PMT & 0xff};
    put_section(mux, PID_PAT, pat, sizeof pat);
    unsigned pcr_pid = make_has_video(mux->spec) ? PID_VIDEO : PID_AUDIO;
    uint8_t pmt[32] = {
        2, 0, 0, 0, 1, 0xc1, 0, 0, (uint8_t)(0xe0 | pcr_pid >> 8), (uint8_t)pcr_pid, 0xf0, 0};
    size_t len = 12;
    if (make_has_video(mux->spec)) {
        memcpy(pmt + len, (uint8_t[]){STREAM_H264, 0xe1, PID_VIDEO & 0xff, 0xf0, 0}, 5);
        len += 5;
    }
    if (make_has_audio(mux->spec)) {
        memcpy(pmt + len, (uint8_t[]){STREAM_AAC, 0xe1, PID_AUDIO & 0xff, 0xf0, 0}, 5);
        len += 5;
    }
    put_section(mux, PID_PMT, pmt, len);
    mux->cc_psi++;
}

/* The PES packet of the audio frames that begin within pictures [from, to) of the segment. */
static void put_audio(struct muxer *mux, uint32_t from, uint32_t to)
{
    uint64_t first = make_audio_frame_at(mux->first_picture + from);
    uint64_t end = make_audio_frame_at(mux->first_picture + to);
    if (first == end) {
        return;
    }
    size_t frame_len = AAC_MAKE_ADTS_BYTES + mux->spec->audio_frame_bytes;
    size_t len = PES_HEADER;
    for (uint64_t i = first; i < end; i++) {
        memcpy(mux->audio + len, mux->audio_frame, frame_len);
        len += frame_len;
    }
    uint64_t pts = START_TICKS + first * TICKS_AUDIO + mux->segment->timestamp_s * 90000;
    put_pes_header(mux->audio, 0xc0, len - PES_HEADER, pts);
    struct payload payload = {.head = mux->audio,
                              .head_len = len,
                              .len = len,
                              .has_pcr = !make_has_video(mux->spec),
                              .random_access = !make_has_video(mux->spec),
                              .pcr = pts - PCR_LEAD_TICKS};
    put_payload(mux, PID_AUDIO, &mux->cc_audio, &payload);
}

static size_t put_start_code(uint8_t *out)
{
    out[0] = out[1] = 0;
    out[2] = 1;
    return 3;
}

/* The natural bytes of picture `index` of the segment, behind room for the PES header. */
static size_t make_access_unit(struct muxer *mux, uint32_t index)
{
    const struct h264_make *video = &mux->spec->video;
    uint8_t *out = mux->scratch;
    size_t len = PES_HEADER;
    out[len++] = 0; /* zero_byte of the first NAL unit, annex B */
    len += put_start_code(out + len);
    len += h264_make_aud(out + len);
    if (index == 0) {
        out[len++] = 0;
        len += put_start_code(out + len);
        len += h264_make_sps(video, out + len);
        out[len++] = 0;
        len += put_start_code(out + len);
        len += h264_make_pps(out + len);
        len += put_start_code(out + len);
        len += h264_make_idr(video, mux->segment->number, out + len);
    } else {
        len += put_start_code(out + len);
        len += h264_make_skip(video, index, out + len);
    }
    return len;
}

static void put_video(struct muxer *mux, uint32_t index)
{
    size_t head_len = make_access_unit(mux, index);
    uint64_t share = mux->spare_packets * (index + 1) / mux->segment->pictures;
    /* What the least count held for the IDR picture and it did not use is given back by the
     * exact accounting of the caller, so each picture takes its natural packets and a share. */
    uint64_t packets = packets_for(head_len, true) + share - mux->spare_used;
    mux->spare_used = share;
    size_t len = packets * PAYLOAD - PCR_FIELD;
    size_t fill = len - head_len;
    uint8_t *end = mux->scratch + head_len;
    if (fill >= 3 + H264_MAKE_FILLER_MIN) {
        end += put_start_code(end);
        *end++ = 12; /* nal_unit_type: filler data */
    } else {
        /* trailing_zero_8bits, annex B: too little for a NAL unit. */
        memset(end, 0, fill);
        end += fill;
    }
    uint64_t pts = START_TICKS + (mux->first_picture + index) * TICKS_PICTURE +
                   mux->segment->timestamp_s * 90000;
    put_pes_header(mux->scratch, 0xe0, 0, pts);
    struct payload payload = {.head = mux->scratch,
                              .head_len = (size_t)(end - mux->scratch),
                              .len = len,
                              .has_pcr = true,
                              .random_access = index == 0,
                              .pcr = pts - PCR_LEAD_TICKS};
    put_payload(mux, PID_VIDEO, &mux->cc_video, &payload);
}

/* Packets of the video if nothing were filled in. */
static uint64_t video_packets_natural(struct muxer *mux)
{
    return packets_for(make_access_unit(mux, 0), true) + mux->segment->pictures - 1;
}

static void put_null_packets(struct muxer *mux, const uint8_t *end)
{
    while (mux->out < end) {
        uint8_t cc = 0;
        put_packet_header(mux->out, PID_NULL, false, false, &cc);
        memset(mux->out + 4, 0xff, PAYLOAD);
        mux->out += TS_MAKE_PACKET;
    }
}

int ts_make_segment(const struct make_spec *spec, const struct make_segment *segment,
                    uint8_t *out)
{
    struct muxer *mux = calloc(1, sizeof *mux);
    uint8_t *scratch = make_has_video(spec) ? malloc(idr_unit_bound(spec) + PAYLOAD) : NULL;
    if (mux == NULL || (make_has_video(spec) && scratch == NULL)) {
        free(mux);
        free(scratch);
        return -1;
    }
    uint64_t total = segment_packets(spec, segment->pictures);
    uint64_t whole = segment_packets(spec, spec->segment_pictures);
    uint64_t audio_before = audio_packets_before(spec, segment->number);
    mux->spec = spec;
    mux->segment = segment;
    mux->first_picture = make_first_picture(spec, segment);
    mux->out = out;
    mux->scratch = scratch;
    mux->cc_psi = (uint8_t)segment->number;
    mux->cc_audio = (uint8_t)audio_before;
    mux->cc_video = (uint8_t)(segment->number * (whole - 2) - audio_before);
    if (make_has_audio(spec)) {
        aac_make_adts(mux->audio_frame, spec->audio_frame_bytes);
        aac_make_frame(mux->audio_frame + AAC_MAKE_ADTS_BYTES, spec->audio_frame_bytes);
    }
    if (make_has_video(spec)) {
        uint64_t fixed = 2 + audio_packets(spec, mux->first_picture, segment->pictures) +
                         video_packets_natural(mux);
        assert(fixed <= total);
        mux->spare_packets = total - fixed;
    }
    put_psi(mux);
    for (uint32_t i = 0; i < segment->pictures; i++) {
        if (make_has_audio(spec) && i % PICTURES_PER_PES == 0) {
            uint32_t end = i + PICTURES_PER_PES;
            put_audio(mux, i, end < segment->pictures ? end : segment->pictures);
        }
        if (make_has_video(spec)) {
            put_video(mux, i);
        }
    }
    put_null_packets(mux, out + total * TS_MAKE_PACKET);
    assert(mux->out == out + total * TS_MAKE_PACKET);
    free(scratch);
    free(mux);
    return 0;
}
