/* Gives the terminal back when the process crashes or exits while the dashboard owns it. Uses
 * nothing but tcsetattr and write, so it is safe in a signal handler. */
#ifndef VIEW_TUI_TERMINAL_GUARD_H
#define VIEW_TUI_TERMINAL_GUARD_H

#include <stddef.h>
#include <termios.h>

/* Arms the guard: from now on a fatal signal or exit restores `saved` and writes `text` (len
 * bytes, at most 256) to descriptor fd. */
void terminal_guard_arm(int fd, const struct termios *saved, const char *text, size_t len);

/* Disarms it and puts the signals' earlier handlers back. */
void terminal_guard_disarm(void);

#endif
