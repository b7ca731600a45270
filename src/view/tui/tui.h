/* The terminal dashboard on a thread of its own, two frames a second. */
#ifndef VIEW_TUI_TUI_H
#define VIEW_TUI_TUI_H

#include "base/err.h"
#include "view/frame.h"

#include <stdbool.h>

struct tui;

struct tui_options {
    const char *url; /* where the page is served, or NULL; borrowed until tui_stop */
    bool exposed;    /* to others, and without a token */
};

/* Takes the terminal over. Takes ownership of the source, also on failure. Returns NULL with
 * *err filled when that terminal cannot show it. */
struct tui *tui_start(struct frame_source *source, const struct tui_options *options,
                      struct err *err);

/* Ends the thread and gives the terminal back. NULL is a no-op. */
void tui_stop(struct tui *tui);

#endif
