/* The terminal of the dashboard: ncurses behind five functions, and the guarantee that the
 * terminal is given back, whatever happens. All but the signal handlers run on one thread.
 * There is one terminal in a process. */
#ifndef VIEW_TUI_TERMINAL_H
#define VIEW_TUI_TERMINAL_H

#include "base/err.h"
#include "view/tui/canvas.h"

#include <stdbool.h>

struct terminal;

/* Takes standard output and input over. From here on a crash, an exit and a suspension give the
 * terminal back by tcsetattr and write alone. Returns NULL with *err filled when it is no
 * terminal or one that cannot place its cursor. */
struct terminal *terminal_open(struct err *err);

/* Gives it back. NULL is a no-op. */
void terminal_close(struct terminal *terminal);

/* Whether it shows UTF-8. */
bool terminal_is_unicode(const struct terminal *terminal);

/* Its size now; it may have changed. */
void terminal_size(struct terminal *terminal, int *ret_width, int *ret_height);

/* Shows a canvas of this size. Not while this process is in the background or whoever should
 * read the terminal does not. Returns whether it was shown: then the canvas is borrowed until
 * another one has been, since that one's changes are told from it. */
bool terminal_show(struct terminal *terminal, const struct canvas *canvas);

/* Throws away what the terminal has yet to show, so that a thread which waits to write goes on.
 * From any thread. */
void terminal_discard(void);

/* Waits up to timeout_ms for a key, a byte in stop_fd or a signal. Returns the key as model.h
 * names them, or MODEL_KEY_NONE. Suspends and comes back inside of it when asked to. */
int terminal_wait(struct terminal *terminal, int stop_fd, int timeout_ms);

#endif
