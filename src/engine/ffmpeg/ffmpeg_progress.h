/* FFmpeg's -progress stream as reports: key=value lines in, one report per block out. Pure: no
 * descriptor, no clock, no allocation. One thread. */
#ifndef ENGINE_FFMPEG_FFMPEG_PROGRESS_H
#define ENGINE_FFMPEG_FFMPEG_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ffmpeg_progress_report {
    bool has_position;
    bool has_speed;
    bool at_end;             /* the last block: the process is about to exit */
    int64_t position_us;     /* media time written so far; valid with has_position */
    uint32_t speed_permille; /* media time over wall time since the start, 1000 is real time;
                              * valid with has_speed. It is a mean over the whole run, so it
                              * says nothing about this moment. */
};

enum {
    FFMPEG_PROGRESS_LINE_MAX = 128,
};

struct ffmpeg_progress {
    void (*on_report)(void *user, const struct ffmpeg_progress_report *report);
    void *user;
    struct ffmpeg_progress_report report; /* the block being read */
    uint64_t blocks;
    uint64_t cut; /* lines longer than FFMPEG_PROGRESS_LINE_MAX, not read */
    uint32_t len; /* bytes kept of an unfinished line */
    char line[FFMPEG_PROGRESS_LINE_MAX];
};

void ffmpeg_progress_init(struct ffmpeg_progress *progress,
                          void (*on_report)(void *user,
                                            const struct ffmpeg_progress_report *report),
                          void *user);

/* Takes the next bytes; calls on_report for each block they complete. */
void ffmpeg_progress_feed(struct ffmpeg_progress *progress, const char *bytes, size_t len);

#endif
