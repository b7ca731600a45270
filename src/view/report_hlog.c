/* HdrHistogram's log, version 1.3, with one line for each histogram, tagged with its name and
 * as long as the run. Each holds a histogram in the encoding V2, compressed, as HdrHistogram's
 * own AbstractHistogram and HistogramLogWriter write it (Java, 2.2.2): big-endian, counts as
 * zigzag LEB128, runs of zeros as one negative number. Values are in nanoseconds, what readers
 * take them for unless told otherwise. */
#include "base/units.h"
#include "shoal/histogram.h"
#include "stats/metrics.h"
#include "view/format.h"
#include "view/report_files.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#define COOKIE            0x1c849313u /* version 2, counts as LEB128 */
#define COOKIE_COMPRESSED 0x1c849314u
#define HIGHEST_NS        INT64_C(3600000000000) /* an hour, the most that is recorded */

enum {
    DIGITS = 3,
    SUB_BITS =
        10, /* of three digits: 2 × 1,000 values need 2^11, of which half are an octave */
    NS_PER_US = 1000,
    PAYLOAD_LIMIT = 1 << 20,
};

static int put_big_endian(struct buf *out, uint64_t value, unsigned bytes)
{
    char text[8];
    for (unsigned i = 0; i < bytes; i++) {
        text[i] = (char)(value >> (8 * (bytes - 1 - i)));
    }
    return buf_append(out, text, bytes);
}

/* Small numbers of either sign, seven bits a byte, the lowest first. Counts stay far below the
 * 2^55 from which HdrHistogram's ninth byte would be different. */
static int put_zigzag(struct buf *out, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    int failed = 0;
    do {
        char byte = (char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        failed |= buf_append(out, &byte, 1);
        rest >>= 7;
    } while (rest > 0);
    return failed;
}

/* HdrHistogram's places are those of our buckets with more of them in an octave. Those of ours
 * are wider, so that several never share a place, and rise with their number. */
static int put_counts(const struct shoal_interval *run, uint32_t histogram, uint64_t max_us,
                      struct buf *out)
{
    const struct shoal_histogram_place *place = &run->schema->histogram[histogram];
    uint32_t bits = run->schema->def.histograms[histogram].bits, next = 0;
    int failed = 0;
    for (uint32_t i = 0; i < place->bucket_count && failed == 0; i++) {
        uint64_t records = run->now[place->buckets + i] - run->base[place->buckets + i];
        if (records == 0) {
            continue;
        }
        uint64_t us = shoal_bucket_middle(i, bits);
        us = us < max_us ? us : max_us;
        uint32_t at = shoal_bucket_of(us * NS_PER_US, SUB_BITS);
        if (at > next) { /* one zero stands for itself, more are counted */
            failed = put_zigzag(out, at - next == 1 ? 0 : -(int64_t)(at - next));
        }
        failed |= put_zigzag(out, (int64_t)records);
        next = at + 1;
    }
    return failed;
}

static int put_histogram(const struct shoal_interval *run, uint32_t histogram, uint64_t max_us,
                         struct buf *out)
{
    struct buf counts;
    double ratio = 1;
    uint64_t ratio_bits;
    memcpy(&ratio_bits, &ratio, sizeof(ratio_bits));
    buf_init(&counts, PAYLOAD_LIMIT);
    int failed = put_counts(run, histogram, max_us, &counts);
    failed |= put_big_endian(out, COOKIE, 4);
    failed |= put_big_endian(out, counts.len, 4);
    failed |= put_big_endian(out, 0, 4); /* the offset of a histogram that was shifted */
    failed |= put_big_endian(out, DIGITS, 4);
    failed |= put_big_endian(out, 1, 8); /* the least value told from 0 */
    failed |= put_big_endian(out, HIGHEST_NS, 8);
    failed |= put_big_endian(out, ratio_bits, 8);
    failed |= buf_append_span(out, buf_span(&counts));
    buf_release(&counts);
    return failed;
}

static int compress_into(const struct buf *plain, struct buf *out)
{
    uLongf len = compressBound(plain->len);
    if (put_big_endian(out, COOKIE_COMPRESSED, 4) < 0 || buf_reserve(out, 4 + len) < 0) {
        return -1;
    }
    size_t at = out->len;
    if (compress((Bytef *)out->ptr + at + 4, &len, (const Bytef *)plain->ptr, plain->len) !=
        Z_OK) {
        return -1;
    }
    int failed = put_big_endian(out, len, 4);
    out->len += len;
    return failed;
}

/* RFC 4648, section 4. */
static int put_base64(struct span bytes, struct buf *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int failed = 0;
    for (size_t at = 0; at < bytes.len; at += 3) {
        uint32_t group = 0;
        for (size_t i = 0; i < 3; i++) {
            group = group << 8 | (at + i < bytes.len ? (unsigned char)bytes.ptr[at + i] : 0u);
        }
        char text[4];
        for (size_t i = 0; i < 4; i++) {
            bool pads = at + i > bytes.len;
            text[i] = pads ? '=' : digits[group >> (18 - 6 * i) & 0x3f];
        }
        failed |= buf_append(out, text, sizeof(text));
    }
    return failed;
}

static int put_line(const struct report *report, uint32_t histogram, struct buf *out)
{
    const struct shoal_interval *run = &report->run;
    struct shoal_summary summary;
    struct buf plain, packed;
    shoal_summarize(run, histogram, &summary);
    if (summary.count == 0 || run->schema->def.histograms[histogram].absent) {
        return 0;
    }
    buf_init(&plain, PAYLOAD_LIMIT);
    buf_init(&packed, PAYLOAD_LIMIT);
    int failed =
        buf_printf(out, "Tag=%s,0.000,%.3f,%.6f,", run->schema->def.histograms[histogram].name,
                   (double)run->elapsed_us / 1e6, (double)summary.max / 1e3);
    failed |= put_histogram(run, histogram, summary.max, &plain);
    failed |= compress_into(&plain, &packed);
    failed |= put_base64(buf_span(&packed), out);
    failed |= buf_append(out, "\n", 1);
    buf_release(&plain);
    buf_release(&packed);
    return failed;
}

int report_write_hlog(const struct report *report, struct buf *out)
{
    char when[FORMAT_MAX];
    int failed = buf_printf(out,
                            "#[Logged with shoal %s]\n"
                            "#[Histogram log format version 1.3]\n"
                            "#[StartTime: %.3f (seconds since epoch), %s]\n"
                            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                            "\"Interval_Compressed_Histogram\"\n",
                            report->info.version, (double)report->info.start_wall_us / 1e6,
                            format_timestamp(when, sizeof(when), report->info.start_wall_us));
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT && failed == 0; i++) {
        failed = put_line(report, i, out);
    }
    return failed;
}
