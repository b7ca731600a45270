#include "view/tui/canvas.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int canvas_reset(struct canvas *canvas, int width, int height)
{
    if (width != canvas->width || height != canvas->height) {
        free(canvas->cells);
        canvas->cells = calloc((size_t)width * (size_t)height + 1, sizeof(*canvas->cells));
        canvas->width = canvas->cells == NULL ? 0 : width;
        canvas->height = canvas->cells == NULL ? 0 : height;
    }
    for (int i = 0; i < canvas->width * canvas->height; i++) {
        canvas->cells[i] = (struct cell){' ', STYLE_PLAIN};
    }
    return canvas->cells == NULL ? -1 : 0;
}

void canvas_fini(struct canvas *canvas)
{
    free(canvas->cells);
    canvas->cells = NULL;
    canvas->width = canvas->height = 0;
}

static int append_rune(struct buf *out, uint32_t rune)
{
    char bytes[3];
    if (rune < 0x80) {
        bytes[0] = (char)rune;
        return buf_append(out, bytes, 1);
    }
    if (rune < 0x800) {
        bytes[0] = (char)(0xc0 | (rune >> 6));
        bytes[1] = (char)(0x80 | (rune & 0x3f));
        return buf_append(out, bytes, 2);
    }
    bytes[0] = (char)(0xe0 | (rune >> 12));
    bytes[1] = (char)(0x80 | ((rune >> 6) & 0x3f));
    bytes[2] = (char)(0x80 | (rune & 0x3f));
    return buf_append(out, bytes, 3);
}

int canvas_dump(const struct canvas *canvas, struct buf *out)
{
    int failed = 0;
    for (int y = 0; y < canvas->height; y++) {
        const struct cell *row = canvas->cells + (size_t)y * (size_t)canvas->width;
        int end = canvas->width;
        while (end > 0 && row[end - 1].rune == ' ') {
            end--;
        }
        for (int x = 0; x < end; x++) {
            failed |= append_rune(out, row[x].rune);
        }
        failed |= buf_append(out, "\n", 1);
    }
    return failed;
}

struct area canvas_area(struct canvas *canvas)
{
    return (struct area){canvas, 0, 0, canvas->width, canvas->height};
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

struct area area_part(const struct area *area, int x, int y, int width, int height)
{
    int left = clamp(x, 0, area->width), top = clamp(y, 0, area->height);
    return (struct area){area->canvas, area->x + left, area->y + top,
                         clamp(width, 0, area->width - left),
                         clamp(height, 0, area->height - top)};
}

/* What stands for a character on a terminal that knows only ASCII. */
static uint32_t ascii_of(uint32_t rune)
{
    static const struct {
        uint32_t from, to;
        char ascii;
    } table[] = {
        {0x00b5, 0x00b5, 'u'}, {0x00b7, 0x00b7, '.'}, {0x00d7, 0x00d7, 'x'},
        {0x2026, 0x2026, '~'}, {0x2500, 0x2501, '-'}, {0x2502, 0x2503, '|'},
        {0x2504, 0x257f, '+'}, {0x2588, 0x2588, '#'}, {0x2591, 0x2593, '.'},
        {0x25b2, 0x25b2, '^'}, {0x25bc, 0x25bc, 'v'}, {0x2713, 0x2713, '+'},
        {0x2717, 0x2717, 'x'},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (rune >= table[i].from && rune <= table[i].to) {
            return (unsigned char)table[i].ascii;
        }
    }
    return rune >= ' ' && rune < 127 ? rune : '?';
}

/* Characters that every terminal shows one column wide. */
static bool is_plain(uint32_t rune)
{
    return (rune >= 0x20 && rune < 0x7f) || (rune >= 0xa1 && rune < 0x300) ||
           (rune >= 0x370 && rune < 0x530) || (rune >= 0x2010 && rune < 0x2028) ||
           (rune >= 0x2500 && rune < 0x2900);
}

void area_rune(const struct area *area, int y, int x, enum style style, uint32_t rune)
{
    if (x < 0 || y < 0 || x >= area->width || y >= area->height) {
        return;
    }
    struct canvas *canvas = area->canvas;
    size_t at = (size_t)(area->y + y) * (size_t)canvas->width + (size_t)(area->x + x);
    uint32_t shown = canvas->unicode && is_plain(rune) ? rune : ascii_of(rune);
    canvas->cells[at] = (struct cell){shown, (uint8_t)style};
}

/* Reads one character of UTF-8 and steps past it; what is none gives '?'. */
static uint32_t next_rune(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    int more = at[0] < 0x80 ? 0 : at[0] < 0xc0 ? -1 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;
    uint32_t rune = more == 0 ? at[0] : more == 1 ? at[0] & 0x1f : at[0] & 0x0f;
    *text += 1;
    for (int i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return '?';
        }
        rune = (rune << 6) | (at[i] & 0x3f);
        *text += 1;
    }
    return more < 0 || more == 3 ? '?' : rune;
}

