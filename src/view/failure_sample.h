/* Some failures in full, so that one can follow them up: a bounded queue from the workers to
 * the views. Every failure is counted in the statistics; here only as many are kept as there is
 * room for, and the rest is counted as dropped.
 *
 * Each worker writes its own queue, the recorder alone reads; no locks, no allocation after
 * failure_queue_new, and a full queue never blocks its writer. */
#ifndef VIEW_FAILURE_SAMPLE_H
#define VIEW_FAILURE_SAMPLE_H

#include "base/fail.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct failure_sample {
    int64_t at_us; /* monotonic */
    uint32_t viewer;
    enum fail fail;
    uint16_t status;  /* 0: no response */
    int32_t age_s;    /* of the Age header, -1 without */
    char address[64]; /* of the server, "" when it is not known */
    char cache[64];   /* X-Cache or CF-Cache-Status, "" without */
    char url[256];    /* cut, "..." at its end, when longer */
};

/* How much of all failures the samples are. */
struct failure_tally {
    uint64_t sampled;     /* kept in full at some time */
    uint64_t not_sampled; /* only counted: too many in a second, or no room */
};

struct failure_queue;
struct run_info;

/* One queue for each of `writers` workers, with room for `slots` samples each (a power of
 * two). A writer gives at most `per_second` samples a second. NULL when there is no memory. */
struct failure_queue *failure_queue_new(unsigned writers, unsigned slots, unsigned per_second);

/* NULL is a no-op. */
void failure_queue_free(struct failure_queue *queue);

/* Whether a sample would be taken now; so that a worker need not build one in vain. The thread
 * of this writer. When it would not, that is counted as dropped. */
bool failure_queue_wants(struct failure_queue *queue, unsigned writer, int64_t now_us);

/* Gives a sample, after failure_queue_wants said yes. The thread of this writer. */
void failure_queue_push(struct failure_queue *queue, unsigned writer,
                        const struct failure_sample *sample);

/* Takes the next sample of any writer. Returns false when there is none. The reader's thread.
 */
bool failure_queue_pop(struct failure_queue *queue, struct failure_sample *out);

/* Failures not sampled so far. Any thread. */
uint64_t failure_queue_dropped(const struct failure_queue *queue);

/* Fills sample->url from a span. Bytes that no URL holds become '?'. */
void failure_sample_set_url(struct failure_sample *sample, struct span url);

/* Prints a line of the failure log, one JSON object, with the time of day (to find it in the
 * logs of others) and the time into the run. */
void failure_sample_print(const struct failure_sample *sample, const struct run_info *info,
                          FILE *file);

/* Prints the log's last line, which says of how many failures it is a sample. */
void failure_tally_print(const struct failure_tally *tally, FILE *file);

#endif
