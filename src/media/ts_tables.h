/* The tables of a transport stream that tell which streams are in it (ISO 13818-1
 * section 2.4.4), packet by packet. Only what lies in one packet is read, which is all of such
 * tables in HLS. Pure, any thread. */
#ifndef MEDIA_TS_TABLES_H
#define MEDIA_TS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_PACKET_BYTES 188
#define TS_STREAMS_MAX  16

struct ts_stream {
    uint32_t pid;
    uint8_t type; /* stream_type */
};

/* Zeroed it has seen nothing. */
struct ts_tables {
    uint32_t pmt_pid; /* 0: not known yet */
    unsigned count;
    struct ts_stream streams[TS_STREAMS_MAX];
};

/* Takes a whole packet in. Returns whether it belonged to a table. */
bool ts_tables_take(struct ts_tables *tables, const uint8_t *packet);

/* Where the payload of a packet begins that starts a section or PES packet; TS_PACKET_BYTES
 * when it does not start one. */
size_t ts_payload_start(const uint8_t *packet);

static inline uint32_t ts_pid(const uint8_t *packet)
{
    return ((uint32_t)packet[1] << 8 | packet[2]) & 0x1fff;
}

#endif
