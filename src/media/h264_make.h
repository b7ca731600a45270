/* Makes a valid H.264 stream without an encoder (ITU-T H.264, Constrained Baseline, CAVLC): an
 * IDR picture of grey bars, one bit field a macroblock, then pictures in which every
 * macroblock is skipped. The bars move by one place with each IDR, so that an eye can tell
 * segments apart. Weight is added by the caller with filler data (h264_filler).
 *
 * All functions write one NAL unit, header byte and emulation prevention included, without
 * start code or length, into `out`, and return its bytes. Pure, any thread. */
#ifndef MEDIA_H264_MAKE_H
#define MEDIA_H264_MAKE_H

#include <stddef.h>
#include <stdint.h>

/* Pictures a second; a picture lasts 3600 ticks of 90 kHz. */
#define H264_MAKE_FPS 25

/* No picture is wider or higher; level 5.1 holds it at 25 pictures a second. */
#define H264_MAKE_MAX_WIDTH  4096
#define H264_MAKE_MAX_HEIGHT 2304

/* Room that any of the NAL units of parameters, or a skipped picture, fits into. */
#define H264_MAKE_SMALL_BYTES 64

struct h264_make {
    unsigned width;  /* pixels, even, 16 to H264_MAKE_MAX_WIDTH */
    unsigned height; /* pixels, even, 16 to H264_MAKE_MAX_HEIGHT */
};

/* level_idc, 10 times the level: the least that holds such pictures (table A-1). */
unsigned h264_make_level(const struct h264_make *make);

/* The RFC 6381 name, "avc1.42c01e". `out` has room for 12 bytes, NUL included. */
void h264_make_codec(const struct h264_make *make, char out[12]);

/* The sequence and picture parameter sets; out has H264_MAKE_SMALL_BYTES. */
size_t h264_make_sps(const struct h264_make *make, uint8_t *out);
size_t h264_make_pps(uint8_t *out);

/* Bytes that h264_make_idr never passes. */
size_t h264_make_idr_bound(const struct h264_make *make);

/* The IDR picture that opens segment `number`; out has h264_make_idr_bound() bytes. */
size_t h264_make_idr(const struct h264_make *make, uint64_t number, uint8_t *out);

/* Picture `index` (1, 2, ...) after an IDR, a copy of the one before; out has
 * H264_MAKE_SMALL_BYTES. */
size_t h264_make_skip(const struct h264_make *make, unsigned index, uint8_t *out);

/* The access unit delimiter, 2 bytes. */
#define H264_MAKE_AUD_BYTES 2
size_t h264_make_aud(uint8_t out[H264_MAKE_AUD_BYTES]);

/* A filler data NAL unit of exactly `len` bytes; len at least H264_MAKE_FILLER_MIN. */
#define H264_MAKE_FILLER_MIN 2
void h264_make_filler(uint8_t *out, size_t len);

#endif
