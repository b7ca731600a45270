/* What the files of the player share among themselves; not for other folders.
 *
 * player.c        begin, end, what to do next, the calls that end a fetch
 * player_clock.c  the virtual playhead: start, stalls, holes, the end
 * player_start.c  whose turn it is at the start
 * player_connection.c  which connection a fetch goes over
 * player_media.c  segments with their keys and init sections
 * player_playlist.c  playlists: acceptance, reload times, what changed
 * player_join.c   where a rendition begins or goes on in a playlist
 * player_retry.c  what a failure leads to
 * player_variant.c   which variants and renditions are played */
#ifndef PLAYER_PLAYER_INSIDE_H
#define PLAYER_PLAYER_INSIDE_H

#include "player/player.h"

#define PLAYER_NEVER INT64_MAX

/* a + b where either may be PLAYER_NEVER. */
static inline int64_t player_later(int64_t a, int64_t b)
{
    return a == PLAYER_NEVER || b == PLAYER_NEVER ? PLAYER_NEVER : a + b;
}

static inline const struct player_profile *player_profile_of(const struct player *player)
{
    return player->config->profile;
}

static inline struct player_line *player_playlist_line(struct player_rendition *rendition)
{
    return &rendition->lines[0];
}

static inline uint32_t player_index_of(const struct player *player,
                                       const struct player_rendition *rendition)
{
    return (uint32_t)(rendition - player->renditions);
}

/* Notes an event of this rendition (NULL: of the session). */
struct player_event *player_note(struct player *player, enum player_happening what,
                                 int64_t at_us, const struct player_rendition *rendition);
void player_note_fault(struct player *player, const struct player_rendition *rendition,
                       enum fail fail, uint32_t count);

/* Marks the line as given out and fills what all fetches have in common. */
void player_give(struct player *player, struct player_rendition *rendition,
                 struct player_line *line, enum player_resource resource,
                 struct player_action *out);

/* ---- player_clock.c ---- */

/* Runs the playhead up to now_us. */
void player_clock_advance(struct player *player, int64_t now_us);

/* To be called when more is buffered or left out: starts, ends a stall, or ends the session. */
void player_clock_buffered(struct player *player);

/* The session is over at now_us of the player. */
void player_clock_over(struct player *player, enum fail fail);

/* When something happens by itself: a stall, a jump, the end, the viewer leaving. */
int64_t player_clock_wake(const struct player *player);

/* Media between the playhead and the playable end, what is left out not counted. */
int64_t player_clock_playable(const struct player *player);

/* The same up to another place than the playable end. */
int64_t player_clock_media(const struct player *player, int64_t end_us);

/* Media needed before playing starts or goes on. */
int64_t player_clock_threshold(const struct player *player);

/* Leaves out the media from start_us to end_us. */
void player_clock_leave_out(struct player *player, int64_t start_us, int64_t end_us);

/* ---- player_start.c: profiles with starts_in_turn; for others it is everybody's turn ---- */

/* May the rendition's first playlist be loaded? */
bool player_start_is_turn_of_playlist(const struct player *player,
                                      const struct player_rendition *rendition);

/* May the rendition's media be loaded? No sooner than there is a playlist. */
bool player_start_is_turn_of_media(const struct player *player,
                                   const struct player_rendition *rendition);

/* ---- player_connection.c ---- */

/* Fills in which connection the fetch goes over that was given out for the line of that number.
 */
void player_connection_choose(const struct player *player, uint32_t line,
                              struct player_action *out);

/* The first of the lines for media to be tried for the segment, counted from 1: those that have
 * connections of their own take turns. */
int player_connection_line(const struct player_profile *profile, uint64_t sequence);

/* ---- player_media.c ---- */

/* Gives out a fetch of media that is due; false when there is none. */
bool player_media_give(struct player *player, struct player_rendition *rendition,
                       struct player_action *out);

/* When player_media_give may have something, if nothing arrives before. */
int64_t player_media_wake(struct player *player, struct player_rendition *rendition);

void player_media_done(struct player *player, struct player_rendition *rendition,
                       struct player_line *line, uint64_t bytes);

/* Gives up the segment of the line. */
void player_media_skip(struct player *player, struct player_rendition *rendition,
                       struct player_line *line);

/* A key or init section is not in flight any more: who waited for it may go on. */
void player_media_release(struct player *player, uint64_t asset);

/* Works out anew what is buffered of the rendition. */
void player_media_settle(struct player *player, struct player_rendition *rendition);

/* Asked for at multiples of the profile's tick: the first such time not before at_us. */
int64_t player_media_tick(const struct player *player, int64_t at_us);

/* ---- player_playlist.c ---- */

bool player_playlist_give(struct player *player, struct player_rendition *rendition,
                          struct player_action *out);
int64_t player_playlist_wake(const struct player *player,
                             const struct player_rendition *rendition);

/* How long after a load that brought something new the next one comes. */
int64_t player_playlist_interval(const struct player *player,
                                 const struct player_rendition *rendition);

/* As player_on_playlist, for a media playlist; failures are the caller's to deal with. */
enum fail player_playlist_accept(struct player *player, struct player_rendition *rendition,
                                 struct m3u8 *playlist);

/* ---- player_join.c ---- */

/* Finds the place of every rendition that has a playlist and no place yet. */
void player_join(struct player *player);

/* The rendition's next segment has left the window: goes on where the profile says. */
void player_join_behind(struct player *player, struct player_rendition *rendition);

/* Begins anew in a playlist whose numbering began anew. */
void player_join_again(struct player *player, struct player_rendition *rendition);

/* ---- player_retry.c ---- */

/* Has what the line is for failed since something of its kind arrived? */
bool player_is_retrying(const struct player_line *line);

void player_retry(struct player *player, struct player_rendition *rendition,
                  struct player_line *line, enum fail fail, int64_t retry_after_us);

/* ---- player_variant.c ---- */

/* Sets up the renditions of the multivariant playlist just accepted. */
void player_variant_enter(struct player *player);

/* Goes to another variant because of trouble in this rendition; false when there is none. */
bool player_variant_switch(struct player *player, struct player_rendition *rendition);

/* The rendition is given up. Where nothing is left to play the session fails. */
void player_variant_drop(struct player *player, struct player_rendition *rendition,
                         enum fail fail);

#endif
