/* FFmpeg's log as events: bytes of stderr in, one call per line that says something about HTTP,
 * HLS or the course of the process. Pure: no descriptor, no clock, no allocation.
 *
 * Understood are the texts of FFmpeg 4 to 9 at the levels debug and trace, with or without
 * `datetime` and `level` prefixes, lines ended by LF, CR or both, of any length. Contexts are
 * taken by their last part, since the demuxer is called `hls,applehttp` in version 4.1, `hls`
 * up to version 8 and `in#0/hls` or `in#0` in version 9, and before its format is known `NULL`
 * or `AVFormatContext`. What the lines do not say is not in an event: at level debug there is
 * no line for a successful response, and at no level one for the end of a body.
 *
 * It is not the place where events are put together: that is ffmpeg_trace.h. One thread. */
#ifndef ENGINE_FFMPEG_FFMPEG_LOG_H
#define ENGINE_FFMPEG_FFMPEG_LOG_H

#include "base/fail.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ffmpeg_log_type {
    /* "Opening 'url' for reading". `reused` is set when an http context says so: the request
     * goes out on the connection that context already has. */
    FFMPEG_LOG_OPEN,
    FFMPEG_LOG_HLS_REQUEST,     /* a segment or its initialization section: url, playlist */
    FFMPEG_LOG_REQUEST,         /* a request head on connection `context`: url is its target */
    FFMPEG_LOG_REQUEST_CLOSE,   /* the head above asks for the connection to be closed */
    FFMPEG_LOG_STATUS,          /* trace: number is the status of the response on `context` */
    FFMPEG_LOG_CONTENT_LENGTH,  /* trace: number is the body's length */
    FFMPEG_LOG_CHUNK,           /* trace: the next chunk's size; 0 for the last */
    FFMPEG_LOG_LAST_CHUNK,      /* a chunked body is complete, its connection closed */
    FFMPEG_LOG_RESPONSE_CLOSE,  /* trace: the server will close the connection */
    FFMPEG_LOG_CF_CACHE_STATUS, /* trace: url is the value of that header */
    FFMPEG_LOG_X_CACHE,         /* trace: url is the value of that header */
    FFMPEG_LOG_AGE,             /* trace: number is the value of that header */
    FFMPEG_LOG_HEAD_END,        /* trace: the response's head is whole */
    FFMPEG_LOG_HTTP_ERROR,      /* number is a status of 400 to 599 */
    FFMPEG_LOG_BODY_CUT,  /* the body ended at number, should have at other; UINT64_MAX: open */
    FFMPEG_LOG_TCP_START, /* address and port */
    FFMPEG_LOG_TCP_CONNECTED, /* address and port */
    FFMPEG_LOG_TCP_FAILED,    /* one attempt: address, port, fail */
    FFMPEG_LOG_TCP_GIVEN_UP,  /* all addresses of a name: fail */
    FFMPEG_LOG_DNS_FAILED,    /* fail */
    FFMPEG_LOG_TLS_FAILED,    /* fail */
    FFMPEG_LOG_RECONNECT,     /* it will try again: number is the offset, other the seconds */
    FFMPEG_LOG_KEEPALIVE_FAILED, /* a reused connection was of no use for url: fail */
    FFMPEG_LOG_SEQUENCE,         /* the media sequence went from number to other */
    FFMPEG_LOG_SEQUENCE_BACK,    /* it went backwards from number to other */
    FFMPEG_LOG_SEGMENT_FAILED,   /* number is the media sequence number; playlist */
    FFMPEG_LOG_SEGMENT_SKIPPED,  /* given up after the retries allowed: number; playlist */
    FFMPEG_LOG_SEGMENTS_EXPIRED, /* number of segments left the playlist unread */
    FFMPEG_LOG_INIT_SECTION,     /* the response just opened is one; number is its size */
    FFMPEG_LOG_INIT_FAILED,      /* playlist */
    FFMPEG_LOG_KEY_FAILED,       /* url */
    FFMPEG_LOG_PLAYLIST_FAILED,  /* a playlist could not be loaded or parsed */
    FFMPEG_LOG_PLAYLIST_LEFT,    /* playlist is no longer read */
    FFMPEG_LOG_PLAYLIST_TAG,     /* a tag of a playlist that was received */
    FFMPEG_LOG_BYTES_READ,       /* a connection or file is closed after number bytes */
    FFMPEG_LOG_DURATION,         /* of the input: number in µs; absent for live streams */
    FFMPEG_LOG_PLAYING,          /* all streams are known, packets flow to the output */
    FFMPEG_LOG_INPUT_FAILED,     /* the input could not be opened */
    FFMPEG_LOG_SIGNALLED,        /* it ends because of signal `number` */
    FFMPEG_LOG_TYPE_COUNT,
};

struct ffmpeg_log_event {
    enum ffmpeg_log_type type;
    bool reused;
    enum fail fail;   /* FAIL_NONE where the type has none */
    int32_t playlist; /* FFmpeg's own number of the playlist, -1 where there is none */
    uint16_t port;    /* where there is an address */
    int32_t stamp_ms; /* the line's own time of day, -1 without `datetime` */
    uint64_t context; /* the pointer in the prefix: the identity of a connection; 0 for none */
    uint64_t number;
    uint64_t other;
    struct span url;     /* or a header's value; valid during the call */
    struct span address; /* IPv4 or IPv6, without brackets; valid during the call */
};

enum {
    /* A line's first bytes that are looked at; FFmpeg's longest URL and its words fit. */
    FFMPEG_LOG_LINE_MAX = 4608,
};

struct ffmpeg_log {
    void (*on_event)(void *user, const struct ffmpeg_log_event *event);
    void *user;
    /* Every line is exactly one of: events, ignored, unknown. Empty lines are none. */
    uint64_t lines;
    uint64_t events;
    uint64_t ignored; /* understood to be of no interest */
    uint64_t unknown; /* of a network context or none at all, with words not known here */
    uint64_t cut;     /* lines whose end beyond FFMPEG_LOG_LINE_MAX was dropped unread */
    bool in_request;  /* inside the header lines that follow a request line */
    uint32_t len;     /* bytes kept of an unfinished line */
    char line[FFMPEG_LOG_LINE_MAX];
};

void ffmpeg_log_init(struct ffmpeg_log *log,
                     void (*on_event)(void *user, const struct ffmpeg_log_event *event),
                     void *user);

/* Takes the next bytes; calls on_event for each event of the lines they complete. */
void ffmpeg_log_feed(struct ffmpeg_log *log, const char *bytes, size_t len);

/* The stream has ended: an unfinished line is dropped and counted as cut. Returns whether there
 * was one. */
bool ffmpeg_log_finish(struct ffmpeg_log *log);

/* The failure that the words of an operating system error stand for, as FFmpeg prints them
 * after a connection attempt (connecting) or a request; `other` for words that are not known.
 */
enum fail ffmpeg_log_fail_of(struct span words, bool connecting, enum fail other);

#endif
