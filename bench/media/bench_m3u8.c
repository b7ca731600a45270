/* What parsing playlists costs, beside a scan of the same text for line ends by memchr, in one
 * run. Prints Markdown. With a folder as argument it also writes its playlists there, so that
 * other parsers can be measured on them (peers.mjs).
 *
 *     bench_m3u8 [FOLDER] */
#include "base/buf.h"
#include "media/m3u8.h"
#include "media/m3u8_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 9 };

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_m3u8: %s\n", what);
    exit(EXIT_FAILURE);
}

/* One playlist that is measured. */
struct sample {
    const char *name;
    uint32_t segments;
    struct buf text;
};

static void put(struct buf *out, const char *line)
{
    if (buf_append_string(out, line) != 0) {
        die("no memory");
    }
}

static void build_plain(struct sample *s)
{
    buf_init(&s->text, (size_t)1 << 30);
    put(&s->text,
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1234\n");
    for (uint32_t i = 0; i < s->segments; i++) {
        if (buf_printf(&s->text, "#EXTINF:6.006,\nsegment_%06u.ts\n", i) != 0) {
            die("no memory");
        }
    }
}

static void build_rich(struct sample *s)
{
    buf_init(&s->text, (size_t)1 << 30);
    put(&s->text, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n"
                  "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"720@0\"\n");
    for (uint32_t i = 0; i < s->segments; i++) {
        if (buf_printf(&s->text,
                       "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T%02u:%02u:%02u.000Z\n"
                       "#EXTINF:4.00000,\n#EXT-X-BYTERANGE:%u@%u\nvideo/main.mp4\n",
                       i / 900 % 24, i / 15 % 60, i * 4 % 60, 1000 + i, 720 + i * 2000) != 0) {
            die("no memory");
        }
    }
}

static void build_low_latency(struct sample *s)
{
    buf_init(&s->text, (size_t)1 << 30);
    put(&s->text, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n"
                  "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n"
                  "#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:266\n");
    for (uint32_t i = 0; i < s->segments; i++) {
        for (unsigned part = 0; part < 8; part++) {
            if (buf_printf(&s->text, "#EXT-X-PART:DURATION=0.5,URI=\"part%u.%u.mp4\"%s\n", i,
                           part, part == 0 ? ",INDEPENDENT=YES" : "") != 0) {
                die("no memory");
            }
        }
        if (buf_printf(&s->text, "#EXTINF:4.00000,\nsegment%u.mp4\n", i) != 0) {
            die("no memory");
        }
    }
    put(&s->text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"next.mp4\"\n");
}

static void scan(const struct sample *s)
{
    const char *at = s->text.ptr, *end = at + s->text.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline == NULL ? end : newline + 1;
        __asm__ volatile("" ::"r"(at));
    }
}

static size_t parse(const struct sample *s, struct m3u8_report *report)
{
    const struct m3u8_source source = {
        .text = buf_span(&s->text),
        .url = SPAN("https://origin.example/live/stream/video.m3u8"),
        .report = report,
    };
    struct m3u8 *m = NULL;
    if (m3u8_parse(&source, &m) != M3U8_OK || m->segment_count != s->segments) {
        die(s->name);
    }
    size_t bytes = m->memory_bytes;
    m3u8_unref(m);
    return bytes;
}

enum what { SCAN, PARSE, PARSE_STRICT };

/* The least CPU time of one go over the sample, in ns. */
static double measure(const struct sample *s, enum what what)
{
    int times = (int)(20000000 / (s->text.len + 200)) + 1;
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begun_ns = cpu_ns();
        for (int i = 0; i < times; i++) {
            struct m3u8_report report;
            m3u8_report_init(&report, 10);
            if (what == SCAN) {
                scan(s);
            } else {
                parse(s, what == PARSE_STRICT ? &report : NULL);
            }
            m3u8_report_clear(&report);
        }
        double ns = (double)(cpu_ns() - begun_ns) / times;
        best = ns < best ? ns : best;
    }
    return best;
}

static void write_sample(const struct sample *s, const char *folder)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.m3u8", folder, s->name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(s->text.ptr, 1, s->text.len, file) != s->text.len) {
        die(path);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    static struct sample samples[] = {
        {"live-6", 6, {0}},
        {"plain-1000", 1000, {0}},
        {"plain-1000000", 1000000, {0}},
        {"ranges-dates-1000", 1000, {0}},
        {"low-latency-8", 8, {0}},
    };
    printf("| playlist | bytes | memchr scan µs | parse µs | ratio | ns a segment | MB/s | "
           "memory a segment | with all rules µs |\n|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct sample *s = &samples[i];
        if (strncmp(s->name, "ranges", 6) == 0) {
            build_rich(s);
        } else if (strncmp(s->name, "low", 3) == 0) {
            build_low_latency(s);
        } else {
            build_plain(s);
        }
        double scan_ns = measure(s, SCAN), parse_ns = measure(s, PARSE);
        double strict_ns = measure(s, PARSE_STRICT);
        size_t memory = parse(s, NULL) - s->text.len;
        printf("| %s | %zu | %.3f | %.3f | %.2f | %.1f | %.0f | %zu | %.1f |\n", s->name,
               s->text.len, scan_ns / 1e3, parse_ns / 1e3, parse_ns / scan_ns,
               parse_ns / s->segments, (double)s->text.len * 1e3 / parse_ns,
               memory / s->segments, strict_ns / 1e3);
        if (argc > 1) {
            write_sample(s, argv[1]);
        }
        buf_release(&s->text);
    }
    return 0;
}
