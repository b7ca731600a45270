#include "app/run_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check(const struct run_memory *memory, uint64_t bytes, const char *words)
{
    struct buf text;
    buf_init(&text, 1024);
    assert_int_equal(run_memory_bytes(memory), bytes);
    assert_int_equal(run_memory_describe(memory, &text), 0);
    assert_int_equal(buf_append(&text, "", 1), 0);
    assert_string_equal(text.ptr, words);
    buf_release(&text);
}

static void plain_viewer(void **state)
{
    (void)state;
    check(&(struct run_memory){.player = 832, .slot = 56, .connections = 1, .connection = 512},
          1400,
          "a viewer at rest takes 1,400 bytes (player 832, slot 56, 1 connection of 512), "
          "sockets of the kernel apart");
}

static void viewer_over_tls(void **state)
{
    (void)state;
    check(
        &(struct run_memory){.player = 1216,
                             .slot = 56,
                             .connections = 2,
                             .connection = 512,
                             .tls = RUN_MEMORY_TLS_BYTES},
        84216,
        "a viewer at rest takes 84,216 bytes (player 1,216, slot 56, 2 connections of 512 and "
        "40,960 of TLS), sockets of the kernel apart");
}

static void viewer_that_is_a_process(void **state)
{
    (void)state;
    check(&(struct run_memory){.process = (size_t)20 << 20}, 20971520,
          "a viewer is a process of about 20MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_viewer),
        cmocka_unit_test(viewer_over_tls),
        cmocka_unit_test(viewer_that_is_a_process),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
