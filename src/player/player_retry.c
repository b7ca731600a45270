#include "player/player_inside.h"

#include <limits.h>
#include <string.h>

static bool is_timeout(enum fail fail)
{
    return fail == FAIL_DNS_TIMEOUT || fail == FAIL_CONNECT_TIMEOUT ||
           fail == FAIL_TLS_TIMEOUT || fail == FAIL_FIRST_BYTE_TIMEOUT ||
           fail == FAIL_BODY_TIMEOUT;
}

enum player_trouble player_trouble_of(enum fail fail)
{
    if (is_timeout(fail)) {
        return PLAYER_TROUBLE_TIMEOUT;
    }
    switch (fail) {
    case FAIL_STATUS_4XX:
    case FAIL_REDIRECT_LOOP:
    case FAIL_REDIRECT_INVALID:
        return PLAYER_TROUBLE_CLIENT;
    case FAIL_STATUS_5XX:
        return PLAYER_TROUBLE_SERVER;
    case FAIL_STATUS_UNEXPECTED:
    case FAIL_RANGE_IGNORED:
    case FAIL_ENCODING_UNKNOWN:
    case FAIL_BODY_TOO_LARGE:
        return PLAYER_TROUBLE_CONTENT;
    default:
        return fail_info(fail)->class == FAIL_CLASS_CONTENT ? PLAYER_TROUBLE_CONTENT
                                                            : PLAYER_TROUBLE_CONNECTION;
    }
}

bool player_is_retrying(const struct player_line *line)
{
    for (int i = 0; i < PLAYER_TROUBLE_COUNT; i++) {
        if (line->attempts[i] > 0) {
            return true;
        }
    }
    return false;
}

static int64_t delay_us(struct player *player, const struct player_retry *retry,
                        unsigned attempt)
{
    double delay = retry->first_ms;
    for (unsigned i = 0; i < attempt && delay < retry->cap_ms; i++) {
        delay = delay * retry->factor_pct / 100;
    }
    delay = delay > retry->cap_ms ? retry->cap_ms : delay;
    if (retry->jitter_pct > 0) {
        delay *= 1 + retry->jitter_pct / 100.0 * (2 * rng_unit(&player->rng) - 1);
    }
    return (int64_t)(delay * 1000);
}

static void retry_at(const struct player *player, struct player_line *line, int64_t delay)
{
    line->state = PLAYER_LINE_READY;
    line->due_us = player->now_us + delay;
    if (line->resource >= PLAYER_SEGMENT) {
        line->due_us = player_media_tick(player, line->due_us);
    }
}

static bool has_retry(const struct player *player, const struct player_rendition *rendition,
                      const struct player_line *line, const struct player_retry *retry,
                      unsigned attempt)
{
    const struct player_policy *policy = &player_profile_of(player)->policy[line->resource];
    const struct m3u8 *playlist = rendition->playlist;
    if (policy->first_must_come && playlist == NULL) {
        return false;
    }
    return retry->retries == PLAYER_RETRIES_ENDLESS || attempt < retry->retries ||
           (retry->endless_live && playlist != NULL && !m3u8_is_final(playlist));
}

/* Asks again with the next piece of media that is read, if there is one before playing comes to
 * the segment; after the first failure at once, since it may be the kept connection's. */
static bool retry_with_piece(const struct player *player,
                             const struct player_rendition *rendition, struct player_line *line,
                             bool is_first)
{
    if (line->deadline_us == PLAYER_NEVER || line->deadline_us <= player->now_us) {
        return false;
    }
    int64_t left = line->deadline_us - player->now_us;
    int64_t piece = rendition->piece_us < left ? rendition->piece_us : left;
    retry_at(player, line, is_first ? 0 : piece);
    return true;
}

void player_retry(struct player *player, struct player_rendition *rendition,
                  struct player_line *line, enum fail fail, int64_t retry_after_us)
{
    const struct player_profile *profile = player_profile_of(player);
    enum player_trouble trouble = player_trouble_of(fail);
    const struct player_retry *retry = &profile->policy[line->resource].retry[trouble];
    bool is_first = !player_is_retrying(line);
    unsigned attempt = line->attempts[trouble];
    if (line->attempts[trouble] < UINT8_MAX) {
        line->attempts[trouble]++;
    }
    player->fail = (uint8_t)fail;
    if (profile->piece_bytes > 0 && line->resource == PLAYER_SEGMENT) {
        if (retry_with_piece(player, rendition, line, is_first)) {
            return;
        }
        attempt = line->deadline_us == PLAYER_NEVER ? UINT_MAX : line->attempts_late++;
    }
    if (has_retry(player, rendition, line, retry, attempt)) {
        int64_t delay = retry->at_reload && rendition->playlist != NULL
                            ? player_playlist_interval(player, rendition)
                            : delay_us(player, retry, attempt);
        if (profile->honours_retry_after && retry_after_us > delay) {
            delay = retry_after_us;
        }
        retry_at(player, line, delay);
        return;
    }
    if (retry->then == PLAYER_THEN_SKIP) {
        memset(line->attempts, 0, sizeof(line->attempts));
        player_media_skip(player, rendition, line);
        return;
    }
    line->state = PLAYER_LINE_READY;
    line->due_us = PLAYER_NEVER;
    if (retry->then == PLAYER_THEN_SWITCH && player->entered &&
        player_variant_switch(player, rendition)) {
        return;
    }
    player_variant_drop(player, rendition, fail);
}
