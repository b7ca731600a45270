/* Two loads of one media playlist: what changed that must not (the server's duties, rfc8216bis
 * section 6.2), and the merging of a delta update with the copy held (section 6.3.7). Pure; the
 * caller says when each load was made. */
#ifndef MEDIA_M3U8_RELOAD_H
#define MEDIA_M3U8_RELOAD_H

#include "media/m3u8.h"
#include "media/m3u8_check.h"

#include <stdbool.h>
#include <stdint.h>

/* What is remembered of a playlist from load to load; zero is the state before the first.
 * Borrows nothing: the caller keeps the previous playlist itself. */
struct m3u8_watch {
    int64_t segment_us; /* when the newest segment was first seen */
    int64_t part_us;    /* when the newest part was first seen */
    bool started;
    bool late_told; /* lateness of the segment now awaited has been told */
    bool part_late_told;
};

/* Compares a load with the one before it and adds what the server did wrong to `report`.
 * `before` is NULL at the first load. Both must be whole playlists (merge delta updates first).
 * `now_us` is when the answer of this load arrived; the time at which a load was requested
 * would tell of lateness that is the line's. Updates *watch. Returns whether the playlist
 * changed. */
bool m3u8_check_reload(struct m3u8_watch *watch, const struct m3u8 *before,
                       const struct m3u8 *after, int64_t now_us, struct m3u8_report *report);

/* What a player counts as faults of the stream while it plays; a cheap subset of the above, in
 * bits, for callers without a report. */
enum m3u8_fault {
    M3U8_FAULT_SEQUENCE_REGRESSED = 1 << 0,
    M3U8_FAULT_DISCONTINUITY_REGRESSED = 1 << 1,
    M3U8_FAULT_TARGET_CHANGED = 1 << 2,
    M3U8_FAULT_URI_CHANGED = 1 << 3,
    M3U8_FAULT_TOO_LONG = 1 << 4, /* a segment longer than the target duration */
};
unsigned m3u8_reload_faults(const struct m3u8 *before, const struct m3u8 *after);

/* Whether two loads say the same; compares the text. */
bool m3u8_is_same(const struct m3u8 *a, const struct m3u8 *b);

enum m3u8_merge_status {
    M3U8_MERGED,
    M3U8_MERGE_INCOMPLETE, /* something skipped is not held: load it again without _HLS_skip */
    M3U8_MERGE_FAILED,     /* the result passes a limit or memory is spent */
};

/* Makes the whole playlist of a delta update and the copy held: on M3U8_MERGED *out is a new
 * playlist with one reference, independent of both; else it is untouched. A `delta` without
 * EXT-X-SKIP gives a copy of itself by reference. `held` may be NULL (then INCOMPLETE). The
 * result is written anew as text and parsed, so that it obeys the limits of m3u8_parse;
 * `source` gives those limits and the multivariant playlist, its text and url are not used. */
enum m3u8_merge_status m3u8_merge(struct m3u8 *held, struct m3u8 *delta,
                                  const struct m3u8_source *source, struct m3u8 **out);

#endif
