#include "run/slots.h"

#include "base/clock.h"
#include "base/rng.h"

#include <stdlib.h>

static void set_state(struct slot *slot, enum slot_state state)
{
    bool was_busy = slot->state != SLOT_IDLE && slot->state != SLOT_DONE;
    bool is_busy = state != SLOT_IDLE && state != SLOT_DONE;
    slot->state = (uint8_t)state;
    slot->slots->busy += (uint32_t)is_busy - (uint32_t)was_busy;
}

enum draw { DRAW_LENGTH, DRAW_WAIT, DRAWS };

/* Draws of a slot come from streams of their own, so that they depend neither on what the other
 * viewers do nor on each other. */
static struct rng draws_of(const struct slot *slot, enum draw draw)
{
    return rng_make(slot->slots->setup.seed ^ rng_mix(slot->viewer + UINT64_C(1)),
                    (uint64_t)slot->sessions * DRAWS + draw);
}

static void wait_for_replacement(struct slot *slot)
{
    struct rng rng = draws_of(slot, DRAW_WAIT);
    int64_t span_us = SLOTS_REPLACE_MAX_US - SLOTS_REPLACE_MIN_US;
    int64_t wait_us = SLOTS_REPLACE_MIN_US + (int64_t)rng_below(&rng, (uint64_t)span_us + 1);
    set_state(slot, SLOT_WAITING);
    loop_timer_start(slot->slots->setup.loop, &slot->replace, clock_monotonic_us() + wait_us);
}

static void start_session(struct slot *slot, int64_t intended_us)
{
    const struct slots *slots = slot->slots;
    int64_t length_us = 0;
    if (slots->setup.session_mean_us > 0) {
        struct rng rng = draws_of(slot, DRAW_LENGTH);
        double length = rng_exponential(&rng, (double)slots->setup.session_mean_us);
        length_us = length < 1 ? 1 : (int64_t)length;
    }
    set_state(slot, SLOT_PLAYING);
    int status = slots->setup.engine->viewer_start(slots->engine, slot->viewer, slot->sessions,
                                                   intended_us, length_us);
    slot->sessions++;
    if (status != 0) {
        if (slots->setup.once) {
            set_state(slot, SLOT_DONE);
        } else {
            wait_for_replacement(slot);
        }
    }
}

static void on_replace(struct loop_timer *timer)
{
    struct slot *slot = list_entry(timer, struct slot, replace);
    set_state(slot, SLOT_IDLE);
    start_session(slot, slot->replace.at_us);
}

static void on_session_over(struct engine_listener *listener, uint32_t viewer,
                            enum engine_outcome outcome)
{
    struct slots *slots = list_entry(listener, struct slots, listener);
    struct slot *slot = &slots->all[viewer / slots->setup.workers];
    bool was_leaving = slot->state == SLOT_LEAVING;
    set_state(slot, slots->setup.once ? SLOT_DONE : SLOT_IDLE);
    if (slot->wanted && !slots->ending && !slots->setup.once) {
        if (outcome == ENGINE_SESSION_FAILED) {
            wait_for_replacement(slot);
        } else {
            start_session(slot, was_leaving ? slot->intended_us : clock_monotonic_us());
        }
    }
    if (slots->busy == 0) {
        slots->setup.on_idle(slots);
    }
}

int slots_init(struct slots *slots, const struct slots_setup *setup, struct err *err)
{
    uint32_t limit = setup->viewers_limit;
    uint32_t count = limit > setup->number
                         ? (limit - setup->number + setup->workers - 1) / setup->workers
                         : 0;
    *slots = (struct slots){
        .setup = *setup,
        .listener = {.on_session_over = on_session_over},
        .all = calloc(count > 0 ? count : 1, sizeof *slots->all),
        .count = count,
    };
    if (slots->all == NULL) {
        slots->count = 0;
        return err_set(err, ERR_START, "--viewers", "ask for fewer viewers",
                       "no memory for %u viewer slots", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slot *slot = &slots->all[i];
        slot->slots = slots;
        slot->viewer = setup->number + i * setup->workers;
        loop_timer_init(&slot->replace, on_replace);
    }
    return 0;
}

void slots_fini(struct slots *slots)
{
    free(slots->all);
    slots->all = NULL;
    slots->count = 0;
}

static struct slot *slot_of(struct slots *slots, uint32_t viewer)
{
    uint32_t index = viewer / slots->setup.workers;
    return index < slots->count ? &slots->all[index] : NULL;
}

void slots_want(struct slots *slots, uint32_t viewer, int64_t intended_us)
{
    struct slot *slot = slot_of(slots, viewer);
    if (slot == NULL || slot->wanted || slots->ending) {
        return;
    }
    slot->wanted = true;
    slots->wanted++;
    /* One that is still leaving starts anew when it is gone: a slow answer to the one must not
     * hide what it costs the next. */
    slot->intended_us = intended_us;
    if (slot->state == SLOT_IDLE) {
        start_session(slot, intended_us);
    }
}

static void leave(struct slot *slot)
{
    struct slots *slots = slot->slots;
    if (slot->state == SLOT_WAITING) {
        loop_timer_stop(slots->setup.loop, &slot->replace);
        set_state(slot, SLOT_IDLE);
    } else if (slot->state == SLOT_PLAYING) {
        set_state(slot, SLOT_LEAVING);
        slots->setup.engine->viewer_leave(slots->engine, slot->viewer);
    }
}

void slots_unwant(struct slots *slots, uint32_t viewer)
{
    struct slot *slot = slot_of(slots, viewer);
    if (slot == NULL || !slot->wanted) {
        return;
    }
    slot->wanted = false;
    slots->wanted--;
    leave(slot);
}

void slots_end(struct slots *slots)
{
    slots->ending = true;
    for (uint32_t i = 0; i < slots->count; i++) {
        leave(&slots->all[i]);
    }
}

void slots_stop(struct slots *slots)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        loop_timer_stop(slots->setup.loop, &slots->all[i].replace);
    }
}
