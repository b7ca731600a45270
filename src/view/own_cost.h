/* What this process costs, as the system tells. Any thread. */
#ifndef VIEW_OWN_COST_H
#define VIEW_OWN_COST_H

#include <stdint.h>

struct own_cost {
    int64_t cpu_us; /* user and system time of all threads so far */
    uint64_t rss_bytes;
    uint64_t max_rss_bytes;
};

void own_cost_read(struct own_cost *out);

#endif
