/* Watches the server's side of a run: asks exporters (--origin-metrics) every two seconds, each
 * on a thread of its own, so that one that fails or is slow delays and dims nothing but itself.
 */
#ifndef VIEW_ORIGIN_WATCH_H
#define VIEW_ORIGIN_WATCH_H

#include "base/err.h"
#include "view/origin_ask.h"
#include "view/origin_text.h"

#include <stdbool.h>
#include <stdint.h>

struct origin_watch;

enum { ORIGIN_SOURCES_MAX = 8 };

/* The figures in the order in which they are shown. */
enum origin_figure {
    ORIGIN_CPU,         /* in cores */
    ORIGIN_BYTES,       /* a second */
    ORIGIN_REQUESTS,    /* a second */
    ORIGIN_CONNECTIONS, /* open */
    ORIGIN_FIGURES,
};

/* "cpu", "bytes_per_s" and so on: keys in JSON. */
extern const char *const origin_figure_names[ORIGIN_FIGURES];

/* What one exporter said last. Figures it does not have, or while it fails: NAN. */
struct origin_figures {
    const char *url; /* valid until origin_watch_free */
    bool ok;
    char why[ORIGIN_WHY_MAX]; /* why not, when it is not ok */
    unsigned host;            /* number of the first exporter on the same host */
    uint64_t asked;           /* how often so far, */
    uint64_t failed;          /* and how often without a figure */
    enum origin_kind kind;
    double value[ORIGIN_FIGURES];
};

/* Starts asking. URLs are http:// ones and are copied. Returns NULL with *err filled when one
 * cannot be used. */
struct origin_watch *origin_watch_new(const char *const *urls, unsigned count, struct err *err);

/* NULL is a no-op. Takes no longer than the system takes to look up a name. */
void origin_watch_free(struct origin_watch *watch);

/* Copies the figures of all exporters; returns how many. A NULL watch has none. Any thread. */
unsigned origin_watch_read(const struct origin_watch *watch,
                           struct origin_figures out[ORIGIN_SOURCES_MAX]);

/* The figures of all exporters together: sums over the hosts. Of several kinds on one host only
 * one counts for a figure, so that nothing counts twice: for CPU the machine before the server,
 * for requests and connections the server before the machine, and for bytes the one that saw
 * more (see enum origin_kind). */
void origin_figures_sum(const struct origin_figures *figures, unsigned count,
                        double ret_sums[ORIGIN_FIGURES]);

#endif
