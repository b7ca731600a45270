#include "media/h264_make.h"

#include "media/bits.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { NAL_SLICE = 1, NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8, NAL_AUD = 9, NAL_FILLER = 12 };

/* Bits of frame_num in slice headers; a segment of 65,536 pictures lasts 43 minutes. */
#define FRAME_NUM_BITS 16

/* A step of one level of luma DC at this quantizer, the coarsest, is about 16 of 255. */
#define BARS_QP 51
#define BARS    8

static unsigned width_mbs(const struct h264_make *make)
{
    return (make->width + 15) / 16;
}

static unsigned height_mbs(const struct h264_make *make)
{
    return (make->height + 15) / 16;
}

/* Wraps `len` bytes of RBSP as a NAL unit, section 7.3.1: a byte 3 goes between two zero bytes
 * and a byte below 4. */
static size_t nal_wrap(uint8_t *out, unsigned ref_idc, unsigned type, const uint8_t *rbsp,
                       size_t len)
{
    size_t at = 0;
    unsigned zeros = 0;
    out[at++] = (uint8_t)(ref_idc << 5 | type);
    for (size_t i = 0; i < len; i++) {
        if (zeros == 2 && rbsp[i] <= 3) {
            out[at++] = 3;
            zeros = 0;
        }
        out[at++] = rbsp[i];
        zeros = rbsp[i] == 0 ? zeros + 1 : 0;
    }
    return at;
}

/* rbsp_trailing_bits(), section 7.3.2.11. */
static size_t rbsp_end(struct bits *bits)
{
    bits_put(bits, 1, 1);
    bits_align(bits);
    return bits_bytes(bits);
}

unsigned h264_make_level(const struct h264_make *make)
{
    static const struct {
        unsigned level, frame_mbs, mbs_per_s;
    } levels[] = {{10, 99, 1485},     {11, 396, 3000},    {12, 396, 6000},
                  {13, 396, 11880},   {21, 792, 19800},   {22, 1620, 20250},
                  {30, 1620, 40500},  {31, 3600, 108000}, {32, 5120, 216000},
                  {40, 8192, 245760}, {42, 8704, 522240}, {50, 22080, 589824},
                  {51, 36864, 983040}};
    unsigned mbs = width_mbs(make) * height_mbs(make);
    size_t i = 0;
    while (i + 1 < sizeof levels / sizeof levels[0] &&
           (mbs > levels[i].frame_mbs || mbs * H264_MAKE_FPS > levels[i].mbs_per_s)) {
        i++;
    }
    return levels[i].level;
}

void h264_make_codec(const struct h264_make *make, char out[12])
{
    snprintf(out, 12, "avc1.42c0%02x", h264_make_level(make) & 0xff);
}

/* vui_parameters(), section E.1.1: the picture rate, and that no picture is reordered, so that
 * decoders show each at once. */
static void put_vui(struct bits *bits)
{
    bits_put(bits, 4, 0); /* aspect ratio, overscan, video signal, chroma location */
    bits_put(bits, 1, 1); /* timing info: two ticks a picture */
    bits_put(bits, 32, 1);
    bits_put(bits, 32, H264_MAKE_FPS * 2);
    bits_put(bits, 1, 1); /* fixed_frame_rate_flag */
    bits_put(bits, 3, 0); /* NAL HRD, VCL HRD, pic_struct */
    bits_put(bits, 1, 1); /* bitstream restriction */
    bits_put(bits, 1, 1); /* motion vectors may leave the picture */
    bits_put_ue(bits, 0); /* max_bytes_per_pic_denom: no bound */
    bits_put_ue(bits, 0); /* max_bits_per_mb_denom: no bound */
    bits_put_ue(bits, 10);
    bits_put_ue(bits, 10);
    bits_put_ue(bits, 0); /* max_num_reorder_frames */
    bits_put_ue(bits, 1); /* max_dec_frame_buffering */
}

size_t h264_make_sps(const struct h264_make *make, uint8_t *out)
{
    uint8_t rbsp[H264_MAKE_SMALL_BYTES];
    struct bits bits = bits_over(rbsp, sizeof rbsp);
    bits_put(&bits, 8, 66);   /* profile_idc: Baseline */
    bits_put(&bits, 8, 0xc0); /* constraint_set0 and 1: Constrained Baseline */
    bits_put(&bits, 8, h264_make_level(make));
    bits_put_ue(&bits, 0); /* seq_parameter_set_id */
    bits_put_ue(&bits, FRAME_NUM_BITS - 4);
    bits_put_ue(&bits, 2); /* pic_order_cnt_type: shown as decoded */
    bits_put_ue(&bits, 1); /* max_num_ref_frames */
    bits_put(&bits, 1, 0); /* no gaps in frame_num */
    bits_put_ue(&bits, width_mbs(make) - 1);
    bits_put_ue(&bits, height_mbs(make) - 1);
    bits_put(&bits, 1, 1); /* frame_mbs_only_flag */
    bits_put(&bits, 1, 1); /* direct_8x8_inference_flag */
    unsigned crop_x = (width_mbs(make) * 16 - make->width) / 2;
    unsigned crop_y = (height_mbs(make) * 16 - make->height) / 2;
    bits_put(&bits, 1, crop_x + crop_y > 0);
    if (crop_x + crop_y > 0) {
        bits_put_ue(&bits, 0);
        bits_put_ue(&bits, crop_x);
        bits_put_ue(&bits, 0);
        bits_put_ue(&bits, crop_y);
    }
    bits_put(&bits, 1, 1);
    put_vui(&bits);
    return nal_wrap(out, 3, NAL_SPS, rbsp, rbsp_end(&bits));
}

