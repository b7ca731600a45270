/* Fuzzes reports read back: what loads can be written in every form, and what is written loads
 * again with the same totals. */
#include "view/report_compare.h"
#include "view/report_files.h"
#include "view/report_load.h"
#include "view/report_loaded.h"
#include "view/report_merge.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)    \
    do {                    \
        if (!(condition)) { \
            abort();        \
        }                   \
    } while (0)

/* A file in memory with these bytes; its name in path. */
static int make_file(const void *bytes, size_t size, char path[32])
{
    int fd = memfd_create("report", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_again(const struct report *first, const struct buf *json)
{
    char path[32];
    struct report again;
    int fd = make_file(json->ptr, json->len, path);
    CHECK(report_load(path, &again, NULL) == 0);
    for (uint32_t i = SHOAL_HEADER_WORDS; i < first->run.schema->full_words; i++) {
        CHECK(first->run.now[i] == again.run.now[i]);
    }
    report_fini(&again);
    close(fd);
}

/* Takes the report for that of another machine too: the two can be merged and written. */
static void check_merged(const char *path)
{
    struct report one, other;
    struct buf text;
    CHECK(report_load(path, &one, NULL) == 0 && report_load(path, &other, NULL) == 0);
    json_array_clear(((struct report_loaded *)other.loaded)->runs);
    CHECK(report_merge(&one, &other, NULL) == 0);
    buf_init(&text, 128 << 20);
    CHECK(report_write_text(&one, false, &text) == 0);
    CHECK(report_write_json(&one, &text) == 0);
    buf_release(&text);
    report_fini(&one);
    report_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    struct report report;
    struct buf text;
    int fd = make_file(data, size, path);
    if (report_load(path, &report, NULL) == 0) {
        buf_init(&text, 64 << 20);
        CHECK(report_write_text(&report, true, &text) == 0);
        CHECK(report_write_junit(&report, &text) == 0);
        CHECK(report_write_hgrm(&report, 0, &text) == 0);
        CHECK(report_write_hlog(&report, &text) == 0);
        CHECK(report_write_comparison(&report, &report, false, &text) == 0);
        text.len = 0;
        CHECK(report_write_json(&report, &text) == 0);
        check_again(&report, &text);
        check_merged(path);
        buf_release(&text);
        report_fini(&report);
    }
    close(fd);
    return 0;
}
