/* Durations measured from segments that are made here, and nothing but refusal of the rest. */
#include "base/rng.h"
#include "media/duration.h"
#include "media/fmp4_make.h"
#include "media/ts_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[1 << 20], init[FMP4_MAKE_INIT_MAX];

static struct span made_ts(unsigned width, uint32_t pictures, uint64_t number)
{
    struct make_spec spec = {{width, width * 9 / 16 / 2 * 2}, 170, pictures, 0};
    spec.segment_bytes = ts_make_least_bytes(&spec);
    const struct make_segment segment = {number, pictures, 0};
    size_t len = ts_make_segment_bytes(&spec, &segment);
    assert_true(len <= sizeof bytes);
    assert_int_equal(ts_make_segment(&spec, &segment, bytes), 0);
    return span_of((const char *)bytes, len);
}

static void expect_about(struct span head, struct span segment, int64_t expected_us,
                         int64_t slack_us)
{
    struct duration d = {-1, -1, -1, -1};
    assert_true(duration_measure(head, segment, &d));
    assert_true(d.error_us >= 0);
    if (llabs(d.us - expected_us) > slack_us + (slack_us > 1000 ? d.error_us : 0)) {
        fail_msg("measured %lld µs, expected %lld", (long long)d.us, (long long)expected_us);
    }
}

static void test_ts(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {2, 25, 50, 100};
    for (size_t i = 0; i < 4; i++) {
        expect_about((struct span){0}, made_ts(320, lengths[i], 3),
                     (int64_t)lengths[i] * MAKE_PICTURE_US, 100);
        /* Sound alone comes in frames of 21 ms, several to a timestamp. */
        if (lengths[i] >= 25) {
            expect_about((struct span){0}, made_ts(0, lengths[i], 3),
                         (int64_t)lengths[i] * MAKE_PICTURE_US, 25000);
        }
    }
}

/* Timestamps of 33 bits wrap around inside a segment. */
static void test_ts_wraps(void **state)
{
    (void)state;
    /* 2^33 / 90000 Hz are 95443.7 s, so the segment of 2 s that begins before it. */
    expect_about((struct span){0}, made_ts(320, 50, 95443 / 2), 2000000, 100);
}

static void test_fmp4(void **state)
{
    (void)state;
    struct make_spec spec = {{320, 180}, 170, 50, 0};
    spec.segment_bytes = fmp4_make_least_bytes(&spec);
    const struct make_segment segment = {5, 50, 0};
    size_t init_len = fmp4_make_init(&spec, init);
    size_t len = fmp4_make_segment_bytes(&spec, &segment);
    assert_true(init_len > 0 && len <= sizeof bytes);
    assert_int_equal(fmp4_make_segment(&spec, &segment, bytes), 0);
    struct span head = span_of((const char *)init, init_len);
    struct span body = span_of((const char *)bytes, len);
    struct duration d = {.us = 7};
    expect_about(head, body, 2000000, 100);
    assert_false(duration_measure((struct span){0}, body, &d));
    assert_int_equal(d.us, 7);
    assert_true(duration_measure(head, body, &d));
    assert_int_equal(d.start_us, 5 * 2000000);
    assert_int_equal(d.wrap_us, 0);
}

static void test_adts(void **state)
{
    (void)state;
    /* An ID3 tag of 10 bytes, then 48 frames of 48 kHz AAC: 1024 samples each. */
    uint8_t text[10 + 48 * 20] = {'I', 'D', '3', 4};
    for (size_t i = 0; i < 48; i++) {
        static const uint8_t head[7] = {0xff, 0xf1, 0x4c, 0x80, 20 >> 3, (20 & 7) << 5 | 0x1f,
                                        0xfc};
        memset(text + 10 + i * 20, 0, 20);
        memcpy(text + 10 + i * 20, head, sizeof head);
    }
    expect_about((struct span){0}, span_of((const char *)text, sizeof text), 1024000, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "<html><body>not media</body></html>",
                                        "WEBVTT\n\n00:00.000 --> 00:01.000\nx\n"};
    struct duration d = {.us = 7};
    for (size_t i = 0; i < 3; i++) {
        assert_false(duration_measure((struct span){0}, span_from_string(texts[i]), &d));
        assert_int_equal(d.us, 7);
    }
}

/* One segment begins where the one before it ends, also where the clock of 33 bits wraps. */
static void test_starts(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 3, 95443 / 2 - 1, 95443 / 2, 95443 / 2 + 1};
    for (size_t i = 0; i < 5; i++) {
        struct duration a, b;
        assert_true(duration_measure((struct span){0}, made_ts(320, 50, numbers[i]), &a));
        assert_true(duration_measure((struct span){0}, made_ts(320, 50, numbers[i] + 1), &b));
        assert_int_equal(a.wrap_us, b.wrap_us);
        int64_t apart_us = (b.start_us - a.start_us + a.wrap_us) % a.wrap_us;
        assert_true(llabs(apart_us - 2000000) < 100);
    }
}

/* Damaged segments are read within their bounds; the sanitizers watch. */
static void test_damage(void **state)
{
    (void)state;
    struct rng rng = rng_make(3, 0);
    struct span whole = made_ts(320, 25, 1);
    for (int round = 0; round < 2000; round++) {
        size_t len = rng_below(&rng, whole.len < 8192 ? whole.len : 8192);
        uint8_t *copy = malloc(len + 1);
        struct duration d;
        assert_non_null(copy);
        memcpy(copy, whole.ptr, len);
        for (int i = 0; i < 8 && len > 0; i++) {
            copy[rng_below(&rng, len)] = (uint8_t)rng_next(&rng);
        }
        struct span part = span_of((const char *)copy, len);
        (void)duration_measure(part, part, &d);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ts),       cmocka_unit_test(test_ts_wraps),
        cmocka_unit_test(test_fmp4),     cmocka_unit_test(test_adts),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_starts),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
