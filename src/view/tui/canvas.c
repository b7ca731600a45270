#include "view/tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int canvas_reset(struct canvas *canvas, int width, int height)
{
    if (width != canvas->width || height != canvas->height) {
        canvas_fini(canvas);
        canvas->cells =
            width * height <= canvas->room_cells
                ? canvas->room
                : calloc((size_t)width * (size_t)height + 1, sizeof(*canvas->cells));
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
    if (canvas->cells != canvas->room) {
        free(canvas->cells);
    }
    canvas->cells = NULL;
    canvas->width = canvas->height = 0;
}

int canvas_append_rune(struct buf *out, uint32_t rune)
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
            failed |= canvas_append_rune(out, row[x].rune);
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
        {0x25cf, 0x25cf, '*'}, {0x25b2, 0x25b2, '^'}, {0x25bc, 0x25bc, 'v'},
        {0x2713, 0x2713, '+'}, {0x2717, 0x2717, 'x'},
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

static int columns_of(const char *text)
{
    int columns = 0;
    for (; *text != '\0'; columns++) {
        next_rune(&text);
    }
    return columns;
}

void area_text_right(const struct area *area, int y, int end, enum style style,
                     const char *text)
{
    area_text(area, y, end - columns_of(text), style, text);
}

int area_text_tail(const struct area *area, int y, int x, int end, enum style style,
                   const char *text)
{
    int over = columns_of(text) - (end - x);
    if (over <= 0 || end - x < 2) {
        return over <= 0 ? area_text(area, y, x, style, text) : x;
    }
    for (int i = 0; i <= over; i++) {
        next_rune(&text);
    }
    area_rune(area, y, x, STYLE_DIM, 0x2026);
    return area_text(area, y, x + 1, style, text);
}

int area_text_head(const struct area *area, int y, int x, int end, enum style style,
                   const char *text)
{
    bool whole = columns_of(text) <= end - x;
    struct area cut = area_part(area, 0, 0, whole ? end : end - 1, area->height);
    int after = area_text(&cut, y, x, style, text);
    if (!whole && end > x) {
        area_rune(area, y, end - 1, STYLE_DIM, 0x2026);
    }
    return whole ? after : end;
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

void area_box(const struct area *area)
{
    enum { ACROSS = 0x2500, DOWN = 0x2502 };
    static const uint32_t corners[2][2] = {{0x250c, 0x2510}, {0x2514, 0x2518}};
    int right = area->width - 1, bottom = area->height - 1;
    for (int y = 0; y <= bottom; y++) {
        for (int x = 0; x <= right; x++) {
            bool ends = y == 0 || y == bottom, sides = x == 0 || x == right;
            uint32_t rune = ends && sides ? corners[y == bottom][x == right]
                            : ends        ? ACROSS
                            : sides       ? DOWN
                                          : ' ';
            area_rune(area, y, x, STYLE_DIM, rune);
        }
    }
}
