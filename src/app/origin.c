#include "app/origin.h"

#include "app/print_error.h"
#include "loop/loop.h"
#include "origin/fault.h"
#include "origin/origin.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Words of one repeated option. */
#define WORDS_MAX 64

struct words {
    const char *text[WORDS_MAX]; /* borrowed from argv or the option memory */
    unsigned count;
};

struct app_origin {
    struct words listens, tls_listens, streams, faults;
    const char *config;
    const char *cert, *key, *cert_out, *cert_name;
    const char *access_log, *ready_file;
    const char *dns_listen, *dns_answer;
    uint64_t seed;
    uint64_t cache_bytes;
};

static int take_word(const struct option_value *value, struct err *err)
{
    struct words *words = value->field;
    if (words->count == WORDS_MAX) {
        return err_set(err, ERR_USAGE, option_what(value->option), "start a second origin",
                       "given more than %d times", WORDS_MAX);
    }
    words->text[words->count++] = value->text;
    return 0;
}

static const struct option_type option_words = {.take = take_word, .repeats = true};

#define ROW(long_name, kind, field, value, standard, words)                                 \
    {                                                                                       \
        .name = (long_name), .type = &(kind), .offset = offsetof(struct app_origin, field), \
        .low = 0, .high = INT64_MAX, .argument = (value), .fallback = (standard),           \
        .help = (words)                                                                     \
    }

static const struct option rows[] = {
    {.help = "Serving"},
    ROW("listen", option_words, listens, "ADDR:PORT", "127.0.0.1:8080",
        "Serve plain HTTP there; port 0 is a free one. May be repeated."),
    ROW("tls", option_words, tls_listens, "ADDR:PORT", NULL,
        "Serve HTTP over TLS there. May be repeated."),
    ROW("cert", option_input_file, cert, "FILE", NULL,
        "Certificate chain in PEM; without it one is made for localhost, 127.0.0.1, ::1."),
    ROW("key", option_input_file, key, "FILE", NULL, "Its key in PEM."),
    ROW("cert-out", option_output_file, cert_out, "FILE", NULL,
        "Where to write the certificate made, for --cacert of a client."),
    ROW("cert-name", option_text, cert_name, "NAME", NULL,
        "A further name that the certificate made is valid for."),
    ROW("dns", option_text, dns_listen, "ADDR:PORT", NULL,
        "Answer DNS queries over UDP there, every name with --dns-answer."),
    ROW("dns-answer", option_text, dns_answer, "ADDR", "127.0.0.1", "That address."),
    {.help = "Content"},
    ROW("stream", option_words, streams, "NAME=VALUE,...", NULL,
        "Serve this stream; see below. May be repeated. Without it: /live, /vod, /fmp4, "
        "/audio."),
    ROW("cache", option_size, cache_bytes, "SIZE", "256MiB",
        "Memory for segments that have been made."),
    {.help = "Faults"},
    ROW("fault", option_words, faults, "KIND[=ARG][,...]", NULL,
        "Do this wrong; see below. May be repeated."),
    ROW("seed", option_seed, seed, "N", "1", "The same seed hits the same requests."),
    {.help = "Observation"},
    ROW("access-log", option_output_file, access_log, "FILE", NULL,
        "Append a line for each response."),
    ROW("ready-file", option_output_file, ready_file, "FILE", NULL,
        "Write the addresses there once all listen, a line each."),
    ROW("config", option_input_file, config, "FILE", NULL,
        "Read options from this YAML file; the command line wins."),
    {.name = NULL},
};

static const char help_streams[] =
    "A stream is NAME=VALUE pairs with commas between them:\n"
    "  name=live            its folder: /live/index.m3u8\n"
    "  bitrates=500k+2M     a variant for each (2M)\n"
    "  segment=2s           length of a segment, a multiple of 40ms\n"
    "  window=6             segments in a live playlist\n"
    "  vod=60s              not live but this long\n"
    "  type=event           live without a window\n"
    "  format=ts            ts, fmp4, byterange (one TS file), fmp4-byterange\n"
    "  muxed=64k            sound inside the variants, or none\n"
    "  audio=96k            sound as a rendition of its own\n"
    "  key=aes128           encrypted\n"
    "  uris=relative        relative, path, absolute\n"
    "  discontinuity=5      one each so many segments\n"
    "  gap=7                each so manieth segment is a gap\n"
    "  phase=500ms          the live edge is that much earlier\n"
    "  date=yes             EXT-X-PROGRAM-DATE-TIME\n"
    "  sequence=no          no EXT-X-MEDIA-SEQUENCE\n"
    "\n"
    "A fault is KIND[=ARG], then conditions with commas between them: path=GLOB (of\n"
    "the URL's path, or the DNS name), p=0.1 (of those that match), after=N (spare\n"
    "the first N), count=N (at most N), from=10s and to=13s (since the start). Kinds:\n";

/* The text after the options: the faults are listed from their table. */
static const char *help_tail(void)
{
    static char *text;
    size_t size = 0;
    if (text == NULL) {
        FILE *out = open_memstream(&text, &size);
        if (out == NULL) {
            return help_streams;
        }
        fputs(help_streams, out);
        fault_print_help(out);
        fclose(out);
    }
    return text;
}

