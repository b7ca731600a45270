/* The pieces that the containers carry: H.264 NAL units and AAC frames. */
#include "media/aac_make.h"
#include "media/h264_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* No start code can be found inside a NAL unit: the bytes 0, 0 and one below 3. */
static void assert_no_start_code(const uint8_t *nal, size_t len)
{
    for (size_t i = 2; i < len; i++) {
        if (nal[i - 2] == 0 && nal[i - 1] == 0 && nal[i] < 3) {
            print_error("a start code at %zu of %zu\n", i, len);
            fail();
        }
    }
}

static void test_pictures_fit_their_bounds(void **state)
{
    (void)state;
    static const struct h264_make sizes[] = {{16, 16},     {256, 144},   {426, 240},
                                             {640, 360},   {1280, 720},  {1920, 1080},
                                             {3840, 2160}, {4096, 2304}, {4096, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t bound = h264_make_idr_bound(&sizes[i]);
        for (uint64_t number = 0; number < 9; number++) {
            uint8_t *nal = malloc(bound);
            size_t len = h264_make_idr(&sizes[i], number, nal);
            assert_true(len <= bound);
            assert_int_equal(nal[0] & 31, 5);
            assert_no_start_code(nal, len);
            free(nal);
        }
        for (unsigned index = 1; index < 70000; index = index * 3 + 1) {
            uint8_t nal[H264_MAKE_SMALL_BYTES];
            size_t len = h264_make_skip(&sizes[i], index, nal);
            assert_int_equal(nal[0] & 31, 1);
            assert_no_start_code(nal, len);
        }
        uint8_t parameters[H264_MAKE_SMALL_BYTES];
        size_t len = h264_make_sps(&sizes[i], parameters);
        assert_int_equal(parameters[0] & 31, 7);
        assert_no_start_code(parameters, len);
    }
}

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        struct h264_make size;
        unsigned level;
    } cases[] = {
        {{176, 144}, 11}, {{352, 288}, 13},  {{640, 360}, 30},   {{720, 576}, 30},
        {{960, 540}, 31}, {{1280, 720}, 31}, {{1920, 1080}, 40}, {{3840, 2160}, 51},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned got = h264_make_level(&cases[i].size);
        if (got != cases[i].level) {
            print_error("%ux%u: got %u, expected %u\n", cases[i].size.width,
                        cases[i].size.height, got, cases[i].level);
            fail();
        }
    }
    char codec[12];
    h264_make_codec(&(struct h264_make){1280, 720}, codec);
    assert_string_equal(codec, "avc1.42c01f");
}

static void test_filler(void **state)
{
    (void)state;
    uint8_t nal[6];
    h264_make_filler(nal, sizeof nal);
    assert_memory_equal(nal, "\x0c\xff\xff\xff\xff\x80", 6);
    h264_make_filler(nal, 2);
    assert_memory_equal(nal, "\x0c\x80", 2);
}

static unsigned read_bits(const uint8_t *bytes, size_t *bit, unsigned count)
{
    unsigned value = 0;
    while (count-- > 0) {
        value = value << 1 | (bytes[*bit / 8] >> (7 - *bit % 8) & 1);
        (*bit)++;
    }
    return value;
}

/* Walks over the fill elements of a frame to the end element: it must lie in the last byte. */
static void test_frames_of_every_size(void **state)
{
    (void)state;
    for (size_t len = AAC_MAKE_FRAME_MIN; len <= AAC_MAKE_FRAME_MAX; len++) {
        uint8_t *frame = malloc(len);
        aac_make_frame(frame, len);
        size_t bit = 0;
        assert_int_equal(read_bits(frame, &bit, 3), 1);
        bit = 43;
        unsigned element = read_bits(frame, &bit, 3);
        while (element == 6) {
            unsigned count = read_bits(frame, &bit, 4);
            if (count == 15) {
                count += read_bits(frame, &bit, 8) - 1;
            }
            bit += (size_t)count * 8;
            assert_true(bit + 3 <= len * 8);
            element = read_bits(frame, &bit, 3);
        }
        if (element != 7 || (bit + 7) / 8 != len) {
            print_error("%zu bytes: element %u ends at bit %zu\n", len, element, bit);
            fail();
        }
        free(frame);
    }
}

static void test_adts(void **state)
{
    (void)state;
    uint8_t header[AAC_MAKE_ADTS_BYTES];
    aac_make_adts(header, 256);
    /* 263 bytes in all: 0x107 in 13 bits. */
    assert_memory_equal(header, "\xff\xf1\x4c\x80\x20\xff\xfc", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_fit_their_bounds),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_filler),
        cmocka_unit_test(test_frames_of_every_size),
        cmocka_unit_test(test_adts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
