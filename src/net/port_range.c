#include "net/port_range.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

enum {
    LOW_DEFAULT = 32768, /* of the kernel */
    HIGH_DEFAULT = 60999,
    /* Full windows that are tried before the kernel looks through the whole range. */
    WINDOWS_TRIED = 8,
    /* Between the first windows of two workers. A prime, so that they spread. */
    WORKER_STRIDE = 61,
};

void port_range_init(struct port_range *range, uint16_t low, uint16_t high, uint32_t worker)
{
    *range = (struct port_range){
        .low = low,
        .high = high,
        .windows = high >= low ? ((uint32_t)high - low + 1) / PORT_WINDOW : 0,
        .turn = worker * WORKER_STRIDE,
    };
}

void port_range_init_system(struct port_range *range, uint32_t worker)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    unsigned low = 0, high = 0;
    if (file != NULL) {
        if (fscanf(file, "%u %u", &low, &high) != 2) {
            low = 0;
        }
        fclose(file);
    }
    if (low == 0 || high < low || high > UINT16_MAX) {
        low = LOW_DEFAULT;
        high = HIGH_DEFAULT;
    }
    port_range_init(range, (uint16_t)low, (uint16_t)high, worker);
}

/* Both bounds are included, the upper one in the upper half of the word; ip(7). Returns -1
 * where the kernel does not know the option. */
static int restrict_ports(int fd, uint32_t low, uint32_t high)
{
    uint32_t bounds = low | high << 16;
    return setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &bounds, sizeof(bounds));
}

int port_range_connect(struct port_range *range, int fd, const struct sockaddr *address,
                       socklen_t address_bytes)
{
    uint32_t tries = range->windows < 2 ? 0 : WINDOWS_TRIED;
    for (uint32_t i = 0; i < tries; i++) {
        uint32_t low = range->low + range->turn++ % range->windows * PORT_WINDOW;
        if (restrict_ports(fd, low, low + PORT_WINDOW - 1) != 0) {
            break;
        }
        int status = connect(fd, address, address_bytes);
        if (status == 0 || errno != EADDRNOTAVAIL) {
            return status;
        }
    }
    if (tries > 0) {
        restrict_ports(fd, 0, 0); /* no range of its own */
    }
    return connect(fd, address, address_bytes);
}
