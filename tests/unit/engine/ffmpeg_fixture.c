#include "ffmpeg_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shoal_lane *fixture_lane_new(void)
{
    struct shoal_schema *schema = NULL;
    assert_int_equal(metrics_schema_new(NULL, 0, NULL, 0, NULL, &schema), 0);
    size_t bytes = sizeof(struct shoal_lane) + METRIC_WORDS * sizeof(uint64_t);
    bytes = (bytes + SHOAL_LINE_BYTES - 1) / SHOAL_LINE_BYTES * SHOAL_LINE_BYTES;
    struct shoal_lane *lane = aligned_alloc(SHOAL_LINE_BYTES, bytes);
    assert_non_null(lane);
    memset(lane, 0, bytes);
    lane->schema = schema;
    return lane;
}

void fixture_lane_free(struct shoal_lane *lane)
{
    shoal_schema_free((struct shoal_schema *)lane->schema);
    free(lane);
}

static uint64_t word(const struct shoal_lane *lane, uint32_t at)
{
    /* Relaxed: the tests are one thread. */
    return atomic_load_explicit(&lane->words[at], memory_order_relaxed);
}

uint64_t fixture_value(const struct shoal_lane *lane, enum metric metric, uint32_t value)
{
    return word(lane, metric_labels[metric] + value);
}

uint64_t fixture_sum(const struct shoal_lane *lane, enum metric metric)
{
    uint64_t sum = shoal_lane_get(lane, metric);
    for (uint32_t i = 0; i < metric_values[metric]; i++) {
        sum += fixture_value(lane, metric, i);
    }
    return sum;
}

uint64_t fixture_histogram_count(const struct shoal_lane *lane, enum metric_histogram histogram)
{
    uint64_t count = 0;
    struct shoal_histogram_place place = metric_histograms[histogram];
    for (uint32_t i = 0; i < place.bucket_count; i++) {
        count += word(lane, place.buckets + i);
    }
    return count;
}

uint64_t fixture_histogram_sum(const struct shoal_lane *lane, enum metric_histogram histogram)
{
    return word(lane, metric_histograms[histogram].sum);
}

char *fixture_read(const char *name, size_t *len)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", FFMPEG_CORPUS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *bytes = malloc((size_t)size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    fclose(file);
    *len = (size_t)size;
    return bytes;
}

unsigned fixture_each(void (*each)(const char *name))
{
    unsigned count = 0;
    DIR *folder = opendir(FFMPEG_CORPUS);
    assert_non_null(folder);
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            each(entry->d_name);
            count++;
        }
    }
    closedir(folder);
    return count;
}
