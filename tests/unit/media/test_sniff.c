/* What the first bytes of a body are taken for. */
#include "media/sniff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct sniff_case {
    const char *name;
    struct span head;
    enum sniff expected;
};

static const struct sniff_case cases[] = {
    {"empty", {NULL, 0}, SNIFF_NOT_MEDIA},
    {"html", {"<!DOCTYPE html><html>", 21}, SNIFF_NOT_MEDIA},
    {"xml", {"<?xml version=\"1.0\"?>", 21}, SNIFF_NOT_MEDIA},
    {"json", {"{\"error\": \"not found\"}", 22}, SNIFF_NOT_MEDIA},
    {"a playlist", {"#EXTM3U\n#EXT-X-VERSION:3\n", 25}, SNIFF_NOT_MEDIA},
    {"text that starts with G", {"Gone away\n", 10}, SNIFF_NOT_MEDIA},
    {"styp", {"\0\0\0\x18styp", 8}, SNIFF_FMP4},
    {"moof", {"\0\0\1\0moof", 8}, SNIFF_FMP4},
    {"ftyp",
     {"\0\0\0\x1c"
      "ftypiso5",
      12},
     SNIFF_FMP4},
    {"sidx",
     {"\0\0\0\x2c"
      "sidx",
      8},
     SNIFF_FMP4},
    {"emsg",
     {"\0\0\0\x2c"
      "emsg",
      8},
     SNIFF_FMP4},
    {"mdat with a 64-bit size", {"\0\0\0\1mdat", 8}, SNIFF_FMP4},
    {"a box smaller than its header", {"\0\0\0\7moof", 8}, SNIFF_NOT_MEDIA},
    {"seven bytes of a box", {"\0\0\0\x18sty", 7}, SNIFF_NOT_MEDIA},
    {"an unknown box", {"\0\0\0\x18PNG ", 8}, SNIFF_NOT_MEDIA},
    {"ID3", {"ID3\4\0\0\0\0\0\x3f", 10}, SNIFF_PACKED_AUDIO},
    {"ID3 with a size that cannot be", {"ID3\4\0\0\x80\0\0\0", 10}, SNIFF_NOT_MEDIA},
    {"ADTS", {"\xff\xf1\x4c\x80\x01\x3f\xfc\x21\x17", 9}, SNIFF_PACKED_AUDIO},
    {"ADTS followed by no frame", {"\xff\xf1\x4c\x80\x01\x1f\xfc\x21zz", 10}, SNIFF_NOT_MEDIA},
    {"MP3", {"\xff\xfb\x90\x64", 4}, SNIFF_PACKED_AUDIO},
    {"MP3 of a reserved rate", {"\xff\xfb\xf0\x64", 4}, SNIFF_NOT_MEDIA},
    {"AC-3", {"\x0b\x77\x12\x34\x10", 5}, SNIFF_PACKED_AUDIO},
    {"WebVTT", {"WEBVTT\n\n", 8}, SNIFF_WEBVTT},
    {"WebVTT alone", {"WEBVTT", 6}, SNIFF_WEBVTT},
    {"WebVTT with a BOM", {"\xef\xbb\xbfWEBVTT\r\n", 11}, SNIFF_WEBVTT},
    {"a longer word", {"WEBVTTX\n", 8}, SNIFF_NOT_MEDIA},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum sniff got = sniff_media(cases[i].head);
        if (got != cases[i].expected) {
            print_error("%s: got %d, expected %d\n", cases[i].name, got, cases[i].expected);
            fail();
        }
    }
}

static void test_ts_sync(void **state)
{
    (void)state;
    char packets[SNIFF_HEAD_BYTES] = {0};
    packets[0] = packets[188] = packets[376] = 0x47;
    assert_int_equal(sniff_media(span_of(packets, sizeof packets)), SNIFF_TS);
    assert_int_equal(sniff_media(span_of(packets, 189)), SNIFF_TS);
    assert_int_equal(sniff_media(span_of(packets, 188)), SNIFF_TS);
    assert_int_equal(sniff_media(span_of(packets, 187)), SNIFF_NOT_MEDIA);
    packets[376] = 0;
    assert_int_equal(sniff_media(span_of(packets, sizeof packets)), SNIFF_NOT_MEDIA);
    assert_int_equal(sniff_media(span_of(packets, 376)), SNIFF_TS);
    packets[188] = 0;
    assert_int_equal(sniff_media(span_of(packets, 376)), SNIFF_NOT_MEDIA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_ts_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
