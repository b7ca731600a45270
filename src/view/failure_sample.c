#include "view/failure_sample.h"

#include "view/format.h"
#include "view/json_util.h"
#include "view/run_info.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 128 };

/* One worker's queue. `head` is written by the worker, `tail` by the reader; slots between them
 * hold samples. */
struct queue {
    _Alignas(LINE) _Atomic uint64_t head;
    _Alignas(LINE) _Atomic uint64_t tail;
    _Alignas(LINE) _Atomic uint64_t dropped; /* written by the worker alone */
    int64_t second_us;                       /* the worker's: when its current second began */
    unsigned this_second;                    /* the worker's: samples given in it */
    struct failure_sample *slots;            /* owned */
};

struct failure_queue {
    unsigned writers, slot_count, per_second;
    unsigned next; /* the reader's: whose turn it is */
    struct queue queues[];
};

struct failure_queue *failure_queue_new(unsigned writers, unsigned slots, unsigned per_second)
{
    assert(slots > 0 && (slots & (slots - 1)) == 0);
    size_t bytes = sizeof(struct failure_queue) + writers * sizeof(struct queue);
    struct failure_queue *queue = aligned_alloc(LINE, (bytes + LINE - 1) / LINE * LINE);
    if (queue == NULL) {
        return NULL;
    }
    memset(queue, 0, bytes);
    queue->writers = writers;
    queue->slot_count = slots;
    queue->per_second = per_second;
    for (unsigned i = 0; i < writers; i++) {
        queue->queues[i].second_us = INT64_MIN;
        queue->queues[i].slots = calloc(slots, sizeof(struct failure_sample));
        if (queue->queues[i].slots == NULL) {
            failure_queue_free(queue);
            return NULL;
        }
    }
    return queue;
}

void failure_queue_free(struct failure_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    for (unsigned i = 0; i < queue->writers; i++) {
        free(queue->queues[i].slots);
    }
    free(queue);
}

static void count_dropped(struct queue *own)
{
    uint64_t dropped = atomic_load_explicit(&own->dropped, memory_order_relaxed);
    atomic_store_explicit(&own->dropped, dropped + 1, memory_order_relaxed);
}

bool failure_queue_wants(struct failure_queue *queue, unsigned writer, int64_t now_us)
{
    struct queue *own = &queue->queues[writer];
    if (own->second_us == INT64_MIN || now_us - own->second_us >= 1000000) {
        own->second_us = now_us;
        own->this_second = 0;
    }
    uint64_t head = atomic_load_explicit(&own->head, memory_order_relaxed);
    /* Acquire pairs with the release in failure_queue_pop: the reader is done with the slot. */
    uint64_t tail = atomic_load_explicit(&own->tail, memory_order_acquire);
    if (own->this_second >= queue->per_second || head - tail >= queue->slot_count) {
        count_dropped(own);
        return false;
    }
    return true;
}

void failure_queue_push(struct failure_queue *queue, unsigned writer,
                        const struct failure_sample *sample)
{
    struct queue *own = &queue->queues[writer];
    uint64_t head = atomic_load_explicit(&own->head, memory_order_relaxed);
    assert(head - atomic_load_explicit(&own->tail, memory_order_acquire) < queue->slot_count);
    own->slots[head & (queue->slot_count - 1)] = *sample;
    own->this_second++;
    /* Release pairs with the acquire in failure_queue_pop: the slot before the head. */
    atomic_store_explicit(&own->head, head + 1, memory_order_release);
}

static bool pop_from(struct failure_queue *queue, struct queue *from,
                     struct failure_sample *out)
{
    uint64_t tail = atomic_load_explicit(&from->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&from->head, memory_order_acquire);
    if (head == tail) {
        return false;
    }
    *out = from->slots[tail & (queue->slot_count - 1)];
    atomic_store_explicit(&from->tail, tail + 1, memory_order_release);
    return true;
}

bool failure_queue_pop(struct failure_queue *queue, struct failure_sample *out)
{
    for (unsigned i = 0; i < queue->writers; i++) {
        unsigned turn = queue->next;
        queue->next = (queue->next + 1) % queue->writers;
        if (pop_from(queue, &queue->queues[turn], out)) {
            return true;
        }
    }
    return false;
}

uint64_t failure_queue_dropped(const struct failure_queue *queue)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < queue->writers; i++) {
        sum += atomic_load_explicit(&queue->queues[i].dropped, memory_order_relaxed);
    }
    return sum;
}

void failure_sample_set_url(struct failure_sample *sample, struct span url)
{
    static const char more[] = "...";
    size_t room = sizeof(sample->url) - 1;
    bool whole = url.len <= room;
    size_t kept = whole ? url.len : room - (sizeof(more) - 1);
    for (size_t i = 0; i < kept; i++) {
        bool printable = url.ptr[i] > ' ' && url.ptr[i] < 127;
        sample->url[i] = printable ? url.ptr[i] : '?';
    }
    memcpy(sample->url + kept, whole ? "" : more, whole ? 1 : sizeof(more));
}

void failure_tally_print(const struct failure_tally *tally, FILE *file)
{
    fprintf(file, "{\"sampled\":%" PRIu64 ",\"not_sampled\":%" PRIu64 "}\n", tally->sampled,
            tally->not_sampled);
}

void failure_sample_print(const struct failure_sample *sample, const struct run_info *info,
                          FILE *file)
{
    int64_t into_us = sample->at_us - info->start_us;
    char at[FORMAT_MAX];
    format_timestamp(at, sizeof(at), info->start_wall_us + into_us);
    json_t *line = json_pack(
        "{s:s, s:f, s:i, s:s, s:i, s:o, s:o, s:o}", "at", at, "time_s", (double)into_us / 1e6,
        "viewer", (int)sample->viewer, "failure", fail_info(sample->fail)->label, "status",
        (int)sample->status, "url", json_util_text(sample->url), "address",
        json_util_text(sample->address), "cache", json_util_text(sample->cache));
    if (line != NULL && sample->age_s >= 0) {
        json_object_set_new(line, "age_s", json_integer(sample->age_s));
    }
    if (line != NULL && json_dumpf(line, file, JSON_COMPACT | JSON_REAL_PRECISION(12)) == 0) {
        fputc('\n', file);
    }
    json_decref(line);
}
