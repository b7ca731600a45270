#include "engine/native/native.h"

#include "base/rng.h"
#include "engine/native/native_internal.h"
#include "stats/metrics.h"

#include <stdlib.h>
#include <sys/mman.h>

/* A viewer's time is counted once a second rather than at each cut: walking ten thousand
 * players ten times a second costs more than their requests do. */
#define ACCOUNT_PARTS 10

/* Fetches that one rendition can have in flight, see player.h. */
static uint32_t fetches_per_viewer(const struct native_options *options)
{
    return options->renditions * PLAYER_LINES;
}

static size_t viewer_stride(const struct native_options *options)
{
    size_t bytes =
        sizeof(struct viewer) + options->renditions * sizeof(struct player_rendition);
    return (bytes + 63) / 64 * 64;
}

size_t native_bytes_per_viewer(const struct native_options *options)
{
    return viewer_stride(options);
}

static void native_close(struct engine *engine);

static int open_memory(struct native *native, struct err *err)
{
    native->stride = viewer_stride(native->options);
    native->viewers_bytes = native->stride * (native->count > 0 ? native->count : 1);
    /* Zeroed pages that exist only once a viewer touches them. */
    void *memory = mmap(NULL, native->viewers_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return err_set(err, ERR_START, "--viewers", "ask for fewer viewers",
                       "no memory for %u viewers", native->count);
    }
    native->viewers = memory;
    size_t fetches = (size_t)native->count * fetches_per_viewer(native->options);
    if (pool_init(&native->fetches, sizeof(struct viewer_fetch), fetches > 0 ? fetches : 1) !=
        0) {
        return err_set(err, ERR_START, "--viewers", "ask for fewer viewers",
                       "no memory for %zu requests", fetches);
    }
    return 0;
}

static struct engine *native_open(const struct engine_setup *setup, struct err *err)
{
    struct native *native = calloc(1, sizeof *native);
    if (native == NULL) {
        err_set(err, ERR_START, "engine", NULL, "no memory");
        return NULL;
    }
    native->setup = *setup;
    native->options = setup->options;
    native->count =
        setup->viewers_limit > setup->worker
            ? (setup->viewers_limit - setup->worker + setup->workers - 1) / setup->workers
            : 0;
    native->net = native->options->net;
    native->net.clients_limit = native->count > 0 ? native->count : 1;
    native->net.connections_per_client =
        player_connections_most(native->options->player.profile, native->options->renditions);
    native->net.fetches_per_client = fetches_per_viewer(native->options);
    native->net.bodies_limit_bytes = native->options->held_limit_bytes / setup->workers;
    native->playlists.limit_bytes = native->net.bodies_limit_bytes;
    if (open_memory(native, err) != 0) {
        native_close((struct engine *)native);
        return NULL;
    }
    native->worker =
        net_worker_open(setup->loop, setup->lane, &native->net, setup->worker, err);
    if (native->worker == NULL) {
        native_close((struct engine *)native);
        return NULL;
    }
    return (struct engine *)native;
}

static void native_close(struct engine *engine)
{
    struct native *native = (struct native *)engine;
    for (uint32_t i = 0; i < native->opened; i++) {
        viewer_abort(native_viewer(native, i));
    }
    net_worker_close(native->worker);
    playlists_fini(&native->playlists);
    pool_fini(&native->fetches);
    if (native->viewers != NULL) {
        munmap(native->viewers, native->viewers_bytes);
    }
    free(native);
}

static struct viewer *viewer_of(struct native *native, uint32_t number)
{
    uint32_t index = number / native->setup.workers;
    for (; native->opened <= index; native->opened++) {
        viewer_init(native_viewer(native, native->opened), native,
                    native->opened * native->setup.workers + native->setup.worker);
    }
    return native_viewer(native, index);
}

static int native_viewer_start(struct engine *engine, uint32_t viewer, uint64_t session,
                               int64_t intended_us, int64_t length_us)
{
    struct native *native = (struct native *)engine;
    const struct player_session player_session = {
        .seed = rng_mix(native->setup.seed ^ rng_mix(viewer)) ^ rng_mix(session),
        .intended_us = intended_us,
        .length_us = length_us,
    };
    return viewer_start(viewer_of(native, viewer), &player_session);
}

static void native_viewer_leave(struct engine *engine, uint32_t viewer)
{
    viewer_leave(viewer_of((struct native *)engine, viewer));
}

static void native_abort_all(struct engine *engine)
{
    struct native *native = (struct native *)engine;
    for (uint32_t i = 0; i < native->opened; i++) {
        viewer_abort(native_viewer(native, i));
    }
}

static void native_account(struct engine *engine, int64_t now_us)
{
    struct native *native = (struct native *)engine;
    uint32_t part = native->opened / ACCOUNT_PARTS + 1;
    for (uint32_t i = 0; i < part && native->opened > 0; i++) {
        native->account_at = native->account_at < native->opened ? native->account_at : 0;
        viewer_account(native_viewer(native, native->account_at), now_us);
        native->account_at++;
    }
}

const struct engine_type engine_native = {
    .name = "native",
    .open = native_open,
    .close = native_close,
    .viewer_start = native_viewer_start,
    .viewer_leave = native_viewer_leave,
    .abort_all = native_abort_all,
    .account = native_account,
};
