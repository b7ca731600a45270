/* One viewer of the FFmpeg engine: a session, and the process that plays it. Starts it, reads
 * its log and progress, notices stalls, starts it again when it exits early, and ends it
 * politely, then firmly. The worker's thread only.
 *
 * The states and what moves them:
 *
 *     IDLE     -- start --> RUNNING
 *     RUNNING  -- exit at the stream's end --> IDLE (session ended)
 *              -- any other exit --> PAUSED, or IDLE (session failed) when restarts are used up
 *              -- leave --> LEAVING
 *     PAUSED   -- the pause is over --> RUNNING
 *              -- leave --> IDLE (session ended)
 *     LEAVING  -- exit; the firm signal follows the polite one after a grace --> IDLE (ended)
 *
 * A session plays from the line that says so; it stalls while the position that the process
 * reports stands still, and from the early exit of a process until the next one plays. The
 * position comes four times a second, so a stall is known to a quarter of a second. */
#ifndef ENGINE_FFMPEG_FFMPEG_CLIENT_H
#define ENGINE_FFMPEG_FFMPEG_CLIENT_H

#include "engine/ffmpeg/ffmpeg.h"
#include "engine/ffmpeg/ffmpeg_backoff.h"
#include "engine/ffmpeg/ffmpeg_log.h"
#include "engine/ffmpeg/ffmpeg_progress.h"
#include "engine/ffmpeg/ffmpeg_trace.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

enum ffmpeg_client_state {
    FFMPEG_CLIENT_IDLE,
    FFMPEG_CLIENT_RUNNING,
    FFMPEG_CLIENT_PAUSED,
    FFMPEG_CLIENT_LEAVING,
};

/* What all clients of one engine share. */
struct ffmpeg_shared {
    const struct engine_setup *setup;     /* borrowed */
    const struct ffmpeg_options *options; /* borrowed */
    char *scratch;                        /* for reading pipes; owned by the engine */
    size_t scratch_bytes;
    struct list leave_queue; /* clients to be signalled when others have gone */
    uint32_t leaving;        /* signalled and not yet gone */
};

struct ffmpeg_client {
    struct ffmpeg_shared *shared; /* borrowed */
    uint32_t viewer;
    uint64_t session;
    enum ffmpeg_client_state state;
    struct rng rng;
    int32_t program; /* that it plays, -1 for all */
    struct ffmpeg_backoff backoff;
    int64_t intended_us;

    /* The process; valid while RUNNING or LEAVING. */
    struct loop_child child;
    struct loop_io log_io, progress_io;
    int log_fd, progress_fd; /* owned, -1 once closed */
    struct ffmpeg_log log;
    struct ffmpeg_progress progress;
    struct ffmpeg_trace trace;
    int64_t read_us; /* when the bytes being parsed were read */

    struct loop_timer pause;  /* PAUSED: when the next process is started */
    struct loop_timer length; /* when the viewing time is over */
    struct loop_timer firm;   /* LEAVING: when the firm signal is sent */
    struct loop_task over;    /* reports the end of a session from an event of its own */
    struct list leave_node;   /* in leave_queue, or alone */
    bool asked;               /* the polite signal has been sent */

    /* Playback. */
    bool played; /* this session has begun to play */
    bool stalled;
    bool has_position;     /* of this process */
    int64_t position_us;   /* the newest */
    int64_t advanced_us;   /* when the position moved last, on the loop's clock */
    int64_t process_us;    /* when this process began to play; valid if trace.playing */
    int64_t accounted_us;  /* watched and stalled time are counted up to here */
    int64_t stall_from_us; /* valid while stalled */
    uint64_t lines_counted, unknown_counted, cut_counted; /* of log, in the lane already */
};

/* An idle client for `viewer`. */
void ffmpeg_client_init(struct ffmpeg_client *client, struct ffmpeg_shared *shared,
                        uint32_t viewer);

/* As engine_type.viewer_start. The client must be idle. */
int ffmpeg_client_start(struct ffmpeg_client *client, uint64_t session, int64_t intended_us,
                        int64_t length_us);

/* As engine_type.viewer_leave. Only a few processes of an engine are ended at the same time,
 * the others play on until it is their turn: a process that ends is busy, and hundreds at once
 * would leave this thread without a processor. */
void ffmpeg_client_leave(struct ffmpeg_client *client);

/* Sends the firm signal; ffmpeg_client_reap follows. So that many die at once, all are
 * signalled before the first is waited for. */
void ffmpeg_client_kill(struct ffmpeg_client *client);

/* Waits for the process, if there is one, and takes back everything. Returns whether a session
 * was going on; it is counted as ended, and nobody is told. */
bool ffmpeg_client_reap(struct ffmpeg_client *client);

/* As engine_type.account, for this client. */
void ffmpeg_client_account(struct ffmpeg_client *client, int64_t now_us);

#endif
