#include "media/sniff.h"

#define TS_PACKET 188

static unsigned byte_at(struct span s, size_t at)
{
    return (unsigned char)s.ptr[at];
}

static bool is_ts(struct span head)
{
    if (head.len < TS_PACKET) {
        return false;
    }
    for (size_t at = 0; at < head.len && at <= (size_t)2 * TS_PACKET; at += TS_PACKET) {
        if (byte_at(head, at) != 0x47) {
            return false;
        }
    }
    return true;
}

static bool is_fmp4(struct span head)
{
    /* The boxes that packagers put first, ISO 14496-12 and 23009-1. */
    static const char *const types[] = {"styp", "moof", "ftyp", "sidx", "emsg", "prft",
                                        "moov", "ssix", "mdat", "free", "skip", "uuid"};
    if (head.len < 8) {
        return false;
    }
    uint32_t size = (uint32_t)byte_at(head, 0) << 24 | byte_at(head, 1) << 16 |
                    byte_at(head, 2) << 8 | byte_at(head, 3);
    /* 0 means "to the end of the file", 1 that a 64-bit size follows. */
    if (size > 1 && size < 8) {
        return false;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (memcmp(head.ptr + 4, types[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

/* ISO 14496-3 1.A.2.2: twelve ones, layer 00, and a frame length that includes its header. */
static bool is_adts(struct span head)
{
    if (head.len < 7 || byte_at(head, 0) != 0xff || (byte_at(head, 1) & 0xf6) != 0xf0) {
        return false;
    }
    unsigned frequency = byte_at(head, 2) >> 2 & 0xf;
    size_t length =
        (byte_at(head, 3) & 3) << 11 | byte_at(head, 4) << 3 | byte_at(head, 5) >> 5;
    if (frequency > 12 || length < 7) {
        return false;
    }
    return length + 2 > head.len ||
           (byte_at(head, length) == 0xff && (byte_at(head, length + 1) & 0xf6) == 0xf0);
}

/* ISO 11172-3 2.4.2.3: eleven ones; version 01, layer 00, bitrate 15 and frequency 3 are
 * reserved. */
static bool is_mpeg_audio(struct span head)
{
    return head.len >= 4 && byte_at(head, 0) == 0xff && (byte_at(head, 1) & 0xe0) == 0xe0 &&
           (byte_at(head, 1) & 0x18) != 0x08 && (byte_at(head, 1) & 0x06) != 0 &&
           byte_at(head, 2) >> 4 != 15 && (byte_at(head, 2) & 0x0c) != 0x0c;
}

static bool is_packed_audio(struct span head)
{
    /* ID3v2: the version bytes are never 0xff, the size's bytes have no top bit. */
    if (head.len >= 10 && memcmp(head.ptr, "ID3", 3) == 0) {
        return byte_at(head, 3) != 0xff && byte_at(head, 4) != 0xff &&
               ((byte_at(head, 6) | byte_at(head, 7) | byte_at(head, 8) | byte_at(head, 9)) &
                0x80) == 0;
    }
    if (head.len >= 5 && byte_at(head, 0) == 0x0b && byte_at(head, 1) == 0x77) {
        return true;
    }
    return is_adts(head) || is_mpeg_audio(head);
}

/* WebVTT section 4.1: an optional BOM, the word, then the end or white space. */
static bool is_webvtt(struct span head)
{
    if (span_starts_with(head, SPAN("\xef\xbb\xbf"))) {
        head = span_skip(head, 3);
    }
    if (!span_starts_with(head, SPAN("WEBVTT"))) {
        return false;
    }
    return head.len == 6 || head.ptr[6] == ' ' || head.ptr[6] == '\t' || head.ptr[6] == '\r' ||
           head.ptr[6] == '\n';
}

enum sniff sniff_media(struct span head)
{
    if (is_ts(head)) {
        return SNIFF_TS;
    }
    if (is_fmp4(head)) {
        return SNIFF_FMP4;
    }
    if (is_packed_audio(head)) {
        return SNIFF_PACKED_AUDIO;
    }
    return is_webvtt(head) ? SNIFF_WEBVTT : SNIFF_NOT_MEDIA;
}
