/* ncurses lives here alone. It knows terminals, takes and gives back the screen, and reads
 * keys; what it has been told of the screen is that it is blank. Frames are painted past it,
 * each by one write (painter.h): it would write word by word, and wake the terminal's program
 * for each. */
#include "view/tui/terminal.h"

#include "view/tui/model.h"
#include "view/tui/painter.h"
#include "view/tui/terminal_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

enum { TEXT_LIMIT = 16 << 20 };

struct terminal {
    SCREEN *screen;
    struct termios saved;
    int width, height;
    const struct canvas *shown; /* borrowed; what was painted last, or NULL */
    bool stale;                 /* what the screen shows is not known: it is to be cleared */
    bool unicode;
    struct painter painter;
    struct buf text;                  /* of one frame */
    int pipe[2];                      /* signals arrive here */
    struct sigaction stop, continue_; /* handlers before ours */
};

/* Written by the handlers: 's' suspend, 'c' continued. -1 while no terminal is open. */
static _Atomic int signal_fd = -1;

static void on_job_signal(int number)
{
    int error = errno;
    int fd = atomic_load_explicit(&signal_fd, memory_order_relaxed);
    if (fd >= 0) {
        ssize_t written = write(fd, number == SIGTSTP ? "s" : "c", 1);
        (void)written; /* a full pipe already says it */
    }
    errno = error;
}

/* A string of the terminal's description, or NULL. */
static const char *capability(const char *name)
{
    const char *text = tigetstr(name);
    return (intptr_t)text == -1 ? NULL : text; /* -1: no string of that name */
}

/* What tputs gives; there is one terminal in a process. */
static struct {
    char *dst;
    size_t len, size;
} collected;

static int collect(int byte)
{
    if (collected.len + 1 < collected.size) {
        collected.dst[collected.len++] = (char)byte;
    }
    return byte;
}

/* Appends a word of the terminal's description to dst (room: PAINTER_WORD), without what stands
 * in it for old terminals' need of time. NULL appends nothing. */
static void add_word(char *dst, const char *word)
{
    if (word != NULL) {
        collected.dst = dst;
        collected.len = strlen(dst);
        collected.size = PAINTER_WORD;
        tputs(word, 1, collect);
        dst[collected.len] = '\0';
    }
}

static void choose_attributes(struct painter *painter)
{
    static const struct {
        enum style style;
        bool bold, reverse;
    } rows[] = {
        {STYLE_BOLD, true, false}, {STYLE_TITLE, true, false}, {STYLE_FOCUS, true, true},
        {STYLE_HEAD, true, true},  {STYLE_BAD, true, false},   {STYLE_BANNER, true, true},
    };
    const char *reverse = capability("rev") != NULL ? capability("rev") : capability("smso");
    add_word(painter->normal, capability("sgr0"));
    if (painter->normal[0] == '\0' || tigetnum("xmc") > 0) {
        return; /* attributes cannot be undone, or take cells of their own */
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct painter_style *style = &painter->styles[rows[i].style];
        add_word(style->attributes, rows[i].bold ? capability("bold") : NULL);
        add_word(style->attributes, rows[i].reverse ? reverse : NULL);
        style->solid = rows[i].reverse;
    }
}

static void set_colour(struct painter *painter, enum style style, int colour)
{
    painter->styles[style].colour[0] = '\0';
    add_word(painter->styles[style].colour, tiparm(capability("setaf"), colour));
}

/* Colours of middling lightness, so that they can be read on dark and on light. */
static void choose_colours(struct painter *painter)
{
    static const struct {
        enum style style;
        short of_256, of_8;
    } colours[] = {
        {STYLE_TITLE, 32, COLOR_BLUE},          {STYLE_FOCUS, 166, COLOR_MAGENTA},
        {STYLE_ACCENT, 32, COLOR_CYAN},         {STYLE_GOOD, 34, COLOR_GREEN},
        {STYLE_WARN, 166, COLOR_MAGENTA},       {STYLE_BAD, 160, COLOR_RED},
        {STYLE_BANNER, 160, COLOR_RED},         {STYLE_HEAD, 32, COLOR_BLUE},
        {STYLE_HEIGHT, 30, COLOR_CYAN},         {STYLE_HEIGHT + 1, 32, COLOR_CYAN},
        {STYLE_HEIGHT + 2, 62, COLOR_BLUE},     {STYLE_HEIGHT + 3, 134, COLOR_MAGENTA},
        {STYLE_HEIGHT + 4, 162, COLOR_MAGENTA},
    };
    const char *no_colour = getenv("NO_COLOR");
    int count = tigetnum("colors");
    if ((no_colour != NULL && no_colour[0] != '\0') || count < 8 ||
        capability("setaf") == NULL || capability("op") == NULL) {
        return;
    }
    add_word(painter->no_colour, capability("op"));
    add_word(painter->normal, capability("op")); /* where sgr0 leaves the colour alone */
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
        set_colour(painter, colours[i].style,
                   count >= 256 ? colours[i].of_256 : colours[i].of_8);
    }
    if (count >= 256) {
        set_colour(painter, STYLE_DIM, 244);
    }
}

