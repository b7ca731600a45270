#include "media/aac_make.h"

#include "media/bits.h"

#include <assert.h>

enum { ELEMENT_CPE = 1, ELEMENT_FIL = 6, ELEMENT_END = 7 };

/* A channel pair in which no scale factor band is coded, 4.4.2.1: silence. 43 bits. */
static void put_silence(struct bits *bits)
{
    bits_put(bits, 3, ELEMENT_CPE);
    bits_put(bits, 4, 0); /* element_instance_tag */
    bits_put(bits, 1, 1); /* common_window */
    bits_put(bits, 4, 0); /* ics_reserved_bit, window_sequence, window_shape */
    bits_put(bits, 6, 0); /* max_sfb */
    bits_put(bits, 1, 0); /* predictor_data_present */
    bits_put(bits, 2, 0); /* ms_mask_present */
    for (unsigned channel = 0; channel < 2; channel++) {
        bits_put(bits, 8, 140); /* global_gain, of nothing */
        bits_put(bits, 3, 0);   /* no pulses, no TNS, no gain control */
    }
}

/* A fill element whose payload is `len` bytes, 0 to 269; its header is 7 bits, or 15 when len
 * is 15 or more. */
static void put_fill(struct bits *bits, unsigned len)
{
    bits_put(bits, 3, ELEMENT_FIL);
    bits_put(bits, 4, len < 15 ? len : 15);
    if (len >= 15) {
        bits_put(bits, 8, len - 14);
    }
    for (unsigned i = 0; i < len; i++) {
        /* extension_type EXT_FILL_DATA with its nibble, then fill_byte, 4.4.2.7. */
        bits_put(bits, 8, i == 0 ? 0x10 : 0xa5);
    }
}

void aac_make_frame(uint8_t *out, size_t len)
{
    assert(len >= AAC_MAKE_FRAME_MIN && len <= AAC_MAKE_FRAME_MAX);
    struct bits bits = bits_over(out, len);
    put_silence(&bits);
    for (;;) {
        /* Whole bytes left after the end element and a short fill header. */
        size_t left = len * 8 - bits.bit - 3;
        if (left < 7) {
            break;
        }
        size_t payload = (left - 7) / 8;
        if (payload >= 15) {
            payload = (left - 15) / 8;
            payload = payload < 15 ? 14 : payload;
        }
        put_fill(&bits, payload > 269 ? 269 : (unsigned)payload);
    }
    bits_put(&bits, 3, ELEMENT_END);
    bits_align(&bits);
    assert(bits_bytes(&bits) == len);
}

void aac_make_adts(uint8_t out[AAC_MAKE_ADTS_BYTES], size_t len)
{
    struct bits bits = bits_over(out, AAC_MAKE_ADTS_BYTES);
    bits_put(&bits, 12, 0xfff);
    bits_put(&bits, 4, 1); /* MPEG-4, layer 0, no CRC */
    bits_put(&bits, 2, 1); /* AAC-LC */
    bits_put(&bits, 4, 3); /* 48 kHz */
    bits_put(&bits, 1, 0);
    bits_put(&bits, 3, 2); /* two channels */
    bits_put(&bits, 4, 0);
    bits_put(&bits, 13, (uint32_t)(len + AAC_MAKE_ADTS_BYTES));
    bits_put(&bits, 11, 0x7ff); /* variable rate */
    bits_put(&bits, 2, 0);      /* one raw_data_block */
}
