#include "app/run_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "http://h.example/x.m3u8"

enum { WORDS_MAX = 16 };

/* Reads words separated by single spaces, as the shell would hand them over. */
static int read_words(const char *words, struct run_options *options, struct err *err)
{
    static char text[4096];
    char *argv[WORDS_MAX + 2] = {(char *)"run"};
    int argc = 1;
    snprintf(text, sizeof text, "%s", words);
    char *rest = text;
    while (rest != NULL && *rest != '\0') {
        assert_true(argc <= WORDS_MAX);
        argv[argc++] = strsep(&rest, " ");
    }
    *err = (struct err){0};
    return run_options_read(argc, argv, options, err);
}

static void good(const char *words, struct run_options *options)
{
    struct err err;
    if (read_words(words, options, &err) != 0) {
        fail_msg("run %s: %s: %s", words, err.what, err.why);
    }
}

static void defaults(void **state)
{
    (void)state;
    struct run_options options;
    good(URL, &options);
    assert_string_equal(options.url, URL);
    assert_int_equal(options.stage_count, 1);
    assert_int_equal(options.stages[0].target, 1);
    assert_int_equal(options.stages[0].duration_us, 2000);
    assert_int_equal(options.viewers_limit, 1);
    assert_int_equal(options.duration_us, 0);
    assert_int_equal(options.session_mean_us, 0);
    assert_false(options.once);
    assert_true(options.threads >= 1);
    assert_string_equal(options.profile->name, "hlsjs");
    assert_string_equal(options.engine->name, "native");
    assert_int_equal(options.variant_rule, PLAYER_VARIANT_FIRST);
    assert_int_equal(options.live_offset_us, -1);
    assert_int_equal(options.buffer_us, -1);
    assert_true(options.listen && !options.listen_port_exact);
    assert_string_equal(options.listen_address, "127.0.0.1");
    assert_int_equal(options.listen_port, 17091);
    assert_null(options.extra_headers);
    assert_null(options.out_path);
    run_options_fini(&options);
}

static void the_plan(void **state)
{
    (void)state;
    struct run_options options;
    good("--viewers 1000 --ramp 500/s --duration 1m " URL, &options);
    assert_int_equal(options.stage_count, 1);
    assert_int_equal(options.stages[0].duration_us, 2000000);
    assert_int_equal(options.stages[0].target, 1000);
    assert_int_equal(options.duration_us, 60000000);
    run_options_fini(&options);

    good("-n 1000 --ramp=30s --stage 1m:5000 --stage 10s:0 " URL, &options);
    assert_int_equal(options.stage_count, 3);
    assert_int_equal(options.stages[0].duration_us, 30000000);
    assert_int_equal(options.stages[1].duration_us, 60000000);
    assert_int_equal(options.stages[1].target, 5000);
    assert_int_equal(options.stages[2].target, 0);
    assert_int_equal(options.duration_us, 100000000);
    assert_int_equal(options.viewers_limit, 5000);
    run_options_fini(&options);

    good("--stage 0s:10 --once --max-viewers 20 --arrival poisson " URL, &options);
    assert_int_equal(options.stage_count, 1);
    assert_int_equal(options.stages[0].target, 10);
    assert_int_equal(options.duration_us, 0);
    assert_int_equal(options.viewers_limit, 20);
    assert_int_equal(options.arrival, PLAN_ARRIVAL_POISSON);
    assert_true(options.once);
    run_options_fini(&options);
}

static void everything_else(void **state)
{
    (void)state;
    struct run_options options;
    good("-k -qn5 --variant 3 --live-offset 0s --viewer-rate 8M --listen [::1]:0 " URL,
         &options);
    assert_true(options.insecure && options.quiet);
    assert_int_equal(options.stages[0].target, 5);
    assert_int_equal(options.variant_rule, PLAYER_VARIANT_INDEX);
    assert_int_equal(options.variant_index, 3);
    assert_int_equal(options.live_offset_us, 0);
    assert_int_equal(options.viewer_rate_bps, 8000000);
    assert_string_equal(options.listen_address, "::1");
    assert_int_equal(options.listen_port, 0);
    assert_true(options.listen_port_exact);
    run_options_fini(&options);

    good("-H a:1 -H X-B:\t2 --user-agent=me --seed 18446744073709551615 --listen off " URL,
         &options);
    assert_string_equal(options.extra_headers, "a: 1\r\nX-B: 2\r\n");
    assert_string_equal(options.user_agent, "me");
    assert_true(options.seed == UINT64_MAX);
    assert_false(options.listen);
    run_options_fini(&options);

    good("--resolve a.b:443:127.0.0.1 --resolve c:*:[::1] --dns "
         "127.0.0.1:5353,[::1]:53,::1 " URL,
         &options);
    assert_int_equal(options.override_count, 2);
    assert_true(span_equal(options.overrides[0].host, SPAN("a.b")));
    assert_int_equal(options.overrides[0].port, 443);
    assert_int_equal(options.overrides[0].address.family, AF_INET);
    assert_int_equal(options.overrides[1].port, 0);
    assert_int_equal(options.overrides[1].address.family, AF_INET6);
    assert_string_equal(options.dns_servers, "127.0.0.1:5353,[::1]:53,::1");
    run_options_fini(&options);

    /* Of an IPv4 network the hosts; a network of two has no ends to leave out. */
    good("--bind 127.0.0.9,127.1.2.3/29 --bind 127.9.9.8/31 --bind 127.9.9.9/32 " URL,
         &options);
    assert_int_equal(options.source_count, 1 + 6 + 2 + 1);
    assert_int_equal(ntohl(options.sources[0].in.sin_addr.s_addr), 0x7f000009);
    assert_int_equal(ntohl(options.sources[1].in.sin_addr.s_addr), 0x7f010201);
    assert_int_equal(ntohl(options.sources[6].in.sin_addr.s_addr), 0x7f010206);
    assert_int_equal(ntohl(options.sources[7].in.sin_addr.s_addr), 0x7f090908);
    assert_int_equal(ntohl(options.sources[8].in.sin_addr.s_addr), 0x7f090909);
    run_options_fini(&options);

    good("-t p99(startup)<2s --threshold=count(stalls)==0 -- " URL, &options);
    assert_int_equal(options.threshold_count, 2);
    assert_string_equal(options.thresholds[0], "p99(startup)<2s");
    run_options_fini(&options);
}

