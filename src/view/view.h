/* The observers of a run: progress lines or the terminal dashboard, the CSV file, the HTTP
 * server, and the recorder that keeps a row a second for the report. They read snapshots and
 * nothing else; each rests on a thread of its own (recorder, terminal, HTTP), so that none of
 * them can delay a worker or another view.
 *
 *     views_start            after the statistics' sampler runs, before the first viewer
 *     views_show             when nothing is to be printed any more: takes the terminal
 *     … the run …
 *     views_settle           after the sampler's last snapshot: takes the final row, gives the
 *                            terminal back and ends the progress lines
 *     report_make and friends (view/report.h) from views_record(views)
 *     views_free             stops the HTTP server too
 *
 * All of these on one thread, app's. */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct failure_queue;
struct recorder;
struct run_control;
struct run_info;
struct shoal_sampler;
struct threshold;
struct views;

enum view_terminal {
    VIEW_TERMINAL_NONE,      /* say nothing (--quiet) */
    VIEW_TERMINAL_PROGRESS,  /* one plain line a second on standard error */
    VIEW_TERMINAL_DASHBOARD, /* ncurses on standard output */
};

struct view_options {
    enum view_terminal terminal;
    const char *csv_path;      /* --csv, NULL: none */
    const char *failures_path; /* --failures, NULL: none */

    const char *const *origin_urls; /* --origin-metrics: exporters on the server's side */
    unsigned origin_count;

    bool listen;                /* serve HTTP */
    const char *listen_address; /* numeric IPv4 or IPv6 address, "127.0.0.1" unless told */
    uint16_t listen_port;       /* 0: the system chooses */
    bool listen_port_exact;     /* busy is an error; otherwise the next free one is taken */
    const char *listen_token;   /* needed for every request; NULL: no control by HTTP */

    const struct threshold *thresholds; /* parsed by threshold_parse, borrowed */
    unsigned threshold_count;
};

struct view_setup {
    const struct run_info *info;       /* borrowed until views_free, as all below */
    const struct run_control *control; /* borrowed */
    struct shoal_sampler *sampler;     /* borrowed; its snapshots are all that views see */
    struct failure_queue *failures;    /* borrowed, or NULL: no sampled failures */
};

/* Starts what `options` asks for, but for the terminal; the struct itself is copied, its
 * strings are borrowed until views_free. Returns NULL with *err filled when a file cannot be
 * written or an exact port is busy. */
struct views *views_start(const struct view_setup *setup, const struct view_options *options,
                          struct err *err);

/* Starts what is shown on the terminal: from here on nobody else may write there. Returns 0; 1
 * with *err filled when the terminal cannot show the dashboard and gets progress lines instead;
 * -1 with *err filled when it gets nothing. */
int views_show(struct views *views, struct err *err);

/* The address where HTTP is served, "http://127.0.0.1:17091/", or NULL. Valid until
 * views_free. */
const char *views_url(const struct views *views);

/* Whether HTTP is served beyond this machine and without a token. */
bool views_are_exposed(const struct views *views);

/* After the run: see above. Blocks for at most one frame of the terminal. Calling it twice is
 * a no-op. */
void views_settle(struct views *views);

/* What of the rows of --csv and --failures could not be written, or NULL; after views_settle.
 * Valid until views_free. */
const struct err *views_unwritten(const struct views *views);

/* What was recorded, for the report; after views_settle. Valid until views_free. */
const struct recorder *views_record(const struct views *views);

/* Stops everything; settles first when that was not done. NULL is a no-op. */
void views_free(struct views *views);

#endif
