/* Source ports without the long walk. For each connect Linux looks for a port that is free to
 * that destination: through all those of one parity first, then through the others. Once half
 * of the range is taken by one server's connections, every further connect walks that whole
 * half: a millisecond each, measured with the default range. From Linux 6.3 on a socket can be
 * told a range of its own (IP_LOCAL_PORT_RANGE), so each connect here is given a small window,
 * the next one each time; the walk is never longer than a few of them. Older kernels walk.
 *
 * Belongs to one worker's thread. */
#ifndef NET_PORT_RANGE_H
#define NET_PORT_RANGE_H

#include <stdint.h>
#include <sys/socket.h>

enum {
    /* Ports of a window: few to walk, and enough that all windows together are few. */
    PORT_WINDOW = 128,
};

struct port_range {
    uint16_t low, high; /* the system's range, both included (net.ipv4.ip_local_port_range) */
    uint32_t windows;   /* how many the range is divided into; below 2 there is none */
    uint32_t turn;      /* of the next window */
};

/* The range from `low` to `high`. `worker` sets where the first window is, so that the workers
 * of a process do not follow on each other's heels. */
void port_range_init(struct port_range *range, uint16_t low, uint16_t high, uint32_t worker);

/* The range of this system, or the kernel's default where that cannot be read. */
void port_range_init_system(struct port_range *range, uint32_t worker);

/* As connect(2) on a socket of IPv4 or IPv6 that has no port yet, with the same results and
 * errno. EADDRNOTAVAIL is given only when the whole range has been looked through. */
int port_range_connect(struct port_range *range, int fd, const struct sockaddr *address,
                       socklen_t address_bytes);

#endif
