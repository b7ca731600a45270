#include "view/progress.h"

#include "view/format.h"

#include <math.h>

int progress_write_line(const struct series_row *row, const struct recorder_state *state,
                        enum run_phase phase, struct buf *out)
{
    const double *v = row->value;
    char clock[FORMAT_MAX], active[FORMAT_MAX], target[FORMAT_MAX], rates[4][FORMAT_MAX],
        line[FORMAT_MAX], p95[FORMAT_MAX], stalled[FORMAT_MAX], rebuffer[FORMAT_MAX];
    static const enum series shown[4] = {SERIES_SEGMENTS, SERIES_PLAYLISTS, SERIES_REQUESTS,
                                         SERIES_CONNECTS};
    for (int i = 0; i < 4; i++) {
        format_number(rates[i], FORMAT_MAX, v[shown[i]]);
    }
    int failed = buf_printf(
        out,
        "%6s  %s of %s viewers  %s seg/s  %s pl/s  %s req/s  %s conn/s  %s  "
        "seg p95 %s  stalled %s  rebuffer %s",
        format_clock(clock, FORMAT_MAX, (int64_t)(v[SERIES_TIME] * 1e6)),
        format_count(active, FORMAT_MAX, (uint64_t)v[SERIES_ACTIVE]),
        format_count(target, FORMAT_MAX, (uint64_t)v[SERIES_TARGET]), rates[0], rates[1],
        rates[2], rates[3], format_bitrate(line, FORMAT_MAX, v[SERIES_BYTES]),
        isnan(v[SERIES_DOWNLOAD_P95])
            ? "-"
            : format_duration(p95, FORMAT_MAX, (int64_t)(v[SERIES_DOWNLOAD_P95] * 1e6)),
        format_count(stalled, FORMAT_MAX, (uint64_t)v[SERIES_STALLED]),
        format_percent(rebuffer, FORMAT_MAX, v[SERIES_REBUFFER]));
    if (v[SERIES_FAILURES] > 0) {
        char failures[FORMAT_MAX];
        failed |= buf_printf(out, "  failures %s/s",
                             format_number(failures, FORMAT_MAX, v[SERIES_FAILURES]));
    }
    if (phase == RUN_PHASE_ENDING) {
        failed |= buf_append_string(out, "  ending");
    }
    if (state->bottleneck) {
        failed |= buf_printf(out, "  GENERATOR AT ITS LIMIT: %s", state->bottleneck_why);
    }
    return failed | buf_append(out, "\n", 1);
}
