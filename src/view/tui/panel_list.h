/* The panels' functions, for the table in panels.c. Each draws its title line and below it as
 * much as its area holds. */
#ifndef VIEW_TUI_PANEL_LIST_H
#define VIEW_TUI_PANEL_LIST_H

#include "view/tui/canvas.h"
#include "view/tui/model.h"

#define PANEL(name)                                   \
    int panel_##name##_wanted(const struct model *m); \
    void panel_##name##_draw(const struct model *m, const struct area *area, enum style title);

PANEL(viewers)
PANEL(rates)
PANEL(graph)
PANEL(second)
PANEL(times)
PANEL(quality)
PANEL(variants)
PANEL(servers)
PANEL(failures)
PANEL(samples)
PANEL(thresholds)
PANEL(generator)
PANEL(origin)

#undef PANEL

#endif
