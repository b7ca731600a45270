#include "player/player_inside.h"

#include <string.h>

/* FNV-1a, never 0. */
static uint64_t identity_of(struct span text, uint64_t salt)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ rng_mix(salt);
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return hash == 0 ? 1 : hash;
}

/* Keys are shared by the renditions, whose playlists may lie in different folders. */
static uint64_t key_asset(const struct m3u8 *playlist, const struct m3u8_key *key)
{
    char url[URL_MAX];
    struct span resolved;
    if (m3u8_resolve(playlist, key->uri, url, sizeof(url), &resolved) != 0) {
        resolved = key->uri;
    }
    return identity_of(resolved, 0);
}

static uint64_t map_asset(const struct m3u8_map *map)
{
    return identity_of(map->uri, map->range.offset * 31 + map->range.length + 1);
}

static bool key_is_held(struct player *player, struct player_rendition *rendition,
                        uint64_t asset)
{
    if (rendition->key_asset == asset) {
        return true;
    }
    for (int i = 0; i < PLAYER_KEYS; i++) {
        if (player->keys[i] == asset) {
            rendition->key_asset = asset;
            return true;
        }
    }
    return false;
}

static void hold_key(struct player *player, struct player_rendition *rendition, uint64_t asset)
{
    memmove(&player->keys[1], &player->keys[0], sizeof(player->keys) - sizeof(player->keys[0]));
    player->keys[0] = asset;
    rendition->key_asset = asset;
}

/* Is the key or init section being fetched for somebody else? Keys serve all renditions. */
static bool in_flight_elsewhere(const struct player *player, uint64_t asset)
{
    for (uint32_t i = 0; i < player->count; i++) {
        for (int j = 1; j < PLAYER_LINES; j++) {
            const struct player_line *line = &player->renditions[i].lines[j];
            if (line->asset == asset && line->state == PLAYER_LINE_IN_FLIGHT) {
                return true;
            }
        }
    }
    return false;
}

void player_media_release(struct player *player, uint64_t asset)
{
    for (uint32_t i = 0; asset != 0 && i < player->count; i++) {
        for (int j = 1; j < PLAYER_LINES; j++) {
            struct player_line *line = &player->renditions[i].lines[j];
            if (line->asset == asset && line->state == PLAYER_LINE_READY &&
                line->due_us == PLAYER_NEVER) {
                line->due_us = player->now_us;
            }
        }
    }
}

int64_t player_media_tick(const struct player *player, int64_t at_us)
{
    int64_t tick = player_profile_of(player)->tick_us;
    if (tick <= 0 || at_us == PLAYER_NEVER) {
        return at_us;
    }
    int64_t since = at_us - player->intended_us;
    return player->intended_us + (since + tick - 1) / tick * tick;
}

void player_media_settle(struct player *player, struct player_rendition *rendition)
{
    int64_t end = rendition->next_us;
    bool busy = false;
    for (int i = 1; i < PLAYER_LINES; i++) {
        const struct player_line *line = &rendition->lines[i];
        if (line->state != PLAYER_LINE_IDLE && !line->abandoned) {
            busy = true;
            end = line->position_us < end ? line->position_us : end;
        }
    }
    rendition->end_us = end;
    const struct m3u8 *playlist = rendition->playlist;
    rendition->complete =
        !busy && rendition->aligned && playlist != NULL && m3u8_is_final(playlist) &&
        rendition->next_sequence >=
            playlist->media_sequence + playlist->skipped_segments + playlist->segment_count;
    player_clock_buffered(player);
}

/* PLAYER_SKIPPED or PLAYER_GAP; all of one call are one event, since a playlist may name any
 * number of them in any order. */
static void note_left_out(struct player *player, const struct player_rendition *rendition,
                          enum player_happening what, uint32_t count)
{
    for (uint32_t i = player->event_next; i < player->event_count; i++) {
        if (player->events[i].what == what) {
            player->events[i].count += count;
            return;
        }
    }
    player_note(player, what, player->now_us, rendition)->count = count;
}

