/* What a rendition made without an encoder consists of, and the arithmetic of its time line
 * that both containers share. Pictures come 25 a second and audio frames 46.875 a second, so
 * every eighth picture begins with an audio frame: all layouts repeat after eight segments.
 *
 * Pure, any thread. */
#ifndef MEDIA_MAKE_SPEC_H
#define MEDIA_MAKE_SPEC_H

#include "media/aac_make.h"
#include "media/h264_make.h"

#include <stdbool.h>
#include <stdint.h>

/* Microseconds of one picture, the unit of all segment durations. */
#define MAKE_PICTURE_US 40000

/* Layouts repeat after so many segments, whatever their duration. */
#define MAKE_PERIOD 8

struct make_spec {
    struct h264_make video;     /* width 0: no video */
    unsigned audio_frame_bytes; /* raw AAC frame, 0: no audio; AAC_MAKE_FRAME_MIN to _MAX */
    uint32_t segment_pictures;  /* length of a whole segment in pictures of 40 ms, at least 1 */
    uint64_t segment_bytes;     /* size of every whole segment in its container */
};

struct make_segment {
    uint64_t number;      /* segments before it, all whole, since the stream began */
    uint32_t pictures;    /* 1 to segment_pictures; fewer only in the last one of a stream */
    uint64_t timestamp_s; /* whole seconds added to every timestamp, for discontinuities */
};

static inline bool make_has_video(const struct make_spec *spec)
{
    return spec->video.width > 0;
}

static inline bool make_has_audio(const struct make_spec *spec)
{
    return spec->audio_frame_bytes > 0;
}

/* The first picture of a segment, counted since the stream began. */
static inline uint64_t make_first_picture(const struct make_spec *spec,
                                          const struct make_segment *segment)
{
    return segment->number * spec->segment_pictures;
}

/* The first audio frame that begins at or after the start of a picture: a picture lasts 1920
 * samples, an audio frame 1024. */
static inline uint64_t make_audio_frame_at(uint64_t picture)
{
    return (picture * 15 + 7) / 8;
}

/* Audio frames that begin within the segment. */
static inline uint32_t make_audio_frames(const struct make_spec *spec,
                                         const struct make_segment *segment)
{
    uint64_t first = make_first_picture(spec, segment);
    return (uint32_t)(make_audio_frame_at(first + segment->pictures) -
                      make_audio_frame_at(first));
}

#endif
