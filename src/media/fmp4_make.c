#include "media/fmp4_make.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VIDEO_SCALE    90000
#define VIDEO_DURATION 3600 /* of a picture */
#define NAL_LENGTH     4    /* bytes of the length before each NAL unit */
#define FILLER_LEAST   (NAL_LENGTH + H264_MAKE_FILLER_MIN)

/* Sample flags (8.8.3.1): depends on no other; depends on others and is no sync sample. */
#define FLAGS_SYNC     0x02000000u
#define FLAGS_NOT_SYNC 0x01010000u

/* Boxes are written one inside the other; box_end puts the size in. */
struct writer {
    uint8_t *start, *at;
};

static void put_bytes(struct writer *w, const void *bytes, size_t len)
{
    memcpy(w->at, bytes, len);
    w->at += len;
}

static void put_zeros(struct writer *w, size_t len)
{
    memset(w->at, 0, len);
    w->at += len;
}

static void put_u8(struct writer *w, unsigned value)
{
    *w->at++ = (uint8_t)value;
}

static void put_u16(struct writer *w, unsigned value)
{
    put_u8(w, value >> 8);
    put_u8(w, value);
}

static void put_u32(struct writer *w, uint32_t value)
{
    put_u16(w, value >> 16);
    put_u16(w, value & 0xffff);
}

static void put_u64(struct writer *w, uint64_t value)
{
    put_u32(w, (uint32_t)(value >> 32));
    put_u32(w, (uint32_t)value);
}

static uint8_t *box_start(struct writer *w, const char *type)
{
    uint8_t *box = w->at;
    put_u32(w, 0);
    put_bytes(w, type, 4);
    return box;
}

static uint8_t *full_box_start(struct writer *w, const char *type, unsigned version,
                               uint32_t flags)
{
    uint8_t *box = box_start(w, type);
    put_u32(w, version << 24 | flags);
    return box;
}

/* Writes into what has been written already. */
static void patch_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static void box_end(struct writer *w, uint8_t *box)
{
    patch_u32(box, (uint32_t)(w->at - box));
}

static void put_matrix(struct writer *w)
{
    static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (unsigned i = 0; i < 9; i++) {
        put_u32(w, unity[i]);
    }
}

static void put_tkhd(struct writer *w, unsigned track, const struct h264_make *video)
{
    uint8_t *box = full_box_start(w, "tkhd", 0, 7); /* enabled, in movie, in preview */
    put_zeros(w, 8);
    put_u32(w, track);
    put_zeros(w, 4 + 4 + 8 + 4);
    put_u16(w, video == NULL ? 0x100 : 0); /* volume */
    put_u16(w, 0);
    put_matrix(w);
    put_u32(w, video == NULL ? 0 : video->width << 16);
    put_u32(w, video == NULL ? 0 : video->height << 16);
    box_end(w, box);
}

static void put_mdia_head(struct writer *w, uint32_t scale, const char *handler)
{
    uint8_t *box = full_box_start(w, "mdhd", 0, 0);
    put_zeros(w, 8);
    put_u32(w, scale);
    put_u32(w, 0);
    put_u16(w, 0x55c4); /* language: und */
    put_u16(w, 0);
    box_end(w, box);
    box = full_box_start(w, "hdlr", 0, 0);
    put_u32(w, 0);
    put_bytes(w, handler, 4);
    put_zeros(w, 12);
    put_bytes(w, "shoal", 6);
    box_end(w, box);
}

static void put_dinf(struct writer *w)
{
    uint8_t *dinf = box_start(w, "dinf");
    uint8_t *dref = full_box_start(w, "dref", 0, 0);
    put_u32(w, 1);
    uint8_t *url = full_box_start(w, "url ", 0, 1); /* in this file */
    box_end(w, url);
    box_end(w, dref);
    box_end(w, dinf);
}

/* avcC, ISO 14496-15 section 5.3.3.1. */
static void put_avcc(struct writer *w, const struct h264_make *video)
{
    uint8_t sps[H264_MAKE_SMALL_BYTES];
    uint8_t pps[H264_MAKE_SMALL_BYTES];
    size_t sps_len = h264_make_sps(video, sps);
    size_t pps_len = h264_make_pps(pps);
    uint8_t *box = box_start(w, "avcC");
    put_u8(w, 1);
    put_bytes(w, sps + 1, 3); /* profile, constraints, level */
    put_u8(w, 0xfc | (NAL_LENGTH - 1));
    put_u8(w, 0xe0 | 1);
    put_u16(w, (unsigned)sps_len);
    put_bytes(w, sps, sps_len);
    put_u8(w, 1);
    put_u16(w, (unsigned)pps_len);
    put_bytes(w, pps, pps_len);
    box_end(w, box);
}

