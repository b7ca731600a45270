/* FFmpeg's -progress stream. The first byte chooses how the rest is cut into reads, which must
 * change nothing. */
#include "engine/ffmpeg/ffmpeg_progress.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_report(void *user, const struct ffmpeg_progress_report *report)
{
    int64_t *sum = user;
    *sum += report->position_us / 4096 + report->speed_permille + report->at_end;
    assert(report->has_position || report->position_us == 0);
    assert(report->has_speed || report->speed_permille == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t step = (size_t)data[0] + 1;
    const char *text = (const char *)data + 1;
    int64_t sums[2] = {0, 0};
    struct ffmpeg_progress whole;
    struct ffmpeg_progress pieces;
    size--;
    ffmpeg_progress_init(&whole, on_report, &sums[0]);
    ffmpeg_progress_init(&pieces, on_report, &sums[1]);
    ffmpeg_progress_feed(&whole, text, size);
    for (size_t at = 0; at < size; at += step) {
        ffmpeg_progress_feed(&pieces, text + at, size - at < step ? size - at : step);
    }
    assert(whole.blocks == pieces.blocks && sums[0] == sums[1] && whole.cut == pieces.cut);
    return 0;
}
