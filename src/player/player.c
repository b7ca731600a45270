#include "player/player_inside.h"

#include <assert.h>
#include <string.h>

/* A token is the place of the line and a serial number: 2 bits line, 6 rendition, 24 serial. */
#define TOKEN_LINE_BITS      2
#define TOKEN_RENDITION_BITS 6

_Static_assert(PLAYER_LINES <= 1 << TOKEN_LINE_BITS, "a token names a line");
_Static_assert(PLAYER_RENDITIONS_MAX <= 1 << TOKEN_RENDITION_BITS, "a token names a rendition");

void player_config_init(struct player_config *config, const struct player_profile *profile,
                        struct span url)
{
    *config = (struct player_config){
        .profile = profile,
        .url = url,
        .variant_rule = PLAYER_VARIANT_FIRST,
        .live_offset_us = -1,
        .buffer_us = -1,
        .start_us = -1,
        .restart_us = -1,
    };
}

void player_init(struct player *player, struct player_rendition *renditions, uint32_t capacity,
                 struct player_event *events, const struct player_config *config,
                 const struct player_session *session)
{
    assert(capacity >= 1 && capacity <= PLAYER_RENDITIONS_MAX);
    *player = (struct player){
        .config = config,
        .renditions = renditions,
        .events = events,
        .rng = rng_make(session->seed, 0),
        .intended_us = session->intended_us,
        .leaves_us =
            session->length_us > 0 ? session->intended_us + session->length_us : PLAYER_NEVER,
        .now_us = session->intended_us,
        .origin_date_us = M3U8_NO_DATE,
        .capacity = (uint16_t)capacity,
        .count = 1,
        .state = PLAYER_STATE_STARTUP,
    };
    memset(&renditions[0], 0, sizeof(renditions[0]));
    renditions[0].alternate = M3U8_NONE;
    for (int i = 0; i < PLAYER_LINES; i++) {
        renditions[0].lines[i].due_us = PLAYER_NEVER;
    }
    renditions[0].lines[0].state = PLAYER_LINE_READY;
    renditions[0].lines[0].due_us = session->intended_us;
}

void player_fini(struct player *player)
{
    for (uint32_t i = 0; i < player->count; i++) {
        m3u8_unref(player->renditions[i].playlist);
        player->renditions[i].playlist = NULL;
    }
    m3u8_unref(player->multivariant);
    player->multivariant = NULL;
}

/* ---- Events ---- */

struct player_event *player_note(struct player *player, enum player_happening what,
                                 int64_t at_us, const struct player_rendition *rendition)
{
    assert(player->event_count < PLAYER_EVENTS);
    struct player_event *event = &player->events[player->event_count++];
    *event = (struct player_event){
        .what = what,
        .at_us = at_us,
        .count = 1,
        .rendition = rendition != NULL ? player_index_of(player, rendition) : 0,
    };
    return event;
}

void player_note_fault(struct player *player, const struct player_rendition *rendition,
                       enum fail fail, uint32_t count)
{
    struct player_event *event = player_note(player, PLAYER_FAULT, player->now_us, rendition);
    event->fail = fail;
    event->count = count;
}

bool player_event(struct player *player, struct player_event *out)
{
    if (player->event_next == player->event_count) {
        player->event_next = player->event_count = 0;
        return false;
    }
    *out = player->events[player->event_next++];
    return true;
}

/* ---- What to do next ---- */

