#include "base/fail.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Labels go into metrics, JSON and thresholds; two rows with one label would be added up. */
static void every_row_is_whole_and_its_label_its_own(void **state)
{
    (void)state;
    for (unsigned i = 1; i < FAIL_COUNT; i++) {
        const struct fail_info *info = fail_info((enum fail)i);
        assert_true(strlen(info->label) > 0 && strlen(info->words) > 0);
        assert_true(strlen(info->fault) > 0);
        assert_true(info->class > FAIL_CLASS_NONE && info->class <= FAIL_CLASS_LOCAL);
        for (const char *c = info->label; *c != '\0'; c++) {
            assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
        }
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(info->label, fail_info((enum fail)k)->label);
        }
    }
    assert_string_equal(fail_info(FAIL_NONE)->label, "none");
}

/* What no origin can do is only what this machine does. */
static void every_other_row_names_a_fault(void **state)
{
    (void)state;
    for (unsigned i = 1; i < FAIL_COUNT; i++) {
        const struct fail_info *info = fail_info((enum fail)i);
        bool local_means = strncmp(info->fault, "local:", 6) == 0;
        if (info->class == FAIL_CLASS_LOCAL) {
            assert_true(local_means);
        } else if (local_means) {
            assert_int_equal(info->class, FAIL_CLASS_CONNECT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole_and_its_label_its_own),
        cmocka_unit_test(every_other_row_names_a_fault),
    };
    return cmocka_run_group_tests_name("fail", tests, NULL, NULL);
}
