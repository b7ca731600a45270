/* What ts_make writes, ts_check finds right, across segments; and ts_check finds what is wrong.
 * That players decode it is for the integration tests. */
#include "media/ts_check.h"
#include "media/ts_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct make_spec specs[] = {
    {{1280, 720}, 256, 50, 500000}, {{640, 360}, 170, 50, 125000}, {{320, 180}, 0, 25, 0},
    {{0, 0}, 256, 50, 0},           {{16, 16}, 8, 1, 0},           {{256, 144}, 1536, 37, 0},
    {{426, 240}, 341, 100, 250001}, {{1920, 1080}, 256, 7, 0},
};

#define SPECS (sizeof specs / sizeof specs[0])

/* The spec with at least the bytes it needs. */
static struct make_spec usable(size_t i)
{
    struct make_spec spec = specs[i];
    uint64_t least = ts_make_least_bytes(&spec);
    spec.segment_bytes = spec.segment_bytes > least ? spec.segment_bytes : least;
    return spec;
}

static uint8_t *make(const struct make_spec *spec, const struct make_segment *segment,
                     size_t *out_len)
{
    *out_len = ts_make_segment_bytes(spec, segment);
    uint8_t *bytes = malloc(*out_len);
    assert_non_null(bytes);
    assert_int_equal(ts_make_segment(spec, segment, bytes), 0);
    return bytes;
}

/* Seventeen segments in a row are one stream: counters and timestamps go on. */
static void test_segments_join(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPECS; i++) {
        struct make_spec spec = usable(i);
        static struct ts_check check;
        uint64_t audio_frames = 0;
        ts_check_init(&check);
        for (uint64_t number = 3; number < 20; number++) {
            struct make_segment segment = {number, spec.segment_pictures, 0};
            size_t len = 0;
            uint8_t *bytes = make(&spec, &segment, &len);
            assert_int_equal(len, spec.segment_bytes / 188 * 188);
            const char *wrong = ts_check_feed(&check, span_of((char *)bytes, len));
            free(bytes);
            if (wrong != NULL) {
                print_error("spec %zu segment %llu packet %llu: %s\n", i,
                            (unsigned long long)number, (unsigned long long)check.wrong_packet,
                            wrong);
                fail();
            }
            audio_frames += make_audio_frames(&spec, &segment);
        }
        assert_null(ts_check_end(&check));
        uint64_t pictures = 17 * (uint64_t)spec.segment_pictures;
        assert_int_equal(check.video_units, make_has_video(&spec) ? pictures : 0);
        assert_int_equal(audio_frames,
                         make_audio_frame_at(20 * (uint64_t)spec.segment_pictures) -
                             make_audio_frame_at(3 * (uint64_t)spec.segment_pictures));
        if (make_has_video(&spec)) {
            assert_int_equal(check.last_pts - check.first_pts, (pictures - 1) * 3600);
        }
    }
}

static void test_last_segment_is_shorter(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPECS; i++) {
        struct make_spec spec = usable(i);
        for (uint32_t pictures = 1; pictures <= spec.segment_pictures; pictures++) {
            static struct ts_check check;
            struct make_segment segment = {pictures % MAKE_PERIOD, pictures, 0};
            size_t len = 0;
            uint8_t *bytes = make(&spec, &segment, &len);
            ts_check_init(&check);
            ts_check_feed(&check, span_of((char *)bytes, len));
            free(bytes);
            /* Too short for a single audio frame is possible without video. */
            const char *wrong = ts_check_end(&check);
            if (wrong != NULL &&
                make_audio_frames(&spec, &segment) + make_has_video(&spec) > 0) {
                print_error("spec %zu, %u pictures: %s\n", i, pictures, wrong);
                fail();
            }
            assert_true(len <= spec.segment_bytes);
        }
    }
}

static void test_timestamps_move(void **state)
{
    (void)state;
    struct make_spec spec = usable(1);
    uint64_t firsts[2];
    for (uint64_t i = 0; i < 2; i++) {
        static struct ts_check check;
        struct make_segment segment = {5, spec.segment_pictures, i * 1000};
        size_t len = 0;
        uint8_t *bytes = make(&spec, &segment, &len);
        ts_check_init(&check);
        ts_check_feed(&check, span_of((char *)bytes, len));
        assert_null(ts_check_end(&check));
        firsts[i] = check.first_pts;
        free(bytes);
    }
    assert_int_equal(firsts[1] - firsts[0], 90000000);
}

/* However the bytes are cut into pieces, the answer is the same. */
static void test_pieces(void **state)
{
    (void)state;
    struct make_spec spec = usable(2);
    struct make_segment segment = {1, spec.segment_pictures, 0};
    size_t len = 0;
    uint8_t *bytes = make(&spec, &segment, &len);
    static const size_t sizes[] = {1, 7, 187, 188, 189, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        static struct ts_check check;
        ts_check_init(&check);
        for (size_t at = 0; at < len; at += sizes[i]) {
            size_t n = len - at < sizes[i] ? len - at : sizes[i];
            assert_null(ts_check_feed(&check, span_of((char *)bytes + at, n)));
        }
        assert_null(ts_check_end(&check));
        assert_int_equal(check.packets, len / 188);
    }
    free(bytes);
}

struct damage {
    const char *name;
    size_t at;     /* byte to change */
    uint8_t value; /* what it becomes */
    size_t cut;    /* bytes left out at the end */
    const char *expected;
};

static void test_damage_is_found(void **state)
{
    (void)state;
    static const struct damage damages[] = {
        {"sync", 564, 0x46, 0, "no sync byte where a packet begins"},
        {"damaged", 564 + 1, 0xc1, 0, "a packet marked as damaged"},
        {"field", 376 + 4, 200, 0, "an adaptation field longer than its packet"},
        {"counter", 564 + 3, 0x1e, 0, "a continuity counter that jumps"},
        {"PAT", 5, 9, 0, "no program association table"},
        {"PMT", 188 + 5, 9, 0, "no program map table"},
        {"start code", 376 + 12 + 2, 9, 0, "a PES packet without its start code"},
        {"end", 0, 0x47, 10, "a part of a packet at the end"},
    };
    struct make_spec spec = usable(1);
    spec.audio_frame_bytes = 0;
    struct make_segment segment = {0, spec.segment_pictures, 0};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        static struct ts_check check;
        size_t len = 0;
        uint8_t *bytes = make(&spec, &segment, &len);
        bytes[damages[i].at] = damages[i].value;
        ts_check_init(&check);
        ts_check_feed(&check, span_of((char *)bytes, len - damages[i].cut));
        const char *wrong = ts_check_end(&check);
        free(bytes);
        if (wrong == NULL || strcmp(wrong, damages[i].expected) != 0) {
            print_error("%s: got %s\n", damages[i].name, wrong != NULL ? wrong : "nothing");
            fail();
        }
    }
    static struct ts_check check;
    ts_check_init(&check);
    assert_string_equal(ts_check_end(&check), "no packet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_join),   cmocka_unit_test(test_last_segment_is_shorter),
        cmocka_unit_test(test_timestamps_move), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
