#include "player/player_inside.h"

#include <string.h>

/* No more variants, and no more of their renditions, are looked through for what is to be
 * played at once: each is compared with those before it, and a playlist may list a hundred
 * thousand. */
#define LOOKED_AT 1024

static uint32_t looked_at(uint32_t count)
{
    return count < LOOKED_AT ? count : LOOKED_AT;
}

static bool has_own_playlist(const struct m3u8 *multivariant, uint32_t rendition)
{
    return rendition != M3U8_NONE && multivariant->renditions[rendition].uri.len > 0;
}

/* The audio rendition that is fetched beside the variant, or M3U8_NONE when its audio is inside
 * its own playlist. */
static uint32_t audio_of(const struct m3u8 *multivariant, uint32_t variant)
{
    const struct m3u8_variant *v = &multivariant->variants[variant];
    if (v->audio.len == 0) {
        return M3U8_NONE;
    }
    uint32_t audio = m3u8_rendition_pick(multivariant, M3U8_AUDIO, v->audio);
    if (!has_own_playlist(multivariant, audio) ||
        span_equal(multivariant->renditions[audio].uri, v->uri)) {
        return M3U8_NONE;
    }
    return audio;
}

/* ---- All variants: each playlist once ---- */

static bool is_first_with_uri(const struct m3u8 *multivariant, uint32_t variant)
{
    struct span uri = multivariant->variants[variant].uri;
    for (uint32_t i = 0; i < variant; i++) {
        if (span_equal(multivariant->variants[i].uri, uri)) {
            return false;
        }
    }
    return true;
}

/* An audio rendition of a group in use with a playlist that nothing before it has. */
static bool is_audio_to_play(const struct m3u8 *multivariant, uint32_t rendition)
{
    const struct m3u8_rendition *audio = &multivariant->renditions[rendition];
    if (audio->type != M3U8_AUDIO || audio->uri.len == 0) {
        return false;
    }
    bool used = false;
    for (uint32_t i = 0; i < looked_at(multivariant->variant_count); i++) {
        used = used || span_equal(multivariant->variants[i].audio, audio->group_id);
        if (span_equal(multivariant->variants[i].uri, audio->uri)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < rendition; i++) {
        if (multivariant->renditions[i].type == M3U8_AUDIO &&
            span_equal(multivariant->renditions[i].uri, audio->uri)) {
            return false;
        }
    }
    return used;
}

uint32_t player_renditions_needed(const struct player_config *config,
                                  const struct m3u8 *playlist)
{
    if (playlist->kind == M3U8_MEDIA) {
        return 1;
    }
    uint32_t needed = 0;
    bool audio = false;
    for (uint32_t i = 0; i < looked_at(playlist->variant_count); i++) {
        audio = audio || audio_of(playlist, i) != M3U8_NONE;
        needed += is_first_with_uri(playlist, i) ? 1 : 0;
    }
    if (config->variant_rule != PLAYER_VARIANT_ALL) {
        return audio ? 2 : 1;
    }
    for (uint32_t i = 0; i < looked_at(playlist->rendition_count); i++) {
        needed += is_audio_to_play(playlist, i) ? 1 : 0;
    }
    needed = needed > 0 ? needed : 1;
    return needed < PLAYER_RENDITIONS_MAX ? needed : PLAYER_RENDITIONS_MAX;
}

/* ---- Setting up ---- */

/* Adds a rendition whose playlist is to be fetched; NULL when there is no room. */
static struct player_rendition *add(struct player *player, uint32_t variant, uint32_t alternate)
{
    if (player->count >= player->capacity) {
        player_note_fault(player, NULL, FAIL_MEMORY_SPENT, 1);
        return NULL;
    }
    struct player_rendition *rendition = &player->renditions[player->count++];
    *rendition = (struct player_rendition){.variant = variant, .alternate = alternate};
    for (int i = 0; i < PLAYER_LINES; i++) {
        rendition->lines[i].due_us = PLAYER_NEVER;
    }
    rendition->lines[0].state = PLAYER_LINE_READY;
    rendition->lines[0].due_us = player->now_us;
    return rendition;
}

static uint32_t by_bandwidth(const struct m3u8 *multivariant, bool highest)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < multivariant->variant_count; i++) {
        uint64_t a = multivariant->variants[i].bandwidth_bps;
        uint64_t b = multivariant->variants[best].bandwidth_bps;
        if (highest ? a > b : a < b) {
            best = i;
        }
    }
    return best;
}

