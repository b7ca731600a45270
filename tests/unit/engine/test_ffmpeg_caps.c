#include "engine/ffmpeg/ffmpeg_caps.h"

#include "engine/ffmpeg/ffmpeg_process.h"
#include "ffmpeg_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void versions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *version;
        uint32_t major;
        bool ok;
    } table[] = {
        {"ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers\nbuilt",
         "5.1.9-0+deb12u1", 5, true},
        {"ffmpeg version n7.1 Copyright (c)\n", "n7.1", 7, true},
        {"ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright\n", "4.4.2-0ubuntu0.22.04.1", 4,
         true},
        {"ffmpeg version 9.0.2 Copyright\n", "9.0.2", 9, true},
        {"ffmpeg version 2026-01-02-git-0113e30806-full_build-www.example.org Copyright\n",
         "2026-01-02-git-0113e30806-full_build-www.example.org", 0, true},
        {"ffmpeg version N-118000-g0113e30 Copyright\n", "N-118000-g0113e30", 0, true},
        {"ffprobe version 5.1.9", "", 0, false},
        {"", "", 0, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ffmpeg_caps caps = {0};
        bool ok = ffmpeg_caps_read_version(&caps, span_from_string(table[i].text));
        assert_int_equal(ok, table[i].ok);
        if (ok) {
            assert_string_equal(caps.version, table[i].version);
            assert_int_equal(caps.major, table[i].major);
        }
    }
}

static void long_version_is_cut(void **state)
{
    (void)state;
    char text[400] = "ffmpeg version ";
    memset(text + 15, 'v', 300);
    struct ffmpeg_caps caps = {0};
    assert_true(ffmpeg_caps_read_version(&caps, span_from_string(text)));
    assert_int_equal(strlen(caps.version), sizeof caps.version - 1);
}

static void options_are_found(void **state)
{
    (void)state;
    static const char text[] =
        "Demuxer hls [Apple HTTP Live Streaming]:\n"
        "  -live_start_index  <int>        .D......... segment index\n"
        "  -seg_max_retry     <int>        .D......... Maximum number of times to reload\n"
        "  -reconnect_at_eof  <boolean>    .D.........\n"
        "-re                 read input at native frame rate; equivalent to -readrate 1\n"
        "the option -user_agent is named in the middle of a line\n"
        "     -reconnect_delay_max";
    struct ffmpeg_caps caps = {0};
    ffmpeg_caps_read_options(&caps, SPAN(text));
    assert_true(caps.hls);
    assert_true(ffmpeg_caps_has(&caps, FFMPEG_OPTION_LIVE_START_INDEX));
    assert_true(ffmpeg_caps_has(&caps, FFMPEG_OPTION_SEG_MAX_RETRY));
    assert_true(ffmpeg_caps_has(&caps, FFMPEG_OPTION_RE));
    assert_true(ffmpeg_caps_has(&caps, FFMPEG_OPTION_RECONNECT_DELAY_MAX));
    assert_false(ffmpeg_caps_has(&caps, FFMPEG_OPTION_READRATE));
    assert_false(ffmpeg_caps_has(&caps, FFMPEG_OPTION_RECONNECT));
    assert_false(ffmpeg_caps_has(&caps, FFMPEG_OPTION_USER_AGENT));
}

/* Options of other sections have the same names and mean something else. */
static void only_the_protocols_sections_count(void **state)
{
    (void)state;
    static const char text[] = "http AVOptions:\n"
                               "  -user_agent        <string>     .D....... override\n"
                               "     none                         ED....... No auth\n"
                               "\n"
                               "hls muxer AVOptions:\n"
                               "  -headers           <string>     E........ set custom\n"
                               "tls AVOptions:\n"
                               "  -ca_file           <string>     ED....... Certificate\n";
    struct ffmpeg_caps caps = {0};
    ffmpeg_caps_read_full(&caps, SPAN(text));
    assert_true(ffmpeg_caps_has(&caps, FFMPEG_OPTION_USER_AGENT));
    assert_true(ffmpeg_caps_has(&caps, FFMPEG_OPTION_CA_FILE));
    assert_false(ffmpeg_caps_has(&caps, FFMPEG_OPTION_HEADERS));
}

/* Version 4.1 names the demuxer twice; from some version on certificates are always checked. */
static void versions_differ(void **state)
{
    (void)state;
    struct ffmpeg_caps caps = {0};
    ffmpeg_caps_read_options(&caps,
                             SPAN("Demuxer hls,applehttp [Apple HTTP Live Streaming]:\n"));
    assert_true(caps.hls);
    ffmpeg_caps_read_options(
        &caps, SPAN("  -tls_verify  <int>  ED.. Verify the peer certificate (from 0 to 1) "
                    "(default 0)\n"));
    assert_false(caps.tls_strict);
    ffmpeg_caps_read_options(
        &caps, SPAN("  -verify  <boolean>  ED.. Verify the peer certificate (default true)\n"));
    assert_true(caps.tls_strict);
    caps = (struct ffmpeg_caps){0};
    ffmpeg_caps_read_options(&caps, SPAN("Demuxer hlsish [x]:\n"));
    assert_false(caps.hls);
}

/* This program is a dynamic one; what is no program is not static. */
static void dynamic_programs_are_known(void **state)
{
    (void)state;
    assert_false(ffmpeg_process_is_static("/proc/self/exe"));
    assert_false(ffmpeg_process_is_static("/etc/passwd"));
    assert_false(ffmpeg_process_is_static("/no/such/file"));
    if (access("/sbin/ldconfig", R_OK) == 0) { /* static in Debian */
        assert_true(ffmpeg_process_is_static("/sbin/ldconfig"));
    }
}

static void programs_are_listed(void **state)
{
    (void)state;
    struct ffmpeg_caps caps = {0};
    ffmpeg_caps_read_programs(&caps, SPAN("program_id=0\nTAG:variant_bitrate=145200\n"
                                          "program_id=1\nprogram_id=2\n"
                                          "TAG:variant_bitrate=255200\n"));
    assert_int_equal(caps.program_count, 3);
    assert_int_equal(caps.program_bps[0], 145200);
    assert_int_equal(caps.program_bps[1], 0);
    assert_int_equal(caps.program_bps[2], 255200);
}

static void many_programs_are_bounded(void **state)
{
    (void)state;
    static char text[100 * 40];
    size_t len = 0;
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "program_id=7\nTAG:variant_bitrate=5\n");
    }
    struct ffmpeg_caps caps = {0};
    ffmpeg_caps_read_programs(&caps, span_from_string(text));
    assert_int_equal(caps.program_count, FFMPEG_PROGRAMS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_read),
        cmocka_unit_test(long_version_is_cut),
        cmocka_unit_test(options_are_found),
        cmocka_unit_test(programs_are_listed),
        cmocka_unit_test(many_programs_are_bounded),
        cmocka_unit_test(versions_differ),
        cmocka_unit_test(only_the_protocols_sections_count),
        cmocka_unit_test(dynamic_programs_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
