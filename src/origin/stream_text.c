#include "origin/stream_text.h"

#include "base/units.h"

#include <stdio.h>

struct stream_option {
    const char *name;
    const char *form; /* told to the user when the value cannot be read */
    /* Returns NULL, or what is wrong. */
    const char *(*set)(struct stream *stream, struct stream_text *text, struct span value);
};

static const char *set_name(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)text;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] <= 0x20 || strchr("/?#%\"", value.ptr[i]) != NULL) {
            return "has a byte that no path can hold";
        }
    }
    return value.len > 0 && span_to_string(value, stream->name, sizeof stream->name)
               ? NULL
               : "is empty or too long";
}

static const char *set_bitrates(struct stream *stream, struct stream_text *text,
                                struct span value)
{
    stream->variants = 0;
    while (value.len > 0) {
        if (stream->variants == STREAM_VARIANTS_MAX) {
            return "has more than 16 bit rates";
        }
        const char *wrong =
            units_parse_bitrate(span_cut(&value, '+'), &text->bitrates[stream->variants]);
        if (wrong != NULL) {
            return wrong;
        }
        stream->variants++;
    }
    return stream->variants > 0 ? NULL : "has no bit rate";
}

/* A duration in whole pictures of 40 ms. */
static const char *parse_pictures(struct span value, int64_t *out_us)
{
    int64_t us = 0;
    const char *wrong = units_parse_duration(value, &us);
    if (wrong != NULL) {
        return wrong;
    }
    if (us <= 0 || us % MAKE_PICTURE_US != 0) {
        return "is not a multiple of 40ms, the length of a picture";
    }
    *out_us = us;
    return NULL;
}

static const char *set_segment(struct stream *stream, struct stream_text *text,
                               struct span value)
{
    (void)text;
    const char *wrong = parse_pictures(value, &stream->segment_us);
    return wrong == NULL && stream->segment_us > 60000000 ? "longer than 60s" : wrong;
}

static const char *set_vod(struct stream *stream, struct stream_text *text, struct span value)
{
    stream->kind = STREAM_VOD;
    return parse_pictures(value, &text->vod_us);
}

static const char *set_type(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)text;
    if (span_equal(value, SPAN("live"))) {
        stream->kind = STREAM_LIVE;
    } else if (span_equal(value, SPAN("event"))) {
        stream->kind = STREAM_EVENT;
    } else {
        return "is neither live nor event; for a VOD write vod=60s";
    }
    return NULL;
}

static const char *set_format(struct stream *stream, struct stream_text *text,
                              struct span value)
{
    (void)text;
    static const struct {
        struct span name;
        enum stream_format format;
        bool byte_ranges;
    } formats[] = {{{"ts", 2}, STREAM_TS, false},
                   {{"fmp4", 4}, STREAM_FMP4, false},
                   {{"byterange", 9}, STREAM_TS, true},
                   {{"fmp4-byterange", 14}, STREAM_FMP4, true}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (span_equal(value, formats[i].name)) {
            stream->format = formats[i].format;
            stream->byte_ranges = formats[i].byte_ranges;
            return NULL;
        }
    }
    return "is none of ts, fmp4, byterange, fmp4-byterange";
}

static const char *set_key(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)text;
    stream->encrypted = span_equal(value, SPAN("aes128"));
    return stream->encrypted ? NULL : "is not aes128";
}

static const char *set_uris(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)text;
    static const struct span names[] = {{"relative", 8}, {"path", 4}, {"absolute", 8}};
    for (unsigned i = 0; i < 3; i++) {
        if (span_equal(value, names[i])) {
            stream->uris = (enum stream_uris)i;
            return NULL;
        }
    }
    return "is none of relative, path, absolute";
}

static const char *parse_count(struct span value, unsigned least, unsigned most, unsigned *out)
{
    uint64_t count = 0;
    if (!span_to_u64(value, &count) || count < least || count > most) {
        return "is not a whole number in range";
    }
    *out = (unsigned)count;
    return NULL;
}