const struct option_command *app_origin_command(void)
{
    static struct option_command command = {
        .name = "origin",
        .summary = "Serves HLS streams made from nothing, for tests, with faults where asked.",
        .synopsis = "[options]",
        .options = rows,
    };
    command.help_tail = help_tail();
    return &command;
}

/* What is served when nothing is said. */
static const char *const default_streams[] = {
    "name=live,bitrates=500k+1M+2M,segment=2s,window=6",
    "name=vod,bitrates=500k+1M+2M,segment=2s,vod=60s",
    "name=fmp4,bitrates=500k+1M+2M,segment=2s,window=6,format=fmp4,date=yes",
    "name=audio,bitrates=500k+1M+2M,segment=2s,window=6,audio=96k",
};
static const char *const default_listen = "127.0.0.1:8080";

static void fill_options(const struct app_origin *app, struct origin_options *out)
{
    *out = (struct origin_options){.listens = app->listens.text,
                                   .listen_count = app->listens.count,
                                   .tls_listens = app->tls_listens.text,
                                   .tls_listen_count = app->tls_listens.count,
                                   .streams = app->streams.text,
                                   .stream_count = app->streams.count,
                                   .faults = app->faults.text,
                                   .fault_count = app->faults.count,
                                   .cert = app->cert,
                                   .key = app->key,
                                   .cert_out = app->cert_out,
                                   .cert_name = app->cert_name,
                                   .access_log = app->access_log,
                                   .dns_listen = app->dns_listen,
                                   .dns_answer = app->dns_answer,
                                   .seed = app->seed,
                                   .cache_bytes = app->cache_bytes};
    if (out->listen_count + out->tls_listen_count == 0) {
        out->listens = &default_listen;
        out->listen_count = 1;
    }
    if (out->stream_count == 0) {
        out->streams = default_streams;
        out->stream_count = sizeof default_streams / sizeof default_streams[0];
    }
}

static void print_addresses(const struct origin *origin, FILE *out)
{
    char url[ORIGIN_URL_BYTES];
    for (unsigned i = 0; origin_url(origin, i, url); i++) {
        fprintf(out, "listening on %s/\n", url);
    }
    if (origin_dns_port(origin) != 0) {
        fprintf(out, "answering DNS on UDP port %u\n", origin_dns_port(origin));
    }
    fflush(out);
}

static int announce(const struct origin *origin, const char *ready_file, struct err *err)
{
    char url[ORIGIN_URL_BYTES];
    print_addresses(origin, stdout);
    if (origin_url(origin, 0, url)) {
        for (unsigned i = 0; origin_stream_name(origin, i) != NULL; i++) {
            printf("stream %s/%s/index.m3u8\n", url, origin_stream_name(origin, i));
        }
        fflush(stdout);
    }
    if (ready_file == NULL) {
        return 0;
    }
    /* A reader that waits for the file finds it whole. */
    char name[4096];
    snprintf(name, sizeof name, "%s.new", ready_file);
    FILE *file = fopen(name, "w");
    if (file == NULL) {
        return err_set(err, ERR_START, "--ready-file", NULL, "%s: %s", name, strerror(errno));
    }
    print_addresses(origin, file);
    if (fclose(file) != 0 || rename(name, ready_file) != 0) {
        return err_set(err, ERR_START, "--ready-file", NULL, "%s: %s", ready_file,
                       strerror(errno));
    }
    return 0;
}

struct ending {
    struct loop_signal interrupt, terminate;
    struct loop *loop;
};

static void on_interrupt(struct loop_signal *signal, int number)
{
    (void)number;
    loop_stop(list_entry(signal, struct ending, interrupt)->loop);
}

static void on_terminate(struct loop_signal *signal, int number)
{
    (void)number;
    loop_stop(list_entry(signal, struct ending, terminate)->loop);
}

static int serve(const struct app_origin *app, struct err *err)
{
    struct origin_options options;
    fill_options(app, &options);
    struct loop *loop = loop_new();
    if (loop == NULL) {
        return err_set(err, ERR_MACHINE, "origin", NULL, "no event loop: %s", strerror(errno));
    }
    struct ending ending = {.loop = loop};
    struct origin *origin = origin_new(loop, &options, err);
    int status = -1;
    if (origin != NULL && announce(origin, app->ready_file, err) == 0) {
        loop_signal_init(&ending.interrupt, on_interrupt);
        loop_signal_init(&ending.terminate, on_terminate);
        loop_signal_start(loop, &ending.interrupt, SIGINT);
        loop_signal_start(loop, &ending.terminate, SIGTERM);
        loop_run(loop);
        loop_signal_stop(loop, &ending.interrupt);
        loop_signal_stop(loop, &ending.terminate);
        status = 0;
    }
    origin_free(origin);
    loop_free(loop);
    return status;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int app_origin_main(int argc, char **argv)
{
    struct app_origin app = {.seed = 1};
    struct option_memory memory = {0};
    struct err err = {0};
    int status = options_read(app_origin_command(), argc, argv, &app, &memory, &err);
    if (status == 0) {
        raise_descriptor_limit();
        status = serve(&app, &err);
    }
    option_memory_fini(&memory);
    if (status < 0) {
        return app_print_error(&err);
    }
    return 0;
}