static uint32_t choose(struct player *player)
{
    const struct m3u8 *multivariant = player->multivariant;
    uint32_t last = multivariant->variant_count - 1;
    switch (player->config->variant_rule) {
    case PLAYER_VARIANT_HIGHEST:
        return by_bandwidth(multivariant, true);
    case PLAYER_VARIANT_LOWEST:
        return by_bandwidth(multivariant, false);
    case PLAYER_VARIANT_INDEX:
        return player->config->variant_index < last ? player->config->variant_index : last;
    case PLAYER_VARIANT_RANDOM:
        return (uint32_t)rng_below(&player->rng, multivariant->variant_count);
    case PLAYER_VARIANT_FIRST:
    case PLAYER_VARIANT_ALL:
        break;
    }
    return 0;
}

static void enter_all(struct player *player)
{
    const struct m3u8 *multivariant = player->multivariant;
    for (uint32_t i = 0; i < looked_at(multivariant->variant_count); i++) {
        if (is_first_with_uri(multivariant, i) && add(player, i, M3U8_NONE) == NULL) {
            return;
        }
    }
    for (uint32_t i = 0; i < looked_at(multivariant->rendition_count); i++) {
        if (is_audio_to_play(multivariant, i) && add(player, 0, i) == NULL) {
            return;
        }
    }
}

void player_variant_enter(struct player *player)
{
    player->count = 0;
    if (player->config->variant_rule == PLAYER_VARIANT_ALL) {
        enter_all(player);
        return;
    }
    uint32_t variant = choose(player);
    uint32_t audio = audio_of(player->multivariant, variant);
    add(player, variant, M3U8_NONE);
    if (audio != M3U8_NONE) {
        add(player, variant, audio);
    }
}

/* ---- Leaving a variant that is in trouble ---- */

/* hls.js goes down from the current variant by BANDWIDTH and round from the lowest to the
 * highest. Returns the first on that way that may be tried, or M3U8_NONE. */
static uint32_t next_variant(const struct player *player, uint32_t current, uint32_t not_audio)
{
    const struct m3u8 *multivariant = player->multivariant;
    uint64_t bps = multivariant->variants[current].bandwidth_bps;
    uint32_t best = M3U8_NONE;
    bool best_is_below = false;
    for (uint32_t i = 0; i < multivariant->variant_count && i < 64; i++) {
        const struct m3u8_variant *variant = &multivariant->variants[i];
        if (i == current || (player->troubled >> i & 1) != 0 ||
            (not_audio != M3U8_NONE && audio_of(multivariant, i) == not_audio)) {
            continue;
        }
        bool below = variant->bandwidth_bps <= bps;
        bool better = best == M3U8_NONE || (below && !best_is_below) ||
                      (below == best_is_below &&
                       variant->bandwidth_bps > multivariant->variants[best].bandwidth_bps);
        if (better) {
            best = i;
            best_is_below = below;
        }
    }
    return best;
}

/* Media that has not arrived is to be asked for anew; what is in flight of it is of no use any
 * more, since it could fail, or be the key of a segment with another number elsewhere. */
