#include "media/m3u8_write.h"

#include <inttypes.h>
#include <time.h>

int m3u8_write_multivariant_start(struct buf *buf, unsigned version)
{
    return buf_printf(buf, "#EXTM3U\n#EXT-X-VERSION:%u\n#EXT-X-INDEPENDENT-SEGMENTS\n",
                      version);
}

/* ,NAME="value" unless the value is empty. */
static int put_quoted(struct buf *buf, const char *name, struct span value)
{
    return value.len == 0 ? 0 : buf_printf(buf, ",%s=\"%.*s\"", name, SPAN_ARGS(value));
}

int m3u8_write_rendition(struct buf *buf, const struct m3u8_write_rendition *rendition)
{
    int status = buf_append_string(buf, "#EXT-X-MEDIA:TYPE=AUDIO");
    status |= put_quoted(buf, "GROUP-ID", rendition->group);
    status |= put_quoted(buf, "NAME", rendition->name);
    status |= put_quoted(buf, "LANGUAGE", rendition->language);
    status |=
        buf_printf(buf, ",DEFAULT=%s,AUTOSELECT=YES", rendition->is_default ? "YES" : "NO");
    if (rendition->channels > 0) {
        status |= buf_printf(buf, ",CHANNELS=\"%u\"", rendition->channels);
    }
    status |= put_quoted(buf, "URI", rendition->uri);
    return status | buf_append_string(buf, "\n");
}

int m3u8_write_variant(struct buf *buf, const struct m3u8_write_variant *variant)
{
    int status = buf_printf(buf, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64, variant->bandwidth);
    if (variant->average > 0) {
        status |= buf_printf(buf, ",AVERAGE-BANDWIDTH=%" PRIu64, variant->average);
    }
    status |= put_quoted(buf, "CODECS", variant->codecs);
    if (variant->width > 0) {
        status |= buf_printf(buf, ",RESOLUTION=%ux%u", variant->width, variant->height);
    }
    if (variant->frame_rate > 0) {
        status |= buf_printf(buf, ",FRAME-RATE=%u.000", variant->frame_rate);
    }
    status |= put_quoted(buf, "AUDIO", variant->audio);
    return status | buf_printf(buf, "\n%.*s\n", SPAN_ARGS(variant->uri));
}

int m3u8_write_media_start(struct buf *buf, const struct m3u8_write_media *media)
{
    int status = buf_printf(buf, "#EXTM3U\n#EXT-X-VERSION:%u\n#EXT-X-TARGETDURATION:%u\n",
                            media->version, media->target_duration_s);
    bool vod = media->type == M3U8_WRITE_VOD;
    if (!media->no_media_sequence && !(vod && media->media_sequence == 0)) {
        status |= buf_printf(buf, "#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", media->media_sequence);
    }
    if (media->discontinuity_sequence > 0 || media->has_discontinuities) {
        status |= buf_printf(buf, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n",
                             media->discontinuity_sequence);
    }
    if (media->type != M3U8_WRITE_LIVE) {
        status |= buf_printf(buf, "#EXT-X-PLAYLIST-TYPE:%s\n", vod ? "VOD" : "EVENT");
    }
    return status;
}

int m3u8_write_map(struct buf *buf, struct span uri, struct m3u8_write_range range)
{
    int status = buf_printf(buf, "#EXT-X-MAP:URI=\"%.*s\"", SPAN_ARGS(uri));
    if (range.length > 0) {
        status |= buf_printf(buf, ",BYTERANGE=\"%" PRIu64 "@%" PRIu64 "\"", range.length,
                             range.offset);
    }
    return status | buf_append_string(buf, "\n");
}

int m3u8_write_key(struct buf *buf, struct span uri, const uint8_t iv[16])
{
    int status = buf_printf(buf, "#EXT-X-KEY:METHOD=AES-128,URI=\"%.*s\"", SPAN_ARGS(uri));
    if (iv != NULL) {
        status |= buf_append_string(buf, ",IV=0x");
        for (unsigned i = 0; i < 16; i++) {
            status |= buf_printf(buf, "%02x", iv[i]);
        }
    }
    return status | buf_append_string(buf, "\n");
}

static int put_program_date(struct buf *buf, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL) {
        return 0;
    }
    return buf_printf(buf, "#EXT-X-PROGRAM-DATE-TIME:%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\n",
                      tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                      tm.tm_sec, (int)(wall_us % 1000000 / 1000));
}

int m3u8_write_segment(struct buf *buf, const struct m3u8_write_segment *segment)
{
    int status = 0;
    if (segment->discontinuity) {
        status |= buf_append_string(buf, "#EXT-X-DISCONTINUITY\n");
    }
    if (segment->program_date_us >= 0) {
        status |= put_program_date(buf, segment->program_date_us);
    }
    if (segment->gap) {
        status |= buf_append_string(buf, "#EXT-X-GAP\n");
    }
    status |= buf_printf(buf, "#EXTINF:%" PRId64 ".%06" PRId64 ",\n",
                         segment->duration_us / 1000000, segment->duration_us % 1000000);
    if (segment->range.length > 0) {
        status |= buf_printf(buf, "#EXT-X-BYTERANGE:%" PRIu64 "@%" PRIu64 "\n",
                             segment->range.length, segment->range.offset);
    }
    return status | buf_printf(buf, "%.*s\n", SPAN_ARGS(segment->uri));
}

int m3u8_write_media_end(struct buf *buf)
{
    return buf_append_string(buf, "#EXT-X-ENDLIST\n");
}
