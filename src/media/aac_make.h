/* Makes silent AAC-LC frames without an encoder (ISO 14496-3): 48 kHz, stereo, 1024 samples a
 * frame, filled up to the size wanted with fill elements. Pure, any thread. */
#ifndef MEDIA_AAC_MAKE_H
#define MEDIA_AAC_MAKE_H

#include <stddef.h>
#include <stdint.h>

#define AAC_MAKE_RATE          48000
#define AAC_MAKE_FRAME_SAMPLES 1024
#define AAC_MAKE_CODEC         "mp4a.40.2"

/* The least and the most bytes of a raw frame: 6144 bits a channel are the most (4.5.3.2). */
#define AAC_MAKE_FRAME_MIN 8
#define AAC_MAKE_FRAME_MAX 1536

#define AAC_MAKE_ADTS_BYTES 7

/* AudioSpecificConfig (1.6.2.1): object type 2, frequency index 3, two channels. */
#define AAC_MAKE_CONFIG       "\x11\x90"
#define AAC_MAKE_CONFIG_BYTES 2

/* Writes one raw_data_block of exactly `len` bytes, AAC_MAKE_FRAME_MIN to
 * AAC_MAKE_FRAME_MAX. */
void aac_make_frame(uint8_t *out, size_t len);

/* Writes the ADTS header of a raw frame of `len` bytes. */
void aac_make_adts(uint8_t out[AAC_MAKE_ADTS_BYTES], size_t len);

#endif
