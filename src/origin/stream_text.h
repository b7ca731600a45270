/* Reads the text of `--stream`: NAME=VALUE pairs with commas between them. Inside this folder
 * only. Pure, any thread. */
#ifndef ORIGIN_STREAM_TEXT_H
#define ORIGIN_STREAM_TEXT_H

#include "origin/stream.h"

/* What the text says before it is put together. */
struct stream_text {
    uint64_t bitrates[STREAM_VARIANTS_MAX];
    uint64_t audio_bps; /* of a rendition of its own; 0: none */
    uint64_t muxed_bps; /* of the sound inside the variants; 0: none */
    int64_t vod_us;
};

/* Writes what the text says into stream and text, which hold the defaults. Returns 0, or -1
 * with err filled. */
int stream_text_parse(struct span all, struct stream *stream, struct stream_text *text,
                      struct err *err);

#endif
