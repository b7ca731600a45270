/* The same load made in two ways: by a bare epoll loop that does nothing but send and receive,
 * as the floor, and by net/. Each keeps `connections` requests in flight over as many
 * kept-alive connections. */
#ifndef BENCH_NET_LOAD_H
#define BENCH_NET_LOAD_H

#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>

struct load_options {
    union net_address address;
    const char *path;
    uint32_t connections;
    bool drain; /* bodies are discarded in the kernel; otherwise they are read */
    bool tls;   /* net/ only */
    int64_t warm_up_us;
    int64_t measure_us;
};

/* What was done in the measured time. */
struct load_result {
    uint64_t requests;
    uint64_t body_bytes;
    uint64_t failures;
    int64_t wall_us;
    int64_t cpu_us; /* of this process */
};

/* Both return 0, or -1 with a message on stderr. */
int load_bare(const struct load_options *options, struct load_result *out);
int load_shoal(const struct load_options *options, struct load_result *out);

#endif
