#include "player/player_inside.h"

/* A segment that ends so soon after the wanted place is not taken for containing it when
 * renditions are brought together; rounding of durations must not cost a segment. */
#define ALIGN_TOLERANCE_US 100000

/* The segment at `at_us` of the playlist's own time, or the next one when that is at most
 * `tolerance_us` away. The playlist has segments. */
static const struct m3u8_segment *segment_at(const struct m3u8 *playlist, int64_t at_us,
                                             int64_t tolerance_us)
{
    const struct m3u8_segment *segment = m3u8_segment_by_time(playlist, at_us);
    const struct m3u8_segment *last = &playlist->segments[playlist->segment_count - 1];
    int64_t half = segment->duration_us / 2;
    tolerance_us = tolerance_us < half ? tolerance_us : half;
    if (segment != last && segment->start_us + segment->duration_us - at_us <= tolerance_us) {
        segment++;
    }
    return segment;
}

/* EXT-X-START that applies, the multivariant playlist's winning (rfc8216bis 4.4.2.2). */
static const struct m3u8 *start_tag(const struct player *player, const struct m3u8 *playlist)
{
    if (!player_profile_of(player)->honours_start) {
        return NULL;
    }
    if (player->multivariant != NULL && (player->multivariant->flags & M3U8_HAS_START) != 0) {
        return player->multivariant;
    }
    return (playlist->flags & M3U8_HAS_START) != 0 ? playlist : NULL;
}

/* Where to begin, in the playlist's own time, and whether the playhead begins at that very
 * place rather than at the start of the segment there. */
static int64_t begin_at(const struct player *player, const struct m3u8 *playlist,
                        bool *ret_exact)
{
    const struct player_profile *profile = player_profile_of(player);
    bool live = !m3u8_is_final(playlist);
    int64_t total = playlist->total_duration_us;
    const struct m3u8 *start = start_tag(player, playlist);
    *ret_exact = live && profile->join == PLAYER_JOIN_HOLD_BACK;
    if (live && player->config->live_offset_us >= 0) {
        return total - player->config->live_offset_us;
    }
    if (start != NULL) {
        int64_t offset = start->start_offset_us;
        *ret_exact = (start->flags & M3U8_START_PRECISE) != 0;
        return offset >= 0 ? offset : total + offset;
    }
    if (!live) {
        return 0;
    }
    if (profile->join == PLAYER_JOIN_SEGMENT_COUNT) {
        uint32_t back = profile->join_segments;
        return back >= playlist->segment_count
                   ? 0
                   : playlist->segments[playlist->segment_count - back].start_us;
    }
    return total - m3u8_hold_back_us(playlist, false);
}

/* The segment to begin with; *ret_into_us is how far into it the playhead begins. */
static const struct m3u8_segment *
begin_segment(const struct player *player, const struct m3u8 *playlist, int64_t *ret_into_us)
{
    bool exact;
    int64_t at = begin_at(player, playlist, &exact);
    int64_t tolerance = exact ? player_profile_of(player)->join_tolerance_us : 0;
    at = at > 0 ? at : 0;
    const struct m3u8_segment *segment = segment_at(playlist, at, tolerance);
    int64_t into = at - segment->start_us;
    bool inside = into > 0 && into < segment->duration_us;
    *ret_into_us = exact && inside ? into : 0;
    return segment;
}

static void place(struct player_rendition *rendition, const struct m3u8_segment *segment,
                  int64_t position_us)
{
    rendition->next_sequence = segment->sequence;
    rendition->next_us = position_us;
    rendition->edge_us =
        position_us + rendition->playlist->total_duration_us - segment->start_us;
    rendition->joined = true;
    rendition->aligned = true;
}

/* The playlist ends before that place: nothing of it is wanted. */
static void place_at_end(struct player_rendition *rendition, int64_t at_us)
{
    const struct m3u8 *playlist = rendition->playlist;
    place(rendition, &playlist->segments[playlist->segment_count - 1], at_us);
    rendition->next_sequence++;
    rendition->edge_us = at_us;
}

/* The first rendition to find its place makes the media time line: 0 is the beginning of its
 * first segment. */
static void lead(struct player *player, struct player_rendition *rendition)
{
    int64_t into;
    const struct m3u8_segment *segment = begin_segment(player, rendition->playlist, &into);
    place(rendition, segment, 0);
    rendition->end_us = 0;
    player->playhead_us = into;
    player->origin_us = segment->start_us;
    player->origin_sequence = segment->sequence;
    player->origin_is_final = m3u8_is_final(rendition->playlist);
    player->origin_date_us = segment->date_us;
    player->joined = true;
}

/* Aligned by PROGRAM-DATE-TIME. Returns false when there are no dates to go by; *out stays NULL
 * when the wanted time is still to come. */
static bool by_date(const struct player *player, const struct m3u8 *playlist, int64_t at_us,
                    const struct m3u8_segment **out)
{
    const struct m3u8_segment *first = &playlist->segments[0];
    const struct m3u8_segment *last = &playlist->segments[playlist->segment_count - 1];
    if (player->origin_date_us == M3U8_NO_DATE || first->date_us == M3U8_NO_DATE) {
        return false;
    }
    int64_t date = player->origin_date_us + at_us;
    int64_t end = last->date_us + last->duration_us;
    int64_t window = 3 * playlist->target_duration_us;
    if (date >= end + window || date < first->date_us - window) {
        return false; /* these clocks have nothing to do with each other */
    }
    *out = NULL;
    for (uint32_t i = playlist->segment_count; i-- > 0;) {
        const struct m3u8_segment *segment = &playlist->segments[i];
        if (segment->date_us + segment->duration_us <= date + ALIGN_TOLERANCE_US) {
            break;
        }
        *out = segment;
    }
    return true;
}

