#include "app/probe.h"

#include "app/lint.h"
#include "app/print_error.h"

#include <stdlib.h>
#include <string.h>

/* At most so many media playlists are read. */
#define PLAYLISTS_MAX 1000

struct probe_options {
    const char *url;
    bool json, no_segments;
    uint32_t viewers;
    uint32_t segments; /* read of each playlist to measure */
    struct net_options net;
    const char *headers; /* lines of --header, or NULL */
};

#define ROW(long_name, short_name, kind, field, least, most, value, standard, words)     \
    {                                                                                    \
        .name = (long_name), .letter = (short_name), .type = &(kind),                    \
        .offset = offsetof(struct probe_options, field), .low = (least), .high = (most), \
        .argument = (value), .fallback = (standard), .help = (words)                     \
    }

static const struct option rows[] = {
    ROW("json", 0, option_flag, json, 0, 0, NULL, NULL, "Print one JSON object."),
    ROW("viewers", 'n', option_count, viewers, 1, 10000000, "N", "1000",
        "Tell what so many viewers would cost."),
    ROW("segments", 0, option_count, segments, 1, 100, "N", "3",
        "Read so many of the newest segments of each playlist to measure bit rates."),
    ROW("no-segments", 0, option_flag, no_segments, 0, 0, NULL, NULL,
        "Read no segments; costs then come from BANDWIDTH."),
    ROW("header", 'H', option_header, headers, 0, 0, "NAME: VALUE", NULL,
        "A header line for every request. May be repeated."),
    ROW("insecure", 'k', option_flag, net.insecure, 0, 0, NULL, NULL,
        "Do not check certificates."),
    ROW("cacert", 0, option_input_file, net.ca_file, 0, 0, "FILE", "the system's",
        "Certificates (PEM) of the authorities to trust."),
    ROW("timeout", 0, option_duration, net.total_timeout_us, 1000, OPTION_TIMEOUT_MOST, "TIME",
        "60s", "Bound of a whole request."),
    {.name = NULL},
};

const struct option_command *app_probe_command(void)
{
    static const struct option_command command = {
        .name = "probe",
        .summary =
            "Reads a stream once and tells what it offers and what N viewers would cost.",
        .synopsis = "[options] URL",
        .operand = "URL",
        .operand_needed = true,
        .operand_offset = offsetof(struct probe_options, url),
        .options = rows,
        .help_tail =
            "A viewer is taken to play one variant with its default audio, at playing speed:\n"
            "each segment once, the playlists reloaded as players do. A low-latency viewer\n"
            "asks for each part and reloads the playlist for each. Bit rates are bodies,\n"
            "without what HTTP, TLS and TCP add.\n"
            "\n"
            "Exit status: 0 it was read, 2 usage, 3 it could not be read.\n",
    };
    return &command;
}

/* The entry of that URI, read when it is not there yet; NULL when it makes no URL. */
static size_t read_uri(struct lint_web *web, struct lint_results *playlists,
                       const struct m3u8 *top, struct span uri)
{
    char text[URL_MAX];
    struct span url;
    if (uri.len == 0 || m3u8_resolve(top, uri, text, sizeof text, &url) != 0 ||
        playlists->count > PLAYLISTS_MAX) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < playlists->count; i++) {
        if (span_equal(span_from_string(playlists->entries[i].name), url)) {
            return i;
        }
    }
    lint_load(web, lint_results_add(playlists, url), url, top);
    return playlists->count - 1;
}

/* Bytes of the newest segments of a playlist over their durations, as bits per second; and what
 * their container is. */
static double measure(struct lint_web *web, const struct m3u8 *m, uint32_t count,
                      enum sniff *ret_container)
{
    uint32_t from = m->segment_count > count ? m->segment_count - count : 0;
    uint64_t bytes = 0;
    int64_t us = 0;
    for (uint32_t i = from; i < m->segment_count; i++) {
        const struct m3u8_segment *s = &m->segments[i];
        char text[URL_MAX];
        struct lint_want want = {.kind = METRIC_KIND_SEGMENT};
        struct lint_body body;
        if ((s->flags & M3U8_SEGMENT_GAP) != 0 ||
            m3u8_resolve(m, s->uri, text, sizeof text, &want.url) != 0) {
            continue;
        }
        want.has_range = (s->flags & M3U8_SEGMENT_RANGE) != 0 && s->range.length > 0;
        want.offset = s->range.offset;
        want.length = s->range.length;
        if (lint_web_read(web, &want, &body) == 0) {
            bytes += body.len;
            *ret_container =
                s->key_count == 0 ? sniff_media(span_of(body.ptr, body.len)) : *ret_container;
            us += s->duration_us;
        }
        lint_body_fini(&body);
    }
    return us > 0 ? (double)bytes * 8e6 / (double)us : 0;
}

