/* The texts of --fault and --stream: taken or refused with a sentence, and what is taken can be
 * asked. */
#include "base/err.h"
#include "origin/fault.h"
#include "origin/stream.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_fault(struct span text)
{
    static struct fault_set set;
    struct err err = {0};
    fault_set_init(&set, 1, 0);
    if (fault_set_add(&set, text, &err) != 0) {
        assert(err.kind != ERR_NONE && err.why[0] != '\0');
    } else {
        struct fault_plan plan = {0};
        fault_plan_request(&set, SPAN("/live/v0/1.ts"), STREAM_RESOURCE_SEGMENT, 1, &plan);
        fault_plan_request(&set, SPAN("/live/index.m3u8"), STREAM_RESOURCE_PLAYLIST, 2, &plan);
        assert(fault_listener_change_us(&set, 0) > 0);
    }
    fault_set_fini(&set);
}

static void try_stream(struct span text)
{
    struct err err = {0};
    struct stream *stream = stream_new(text, 0, 1000000, 0, &err);
    if (stream == NULL) {
        assert(err.kind != ERR_NONE && err.why[0] != '\0');
        return;
    }
    uint64_t first = 0;
    uint64_t end = 0;
    stream_window(stream, 1000000, &first, &end);
    assert(first < end);
    const struct stream_rendition *video = &stream->video[0];
    if (stream_segment_bytes(video, first) < 1000000) {
        uint8_t *bytes = malloc(stream_segment_bytes(video, first));
        assert(bytes != NULL && stream_make_segment(video, first, bytes) == 0);
        free(bytes);
    }
    stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512];
    if (size >= sizeof text) {
        return 0;
    }
    /* Both come as strings. */
    memcpy(text, data, size);
    text[size] = '\0';
    struct span span = span_from_string(text);
    try_fault(span);
    try_stream(span);
    return 0;
}