static void put_avc1(struct writer *w, const struct h264_make *video)
{
    uint8_t *box = box_start(w, "avc1");
    put_zeros(w, 6);
    put_u16(w, 1); /* data_reference_index */
    put_zeros(w, 16);
    put_u16(w, video->width);
    put_u16(w, video->height);
    put_u32(w, 0x480000); /* 72 dpi */
    put_u32(w, 0x480000);
    put_u32(w, 0);
    put_u16(w, 1); /* frame_count */
    put_zeros(w, 32);
    put_u16(w, 24);
    put_u16(w, 0xffff);
    put_avcc(w, video);
    box_end(w, box);
}

/* esds, ISO 14496-1 section 7.2.6.5 and 14496-14. */
static void put_esds(struct writer *w, unsigned frame_bytes)
{
    uint32_t bps = frame_bytes * 8 * AAC_MAKE_RATE / AAC_MAKE_FRAME_SAMPLES;
    uint8_t *box = full_box_start(w, "esds", 0, 0);
    put_u8(w, 3); /* ES_Descriptor */
    put_u8(w, 3 + 2 + 13 + 2 + AAC_MAKE_CONFIG_BYTES + 3);
    put_u16(w, 0);
    put_u8(w, 0);
    put_u8(w, 4); /* DecoderConfigDescriptor */
    put_u8(w, 13 + 2 + AAC_MAKE_CONFIG_BYTES);
    put_u8(w, 0x40); /* AAC */
    put_u8(w, 0x15); /* audio stream */
    put_zeros(w, 3);
    put_u32(w, bps);
    put_u32(w, bps);
    put_u8(w, 5); /* DecoderSpecificInfo */
    put_u8(w, AAC_MAKE_CONFIG_BYTES);
    put_bytes(w, AAC_MAKE_CONFIG, AAC_MAKE_CONFIG_BYTES);
    put_u8(w, 6); /* SLConfigDescriptor: as in MP4 */
    put_u8(w, 1);
    put_u8(w, 2);
    box_end(w, box);
}

static void put_mp4a(struct writer *w, unsigned frame_bytes)
{
    uint8_t *box = box_start(w, "mp4a");
    put_zeros(w, 6);
    put_u16(w, 1); /* data_reference_index */
    put_zeros(w, 8);
    put_u16(w, 2);  /* channels */
    put_u16(w, 16); /* bits a sample */
    put_u32(w, 0);
    put_u32(w, (uint32_t)AAC_MAKE_RATE << 16);
    put_esds(w, frame_bytes);
    box_end(w, box);
}

static void put_empty_table(struct writer *w, const char *type, size_t len)
{
    uint8_t *box = full_box_start(w, type, 0, 0);
    put_zeros(w, len);
    box_end(w, box);
}

/* video NULL makes it an audio track. */
static void put_trak(struct writer *w, unsigned track, const struct h264_make *video,
                     unsigned frame_bytes)
{
    uint8_t *trak = box_start(w, "trak");
    put_tkhd(w, track, video);
    uint8_t *mdia = box_start(w, "mdia");
    put_mdia_head(w, video != NULL ? VIDEO_SCALE : AAC_MAKE_RATE,
                  video != NULL ? "vide" : "soun");
    uint8_t *minf = box_start(w, "minf");
    uint8_t *head = full_box_start(w, video != NULL ? "vmhd" : "smhd", 0, video != NULL);
    put_zeros(w, video != NULL ? 8 : 4);
    box_end(w, head);
    put_dinf(w);
    uint8_t *stbl = box_start(w, "stbl");
    uint8_t *stsd = full_box_start(w, "stsd", 0, 0);
    put_u32(w, 1);
    if (video != NULL) {
        put_avc1(w, video);
    } else {
        put_mp4a(w, frame_bytes);
    }
    box_end(w, stsd);
    put_empty_table(w, "stts", 4);
    put_empty_table(w, "stsc", 4);
    put_empty_table(w, "stsz", 8);
    put_empty_table(w, "stco", 4);
    box_end(w, stbl);
    box_end(w, minf);
    box_end(w, mdia);
    box_end(w, trak);
}

static void put_trex(struct writer *w, unsigned track)
{
    uint8_t *box = full_box_start(w, "trex", 0, 0);
    put_u32(w, track);
    put_u32(w, 1);
    put_zeros(w, 12);
    box_end(w, box);
}

