/* DNS answers, byte by byte. */
#include "origin/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* id 7, RD, one question: live.example, the type's low byte at the end less 2. */
#define QUERY(type) "\0\7\1\0\0\1\0\0\0\0\0\0\4live\7example\0\0" type "\0\1"
#define QUERY_BYTES (12 + 14 + 4)

static const struct dns_answer loopback = {{127, 0, 0, 1}, 4};

static size_t ask(const char *query, enum fault_special fault, uint8_t out[DNS_ANSWER_MAX])
{
    return dns_respond(span_of(query, QUERY_BYTES), &loopback, fault, out);
}

static void test_address(void **state)
{
    (void)state;
    uint8_t out[DNS_ANSWER_MAX];
    size_t len = ask(QUERY("\1"), FAULT_SPECIAL_NONE, out);
    assert_int_equal(len, QUERY_BYTES + 16);
    assert_memory_equal(out, "\0\7\x85\x80\0\1\0\1\0\0\0\0", 12);
    assert_memory_equal(out + QUERY_BYTES, "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1", 16);
}

static void test_other_types_have_no_answer(void **state)
{
    (void)state;
    uint8_t out[DNS_ANSWER_MAX];
    assert_int_equal(ask(QUERY("\x1c"), FAULT_SPECIAL_NONE, out), QUERY_BYTES);
    assert_int_equal(out[3] & 15, 0);
    assert_int_equal(out[7], 0);
}

static void test_faults(void **state)
{
    (void)state;
    uint8_t out[DNS_ANSWER_MAX];
    assert_int_equal(ask(QUERY("\1"), FAULT_DNS_NOT_FOUND, out), QUERY_BYTES);
    assert_int_equal(out[3] & 15, 3);
    assert_int_equal(ask(QUERY("\1"), FAULT_DNS_SERVFAIL, out), QUERY_BYTES);
    assert_int_equal(out[3] & 15, 2);
    assert_int_equal(ask(QUERY("\1"), FAULT_DNS_SILENT, out), 0);
    assert_int_equal(ask(QUERY("\1"), FAULT_DNS_UNROUTABLE, out), QUERY_BYTES + 16);
    assert_memory_equal(out + QUERY_BYTES + 12, "\xe0\0\0\1", 4);
    assert_int_equal(ask(QUERY("\x1c"), FAULT_DNS_UNROUTABLE, out), QUERY_BYTES + 28);
    assert_memory_equal(out + QUERY_BYTES + 12, "\xff\2", 2);
    assert_int_equal(ask(QUERY("\1"), FAULT_DNS_SCOPELESS, out), QUERY_BYTES);
    assert_int_equal(ask(QUERY("\x1c"), FAULT_DNS_SCOPELESS, out), QUERY_BYTES + 28);
    assert_memory_equal(out + QUERY_BYTES + 12, "\xfe\x80", 2);
}

static void test_name(void **state)
{
    (void)state;
    char name[256];
    assert_true(span_equal(dns_query_name(span_of(QUERY("\1"), QUERY_BYTES), name),
                           SPAN("live.example")));
}

static void test_cut_short(void **state)
{
    (void)state;
    uint8_t out[DNS_ANSWER_MAX];
    char name[256];
    for (size_t len = 0; len < QUERY_BYTES; len++) {
        char *part = malloc(len + 1);
        memcpy(part, QUERY("\1"), len);
        assert_int_equal(dns_respond(span_of(part, len), &loopback, FAULT_SPECIAL_NONE, out),
                         0);
        assert_int_equal(dns_query_name(span_of(part, len), name).len, 0);
        free(part);
    }
    /* A response is not answered, nor is a pointer taken for a label. */
    char answer[QUERY_BYTES];
    memcpy(answer, QUERY("\1"), QUERY_BYTES);
    answer[2] = (char)0x81;
    assert_int_equal(ask(answer, FAULT_SPECIAL_NONE, out), 0);
    memcpy(answer, QUERY("\1"), QUERY_BYTES);
    answer[12] = (char)0xc0;
    assert_int_equal(ask(answer, FAULT_SPECIAL_NONE, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),   cmocka_unit_test(test_other_types_have_no_answer),
        cmocka_unit_test(test_faults),    cmocka_unit_test(test_name),
        cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