void player_media_skip(struct player *player, struct player_rendition *rendition,
                       struct player_line *line)
{
    line->state = PLAYER_LINE_IDLE;
    line->due_us = PLAYER_NEVER;
    line->attempts_late = 0;
    rendition->begun = true;
    note_left_out(player, rendition, PLAYER_SKIPPED, 1);
    player_clock_leave_out(player, line->position_us, line->position_us + line->duration_us);
    player_media_settle(player, rendition);
}

/* ---- What to ask for ---- */

/* The buffer goal in µs of media. */
static int64_t goal_us(const struct player *player, const struct player_rendition *rendition)
{
    const struct player_profile *profile = player_profile_of(player);
    if (player->config->buffer_us >= 0) {
        return player->config->buffer_us;
    }
    if (profile->buffer_segments > 0) {
        const struct m3u8_segment *last =
            m3u8_segment_by_sequence(rendition->playlist, rendition->next_sequence - 1);
        int64_t each =
            last != NULL ? last->duration_us : rendition->playlist->target_duration_us;
        return each * (profile->buffer_segments - 1);
    }
    int64_t goal = profile->buffer_us;
    if (profile->buffer_bytes > 0 && player->multivariant != NULL &&
        rendition->variant < player->multivariant->variant_count) {
        double bps = (double)player->multivariant->variants[rendition->variant].bandwidth_bps;
        double grown = bps > 0 ? 8e6 * (double)profile->buffer_bytes / bps : 0;
        if (grown > (double)profile->buffer_limit_us) {
            grown = (double)profile->buffer_limit_us;
        }
        goal = grown > (double)goal ? (int64_t)grown : goal;
    }
    return goal;
}

/* Is this rendition too far ahead of the main one? */
static bool is_too_far_ahead(const struct player *player,
                             const struct player_rendition *rendition)
{
    const struct player_rendition *main = &player->renditions[0];
    int64_t targets = player_profile_of(player)->audio_ahead_targets;
    return targets > 0 && rendition->alternate != M3U8_NONE && main->alternate == M3U8_NONE &&
           !main->dropped && !main->complete &&
           rendition->next_us - main->next_us >
               targets * rendition->playlist->target_duration_us;
}

/* When the rendition wants its next segment: now or earlier, later, or PLAYER_NEVER when that
 * depends on what arrives. */
static int64_t wanted_us(const struct player *player, const struct player_rendition *rendition)
{
    if (!rendition->aligned || is_too_far_ahead(player, rendition)) {
        return PLAYER_NEVER;
    }
    int64_t goal = goal_us(player, rendition);
    int64_t ahead = player_clock_media(player, rendition->next_us);
    if (player->state != PLAYER_STATE_PLAYING) {
        int64_t threshold = player_clock_threshold(player);
        goal = threshold > goal ? threshold : goal;
        return ahead <= goal ? player->now_us : PLAYER_NEVER;
    }
    return goal == INT64_MAX || ahead <= goal ? player->now_us
                                              : player->now_us + (ahead - goal);
}

static void take_next(struct player_rendition *rendition, const struct m3u8_segment *segment)
{
    rendition->next_us += segment->duration_us;
    rendition->next_sequence++;
}

/* The next segment to be fetched; passes over those that must not or need not be loaded. NULL
 * when the playlist does not list one. */
static const struct m3u8_segment *next_segment(struct player *player,
                                               struct player_rendition *rendition)
{
    const struct m3u8_segment *segment;
    bool moved = false;
    while ((segment = m3u8_segment_by_sequence(rendition->playlist,
                                               rendition->next_sequence)) != NULL) {
        int64_t from = rendition->next_us;
        int64_t to = from + segment->duration_us;
        if ((segment->flags & M3U8_SEGMENT_GAP) != 0) {
            take_next(rendition, segment);
            note_left_out(player, rendition, PLAYER_GAP, 1);
            player_clock_leave_out(player, from, to);
        } else if (to <= player->playhead_us && from < player->playhead_us) {
            /* Another rendition was left out up to the playhead; this one is of no use there.
             */
            take_next(rendition, segment);
            note_left_out(player, rendition, PLAYER_SKIPPED, 1);
        } else {
            break;
        }
        moved = true;
    }
    if (moved) {
        player_media_settle(player, rendition);
    }
    return segment;
}