size_t h264_make_pps(uint8_t *out)
{
    uint8_t rbsp[H264_MAKE_SMALL_BYTES];
    struct bits bits = bits_over(rbsp, sizeof rbsp);
    bits_put_ue(&bits, 0); /* pic_parameter_set_id */
    bits_put_ue(&bits, 0); /* seq_parameter_set_id */
    bits_put(&bits, 1, 0); /* CAVLC */
    bits_put(&bits, 1, 0);
    bits_put_ue(&bits, 0); /* one slice group */
    bits_put_ue(&bits, 0); /* one reference in list 0, one in list 1 */
    bits_put_ue(&bits, 0);
    bits_put(&bits, 3, 0); /* no weighted prediction */
    bits_put_se(&bits, BARS_QP - 26);
    bits_put_se(&bits, 0);
    bits_put_se(&bits, 0);
    bits_put(&bits, 1, 1); /* slices say themselves that they want no deblocking */
    bits_put(&bits, 2, 0);
    return nal_wrap(out, 3, NAL_PPS, rbsp, rbsp_end(&bits));
}

size_t h264_make_idr_bound(const struct h264_make *make)
{
    /* At most 11 bits a macroblock, and half as much again for emulation prevention. */
    return (size_t)width_mbs(make) * height_mbs(make) * 9 / 4 + H264_MAKE_SMALL_BYTES;
}

/* The change of luma level where bar `bar` begins: the bars rise and fall between dark and
 * bright. */
static int bar_step(uint64_t bar)
{
    static const int steps[BARS] = {1, 1, -1, -1, -1, 1, 1, -1};
    return steps[bar % BARS];
}

/* An Intra_16x16 macroblock without AC or chroma coefficients, section 7.3.5. `prediction` is
 * 0 (from above) or 2 (the mean of the neighbours), `dc` the level of its luma DC: -1, 0, 1. */
static void put_intra_mb(struct bits *bits, unsigned prediction, int dc)
{
    bits_put_ue(bits, 1 + prediction); /* mb_type: I_16x16_prediction_0_0 */
    bits_put_ue(bits, 0);              /* intra_chroma_pred_mode: DC */
    bits_put_se(bits, 0);              /* mb_qp_delta */
    if (dc == 0) {
        bits_put(bits, 1, 1); /* coeff_token: no coefficient */
        return;
    }
    bits_put(bits, 2, 1);      /* coeff_token: one, and it is a trailing one */
    bits_put(bits, 1, dc < 0); /* its sign */
    bits_put(bits, 1, 1);      /* total_zeros: 0 */
}

size_t h264_make_idr(const struct h264_make *make, uint64_t number, uint8_t *out)
{
    size_t bound = h264_make_idr_bound(make);
    /* The RBSP is written to the end of `out` and wrapped towards its start: the wrapped form
     * needs at most half as much again, which the bound leaves free. */
    size_t room = bound / 3 * 2;
    uint8_t *rbsp = out + (bound - room);
    struct bits bits = bits_over(rbsp, room);
    bits_put_ue(&bits, 0); /* first_mb_in_slice */
    bits_put_ue(&bits, 7); /* slice_type: I, as all of the picture */
    bits_put_ue(&bits, 0);
    bits_put(&bits, FRAME_NUM_BITS, 0);
    bits_put_ue(&bits, number & 1); /* idr_pic_id: consecutive ones differ */
    bits_put(&bits, 2, 0);          /* dec_ref_pic_marking */
    bits_put_se(&bits, 0);          /* slice_qp_delta */
    bits_put_ue(&bits, 1);          /* no deblocking */
    unsigned columns = width_mbs(make);
    unsigned bar_mbs = columns / BARS > 0 ? columns / BARS : 1;
    for (unsigned x = 0; x < columns; x++) {
        put_intra_mb(&bits, 2, x % bar_mbs == 0 ? bar_step(x / bar_mbs + number) : 0);
    }
    for (unsigned mb = columns; mb < columns * height_mbs(make); mb++) {
        put_intra_mb(&bits, 0, 0);
    }
    return nal_wrap(out, 3, NAL_IDR, rbsp, rbsp_end(&bits));
}

size_t h264_make_skip(const struct h264_make *make, unsigned index, uint8_t *out)
{
    uint8_t rbsp[H264_MAKE_SMALL_BYTES];
    struct bits bits = bits_over(rbsp, sizeof rbsp);
    bits_put_ue(&bits, 0);
    bits_put_ue(&bits, 5); /* slice_type: P, as all of the picture */
    bits_put_ue(&bits, 0);
    bits_put(&bits, FRAME_NUM_BITS, index & ((1u << FRAME_NUM_BITS) - 1));
    bits_put(&bits, 1, 0); /* num_ref_idx_active_override_flag */
    bits_put(&bits, 1, 0); /* ref_pic_list_modification_flag_l0 */
    bits_put(&bits, 1, 0); /* adaptive_ref_pic_marking_mode_flag */
    bits_put_se(&bits, 0);
    bits_put_ue(&bits, 1);
    bits_put_ue(&bits, width_mbs(make) * height_mbs(make)); /* mb_skip_run */
    return nal_wrap(out, 2, NAL_SLICE, rbsp, rbsp_end(&bits));
}

size_t h264_make_aud(uint8_t out[H264_MAKE_AUD_BYTES])
{
    out[0] = NAL_AUD;
    out[1] = 0x30; /* primary_pic_type 1: I and P slices; stop bit */
    return H264_MAKE_AUD_BYTES;
}

void h264_make_filler(uint8_t *out, size_t len)
{
    assert(len >= H264_MAKE_FILLER_MIN);
    out[0] = NAL_FILLER;
    memset(out + 1, 0xff, len - 2);
    out[len - 1] = 0x80;
}
