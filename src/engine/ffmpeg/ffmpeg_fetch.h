/* The requests of one FFmpeg process and the rules by which each is counted exactly once. Part
 * of ffmpeg_trace, which reads the events and calls these; nobody else does. */
#ifndef ENGINE_FFMPEG_FFMPEG_FETCH_H
#define ENGINE_FFMPEG_FFMPEG_FETCH_H

#include "engine/ffmpeg/ffmpeg_trace.h"

/* From `start` to `now`, both stamps of the day or both of the clock. */
int64_t ffmpeg_fetch_elapsed_us(int64_t start, int64_t now);

/* Counts a failure, also as its server's unless it was this machine's, and shows it.
 * `connection` is that of its request, or says what is known of one that did not come about;
 * NULL where there was none. */
void ffmpeg_fetch_count_failure(struct ffmpeg_trace *trace,
                                const struct ffmpeg_connection *connection, enum fail fail);

/* Counts bytes of a body. */
void ffmpeg_fetch_count_bytes(struct ffmpeg_trace *trace,
                              const struct ffmpeg_connection *connection, uint64_t bytes);

/* The place of playlist `number`; those beyond the bound share the last. */
struct ffmpeg_trace_playlist *ffmpeg_fetch_playlist(struct ffmpeg_trace *trace, int32_t number);

/* Whether only the next line tells what the request is for. */
bool ffmpeg_fetch_is_unknown(enum ffmpeg_fetch_kind kind);

bool ffmpeg_fetch_is_playlist(enum ffmpeg_fetch_kind kind);

/* The connection of a context, or NULL. */
struct ffmpeg_connection *ffmpeg_fetch_find(struct ffmpeg_trace *trace, uint64_t context);

/* A free place for a connection; when there is none, that of the oldest, which is lost. */
struct ffmpeg_connection *ffmpeg_fetch_place(struct ffmpeg_trace *trace);

/* Counts the connection's request, unless it is counted already. A request whose purpose only
 * the next line tells waits for it, and so do its response and all else about it, so that the
 * requests balance at every moment. */
void ffmpeg_fetch_count_request(struct ffmpeg_trace *trace,
                                struct ffmpeg_connection *connection);

/* The response's head has come. Status 0 is 2xx without its number. */
void ffmpeg_fetch_count_response(struct ffmpeg_trace *trace,
                                 struct ffmpeg_connection *connection, unsigned status);

/* The purpose of the request is `kind`, if it was not known: counts what had to wait for it. */
void ffmpeg_fetch_resolve(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection,
                          enum ffmpeg_fetch_kind kind);

/* The same when nothing more is to be learnt of it: a media playlist or a segment. */
void ffmpeg_fetch_resolve_any(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection);

/* The request failed before a whole response head. */
void ffmpeg_fetch_fail(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection,
                       enum fail fail);

/* Why a request got no response, when FFmpeg does not say. */
enum fail ffmpeg_fetch_no_response(const struct ffmpeg_trace *trace,
                                   const struct ffmpeg_connection *connection, int64_t now_us);

/* Bytes of the body as far as the log tells: its announced length, or its chunks so far. */
uint64_t ffmpeg_fetch_body_bytes(const struct ffmpeg_connection *connection);

/* The body of a 2xx response has been read to its end; counts what it was, and closes the
 * connection when that was agreed. */
void ffmpeg_fetch_complete(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection);

/* Nobody waits for the request or its body any more: what has no outcome yet is aborted. */
void ffmpeg_fetch_drop(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection);

/* A TCP connection of the process is closed. */
void ffmpeg_fetch_count_close(struct ffmpeg_trace *trace);

/* The connection is closed, its place free; a request in flight on it is dropped. */
void ffmpeg_fetch_close(struct ffmpeg_trace *trace, struct ffmpeg_connection *connection);

/* The oldest of the segments being read from a playlist is no longer one of them. */
void ffmpeg_fetch_drop_oldest(struct ffmpeg_trace_playlist *playlist);

/* The oldest of the segments being read from a playlist has been read. */
void ffmpeg_fetch_finish_oldest(struct ffmpeg_trace *trace,
                                struct ffmpeg_trace_playlist *playlist);

/* FFmpeg has gone on without complaint, so the newest request was answered well: a playlist or
 * key has been read, a segment is being read. A first playlist of which it was not known is of
 * the kind `playlist_is`. */
void ffmpeg_fetch_settle(struct ffmpeg_trace *trace, enum ffmpeg_fetch_kind playlist_is,
                         int64_t now_us);

#endif
