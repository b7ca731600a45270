#include "rate_options/option.h"

#include <stddef.h>

const struct rate_option *const rate_options[] = {
    &rate_mutex_document, &rate_mutex_mended, &rate_rwlock,
#ifdef RATE_WITH_URCU
    &rate_swap_document,  &rate_exchange,     &rate_compare_swap,
#endif
    &rate_fields,         &rate_cached,       &rate_ring,         NULL,
};

void rate_answer_between(const struct rate_snapshot *base, const struct rate_snapshot *now,
                         struct rate_answer *out)
{
    *out = (struct rate_answer){
        .fresh = true,
        .torn = base->check != rate_snapshot_check(base),
        .baseline_id = base->id,
        .as_of_ns = now->time_ns,
        .elapsed_ns = now->time_ns - base->time_ns,
    };
    for (int k = 0; k < RATE_COUNTERS; k++) {
        out->delta[k] = (int64_t)(now->count[k] - base->count[k]);
        out->total[k] = now->count[k];
    }
}
