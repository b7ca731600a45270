/* `shoal probe`: reads a stream once and tells what it offers and what N viewers of it would
 * cost. Main thread. */
#ifndef APP_PROBE_H
#define APP_PROBE_H

#include "app/lint_fetch.h"
#include "app/lint_report.h"
#include "app/options.h"
#include "media/sniff.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Runs the subcommand; argv[0] is "probe". Returns the exit status: 0 read, 2 usage, 3 the
 * stream could not be read. */
int app_probe_main(int argc, char **argv);

/* Its options, for help, man page and completion. */
const struct option_command *app_probe_command(void);

/* One thing a viewer can play: a variant, or a rendition beside it. */
struct probe_item {
    const struct m3u8_variant *variant;     /* NULL for a rendition or a lone media playlist */
    const struct m3u8_rendition *rendition; /* NULL for a variant */
    const struct lint_entry *entry;  /* its media playlist; NULL when it has none of its own */
    const struct lint_entry *unread; /* what was read in place of a media playlist, or NULL */
    double segment_s;                /* mean duration of a segment, 0 when unknown */
    double measured_bps;             /* of the newest segments, 0 when none was read */
    enum sniff container;            /* of the newest segment, SNIFF_NOT_MEDIA when unknown */
    double low_latency_requests_per_s; /* of one viewer who plays parts; 0: there are none */
    double requests_per_s;             /* of one viewer: segments, playlist reloads */
    double playlist_bytes_per_s;
};

/* What playing one variant costs. */
struct probe_cost {
    const struct probe_item *item; /* the variant */
    size_t number;                 /* of the variant, from 0 */
    double bits_per_s;             /* of one viewer: media and playlists */
    double requests_per_s;
    double low_latency_requests_per_s; /* 0: it has no parts */
    bool measured;                     /* from segments read; else from BANDWIDTH */
};

struct probe_findings {
    struct lint_results playlists; /* the first is what the user named */
    struct probe_item *items;      /* owned */
    size_t count;
    struct probe_cost *costs; /* owned; one for each variant, or one */
    size_t cost_count;
    uint32_t viewers;
};

void probe_print_text(const struct probe_findings *found, FILE *out);
int probe_print_json(const struct probe_findings *found, FILE *out);

#endif
