/* As much of cmocka as the tests of the statistics use: Debian has no cmocka for a foreign
 * architecture without adding that architecture to the system. Only tools/arm64-check puts
 * this folder on an include path. */
#ifndef TOOLS_ARM64_CMOCKA_H
#define TOOLS_ARM64_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
};

#define cmocka_unit_test(function) \
    {                              \
#function, function        \
    }

static void shim_fail(const char *file, int line, const char *what)
{
    printf("Bail out! %s:%d: %s\n", file, line, what);
    exit(EXIT_FAILURE);
}

#define SHIM_CHECK(good, what)                     \
    do {                                           \
        if (!(good)) {                             \
            shim_fail(__FILE__, __LINE__, (what)); \
        }                                          \
    } while (0)

#define assert_true(x)                  SHIM_CHECK((x), #x)
#define assert_false(x)                 SHIM_CHECK(!(x), "not " #x)
#define assert_null(x)                  SHIM_CHECK((x) == NULL, #x " is NULL")
#define assert_int_equal(a, b)          SHIM_CHECK((long long)(a) == (long long)(b), #a " == " #b)
#define assert_string_equal(a, b)       SHIM_CHECK(strcmp((a), (b)) == 0, #a " == " #b)
#define assert_memory_equal(a, b, size) SHIM_CHECK(memcmp((a), (b), (size)) == 0, #a " == " #b)
#define assert_in_range(x, low, high)                                                     \
    SHIM_CHECK((long long)(x) >= (long long)(low) && (long long)(x) <= (long long)(high), \
               #x " in " #low " to " #high)
#define fail_msg(...)                        \
    do {                                     \
        printf("# " __VA_ARGS__);            \
        shim_fail(__FILE__, __LINE__, "\n"); \
    } while (0)

static inline int shim_run(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tests[i].test(NULL);
        printf("%s\n", tests[i].name);
    }
    return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown) \
    shim_run((tests), sizeof(tests) / sizeof((tests)[0]))

#endif
