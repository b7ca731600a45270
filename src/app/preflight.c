#include "app/preflight.h"

#include "base/clock.h"
#include "base/fail.h"
#include "loop/loop.h"
#include "net/fetch.h"
#include "net/port_range.h"
#include "player/player.h"
#include "shoal/sampler.h"
#include "stats/metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define PREFLIGHT_PLAYLIST_BYTES ((uint64_t)16 << 20)

/* ---- The stream ---- */

struct lookup {
    struct fetch fetch;
    struct loop *loop;
    const struct m3u8 *multivariant;
    struct m3u8 *playlist; /* the result */
    enum fail fail;
    enum m3u8_status parsed;
    int status;
    bool done;
};

static void on_done(struct fetch *fetch, const struct fetch_result *result)
{
    struct lookup *lookup = list_entry(fetch, struct lookup, fetch);
    lookup->done = true;
    lookup->fail = result->fail;
    lookup->status = result->status;
    if (result->fail == FAIL_NONE) {
        const struct m3u8_source source = {
            .text = result->body,
            .url = result->url,
            .multivariant = lookup->multivariant,
            .limit_text_bytes = PREFLIGHT_PLAYLIST_BYTES,
        };
        lookup->parsed = m3u8_parse(&source, &lookup->playlist);
    }
    loop_stop(lookup->loop);
}

static const char *hint_of(enum fail fail)
{
    switch (fail_info(fail)->class) {
    case FAIL_CLASS_DNS:
        return "check the host name, or give the address with --resolve";
    case FAIL_CLASS_CONNECT:
        return "is the server running and the port right?";
    case FAIL_CLASS_TLS:
        return "use --cacert FILE for a private CA, or --insecure to skip the check";
    case FAIL_CLASS_RESPONSE:
        return "check the URL, and --header where the server wants one";
    case FAIL_CLASS_LOCAL:
        return "raise the limits of this process, see ulimit -a";
    default:
        return "fetch it with curl -v to see what the server sends";
    }
}

static int explain(const struct lookup *lookup, const char *url, struct err *err)
{
    if (lookup->fail == FAIL_STATUS_4XX || lookup->fail == FAIL_STATUS_5XX ||
        lookup->fail == FAIL_STATUS_UNEXPECTED) {
        return err_set(err, ERR_START, url, hint_of(lookup->fail), "the server answered %d",
                       lookup->status);
    }
    if (lookup->fail != FAIL_NONE) {
        return err_set(err, ERR_START, url, hint_of(lookup->fail), "%s",
                       fail_info(lookup->fail)->words);
    }
    if (lookup->parsed == M3U8_NOT_PLAYLIST) {
        return err_set(err, ERR_START, url, "give the URL of a multivariant or media playlist",
                       "not an HLS playlist: it does not begin with #EXTM3U");
    }
    return err_set(err, ERR_START, url, "run shoal lint on it", "the playlist is unusable: %s",
                   m3u8_status_name(lookup->parsed));
}

/* Fetches one playlist. Returns it with one reference, or NULL with *err filled. */
static struct m3u8 *look_up(struct loop *loop, struct net_worker *worker, struct span url,
                            const struct m3u8 *multivariant, struct err *err)
{
    char name[160];
    snprintf(name, sizeof name, "%.*s", SPAN_ARGS(url));
    struct net_client client = {0};
    net_client_open(&client, worker, &(struct net_client_options){.connections = 1});
    struct lookup lookup = {.loop = loop, .multivariant = multivariant};
    fetch_init(&lookup.fetch, on_done);
    const struct fetch_request request = {
        .url = url,
        .kind = METRIC_KIND_MULTIVARIANT,
        .sink = FETCH_COLLECT,
        .body_limit = PREFLIGHT_PLAYLIST_BYTES,
    };
    lookup.fail = fetch_start(&client, &lookup.fetch, &request);
    while (lookup.fail == FAIL_NONE && !lookup.done) {
        loop_run(loop);
    }
    net_client_close(&client);
    if (lookup.playlist == NULL) {
        explain(&lookup, name, err);
    }
    return lookup.playlist;
}

static int look_at_stream(struct loop *loop, struct net_worker *worker, const char *url,
                          struct preflight_stream *out, struct err *err)
{
    struct m3u8 *top = look_up(loop, worker, span_from_string(url), NULL, err);
    if (top == NULL) {
        return -1;
    }
    struct m3u8 *media;
    if (top->kind == M3U8_MEDIA) {
        media = m3u8_ref(top);
    } else if (top->variant_count == 0) {
        err_set(err, ERR_START, url, "run shoal lint on it",
                "the multivariant playlist lists no variant");
        m3u8_unref(top);
        return -1;
    } else {
        char text[URL_MAX];
        struct span variant;
        if (m3u8_resolve(top, top->variants[0].uri, text, sizeof text, &variant) != 0) {
            err_set(err, ERR_START, url, NULL, "the first variant's URI \"%.*s\" makes no URL",
                    SPAN_ARGS(top->variants[0].uri));
            m3u8_unref(top);
            return -1;
        }
        media = look_up(loop, worker, variant, top, err);
    }
    if (media != NULL && !player_can_play(media)) {
        err_set(err, ERR_START, url, "run shoal lint on it",
                "the media playlist lists nothing that can be played");
        m3u8_unref(media);
        media = NULL;
    }
    if (media == NULL) {
        m3u8_unref(top);
        return -1;
    }
    *out = (struct preflight_stream){.top = top, .media = media};
    return 0;
}

