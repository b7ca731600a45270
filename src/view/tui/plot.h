/* Bars and graphs of characters, drawn on an area. Pure. */
#ifndef VIEW_TUI_PLOT_H
#define VIEW_TUI_PLOT_H

#include "view/tui/canvas.h"

/* A bar of `width` cells from column x on, filled to `share` (0 to 1), to an eighth of a cell
 * where characters allow. */
void plot_bar(const struct area *area, int y, int x, int width, enum style style, double share);

/* A line of block cells in the first row: the last of `count` values, right-aligned, scaled to
 * `top`. What is no number (NAN) stays empty. */
void plot_line(const struct area *area, const double *values, int count, double top);

/* A graph in braille dots (ASCII: in '#') over the whole area, scaled to `top` and coloured by
 * height. Two values a cell: the last that there is room for, and stretched over the width
 * while they are fewer. */
void plot_graph(const struct area *area, const double *values, int count, double top);

/* How many of `count` values a graph of this width shows. */
int plot_graph_shows(int width, int count);

#endif
