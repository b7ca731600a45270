#include "engine/native/viewer.h"

#include "base/clock.h"
#include "base/url.h"
#include "engine/native/native_internal.h"
#include "media/sniff.h"
#include "stats/metrics.h"

/* STALLS_LONG, as its help text says. */
#define STALL_LONG_US 100000

static struct shoal_lane *lane_of(const struct viewer *viewer)
{
    return viewer->native->setup.lane;
}

static uint32_t variant_label(uint32_t variant)
{
    return variant < METRIC_VARIANTS_MAX ? variant : METRIC_VARIANT_OTHER;
}

/* Counts for this viewer alone, where such detail was asked for. */
static void count_own(const struct viewer *viewer, enum metric metric, uint64_t n)
{
    if (viewer->number < viewer->native->options->viewers_told) {
        metrics_add_at(lane_of(viewer), metric, viewer->number, n);
    }
}

/* ---- What the player tells ---- */

static void count_stall_end(struct shoal_lane *lane, int64_t length_us)
{
    metrics_add(lane, METRIC_STALLS_OVER, 1);
    metrics_record(lane, METRIC_STALL, length_us);
    if (length_us >= STALL_LONG_US) {
        metrics_add(lane, METRIC_STALLS_LONG, 1);
    }
}

static void count_event(struct viewer *viewer, const struct player_event *event)
{
    struct shoal_lane *lane = lane_of(viewer);
    switch (event->what) {
    case PLAYER_STARTED:
        viewer->played = true;
        metrics_add(lane, METRIC_SESSIONS_PLAYED, 1);
        metrics_record(lane, METRIC_STARTUP, event->value_us);
        break;
    case PLAYER_STALL_BEGAN:
        metrics_add(lane, METRIC_STALLS, 1);
        count_own(viewer, METRIC_VIEWER_STALLS, 1);
        break;
    case PLAYER_STALL_ENDED:
        count_stall_end(lane, event->value_us);
        break;
    case PLAYER_SEGMENT_IN_TIME:
        metrics_record(lane, METRIC_DEADLINE_SLACK, event->value_us);
        break;
    case PLAYER_SEGMENT_MISSED:
        metrics_add(lane, METRIC_DEADLINE_MISSED, 1);
        break;
    case PLAYER_EDGE_LATENCY:
        metrics_record(lane, METRIC_EDGE_LATENCY, event->value_us);
        break;
    case PLAYER_SKIPPED:
        metrics_add(lane, METRIC_SEGMENTS_SKIPPED, event->count);
        break;
    case PLAYER_GAP:
        metrics_add(lane, METRIC_SEGMENTS_GAP, event->count);
        break;
    case PLAYER_UNCHANGED:
        metrics_add(lane, METRIC_PLAYLISTS_UNCHANGED, 1);
        break;
    case PLAYER_SWITCHED:
        metrics_add(lane, METRIC_VARIANT_SWITCHES, 1);
        break;
    case PLAYER_FAULT:
        metrics_add_at(lane, METRIC_FAILURES, event->fail, event->count > 0 ? event->count : 1);
        count_own(viewer, METRIC_VIEWER_FAILURES, event->count > 0 ? event->count : 1);
        break;
    case PLAYER_OVER:
        break;
    }
}

static void count_times(struct viewer *viewer, const struct player_times *times)
{
    struct shoal_lane *lane = lane_of(viewer);
    metrics_add(lane, METRIC_STALL_TIME, (uint64_t)times->stalled_us);
    count_own(viewer, METRIC_VIEWER_STALL_TIME, (uint64_t)times->stalled_us);
    metrics_add(lane, METRIC_MEDIA_PLAYED, (uint64_t)times->playing_us);
    metrics_add(lane, METRIC_WATCHED_TIME,
                (uint64_t)(times->startup_us + times->playing_us + times->stalled_us));
}

static void drain_events(struct viewer *viewer)
{
    struct player_event event;
    while (player_event(&viewer->player, &event)) {
        count_event(viewer, &event);
    }
}

/* ---- The end of a session ---- */

