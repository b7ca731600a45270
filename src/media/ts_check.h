/* Reads a whole MPEG-TS segment as it comes, in pieces of any size, and tells the first thing
 * that is wrong with it: lost sync, a broken continuity counter, no PAT or PMT, no media, a PES
 * header without its start code, a part of a packet at the end (ISO 13818-1, RFC 8216 section
 * 3.2). It decodes nothing.
 *
 * The caller's memory, no allocation; one struct a segment, one thread. */
#ifndef MEDIA_TS_CHECK_H
#define MEDIA_TS_CHECK_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define TS_CHECK_PACKET 188
#define TS_CHECK_PIDS   8192

/* Timestamps are 33 bits of 90 kHz; this is none. */
#define TS_CHECK_NO_TIME UINT64_MAX

struct ts_check {
    uint8_t packet[TS_CHECK_PACKET]; /* the one that has come in part */
    unsigned held;                   /* bytes of it */
    uint64_t packets;                /* whole ones so far */
    const char *wrong;               /* static; NULL so far */
    uint64_t wrong_packet;           /* its number, from 0 */
    unsigned pmt_pid;                /* 0 before the PAT */
    unsigned video_pid, audio_pid;   /* the first of each kind in the PMT; 0: none */
    bool has_pat, has_pmt;
    uint64_t video_units, audio_units; /* PES packets begun */
    uint64_t first_pts, last_pts;      /* of the video, else of the audio */
    uint8_t counters[TS_CHECK_PIDS];   /* the last counter and 0x80; 0: none yet */
};

void ts_check_init(struct ts_check *check);

/* Takes the next bytes. Returns NULL, or what is wrong as a clause in English, static text;
 * once something is wrong, further bytes change nothing. */
const char *ts_check_feed(struct ts_check *check, struct span bytes);

/* Ends the segment: what is wrong, or NULL. */
const char *ts_check_end(struct ts_check *check);

#endif
