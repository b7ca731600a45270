#include "player/player_inside.h"

#include <string.h>

/* A playlist that claims shorter durations is not loaded more often than this. */
#define RELOAD_LEAST_US 100000

/* So many segments at the end of what two loads have in common are compared. A window of
 * hours would cost too much at each reload, and what a server changes it changes near the
 * edge. */
#define COMPARED_SEGMENTS 8

/* After so many loads in a row with lower numbers the server has begun anew; before, it is
 * taken for an old copy of the playlist and passed over. */
#define REGRESSED_LOADS 3

static uint64_t first_sequence(const struct m3u8 *playlist)
{
    return playlist->media_sequence + playlist->skipped_segments;
}

/* The number after that of the last segment. */
static uint64_t end_sequence(const struct m3u8 *playlist)
{
    return first_sequence(playlist) + playlist->segment_count;
}

/* ---- When to load ---- */

/* The target duration, 1 s while none is known. */
static int64_t target_us(const struct player_rendition *rendition)
{
    return rendition->playlist != NULL && rendition->playlist->target_duration_us > 0
               ? rendition->playlist->target_duration_us
               : 1000000;
}

/* How long to wait after a load that brought nothing new. */
static int64_t pause_us(const struct player *player, const struct player_rendition *rendition)
{
    int64_t target = target_us(rendition);
    int64_t pause = target * player_profile_of(player)->unchanged_pct / 100;
    return pause < RELOAD_LEAST_US ? RELOAD_LEAST_US : pause;
}

int64_t player_playlist_interval(const struct player *player,
                                 const struct player_rendition *rendition)
{
    const struct player_profile *profile = player_profile_of(player);
    const struct m3u8 *playlist = rendition->playlist;
    int64_t target = target_us(rendition);
    int64_t last = playlist->segment_count > 0
                       ? playlist->segments[playlist->segment_count - 1].duration_us
                       : target;
    int64_t interval = target;
    switch (profile->reload) {
    case PLAYER_RELOAD_LAST_SEGMENT:
    case PLAYER_RELOAD_AT_SEGMENT:
        interval = last;
        break;
    case PLAYER_RELOAD_BY_VERSION:
        interval = playlist->version > 5 ? target : last;
        break;
    case PLAYER_RELOAD_SHORTER:
        /* hls.js: within four target durations of the edge. */
        if (rendition->edge_us - player->playhead_us < 4 * target && last < target) {
            interval = last;
        }
        break;
    }
    return interval < RELOAD_LEAST_US ? RELOAD_LEAST_US : interval;
}

/* Sets the time of the next load. The grid goes on from the time the last load was due, so that
 * late timers do not add up; a load that took longer than the interval is followed at once. */
static void schedule(struct player *player, struct player_rendition *rendition, bool changed)
{
    const struct player_profile *profile = player_profile_of(player);
    struct player_line *line = player_playlist_line(rendition);
    if (m3u8_is_final(rendition->playlist)) {
        line->state = PLAYER_LINE_IDLE;
        line->due_us = PLAYER_NEVER;
        return;
    }
    int64_t wait =
        changed ? player_playlist_interval(player, rendition) : pause_us(player, rendition);
    int64_t anchor = profile->reload_from_response ? player->now_us : line->began_us;
    line->due_us = anchor + wait > player->now_us ? anchor + wait : player->now_us;
    line->state = PLAYER_LINE_READY;
}

/* When playing comes to a segment of the rendition, at due_us or later. Where it waits for one
 * that is not listed it has come there already. */
static int64_t comes_to_segment_us(const struct player *player,
                                   const struct player_rendition *rendition, int64_t due_us)
{
    const struct m3u8 *playlist = rendition->playlist;
    if (player->state != PLAYER_STATE_PLAYING) {
        due_us = due_us > player->now_us ? due_us : player->now_us;
        return rendition->next_sequence >= end_sequence(playlist) ? due_us : PLAYER_NEVER;
    }
    /* Counted from due_us also when that is past: a timer that fires a little late must not
     * find itself on the way to the next segment and wait for that one. */
    int64_t playhead = player->playhead_us + (due_us - player->now_us);
    int64_t left = rendition->edge_us - playhead;
    if (left <= 0 || playlist->segment_count == 0) {
        return due_us;
    }
    int64_t at = playlist->total_duration_us - left;
    const struct m3u8_segment *segment = m3u8_segment_by_time(playlist, at > 0 ? at : 0);
    int64_t next =
        segment->start_us >= at ? segment->start_us : segment->start_us + segment->duration_us;
    return due_us + (next - at);
}

