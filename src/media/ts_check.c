#include "media/ts_check.h"

enum { PID_NULL = 0x1fff };

void ts_check_init(struct ts_check *check)
{
    *check = (struct ts_check){.first_pts = TS_CHECK_NO_TIME, .last_pts = TS_CHECK_NO_TIME};
}

static unsigned u16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* The section that begins in this payload, its pointer_field skipped. Returns its bytes through
 * its CRC, or 0 when it is not whole in this packet: then it is not looked at. */
static size_t section_in(const uint8_t **p, const uint8_t *end)
{
    if (end - *p < 1 || end - *p < 1 + (*p)[0] + 3) {
        return 0;
    }
    *p += 1 + (*p)[0];
    size_t len = 3 + (u16(*p + 1) & 0xfff);
    return len <= (size_t)(end - *p) && len >= 12 ? len : 0;
}

/* PAT, section 2.4.4.3: the first program that is not the network's. */
static void read_pat(struct ts_check *check, const uint8_t *p, const uint8_t *end)
{
    size_t len = section_in(&p, end);
    if (len == 0 || p[0] != 0) {
        return;
    }
    for (size_t at = 8; at + 4 + 4 <= len; at += 4) {
        if (u16(p + at) != 0) {
            check->has_pat = true;
            check->pmt_pid = u16(p + at + 2) & 0x1fff;
            return;
        }
    }
}

static bool is_video(unsigned type)
{
    return type == 0x01 || type == 0x02 || type == 0x10 || type == 0x1b || type == 0x24;
}

static bool is_audio(unsigned type)
{
    return type == 0x03 || type == 0x04 || type == 0x0f || type == 0x11 || type == 0x81 ||
           type == 0x87;
}

/* PMT, section 2.4.4.8. */
static void read_pmt(struct ts_check *check, const uint8_t *p, const uint8_t *end)
{
    size_t len = section_in(&p, end);
    if (len < 16 || p[0] != 2) {
        return;
    }
    check->has_pmt = true;
    for (size_t at = 12 + (u16(p + 10) & 0xfff); at + 5 + 4 <= len;
         at += 5 + (u16(p + at + 3) & 0xfff)) {
        unsigned pid = u16(p + at + 1) & 0x1fff;
        if (is_video(p[at]) && check->video_pid == 0) {
            check->video_pid = pid;
        } else if (is_audio(p[at]) && check->audio_pid == 0) {
            check->audio_pid = pid;
        }
    }
}

static void note_pts(struct ts_check *check, const uint8_t *p)
{
    uint64_t pts = (uint64_t)(p[0] >> 1 & 7) << 30 | (uint64_t)p[1] << 22 |
                   (uint64_t)(p[2] >> 1) << 15 | (uint64_t)p[3] << 7 | p[4] >> 1;
    if (check->first_pts == TS_CHECK_NO_TIME) {
        check->first_pts = pts;
    }
    check->last_pts = pts;
}

/* The start of a PES packet, section 2.4.3.6. */
static const char *read_pes(struct ts_check *check, unsigned pid, const uint8_t *p,
                            const uint8_t *end)
{
    bool video = pid == check->video_pid;
    if (end - p < 9 || p[0] != 0 || p[1] != 0 || p[2] != 1) {
        return "a PES packet without its start code";
    }
    if (video) {
        check->video_units++;
    } else {
        check->audio_units++;
    }
    if ((p[7] & 0x80) != 0 && end - p >= 14 && (video || check->video_pid == 0)) {
        note_pts(check, p + 9);
    }
    return NULL;
}

/* Continuity, section 2.4.3.3: the counter goes up with each payload; one repetition is
 * allowed, and after the discontinuity indicator anything is. */
static bool continues(struct ts_check *check, unsigned pid, unsigned counter, bool has_payload,
                      bool may_jump)
{
    uint8_t last = check->counters[pid];
    check->counters[pid] = (uint8_t)(0x80 | counter);
    if (last == 0 || may_jump) {
        return true;
    }
    last &= 15;
    return has_payload ? counter == ((last + 1u) & 15) || counter == last : counter == last;
}

static const char *read_packet(struct ts_check *check, const uint8_t *p)
{
    const uint8_t *end = p + TS_CHECK_PACKET;
    unsigned pid = u16(p + 1) & 0x1fff;
    bool starts = (p[1] & 0x40) != 0;
    bool has_field = (p[3] & 0x20) != 0;
    bool has_payload = (p[3] & 0x10) != 0;
    if (p[0] != 0x47) {
        return "no sync byte where a packet begins";
    }
    if ((p[1] & 0x80) != 0) {
        return "a packet marked as damaged";
    }
    if (pid == PID_NULL) {
        return NULL;
    }
    if (has_field && p[4] > 183) {
        return "an adaptation field longer than its packet";
    }
    bool may_jump = has_field && p[4] > 0 && (p[5] & 0x80) != 0;
    if (!continues(check, pid, p[3] & 15, has_payload, may_jump)) {
        return "a continuity counter that jumps";
    }
    const uint8_t *payload = p + 4 + (has_field ? 1 + p[4] : 0);
    if (!has_payload || !starts) {
        return NULL;
    }
    if (pid == 0) {
        read_pat(check, payload, end);
    } else if (check->has_pat && pid == check->pmt_pid) {
        read_pmt(check, payload, end);
    } else if (check->has_pmt && (pid == check->video_pid || pid == check->audio_pid)) {
        return read_pes(check, pid, payload, end);
    }
    return NULL;
}

static void take_packet(struct ts_check *check, const uint8_t *packet)
{
    check->wrong = read_packet(check, packet);
    check->wrong_packet = check->packets;
    check->packets++;
}

const char *ts_check_feed(struct ts_check *check, struct span bytes)
{
    while (bytes.len > 0 && check->wrong == NULL) {
        if (check->held == 0 && bytes.len >= TS_CHECK_PACKET) {
            take_packet(check, (const uint8_t *)bytes.ptr);
            bytes.ptr += TS_CHECK_PACKET;
            bytes.len -= TS_CHECK_PACKET;
            continue;
        }
        size_t n = TS_CHECK_PACKET - check->held;
        n = n < bytes.len ? n : bytes.len;
        memcpy(check->packet + check->held, bytes.ptr, n);
        check->held += (unsigned)n;
        bytes.ptr += n;
        bytes.len -= n;
        if (check->held == TS_CHECK_PACKET) {
            check->held = 0;
            take_packet(check, check->packet);
        }
    }
    return check->wrong;
}

const char *ts_check_end(struct ts_check *check)
{
    if (check->wrong != NULL) {
        return check->wrong;
    }
    if (check->held > 0) {
        check->wrong = "a part of a packet at the end";
    } else if (check->packets == 0) {
        check->wrong = "no packet";
    } else if (!check->has_pat) {
        check->wrong = "no program association table";
    } else if (!check->has_pmt) {
        check->wrong = "no program map table";
    } else if (check->video_units + check->audio_units == 0) {
        check->wrong = "no media";
    }
    return check->wrong;
}
