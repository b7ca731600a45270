#include "player/player_inside.h"

/* Numbers of connections, where the profile tells them apart; 0 is any. */
enum { CLOSED_AGAIN, OF_PLAYLISTS, OF_MEDIA };

_Static_assert(OF_MEDIA + PLAYER_RENDITIONS_MAX * PLAYER_LINES_MEDIA <= UINT8_MAX,
               "a number fits its field");

uint32_t player_connections_most(const struct player_profile *profile, uint32_t renditions)
{
    /* Beside those kept, an init section or a key for each line. */
    uint32_t most = 1 + renditions * 2 * PLAYER_LINES_MEDIA;
    most = most < UINT8_MAX ? most : UINT8_MAX;
    return profile->connections_apart ? most : profile->connections;
}

uint32_t player_connections_kept(const struct player_profile *profile, uint32_t renditions,
                                 bool is_live)
{
    return profile->connections_apart
               ? renditions * profile->segments_in_flight + (is_live ? 1 : 0)
               : 1;
}

void player_connection_choose(const struct player *player, uint32_t line,
                              struct player_action *out)
{
    if (!player_profile_of(player)->connections_apart) {
        return;
    }
    if (out->resource == PLAYER_MEDIA_PLAYLIST) {
        out->connection = OF_PLAYLISTS;
    } else if (out->resource == PLAYER_SEGMENT && !out->encrypted) {
        out->connection = (uint8_t)(OF_MEDIA + out->rendition * PLAYER_LINES_MEDIA + line - 1);
    } else {
        out->connection = CLOSED_AGAIN;
        out->keep = PLAYER_KEEP_NOT;
    }
}

int player_connection_line(const struct player_profile *profile, uint64_t sequence)
{
    return profile->connections_apart ? 1 + (int)(sequence % profile->segments_in_flight) : 1;
}