static void add_server(struct preflight_stream *stream, const union net_address *address)
{
    for (uint32_t i = 0; i < stream->server_count; i++) {
        if (net_address_same_host(&stream->servers[i], address)) {
            return;
        }
    }
    if (stream->server_count < METRIC_SERVERS_MAX) {
        stream->servers[stream->server_count++] = *address;
    }
}

/* The addresses of the two hosts that were asked, and those that --resolve names. */
static void gather_servers(struct net_worker *worker, const struct net_options *net,
                           struct preflight_stream *stream)
{
    const struct span urls[] = {stream->top->url, stream->media->url};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        union net_address found[METRIC_SERVERS_MAX];
        uint32_t count = net_worker_addresses(worker, urls[i], found, METRIC_SERVERS_MAX);
        for (uint32_t k = 0; k < count; k++) {
            add_server(stream, &found[k]);
        }
    }
    for (uint32_t i = 0; i < net->override_count; i++) {
        add_server(stream, &net->overrides[i].address);
    }
}

int preflight_stream(const struct net_options *net, const char *url,
                     struct preflight_stream *out, struct err *err)
{
    struct net_options options = *net;
    options.user_agent = "shoal-preflight/" SHOAL_VERSION;
    options.clients_limit = 1;
    options.connections_per_client = 1;
    int status = -1;
    struct shoal_schema *schema = NULL;
    struct shoal_sampler *sampler = NULL;
    struct loop *loop = loop_new();
    /* A lane of its own, which nobody samples. */
    if (loop == NULL || metrics_schema_new(NULL, 0, NULL, 0, NULL, &schema) != 0 ||
        shoal_sampler_new(&(struct shoal_sampler_options){.schema = schema, .lanes = 1},
                          &sampler) != 0) {
        err_set(err, ERR_START, "preflight", NULL, "no memory or descriptor");
        goto out;
    }
    struct shoal_lane *lane = shoal_sampler_lane(sampler, 0);
    shoal_lane_open(lane, clock_monotonic_us());
    struct net_worker *worker = net_worker_open(loop, lane, &options, 0, err);
    if (worker == NULL) {
        goto out;
    }
    status = look_at_stream(loop, worker, url, out, err);
    if (status == 0) {
        gather_servers(worker, net, out);
        struct net_usage usage;
        net_worker_usage(worker, &usage);
        out->connection_bytes = usage.connection_bytes;
    }
    net_worker_close(worker);
out:
    shoal_sampler_free(sampler);
    shoal_schema_free(schema);
    loop_free(loop);
    return status;
}

void preflight_stream_fini(struct preflight_stream *stream)
{
    m3u8_unref(stream->top);
    m3u8_unref(stream->media);
    *stream = (struct preflight_stream){0};
}

/* ---- The machine ---- */

static uint64_t local_ports(void)
{
    struct port_range range;
    port_range_init_system(&range, 0);
    return (uint64_t)range.high - range.low + 1;
}

/* MemAvailable in bytes, or UINT64_MAX when it cannot be read. */
static uint64_t memory_available(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    uint64_t bytes = UINT64_MAX;
    if (file != NULL) {
        char line[128];
        unsigned long long kib;
        while (fgets(line, sizeof line, file) != NULL) {
            if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
                bytes = kib * 1024;
            }
        }
        fclose(file);
    }
    return bytes;
}

static uint64_t raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            getrlimit(RLIMIT_NOFILE, &limit);
        }
    }
    return limit.rlim_cur;
}

int preflight_machine(const struct preflight_needs *needs, struct preflight_machine *out,
                      struct err *err)
{
    uint64_t sources = needs->sources > 0 ? needs->sources : 1;
    *out = (struct preflight_machine){
        .descriptor_limit = raise_descriptor_limit(),
        .ports = local_ports() * sources,
        .memory_bytes = memory_available(),
    };
    /* What can work at the least: players of muxed streams keep to one connection most of the
     * time, so that more than those kept is not demanded but watched while running. */
    uint64_t connections = (uint64_t)needs->viewers * needs->connections;
    uint64_t descriptors = connections + needs->descriptors_besides;
    if (descriptors > out->descriptor_limit) {
        return err_set(err, ERR_START, "--viewers",
                       "raise the limit with ulimit -Hn, or split the viewers over processes",
                       "%u viewer%s %llu file descriptors, the limit is %llu", needs->viewers,
                       needs->viewers == 1 ? " needs" : "s need",
                       (unsigned long long)descriptors,
                       (unsigned long long)out->descriptor_limit);
    }
    if (connections > out->ports) {
        return err_set(err, ERR_START, "--viewers",
                       "give more source addresses with --bind, or widen "
                       "net.ipv4.ip_local_port_range",
                       "%u viewers need %llu source ports, there are %llu", needs->viewers,
                       (unsigned long long)connections, (unsigned long long)out->ports);
    }
    uint64_t bytes = needs->viewers * needs->bytes_per_viewer;
    if (bytes > out->memory_bytes) {
        return err_set(err, ERR_START, "--viewers", "ask for fewer viewers",
                       "%u viewers need %llu MiB, %llu MiB are available", needs->viewers,
                       (unsigned long long)(bytes >> 20),
                       (unsigned long long)(out->memory_bytes >> 20));
    }
    return 0;
}