void player_give(struct player *player, struct player_rendition *rendition,
                 struct player_line *line, enum player_resource resource,
                 struct player_action *out)
{
    const struct player_policy *policy = &player_profile_of(player)->policy[resource];
    uint32_t index = player_index_of(player, rendition);
    uint32_t attempt = 0;
    for (int i = 0; i < PLAYER_TROUBLE_COUNT; i++) {
        attempt += line->attempts[i];
    }
    line->state = PLAYER_LINE_IN_FLIGHT;
    line->resource = (uint8_t)resource;
    line->began_us = line->due_us;
    line->abandoned = false;
    line->serial = ++player->serial & 0xffffff;
    player->in_flight++;
    *out = (struct player_action){
        .what = PLAYER_FETCH,
        .token = line->serial << (TOKEN_LINE_BITS + TOKEN_RENDITION_BITS) |
                 index << TOKEN_LINE_BITS | (uint32_t)(line - rendition->lines),
        .resource = resource,
        .rendition = index,
        .variant = rendition->variant,
        .attempt = attempt,
        .keep = policy->keep,
        .accept_encoding = policy->accept_encoding != NULL
                               ? policy->accept_encoding
                               : player_profile_of(player)->accept_encoding,
        .intended_us = line->began_us,
        .connect_us = (int64_t)policy->connect_ms * 1000,
        .first_byte_us = (int64_t)policy->first_byte_ms * 1000,
        .total_us = (int64_t)policy->total_ms * 1000,
    };
}

static void answer_over(const struct player *player, struct player_action *out)
{
    *out = (struct player_action){.what = PLAYER_WAIT, .until_us = PLAYER_NEVER};
    if (player->in_flight == 0) {
        out->what = player->fail == FAIL_NONE ? PLAYER_ENDED : PLAYER_FAILED;
        out->fail = (enum fail)player->fail;
    }
}

static bool give_fetch(struct player *player, struct player_action *out)
{
    for (uint32_t i = 0; i < player->count && player->state != PLAYER_STATE_OVER; i++) {
        struct player_rendition *rendition = &player->renditions[i];
        if (!rendition->dropped && (player_playlist_give(player, rendition, out) ||
                                    player_media_give(player, rendition, out))) {
            player_connection_choose(player, out->token & ((1 << TOKEN_LINE_BITS) - 1), out);
            return true;
        }
    }
    return false;
}

static int64_t wake_us(struct player *player)
{
    int64_t until = player_clock_wake(player);
    for (uint32_t i = 0; i < player->count; i++) {
        struct player_rendition *rendition = &player->renditions[i];
        if (!rendition->dropped) {
            int64_t playlist = player_playlist_wake(player, rendition);
            int64_t media = player_media_wake(player, rendition);
            until = playlist < until ? playlist : until;
            until = media < until ? media : until;
        }
    }
    return until;
}

void player_next(struct player *player, int64_t now_us, struct player_action *out)
{
    player_clock_advance(player, now_us);
    /* Passing over segments moves the playhead, which can make another rendition want
     * something: then it is asked again. Each round passes over at least one segment. */
    for (int round = 0; !give_fetch(player, out); round++) {
        assert(round < 10000);
        if (player->state == PLAYER_STATE_OVER) {
            answer_over(player, out);
            return;
        }
        int64_t until = wake_us(player);
        if (until > player->now_us) {
            *out = (struct player_action){.what = PLAYER_WAIT, .until_us = until};
            return;
        }
    }
}

/* ---- A fetch has ended ---- */

static struct player_line *find_line(struct player *player, uint32_t token,
                                     struct player_rendition **ret_rendition)
{
    uint32_t index = token >> TOKEN_LINE_BITS & (PLAYER_RENDITIONS_MAX - 1);
    uint32_t number = token & ((1 << TOKEN_LINE_BITS) - 1);
    assert(index < player->count && number < PLAYER_LINES);
    struct player_rendition *rendition = &player->renditions[index];
    struct player_line *line = &rendition->lines[number];
    assert(line->state == PLAYER_LINE_IN_FLIGHT &&
           line->serial == token >> (TOKEN_LINE_BITS + TOKEN_RENDITION_BITS));
    *ret_rendition = rendition;
    return line;
}

/* Takes the line of a token back, which is then to be given a new state. */
static struct player_line *take_back(struct player *player, uint32_t token,
                                     struct player_rendition **ret_rendition)
{
    struct player_line *line = find_line(player, token, ret_rendition);
    player->in_flight--;
    line->state = PLAYER_LINE_IDLE;
    line->arriving = false;
    return line;
}

