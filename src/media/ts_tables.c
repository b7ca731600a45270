#include "media/ts_tables.h"

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static void add_stream(struct ts_tables *tables, uint32_t pid, uint8_t type)
{
    for (unsigned i = 0; i < tables->count; i++) {
        if (tables->streams[i].pid == pid) {
            return;
        }
    }
    if (tables->count < TS_STREAMS_MAX) {
        tables->streams[tables->count++] = (struct ts_stream){pid, type};
    }
}

static void read_programs(struct ts_tables *tables, const uint8_t *section, size_t len)
{
    for (size_t at = 8; at + 8 <= len; at += 4) {
        if (get16(section + at) != 0) {
            tables->pmt_pid = get16(section + at + 2) & 0x1fff;
            return;
        }
    }
}

static void read_streams(struct ts_tables *tables, const uint8_t *section, size_t len)
{
    if (len < 12) {
        return;
    }
    size_t at = 12 + (get16(section + 10) & 0x0fff);
    while (at + 9 <= len) {
        add_stream(tables, get16(section + at + 1) & 0x1fff, section[at]);
        at += 5 + (get16(section + at + 3) & 0x0fff);
    }
}

size_t ts_payload_start(const uint8_t *packet)
{
    bool start = (packet[1] & 0x40) != 0;
    size_t at = 4;
    if ((packet[3] & 0x20) != 0) {
        at += 1 + (size_t)packet[4];
    }
    return start && (packet[3] & 0x10) != 0 && at < TS_PACKET_BYTES ? at : TS_PACKET_BYTES;
}

bool ts_tables_take(struct ts_tables *tables, const uint8_t *packet)
{
    uint32_t pid = ts_pid(packet);
    if (pid != 0 && pid != tables->pmt_pid) {
        return false;
    }
    const uint8_t *p = packet + ts_payload_start(packet);
    size_t len = (size_t)(packet + TS_PACKET_BYTES - p);
    if (len < 1 || (size_t)p[0] + 9 > len) {
        return true;
    }
    size_t skip = 1 + (size_t)p[0];
    p += skip;
    len -= skip;
    size_t section = (get16(p + 1) & 0x0fff) + 3u;
    len = section < len ? section : len;
    if (pid == 0 && p[0] == 0x00) {
        read_programs(tables, p, len);
    } else if (pid != 0 && p[0] == 0x02) {
        read_streams(tables, p, len);
    }
    return true;
}
