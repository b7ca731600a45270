/* Playlists written by the other half of the folder parse to what was meant, and writing what
 * was parsed gives the same playlist again. */
#include "base/rng.h"
#include "media/m3u8.h"
#include "media/m3u8_check.h"
#include "media/m3u8_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEGMENTS_MAX 40

/* A playlist of our own making, drawn at random. */
static void draw(struct rng *rng, struct buf *out)
{
    const struct m3u8_write_media head = {
        .version = 6,
        .target_duration_s = 10,
        .media_sequence = rng_below(rng, 1000),
        .discontinuity_sequence = rng_below(rng, 3),
        .type = rng_below(rng, 2) == 0 ? M3U8_WRITE_LIVE : M3U8_WRITE_EVENT,
    };
    uint64_t count = rng_below(rng, SEGMENTS_MAX);
    bool ranges = rng_below(rng, 2) == 0;
    int64_t date_us = rng_below(rng, 2) == 0 ? -1 : INT64_C(1767225600000000);
    uint64_t offset = 0;
    assert_int_equal(m3u8_write_media_start(out, &head), 0);
    for (uint64_t i = 0; i < count; i++) {
        char uri[32];
        int len =
            snprintf(uri, sizeof uri, ranges ? "all.mp4" : "%llu.mp4", (unsigned long long)i);
        struct m3u8_write_segment segment = {
            .uri = span_of(uri, (size_t)len),
            .duration_us = (int64_t)rng_below(rng, 10000000),
            .program_date_us = date_us,
            .discontinuity = rng_below(rng, 8) == 0,
            .gap = rng_below(rng, 8) == 0,
        };
        if (ranges) {
            segment.range = (struct m3u8_write_range){1 + rng_below(rng, 1000), offset};
            offset += segment.range.length;
        }
        if (rng_below(rng, 6) == 0) {
            uint8_t iv[16] = {1, 2, 3};
            assert_int_equal(m3u8_write_key(out, SPAN("key"), iv), 0);
        }
        if (rng_below(rng, 6) == 0) {
            assert_int_equal(
                m3u8_write_map(out, SPAN("init.mp4"), (struct m3u8_write_range){10, 0}), 0);
        }
        assert_int_equal(m3u8_write_segment(out, &segment), 0);
        date_us += date_us < 0 ? 0 : segment.duration_us;
    }
    if (rng_below(rng, 2) == 0) {
        assert_int_equal(m3u8_write_media_end(out), 0);
    }
}

/* Writes what was parsed. */
static void write_again(const struct m3u8 *m, struct buf *out)
{
    const struct m3u8_write_media head = {
        .version = (unsigned)m->version,
        .target_duration_s = (unsigned)(m->target_duration_us / 1000000),
        .media_sequence = m->media_sequence,
        .discontinuity_sequence = m->discontinuity_sequence,
        .type = m->type == M3U8_TYPE_VOD     ? M3U8_WRITE_VOD
                : m->type == M3U8_TYPE_EVENT ? M3U8_WRITE_EVENT
                                             : M3U8_WRITE_LIVE,
    };
    const struct m3u8_key *key = NULL;
    uint32_t map = M3U8_NONE;
    assert_int_equal(m3u8_write_media_start(out, &head), 0);
    for (uint32_t i = 0; i < m->segment_count; i++) {
        const struct m3u8_segment *s = &m->segments[i];
        const struct m3u8_key *now = m3u8_identity_key(m, s->key_first, s->key_count);
        if (now != key) {
            assert_int_equal(m3u8_write_key(out, now->uri, now->has_iv ? now->iv : NULL), 0);
            key = now;
        }
        if (s->map != map) {
            const struct m3u8_map *n = &m->maps[s->map];
            assert_int_equal(
                m3u8_write_map(out, n->uri,
                               (struct m3u8_write_range){n->range.length, n->range.offset}),
                0);
            map = s->map;
        }
        const struct m3u8_write_segment segment = {
            .uri = s->uri,
            .duration_us = s->duration_us,
            .program_date_us = (s->flags & M3U8_SEGMENT_DATE) != 0 ? s->date_us : -1,
            .range = {s->range.length, s->range.offset},
            .discontinuity = (s->flags & M3U8_SEGMENT_DISCONTINUITY) != 0,
            .gap = (s->flags & M3U8_SEGMENT_GAP) != 0,
        };
        assert_int_equal(m3u8_write_segment(out, &segment), 0);
    }
    if ((m->flags & M3U8_ENDLIST) != 0) {
        assert_int_equal(m3u8_write_media_end(out), 0);
    }
}