/* Nobody needs what it brought. Returns true when that is so. */
static bool is_moot(struct player *player, struct player_rendition *rendition,
                    struct player_line *line)
{
    bool over = player->state == PLAYER_STATE_OVER || rendition->dropped;
    if (!over && !line->abandoned) {
        return false;
    }
    line->due_us = PLAYER_NEVER;
    if (!over && line == &rendition->lines[0]) {
        line->state = PLAYER_LINE_READY;
        line->due_us = player->now_us;
    }
    uint64_t asset = line->asset;
    line->asset = 0;
    line->abandoned = false;
    player_media_release(player, asset);
    if (!over) {
        player_media_settle(player, rendition);
    }
    return true;
}

/* The playlist of the configured URL. */
static enum fail enter(struct player *player, struct m3u8 *playlist)
{
    if (playlist->kind == M3U8_MULTIVARIANT) {
        if (playlist->variant_count == 0) {
            return FAIL_PLAYLIST_INVALID;
        }
        player->multivariant = m3u8_ref(playlist);
        player->entered = true;
        player_variant_enter(player);
        return FAIL_NONE;
    }
    enum fail fail = player_playlist_accept(player, &player->renditions[0], playlist);
    player->entered = fail == FAIL_NONE;
    return fail;
}

enum fail player_on_playlist(struct player *player, uint32_t token, struct m3u8 *playlist,
                             int64_t now_us)
{
    player_clock_advance(player, now_us);
    struct player_rendition *rendition;
    struct player_line *line = take_back(player, token, &rendition);
    if (is_moot(player, rendition, line)) {
        return FAIL_NONE;
    }
    enum fail fail = player->entered ? player_playlist_accept(player, rendition, playlist)
                                     : enter(player, playlist);
    if (fail != FAIL_NONE) {
        player_retry(player, rendition, line, fail, 0);
    }
    return fail;
}

void player_on_first_bytes(struct player *player, uint32_t token)
{
    struct player_rendition *rendition;
    find_line(player, token, &rendition)->arriving = true;
}

void player_on_done(struct player *player, uint32_t token, uint64_t bytes, int64_t now_us)
{
    player_clock_advance(player, now_us);
    struct player_rendition *rendition;
    struct player_line *line = take_back(player, token, &rendition);
    if (!is_moot(player, rendition, line)) {
        player_media_done(player, rendition, line, bytes);
    }
}

void player_on_fail(struct player *player, uint32_t token, enum fail fail, int status,
                    int64_t retry_after_us, int64_t now_us)
{
    player_clock_advance(player, now_us);
    struct player_rendition *rendition;
    struct player_line *line = take_back(player, token, &rendition);
    /* 416: the playlist named bytes that the resource does not have. */
    if (status == 416) {
        player_note_fault(player, rendition, FAIL_BYTERANGE_MISSING, 1);
    }
    if (is_moot(player, rendition, line)) {
        return;
    }
    uint64_t asset = line->asset;
    line->asset = 0;
    player_retry(player, rendition, line, fail, retry_after_us);
    player_media_release(player, asset);
}

void player_leave(struct player *player, int64_t now_us)
{
    player_clock_advance(player, now_us);
    if (player->state != PLAYER_STATE_OVER) {
        player_clock_over(player, FAIL_NONE);
    }
}

void player_account(struct player *player, int64_t now_us, struct player_times *out)
{
    player_clock_advance(player, now_us);
    out->startup_us = player->times.startup_us - player->counted.startup_us;
    out->playing_us = player->times.playing_us - player->counted.playing_us;
    out->stalled_us = player->times.stalled_us - player->counted.stalled_us;
    player->counted = player->times;
}

int64_t player_buffered_us(const struct player *player)
{
    return player_clock_playable(player);
}