static void roll_back(struct player_rendition *rendition)
{
    for (int i = 1; i < PLAYER_LINES; i++) {
        struct player_line *line = &rendition->lines[i];
        bool wanted = line->state == PLAYER_LINE_READY ||
                      (line->state == PLAYER_LINE_IN_FLIGHT && !line->abandoned);
        if (wanted && line->position_us < rendition->next_us) {
            rendition->next_us = line->position_us;
            rendition->next_sequence = line->sequence;
        }
        if (line->state == PLAYER_LINE_IN_FLIGHT) {
            line->abandoned = true;
        } else {
            line->state = PLAYER_LINE_IDLE;
            line->due_us = PLAYER_NEVER;
        }
    }
}

/* The rendition goes on with another playlist from where it is. */
static void change_playlist(struct player *player, struct player_rendition *rendition,
                            uint32_t variant, uint32_t alternate)
{
    struct player_line *line = player_playlist_line(rendition);
    roll_back(rendition);
    rendition->variant = variant;
    rendition->alternate = alternate;
    rendition->aligned = false;
    rendition->complete = false;
    rendition->dropped = false;
    rendition->stale = false;
    rendition->regressed = 0;
    rendition->map_asset = 0;
    m3u8_unref(rendition->playlist);
    rendition->playlist = NULL;
    memset(line->attempts, 0, sizeof(line->attempts));
    if (line->state == PLAYER_LINE_IN_FLIGHT) {
        line->abandoned = true;
    } else {
        line->state = PLAYER_LINE_READY;
        line->due_us = player->now_us;
    }
}

/* Brings the audio beside the variant in line with it. */
static void change_audio(struct player *player, uint32_t variant)
{
    uint32_t audio = audio_of(player->multivariant, variant);
    struct player_rendition *rendition;
    if (player->count == 1) {
        const struct player_rendition *main = &player->renditions[0];
        if (audio != M3U8_NONE && (rendition = add(player, variant, audio)) != NULL) {
            rendition->next_us = rendition->end_us = rendition->edge_us = main->next_us;
            rendition->next_sequence = main->next_sequence;
            rendition->joined = main->joined;
        }
        return;
    }
    rendition = &player->renditions[1];
    if (audio == M3U8_NONE) {
        roll_back(rendition);
        rendition->dropped = true;
    } else if (audio != rendition->alternate || rendition->dropped) {
        if (rendition->dropped && rendition->next_us < player->renditions[0].next_us) {
            rendition->next_us = rendition->end_us = player->renditions[0].next_us;
            rendition->next_sequence = player->renditions[0].next_sequence;
        }
        change_playlist(player, rendition, variant, audio);
    } else {
        rendition->variant = variant;
    }
}

bool player_variant_switch(struct player *player, struct player_rendition *rendition)
{
    if (player->multivariant == NULL || player->config->variant_rule == PLAYER_VARIANT_ALL) {
        return false;
    }
    struct player_rendition *main = &player->renditions[0];
    if (main->variant < 64) {
        player->troubled |= UINT64_C(1) << main->variant;
    }
    uint32_t next = next_variant(player, main->variant, rendition->alternate);
    if (next == M3U8_NONE) {
        return false;
    }
    player_note(player, PLAYER_SWITCHED, player->now_us, main)->count = next;
    bool same = span_equal(player->multivariant->variants[next].uri,
                           player->multivariant->variants[main->variant].uri);
    if (same && rendition != main) {
        main->variant = next;
    } else {
        change_playlist(player, main, next, M3U8_NONE);
    }
    change_audio(player, next);
    return true;
}

void player_variant_drop(struct player *player, struct player_rendition *rendition,
                         enum fail fail)
{
    roll_back(rendition);
    rendition->lines[0].due_us = PLAYER_NEVER;
    rendition->dropped = true;
    bool left = false;
    for (uint32_t i = 0; i < player->count; i++) {
        left = left ||
               (!player->renditions[i].dropped && player->renditions[i].alternate == M3U8_NONE);
    }
    if (player->config->variant_rule != PLAYER_VARIANT_ALL || !left) {
        player_clock_over(player, fail);
        return;
    }
    player_join(player);
    player_clock_buffered(player);
}
