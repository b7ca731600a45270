/* The attributes of variants against what was measured of their media playlists' segments. Main
 * thread. */
#ifndef APP_LINT_VARIANTS_H
#define APP_LINT_VARIANTS_H

#include "app/lint_report.h"

#include <stdbool.h>
#include <stddef.h>

/* What was measured of one playlist. */
struct lint_measured {
    const struct lint_entry *entry;
    double peak_bps;    /* 0: unknown */
    double average_bps; /* 0: not all segments were read */
    unsigned formats;   /* of the segments, see media/formats.h */
    bool final;
};

/* Holds BANDWIDTH, AVERAGE-BANDWIDTH and CODECS of the multivariant playlist, the first entry,
 * against the measured playlists; does nothing when it is none. */
void lint_check_variants(struct lint_results *results, const struct lint_measured *all,
                         size_t count);

#endif
