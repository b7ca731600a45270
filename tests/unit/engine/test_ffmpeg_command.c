#include "engine/ffmpeg/ffmpeg_command.h"

#include "ffmpeg_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ffmpeg_options make_options(void)
{
    struct ffmpeg_options options;
    ffmpeg_options_init(&options);
    options.url = "http://h/l.m3u8";
    strcpy(options.ffmpeg, "/bin/ffmpeg");
    strcpy(options.ffprobe, "/bin/ffprobe");
    strcpy(options.setpriv, "/bin/setpriv");
    options.caps.options = (UINT32_C(1) << FFMPEG_OPTION_COUNT) - 1;
    return options;
}

static const char *after(const struct ffmpeg_command *command, const char *name)
{
    for (uint32_t i = 0; i + 1 < command->count; i++) {
        if (strcmp(command->argv[i], name) == 0) {
            return command->argv[i + 1];
        }
    }
    return NULL;
}

static bool has(const struct ffmpeg_command *command, const char *name)
{
    for (uint32_t i = 0; i < command->count; i++) {
        if (strcmp(command->argv[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void build(struct ffmpeg_command *command, const struct ffmpeg_options *options,
                  uint32_t viewer, int32_t program)
{
    struct err err = {0};
    ffmpeg_command_init(command);
    if (ffmpeg_command_build(command, options, viewer, program, &err) != 0) {
        fail_msg("%s", err.why);
    }
    assert_null(command->argv[command->count]);
}

/* A binary is given only what it has said it knows. */
static void flags_follow_the_binary(void **state)
{
    (void)state;
    struct ffmpeg_command command;
    struct ffmpeg_options options = make_options();
    options.reconnect = true;
    options.segment_retries = 3;
    options.reconnect_delay_max_us = 1500000;
    options.caps.datetime = true;
    build(&command, &options, 0, 0);
    assert_string_equal(after(&command, "-loglevel"), "repeat+level+datetime+trace");
    assert_string_equal(after(&command, "-seg_max_retry"), "3");
    assert_string_equal(after(&command, "-reconnect_delay_max"), "2");
    assert_string_equal(after(&command, "-readrate"), "1");
    assert_string_equal(after(&command, "-stats_period"), "0.25");
    ffmpeg_command_fini(&command);

    options.caps.options = 0;
    options.caps.datetime = false;
    build(&command, &options, 0, 0);
    assert_string_equal(after(&command, "-loglevel"), "repeat+level+trace");
    assert_false(has(&command, "-seg_max_retry"));
    assert_false(has(&command, "-reconnect"));
    assert_false(has(&command, "-stats_period"));
    assert_false(has(&command, "-readrate"));
    assert_true(has(&command, "-re"));
    ffmpeg_command_fini(&command);
}

static void options_pass_through(void **state)
{
    (void)state;
    struct ffmpeg_command command;
    struct ffmpeg_options options = make_options();
    options.url = "https://h/l.m3u8?a=b&c='d'";
    options.user_agent = "viewer {viewer} of {viewer}";
    options.extra_headers = "X-One: 1\r\nX-Two: a b\r\n";
    options.read_timeout_us = 2500000;
    options.ca_file = "/ca.pem";
    options.live_start_index = -2;
    options.unpaced = true;
    build(&command, &options, 4711, -1);
    assert_string_equal(after(&command, "-user_agent"), "viewer 4711 of 4711");
    assert_string_equal(after(&command, "-headers"), "X-One: 1\r\nX-Two: a b\r\n");
    assert_string_equal(after(&command, "-rw_timeout"), "2500000");
    assert_string_equal(after(&command, "-tls_verify"), "1");
    assert_string_equal(after(&command, "-ca_file"), "/ca.pem");
    assert_string_equal(after(&command, "-live_start_index"), "-2");
    assert_string_equal(after(&command, "-i"), options.url);
    assert_string_equal(after(&command, "-map"), "0");
    assert_false(has(&command, "-readrate"));
    assert_string_equal(command.argv[0], "/bin/setpriv");
    assert_string_equal(after(&command, "--pdeathsig"), "KILL");
    ffmpeg_command_fini(&command);
    options.insecure = true;
    build(&command, &options, 0, 3);
    assert_false(has(&command, "-tls_verify"));
    assert_string_equal(after(&command, "-map"), "0:p:3");
    ffmpeg_command_fini(&command);
}

/* Each viewer has a command of its own; making one does not change another. */
static void commands_are_apart(void **state)
{
    (void)state;
    static struct ffmpeg_command commands[50];
    struct ffmpeg_options options = make_options();
    options.user_agent = "v{viewer}";
    for (uint32_t i = 0; i < 50; i++) {
        build(&commands[i], &options, i, 0);
    }
    for (uint32_t i = 0; i < 50; i++) {
        char want[16];
        snprintf(want, sizeof want, "v%u", i);
        assert_string_equal(after(&commands[i], "-user_agent"), want);
        ffmpeg_command_fini(&commands[i]);
    }
}

static void resolves_are_for_the_library(void **state)
{
    (void)state;
    static const struct ffmpeg_resolve resolves[] = {{{"h.example", 9}, 443, "127.0.0.1"},
                                                     {{"other", 5}, 0, "::1"}};
    struct ffmpeg_command command;
    struct ffmpeg_options options = make_options();
    options.resolves = resolves;
    options.resolve_count = 2;
    options.resolve_library = "/lib/resolve.so";
    build(&command, &options, 0, 0);
    assert_true(has(&command, "LD_PRELOAD=/lib/resolve.so"));
    assert_true(has(&command, "SHOAL_RESOLVE=h.example 443 127.0.0.1 other 0 ::1"));
    ffmpeg_command_fini(&command);
}

static void variants_are_chosen(void **state)
{
    (void)state;
    struct ffmpeg_options options = make_options();
    options.caps.program_count = 4;
    options.caps.program_bps[0] = 500;
    options.caps.program_bps[1] = 900;
    options.caps.program_bps[2] = 100;
    options.caps.program_bps[3] = 900;
    static const struct {
        enum ffmpeg_variant variant;
        int32_t program;
    } table[] = {
        {FFMPEG_VARIANT_FIRST, 0}, {FFMPEG_VARIANT_HIGHEST, 1}, {FFMPEG_VARIANT_LOWEST, 2},
        {FFMPEG_VARIANT_ALL, -1},  {FFMPEG_VARIANT_INDEX, 3},   {FFMPEG_VARIANT_RANDOM, 2},
    };
    options.variant_index = 3;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        options.variant = table[i].variant;
        assert_int_equal(ffmpeg_command_program(&options, 6), table[i].program);
    }
    options.caps.program_count = 0;
    assert_int_equal(ffmpeg_command_program(&options, 6), 0);
}

static void too_long_is_an_error(void **state)
{
    (void)state;
    static char header[FFMPEG_COMMAND_BYTES];
    memset(header, 'h', sizeof header - 1);
    struct ffmpeg_options options = make_options();
    struct ffmpeg_command command;
    struct err err = {0};
    options.extra_headers = header;
    ffmpeg_command_init(&command);
    assert_int_equal(ffmpeg_command_build(&command, &options, 0, 0, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    ffmpeg_command_fini(&command);
}

/* A shell that is given the quoted line makes the same arguments of it. */
static void quoting_survives_a_shell(void **state)
{
    (void)state;
    struct ffmpeg_options options = make_options();
    struct ffmpeg_command command;
    options.url = "http://h/a b'c\"d$e\n.m3u8?x=1&y=2";
    options.extra_headers = "X: it's $HOME `id` \"q\" \\ * ? ; & | <>\r\nY: ünï\r\n";
    options.user_agent = "";
    build(&command, &options, 0, 0);
    struct buf line;
    buf_init(&line, 1 << 20);
    assert_int_equal(buf_append_string(&line, "printf '%s\\0' "), 0);
    assert_int_equal(ffmpeg_command_quote(&command, &line), 0);
    assert_int_equal(buf_append(&line, "", 1), 0);
    FILE *shell = popen(line.ptr, "r"); /* NOLINT(cert-env33-c): the quoting is for a shell */
    assert_non_null(shell);
    static char back[FFMPEG_COMMAND_BYTES];
    size_t len = fread(back, 1, sizeof back, shell);
    assert_int_equal(pclose(shell), 0);
    assert_int_equal(len, command.text.len);
    assert_memory_equal(back, command.text.ptr, len);
    buf_release(&line);
    ffmpeg_command_fini(&command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_follow_the_binary),
        cmocka_unit_test(options_pass_through),
        cmocka_unit_test(commands_are_apart),
        cmocka_unit_test(resolves_are_for_the_library),
        cmocka_unit_test(variants_are_chosen),
        cmocka_unit_test(too_long_is_an_error),
        cmocka_unit_test(quoting_survives_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
