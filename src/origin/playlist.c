#include "origin/playlist.h"

#include "media/m3u8_write.h"

#include <inttypes.h>
#include <stdio.h>

#define URI_BYTES 512

#define AUDIO_GROUP SPAN("sound")

/* What stands before a name in a playlist: nothing, or the folder's path from the root. */
static void uri_prefix(const struct playlist_request *request, const struct stream *stream,
                       const char *folder, char out[URI_BYTES])
{
    out[0] = '\0';
    if (stream->uris == STREAM_URIS_RELATIVE) {
        return;
    }
    struct span base = stream->uris == STREAM_URIS_ABSOLUTE ? request->base : SPAN("");
    snprintf(out, URI_BYTES, "%.*s/%s/%s%s", SPAN_ARGS(base), stream->name, folder,
             folder[0] != '\0' ? "/" : "");
}

/* The least that says what its media playlists use: fractions of seconds in EXTINF, byte
 * ranges, EXT-X-MAP (rfc8216bis section 8). */
static unsigned version_needed(const struct stream *stream)
{
    return stream->format == STREAM_FMP4 ? 6 : stream->byte_ranges ? 4 : 3;
}

static int render_multivariant(const struct playlist_request *request,
                               const struct stream *stream, struct buf *out)
{
    char prefix[URI_BYTES];
    char uri[URI_BYTES + 32];
    uri_prefix(request, stream, "", prefix);
    int status = m3u8_write_multivariant_start(out, version_needed(stream));
    if (stream->has_audio) {
        snprintf(uri, sizeof uri, "%saudio/index.m3u8", prefix);
        struct m3u8_write_rendition rendition = {.group = AUDIO_GROUP,
                                                 .name = SPAN("Silence"),
                                                 .language = SPAN("en"),
                                                 .uri = span_from_string(uri),
                                                 .channels = 2,
                                                 .is_default = true};
        status |= m3u8_write_rendition(out, &rendition);
    }
    for (unsigned i = 0; i < stream->variants; i++) {
        const struct stream_rendition *video = &stream->video[i];
        char codecs[2 * sizeof video->codecs];
        snprintf(codecs, sizeof codecs, "%s%s%s", video->codecs, stream->has_audio ? "," : "",
                 stream->has_audio ? stream->audio.codecs : "");
        snprintf(uri, sizeof uri, "%s%s/index.m3u8", prefix, video->folder);
        uint64_t bps = video->bandwidth + (stream->has_audio ? stream->audio.bandwidth : 0);
        struct m3u8_write_variant variant = {.uri = span_from_string(uri),
                                             .codecs = span_from_string(codecs),
                                             .audio =
                                                 stream->has_audio ? AUDIO_GROUP : SPAN(""),
                                             .bandwidth = bps,
                                             .average = bps,
                                             .width = video->spec.video.width,
                                             .height = video->spec.video.height,
                                             .frame_rate = H264_MAKE_FPS};
        status |= m3u8_write_variant(out, &variant);
    }
    return status;
}

/* How many multiples of `every`, 0 excluded, lie in [0, number]: the discontinuities up to and
 * with the start of that segment. */
static uint64_t discontinuities(const struct stream *stream, uint64_t number)
{
    return stream->discontinuity_every > 0 ? number / stream->discontinuity_every : 0;
}

static bool starts_discontinuity(const struct stream *stream, uint64_t number)
{
    return number > 0 && discontinuities(stream, number) > discontinuities(stream, number - 1);
}

static int render_head(const struct playlist_request *request, uint64_t first, struct buf *out)
{
    const struct stream *stream = request->target.rendition->stream;
    struct m3u8_write_media media = {
        .version = version_needed(stream),
        .target_duration_s = (unsigned)((stream->segment_us + 500000) / 1000000),
        .media_sequence = first,
        .discontinuity_sequence = first > 0 ? discontinuities(stream, first - 1) : 0,
        .type = stream->kind == STREAM_VOD     ? M3U8_WRITE_VOD
                : stream->kind == STREAM_EVENT ? M3U8_WRITE_EVENT
                                               : M3U8_WRITE_LIVE,
        .no_media_sequence = stream->no_sequence,
        .has_discontinuities = stream->discontinuity_every > 0 && stream->kind == STREAM_LIVE};
    if (media.target_duration_s == 0) {
        media.target_duration_s = 1;
    }
    if ((request->defects & PLAYLIST_DISCONTINUITY_REGRESS) != 0) {
        media.discontinuity_sequence += request->variation % 2 == 0 ? 7 : 3;
    }
    if ((request->defects & PLAYLIST_TARGET_CHANGE) != 0) {
        media.target_duration_s += 1 + (unsigned)(request->variation % 3);
    }
    return m3u8_write_media_start(out, &media);
}

