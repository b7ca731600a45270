#include "origin/stream.h"

#include "base/rng.h"
#include "media/fmp4_make.h"
#include "media/ts_make.h"
#include "origin/stream_text.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* The two containers, by enum stream_format. */
static const struct container {
    const char *suffix, *file;
    uint64_t (*least_bytes)(const struct make_spec *spec);
    uint64_t (*segment_bytes)(const struct make_spec *spec, const struct make_segment *segment);
    int (*make)(const struct make_spec *spec, const struct make_segment *segment, uint8_t *out);
} containers[] = {
    [STREAM_TS] = {"ts", "media.ts", ts_make_least_bytes, ts_make_segment_bytes,
                   ts_make_segment},
    [STREAM_FMP4] = {"m4s", "media.mp4", fmp4_make_least_bytes, fmp4_make_segment_bytes,
                     fmp4_make_segment},
};

/* Each discontinuity moves the timestamps on by so much. */
#define DISCONTINUITY_S 1000

/* Segments that left the window stay for the length of the window, and at least so many. */
#define KEPT_SEGMENTS 10

static struct h264_make picture_size(uint64_t bps)
{
    static const struct {
        uint64_t below_bps;
        struct h264_make size;
    } sizes[] = {{300000, {320, 180}},      {900000, {640, 360}},     {1600000, {960, 540}},
                 {4500000, {1280, 720}},    {12000000, {1920, 1080}}, {30000000, {2560, 1440}},
                 {UINT64_MAX, {3840, 2160}}};
    size_t i = 0;
    while (bps >= sizes[i].below_bps) {
        i++;
    }
    return sizes[i].size;
}

static unsigned audio_frame_bytes(uint64_t bps)
{
    if (bps == 0) {
        return 0;
    }
    uint64_t bytes = bps * AAC_MAKE_FRAME_SAMPLES / (UINT64_C(8) * AAC_MAKE_RATE);
    bytes = bytes < AAC_MAKE_FRAME_MIN ? AAC_MAKE_FRAME_MIN : bytes;
    return (unsigned)(bytes > AAC_MAKE_FRAME_MAX ? AAC_MAKE_FRAME_MAX : bytes);
}

static int make_init(struct stream_rendition *rendition, struct err *err)
{
    if (rendition->stream->format == STREAM_TS) {
        return 0;
    }
    rendition->init = malloc(FMP4_MAKE_INIT_MAX);
    if (rendition->init == NULL) {
        return err_set(err, ERR_MACHINE, "--stream", NULL, "out of memory");
    }
    rendition->init_bytes = fmp4_make_init(&rendition->spec, rendition->init);
    return 0;
}

static uint64_t with_padding(const struct stream *stream, uint64_t bytes)
{
    return stream->encrypted ? (bytes / 16 + 1) * 16 : bytes;
}

/* Completes a rendition whose spec holds pictures and sound. `bps` is its whole bit rate; 0
 * means what its media need. */
static int finish_rendition(struct stream_rendition *rendition, uint64_t bps, struct err *err)
{
    const struct stream *stream = rendition->stream;
    const struct container *container = &containers[stream->format];
    struct make_spec *spec = &rendition->spec;
    spec->segment_pictures = stream->segment_pictures;
    uint64_t least = container->least_bytes(spec);
    spec->segment_bytes = bps == 0 ? least : bps * (uint64_t)stream->segment_us / 8000000;
    if (spec->segment_bytes < least) {
        return err_set(err, ERR_USAGE, "--stream", "raise it, or make muxed= smaller",
                       "bit rate %llu is less than the %llu bit/s that its pictures and "
                       "sound need",
                       (unsigned long long)bps,
                       (unsigned long long)(least * 8000000 / (uint64_t)stream->segment_us));
    }
    if (spec->segment_bytes > UINT64_C(1) << 30) {
        return err_set(err, ERR_USAGE, "--stream", "take shorter segments",
                       "segments of more than 1 GiB");
    }
    struct make_segment segment = {0, stream->segment_pictures, 0};
    rendition->whole_bytes = with_padding(stream, container->segment_bytes(spec, &segment));
    segment.pictures = stream->last_pictures;
    segment.number = stream->segments > 0 ? stream->segments - 1 : 0;
    rendition->last_bytes = with_padding(stream, container->segment_bytes(spec, &segment));
    rendition->bandwidth = rendition->whole_bytes * 8000000 / (uint64_t)stream->segment_us;
    char video[12] = "";
    if (make_has_video(spec)) {
        h264_make_codec(&spec->video, video);
    }
    snprintf(rendition->codecs, sizeof rendition->codecs, "%s%s%s", video,
             make_has_video(spec) && make_has_audio(spec) ? "," : "",
             make_has_audio(spec) ? AAC_MAKE_CODEC : "");
    return make_init(rendition, err);
}