static void put_mvhd(struct writer *w)
{
    uint8_t *box = full_box_start(w, "mvhd", 0, 0);
    put_zeros(w, 8);
    put_u32(w, 1000);
    put_u32(w, 0);
    put_u32(w, 0x10000); /* rate 1 */
    put_u16(w, 0x100);   /* volume 1 */
    put_zeros(w, 10);
    put_matrix(w);
    put_zeros(w, 24);
    put_u32(w, 3); /* next_track_ID */
    box_end(w, box);
}

size_t fmp4_make_init(const struct make_spec *spec, uint8_t *out)
{
    struct writer w = {out, out};
    uint8_t *ftyp = box_start(&w, "ftyp");
    put_bytes(&w, "iso6\0\0\0\1iso6mp41", 16);
    box_end(&w, ftyp);
    uint8_t *moov = box_start(&w, "moov");
    put_mvhd(&w);
    unsigned track = 1;
    if (make_has_video(spec)) {
        put_trak(&w, track++, &spec->video, 0);
    }
    if (make_has_audio(spec)) {
        put_trak(&w, track++, NULL, spec->audio_frame_bytes);
    }
    uint8_t *mvex = box_start(&w, "mvex");
    for (unsigned i = 1; i < track; i++) {
        put_trex(&w, i);
    }
    box_end(&w, mvex);
    box_end(&w, moov);
    assert(w.at <= out + FMP4_MAKE_INIT_MAX);
    return (size_t)(w.at - out);
}

/* Bytes before the samples: styp, moof and the header of mdat. */
static uint64_t head_bytes(const struct make_spec *spec, uint32_t pictures)
{
    uint64_t bytes = 24 + 8 + 16 + 8;
    if (make_has_video(spec)) {
        bytes += 8 + 24 + 20 + 24 + 4 * (uint64_t)pictures;
    }
    if (make_has_audio(spec)) {
        bytes += 8 + 24 + 20 + 20;
    }
    return bytes;
}

static uint64_t least_bytes(const struct make_spec *spec, uint32_t pictures)
{
    uint64_t bytes = head_bytes(spec, pictures);
    if (make_has_video(spec)) {
        bytes += NAL_LENGTH + h264_make_idr_bound(&spec->video) +
                 (uint64_t)(pictures - 1) * (NAL_LENGTH + H264_MAKE_SMALL_BYTES);
    }
    /* The most audio frames that can begin within so many pictures. */
    uint64_t frames = ((uint64_t)pictures * 15 + 7) / 8;
    return bytes + frames * spec->audio_frame_bytes;
}

uint64_t fmp4_make_least_bytes(const struct make_spec *spec)
{
    return least_bytes(spec, spec->segment_pictures);
}

uint64_t fmp4_make_segment_bytes(const struct make_spec *spec,
                                 const struct make_segment *segment)
{
    if (segment->pictures == spec->segment_pictures) {
        return spec->segment_bytes;
    }
    uint64_t least = least_bytes(spec, segment->pictures);
    uint64_t bytes = spec->segment_bytes * segment->pictures / spec->segment_pictures;
    return bytes > least ? bytes : least;
}

/* Opens a traf whose samples all have `duration` and, unless 0, `size`. */
static uint8_t *traf_start(struct writer *w, unsigned track, uint32_t duration, uint32_t size,
                           uint64_t time)
{
    uint8_t *traf = box_start(w, "traf");
    /* default-base-is-moof; duration, size and flags of a sample by default, 8.8.7. */
    uint8_t *tfhd = full_box_start(w, "tfhd", 0, 0x020000 | 0x08 | (size > 0 ? 0x10 : 0x20));
    put_u32(w, track);
    put_u32(w, duration);
    put_u32(w, size > 0 ? size : FLAGS_NOT_SYNC);
    box_end(w, tfhd);
    uint8_t *tfdt = full_box_start(w, "tfdt", 1, 0);
    put_u64(w, time);
    box_end(w, tfdt);
    return traf;
}

/* Writes the pictures as samples behind each other and their sizes into `sizes`; their total is
 * at most `room`, less only by what is too little for filler data. */
static void put_pictures(struct writer *w, const struct make_spec *spec,
                         const struct make_segment *segment, uint64_t room, uint8_t *sizes)
{
    /* The natural pictures are made first, to know what is left to fill. */
    uint8_t skip[H264_MAKE_SMALL_BYTES];
    uint8_t *idr = w->at + NAL_LENGTH;
    size_t idr_len = h264_make_idr(&spec->video, segment->number, idr);
    uint64_t natural = NAL_LENGTH + idr_len;
    for (uint32_t i = 1; i < segment->pictures; i++) {
        natural += NAL_LENGTH + h264_make_skip(&spec->video, i, skip);
    }
    assert(natural <= room);
    uint64_t spare = room - natural;
    uint64_t used = 0;
    for (uint32_t i = 0; i < segment->pictures; i++) {
        uint8_t *sample = w->at;
        size_t len = i == 0 ? idr_len : h264_make_skip(&spec->video, i, skip);
        put_u32(w, (uint32_t)len);
        if (i > 0) {
            memcpy(w->at, skip, len);
        }
        w->at += len;
        uint64_t fill = spare * (i + 1) / segment->pictures - used;
        if (fill >= FILLER_LEAST) {
            put_u32(w, (uint32_t)(fill - NAL_LENGTH));
            h264_make_filler(w->at, fill - NAL_LENGTH);
            w->at += fill - NAL_LENGTH;
            used += fill;
        }
        patch_u32(sizes + (size_t)i * 4, (uint32_t)(w->at - sample));
    }
}

