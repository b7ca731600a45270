/* UTF-8 read character by character, and normalization form C. Python's tables are held against
 * it as a whole in tests/integration/test_lint_server.py. */
#include "media/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        uint32_t code;
    } cases[] = {
        {"a", 1, 'a'},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},             /* not a first byte */
        {"\xc1\xbf", 0, 0},         /* overlong */
        {"\xe0\x9f\xbf", 0, 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 0, 0}, /* overlong */
        {"\xed\xa0\x80", 0, 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0, 0}, /* beyond the last */
        {"\xf5\x80\x80\x80", 0, 0},
        {"\xe2\x82", 0, 0}, /* cut off */
        {"\xc3(", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code = 0;
        /* In memory of its own, so that a sanitizer sees a byte too many. */
        size_t size = strlen(cases[i].text);
        char *text = malloc(size);
        assert_non_null(text);
        memcpy(text, cases[i].text, size);
        assert_int_equal(unicode_next(span_of(text, size), 0, &code), cases[i].len);
        assert_int_equal(code, cases[i].code);
        free(text);
    }
}

static void test_form_c(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int at; /* -1: nothing is told */
    } cases[] = {
        {"", -1},
        {"caf\u00e9", -1},
        {"cafe\u0301", 4},
        {"\u0301", -1},
        {"q\u0301", -1},
        {"e\u0327", 1},
        {"q\u0327\u0301", -1},
        {"q\u0301\u0327", 3},  /* in the wrong order */
        {"a\u0334\u0301", 3},  /* past a mark that does not block */
        {"q\u0301e\u0301", 4}, /* the second letter */
        {"a\u0363\u0301", -1}, /* blocked by a mark of the same class */
        {"e\xff\u0301", -1},   /* not beside each other */
        {"\u2126", 0},         /* the ohm sign */
        {"x\uf900", 1},        /* a compatibility ideograph */
        {"\U0002f800", 0},
        {"\u304b\u3099", 3}, /* kana with a voicing mark */
        {"\u1100\u1161", 3}, /* letters of a Korean syllable */
        {"\uac00\u11a8", 3},
        {"\uac01\u11a8", -1}, /* which has its last letter already */
        {"\u09c7\u09be", 3},
        {"\u09c7x\u09be", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t at = 99;
        bool told = unicode_is_not_nfc(span_from_string(cases[i].text), &at);
        if (told != (cases[i].at >= 0) || (told && at != (size_t)cases[i].at)) {
            fail_msg("case %zu: %s at %zu, expected %d", i, told ? "told" : "not told", at,
                     cases[i].at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_form_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
