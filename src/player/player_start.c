#include "player/player_inside.h"

/* Where the multivariant playlist names the rendition. */
static uint32_t named_at(const struct player *player, const struct player_rendition *rendition)
{
    const struct m3u8 *multivariant = player->multivariant;
    if (multivariant == NULL) {
        return 0;
    }
    return rendition->alternate == M3U8_NONE
               ? multivariant->variants[rendition->variant].line
               : multivariant->renditions[rendition->alternate].line;
}

static bool is_in_turn(const struct player *player)
{
    return player_profile_of(player)->starts_in_turn && player->state == PLAYER_STATE_STARTUP &&
           player->count > 1;
}

/* Does the rendition have a first segment still to come? One that lists nothing to load keeps
 * nobody waiting. */
static bool is_beginning(const struct player_rendition *rendition)
{
    if (rendition->begun) {
        return false;
    }
    for (int i = 1; i < PLAYER_LINES; i++) {
        if (rendition->lines[i].state != PLAYER_LINE_IDLE) {
            return true;
        }
    }
    return rendition->aligned &&
           m3u8_segment_by_sequence(rendition->playlist, rendition->next_sequence) != NULL;
}

bool player_start_is_turn_of_playlist(const struct player *player,
                                      const struct player_rendition *rendition)
{
    if (!is_in_turn(player) || rendition->playlist != NULL) {
        return true;
    }
    for (uint32_t i = 0; i < player->count; i++) {
        const struct player_rendition *other = &player->renditions[i];
        if (!other->dropped && other->playlist == NULL &&
            named_at(player, other) < named_at(player, rendition)) {
            return false;
        }
    }
    return true;
}

bool player_start_is_turn_of_media(const struct player *player,
                                   const struct player_rendition *rendition)
{
    if (rendition->playlist == NULL) {
        return false;
    }
    for (uint32_t i = 0; is_in_turn(player) && i < player->count; i++) {
        const struct player_rendition *other = &player->renditions[i];
        if (other->dropped) {
            continue;
        }
        if (other->playlist == NULL ||
            (named_at(player, other) < named_at(player, rendition) && is_beginning(other))) {
            return false;
        }
    }
    return true;
}