/* What one viewer asks for while playing this playlist at playing speed. */
static void fill_rates(struct probe_item *item)
{
    const struct m3u8 *m = item->entry->current;
    if (m->segment_count == 0) {
        return;
    }
    item->segment_s = (double)m->total_duration_us / 1e6 / m->segment_count;
    item->requests_per_s = item->segment_s > 0 ? 1 / item->segment_s : 0;
    if (!m3u8_is_final(m) && item->segment_s > 0) {
        item->requests_per_s += 1 / item->segment_s;
        item->playlist_bytes_per_s = (double)item->entry->sent_bytes / item->segment_s;
    }
    if (!m3u8_is_final(m) && m->part_target_us > 0) {
        /* A part, and the playlist that tells of the next. */
        item->low_latency_requests_per_s = 2e6 / (double)m->part_target_us;
    }
}

/* entries[i] is the place of the playlist of item i; that of the new one is there already. */
static void add_item(struct lint_web *web, struct probe_findings *found,
                     const struct probe_options *options, const struct probe_item *item,
                     const size_t *entries)
{
    size_t entry = entries[found->count];
    struct probe_item *items = realloc(found->items, (found->count + 1) * sizeof items[0]);
    if (items == NULL) {
        abort();
    }
    found->items = items;
    items[found->count] = *item;
    struct probe_item *added = &items[found->count++];
    const struct m3u8 *m = entry == SIZE_MAX ? NULL : found->playlists.entries[entry].current;
    for (size_t i = 0; i + 1 < found->count; i++) {
        if (entries[i] == entry) {
            added->measured_bps = items[i].measured_bps;
            added->container = items[i].container;
            return;
        }
    }
    if (m != NULL && m->kind == M3U8_MEDIA && !options->no_segments) {
        added->measured_bps = measure(web, m, options->segments, &added->container);
    }
}

/* Entries move while more are read, so their addresses are taken at the end. */
static void settle_items(struct probe_findings *found, const size_t *entries)
{
    for (size_t i = 0; i < found->count; i++) {
        struct probe_item *item = &found->items[i];
        const struct lint_entry *entry =
            entries[i] == SIZE_MAX ? NULL : &found->playlists.entries[entries[i]];
        bool media =
            entry != NULL && entry->current != NULL && entry->current->kind == M3U8_MEDIA;
        item->entry = media ? entry : NULL;
        item->unread = media ? NULL : entry;
        if (media) {
            fill_rates(item);
        }
    }
}

static void read_items(struct lint_web *web, struct probe_findings *found,
                       const struct probe_options *options)
{
    const struct m3u8 *top = found->playlists.entries[0].current;
    size_t wanted = (size_t)top->variant_count + top->rendition_count + 1;
    size_t *entries = calloc(wanted, sizeof entries[0]);
    if (entries == NULL) {
        abort();
    }
    if (top->kind == M3U8_MEDIA) {
        add_item(web, found, options, &(struct probe_item){0}, entries);
    }
    for (uint32_t i = 0; i < top->variant_count && top->kind == M3U8_MULTIVARIANT; i++) {
        const struct probe_item item = {.variant = &top->variants[i]};
        entries[found->count] = read_uri(web, &found->playlists, top, item.variant->uri);
        add_item(web, found, options, &item, entries);
    }
    for (uint32_t i = 0; i < top->rendition_count; i++) {
        const struct probe_item item = {.rendition = &top->renditions[i]};
        entries[found->count] = read_uri(web, &found->playlists, top, item.rendition->uri);
        add_item(web, found, options, &item, entries);
    }
    settle_items(found, entries);
    free(entries);
}

