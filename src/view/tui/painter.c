#include "view/tui/painter.h"

#include <string.h>

enum {
    NOWHERE = -1,
    GAP_BYTES = 6, /* fewer than most moves have */
};

/* Where the terminal's cursor is and how it would write. */
struct pen {
    const struct painter *painter;
    struct buf *out;
    int y, x; /* NOWHERE: not known */
    enum style style;
    int failed;
};

static void put(struct pen *pen, const char *word)
{
    pen->failed |= buf_append(pen->out, word, strlen(word));
}

static bool is_solid(const struct painter *painter, enum style style)
{
    return painter->styles[style].solid;
}

/* Whether two cells look the same. */
static bool alike(const struct painter *painter, struct cell a, struct cell b)
{
    return a.rune == b.rune &&
           (a.style == b.style ||
            (a.rune == ' ' && !is_solid(painter, a.style) && !is_solid(painter, b.style)));
}

/* Whether the pen would write the cell right without another style. */
static bool suits(const struct pen *pen, struct cell cell)
{
    struct cell written = {cell.rune, pen->style};
    return alike(pen->painter, cell, written);
}

static void set_style(struct pen *pen, enum style style)
{
    const struct painter_style *now = &pen->painter->styles[pen->style];
    const struct painter_style *next = &pen->painter->styles[style];
    bool other = strcmp(now->attributes, next->attributes) != 0;
    if (other && now->attributes[0] != '\0') {
        put(pen, pen->painter->normal);
        now = &pen->painter->styles[STYLE_PLAIN];
    }
    if (other) {
        put(pen, next->attributes);
    }
    if (strcmp(now->colour, next->colour) != 0) {
        put(pen, next->colour[0] != '\0' ? next->colour : pen->painter->no_colour);
    }
    pen->style = style;
}

static int bytes_of(uint32_t rune)
{
    return rune < 0x80 ? 1 : rune < 0x800 ? 2 : 3;
}

static void write_cell(struct pen *pen, const struct canvas *canvas, struct cell cell)
{
    if (!suits(pen, cell)) {
        set_style(pen, (enum style)cell.style);
    }
    pen->failed |= canvas_append_rune(pen->out, cell.rune);
    /* What a cursor behind the last column does is each terminal's own. */
    pen->x = pen->x + 1 < canvas->width ? pen->x + 1 : NOWHERE;
}

/* Whether the cells from the pen to column x, which need no change, are shorter than a move. */
static bool is_near(const struct pen *pen, const struct cell *row, int y, int x)
{
    int bytes = 0;
    if (pen->y != y || pen->x == NOWHERE || pen->x > x) {
        return false;
    }
    for (int i = pen->x; i < x && bytes <= GAP_BYTES; i++) {
        bytes += suits(pen, row[i]) ? bytes_of(row[i].rune) : GAP_BYTES + 1;
    }
    return bytes <= GAP_BYTES;
}

static void go(struct pen *pen, const struct canvas *canvas, const struct cell *row, int y,
               int x)
{
    if (is_near(pen, row, y, x)) {
        while (pen->x < x) {
            write_cell(pen, canvas, row[pen->x]);
        }
        return;
    }
    if (pen->painter->moves_plainly) {
        set_style(pen, STYLE_PLAIN);
    }
    pen->failed |= pen->painter->move(pen->out, y, x);
    pen->y = y;
    pen->x = x;
}

int painter_paint(const struct painter *painter, const struct cell *shown,
                  const struct canvas *canvas, struct buf *out)
{
    const struct cell blank = {' ', STYLE_PLAIN};
    struct pen pen = {painter, out, NOWHERE, NOWHERE, STYLE_PLAIN, 0};
    int width = canvas->width;
    for (int y = 0; y < canvas->height; y++) {
        const struct cell *row = canvas->cells + (size_t)y * (size_t)width;
        const struct cell *was = shown == NULL ? NULL : shown + (size_t)y * (size_t)width;
        if (was != NULL && memcmp(row, was, (size_t)width * sizeof(*row)) == 0) {
            continue;
        }
        bool last = painter->spares_corner && y == canvas->height - 1;
        for (int x = 0; x < width - (last ? 1 : 0); x++) {
            if (!alike(painter, row[x], was == NULL ? blank : was[x])) {
                go(&pen, canvas, row, y, x);
                write_cell(&pen, canvas, row[x]);
            }
        }
    }
    set_style(&pen, STYLE_PLAIN);
    return pen.failed;
}

static size_t put_number(char *dst, int number)
{
    size_t len = number < 10      ? 1
                 : number < 100   ? 2
                 : number < 1000  ? 3
                 : number < 10000 ? 4
                                  : 5;
    for (size_t i = len; i-- > 0; number /= 10) {
        dst[i] = (char)('0' + number % 10);
    }
    return len;
}

int painter_move_ecma(struct buf *out, int y, int x)
{
    char text[16] = "\033[";
    size_t len = 2;
    len += put_number(text + len, y + 1);
    text[len++] = ';';
    len += put_number(text + len, x + 1);
    text[len++] = 'H';
    return buf_append(out, text, len);
}
