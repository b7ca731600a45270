#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void it_holds_what_was_appended(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    assert_int_equal(buf_append_string(&buf, "one "), 0);
    assert_int_equal(buf_append(&buf, "two\0three", 9), 0);
    assert_int_equal(buf_printf(&buf, " %d", 4), 0);
    assert_true(span_equal(buf_span(&buf), SPAN("one two\0three 4")));
    buf_release(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf_append_span(&buf, SPAN("again")), 0);
    assert_true(span_equal(buf_span(&buf), SPAN("again")));
    buf_release(&buf);
}

static void the_limit_holds_and_failing_changes_nothing(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_int_equal(buf_append(&buf, "12345678", 8), 0);
    assert_int_equal(buf_append(&buf, "abc", 3), -1);
    assert_int_equal(buf_reserve(&buf, 3), -1);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), -1);
    assert_int_equal(buf_printf(&buf, "%s", "abc"), -1);
    assert_true(span_equal(buf_span(&buf), SPAN("12345678")));
    assert_int_equal(buf_append(&buf, "ab", 2), 0);
    assert_true(buf.capacity <= 10);
    buf_release(&buf);
}

static void long_text_is_printed_whole(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100000);
    assert_int_equal(buf_printf(&buf, "%05000d", 7), 0);
    assert_int_equal(buf.len, 5000);
    assert_int_equal(buf.ptr[4999], '7');
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_was_appended),
        cmocka_unit_test(the_limit_holds_and_failing_changes_nothing),
        cmocka_unit_test(long_text_is_printed_whole),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