int64_t player_playlist_wake(const struct player *player,
                             const struct player_rendition *rendition)
{
    const struct player_line *line = &rendition->lines[0];
    if (line->state != PLAYER_LINE_READY ||
        !player_start_is_turn_of_playlist(player, rendition)) {
        return PLAYER_NEVER;
    }
    if (player_profile_of(player)->reload == PLAYER_RELOAD_AT_SEGMENT && rendition->aligned &&
        !player_is_retrying(line)) {
        return comes_to_segment_us(player, rendition, line->due_us);
    }
    return line->due_us;
}

bool player_playlist_give(struct player *player, struct player_rendition *rendition,
                          struct player_action *out)
{
    struct player_line *line = player_playlist_line(rendition);
    int64_t due = player_playlist_wake(player, rendition);
    if (due > player->now_us) {
        return false;
    }
    line->due_us = due;
    player_give(player, rendition, line,
                player->entered ? PLAYER_MEDIA_PLAYLIST : PLAYER_MULTIVARIANT, out);
    if (player->multivariant == NULL) {
        out->reference = player->config->url;
        return true;
    }
    out->playlist = player->multivariant;
    out->multivariant = player->multivariant;
    out->reference = rendition->alternate == M3U8_NONE
                         ? player->multivariant->variants[rendition->variant].uri
                         : player->multivariant->renditions[rendition->alternate].uri;
    return true;
}

/* ---- What changed: the duties of the server (rfc8216bis 6.2) ---- */

/* The reference without its query: signed URLs may get a new signature at each load. */
static struct span resource_of(struct span uri)
{
    return span_of(uri.ptr, span_find(uri, '?'));
}

static uint32_t changed_uris(const struct m3u8 *old, const struct m3u8 *playlist)
{
    uint64_t end =
        end_sequence(old) < end_sequence(playlist) ? end_sequence(old) : end_sequence(playlist);
    uint32_t changed = 0;
    for (uint64_t i = 1; i <= COMPARED_SEGMENTS && i <= end; i++) {
        const struct m3u8_segment *a = m3u8_segment_by_sequence(old, end - i);
        const struct m3u8_segment *b = m3u8_segment_by_sequence(playlist, end - i);
        if (a == NULL || b == NULL) {
            break;
        }
        bool same = span_equal(resource_of(a->uri), resource_of(b->uri)) &&
                    a->range.offset == b->range.offset && a->range.length == b->range.length;
        changed += same ? 0 : 1;
    }
    return changed;
}

/* Segments from sequence `from` on whose duration, rounded to whole seconds, is above the
 * target duration (rfc8216bis 4.4.3.1). */
static uint32_t too_long(const struct m3u8 *playlist, uint64_t from)
{
    uint32_t count = 0;
    if ((playlist->flags & M3U8_HAS_TARGET_DURATION) == 0 ||
        playlist->longest_duration_us < playlist->target_duration_us + 500000) {
        return 0;
    }
    for (uint32_t i = 0; i < playlist->segment_count; i++) {
        const struct m3u8_segment *segment = &playlist->segments[i];
        if (segment->sequence >= from &&
            segment->duration_us >= playlist->target_duration_us + 500000) {
            count++;
        }
    }
    return count;
}

static void compare(struct player *player, const struct player_rendition *rendition,
                    const struct m3u8 *playlist)
{
    const struct m3u8 *old = rendition->playlist;
    uint32_t count;
    if (playlist == old) {
        return;
    }
    if ((count = too_long(playlist, old == NULL ? 0 : end_sequence(old))) > 0) {
        player_note_fault(player, rendition, FAIL_EXTINF_TOO_LONG, count);
    }
    if (old == NULL) {
        return;
    }
    if (playlist->discontinuity_sequence < old->discontinuity_sequence) {
        player_note_fault(player, rendition, FAIL_DISCONTINUITY_REGRESSED, 1);
    }
    if (playlist->target_duration_us != old->target_duration_us && old->segment_count > 0 &&
        playlist->segment_count > 0) {
        player_note_fault(player, rendition, FAIL_TARGET_DURATION_CHANGED, 1);
    }
    if ((count = changed_uris(old, playlist)) > 0) {
        player_note_fault(player, rendition, FAIL_URI_CHANGED, count);
    }
}

/* New segments are due 1.5 target durations after the last (rfc8216bis 6.2.2). What is measured
 * is the time between the beginnings of two loads, within which the server changed nothing. */
