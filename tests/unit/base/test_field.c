#include "base/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Every byte against the list of RFC 9110 section 5.6.2. */
static void names_are_tokens(void **state)
{
    (void)state;
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int c = 0; c < 256; c++) {
        char text[2] = {'X', (char)c};
        bool expected = c != 0 && strchr(token, c) != NULL;
        if (field_is_name(span_of(text, 2)) != expected) {
            fail_msg("byte %d should %sbe in a token", c, expected ? "" : "not ");
        }
    }
    assert_false(field_is_name(SPAN("")));
}

static void control_bytes_are_found(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool expected = (c < 32 && c != '\t') || c == 127;
        if (field_has_control(span_of(text, 3)) != expected) {
            fail_msg("byte %d is %sone that no value may hold", c, expected ? "" : "not ");
        }
    }
    assert_false(field_has_control(SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_tokens),
        cmocka_unit_test(control_bytes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