static int move_by_description(struct buf *out, int y, int x)
{
    char text[PAINTER_WORD] = "";
    add_word(text, tiparm(capability("cup"), y, x));
    return buf_append_string(out, text);
}

static void learn_terminal(struct terminal *terminal)
{
    struct painter *painter = &terminal->painter;
    choose_attributes(painter);
    choose_colours(painter);
    painter->moves_plainly = tigetflag("msgr") <= 0;
    painter->spares_corner = tigetflag("am") > 0 && tigetflag("xenl") <= 0;
    painter->move = strcmp(capability("cup"), "\033[%i%p1%d;%p2%dH") == 0 ? painter_move_ecma
                                                                          : move_by_description;
}

/* What undoes the dashboard on the screen: colours off, cursor on, main screen. */
static size_t restoring_text(char *dst, size_t size)
{
    static const char *const names[] = {"sgr0", "cnorm", "rmkx", "rmcup"};
    size_t len = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *text = capability(names[i]);
        if (text != NULL && len + strlen(text) < size) {
            len += (size_t)snprintf(dst + len, size - len, "%s", text);
        }
    }
    return len;
}

/* ncurses sets handlers where it finds none; those of an interrupt are app's affair. */
static SCREEN *make_screen(void)
{
    static const int kept[] = {SIGINT, SIGTERM, SIGWINCH};
    struct sigaction before[3];
    for (int i = 0; i < 3; i++) {
        sigaction(kept[i], NULL, &before[i]);
    }
    SCREEN *screen = newterm(NULL, stdout, stdin);
    for (int i = 0; i < 3; i++) {
        sigaction(kept[i], &before[i], NULL);
    }
    return screen;
}

static void watch_signals(struct terminal *terminal)
{
    struct sigaction action = {.sa_handler = on_job_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    atomic_store_explicit(&signal_fd, terminal->pipe[1], memory_order_relaxed);
    sigaction(SIGTSTP, &action, &terminal->stop);
    sigaction(SIGCONT, &action, &terminal->continue_);
}

static void unwatch_signals(struct terminal *terminal)
{
    sigaction(SIGTSTP, &terminal->stop, NULL);
    sigaction(SIGCONT, &terminal->continue_, NULL);
    atomic_store_explicit(&signal_fd, -1, memory_order_relaxed);
}

static struct terminal *fail_open(struct terminal *terminal, struct err *err, const char *why)
{
    err_set(err, ERR_START, "dashboard", "plain lines are shown instead", "%s", why);
    if (terminal != NULL) {
        close(terminal->pipe[0]);
        close(terminal->pipe[1]);
        free(terminal);
    }
    return NULL;
}

/* A dashboard that ctrl-s could stop would hold up the end of the run. */
static void ignore_flow_control(void)
{
    struct termios now;
    if (tcgetattr(STDIN_FILENO, &now) == 0) {
        now.c_iflag &= ~(tcflag_t)IXON;
        tcsetattr(STDIN_FILENO, TCSANOW, &now);
        def_prog_mode();
    }
}

struct terminal *terminal_open(struct err *err)
{
    struct terminal *terminal = calloc(1, sizeof(*terminal));
    if (terminal == NULL || pipe2(terminal->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
        free(terminal);
        return fail_open(NULL, err, "out of memory or descriptors");
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
        tcgetattr(STDIN_FILENO, &terminal->saved) < 0) {
        return fail_open(terminal, err, "standard input and output must be a terminal");
    }
    setlocale(LC_CTYPE, "");
    terminal->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    watch_signals(terminal); /* before newterm, which leaves alone what it finds */
    terminal->screen = make_screen();
    if (terminal->screen == NULL || capability("cup") == NULL) {
        unwatch_signals(terminal);
        return fail_open(terminal, err, "the terminal (TERM) cannot place its cursor");
    }
    char text[256];
    size_t len = restoring_text(text, sizeof(text));
    terminal_guard_arm(STDOUT_FILENO, &terminal->saved, text, len);
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    ignore_flow_control();
    learn_terminal(terminal);
    terminal->stale = true;
    buf_init(&terminal->text, TEXT_LIMIT);
    getmaxyx(stdscr, terminal->height, terminal->width);
    return terminal;
}

void terminal_close(struct terminal *terminal)
{
    if (terminal == NULL) {
        return;
    }
    endwin();
    terminal_guard_disarm();
    unwatch_signals(terminal);
    delscreen(terminal->screen);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->saved);
    close(terminal->pipe[0]);
    close(terminal->pipe[1]);
    buf_release(&terminal->text);
    free(terminal);
}

void terminal_discard(void)
{
    /* Linux wakes who waits to write not when the buffer is emptied, but when it is started. */
    tcflow(STDOUT_FILENO, TCOOFF);
    tcflush(STDOUT_FILENO, TCOFLUSH);
    tcflow(STDOUT_FILENO, TCOON);
}

bool terminal_is_unicode(const struct terminal *terminal)
{
    return terminal->unicode;
}

void terminal_size(struct terminal *terminal, int *ret_width, int *ret_height)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0 &&
        (size.ws_col != terminal->width || size.ws_row != terminal->height)) {
        terminal->width = size.ws_col;
        terminal->height = size.ws_row;
        terminal->shown = NULL;
        resizeterm(terminal->height, terminal->width);
        terminal->stale = true;
    }
    *ret_width = terminal->width;
    *ret_height = terminal->height;
}

