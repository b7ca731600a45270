/* The checks of whole segments: the answer is the same however the bytes come in pieces; and
 * what is read from a segment at rest, of which its initialisation section is the part before a
 * form feed. */
#include "media/duration.h"
#include "media/fmp4_check.h"
#include "media/formats.h"
#include "media/sniff.h"
#include "media/ts_check.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *check_ts(struct span bytes, size_t piece)
{
    static struct ts_check check;
    ts_check_init(&check);
    for (size_t at = 0; at < bytes.len; at += piece) {
        size_t n = bytes.len - at < piece ? bytes.len - at : piece;
        ts_check_feed(&check, span_of(bytes.ptr + at, n));
    }
    return ts_check_end(&check);
}

static const char *check_fmp4(struct span bytes, size_t piece)
{
    struct fmp4_check check;
    fmp4_check_init(&check);
    for (size_t at = 0; at < bytes.len; at += piece) {
        size_t n = bytes.len - at < piece ? bytes.len - at : piece;
        fmp4_check_feed(&check, span_of(bytes.ptr + at, n));
    }
    return fmp4_check_end_segment(&check);
}

static void read_at_rest(struct span bytes)
{
    size_t split = span_find(bytes, '\f');
    struct span init = split < bytes.len ? span_of(bytes.ptr, split) : span_of(bytes.ptr, 0);
    struct span segment = split < bytes.len ? span_skip(bytes, split + 1) : bytes;
    struct duration d;
    if (duration_measure(init, segment, &d)) {
        assert(d.us >= 0 && d.error_us >= 0 && d.start_us >= -1);
        assert(d.wrap_us == 0 || d.start_us < d.wrap_us);
    }
    assert(formats_unnamed(formats_find(init, segment), SPAN("avc1")) < 1U << FORMAT_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of((const char *)data, size);
    size_t all = size > 0 ? size : 1;
    read_at_rest(bytes);
    assert(check_ts(bytes, all) == check_ts(bytes, 7));
    const char *whole = check_fmp4(bytes, all);
    assert((whole == NULL) == (check_fmp4(bytes, 3) == NULL));
    /* What is right as a whole is media by its first bytes too. */
    if (check_ts(bytes, all) == NULL) {
        assert(sniff_media(bytes) == SNIFF_TS);
    }
    return 0;
}