/* The line that takes the next segment, or NULL when none may. */
static struct player_line *idle_line(const struct player *player,
                                     struct player_rendition *rendition)
{
    const struct player_profile *profile = player_profile_of(player);
    int lines = profile->segments_in_flight;
    int first = player_connection_line(profile, rendition->next_sequence);
    struct player_line *idle = NULL;
    for (int i = 0; i < lines; i++) {
        struct player_line *line = &rendition->lines[1 + (first - 1 + i) % lines];
        if (line->state == PLAYER_LINE_IDLE) {
            idle = idle == NULL ? line : idle;
        } else if (profile->ahead_on_first_bytes && !line->arriving && !line->abandoned) {
            return NULL;
        }
    }
    return idle;
}

static void refill(struct player *player, struct player_rendition *rendition)
{
    struct player_line *line;
    while (player->state != PLAYER_STATE_OVER &&
           (line = idle_line(player, rendition)) != NULL) {
        if (wanted_us(player, rendition) > player->now_us) {
            return;
        }
        const struct m3u8_segment *segment = next_segment(player, rendition);
        if (segment == NULL || player->state == PLAYER_STATE_OVER) {
            return;
        }
        int64_t due = line->due_us < player->now_us ? line->due_us : player->now_us;
        line->due_us = due;
        line->deadline_us = PLAYER_NEVER;
        line->position_us = rendition->next_us;
        line->duration_us = segment->duration_us;
        line->sequence = segment->sequence;
        line->asset = 0;
        line->state = PLAYER_LINE_READY;
        if (player->state != PLAYER_STATE_STARTUP) {
            line->deadline_us = player->now_us + player_clock_media(player, rendition->next_us);
        }
        take_next(rendition, segment);
    }
}

/* ---- Giving out ---- */

static void give_from_playlist(struct player *player, struct player_rendition *rendition,
                               struct player_line *line, enum player_resource resource,
                               struct player_action *out)
{
    player_give(player, rendition, line, resource, out);
    out->playlist = rendition->playlist;
}

/* The key that must be fetched first, or NULL. */
static const struct m3u8_key *missing_key(struct player *player,
                                          struct player_rendition *rendition,
                                          uint32_t key_first, uint32_t key_count,
                                          uint64_t *ret_asset)
{
    const struct m3u8_key *key = m3u8_identity_key(rendition->playlist, key_first, key_count);
    if (key == NULL) {
        return NULL;
    }
    *ret_asset = key_asset(rendition->playlist, key);
    return key_is_held(player, rendition, *ret_asset) ? NULL : key;
}

/* Gives out the key or the init section that the segment needs first. Returns false when the
 * line has to wait for it since it is being fetched already. */
static bool give_asset(struct player *player, struct player_rendition *rendition,
                       struct player_line *line, const struct m3u8_key *key,
                       const struct m3u8_map *map, struct player_action *out)
{
    if (in_flight_elsewhere(player, line->asset)) {
        line->due_us = PLAYER_NEVER;
        return false;
    }
    uint64_t asset = line->asset;
    if (key != NULL) {
        give_from_playlist(player, rendition, line, PLAYER_KEY, out);
        out->reference = key->uri;
    } else {
        give_from_playlist(player, rendition, line, PLAYER_INIT_SECTION, out);
        out->reference = map->uri;
        out->range_offset = map->range.offset;
        out->range_length = map->range.length;
    }
    line->asset = asset;
    return true;
}

/* Whether the whole segment is encrypted. SAMPLE-AES and its like leave the container as it
 * is (rfc8216bis section 4.4.4.4). */
static bool is_encrypted(const struct m3u8 *playlist, const struct m3u8_segment *segment)
{
    for (uint32_t i = 0; i < segment->key_count; i++) {
        enum m3u8_method method = playlist->keys[segment->key_first + i].method;
        if (method == M3U8_METHOD_AES_128 || method == M3U8_METHOD_AES_256_GCM ||
            method == M3U8_METHOD_UNKNOWN) {
            return true;
        }
    }
    return false;
}