/* The rendition goes on at at_us of the media time line in a playlist that is new to it: an
 * alternate rendition beside the lead, or another variant. Media sequence numbers say nothing
 * across playlists (rfc8216bis 6.3.2), but servers number them alike, and without dates players
 * rely on it. `edge_us` is where the end of a playlist of the same stream was last seen. */
static void align(struct player *player, struct player_rendition *rendition, int64_t at_us,
                  uint64_t sequence, int64_t edge_us)
{
    const struct m3u8 *playlist = rendition->playlist;
    const struct m3u8_segment *segment = NULL;
    int64_t position = at_us;
    if (m3u8_is_final(playlist) && player->origin_is_final) {
        segment = segment_at(playlist, at_us + player->origin_us, ALIGN_TOLERANCE_US);
        position = segment->start_us - player->origin_us;
        if (position + segment->duration_us <= at_us) {
            place_at_end(rendition, at_us);
            return;
        }
    } else if (by_date(player, playlist, at_us, &segment)) {
        if (segment == NULL) {
            if (m3u8_is_final(playlist)) {
                place_at_end(rendition, at_us);
            }
            return;
        }
        position = segment->date_us - player->origin_date_us;
    } else if ((segment = m3u8_segment_by_sequence(playlist, sequence)) == NULL) {
        int64_t from_end = edge_us - at_us;
        int64_t at = playlist->total_duration_us - from_end;
        segment = segment_at(playlist, at > 0 ? at : 0, ALIGN_TOLERANCE_US);
        position = at_us + segment->start_us - at;
    }
    place(rendition, segment, position);
}

static struct player_rendition *find_lead(struct player *player, bool joined)
{
    for (uint32_t i = 0; i < player->count; i++) {
        struct player_rendition *rendition = &player->renditions[i];
        if (!rendition->dropped && rendition->alternate == M3U8_NONE &&
            (!joined || rendition->aligned)) {
            return rendition;
        }
    }
    return NULL;
}

void player_join(struct player *player)
{
    if (!player->joined) {
        struct player_rendition *first = find_lead(player, false);
        if (first == NULL || first->playlist == NULL || first->playlist->segment_count == 0) {
            return;
        }
        lead(player, first);
    }
    const struct player_rendition *main = find_lead(player, true);
    for (uint32_t i = 0; i < player->count; i++) {
        struct player_rendition *rendition = &player->renditions[i];
        if (rendition->aligned || rendition->dropped || rendition->playlist == NULL ||
            rendition->playlist->segment_count == 0) {
            continue;
        }
        if (rendition->joined) {
            align(player, rendition, rendition->next_us, rendition->next_sequence,
                  rendition->edge_us);
        } else if (main != NULL) {
            align(player, rendition, 0, player->origin_sequence, main->edge_us);
        }
        if (rendition->aligned) {
            player_media_settle(player, rendition);
        }
    }
}

/* Puts the rendition on this segment and leaves out what lies between. Where it begins is known
 * by its date, else estimated: the lost segments were as long as those now listed. */
static void jump(struct player *player, struct player_rendition *rendition,
                 const struct m3u8_segment *segment)
{
    const struct m3u8 *playlist = rendition->playlist;
    uint64_t lost = segment->sequence - rendition->next_sequence;
    int64_t each = playlist->total_duration_us / playlist->segment_count;
    int64_t from = rendition->next_us;
    int64_t to = from + (int64_t)(lost < 1000000 ? lost : 1000000) * each;
    if (player->origin_date_us != M3U8_NO_DATE && segment->date_us != M3U8_NO_DATE &&
        segment->date_us - player->origin_date_us > from) {
        to = segment->date_us - player->origin_date_us;
    }
    place(rendition, segment, to);
    struct player_event *event = player_note(player, PLAYER_SKIPPED, player->now_us, rendition);
    event->count = lost < UINT32_MAX ? (uint32_t)lost : UINT32_MAX;
    player_clock_leave_out(player, from, to);
}

void player_join_behind(struct player *player, struct player_rendition *rendition)
{
    const struct m3u8 *playlist = rendition->playlist;
    if (playlist->segment_count == 0) {
        return;
    }
    const struct m3u8_segment *segment = &playlist->segments[0];
    if (player_profile_of(player)->behind == PLAYER_BEHIND_JOIN) {
        int64_t into;
        segment = begin_segment(player, playlist, &into);
    }
    jump(player, rendition, segment);
}

void player_join_again(struct player *player, struct player_rendition *rendition)
{
    const struct m3u8 *playlist = rendition->playlist;
    if (playlist->segment_count == 0 || !rendition->joined) {
        return;
    }
    int64_t into;
    /* Old dates and numbers mean nothing any more; media goes on where it broke off. */
    player->origin_date_us = M3U8_NO_DATE;
    place(rendition, begin_segment(player, playlist, &into), rendition->next_us);
}
