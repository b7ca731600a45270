#include "view/own_cost.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t timeval_us(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

/* The second field of statm: resident pages. */
static uint64_t read_rss_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    const char *second = strchr(text, ' ');
    return second == NULL ? 0 : strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void own_cost_read(struct own_cost *out)
{
    struct rusage usage;
    *out = (struct own_cost){0};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        out->cpu_us = timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime);
        out->max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
    }
    out->rss_bytes = read_rss_bytes();
}