static void end_session(struct viewer *viewer)
{
    struct native *native = viewer->native;
    struct shoal_lane *lane = lane_of(viewer);
    struct player_times times;
    player_account(&viewer->player, clock_monotonic_us(), &times);
    count_times(viewer, &times);
    drain_events(viewer);
    metrics_add(lane,
                viewer->outcome == ENGINE_SESSION_FAILED ? METRIC_SESSIONS_FAILED
                                                         : METRIC_SESSIONS_ENDED,
                1);
    if (!viewer->played) {
        metrics_add(lane, METRIC_SESSIONS_UNPLAYED, 1);
    }
    loop_timer_stop(native->setup.loop, &viewer->wake);
    loop_task_cancel(native->setup.loop, &viewer->over);
    net_client_close(&viewer->client);
    player_fini(&viewer->player);
    viewer->active = false;
    native->setup.listener->on_session_over(native->setup.listener, viewer->number,
                                            viewer->outcome);
}

static void on_over(struct loop_task *task)
{
    end_session(list_entry(task, struct viewer, over));
}

/* ---- Requests ---- */

static void step(struct viewer *viewer, int64_t now_us);

static struct viewer_fetch *take_fetch(struct viewer *viewer,
                                       const struct player_action *action);

static void give_fetch(struct viewer_fetch *fetch)
{
    list_remove(&fetch->node);
    pool_give(&fetch->viewer->native->fetches, fetch);
}

/* Counts a failure of a fetch for the viewer, and shows it to who keeps some of them. */
static void witness(const struct viewer *viewer, enum fail fail,
                    const struct fetch_result *result)
{
    const struct engine_setup *setup = &viewer->native->setup;
    count_own(viewer, METRIC_VIEWER_FAILURES, 1);
    if (setup->witness == NULL ||
        !setup->witness->wants(setup->witness, setup->worker, result->done_us)) {
        return;
    }
    const struct engine_failure failure = {
        .at_us = result->done_us,
        .viewer = viewer->number,
        .fail = fail,
        .status = result->status,
        .age_s = result->age_s,
        .url = result->url,
        .cache = result->cache,
        .address = result->address.family == AF_UNSPEC ? NULL : &result->address.sa,
    };
    setup->witness->take(setup->witness, setup->worker, &failure);
}

/* Counts a failure that is found here and not in the transport. */
static void count_failure(const struct viewer *viewer, enum fail fail,
                          const struct fetch_result *result)
{
    metrics_add_failure(lane_of(viewer), fail);
    witness(viewer, fail, result);
}

static enum fail parse_playlist(struct viewer_fetch *fetch, const struct fetch_result *result,
                                struct m3u8 **out)
{
    const struct m3u8_source source = {
        .text = result->body,
        .url = result->url,
        .multivariant = fetch->multivariant,
        .limit_text_bytes = NATIVE_PLAYLIST_LIMIT_BYTES,
    };
    switch (playlists_get(&fetch->viewer->native->playlists, &source, out)) {
    case M3U8_OK:
        return FAIL_NONE;
    case M3U8_NOT_PLAYLIST:
        return FAIL_NOT_PLAYLIST;
    case M3U8_INVALID:
        return FAIL_PLAYLIST_INVALID;
    case M3U8_TOO_LARGE:
        return FAIL_BODY_TOO_LARGE;
    case M3U8_NO_MEMORY:
        break;
    }
    return FAIL_MEMORY_SPENT;
}

/* A playlist arrived: parsed and given to the player. The player deals with the failures that
 * it finds itself; those found before it are given to it here. */
static void take_playlist(struct viewer_fetch *fetch, const struct fetch_result *result)
{
    struct viewer *viewer = fetch->viewer;
    struct shoal_lane *lane = lane_of(viewer);
    struct m3u8 *playlist;
    enum fail fail = parse_playlist(fetch, result, &playlist);
    if (fail != FAIL_NONE) {
        count_failure(viewer, fail, result);
        player_on_fail(&viewer->player, fetch->token, fail, result->status, 0, result->done_us);
        return;
    }
    fail = player_on_playlist(&viewer->player, fetch->token, playlist, result->done_us);
    if (fail == FAIL_NONE) {
        metrics_add(lane, METRIC_PLAYLISTS, 1);
        metrics_add(lane, METRIC_PLAYLIST_BYTES, result->body.len);
    } else {
        count_failure(viewer, fail, result);
    }
    m3u8_unref(playlist);
}