static int render_init_and_key(const struct playlist_request *request, const char *prefix,
                               struct buf *out)
{
    const struct stream_rendition *rendition = request->target.rendition;
    const struct stream *stream = rendition->stream;
    char uri[URI_BYTES + 32];
    int status = 0;
    if (rendition->init != NULL) {
        /* Before the key, which would otherwise apply to it. */
        struct m3u8_write_range range = {stream->byte_ranges ? rendition->init_bytes : 0, 0};
        snprintf(uri, sizeof uri, "%s%s", prefix,
                 stream->byte_ranges ? stream_file_name(stream) : "init.mp4");
        status |= m3u8_write_map(out, span_from_string(uri), range);
    }
    if (stream->encrypted) {
        uri_prefix(request, stream, "", uri);
        snprintf(uri + strlen(uri), sizeof uri - strlen(uri), "%skey.bin",
                 stream->uris == STREAM_URIS_RELATIVE ? "../" : "");
        status |= m3u8_write_key(out, span_from_string(uri), NULL);
    }
    return status;
}

static int render_segment(const struct playlist_request *request, const char *prefix,
                          uint64_t number, bool is_first, struct buf *out)
{
    const struct stream_rendition *rendition = request->target.rendition;
    const struct stream *stream = rendition->stream;
    char uri[URI_BYTES + 64];
    /* Another URI for the same bytes. Not another query: players and CDNs take that for a new
     * signature of the same resource. */
    char detour[32] = "";
    if ((request->defects & PLAYLIST_URI_CHANGE) != 0) {
        snprintf(detour, sizeof detour, "%" PRIu64 "/../", request->variation);
    }
    struct m3u8_write_segment segment = {
        .duration_us = stream_duration_us(stream, number),
        .program_date_us = -1,
        .discontinuity = starts_discontinuity(stream, number) && !(is_first && number == 0),
        .gap = stream->gap_every > 0 && number % stream->gap_every == stream->gap_every - 1};
    if (stream->program_date) {
        segment.program_date_us = stream->epoch_wall_us + (int64_t)number * stream->segment_us;
    }
    if (stream->byte_ranges) {
        segment.range.length = stream_segment_bytes(rendition, number);
        segment.range.offset = stream_segment_offset(rendition, number);
        snprintf(uri, sizeof uri, "%s%s%s", prefix, detour, stream_file_name(stream));
    } else {
        snprintf(uri, sizeof uri, "%s%s%" PRIu64 ".%s", prefix, detour, number,
                 stream_segment_suffix(stream));
    }
    if ((request->defects & PLAYLIST_RANGE_BEYOND) != 0) {
        segment.range.length = 100000;
        segment.range.offset = UINT64_C(1) << 50;
    }
    if ((request->defects & PLAYLIST_LONG_EXTINF) != 0) {
        segment.duration_us = segment.duration_us * 2 + 1000000;
    }
    segment.uri = span_from_string(uri);
    return m3u8_write_segment(out, &segment);
}

static int render_media(const struct playlist_request *request, struct buf *out)
{
    const struct stream_rendition *rendition = request->target.rendition;
    const struct stream *stream = rendition->stream;
    uint64_t first = 0;
    uint64_t end = 0;
    stream_window(stream, request->now_us, &first, &end);
    if ((request->defects & PLAYLIST_SEQUENCE_REGRESS) != 0 && request->variation % 2 == 1) {
        uint64_t back = end - first < first ? end - first : first;
        first -= back;
        end -= back;
    }
    char prefix[URI_BYTES];
    uri_prefix(request, stream, rendition->folder, prefix);
    int status = render_head(request, first, out);
    status |= render_init_and_key(request, prefix, out);
    for (uint64_t number = first; number < end; number++) {
        status |= render_segment(request, prefix, number, number == first, out);
    }
    return stream->kind == STREAM_VOD ? status | m3u8_write_media_end(out) : status;
}

int playlist_render(const struct playlist_request *request, struct buf *out)
{
    if ((request->defects & PLAYLIST_INVALID) != 0) {
        /* A media playlist without a target duration whose only segment has none either. */
        return buf_append_string(out, "#EXTM3U\n#EXTINF:much,\n#EXT-X-TARGETDURATION:soon\n");
    }
    if (request->target.resource == STREAM_RESOURCE_MULTIVARIANT) {
        return render_multivariant(request, request->target.stream, out);
    }
    return render_media(request, out);
}