static int make_renditions(struct stream *stream, const struct stream_text *text,
                           unsigned number, struct err *err)
{
    for (unsigned i = 0; i < stream->variants; i++) {
        struct stream_rendition *rendition = &stream->video[i];
        rendition->stream = stream;
        rendition->cache_id = (uint64_t)number * (STREAM_VARIANTS_MAX + 1) + i;
        snprintf(rendition->folder, sizeof rendition->folder, "v%u", i);
        rendition->spec.video = picture_size(text->bitrates[i]);
        rendition->spec.audio_frame_bytes =
            text->audio_bps > 0 ? 0 : audio_frame_bytes(text->muxed_bps);
        if (finish_rendition(rendition, text->bitrates[i], err) != 0) {
            return -1;
        }
    }
    if (text->audio_bps == 0) {
        return 0;
    }
    stream->has_audio = true;
    stream->audio.stream = stream;
    stream->audio.cache_id = (uint64_t)number * (STREAM_VARIANTS_MAX + 1) + STREAM_VARIANTS_MAX;
    snprintf(stream->audio.folder, sizeof stream->audio.folder, "audio");
    stream->audio.spec.audio_frame_bytes = audio_frame_bytes(text->audio_bps);
    return finish_rendition(&stream->audio, 0, err);
}

/* Fixes the time line once all is read. */
static void place_in_time(struct stream *stream, int64_t vod_us, int64_t now_us,
                          int64_t wall_us)
{
    stream->segment_pictures = (uint32_t)(stream->segment_us / MAKE_PICTURE_US);
    stream->last_pictures = stream->segment_pictures;
    int64_t age_us = 0;
    if (stream->kind == STREAM_VOD) {
        uint64_t pictures = (uint64_t)(vod_us / MAKE_PICTURE_US);
        stream->segments = (pictures + stream->segment_pictures - 1) / stream->segment_pictures;
        stream->last_pictures =
            (uint32_t)(pictures - (stream->segments - 1) * stream->segment_pictures);
    } else {
        age_us = stream->window * stream->segment_us + stream->phase_us;
    }
    stream->epoch_us = now_us - age_us;
    stream->epoch_wall_us = wall_us - age_us;
}

struct stream *stream_new(struct span text, unsigned number, int64_t now_us, int64_t wall_us,
                          struct err *err)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        err_set(err, ERR_MACHINE, "--stream", NULL, "out of memory");
        return NULL;
    }
    struct stream_text values = {.bitrates = {2000000}, .muxed_bps = 64000};
    stream->variants = 1;
    stream->window = 6;
    stream->segment_us = 2000000;
    if (stream_text_parse(text, stream, &values, err) != 0) {
        goto failed;
    }
    place_in_time(stream, values.vod_us, now_us, wall_us);
    uint64_t seed = 0;
    for (const char *c = stream->name; *c != '\0'; c++) {
        seed = seed * 31 + (unsigned char)*c;
    }
    struct rng rng = rng_make(seed, 1);
    for (unsigned i = 0; i < STREAM_KEY_BYTES; i++) {
        stream->key[i] = (uint8_t)rng_next(&rng);
    }
    if (make_renditions(stream, &values, number, err) != 0) {
        goto failed;
    }
    return stream;
failed:
    stream_free(stream);
    return NULL;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL) {
        return;
    }
    for (unsigned i = 0; i < STREAM_VARIANTS_MAX; i++) {
        free(stream->video[i].init);
    }
    free(stream->audio.init);
    free(stream);
}

void stream_window(const struct stream *stream, int64_t now_us, uint64_t *first, uint64_t *end)
{
    if (stream->kind == STREAM_VOD) {
        *first = 0;
        *end = stream->segments;
        return;
    }
    int64_t age_us = now_us - stream->epoch_us;
    *end = age_us > 0 ? (uint64_t)(age_us / stream->segment_us) : 0;
    *first = stream->kind == STREAM_LIVE && *end > stream->window ? *end - stream->window : 0;
}

bool stream_has_segment(const struct stream *stream, int64_t now_us, uint64_t number)
{
    uint64_t first = 0;
    uint64_t end = 0;
    stream_window(stream, now_us, &first, &end);
    uint64_t kept = stream->window > KEPT_SEGMENTS ? stream->window : KEPT_SEGMENTS;
    return number < end && number + kept >= first;
}

int64_t stream_next_change_us(const struct stream *stream, int64_t now_us)
{
    if (stream->kind == STREAM_VOD) {
        return INT64_MAX;
    }
    int64_t segments = (now_us - stream->epoch_us) / stream->segment_us;
    return stream->epoch_us + (segments + 1) * stream->segment_us;
}

