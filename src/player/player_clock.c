#include "player/player_inside.h"

/* Where playing must stop: the least end over the renditions that wait for more. Where none
 * does, *ret_whole is true and it is the end of the stream. */
static int64_t playable_end(const struct player *player, bool *ret_whole)
{
    int64_t least = INT64_MAX;
    int64_t greatest = player->playhead_us;
    bool whole = player->count > 0;
    for (uint32_t i = 0; i < player->count; i++) {
        const struct player_rendition *rendition = &player->renditions[i];
        if (rendition->dropped) {
            continue;
        }
        if (!rendition->complete) {
            int64_t end = rendition->joined ? rendition->end_us : player->playhead_us;
            whole = false;
            least = end < least ? end : least;
        } else if (rendition->end_us > greatest) {
            greatest = rendition->end_us;
        }
    }
    *ret_whole = whole;
    return whole ? greatest : least;
}

/* The hole that comes next at or after the playhead, or NULL. */
static struct player_hole *next_hole(struct player *player)
{
    struct player_hole *next = NULL;
    for (int i = 0; i < PLAYER_HOLES; i++) {
        struct player_hole *hole = &player->holes[i];
        if (hole->start_us < hole->end_us && hole->end_us > player->playhead_us &&
            (next == NULL || hole->start_us < next->start_us)) {
            next = hole;
        }
    }
    return next;
}

static void jump_holes(struct player *player)
{
    struct player_hole *hole;
    while (player->joined && (hole = next_hole(player)) != NULL &&
           hole->start_us <= player->playhead_us) {
        player->playhead_us = hole->end_us;
        *hole = (struct player_hole){0, 0};
    }
}

void player_clock_leave_out(struct player *player, int64_t start_us, int64_t end_us)
{
    if (end_us <= start_us) {
        return;
    }
    struct player_hole *spare = NULL;
    for (int i = 0; i < PLAYER_HOLES; i++) {
        struct player_hole *hole = &player->holes[i];
        if (hole->start_us >= hole->end_us || hole->end_us <= player->playhead_us) {
            spare = hole;
        } else if (start_us <= hole->end_us && end_us >= hole->start_us) {
            hole->start_us = start_us < hole->start_us ? start_us : hole->start_us;
            hole->end_us = end_us > hole->end_us ? end_us : hole->end_us;
            jump_holes(player);
            return;
        }
    }
    /* With no room left the playhead runs through the hole as if there were something. */
    if (spare != NULL) {
        *spare = (struct player_hole){start_us, end_us};
    }
    jump_holes(player);
}

int64_t player_clock_playable(const struct player *player)
{
    bool whole;
    return player_clock_media(player, playable_end(player, &whole));
}

int64_t player_clock_media(const struct player *player, int64_t end_us)
{
    int64_t media = end_us - player->playhead_us;
    for (int i = 0; i < PLAYER_HOLES; i++) {
        int64_t from = player->holes[i].start_us;
        int64_t to = player->holes[i].end_us;
        from = from < player->playhead_us ? player->playhead_us : from;
        to = to > end_us ? end_us : to;
        media -= to > from ? to - from : 0;
    }
    return media > 0 ? media : 0;
}

int64_t player_clock_threshold(const struct player *player)
{
    const struct player_config *config = player->config;
    if (player->state == PLAYER_STATE_STARTUP) {
        return config->start_us >= 0 ? config->start_us : config->profile->start_us;
    }
    return config->restart_us >= 0 ? config->restart_us : config->profile->restart_us;
}

void player_clock_over(struct player *player, enum fail fail)
{
    if (player->state == PLAYER_STATE_STALLED) {
        struct player_event *ended =
            player_note(player, PLAYER_STALL_ENDED, player->now_us, NULL);
        ended->value_us = player->now_us - player->stall_us;
    }
    player->state = PLAYER_STATE_OVER;
    player->fail = (uint8_t)fail;
    player_note(player, PLAYER_OVER, player->now_us, NULL)->fail = fail;
}

