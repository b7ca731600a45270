#include "media/formats.h"

#include "media/mp4_box.h"
#include "media/ts_tables.h"

/* How a format is told: its name, how entries of CODECS begin that stand for it, sample entries
 * of MP4, stream types of MPEG-TS (0: none). */
static const struct {
    const char *name;
    const char *codecs[6];
    uint32_t entries[6];
    uint8_t types[3];
} table[FORMAT_COUNT] = {
    [FORMAT_AVC] = {"H.264",
                    {"avc1", "avc3", "dva1", "dvav"},
                    {MP4_TYPE('a', 'v', 'c', '1'), MP4_TYPE('a', 'v', 'c', '3')},
                    {0x1b, 0xdb}},
    [FORMAT_HEVC] = {"HEVC",
                     {"hvc1", "hev1", "dvh1", "dvhe"},
                     {MP4_TYPE('h', 'v', 'c', '1'), MP4_TYPE('h', 'e', 'v', '1'),
                      MP4_TYPE('d', 'v', 'h', '1'), MP4_TYPE('d', 'v', 'h', 'e')},
                     {0x24}},
    [FORMAT_AV1] = {"AV1", {"av01", "dav1"}, {MP4_TYPE('a', 'v', '0', '1')}, {0}},
    [FORMAT_VP9] = {"VP9", {"vp09", "vp9"}, {MP4_TYPE('v', 'p', '0', '9')}, {0}},
    [FORMAT_AAC] = {"AAC", {"mp4a"}, {MP4_TYPE('m', 'p', '4', 'a')}, {0x0f, 0x11, 0xcf}},
    [FORMAT_MP3] = {"MP3",
                    {"mp4a", "mp3", ".mp3"},
                    {MP4_TYPE('.', 'm', 'p', '3')},
                    {0x03, 0x04}},
    [FORMAT_AC3] = {"AC-3", {"ac-3"}, {MP4_TYPE('a', 'c', '-', '3')}, {0x81, 0xc1}},
    [FORMAT_EC3] = {"E-AC-3", {"ec-3", "ec+3"}, {MP4_TYPE('e', 'c', '-', '3')}, {0x87, 0xc2}},
    [FORMAT_OPUS] = {"Opus", {"opus", "Opus"}, {MP4_TYPE('O', 'p', 'u', 's')}, {0}},
    [FORMAT_FLAC] = {"FLAC", {"fLaC", "flac"}, {MP4_TYPE('f', 'L', 'a', 'C')}, {0}},
    [FORMAT_ALAC] = {"ALAC", {"alac"}, {MP4_TYPE('a', 'l', 'a', 'c')}, {0}},
};

static unsigned of_type(uint8_t type)
{
    for (unsigned f = 0; f < FORMAT_COUNT; f++) {
        for (unsigned i = 0; i < sizeof table[f].types && table[f].types[i] != 0; i++) {
            if (table[f].types[i] == type) {
                return 1U << f;
            }
        }
    }
    return 0;
}

static unsigned of_entry(uint32_t entry)
{
    for (unsigned f = 0; f < FORMAT_COUNT; f++) {
        for (unsigned i = 0; i < 6 && table[f].entries[i] != 0; i++) {
            if (table[f].entries[i] == entry) {
                return 1U << f;
            }
        }
    }
    return 0;
}

static unsigned find_in_ts(struct span segment)
{
    struct ts_tables tables = {0};
    const uint8_t *p = (const uint8_t *)segment.ptr;
    unsigned formats = 0;
    for (size_t at = 0; at + TS_PACKET_BYTES <= segment.len && p[at] == 0x47;
         at += TS_PACKET_BYTES) {
        (void)ts_tables_take(&tables, p + at);
    }
    for (unsigned i = 0; i < tables.count; i++) {
        formats |= of_type(tables.streams[i].type);
    }
    return formats;
}

/* What an encrypted sample entry (enca, encv) holds is told by sinf/frma (ISO 14496-12 section
 * 8.12); before its boxes stand the fields of an audio or a video entry. */
static unsigned of_encrypted(const struct mp4_box *entry)
{
    size_t fields = entry->type == MP4_TYPE('e', 'n', 'c', 'v')   ? 78
                    : entry->type == MP4_TYPE('e', 'n', 'c', 'a') ? 28
                                                                  : 0;
    if (fields == 0 || entry->body.len < fields) {
        return 0;
    }
    struct span boxes = span_skip(entry->body, fields);
    struct span sinf = mp4_find_box(boxes, MP4_TYPE('s', 'i', 'n', 'f'));
    struct span frma = mp4_find_box(sinf, MP4_TYPE('f', 'r', 'm', 'a'));
    return frma.len < 4 ? 0 : of_entry(mp4_u32((const uint8_t *)frma.ptr));
}

static unsigned find_in_mp4(struct span init)
{
    struct span moov = mp4_find_box(init, MP4_TYPE('m', 'o', 'o', 'v'));
    struct mp4_box box, entry;
    unsigned formats = 0;
    while (mp4_next_box(&moov, &box)) {
        if (box.type != MP4_TYPE('t', 'r', 'a', 'k')) {
            continue;
        }
        struct span mdia = mp4_find_box(box.body, MP4_TYPE('m', 'd', 'i', 'a'));
        struct span minf = mp4_find_box(mdia, MP4_TYPE('m', 'i', 'n', 'f'));
        struct span stbl = mp4_find_box(minf, MP4_TYPE('s', 't', 'b', 'l'));
        struct span stsd = mp4_find_box(stbl, MP4_TYPE('s', 't', 's', 'd'));
        struct span entries = span_skip(stsd, stsd.len < 8 ? stsd.len : 8);
        while (mp4_next_box(&entries, &entry)) {
            formats |= of_entry(entry.type) | of_encrypted(&entry);
        }
    }
    return formats;
}

unsigned formats_find(struct span init, struct span segment)
{
    const uint8_t *p = (const uint8_t *)segment.ptr;
    if (segment.len < 16) {
        return 0;
    }
    if (p[0] == 0x47) {
        return find_in_ts(segment);
    }
    bool adts = p[0] == 0xff && (p[1] & 0xf6) == 0xf0;
    return adts ? 1U << FORMAT_AAC : find_in_mp4(init.len > 0 ? init : segment);
}

static bool names(struct span entry, unsigned format)
{
    for (unsigned i = 0; i < 6 && table[format].codecs[i] != NULL; i++) {
        if (span_starts_with(entry, span_from_string(table[format].codecs[i]))) {
            return true;
        }
    }
    return false;
}

unsigned formats_unnamed(unsigned formats, struct span codecs)
{
    while (codecs.len > 0) {
        struct span entry = span_trim(span_cut(&codecs, ','));
        for (unsigned f = 0; f < FORMAT_COUNT; f++) {
            formats &= names(entry, f) ? ~(1U << f) : ~0U;
        }
    }
    return formats;
}

const char *format_name(enum format format)
{
    return table[format].name;
}
