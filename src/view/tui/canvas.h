/* A grid of characters on which the dashboard is drawn before anything reaches a terminal; so
 * panels are pure and tests read what they drew. One thread. */
#ifndef VIEW_TUI_CANVAS_H
#define VIEW_TUI_CANVAS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum style {
    STYLE_PLAIN,
    STYLE_DIM,    /* labels, units */
    STYLE_BOLD,   /* the figures that matter */
    STYLE_TITLE,  /* of a panel */
    STYLE_FOCUS,  /* title of the panel that has the focus */
    STYLE_ACCENT, /* small graphs, bars */
    STYLE_HEAD,   /* our name at the top */
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_BANNER,                         /* must not be overlooked */
    STYLE_HEIGHT,                         /* large graphs, from their foot … */
    STYLE_HEIGHT_LAST = STYLE_HEIGHT + 4, /* … to their top */
    STYLE_COUNT,
};

struct cell {
    uint32_t rune : 24; /* a Unicode character one column wide */
    uint32_t style : 8; /* enum style */
};

struct canvas {
    int width, height;
    struct cell *cells; /* width × height, row by row: in `room` if they fit, or owned */
    bool unicode;       /* false: only ASCII is drawn, other characters by a stand-in */
    struct cell *room;  /* borrowed, or NULL */
    int room_cells;
};

/* Resizes and clears. Returns 0, or -1 without memory (then its size is 0 × 0). */
int canvas_reset(struct canvas *canvas, int width, int height);

void canvas_fini(struct canvas *canvas);

/* Appends one character as UTF-8. Returns 0, or -1 without memory. */
int canvas_append_rune(struct buf *out, uint32_t rune);

/* Appends the lines as UTF-8, without trailing spaces, each with a newline. */
int canvas_dump(const struct canvas *canvas, struct buf *out);

/* A part of a canvas. What is drawn outside of it is cut off. */
struct area {
    struct canvas *canvas;
    int x, y, width, height;
};

struct area canvas_area(struct canvas *canvas);

/* A part of an area, cut to it. */
struct area area_part(const struct area *area, int x, int y, int width, int height);

/* Draws UTF-8 text from column `x` of row `y` on; returns the column after it. Control
 * characters, broken UTF-8 and characters of other widths show as '?'. */
int area_text(const struct area *area, int y, int x, enum style style, const char *text);

int area_printf(const struct area *area, int y, int x, enum style style, const char *format,
                ...) __attribute__((format(printf, 5, 6)));

/* Draws text that ends before column `end`. */
void area_text_right(const struct area *area, int y, int end, enum style style,
                     const char *text);

/* Draws text from column x to before column `end`; of one that is too long the end, after a
 * "…". Returns the column after it. */
int area_text_tail(const struct area *area, int y, int x, int end, enum style style,
                   const char *text);

/* The same, but of a text that is too long the beginning, before a "…". */
int area_text_head(const struct area *area, int y, int x, int end, enum style style,
                   const char *text);

void area_rune(const struct area *area, int y, int x, enum style style, uint32_t rune);

/* The title line of a panel: "─ title ──────". */
void area_title(const struct area *area, enum style style, const char *title);

/* Clears the area and draws its edge as a frame. */
void area_box(const struct area *area);

#endif