/* What is refused, and the words that the complaint must hold. */
static const struct {
    const char *words, *what, *holds;
} refused[] = {
    {"", "URL", "is missing"},
    {"x.m3u8", "x.m3u8", "absolute"},
    {"ftp://h/x.m3u8", "ftp://h/x.m3u8", "ftp"},
    {"http://", "http://", "host"},
    {"http:///x", "http:///x", "host"},
    {"http://h:99999/x", "http://h:99999/x", "not a URL"},
    {"http://[::1/x", "http://[::1/x", "not a URL"},
    {"http://[fe80::1%25lo]/x", "http://[fe80::1%25lo]/x", "has a zone"},
    {"http://[127.0.0.1]/x", "http://[127.0.0.1]/x", "no IPv6 address"},
    {"http://u:p@h/x", "URL", "user name"},
    {URL " " URL, "URL", "one too many"},
    {URL "  ", "URL", "one too many"},
    {URL " --viewer 3", "--viewer", "unknown option"},
    {URL " -Z", "-Z", "unknown option"},
    {URL " --viewers", "--viewers", "needs a value"},
    {URL " --once=yes", "--once", "takes no value"},
    {URL " --viewers 0", "--viewers", "1 to 10000000"},
    {URL " --viewers 10000001", "--viewers", "1 to 10000000"},
    {URL " --viewers 1k", "--viewers", "whole number"},
    {URL " --viewers -1", "--viewers", "whole number"},
    {URL " --viewers 99999999999999999999999", "--viewers", "whole number"},
    {URL " --ramp 500", "--ramp", "500/s or 30s"},
    {URL " --ramp 0/s", "--ramp", "out of range"},
    {URL " --ramp 1/h --viewers 10000000", "--ramp", "more than a year"},
    {URL " --ramp 5s --stage 5s:5", "--ramp", "no --viewers"},
    {URL " --stage 5:5", "--stage", "has no unit"},
    {URL " --stage 5s", "--stage", "no number of viewers"},
    {URL " --stage 5s:x", "--stage", "no number of viewers"},
    {URL " --stage 5s:10000001", "--stage", "0 to 10000000"},
    {URL " --stage 5s:0", "--stage", "no stage has a viewer"},
    {URL " --arrival normal", "--arrival", "poisson"},
    {URL " --duration 30", "--duration", "has no unit"},
    {URL " --duration 0s", "--duration", "1ms to"},
    {URL " --duration 366d", "--duration", "out of range"},
    {URL " --session 1ms", "--session", "out of range"},
    {URL " --max-viewers 5 --viewers 6", "--max-viewers", "less than the 6"},
    {URL " --threads 0", "--threads", "1 to 64"},
    {URL " --seed x", "--seed", "whole number"},
    {URL " --engine wrong", "--engine", "native"},
    {URL " --player vlc", "--player", "drain"},
    {URL " --variant best", "--variant", "highest"},
    {URL " --variant -1", "--variant", "highest"},
    {URL " --variant abr", "--variant", "highest"},
    {URL " --buffer 30", "--buffer", "has no unit"},
    {URL " --viewer-rate 8", "--viewer-rate", "has no unit"},
    {URL " --viewer-rate 1k", "--viewer-rate", "at least 8kbit/s"},
    {URL " --bind h", "--bind", "list of addresses"},
    {URL " --bind 127.0.0.1/x", "--bind", "after the slash"},
    {URL " --bind 127.0.0.0/8", "--bind", "/16 to /32"},
    {URL " --bind 127.0.0.0/33", "--bind", "/16 to /32"},
    {URL " --bind 192.0.2.1", "--bind", "192.0.2.1"},
    {URL " --bind 0.0.0.0", "--bind", "no connection comes from"},
    {URL " --bind ::", "--bind", "no connection comes from"},
    {URL " --bind 127.0.0.1,224.0.0.1", "--bind", "no connection comes from"},
    {URL " --bind 255.255.255.255", "--bind", "no connection comes from"},
    {URL " --resolve h:80", "--resolve", "HOST:PORT:ADDR"},
    {URL " --resolve :80:127.0.0.1", "--resolve", "HOST:PORT:ADDR"},
    {URL " --resolve h:0:127.0.0.1", "--resolve", "HOST:PORT:ADDR"},
    {URL " --resolve h:80:other", "--resolve", "HOST:PORT:ADDR"},
    {URL " --dns one.example", "--dns", "name servers"},
    {URL " --dns 127.0.0.1:0", "--dns", "name servers"},
    {URL " --dns 127.0.0.1,,", "--dns", "name servers"},
    {URL " -H nothing", "--header", "header line"},
    {URL " -H :x", "--header", "header line"},
    {URL " -H a(b:x", "--header", "header line"},
    {URL " -H a:b\r\nc:d", "--header", "header line"},
    {URL " -H Content-Length:5", "--header", "set by Shoal"},
    {URL " -A a\nb", "--user-agent", "line of 1 to 1024"},
    {URL " --cacert /nowhere/ca.pem", "--cacert", "No such file"},
    {URL " --cacert /", "--cacert", "is a folder"},
    {URL " --insecure --cacert /dev/null", "--insecure", "pointless"},
    {URL " --connect-timeout 5s --timeout 1s", "--connect-timeout", "longer than"},
    {URL " --timeout 2h", "--timeout", "1ms to 1h"},
    {URL " --listen 9000", "--listen", "an address and a port"},
    {URL " --listen 127.0.0.1:65536", "--listen", "an address and a port"},
    {URL " --listen here:9000", "--listen", "IPv4 or IPv6"},
    {URL " --listen ::1:9000", "--listen", "an address and a port"},
    {URL " --out /nowhere/x.json", "--out", "cannot write"},
    {URL " --out /", "--out", "is a folder"},
    {URL " --csv -", "--csv", "standard output"},
    {URL " --listen-token=", "--listen-token", "is empty"},
    {URL " --csv -x --out", "--out", "needs a value"},
    {URL " --csv a.txt --out a.txt", "--csv", "file of --out"},
    {URL " -t nothing<1", "--threshold nothing<1", "is no figure"},
    {URL " --config /nowhere.yaml", "--config", "cannot read"},
};