int area_text(const struct area *area, int y, int x, enum style style, const char *text)
{
    while (*text != '\0') {
        area_rune(area, y, x++, style, next_rune(&text));
    }
    return x;
}

int area_printf(const struct area *area, int y, int x, enum style style, const char *format,
                ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return area_text(area, y, x, style, text);
}

void area_text_right(const struct area *area, int y, int end, enum style style,
                     const char *text)
{
    int columns = 0;
    for (const char *at = text; *at != '\0'; columns++) {
        next_rune(&at);
    }
    area_text(area, y, end - columns, style, text);
}

void area_title(const struct area *area, enum style style, const char *title)
{
    for (int x = 0; x < area->width; x++) {
        area_rune(area, 0, x, STYLE_DIM, 0x2500);
    }
    int end = area_text(area, 0, 2, style, title);
    area_rune(area, 0, 1, STYLE_DIM, ' ');
    area_rune(area, 0, end, STYLE_DIM, ' ');
}

void area_bar(const struct area *area, int y, int x, int width, enum style style, double share)
{
    int filled = (int)(clamp((int)(share * 1000), 0, 1000) * width / 1000.0 + 0.5);
    for (int i = 0; i < width; i++) {
        bool full = i < filled;
        area_rune(area, y, x + i, full ? style : STYLE_DIM, full ? 0x2588 : 0x2591);
    }
}

void area_sparkline(const struct area *area, const double *values, int count, double top)
{
    static const char ascii[] = "_.:-=+*#";
    int first = count > area->width ? count - area->width : 0;
    int offset = area->width - (count - first);
    for (int i = first; i < count; i++) {
        if (isnan(values[i])) {
            continue;
        }
        double share = top > 0 ? values[i] / top : 0;
        int level = clamp((int)(share * 7.999), 0, 7);
        uint32_t rune =
            area->canvas->unicode ? 0x2581 + (uint32_t)level : (unsigned char)ascii[level];
        area_rune(area, 0, offset + i - first, STYLE_ACCENT, rune);
    }
}

/* The dots of one braille cell: two columns filled from below to `left` and `right` of 4. */
static uint32_t braille(int left, int right)
{
    static const unsigned char lefts[] = {0x40, 0x04, 0x02, 0x01};
    static const unsigned char rights[] = {0x80, 0x20, 0x10, 0x08};
    uint32_t dots = 0;
    for (int i = 0; i < 4; i++) {
        dots |= (i < left ? lefts[i] : 0u) | (i < right ? rights[i] : 0u);
    }
    return dots == 0 ? ' ' : 0x2800 + dots;
}

/* How many dots of the `height` × 4 a value fills; 0 for a place without a value. */
static int dots_of(const double *values, int count, int index, double top, int height)
{
    if (index < 0 || index >= count || top <= 0 || isnan(values[index])) {
        return 0;
    }
    return clamp((int)(values[index] / top * height * 4 + 0.5), values[index] > 0 ? 1 : 0,
                 height * 4);
}

void area_graph(const struct area *area, enum style style, const double *values, int count,
                double top)
{
    int first = count - 2 * area->width;
    for (int x = 0; x < area->width; x++) {
        int left = dots_of(values, count, first + 2 * x, top, area->height);
        int right = dots_of(values, count, first + 2 * x + 1, top, area->height);
        for (int y = 0; y < area->height; y++) {
            int below = (area->height - 1 - y) * 4;
            int l = clamp(left - below, 0, 4), r = clamp(right - below, 0, 4);
            if (l == 0 && r == 0) {
                continue;
            }
            area_rune(area, y, x, style, area->canvas->unicode ? braille(l, r) : '#');
        }
    }
}
