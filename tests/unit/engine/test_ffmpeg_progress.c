#include "engine/ffmpeg/ffmpeg_progress.h"

#include "ffmpeg_fixture.h"

#include <stdio.h>
#include <string.h>

static struct ffmpeg_progress_report last;
static unsigned reports;

static void take(void *user, const struct ffmpeg_progress_report *report)
{
    (void)user;
    last = *report;
    reports++;
}

static void feed(const char *text, size_t step)
{
    struct ffmpeg_progress progress;
    size_t len = strlen(text);
    reports = 0;
    last = (struct ffmpeg_progress_report){0};
    ffmpeg_progress_init(&progress, take, NULL);
    for (size_t at = 0; at < len; at += step) {
        ffmpeg_progress_feed(&progress, text + at, len - at < step ? len - at : step);
    }
}

/* "%4.3gx" pads, and gives exponents to the fast. */
static void speeds_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has;
        uint32_t permille;
    } table[] = {
        {"   1x", true, 1000},
        {" 1.2x", true, 1200},
        {"6.02x", true, 6020},
        {"1.02e+03x", true, 1020000},
        {"0.998x", true, 998},
        {"   0x", true, 0},
        {"1e-05x", true, 0},
        {"  12x", true, 12000},
        {"N/A", false, 0},
        {"x", false, 0},
        {"1.2", false, 0},
        {"1e+x", false, 0},
        {"1.5e+30x", true, UINT32_MAX},
        {"9999999999999x", true, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "speed=%s\nprogress=continue\n", table[i].text);
        feed(text, 3);
        assert_int_equal(reports, 1);
        if (last.has_speed != table[i].has || last.speed_permille != table[i].permille) {
            fail_msg("%s: %d %u", table[i].text, last.has_speed, last.speed_permille);
        }
    }
}

static void positions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has;
        int64_t us;
    } table[] = {
        {"out_time_us=23222\nout_time_ms=23222\n", true, 23222},
        {"out_time_us=-21333\n", true, -21333},
        {"out_time_ms=5000000\n", true, 5000000}, /* microseconds, whatever it says */
        {"out_time_us=N/A\nout_time_ms=N/A\n", false, 0},
        {"out_time_us=99999999999999999999\n", false, 0},
        {"out_time_us=\n", false, 0},
        {"frame=1\n", false, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "%sprogress=continue\n", table[i].text);
        for (size_t step = 1; step < 40; step += 13) {
            feed(text, step);
            assert_int_equal(reports, 1);
            assert_int_equal(last.has_position, table[i].has);
            assert_true(last.position_us == table[i].us);
        }
    }
}

/* Nothing of one block is left in the next. */
static void blocks_are_apart(void **state)
{
    (void)state;
    feed("out_time_us=5\nspeed=1x\nprogress=continue\nprogress=end\n", 100);
    assert_int_equal(reports, 2);
    assert_true(last.at_end);
    assert_false(last.has_position);
    assert_false(last.has_speed);
}

static void long_lines_are_passed_over(void **state)
{
    (void)state;
    char text[1024];
    memset(text, 'a', 600);
    snprintf(text + 600, sizeof text - 600, "\nout_time_us=7\nprogress=continue\n");
    for (size_t step = 1; step < 700; step += 99) {
        feed(text, step);
        assert_int_equal(reports, 1);
        assert_true(last.position_us == 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speeds_are_read),
        cmocka_unit_test(positions_are_read),
        cmocka_unit_test(blocks_are_apart),
        cmocka_unit_test(long_lines_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