static struct m3u8 *parse(struct span text)
{
    struct m3u8 *m = NULL;
    struct m3u8_report report;
    m3u8_report_init(&report, 0);
    const struct m3u8_source source = {.text = text, .report = &report};
    assert_int_equal(m3u8_parse(&source, &m), M3U8_OK);
    /* What we write ourselves breaks no must-rule; a live window may be short here. */
    for (uint32_t i = 0; i < report.count; i++) {
        const struct m3u8_rule_info *info = m3u8_rule_info(report.findings[i].rule);
        if (info->severity == M3U8_MUST) {
            fail_msg("line %u breaks %s: %s in\n%.*s", report.findings[i].line, info->name,
                     report.findings[i].detail, SPAN_ARGS(text));
        }
    }
    m3u8_report_clear(&report);
    return m;
}

static void expect_same(const struct m3u8 *a, const struct m3u8 *b)
{
    assert_int_equal(a->segment_count, b->segment_count);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->total_duration_us, b->total_duration_us);
    for (uint32_t i = 0; i < a->segment_count; i++) {
        const struct m3u8_segment *x = &a->segments[i], *y = &b->segments[i];
        assert_true(span_equal(x->uri, y->uri));
        assert_int_equal(x->duration_us, y->duration_us);
        assert_int_equal(x->sequence, y->sequence);
        assert_int_equal(x->discontinuity_sequence, y->discontinuity_sequence);
        assert_int_equal(x->flags, y->flags);
        assert_int_equal(x->date_us, y->date_us);
        assert_true(x->range.length == y->range.length && x->range.offset == y->range.offset);
        assert_int_equal(x->key_count, y->key_count);
        assert_int_equal(x->map == M3U8_NONE, y->map == M3U8_NONE);
    }
}

static void test_written_again(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct rng rng = rng_make(seed, 0);
        struct buf first, second;
        buf_init(&first, 1 << 20);
        buf_init(&second, 1 << 20);
        draw(&rng, &first);
        struct m3u8 *a = parse(buf_span(&first));
        write_again(a, &second);
        struct m3u8 *b = parse(buf_span(&second));
        expect_same(a, b);
        m3u8_unref(a);
        m3u8_unref(b);
        buf_release(&first);
        buf_release(&second);
    }
}

static void test_multivariant(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 65536);
    const struct m3u8_write_rendition audio = {.group = SPAN("a"),
                                               .name = SPAN("n"),
                                               .language = SPAN("en"),
                                               .uri = SPAN("a.m3u8"),
                                               .channels = 2,
                                               .is_default = true};
    const struct m3u8_write_variant variant = {.uri = SPAN("v.m3u8"),
                                               .codecs = SPAN("avc1.42c01e,mp4a.40.2"),
                                               .audio = SPAN("a"),
                                               .bandwidth = 1000,
                                               .average = 900,
                                               .width = 640,
                                               .height = 360,
                                               .frame_rate = 25};
    assert_int_equal(m3u8_write_multivariant_start(&text, 4), 0);
    assert_int_equal(m3u8_write_rendition(&text, &audio), 0);
    assert_int_equal(m3u8_write_variant(&text, &variant), 0);
    struct m3u8 *m = parse(buf_span(&text));
    assert_int_equal(m->variant_count, 1);
    assert_int_equal(m->variants[0].bandwidth_bps, 1000);
    assert_int_equal(m->variants[0].average_bandwidth_bps, 900);
    assert_int_equal(m->variants[0].width, 640);
    assert_int_equal(m3u8_rendition_pick(m, M3U8_AUDIO, m->variants[0].audio), 0);
    assert_true(span_equal(m->renditions[0].channels, SPAN("2")));
    m3u8_unref(m);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_again),
        cmocka_unit_test(test_multivariant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