static void take_segment(struct viewer_fetch *fetch, const struct fetch_result *result)
{
    struct shoal_lane *lane = lane_of(fetch->viewer);
    uint32_t variant = variant_label(fetch->variant);
    metrics_add_at(lane, METRIC_SEGMENTS, variant, 1);
    metrics_add_at(lane, METRIC_SEGMENT_BYTES, variant, result->media_bytes);
    metrics_record(lane, METRIC_SEGMENT_DOWNLOAD, result->phases.total_us);
    count_own(fetch->viewer, METRIC_VIEWER_SEGMENTS, 1);
    count_own(fetch->viewer, METRIC_VIEWER_SEGMENT_BYTES, result->media_bytes);
    player_on_done(&fetch->viewer->player, fetch->token, result->media_bytes, result->done_us);
}

/* RFC 8216 section 4.3.2.4: a key file of AES-128 is 16 bytes; AES-256-GCM has 32. */
static void take_key(struct viewer_fetch *fetch, const struct fetch_result *result)
{
    struct viewer *viewer = fetch->viewer;
    if (result->body.len != 16 && result->body.len != 32) {
        count_failure(viewer, FAIL_KEY_INVALID, result);
        player_on_fail(&viewer->player, fetch->token, FAIL_KEY_INVALID, result->status, 0,
                       result->done_us);
        return;
    }
    metrics_add(lane_of(viewer), METRIC_KEYS, 1);
    player_on_done(&viewer->player, fetch->token, result->media_bytes, result->done_us);
}

static void take_result(struct viewer_fetch *fetch, const struct fetch_result *result)
{
    struct viewer *viewer = fetch->viewer;
    if (result->fail != FAIL_NONE) {
        if (result->check_failed) {
            metrics_add_failure(lane_of(viewer), result->fail);
        }
        witness(viewer, result->fail, result);
        player_on_fail(&viewer->player, fetch->token, result->fail, result->status,
                       result->retry_after_us > 0 ? result->retry_after_us : 0,
                       result->done_us);
        return;
    }
    switch ((enum player_resource)fetch->resource) {
    case PLAYER_SEGMENT:
        take_segment(fetch, result);
        break;
    case PLAYER_INIT_SECTION:
        metrics_add(lane_of(viewer), METRIC_INIT_SECTIONS, 1);
        player_on_done(&viewer->player, fetch->token, result->media_bytes, result->done_us);
        break;
    case PLAYER_KEY:
        take_key(fetch, result);
        break;
    default:
        take_playlist(fetch, result);
    }
}

static void on_fetch_done(struct fetch *done, const struct fetch_result *result)
{
    struct viewer_fetch *fetch = list_entry(done, struct viewer_fetch, fetch);
    struct viewer *viewer = fetch->viewer;
    take_result(fetch, result);
    give_fetch(fetch);
    drain_events(viewer);
    step(viewer, clock_monotonic_us());
}

static enum fail check_media(struct fetch *checked, struct span first_bytes)
{
    struct viewer_fetch *fetch = list_entry(checked, struct viewer_fetch, fetch);
    struct viewer *viewer = fetch->viewer;
    if (viewer->native->options->player.profile->ahead_on_first_bytes) {
        player_on_first_bytes(&viewer->player, fetch->token);
        /* Not from inside the check, which may start nothing. */
        loop_timer_start(viewer->native->setup.loop, &viewer->wake, clock_monotonic_us());
    }
    return sniff_is_media(first_bytes) ? FAIL_NONE : FAIL_NOT_MEDIA;
}

static const enum metric_kind kinds[PLAYER_RESOURCE_COUNT] = {
    [PLAYER_MULTIVARIANT] = METRIC_KIND_MULTIVARIANT,
    [PLAYER_MEDIA_PLAYLIST] = METRIC_KIND_MEDIA_PLAYLIST,
    [PLAYER_SEGMENT] = METRIC_KIND_SEGMENT,
    [PLAYER_INIT_SECTION] = METRIC_KIND_INIT_SECTION,
    [PLAYER_KEY] = METRIC_KIND_KEY,
};

