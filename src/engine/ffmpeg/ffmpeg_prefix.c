#include "engine/ffmpeg/ffmpeg_prefix.h"

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "2026-01-23 08:12:29.601 ", the form of the `datetime` flag; `time` has no date. */
static void eat_stamp(struct span *text, struct ffmpeg_prefix *prefix)
{
    const char *p = text->ptr;
    if (text->len < 24 || p[4] != '-' || p[7] != '-' || p[10] != ' ' || p[13] != ':' ||
        p[16] != ':' || p[19] != '.' || p[23] != ' ') {
        return;
    }
    static const unsigned char digits[] = {11, 12, 14, 15, 17, 18, 20, 21, 22};
    for (size_t i = 0; i < sizeof digits; i++) {
        if (!is_digit(p[digits[i]])) {
            return;
        }
    }
    int hour = (p[11] - '0') * 10 + p[12] - '0';
    int minute = (p[14] - '0') * 10 + p[15] - '0';
    int second = (p[17] - '0') * 10 + p[18] - '0';
    int ms = (p[20] - '0') * 100 + (p[21] - '0') * 10 + p[22] - '0';
    prefix->stamp_ms = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    *text = span_skip(*text, 24);
}

static enum ffmpeg_source source_of(struct span name)
{
    size_t slash = span_find(name, '/');
    bool input = span_starts_with(name, SPAN("in#"));
    if (input && slash < name.len) {
        name = span_skip(name, slash + 1);
        input = false;
    }
    switch (name.len) {
    case 3:
        if (memcmp(name.ptr, "tcp", 3) == 0) {
            return FFMPEG_SOURCE_TCP;
        }
        if (memcmp(name.ptr, "tls", 3) == 0) {
            return FFMPEG_SOURCE_TLS;
        }
        if (memcmp(name.ptr, "hls", 3) == 0) {
            return FFMPEG_SOURCE_FORMAT;
        }
        break;
    case 4:
        if (memcmp(name.ptr, "http", 4) == 0) {
            return FFMPEG_SOURCE_HTTP;
        }
        if (memcmp(name.ptr, "NULL", 4) == 0) {
            return FFMPEG_SOURCE_FORMAT;
        }
        break;
    case 5:
        if (memcmp(name.ptr, "https", 5) == 0) {
            return FFMPEG_SOURCE_HTTP;
        }
        break;
    case 11:
        if (memcmp(name.ptr, "AVIOContext", 11) == 0) {
            return FFMPEG_SOURCE_IO;
        }
        break;
    case 13:
        if (memcmp(name.ptr, "hls,applehttp", 13) == 0) { /* version 4.1 */
            return FFMPEG_SOURCE_FORMAT;
        }
        break;
    case 15:
        if (memcmp(name.ptr, "AVFormatContext", 15) == 0) {
            return FFMPEG_SOURCE_FORMAT;
        }
        break;
    default:
        break;
    }
    return input ? FFMPEG_SOURCE_FORMAT : FFMPEG_SOURCE_OTHER;
}

static bool is_level(struct span name)
{
    static const struct span levels[] = {
        {"debug", 5},   {"trace", 5}, {"info", 4},  {"verbose", 7},
        {"warning", 7}, {"error", 5}, {"fatal", 5}, {"panic", 5},
    };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (span_equal(name, levels[i])) {
            return true;
        }
    }
    return false;
}

/* Reads "name @ 0xHEX" into source and context. */
static bool read_context(struct span inside, struct ffmpeg_prefix *prefix)
{
    const char *at = inside.len > 0 ? memmem(inside.ptr, inside.len, " @ 0x", 5) : NULL;
    if (at == NULL) {
        return false;
    }
    uint64_t pointer = 0;
    size_t name_len = (size_t)(at - inside.ptr);
    struct span hex = span_skip(inside, name_len + 5);
    for (size_t i = 0; i < hex.len; i++) {
        char c = hex.ptr[i];
        unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                                : 16;
        if (digit == 16) {
            return false;
        }
        pointer = pointer << 4 | digit;
    }
    prefix->source = source_of(span_of(inside.ptr, name_len));
    prefix->context = pointer;
    return true;
}

/* Reads the bracketed parts in front: at most a parent's context, a context and a level. */
bool ffmpeg_prefix_eat(struct span *text, struct ffmpeg_prefix *out)
{
    const char *start = text->ptr;
    *out = (struct ffmpeg_prefix){.stamp_ms = -1};
    if (text->len > 0 && is_digit(text->ptr[0])) {
        eat_stamp(text, out);
    }
    for (int parts = 0; parts < 3 && text->len > 1 && text->ptr[0] == '['; parts++) {
        /* Names and levels are short; a bracket further away belongs to the message. */
        size_t window = text->len < 96 ? text->len : 96;
        size_t close = span_find(span_of(text->ptr, window), ']');
        if (close == window) {
            break;
        }
        struct span inside = span_of(text->ptr + 1, close - 1);
        /* Version 4.1 has no word for the level of least interest. */
        bool level = inside.len == 0 || is_level(inside);
        if (!level && !read_context(inside, out)) {
            break;
        }
        *text = span_skip(*text, close + 1);
        if (text->len > 0 && text->ptr[0] == ' ') {
            *text = span_skip(*text, 1);
        }
        if (level) {
            out->is_trace = inside.len == 0 || span_equal(inside, SPAN("trace"));
            break;
        }
    }
    return text->ptr != start;
}
