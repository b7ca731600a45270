/* Playlists with the results that another lenient parser (video.js's m3u8-parser) gets from
 * them, where a folder of them is at hand: SHOAL_SHARED_DATA, or one beside the source tree.
 * Where the two differ, the reason is in the table below, and a difference that is gone fails
 * as well. */
#include "media/m3u8.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Fields in which we mean to differ. */
static const struct {
    const char *playlist; /* "*": wherever it happens */
    const char *field;
    const char *reason;
} differences[] = {
    {"empty", "playlist", "a text without #EXTM3U is no playlist (4.4.1.1)"},
    {"manifestNoExtM3u", "playlist", "a text without #EXTM3U is no playlist (4.4.1.1)"},
    {"start", "playlist", "a text without #EXTM3U is no playlist (4.4.1.1)"},
    {"zeroDuration", "duration", "0 is a duration; the other makes it 0.01"},
    {"negativeMediaSequence", "mediaSequence", "a sequence number is never negative (4.2)"},
    {"multipleTargetDurations", "duration",
     "what has no EXTINF lasts the target duration known "
     "at the end, which here is the last one given"},
    {"manifestExtTTargetdurationNegative", "targetDuration",
     "-10 is no integer of 4.2; the longest "
     "segment tells"},
    {"invalidTargetDuration", "targetDuration", "NaN is no integer; the longest segment tells"},
    {"llhls-delta-byte-range", "preloadHints", "unknown TYPE must be ignored (6.3.8)"},
    {"llhls-byte-range", "preloadHints", "unknown TYPE must be ignored (6.3.8)"},
};

static bool used[sizeof differences / sizeof differences[0]];
static unsigned unexplained;

static void differs(const char *playlist, const char *field, const char *ours,
                    const char *theirs)
{
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        if (strcmp(differences[i].playlist, playlist) == 0 &&
            strcmp(differences[i].field, field) == 0) {
            used[i] = true;
            return;
        }
    }
    unexplained++;
    print_error("%s: %s is %s, the other parser says %s\n", playlist, field, ours, theirs);
}

static void compare_number(const char *playlist, const char *field, double ours, json_t *theirs)
{
    char a[40], b[40];
    double expected = json_is_number(theirs) ? json_number_value(theirs) : 0;
    if (fabs(ours - expected) > 2e-6 * (fabs(expected) > 1 ? fabs(expected) : 1)) {
        snprintf(a, sizeof a, "%.9g", ours);
        snprintf(b, sizeof b, "%.9g", expected);
        differs(playlist, field, a, b);
    }
}

static void compare_count(const char *playlist, const char *field, size_t ours, size_t theirs)
{
    json_t *expected = json_integer((json_int_t)theirs);
    compare_number(playlist, field, (double)ours, expected);
    json_decref(expected);
}

static void compare_text(const char *playlist, const char *field, struct span ours,
                         json_t *theirs)
{
    const char *expected = json_is_string(theirs) ? json_string_value(theirs) : "";
    if (!span_equal(ours, span_from_string(expected))) {
        char a[200];
        snprintf(a, sizeof a, "%.*s", SPAN_ARGS(ours));
        differs(playlist, field, a, expected);
    }
}

static void compare_segment(const char *name, const struct m3u8 *m, uint32_t i, json_t *theirs)
{
    const struct m3u8_segment *s = &m->segments[i];
    json_t *range = json_object_get(theirs, "byterange");
    json_t *duration = json_object_get(theirs, "duration");
    json_t *date = json_object_get(theirs, "programDateTime");
    compare_text(name, "uri", s->uri, json_object_get(theirs, "uri"));
    if (duration != NULL) {
        compare_number(name, "duration", (double)s->duration_us / 1e6, duration);
    }
    compare_number(name, "timeline", (double)s->discontinuity_sequence,
                   json_object_get(theirs, "timeline"));
    compare_number(name, "length", (double)s->range.length, json_object_get(range, "length"));
    compare_number(name, "offset", (double)s->range.offset, json_object_get(range, "offset"));
    if (date != NULL) {
        compare_number(name, "programDateTime", (double)s->date_us / 1e3, date);
    }
    json_t *key = json_object_get(theirs, "key");
    const struct m3u8_key *ours = s->key_count > 0 ? &m->keys[s->key_first] : NULL;
    compare_text(name, "key", ours == NULL ? (struct span){0} : ours->uri,
                 json_object_get(key, "uri"));
    json_t *map = json_object_get(theirs, "map");
    compare_text(name, "map", s->map == M3U8_NONE ? (struct span){0} : m->maps[s->map].uri,
                 json_object_get(map, "uri"));
    compare_count(name, "parts", s->part_count,
                  json_array_size(json_object_get(theirs, "parts")));
}