static const char *set_window(struct stream *stream, struct stream_text *text,
                              struct span value)
{
    (void)text;
    return parse_count(value, 1, 10000, &stream->window);
}

static const char *set_discontinuity(struct stream *stream, struct stream_text *text,
                                     struct span value)
{
    (void)text;
    return parse_count(value, 1, 1000000, &stream->discontinuity_every);
}

static const char *set_gap(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)text;
    return parse_count(value, 2, 1000000, &stream->gap_every);
}

/* "none" or a bit rate. */
static const char *parse_sound(struct span value, uint64_t *out_bps)
{
    if (span_equal(value, SPAN("none"))) {
        *out_bps = 0;
        return NULL;
    }
    return units_parse_bitrate(value, out_bps);
}

static const char *set_audio(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)stream;
    return parse_sound(value, &text->audio_bps);
}

static const char *set_muxed(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)stream;
    return parse_sound(value, &text->muxed_bps);
}

static const char *set_phase(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)text;
    return units_parse_duration(value, &stream->phase_us);
}

static const char *parse_yes_no(struct span value, bool *out)
{
    *out = span_equal(value, SPAN("yes"));
    return *out || span_equal(value, SPAN("no")) ? NULL : "is neither yes nor no";
}

static const char *set_date(struct stream *stream, struct stream_text *text, struct span value)
{
    (void)text;
    return parse_yes_no(value, &stream->program_date);
}

static const char *set_sequence(struct stream *stream, struct stream_text *text,
                                struct span value)
{
    (void)text;
    bool written = true;
    const char *wrong = parse_yes_no(value, &written);
    stream->no_sequence = !written;
    return wrong;
}

static const struct stream_option stream_options[] = {
    {"name", "name=live", set_name},
    {"bitrates", "bitrates=500k+2M", set_bitrates},
    {"segment", "segment=2s", set_segment},
    {"window", "window=6", set_window},
    {"vod", "vod=60s", set_vod},
    {"type", "type=event", set_type},
    {"format", "format=fmp4", set_format},
    {"audio", "audio=96k", set_audio},
    {"muxed", "muxed=64k", set_muxed},
    {"key", "key=aes128", set_key},
    {"uris", "uris=absolute", set_uris},
    {"discontinuity", "discontinuity=5", set_discontinuity},
    {"gap", "gap=7", set_gap},
    {"phase", "phase=500ms", set_phase},
    {"date", "date=yes", set_date},
    {"sequence", "sequence=no", set_sequence},
};

int stream_text_parse(struct span all, struct stream *stream, struct stream_text *text,
                      struct err *err)
{
    struct span rest = all;
    while (rest.len > 0) {
        struct span pair = span_cut(&rest, ',');
        struct span value = pair;
        struct span name = span_cut(&value, '=');
        size_t i = 0;
        size_t count = sizeof stream_options / sizeof stream_options[0];
        while (i < count && !span_equal(name, span_from_string(stream_options[i].name))) {
            i++;
        }
        if (i == count) {
            return err_set(err, ERR_USAGE, "--stream",
                           "known are name, bitrates, segment, window, vod, type, format, "
                           "audio, muxed, key, uris, discontinuity, gap, phase, date, sequence",
                           "unknown property '%.*s'", SPAN_ARGS(name));
        }
        const char *wrong = stream_options[i].set(stream, text, value);
        if (wrong != NULL) {
            char hint[80];
            snprintf(hint, sizeof hint, "write for instance %s", stream_options[i].form);
            return err_refuse(err, "--stream", pair, wrong, hint);
        }
    }
    if (stream->name[0] == '\0') {
        return err_set(err, ERR_USAGE, "--stream", "write for instance name=live",
                       "'%.*s' has no name", SPAN_ARGS(all));
    }
    return 0;
}
