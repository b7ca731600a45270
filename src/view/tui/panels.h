/* The panels of the dashboard as a table, and their layout. Pure: a model is drawn on a canvas.
 */
#ifndef VIEW_TUI_PANELS_H
#define VIEW_TUI_PANELS_H

#include "view/tui/canvas.h"
#include "view/tui/model.h"

struct panel {
    const char *name;
    int least; /* rows below which it is left out, title included */
    int fair;  /* rows that it gets before lesser panels get any */
    int (*wanted)(
        const struct model *model); /* rows that show all it has; 0: nothing to show */
    void (*draw)(const struct model *model, const struct area *area, enum style title);
    int column; /* 0 or 1 where the screen is wide enough for two */
    int rank;   /* 0 is the last to be left out */
};

extern const struct panel panels[];
extern const int panels_count;

/* Draws the whole screen. */
void panels_draw(const struct model *model, struct canvas *canvas);

#endif