static bool give_line(struct player *player, struct player_rendition *rendition,
                      struct player_line *line, struct player_action *out)
{
    const struct m3u8 *playlist = rendition->playlist;
    const struct m3u8_segment *segment = m3u8_segment_by_sequence(playlist, line->sequence);
    if (segment == NULL) {
        player_media_skip(player, rendition, line);
        return false;
    }
    const struct m3u8_map *map = NULL;
    const struct m3u8_key *key = NULL;
    if (segment->map != M3U8_NONE &&
        map_asset(&playlist->maps[segment->map]) != rendition->map_asset) {
        map = &playlist->maps[segment->map];
        key = missing_key(player, rendition, map->key_first, map->key_count, &line->asset);
        if (key == NULL) {
            line->asset = map_asset(map);
        }
    } else {
        key = missing_key(player, rendition, segment->key_first, segment->key_count,
                          &line->asset);
    }
    if (key != NULL || map != NULL) {
        return give_asset(player, rendition, line, key, map, out);
    }
    line->asset = 0;
    give_from_playlist(player, rendition, line, PLAYER_SEGMENT, out);
    out->reference = segment->uri;
    out->duration_us = segment->duration_us;
    out->encrypted = is_encrypted(playlist, segment);
    if ((segment->flags & M3U8_SEGMENT_RANGE) != 0) {
        out->range_offset = segment->range.offset;
        out->range_length = segment->range.length;
    }
    return true;
}

bool player_media_give(struct player *player, struct player_rendition *rendition,
                       struct player_action *out)
{
    if (!player_start_is_turn_of_media(player, rendition)) {
        return false;
    }
    refill(player, rendition);
    for (int i = 1; i < PLAYER_LINES && player->state != PLAYER_STATE_OVER; i++) {
        struct player_line *line = &rendition->lines[i];
        if (line->state == PLAYER_LINE_READY && line->due_us <= player->now_us &&
            give_line(player, rendition, line, out)) {
            return true;
        }
    }
    return false;
}

int64_t player_media_wake(struct player *player, struct player_rendition *rendition)
{
    int64_t wake = PLAYER_NEVER;
    for (int i = 1; i < PLAYER_LINES; i++) {
        const struct player_line *line = &rendition->lines[i];
        if (line->state == PLAYER_LINE_READY && line->due_us < wake) {
            wake = line->due_us;
        }
    }
    struct player_line *idle =
        player_start_is_turn_of_media(player, rendition) ? idle_line(player, rendition) : NULL;
    if (idle == NULL) {
        return wake;
    }
    idle->due_us = PLAYER_NEVER;
    if (rendition->aligned &&
        m3u8_segment_by_sequence(rendition->playlist, rendition->next_sequence) != NULL) {
        idle->due_us = player_media_tick(player, wanted_us(player, rendition));
    }
    return idle->due_us < wake ? idle->due_us : wake;
}

static int64_t piece_us(const struct player *player, const struct player_line *line,
                        uint64_t bytes)
{
    uint64_t piece = player_profile_of(player)->piece_bytes;
    return piece < bytes ? (int64_t)((double)line->duration_us * (double)piece / (double)bytes)
                         : line->duration_us;
}

void player_media_done(struct player *player, struct player_rendition *rendition,
                       struct player_line *line, uint64_t bytes)
{
    uint64_t asset = line->asset;
    memset(line->attempts, 0, sizeof(line->attempts));
    if (line->resource != PLAYER_SEGMENT) {
        line->state = PLAYER_LINE_READY;
        line->due_us = player->now_us;
        line->asset = 0;
        if (line->resource == PLAYER_KEY) {
            hold_key(player, rendition, asset);
        } else {
            rendition->map_asset = asset;
        }
        player_media_release(player, asset);
        return;
    }
    line->state = PLAYER_LINE_IDLE;
    line->due_us = PLAYER_NEVER;
    line->attempts_late = 0;
    rendition->begun = true;
    rendition->piece_us = piece_us(player, line, bytes);
    if (rendition->variant < 64) {
        player->troubled &= ~(UINT64_C(1) << rendition->variant);
    }
    if (line->deadline_us != PLAYER_NEVER && player->state != PLAYER_STATE_OVER) {
        int64_t slack = line->deadline_us - player->now_us;
        struct player_event *event =
            player_note(player, slack >= 0 ? PLAYER_SEGMENT_IN_TIME : PLAYER_SEGMENT_MISSED,
                        player->now_us, rendition);
        event->value_us = slack >= 0 ? slack : -slack;
    }
    player_media_settle(player, rendition);
}