/* What is patched into the boxes once the samples are written. */
struct fragment {
    uint8_t *video_offset, *audio_offset; /* data_offset of each trun; NULL without */
    uint8_t *sizes;                       /* of the pictures */
};

static void put_video_traf(struct writer *w, const struct make_spec *spec,
                           const struct make_segment *segment, struct fragment *fragment)
{
    uint64_t time =
        make_first_picture(spec, segment) * VIDEO_DURATION + segment->timestamp_s * VIDEO_SCALE;
    uint8_t *traf = traf_start(w, 1, VIDEO_DURATION, 0, time);
    uint8_t *trun = full_box_start(w, "trun", 0, 0x01 | 0x04 | 0x200);
    put_u32(w, segment->pictures);
    fragment->video_offset = w->at;
    put_u32(w, 0);
    put_u32(w, FLAGS_SYNC);
    fragment->sizes = w->at;
    put_zeros(w, 4 * (size_t)segment->pictures);
    box_end(w, trun);
    box_end(w, traf);
}

static void put_audio_traf(struct writer *w, const struct make_spec *spec,
                           const struct make_segment *segment, struct fragment *fragment)
{
    uint64_t time =
        make_audio_frame_at(make_first_picture(spec, segment)) * AAC_MAKE_FRAME_SAMPLES +
        segment->timestamp_s * AAC_MAKE_RATE;
    uint8_t *traf = traf_start(w, make_has_video(spec) ? 2 : 1, AAC_MAKE_FRAME_SAMPLES,
                               spec->audio_frame_bytes, time);
    uint8_t *trun = full_box_start(w, "trun", 0, 0x01);
    put_u32(w, make_audio_frames(spec, segment));
    fragment->audio_offset = w->at;
    put_u32(w, 0);
    box_end(w, trun);
    box_end(w, traf);
}

int fmp4_make_segment(const struct make_spec *spec, const struct make_segment *segment,
                      uint8_t *out)
{
    uint64_t total = fmp4_make_segment_bytes(spec, segment);
    uint64_t audio_bytes = (uint64_t)make_audio_frames(spec, segment) * spec->audio_frame_bytes;
    struct writer w = {out, out};
    struct fragment fragment = {0};
    uint8_t *styp = box_start(&w, "styp");
    put_bytes(&w, "msdh\0\0\0\0msdhmsix", 16);
    box_end(&w, styp);
    uint8_t *moof = box_start(&w, "moof");
    uint8_t *mfhd = full_box_start(&w, "mfhd", 0, 0);
    put_u32(&w, (uint32_t)segment->number + 1);
    box_end(&w, mfhd);
    if (make_has_video(spec)) {
        put_video_traf(&w, spec, segment, &fragment);
    }
    if (make_has_audio(spec)) {
        put_audio_traf(&w, spec, segment, &fragment);
    }
    box_end(&w, moof);
    uint8_t *mdat = box_start(&w, "mdat");
    assert((uint64_t)(w.at - out) == head_bytes(spec, segment->pictures));
    assert((uint64_t)(w.at - out) + audio_bytes <= total);
    if (make_has_audio(spec)) {
        patch_u32(fragment.audio_offset, (uint32_t)(w.at - moof));
        uint8_t *first = w.at;
        for (uint64_t at = 0; at < audio_bytes; at += spec->audio_frame_bytes) {
            if (at == 0) {
                aac_make_frame(first, spec->audio_frame_bytes);
            } else {
                memcpy(first + at, first, spec->audio_frame_bytes);
            }
        }
        w.at += audio_bytes;
    }
    if (make_has_video(spec)) {
        patch_u32(fragment.video_offset, (uint32_t)(w.at - moof));
        put_pictures(&w, spec, segment, total - (uint64_t)(w.at - out), fragment.sizes);
    }
    /* What no sample claims stays at the end of mdat. */
    put_zeros(&w, total - (uint64_t)(w.at - out));
    box_end(&w, mdat);
    return 0;
}