static void stall(struct player *player)
{
    player->state = PLAYER_STATE_STALLED;
    player->stall_us = player->now_us;
    player_note(player, PLAYER_STALL_BEGAN, player->now_us, NULL);
}

/* Plays on for at most passed_us, up to the next hole or the playable end. */
static void play(struct player *player, int64_t passed_us)
{
    bool whole;
    int64_t stop = playable_end(player, &whole);
    const struct player_hole *hole = next_hole(player);
    if (hole != NULL && hole->start_us < stop) {
        stop = hole->start_us;
    }
    if (stop <= player->playhead_us) {
        if (whole) {
            player_clock_over(player, FAIL_NONE);
        } else {
            stall(player);
        }
        return;
    }
    int64_t left = stop - player->playhead_us;
    passed_us = passed_us < left ? passed_us : left;
    player->playhead_us += passed_us;
    player->now_us += passed_us;
    player->times.playing_us += passed_us;
    jump_holes(player);
}

void player_clock_advance(struct player *player, int64_t now_us)
{
    int64_t until = now_us < player->leaves_us ? now_us : player->leaves_us;
    while (player->state != PLAYER_STATE_OVER && player->now_us < until) {
        int64_t passed = until - player->now_us;
        if (player->state == PLAYER_STATE_PLAYING) {
            play(player, passed);
        } else {
            int64_t *time = player->state == PLAYER_STATE_STARTUP ? &player->times.startup_us
                                                                  : &player->times.stalled_us;
            *time += passed;
            player->now_us = until;
        }
    }
    if (player->state == PLAYER_STATE_PLAYING) {
        bool whole;
        if (playable_end(player, &whole) <= player->playhead_us && whole) {
            player_clock_over(player, FAIL_NONE);
        }
    }
    if (player->state != PLAYER_STATE_OVER && now_us >= player->leaves_us) {
        player_clock_over(player, FAIL_NONE);
    }
    if (now_us > player->now_us) {
        player->now_us = now_us;
    }
}

void player_clock_buffered(struct player *player)
{
    if (player->state == PLAYER_STATE_OVER) {
        return;
    }
    bool whole;
    playable_end(player, &whole);
    int64_t playable = player_clock_playable(player);
    bool ready = playable > 0 && (whole || playable >= player_clock_threshold(player));
    if (player->state == PLAYER_STATE_STARTUP && ready) {
        player->state = PLAYER_STATE_PLAYING;
        player_note(player, PLAYER_STARTED, player->now_us, NULL)->value_us =
            player->now_us - player->intended_us;
    } else if (player->state == PLAYER_STATE_STALLED && (ready || whole)) {
        player->state = PLAYER_STATE_PLAYING;
        player_note(player, PLAYER_STALL_ENDED, player->now_us, NULL)->value_us =
            player->now_us - player->stall_us;
    } else if (player->state == PLAYER_STATE_STARTUP && whole) {
        /* The stream has ended and there was nothing in it to play. Were this no failure, a
         * viewer that is replaced at its end would ask for it again without a pause. */
        if (player->fail == FAIL_NONE) {
            player->fail = FAIL_PLAYLIST_INVALID;
            player_note_fault(player, NULL, FAIL_PLAYLIST_INVALID, 1);
        }
        player_clock_over(player, (enum fail)player->fail);
        return;
    }
    if (whole && (playable == 0 || player_profile_of(player)->ends_with_last_byte)) {
        player_clock_over(player, FAIL_NONE);
    }
}

int64_t player_clock_wake(const struct player *player)
{
    int64_t wake = player->leaves_us;
    if (player->state != PLAYER_STATE_PLAYING) {
        return wake;
    }
    bool whole;
    playable_end(player, &whole);
    /* A stall begins only when time passes with nothing to play. */
    int64_t stops = player->now_us + player_clock_playable(player) + (whole ? 0 : 1);
    return stops < wake ? stops : wake;
}
