#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void an_error_reads_as_one_line(void **state)
{
    (void)state;
    struct err err = {0};
    char text[800];
    assert_int_equal(err_set(&err, ERR_USAGE, "--viewers", "write 10", "'%s' is none", "x"),
                     -1);
    err_format(&err, text, sizeof text);
    assert_string_equal(text, "--viewers: 'x' is none (write 10)");
    assert_int_equal(err.kind, ERR_USAGE);
    err_set(&err, ERR_START, "URL", NULL, "gone");
    err_format(&err, text, sizeof text);
    assert_string_equal(text, "URL: gone");
    assert_int_equal(err_set(NULL, ERR_START, "URL", NULL, "gone"), -1);
}

static void what_is_refused_brings_its_hint_along(void **state)
{
    static const struct {
        const char *why, *hint, *line;
    } cases[] = {
        {"has no unit; write 2s or 1m", NULL, "--buffer: '30' has no unit (write 2s or 1m)"},
        {"has no unit; write 2s or 1m", "write 2m:50",
         "--buffer: '30' has no unit (write 2m:50)"},
        {"is odd", NULL, "--buffer: '30' is odd"},
        {"is odd", "write 2", "--buffer: '30' is odd (write 2)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        char text[800];
        assert_int_equal(err_refuse(&err, "--buffer", SPAN("30"), cases[i].why, cases[i].hint),
                         -1);
        err_format(&err, text, sizeof text);
        assert_string_equal(text, cases[i].line);
        assert_int_equal(err.kind, ERR_USAGE);
    }
}

static void control_bytes_do_not_reach_the_terminal(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_USAGE, "a\nb", "c\x1b[31m", "d\x7f%s", "\r\n");
    assert_string_equal(err.what, "a?b");
    assert_string_equal(err.why, "d???");
    assert_string_equal(err.hint, "c?[31m");
    err_set(&err, ERR_USAGE, "\xf9", "\xe2\x82", "a\xe2\x82");
    assert_string_equal(err.what, "?");
    assert_string_equal(err.hint, "?");
    assert_string_equal(err.why, "a");
}

/* Text cut off ends between characters, whichever byte the end of the field falls on. */
static void long_text_is_cut_at_a_character(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        char text[600] = "";
        struct err err = {0};
        memset(text, 'x', lead);
        for (size_t i = lead; i + 4 < sizeof text; i += 3) {
            snprintf(text + i, sizeof text - i, "€");
        }
        err_set(&err, ERR_USAGE, text, text, "%s", text);
        size_t len = strlen(err.what);
        assert_in_range(len, sizeof err.what - 4, sizeof err.what - 1);
        assert_int_equal((len - lead) % 3, 0);
        assert_int_equal((strlen(err.why) - lead) % 3, 0);
        assert_int_equal((strlen(err.hint) - lead) % 3, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_reads_as_one_line),
        cmocka_unit_test(what_is_refused_brings_its_hint_along),
        cmocka_unit_test(control_bytes_do_not_reach_the_terminal),
        cmocka_unit_test(long_text_is_cut_at_a_character),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