static const uint64_t body_limits[PLAYER_RESOURCE_COUNT] = {
    [PLAYER_MULTIVARIANT] = NATIVE_PLAYLIST_LIMIT_BYTES,
    [PLAYER_MEDIA_PLAYLIST] = NATIVE_PLAYLIST_LIMIT_BYTES,
    [PLAYER_INIT_SECTION] = NATIVE_INIT_LIMIT_BYTES,
    [PLAYER_KEY] = NATIVE_KEY_LIMIT_BYTES,
};

static const enum fetch_keep keeps[] = {
    [PLAYER_KEEP] = FETCH_KEEP,
    [PLAYER_KEEP_GOOD] = FETCH_KEEP_GOOD,
    [PLAYER_KEEP_NOT] = FETCH_KEEP_NOT,
};

static void fill_request(const struct viewer *viewer, const struct player_action *action,
                         struct fetch_request *request)
{
    const struct player_profile *profile = viewer->native->options->player.profile;
    /* What the user set holds for every request (0: as the transport was told); the rest is the
     * profile's patience. */
    const struct net_options *told = &viewer->native->options->net;
    bool drains = action->resource == PLAYER_SEGMENT || action->resource == PLAYER_INIT_SECTION;
    *request = (struct fetch_request){
        .kind = kinds[action->resource],
        .sink = drains ? FETCH_DRAIN : FETCH_COLLECT,
        .keep = keeps[action->keep],
        .accept_encoding = action->accept_encoding != NULL ? action->accept_encoding : "",
        .has_range = action->range_length > 0,
        .range_first = action->range_offset,
        .range_last = action->range_length == M3U8_TO_THE_END
                          ? UINT64_MAX
                          : action->range_offset + action->range_length - 1,
        .body_limit = body_limits[action->resource],
        .connection = action->connection,
        .intended_us = action->intended_us,
        .connect_timeout_us = told->connect_timeout_us > 0 ? 0 : action->connect_us,
        .first_byte_timeout_us = action->first_byte_us,
        .total_timeout_us = told->total_timeout_us > 0 ? 0 : action->total_us,
    };
    /* A range from the first byte on that a player adds of its own may be ignored by the
     * server, unlike one that the playlist demands. */
    if (profile->range_always && !request->has_range) {
        request->has_range = request->range_optional = true;
        request->range_last = UINT64_MAX;
    }
}

/* Gives the fetch that could not be started back to the player as failed. */
static void refuse(struct viewer *viewer, uint32_t token, enum fail fail, int64_t now_us)
{
    player_on_fail(&viewer->player, token, fail, 0, 0, now_us);
    drain_events(viewer);
}

static struct viewer_fetch *take_fetch(struct viewer *viewer,
                                       const struct player_action *action)
{
    struct viewer_fetch *fetch = pool_take(&viewer->native->fetches);
    if (fetch == NULL) {
        return NULL;
    }
    *fetch = (struct viewer_fetch){
        .viewer = viewer,
        .multivariant = action->multivariant,
        .token = action->token,
        .variant = action->variant,
        .resource = (uint8_t)action->resource,
    };
    fetch_init(&fetch->fetch, on_fetch_done);
    list_append(&viewer->fetches, &fetch->node);
    return fetch;
}