static void what_is_unusable_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct run_options options;
        struct err err;
        int status = read_words(refused[i].words, &options, &err);
        char text[800];
        err_format(&err, text, sizeof text);
        if (status != -1 || err.kind != ERR_USAGE || strcmp(err.what, refused[i].what) != 0 ||
            strstr(text, refused[i].holds) == NULL) {
            fail_msg("run %s: status %d, kind %d, '%s', expected '%s' and '%s'",
                     refused[i].words, status, (int)err.kind, text, refused[i].what,
                     refused[i].holds);
        }
    }
}

static void a_typing_error_gets_a_suggestion(void **state)
{
    (void)state;
    static const struct {
        const char *words, *hint;
    } rows[] = {
        {"--veiwers 3 " URL, "did you mean --viewers?"},
        {"--thresholds x " URL, "did you mean --threshold?"},
        {"--user_agent x " URL, "did you mean --user-agent?"},
        {"--quite " URL, "did you mean --quiet?"},
        {"--zzzzzzzzzzz " URL, "see shoal run --help"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run_options options;
        struct err err;
        assert_int_equal(read_words(rows[i].words, &options, &err), -1);
        assert_string_equal(err.hint, rows[i].hint);
    }
}

/* Help, man page and configuration file name options without a second thought. */
static void the_table_is_in_order(void **state)
{
    (void)state;
    for (const struct option *a = run_command.options; a->name != NULL || a->help != NULL;
         a++) {
        if (a->name == NULL) {
            continue;
        }
        assert_non_null(a->type);
        assert_non_null(a->help);
        assert_int_equal(a->type->is_flag, option_argument(a) == NULL);
        assert_ptr_equal(options_find(&run_command, span_from_string(a->name)), a);
        if (a->letter != '\0') {
            assert_ptr_equal(options_find_letter(&run_command, a->letter), a);
        }
        assert_true(a->help[strlen(a->help) - 1] == '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(the_plan),
        cmocka_unit_test(everything_else),
        cmocka_unit_test(what_is_unusable_is_refused),
        cmocka_unit_test(a_typing_error_gets_a_suggestion),
        cmocka_unit_test(the_table_is_in_order),
    };
    return cmocka_run_group_tests_name("run_options", tests, NULL, NULL);
}