/* The item of the audio that plays beside a variant, or NULL when it is inside. */
static const struct probe_item *audio_of(const struct probe_findings *found,
                                         const struct m3u8_variant *variant)
{
    const struct m3u8 *top = found->playlists.entries[0].current;
    uint32_t at = variant == NULL || variant->audio.len == 0
                      ? M3U8_NONE
                      : m3u8_rendition_pick(top, M3U8_AUDIO, variant->audio);
    for (size_t i = 0; i < found->count && at != M3U8_NONE; i++) {
        if (found->items[i].rendition == &top->renditions[at] &&
            found->items[i].entry != NULL) {
            return &found->items[i];
        }
    }
    return NULL;
}

static void add_costs(struct probe_findings *found)
{
    found->costs = calloc(found->count + 1, sizeof found->costs[0]);
    size_t number = 0;
    for (size_t i = 0; i < found->count && found->costs != NULL; i++) {
        const struct probe_item *item = &found->items[i];
        number += item->rendition == NULL;
        if (item->rendition != NULL || item->entry == NULL) {
            continue;
        }
        const struct probe_item *audio = audio_of(found, item->variant);
        struct probe_cost *cost = &found->costs[found->cost_count++];
        double declared = item->variant == NULL ? 0
                          : item->variant->average_bandwidth_bps > 0
                              ? (double)item->variant->average_bandwidth_bps
                              : (double)item->variant->bandwidth_bps;
        *cost = (struct probe_cost){
            .item = item,
            .number = number - 1,
            .measured = item->measured_bps > 0,
            .bits_per_s = item->measured_bps > 0 ? item->measured_bps : declared,
            .requests_per_s = item->requests_per_s,
            .low_latency_requests_per_s = item->low_latency_requests_per_s,
        };
        cost->bits_per_s += item->playlist_bytes_per_s * 8;
        if (audio != NULL) {
            cost->bits_per_s +=
                (cost->measured ? audio->measured_bps : 0) + audio->playlist_bytes_per_s * 8;
            cost->requests_per_s += audio->requests_per_s;
            cost->low_latency_requests_per_s += audio->low_latency_requests_per_s;
        }
    }
}

static int explain(const struct lint_entry *entry, const char *url, struct err *err)
{
    if (entry->unreadable != NULL) {
        return err_set(err, ERR_START, url,
                       "fetch it with curl -v to see what the server sends", "%s",
                       entry->unreadable);
    }
    return err_set(err, ERR_START, url, "run shoal lint on it", "the playlist is unusable: %s",
                   m3u8_status_name(entry->status));
}

static int probe(const struct probe_options *options, struct probe_findings *found,
                 struct err *err)
{
    struct lint_web web = {.options = options->net};
    struct span url = span_from_string(options->url);
    web.options.user_agent = "shoal-probe/" SHOAL_VERSION;
    web.options.extra_headers = options->headers;
    if (!lint_is_url(options->url)) {
        return err_set(err, ERR_USAGE, options->url, "give an http or https URL",
                       "it is not a URL that can be fetched");
    }
    if (lint_web_open(&web, err) != 0) {
        return -1;
    }
    int status = 0;
    lint_load(&web, lint_results_add(&found->playlists, url), url, NULL);
    if (found->playlists.entries[0].current == NULL) {
        status = explain(&found->playlists.entries[0], options->url, err);
    } else {
        read_items(&web, found, options);
        add_costs(found);
    }
    lint_web_close(&web);
    return status;
}

int app_probe_main(int argc, char **argv)
{
    struct probe_options options = {.viewers = 1000, .segments = 3};
    struct option_memory memory = {0};
    struct probe_findings found = {0};
    struct err err = {0};
    int status = options_read(app_probe_command(), argc, argv, &options, &memory, &err);
    if (status != 0) {
        option_memory_fini(&memory);
        return status > 0 ? 0 : app_print_error(&err);
    }
    lint_results_init(&found.playlists, NULL);
    found.viewers = options.viewers;
    if (probe(&options, &found, &err) != 0) {
        status = app_print_error(&err);
    } else if (options.json) {
        status = probe_print_json(&found, stdout) == 0 ? 0 : 3;
    } else {
        probe_print_text(&found, stdout);
    }
    free(found.items);
    free(found.costs);
    lint_results_fini(&found.playlists);
    option_memory_fini(&memory);
    return status;
}