static void start_fetch(struct viewer *viewer, const struct player_action *action,
                        int64_t now_us)
{
    struct shoal_lane *lane = lane_of(viewer);
    struct fetch_request request;
    fill_request(viewer, action, &request);
    char text[URL_MAX];
    request.url = action->reference;
    struct url url;
    if (action->playlist != NULL && (m3u8_resolve(action->playlist, action->reference, text,
                                                  sizeof text, &request.url) != 0 ||
                                     url_parse_http(request.url, &url) != 0)) {
        metrics_add_failure(lane, FAIL_PLAYLIST_INVALID);
        refuse(viewer, action->token, FAIL_PLAYLIST_INVALID, now_us);
        return;
    }
    if (action->attempt > 0) {
        metrics_add(lane, METRIC_RETRIES, 1);
    }
    struct viewer_fetch *fetch = take_fetch(viewer, action);
    if (fetch == NULL) {
        metrics_add_failure(lane, FAIL_MEMORY_SPENT);
        refuse(viewer, action->token, FAIL_MEMORY_SPENT, now_us);
        return;
    }
    if (action->resource == PLAYER_SEGMENT && !action->encrypted) {
        request.check = check_media;
    }
    enum fail fail = fetch_start(&viewer->client, &fetch->fetch, &request);
    if (fail != FAIL_NONE) {
        give_fetch(fetch);
        refuse(viewer, action->token, fail, now_us);
    }
}

/* Does what the player wants until it wants to wait. */
static void step(struct viewer *viewer, int64_t now_us)
{
    struct loop *loop = viewer->native->setup.loop;
    struct player_action action;
    for (;;) {
        player_next(&viewer->player, now_us, &action);
        drain_events(viewer);
        if (action.what != PLAYER_FETCH) {
            break;
        }
        start_fetch(viewer, &action, now_us);
    }
    if (action.what == PLAYER_WAIT) {
        if (action.until_us == INT64_MAX) {
            loop_timer_stop(loop, &viewer->wake);
        } else {
            loop_timer_start(loop, &viewer->wake, action.until_us);
        }
        return;
    }
    viewer->outcome =
        action.what == PLAYER_FAILED ? ENGINE_SESSION_FAILED : ENGINE_SESSION_ENDED;
    loop_timer_stop(loop, &viewer->wake);
    /* Not from inside the fetch or the start that led here. */
    loop_task_post(loop, &viewer->over);
}

static void on_wake(struct loop_timer *timer)
{
    struct viewer *viewer = list_entry(timer, struct viewer, wake);
    step(viewer, clock_monotonic_us());
}

/* ---- What the engine asks ---- */

void viewer_init(struct viewer *viewer, struct native *native, uint32_t number)
{
    viewer->native = native;
    viewer->number = number;
    list_init(&viewer->fetches);
    loop_timer_init(&viewer->wake, on_wake);
    loop_task_init(&viewer->over, on_over);
}

int viewer_start(struct viewer *viewer, const struct player_session *session)
{
    struct native *native = viewer->native;
    const struct native_options *options = native->options;
    const struct net_client_options client_options = {
        .connections = player_connections_most(options->player.profile, options->renditions),
        .bytes_per_s = options->viewer_rate_bps / 8,
        .user_agent = options->player.profile->user_agent,
    };
    viewer->active = true;
    viewer->played = false;
    viewer->outcome = ENGINE_SESSION_ENDED;
    metrics_add(lane_of(viewer), METRIC_SESSIONS_STARTED, 1);
    count_own(viewer, METRIC_VIEWER_SESSIONS, 1);
    net_client_open(&viewer->client, native->worker, &client_options);
    player_init(&viewer->player, viewer->renditions, options->renditions, native->events,
                &options->player, session);
    step(viewer, clock_monotonic_us());
    return 0;
}

void viewer_leave(struct viewer *viewer)
{
    if (viewer->active) {
        int64_t now_us = clock_monotonic_us();
        player_leave(&viewer->player, now_us);
        drain_events(viewer);
        step(viewer, now_us);
    }
}

void viewer_abort(struct viewer *viewer)
{
    if (!viewer->active) {
        return;
    }
    player_leave(&viewer->player, clock_monotonic_us());
    drain_events(viewer);
    list_for_each_safe (node, after, &viewer->fetches) {
        struct viewer_fetch *fetch = list_entry(node, struct viewer_fetch, node);
        fetch_cancel(&fetch->fetch);
        give_fetch(fetch);
    }
    end_session(viewer);
}

void viewer_account(struct viewer *viewer, int64_t now_us)
{
    if (!viewer->active) {
        return;
    }
    struct player_times times;
    player_account(&viewer->player, now_us, &times);
    count_times(viewer, &times);
    drain_events(viewer);
}