static void compare_media(const char *name, const struct m3u8 *m, json_t *theirs)
{
    json_t *segments = json_object_get(theirs, "segments");
    json_t *preload = json_object_get(theirs, "preloadSegment");
    compare_number(name, "targetDuration", (double)m->target_duration_us / 1e6,
                   json_object_get(theirs, "targetDuration"));
    compare_number(name, "mediaSequence", (double)m->media_sequence,
                   json_object_get(theirs, "mediaSequence"));
    compare_number(name, "discontinuitySequence", (double)m->discontinuity_sequence,
                   json_object_get(theirs, "discontinuitySequence"));
    compare_count(name, "endList", (m->flags & M3U8_ENDLIST) != 0,
                  json_is_true(json_object_get(theirs, "endList")));
    compare_text(name, "playlistType",
                 m->type == M3U8_TYPE_VOD     ? SPAN("VOD")
                 : m->type == M3U8_TYPE_EVENT ? SPAN("EVENT")
                                              : SPAN(""),
                 json_object_get(theirs, "playlistType"));
    compare_count(name, "segments", m->segment_count, json_array_size(segments));
    for (uint32_t i = 0; i < m->segment_count && i < json_array_size(segments); i++) {
        compare_segment(name, m, i, json_array_get(segments, i));
    }
    compare_count(name, "preloadHints",
                  (size_t)(m->part_hint.uri.len > 0) + (m->map_hint.uri.len > 0),
                  json_array_size(json_object_get(preload, "preloadHints")));
    compare_count(name, "renditionReports", m->report_count,
                  json_array_size(json_object_get(theirs, "renditionReports")));
}

static size_t count_group(json_t *groups, const char *type)
{
    const char *name;
    json_t *group;
    size_t count = 0;
    json_object_foreach(json_object_get(groups, type), name, group)
    {
        count += json_object_size(group);
    }
    return count;
}

static void compare_multivariant(const char *name, const struct m3u8 *m, json_t *theirs)
{
    json_t *playlists = json_object_get(theirs, "playlists");
    json_t *groups = json_object_get(theirs, "mediaGroups");
    compare_count(name, "playlists", m->variant_count, json_array_size(playlists));
    for (uint32_t i = 0; i < m->variant_count && i < json_array_size(playlists); i++) {
        const struct m3u8_variant *v = &m->variants[i];
        json_t *theirs_i = json_array_get(playlists, i);
        json_t *attributes = json_object_get(theirs_i, "attributes");
        json_t *resolution = json_object_get(attributes, "RESOLUTION");
        compare_text(name, "uri", v->uri, json_object_get(theirs_i, "uri"));
        compare_number(name, "BANDWIDTH", (double)v->bandwidth_bps,
                       json_object_get(attributes, "BANDWIDTH"));
        compare_text(name, "CODECS", v->codecs, json_object_get(attributes, "CODECS"));
        compare_text(name, "AUDIO", v->audio, json_object_get(attributes, "AUDIO"));
        compare_number(name, "width", v->width, json_object_get(resolution, "width"));
        compare_number(name, "height", v->height, json_object_get(resolution, "height"));
    }
    compare_count(name, "mediaGroups", m->rendition_count,
                  count_group(groups, "AUDIO") + count_group(groups, "VIDEO") +
                      count_group(groups, "SUBTITLES") +
                      count_group(groups, "CLOSED-CAPTIONS"));
    compare_count(name, "iFramePlaylists", m->i_frame_variant_count,
                  json_array_size(json_object_get(theirs, "iFramePlaylists")));
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static void compare_file(const char *folder, const char *name)
{
    char path[2048];
    size_t len;
    snprintf(path, sizeof path, "%s/%s.m3u8", folder, name);
    char *text = read_file(path, &len);
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    json_t *theirs = json_load_file(path, 0, NULL);
    assert_non_null(theirs);
    struct m3u8 *m = NULL;
    const struct m3u8_source source = {.text = span_of(text, len), .alone = true};
    enum m3u8_status status = m3u8_parse(&source, &m);
    if (status != M3U8_OK) {
        differs(name, "playlist", m3u8_status_name(status), "that it can be read");
    } else if (m->kind == M3U8_MEDIA) {
        compare_media(name, m, theirs);
    } else {
        compare_multivariant(name, m, theirs);
    }
    m3u8_unref(m);
    json_decref(theirs);
    free(text);
}

static void test_expected(void **state)
{
    const char *folder = *state;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned count = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".m3u8") == 0) {
            entry->d_name[len - 5] = '\0';
            compare_file(folder, entry->d_name);
            count++;
        }
    }
    closedir(dir);
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        if (!used[i]) {
            unexplained++;
            print_error("%s no longer differs in %s\n", differences[i].playlist,
                        differences[i].field);
        }
    }
    assert_true(count > 0);
    assert_int_equal(unexplained, 0);
}

int main(void)
{
    char folder[900];
    const char *data = getenv("SHOAL_SHARED_DATA");
    snprintf(folder, sizeof folder, "%s/videojs", data != NULL ? data : SHARED_DATA);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        /* What cmocka says of a skipped test reads as a failure in TAP. */
        printf("1..0 # SKIP no folder %s; SHOAL_SHARED_DATA names one\n", folder);
        return 0;
    }
    closedir(dir);
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_expected, folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
