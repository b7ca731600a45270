#include "world.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- The stream ---- */

static int64_t duration_of(const struct sim_stream *stream, const struct sim *sim,
                           uint32_t track, uint32_t number)
{
    (void)stream;
    return sim->starts[track][number + 1] - sim->starts[track][number];
}

static void lay_out(struct sim *sim)
{
    const struct sim_stream *stream = &sim->stream;
    struct rng rng = rng_make(4711, 1);
    for (int track = 0; track < 2; track++) {
        int64_t each = track == 1 && stream->audio_segment_us > 0 ? stream->audio_segment_us
                                                                  : stream->segment_us;
        sim->starts[track] = calloc(stream->segments + 1, sizeof(int64_t));
        assert_non_null(sim->starts[track]);
        for (uint32_t i = 0; i < stream->segments; i++) {
            int64_t wobble = 0;
            if (stream->wobble_us > 0) {
                wobble = (int64_t)rng_below(&rng, (uint64_t)(2 * stream->wobble_us)) -
                         stream->wobble_us;
                wobble -= wobble % 1000;
            }
            sim->starts[track][i + 1] = sim->starts[track][i] + each + wobble;
        }
    }
}

/* How many segments of the track are published at that time. */
static uint32_t published(const struct sim *sim, uint32_t track, int64_t at_us)
{
    const struct sim_stream *stream = &sim->stream;
    if (!stream->live) {
        return stream->segments;
    }
    int64_t epoch = sim->starts[0][stream->live_before];
    uint32_t low = 0;
    uint32_t high = stream->segments;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (sim->starts[track][middle] - epoch <= at_us) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

static bool is_gap(const struct sim_stream *stream, uint32_t track, uint32_t i)
{
    if (stream->gap_most) {
        return track == 0 ? i % 2 == 0 : i + 1 < stream->segments;
    }
    return stream->gap_at > 0 && i == stream->gap_at;
}

static void write_segment(const struct sim *sim, struct buf *text, uint32_t track, uint32_t i,
                          bool odd)
{
    const struct sim_stream *stream = &sim->stream;
    int64_t duration = duration_of(stream, sim, track, i);
    if (stream->discontinuity_at > 0 && i == stream->discontinuity_at) {
        buf_append_string(text, "#EXT-X-DISCONTINUITY\n");
    }
    if (is_gap(stream, track, i)) {
        buf_append_string(text, "#EXT-X-GAP\n");
    }
    if (stream->dates) {
        int64_t ms = sim->starts[track][i] / 1000;
        buf_printf(text, "#EXT-X-PROGRAM-DATE-TIME:2026-01-%02d%s%02d:%02d:%02d.%03dZ\n",
                   (int)(1 + ms / 86400000), "T", (int)(ms / 3600000 % 24),
                   (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    }
    buf_printf(text, "#EXTINF:%d.%06d,\n", (int)(duration / S), (int)(duration % S));
    if (stream->ranges) {
        buf_printf(text, "#EXT-X-BYTERANGE:1000@%u\nall.ts?n=%u\n", i * 1000, i);
    } else {
        buf_printf(text, "%s%u.ts\n", odd && stream->odd_uris ? "other/seg" : "seg", i);
    }
}

/* The keys and init sections in force from segment i on. */
static void write_state(const struct sim_stream *stream, struct buf *text, uint32_t i,
                        bool is_first)
{
    bool changes = stream->discontinuity_at > 0 && i == stream->discontinuity_at;
    if (stream->key_each > 0 && (is_first || i % stream->key_each == 0)) {
        buf_printf(text, "#EXT-X-KEY:METHOD=AES-128,URI=\"../key%u.bin\"\n",
                   i / stream->key_each);
    }
    if (stream->map && (is_first || changes)) {
        bool second = stream->discontinuity_at > 0 && i >= stream->discontinuity_at;
        buf_printf(text, "#EXT-X-MAP:URI=\"init%d.mp4\"\n", second ? 1 : 0);
    }
}

static void write_media(const struct sim *sim, struct buf *text, uint32_t track, int64_t at_us)
{
    const struct sim_stream *stream = &sim->stream;
    bool odd = at_us >= stream->odd_from_us && at_us < stream->odd_to_us;
    int64_t as_of = odd && stream->odd_frozen ? stream->odd_from_us : at_us;
    as_of -= odd ? stream->odd_back_us : 0;
    bool ended = stream->live && stream->ends_us > 0 && at_us >= stream->ends_us;
    uint32_t end = published(sim, track, ended ? stream->ends_us : as_of);
    uint32_t first =
        stream->live && stream->window > 0 && end > stream->window ? end - stream->window : 0;
    int64_t target = (stream->segment_us + stream->wobble_us + S - 1) / S;
    target = stream->target_s > 0 ? stream->target_s : target;
    target = odd && stream->odd_target_s > 0 ? stream->odd_target_s : target;
    int64_t sequence = (int64_t)first + (odd ? stream->odd_sequence : 0);
    bool passed = stream->discontinuity_at > 0 && first > stream->discontinuity_at;
    int64_t discontinuity = 10 + (passed ? 1 : 0) + (odd ? stream->odd_discontinuity : 0);
    buf_printf(text,
               "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n"
               "#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n%s",
               stream->version > 0 ? stream->version : 7, (int)target, (int)sequence,
               (int)discontinuity, stream->tags != NULL ? stream->tags : "");
    for (uint32_t i = first; i < end; i++) {
        write_state(stream, text, i, i == first);
        write_segment(sim, text, track, i, odd);
    }
    if (!stream->live || ended) {
        buf_append_string(text, "#EXT-X-ENDLIST\n");
    }
}

static void write_multivariant(const struct sim *sim, struct buf *text)
{
    const struct sim_stream *stream = &sim->stream;
    buf_printf(text, "#EXTM3U\n%s", stream->main_tags != NULL ? stream->main_tags : "");
    if (stream->audio) {
        buf_append_string(text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"main\","
                                "DEFAULT=YES,URI=\"audio/list.m3u8\"\n");
    }
    uint32_t variants = stream->variants > 0 ? stream->variants : 1;
    for (uint32_t i = 0; i < variants; i++) {
        if ((stream->audio_groups >> i & 1) != 0) {
            buf_printf(text,
                       "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g%u\",NAME=\"main\","
                       "URI=\"audio%u/list.m3u8\"\n",
                       i, i);
        }
    }
    for (uint32_t i = 0; i < variants; i++) {
        buf_printf(text, "#EXT-X-STREAM-INF:BANDWIDTH=%u%s", (i + 1) * 1000000,
                   stream->audio ? ",AUDIO=\"a\"" : "");
        if ((stream->audio_groups >> i & 1) != 0) {
            buf_printf(text, ",AUDIO=\"g%u\"", i);
        }
        buf_printf(text, "\nv%u/list.m3u8\n", i);
    }
}

static struct m3u8 *make_playlist(const struct sim *sim, const struct player_action *action)
{
    struct buf text;
    char url[URL_MAX];
    struct span resolved = action->reference;
    buf_init(&text, 64 << 20);
    bool audio = sim->renditions[action->rendition].alternate != M3U8_NONE;
    if (action->resource == PLAYER_MULTIVARIANT && !sim->stream.media_only) {
        write_multivariant(sim, &text);
    } else {
        write_media(sim, &text, audio ? 1 : 0, sim->now_us);
    }
    if (action->playlist != NULL) {
        assert_int_equal(
            m3u8_resolve(action->playlist, action->reference, url, sizeof(url), &resolved), 0);
    }
    struct m3u8 *playlist = NULL;
    struct m3u8_source source = {
        .text = buf_span(&text), .url = resolved, .multivariant = action->multivariant};
    assert_int_equal(m3u8_parse(&source, &playlist), M3U8_OK);
    buf_release(&text);
    return playlist;
}

/* The number in "seg12.ts", "key3.bin", "all.ts?n=7". */
static int64_t number_in(struct span uri)
{
    size_t digits = span_find(uri, '=') < uri.len ? span_find(uri, '=') : 0;
    if (digits == 0 && span_starts_with(uri, SPAN("../"))) {
        digits = 3;
    }
    while (digits < uri.len && (uri.ptr[digits] < '0' || uri.ptr[digits] > '9')) {
        digits++;
    }
    int64_t number = 0;
    while (digits < uri.len && uri.ptr[digits] >= '0' && uri.ptr[digits] <= '9') {
        number = number * 10 + (uri.ptr[digits++] - '0');
    }
    return number;
}

/* ---- The network ---- */

static void decide_failure(struct sim *sim, struct sim_request *request)
{
    const struct sim_network *network = &sim->network;
    for (int i = 0; i < SIM_OUTAGES; i++) {
        const struct sim_outage *outage = &network->outages[i];
        if (request->began_us >= outage->from_us && request->began_us < outage->to_us &&
            (outage->resources >> request->resource & 1) != 0 &&
            (outage->variant < 0 || (uint32_t)outage->variant == request->variant) &&
            (outage->sequence < 0 || outage->sequence == request->sequence) &&
            (outage->rendition == 0 || outage->rendition == request->rendition + 1)) {
            request->fail = outage->fail;
            request->status = outage->status;
            request->retry_after_us = outage->retry_after_us;
        }
    }
    static const enum fail kinds[] = {
        FAIL_STATUS_5XX,     FAIL_STATUS_4XX, FAIL_CONNECT_REFUSED, FAIL_FIRST_BYTE_TIMEOUT,
        FAIL_BODY_TRUNCATED, FAIL_NOT_MEDIA,  FAIL_BODY_RESET,      FAIL_DNS_NOT_FOUND};
    if (network->loss > 0 && rng_unit(&sim->rng) < network->loss) {
        request->fail = kinds[rng_below(&sim->rng, sizeof(kinds) / sizeof(kinds[0]))];
    }
}

static int64_t up_to(struct rng *rng, int64_t most)
{
    return most > 0 ? (int64_t)rng_below(rng, (uint64_t)most + 1) : 0;
}

static void start_fetch(struct sim *sim, const struct player_action *action)
{
    const struct sim_network *network = &sim->network;
    assert_true(sim->requests < SIM_REQUESTS);
    uint32_t left = sim->in_flight;
    for (uint32_t i = sim->requests; i-- > 0 && left > 0;) {
        left -= sim->log[i].ended_us < 0 ? 1 : 0;
        assert_false(sim->log[i].ended_us < 0 && sim->log[i].token == action->token);
    }
    assert_true(action->intended_us <= sim->now_us);
    assert_true(action->intended_us >= sim->intended_us);
    struct sim_request *request = &sim->log[sim->requests++];
    *request = (struct sim_request){
        .began_us = sim->now_us,
        .ended_us = -1,
        .intended_us = action->intended_us,
        .resource = action->resource,
        .rendition = action->rendition,
        .variant = action->variant,
        .attempt = action->attempt,
        .keep = action->keep,
        .token = action->token,
        .sequence = action->resource >= PLAYER_SEGMENT ? number_in(action->reference) : -1,
        .duration_us = action->duration_us,
        .range_offset = action->range_offset,
        .range_length = action->range_length,
        .connection = action->connection,
    };
    decide_failure(sim, request);
    if (request->resource < PLAYER_SEGMENT && request->fail == FAIL_NONE) {
        request->playlist = make_playlist(sim, action);
    }
    bool brings_media = request->resource == PLAYER_SEGMENT && request->fail == FAIL_NONE;
    int64_t takes = network->latency_us + up_to(&sim->rng, network->spread_us);
    int64_t first = sim->now_us + takes;
    if (brings_media) {
        takes += network->download_us + up_to(&sim->rng, network->slow_us);
    }
    int64_t ends = sim->now_us + takes;
    if (ends >= network->freeze_from_us && sim->now_us < network->freeze_to_us) {
        int64_t rest = ends - network->freeze_from_us;
        ends = network->freeze_to_us + (rest < takes ? rest : takes);
        first = first < network->freeze_from_us ? first : network->freeze_to_us;
    }
    request->first_us = brings_media ? first : INT64_MAX;
    /* Kept as a negative number until it has happened. */
    request->ended_us = -1 - ends;
    sim->in_flight++;
}

/* When a request in flight next begins to arrive, INT64_MAX if none does, and which. */
static int64_t next_first_bytes(struct sim *sim, struct sim_request **ret_request)
{
    int64_t next = INT64_MAX;
    uint32_t left = sim->in_flight;
    for (uint32_t i = sim->requests; i-- > 0 && left > 0;) {
        struct sim_request *request = &sim->log[i];
        if (request->ended_us < 0) {
            left--;
            if (!request->arriving && request->first_us < next) {
                next = request->first_us;
                *ret_request = request;
            }
        }
    }
    return next;
}

/* The request that ends first, or NULL. */
static struct sim_request *first_to_end(struct sim *sim)
{
    struct sim_request *first = NULL;
    uint32_t left = sim->in_flight;
    for (uint32_t i = sim->requests; i-- > 0 && left > 0;) {
        struct sim_request *request = &sim->log[i];
        if (request->ended_us < 0) {
            left--;
            if (first == NULL || request->ended_us > first->ended_us) {
                first = request;
            }
        }
    }
    return first;
}

static void end_fetch(struct sim *sim, struct sim_request *request)
{
    request->ended_us = sim->now_us;
    sim->in_flight--;
    if (request->fail != FAIL_NONE) {
        player_on_fail(&sim->player, request->token, request->fail, request->status,
                       request->retry_after_us, sim->now_us);
    } else if (request->playlist != NULL) {
        request->fail =
            player_on_playlist(&sim->player, request->token, request->playlist, sim->now_us);
    } else {
        player_on_done(&sim->player, request->token, sim->network.segment_bytes, sim->now_us);
    }
    m3u8_unref(request->playlist);
    request->playlist = NULL;
}

/* ---- The viewer ---- */

static void note_event(struct sim *sim, const struct player_event *event)
{
    struct sim_told *told = &sim->told;
    assert_true(event->at_us >= sim->last_event_us);
    assert_true(event->at_us <= sim->now_us);
    /* Nothing happens after the end but for what fetches still in flight bring to light. */
    assert_true(told->over == 0 || event->what == PLAYER_FAULT);
    sim->last_event_us = event->at_us;
    switch (event->what) {
    case PLAYER_STARTED:
        told->started++;
        told->startup_us = event->value_us;
        break;
    case PLAYER_STALL_BEGAN:
        told->stalls++;
        break;
    case PLAYER_STALL_ENDED:
        assert_true(event->value_us > 0);
        told->stalled_us += event->value_us;
        break;
    case PLAYER_SEGMENT_IN_TIME:
        assert_true(event->value_us >= 0);
        if (told->in_time++ == 0 || event->value_us < told->least_slack_us) {
            told->least_slack_us = event->value_us;
        }
        break;
    case PLAYER_SEGMENT_MISSED:
        assert_true(event->value_us > 0);
        told->missed++;
        break;
    case PLAYER_EDGE_LATENCY:
        if (told->latencies++ == 0 || event->value_us < told->least_latency_us) {
            told->least_latency_us = event->value_us;
        }
        if (event->value_us > told->greatest_latency_us) {
            told->greatest_latency_us = event->value_us;
        }
        break;
    case PLAYER_SKIPPED:
        told->skipped += event->count;
        break;
    case PLAYER_GAP:
        told->gaps += event->count;
        break;
    case PLAYER_UNCHANGED:
        told->unchanged++;
        break;
    case PLAYER_SWITCHED:
        told->switched++;
        break;
    case PLAYER_FAULT:
        told->faults[event->fail] += event->count;
        break;
    case PLAYER_OVER:
        told->over++;
        told->over_us = event->at_us;
        break;
    }
}

/* What must be true at any moment. */
static void check_step(struct sim *sim)
{
    struct player_times times;
    struct player_event event;
    player_account(&sim->player, sim->now_us, &times);
    while (player_event(&sim->player, &event)) {
        note_event(sim, &event);
    }
    assert_true(sim->player.playhead_us >= sim->last_playhead_us);
    sim->last_playhead_us = sim->player.playhead_us;
    assert_int_equal(sim->player.in_flight, sim->in_flight);
    assert_true(times.startup_us >= 0 && times.playing_us >= 0 && times.stalled_us >= 0);
    sim->accounted.startup_us += times.startup_us;
    sim->accounted.playing_us += times.playing_us;
    sim->accounted.stalled_us += times.stalled_us;
    int64_t watched =
        sim->accounted.startup_us + sim->accounted.playing_us + sim->accounted.stalled_us;
    int64_t end = sim->told.over > 0 ? sim->told.over_us : sim->now_us;
    assert_int_equal(watched, end - sim->intended_us);
    if (sim->told.over > 0) {
        assert_int_equal(sim->accounted.stalled_us, sim->told.stalled_us);
    }
}

struct sim *sim_new(const struct sim_stream *stream, const struct sim_network *network,
                    const struct sim_viewer *viewer)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    assert_non_null(sim);
    sim->stream = *stream;
    sim->network = *network;
    sim->log = calloc(SIM_REQUESTS, sizeof(*sim->log));
    assert_non_null(sim->log);
    lay_out(sim);
    sim->rng = rng_make(viewer->seed, 99);
    sim->now_us = sim->intended_us = viewer->begins_us;
    sim->last_event_us = viewer->begins_us;
    const struct player_profile *profile =
        player_profile_find(span_from_string(viewer->profile));
    assert_non_null(profile);
    player_config_init(&sim->config, profile, SPAN("http://host/main.m3u8"));
    sim->config.variant_rule = viewer->rule;
    sim->config.live_offset_us = viewer->live_offset_us > 0 ? viewer->live_offset_us : -1;
    sim->config.buffer_us = viewer->buffer_us > 0 ? viewer->buffer_us : -1;
    sim->config.start_us = viewer->start_us > 0 ? viewer->start_us : -1;
    sim->config.restart_us = viewer->restart_us > 0 ? viewer->restart_us : -1;
    struct player_session session = {
        .seed = viewer->seed, .intended_us = viewer->begins_us, .length_us = viewer->length_us};
    player_init(&sim->player, sim->renditions,
                viewer->capacity > 0 ? viewer->capacity : PLAYER_RENDITIONS_MAX, sim->events,
                &sim->config, &session);
    sim->outcome = PLAYER_WAIT;
    return sim;
}

void sim_free(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->requests; i++) {
        m3u8_unref(sim->log[i].playlist);
    }
    player_fini(&sim->player);
    free(sim->starts[0]);
    free(sim->starts[1]);
    free(sim->log);
    free(sim);
}

void sim_run(struct sim *sim, int64_t until_us)
{
    struct player_action action;
    while (sim->outcome == PLAYER_WAIT) {
        player_next(&sim->player, sim->now_us, &action);
        if (action.what == PLAYER_FETCH) {
            start_fetch(sim, &action);
            check_step(sim);
            continue;
        }
        check_step(sim);
        if (action.what != PLAYER_WAIT) {
            sim->outcome = action.what;
            sim->fail = action.fail;
            assert_int_equal(sim->in_flight, 0);
            return;
        }
        assert_true(action.until_us > sim->now_us);
        struct sim_request *request = first_to_end(sim);
        int64_t wakes = action.until_us;
        if (wakes != INT64_MAX) {
            wakes += up_to(&sim->rng, sim->network.timer_late_us);
        }
        assert_true(wakes != INT64_MAX || request != NULL);
        int64_t ends = request != NULL ? -1 - request->ended_us : INT64_MAX;
        int64_t next = ends <= wakes ? ends : wakes;
        struct sim_request *arriving = NULL;
        int64_t first = next_first_bytes(sim, &arriving);
        bool arrives = first < next;
        next = arrives ? first : next;
        if (next > until_us) {
            sim->now_us = until_us;
            check_step(sim);
            return;
        }
        sim->now_us = next;
        if (arrives) {
            arriving->arriving = true;
            player_on_first_bytes(&sim->player, arriving->token);
        } else if (ends <= wakes) {
            end_fetch(sim, request);
            check_step(sim);
        }
    }
}

/* ---- Truth and log ---- */

static bool brought_media(const struct sim_request *request)
{
    return request->resource == PLAYER_SEGMENT && request->fail == FAIL_NONE;
}

/* Adds to media[] what arrived at the first moment after `after_us`. Returns that moment, or -1
 * when nothing arrived any more. */
static int64_t next_arrival(const struct sim *sim, int64_t after_us, int64_t media[2])
{
    int64_t next = -1;
    for (uint32_t i = 0; i < sim->requests; i++) {
        const struct sim_request *request = &sim->log[i];
        if (brought_media(request) && request->ended_us > after_us &&
            (next < 0 || request->ended_us < next)) {
            next = request->ended_us;
        }
    }
    for (uint32_t i = 0; next >= 0 && i < sim->requests; i++) {
        const struct sim_request *request = &sim->log[i];
        if (brought_media(request) && request->ended_us == next) {
            media[request->rendition] += request->duration_us;
        }
    }
    return next;
}

/* What can be played of the media that arrived. A rendition that is there to its end holds
 * nothing back. */
static int64_t playable_of(const int64_t media[2], const int64_t whole[2])
{
    int64_t least = whole[1] > whole[0] ? whole[1] : whole[0];
    for (int i = 0; i < 2; i++) {
        if (media[i] < whole[i] && media[i] < least) {
            least = media[i];
        }
    }
    return least;
}

/* The reckoning keeps no playhead: it knows only until when what has arrived lasts. */
struct sim_truth sim_truth(const struct sim *sim, int64_t start_us, int64_t restart_us)
{
    struct sim_truth truth = {.startup_us = -1};
    int64_t media[2] = {0, 0};
    int64_t whole[2] = {0, 0};
    for (uint32_t i = 0; i < sim->requests; i++) {
        if (brought_media(&sim->log[i])) {
            whole[sim->log[i].rendition] += sim->log[i].duration_us;
        }
    }
    int64_t total = playable_of(whole, whole);
    int64_t playable = 0;
    int64_t runs_dry = 0; /* when playing stops with what has arrived */
    int64_t held = 0;     /* media not yet played while not playing */
    bool playing = false;
    int64_t at = -1;
    while ((at = next_arrival(sim, at, media)) >= 0) {
        int64_t gained = playable_of(media, whole) - playable;
        playable += gained;
        if (playing && at <= runs_dry) {
            runs_dry += gained;
            continue;
        }
        if (playing) {
            truth.stalls++;
            playing = false;
            held = 0;
        }
        held += gained;
        int64_t needed = truth.startup_us < 0 ? start_us : restart_us;
        if (held <= 0 || (held < needed && playable < total)) {
            continue;
        }
        if (truth.startup_us < 0) {
            truth.startup_us = at - sim->intended_us;
        } else {
            truth.stalled_us += at - runs_dry;
        }
        runs_dry = at + held;
        playing = true;
    }
    return truth;
}

static bool matches(const struct sim_request *request, enum player_resource resource,
                    int rendition)
{
    return request->resource == resource &&
           (rendition < 0 || request->rendition == (uint32_t)rendition);
}

uint32_t sim_count(const struct sim *sim, enum player_resource resource, int rendition,
                   bool succeeded)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->requests; i++) {
        const struct sim_request *request = &sim->log[i];
        count += matches(request, resource, rendition) &&
                 (!succeeded || (request->fail == FAIL_NONE && request->ended_us >= 0));
    }
    return count;
}

const struct sim_request *sim_request(const struct sim *sim, enum player_resource resource,
                                      int rendition, uint32_t n)
{
    for (uint32_t i = 0; i < sim->requests; i++) {
        if (matches(&sim->log[i], resource, rendition) && n-- == 0) {
            return &sim->log[i];
        }
    }
    return NULL;
}