static bool is_in_foreground(void)
{
    return tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

/* Whether a frame would not wait for whoever reads the terminal. */
static bool takes_more(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0;
}

/* Whoever reads may be slow; a signal is no reason to stop. Returns whether all was written. */
static bool write_all(const struct buf *text)
{
    size_t done = 0;
    while (done < text->len) {
        ssize_t n = write(STDOUT_FILENO, text->ptr + done, text->len - done);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&out, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Paints what is not shown yet of a canvas of the terminal's size. */
static void paint(struct terminal *terminal, const struct canvas *canvas)
{
    const struct cell *shown = terminal->stale ? NULL : terminal->shown->cells;
    if (terminal->stale) {
        clearok(curscr, TRUE);
        refresh();
    }
    terminal->text.len = 0;
    terminal->stale = painter_paint(&terminal->painter, shown, canvas, &terminal->text) != 0 ||
                      !write_all(&terminal->text);
    terminal->shown = canvas;
}

bool terminal_show(struct terminal *terminal, const struct canvas *canvas)
{
    /* Of another size: resized between the two; the next frame fits. */
    if (!is_in_foreground() || !takes_more() || canvas->width != terminal->width ||
        canvas->height != terminal->height) {
        return false;
    }
    paint(terminal, canvas);
    return true;
}

/* What was shown before something else used the screen. */
static void redraw_all(struct terminal *terminal)
{
    terminal->stale = true;
    curs_set(0);
    if (terminal->shown != NULL) {
        paint(terminal, terminal->shown);
    }
}

/* The terminal goes back, the process stops; here it goes on after SIGCONT. */
static void suspend(struct terminal *terminal)
{
    def_prog_mode();
    endwin();
    raise(SIGSTOP);
    reset_prog_mode();
    redraw_all(terminal);
}

static void take_signals(struct terminal *terminal)
{
    char what;
    while (read(terminal->pipe[0], &what, 1) == 1) {
        if (what == 's') {
            suspend(terminal);
        } else if (is_in_foreground()) {
            reset_prog_mode();
            redraw_all(terminal);
        }
    }
}

static int take_key(void)
{
    int key = is_in_foreground() ? getch() : ERR;
    switch (key) {
    case ERR:
    case KEY_RESIZE:
        return MODEL_KEY_NONE;
    case KEY_BTAB:
        return MODEL_KEY_BACKTAB;
    default:
        return key < 256 ? key : MODEL_KEY_NONE;
    }
}

int terminal_wait(struct terminal *terminal, int stop_fd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = stop_fd, .events = POLLIN},
                           {.fd = terminal->pipe[0], .events = POLLIN}};
    int key = take_key(); /* more of what an earlier wait found */
    if (key != MODEL_KEY_NONE || poll(fds, 3, timeout_ms) <= 0) {
        return key;
    }
    if (fds[2].revents != 0) {
        take_signals(terminal);
    }
    return fds[0].revents != 0 ? take_key() : MODEL_KEY_NONE;
}
