/* What a terminal has to be told so that it shows a canvas: bytes for the cells alone that
 * differ from what it shows already, to be written at once. A write to a terminal wakes whoever
 * is behind it, so one for each word, as ncurses writes, costs many times what is in them.
 *
 * Pure; the words come from the terminal's description (terminal.c). */
#ifndef VIEW_TUI_PAINTER_H
#define VIEW_TUI_PAINTER_H

#include "base/buf.h"
#include "view/tui/canvas.h"

#include <stdbool.h>

enum { PAINTER_WORD = 64 }; /* room for a word, its NUL included */

struct painter {
    struct painter_style {
        char attributes[PAINTER_WORD]; /* turns them on; "": none */
        char colour[PAINTER_WORD];     /* "": the terminal's own */
        bool solid;                    /* shows on a space too */
    } styles[STYLE_COUNT];             /* STYLE_PLAIN has neither */
    char normal[PAINTER_WORD];         /* attributes and colour off */
    char no_colour[PAINTER_WORD];      /* the terminal's own colour; attributes stay */
    bool moves_plainly;                /* the cursor may be moved in the plain style alone */
    bool spares_corner;                /* the last cell of the screen would scroll it */
    /* Appends what moves the cursor; 0, or -1 without memory. */
    int (*move)(struct buf *out, int y, int x);
};

/* Appends what leads from `shown` (width × height of *canvas, or NULL: a screen of blanks in
 * the plain style) to the canvas. The plain style holds before and after. Returns 0, or -1
 * without memory (then *out holds a part). */
int painter_paint(const struct painter *painter, const struct cell *shown,
                  const struct canvas *canvas, struct buf *out);

/* A `move` of nearly all terminals: ECMA-48's CUP. */
int painter_move_ecma(struct buf *out, int y, int x);

#endif