static bool is_last(const struct stream *stream, uint64_t number)
{
    return stream->segments > 0 && number == stream->segments - 1;
}

uint32_t stream_pictures(const struct stream *stream, uint64_t number)
{
    return is_last(stream, number) ? stream->last_pictures : stream->segment_pictures;
}

int64_t stream_duration_us(const struct stream *stream, uint64_t number)
{
    return (int64_t)stream_pictures(stream, number) * MAKE_PICTURE_US;
}

const char *stream_segment_suffix(const struct stream *stream)
{
    return containers[stream->format].suffix;
}

const char *stream_file_name(const struct stream *stream)
{
    return containers[stream->format].file;
}

uint64_t stream_segment_bytes(const struct stream_rendition *rendition, uint64_t number)
{
    return is_last(rendition->stream, number) ? rendition->last_bytes : rendition->whole_bytes;
}

uint64_t stream_segment_offset(const struct stream_rendition *rendition, uint64_t number)
{
    return rendition->init_bytes + number * rendition->whole_bytes;
}

/* AES-128-CBC with PKCS7 padding; the IV is the media sequence number, RFC 8216 section 5.2.
 * In place: OpenSSL allows input and output to be the same memory. */
static int encrypt(const struct stream *stream, uint64_t number, uint8_t *bytes, size_t len)
{
    uint8_t iv[16] = {0};
    for (unsigned i = 0; i < 8; i++) {
        iv[15 - i] = (uint8_t)(number >> (8 * i));
    }
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int written = 0;
    int tail = 0;
    int status = -1;
    if (cipher != NULL &&
        EVP_EncryptInit_ex(cipher, EVP_aes_128_cbc(), NULL, stream->key, iv) == 1 &&
        EVP_EncryptUpdate(cipher, bytes, &written, bytes, (int)len) == 1 &&
        EVP_EncryptFinal_ex(cipher, bytes + written, &tail) == 1) {
        status = 0;
    }
    EVP_CIPHER_CTX_free(cipher);
    return status;
}

int stream_make_segment(const struct stream_rendition *rendition, uint64_t number, uint8_t *out)
{
    const struct stream *stream = rendition->stream;
    const struct container *container = &containers[stream->format];
    struct make_segment segment = {.number = number,
                                   .pictures = stream_pictures(stream, number)};
    if (stream->discontinuity_every > 0) {
        segment.timestamp_s = number / stream->discontinuity_every * DISCONTINUITY_S;
    }
    if (container->make(&rendition->spec, &segment, out) != 0) {
        return -1;
    }
    return stream->encrypted ? encrypt(stream, number, out,
                                       container->segment_bytes(&rendition->spec, &segment))
                             : 0;
}

static struct stream_rendition *find_rendition(struct stream *stream, struct span folder)
{
    if (stream->has_audio && span_equal(folder, SPAN("audio"))) {
        return &stream->audio;
    }
    for (unsigned i = 0; i < stream->variants; i++) {
        if (span_equal(folder, span_from_string(stream->video[i].folder))) {
            return &stream->video[i];
        }
    }
    return NULL;
}

struct stream_target stream_resolve(struct stream *stream, struct span path)
{
    struct stream_target target = {STREAM_RESOURCE_NONE, stream, NULL, 0};
    const struct container *container = &containers[stream->format];
    if (span_equal(path, SPAN("index.m3u8"))) {
        target.resource = STREAM_RESOURCE_MULTIVARIANT;
        return target;
    }
    if (span_equal(path, SPAN("key.bin"))) {
        target.resource = stream->encrypted ? STREAM_RESOURCE_KEY : STREAM_RESOURCE_NONE;
        return target;
    }
    struct span name = path;
    target.rendition = find_rendition(stream, span_cut(&name, '/'));
    if (target.rendition == NULL) {
        return target;
    }
    struct span suffix = name;
    struct span stem = span_cut(&suffix, '.');
    if (span_equal(name, SPAN("index.m3u8"))) {
        target.resource = STREAM_RESOURCE_PLAYLIST;
    } else if (span_equal(name, SPAN("init.mp4")) && target.rendition->init != NULL) {
        target.resource = STREAM_RESOURCE_INIT;
    } else if (span_equal(name, span_from_string(container->file))) {
        target.resource = STREAM_RESOURCE_FILE;
    } else if (span_equal(suffix, span_from_string(container->suffix)) &&
               span_to_u64(stem, &target.number)) {
        target.resource = STREAM_RESOURCE_SEGMENT;
    }
    return target;
}