static void watch_freshness(struct player *player, struct player_rendition *rendition,
                            bool changed)
{
    int64_t began = player_playlist_line(rendition)->began_us;
    if (changed) {
        if (rendition->stale) {
            player_note_fault(player, rendition, FAIL_SEGMENT_LATE, 1);
        }
        rendition->stale = false;
        rendition->changed_us = began;
        return;
    }
    player_note(player, PLAYER_UNCHANGED, player->now_us, rendition);
    int64_t target = rendition->playlist->target_duration_us;
    if (!rendition->stale && target > 0 && began - rendition->changed_us >= target * 3 / 2) {
        rendition->stale = true;
        player_note_fault(player, rendition, FAIL_PLAYLIST_STALE, 1);
    }
}

/* ---- Acceptance ---- */

static bool is_changed(const struct m3u8 *old, const struct m3u8 *playlist)
{
    return old == NULL || (old != playlist && (end_sequence(old) != end_sequence(playlist) ||
                                               m3u8_is_final(playlist)));
}

/* Where the end of the playlist lies on the media time line. */
static void find_edge(struct player_rendition *rendition)
{
    const struct m3u8 *playlist = rendition->playlist;
    const struct m3u8_segment *next =
        m3u8_segment_by_sequence(playlist, rendition->next_sequence);
    rendition->edge_us = rendition->next_us;
    if (next != NULL) {
        rendition->edge_us += playlist->total_duration_us - next->start_us;
    }
}

static void sample_latency(struct player *player, const struct player_rendition *rendition)
{
    bool started =
        player->state == PLAYER_STATE_PLAYING || player->state == PLAYER_STATE_STALLED;
    if (!started || rendition != &player->renditions[0] || m3u8_is_final(rendition->playlist)) {
        return;
    }
    int64_t latency = rendition->edge_us - player->playhead_us;
    player_note(player, PLAYER_EDGE_LATENCY, player->now_us, rendition)->value_us =
        latency > 0 ? latency : 0;
}

static void replace(struct player *player, struct player_rendition *rendition,
                    struct m3u8 *playlist, bool changed)
{
    m3u8_ref(playlist);
    m3u8_unref(rendition->playlist);
    rendition->playlist = playlist;
    if (changed && player_profile_of(player)->init_each_reload) {
        rendition->map_asset = 0;
    }
}

/* Profiles whose `stuck_ends` is set. */
static bool is_stuck(const struct player *player, const struct player_rendition *rendition)
{
    const struct m3u8 *old = rendition->playlist;
    if (old == NULL || !player->joined || player->origin_sequence >= first_sequence(old)) {
        return false;
    }
    for (int i = 1; i < PLAYER_LINES; i++) {
        const struct player_line *line = &rendition->lines[i];
        if (line->state != PLAYER_LINE_IDLE && player_is_retrying(line) &&
            line->sequence + 1 < end_sequence(old)) {
            return true;
        }
    }
    return false;
}

bool player_can_play(const struct m3u8 *playlist)
{
    /* A live playlist may begin empty, but not without telling when to look again. */
    bool hopeless =
        playlist->segment_count == 0 &&
        (m3u8_is_final(playlist) || (playlist->flags & M3U8_HAS_TARGET_DURATION) == 0);
    return playlist->kind == M3U8_MEDIA && (playlist->flags & M3U8_HAS_SKIP) == 0 && !hopeless;
}

enum fail player_playlist_accept(struct player *player, struct player_rendition *rendition,
                                 struct m3u8 *playlist)
{
    if (!player_can_play(playlist)) {
        return FAIL_PLAYLIST_INVALID;
    }
    if (player_profile_of(player)->stuck_ends && is_stuck(player, rendition)) {
        player_variant_drop(player, rendition, (enum fail)player->fail);
        return FAIL_NONE;
    }
    struct player_line *line = player_playlist_line(rendition);
    memset(line->attempts, 0, sizeof(line->attempts));
    const struct m3u8 *old = rendition->playlist;
    bool again = false;
    if (old != NULL && first_sequence(playlist) < first_sequence(old)) {
        player_note_fault(player, rendition, FAIL_SEQUENCE_REGRESSED, 1);
        if (++rendition->regressed < REGRESSED_LOADS) {
            schedule(player, rendition, false);
            return FAIL_NONE;
        }
        again = true;
    }
    rendition->regressed = 0;
    bool changed = is_changed(old, playlist);
    if (!again) {
        compare(player, rendition, playlist);
    }
    replace(player, rendition, playlist, changed);
    watch_freshness(player, rendition, changed);
    if (again) {
        player_join_again(player, rendition);
    } else if (rendition->aligned && rendition->next_sequence < first_sequence(playlist)) {
        player_join_behind(player, rendition);
    }
    player_join(player);
    if (rendition->aligned) {
        find_edge(rendition);
        sample_latency(player, rendition);
        player_media_settle(player, rendition);
    }
    schedule(player, rendition, changed);
    return FAIL_NONE;
}
