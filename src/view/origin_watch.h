/* Watches the server's side of a run: asks exporters (--origin-metrics) every two seconds on a
 * thread of its own. One that fails or is slow delays and dims nothing but itself. */
#ifndef VIEW_ORIGIN_WATCH_H
#define VIEW_ORIGIN_WATCH_H

#include "base/err.h"

#include <stdbool.h>

struct origin_watch;

enum { ORIGIN_SOURCES_MAX = 8 };

/* What one exporter said last. Figures it does not have, or while it fails: NAN. */
struct origin_figures {
    const char *url; /* valid until origin_watch_free */
    bool ok;
    char why[80]; /* why not, when it is not ok */
    double cpu;   /* in cores */
    double bytes_per_s;
    double requests_per_s;
    double connections;
};

/* Starts asking. URLs are http:// ones and are copied. Returns NULL with *err filled when one
 * cannot be used. */
struct origin_watch *origin_watch_new(const char *const *urls, unsigned count, struct err *err);

/* NULL is a no-op. Takes as long as a request under way, two seconds at most. */
void origin_watch_free(struct origin_watch *watch);

/* Copies the figures of all exporters; returns how many. A NULL watch has none. Any thread. */
unsigned origin_watch_read(const struct origin_watch *watch,
                           struct origin_figures out[ORIGIN_SOURCES_MAX]);

/* The figures of all that are ok together: sums of what is known. */
void origin_figures_sum(const struct origin_figures *figures, unsigned count,
                        struct origin_figures *out);

#endif
