#include "app/run_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Reads options with --config naming a file of that text; `more` is a word for the command
 * line, or NULL. */
static int read_file(const char *text, const char *more, struct run_options *options,
                     struct err *err)
{
    char path[] = "/tmp/shoal-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    char *argv[] = {(char *)"run", (char *)"--config", path, (char *)(more ? more : "-q"),
                    NULL};
    *err = (struct err){0};
    int status = run_options_read(4, argv, options, err);
    unlink(path);
    return status;
}

static void it_sets_what_it_names(void **state)
{
    (void)state;
    struct run_options options;
    struct err err;
    assert_int_equal(read_file("# a run\n"
                               "url: http://h/x.m3u8\n"
                               "viewers: 20\n"
                               "ramp: '10s'\n"
                               "stage: [1m:30, 2m:40]\n"
                               "once: true\n"
                               "insecure: false\n"
                               "header:\n"
                               "  - 'A: 1'\n"
                               "  - \"B: 2\"\n"
                               "threshold: count(stalls)==0\n",
                               NULL, &options, &err),
                     0);
    assert_string_equal(options.url, "http://h/x.m3u8");
    assert_int_equal(options.stage_count, 3);
    assert_int_equal(options.stages[0].target, 20);
    assert_int_equal(options.stages[2].duration_us, 120000000);
    assert_true(options.once);
    assert_false(options.insecure);
    assert_string_equal(options.extra_headers, "A: 1\r\nB: 2\r\n");
    assert_int_equal(options.threshold_count, 1);
    run_options_fini(&options);
}

static void the_command_line_wins(void **state)
{
    (void)state;
    static const char text[] = "url: http://h/x.m3u8\nviewers: 20\nheader: ['A: 1', 'B: 2']\n";
    struct run_options options;
    struct err err;
    assert_int_equal(read_file(text, "-n7", &options, &err), 0);
    assert_int_equal(options.stages[0].target, 7);
    run_options_fini(&options);
    /* A list on the command line replaces the file's, it does not add to it. */
    assert_int_equal(read_file(text, "-HC: 3", &options, &err), 0);
    assert_string_equal(options.extra_headers, "C: 3\r\n");
    run_options_fini(&options);
    assert_int_equal(read_file(text, "http://other/y", &options, &err), 0);
    assert_string_equal(options.url, "http://other/y");
    run_options_fini(&options);
    /* What the command line overrides need not even be right. */
    assert_int_equal(read_file("url: http://h/x\nviewers: none\n", "-n7", &options, &err), 0);
    run_options_fini(&options);
}

static void complaints_have_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where, *holds;
    } rows[] = {
        {"url: http://h/x\nviewers: many\n", ":2: viewers", "whole number"},
        {"url: http://h/x\n\nveiwers: 3\n", ":3: veiwers", "did you mean viewers?"},
        {"url: http://h/x\nconfig: x\n", ":2", "names no other"},
        {"viewers: 2\nonce: true\nviewers: 3\n", ":3", "is set already"},
        {"url: http://h/x\nurl: http://h/y\n", ":2", "is set already"},
        {"viewers: 2\n---\nviewers: 3\n", ":3", "a second document"},
        {"url: http://h/x\nonce: yes\n", ":2", "true or false"},
        {"url: http://h/x\nviewers: [1, 2]\n", ":2", "one plain value"},
        {"url: http://h/x\nviewers: {a: b}\n", ":2", "one plain value"},
        {"url: [a]\n", ":1", "one plain value"},
        {"header: [[a]]\n", ":1", "plain values only"},
        {"[a]: b\n", ":1", "name of an option"},
        {"- a\n", ":1", "options by name"},
        {"url: *x\n", ":1", "aliases"},
        {"url: 'x\n", ":2", "found"},
        {"url: b: c\n", ":1", "mapping values"},
        {"", "URL", "is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run_options options;
        struct err err;
        char text[800];
        int status = read_file(rows[i].text, NULL, &options, &err);
        err_format(&err, text, sizeof text);
        if (status != -1 || err.kind != ERR_USAGE || strstr(err.what, rows[i].where) == NULL ||
            strstr(text, rows[i].holds) == NULL) {
            fail_msg("%s: status %d '%s', expected '%s' and '%s'", rows[i].text, status, text,
                     rows[i].where, rows[i].holds);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_sets_what_it_names),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(complaints_have_a_line),
    };
    return cmocka_run_group_tests_name("options_file", tests, NULL, NULL);
}
