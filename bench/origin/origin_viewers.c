/* What the origin costs: starts `shoal origin` and fetches from it as many viewers would, with
 * the cheapest client there is (epoll, MSG_TRUNC), and prints CPU and memory of the origin.
 *
 *     origin_viewers SHOAL [VIEWERS [SECONDS [BITRATE]]]
 *
 * Phases: idle connections (memory), small requests back to back on 100 and on VIEWERS
 * connections (CPU per request), segments back to back on 100 (CPU per GB), VIEWERS live
 * viewers at BITRATE for SECONDS (CPU, segments that took longer than they last). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_US 2000000

enum what { IDLE, PLAYLIST, SEGMENT };

struct viewer {
    int fd;
    enum what what;
    int64_t left;       /* body bytes to come; below 0: the head has not come */
    int64_t next_us;    /* when a live viewer asks again; 0: at once */
    int64_t started_us; /* of the request */
    unsigned newest;    /* segment number that the last playlist ended with */
    bool busy;
};

struct bench {
    const char *shoal;
    pid_t origin;
    struct sockaddr_in address;
    int epoll;
    struct viewer *viewers;
    unsigned count;
    bool live; /* playlist and segment in turn, each SEGMENT_US */
    enum what what;
    uint64_t requests, bytes, late, failed;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void start_origin(struct bench *bench, const char *bitrate)
{
    int ends[2];
    char stream[100];
    snprintf(stream, sizeof stream, "name=live,bitrates=%s,segment=2s,window=6", bitrate);
    if (pipe(ends) != 0) {
        die("pipe");
    }
    bench->origin = fork();
    if (bench->origin == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        execl(bench->shoal, "shoal", "origin", "--listen", "127.0.0.1:0", "--stream", stream,
              (char *)NULL);
        _exit(127);
    }
    char line[200] = "";
    ssize_t n = read(ends[0], line, sizeof line - 1);
    char *port = n > 0 ? strstr(line, "127.0.0.1:") : NULL;
    if (port == NULL) {
        fprintf(stderr, "%s origin does not listen\n", bench->shoal);
        exit(1);
    }
    bench->address = (struct sockaddr_in){.sin_family = AF_INET,
                                          .sin_port = htons((uint16_t)atoi(port + 10)),
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    close(ends[1]);
}

/* CPU seconds of the origin so far. */
static double origin_cpu(const struct bench *bench)
{
    char path[64];
    char text[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)bench->origin);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof text, file) == NULL) {
        die(path);
    }
    fclose(file);
    return strtod(text, NULL) / 1e9;
}

static double origin_rss_kib(const struct bench *bench)
{
    char path[64];
    char line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)bench->origin);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0) {
            kib = strtod(line + 8, NULL);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

static double own_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(struct bench *bench, struct viewer *viewer, enum what what)
{
    char text[128];
    int len =
        what == PLAYLIST
            ? snprintf(text, sizeof text, "GET /live/v0/index.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n")
            : snprintf(text, sizeof text, "GET /live/v0/%u.ts HTTP/1.1\r\nHost: a\r\n\r\n",
                       viewer->newest);
    viewer->what = what;
    viewer->left = -1;
    viewer->busy = true;
    viewer->started_us = now_us();
    if (send(viewer->fd, text, (size_t)len, MSG_NOSIGNAL) != len) {
        bench->failed++;
    }
}

static void finished(struct bench *bench, struct viewer *viewer)
{
    int64_t at_us = now_us();
    viewer->busy = false;
    bench->requests++;
    if (bench->live && viewer->what == PLAYLIST) {
        ask(bench, viewer, SEGMENT);
        return;
    }
    if (bench->live) {
        bench->late += at_us - viewer->started_us > SEGMENT_US;
        return;
    }
    ask(bench, viewer, bench->what);
}

/* The number of the last "N.ts" in the playlist. */
static unsigned newest_of(const char *text, size_t len)
{
    while (len > 3 && memcmp(text + len - 3, ".ts", 3) != 0) {
        len--;
    }
    size_t at = len - 3;
    while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9') {
        at--;
    }
    return (unsigned)atoi(text + at);
}

/* The head, and what of the body came with it. */
static void on_head(struct bench *bench, struct viewer *viewer)
{
    char text[4096];
    ssize_t n = recv(viewer->fd, text, sizeof text - 1, 0);
    if (n <= 0) {
        bench->failed++;
        viewer->busy = false;
        return;
    }
    text[n] = '\0';
    char *end = strstr(text, "\r\n\r\n");
    char *length = strstr(text, "Content-Length: ");
    if (end == NULL || length == NULL || memcmp(text, "HTTP/1.1 200", 12) != 0) {
        bench->failed++;
        viewer->busy = false;
        return;
    }
    int64_t body = n - (end + 4 - text);
    viewer->left = atoll(length + 16) - body;
    bench->bytes += (uint64_t)body;
    if (viewer->what == PLAYLIST) {
        viewer->newest = newest_of(end, (size_t)(text + n - end));
    }
}

static void on_readable(struct bench *bench, struct viewer *viewer)
{
    static char sink[1 << 20];
    if (viewer->left < 0) {
        on_head(bench, viewer);
    } else {
        size_t most = viewer->left < (int64_t)sizeof sink ? (size_t)viewer->left : sizeof sink;
        ssize_t n = recv(viewer->fd, sink, most, MSG_TRUNC);
        if (n <= 0) {
            bench->failed++;
            viewer->busy = false;
            return;
        }
        viewer->left -= n;
        bench->bytes += (uint64_t)n;
    }
    if (viewer->busy && viewer->left == 0) {
        finished(bench, viewer);
    }
}

static void connect_all(struct bench *bench, unsigned count)
{
    bench->viewers = calloc(count, sizeof *bench->viewers);
    bench->count = count;
    bench->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++) {
        struct viewer *viewer = &bench->viewers[i];
        viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (viewer->fd < 0 || connect(viewer->fd, (struct sockaddr *)&bench->address,
                                      sizeof bench->address) != 0) {
            die("connect");
        }
        fcntl(viewer->fd, F_SETFL, O_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
        epoll_ctl(bench->epoll, EPOLL_CTL_ADD, viewer->fd, &event);
    }
}

static void close_all(struct bench *bench)
{
    for (unsigned i = 0; i < bench->count; i++) {
        close(bench->viewers[i].fd);
    }
    close(bench->epoll);
    free(bench->viewers);
}

static void handle_events(struct bench *bench, int wait_ms)
{
    struct epoll_event events[512];
    int n = epoll_wait(bench->epoll, events, 512, wait_ms);
    for (int i = 0; i < n; i++) {
        on_readable(bench, events[i].data.ptr);
    }
}

static void print_row(const struct bench *bench, const char *name, double wall_s, double cpu_s,
                      double own_s)
{
    printf("%-34s %9" PRIu64 " requests %7.2f GB %6.0f req/s %5.2f GB/s  origin %6.2f s CPU "
           "(%5.2f cores) %6.2f us/req %6.3f s/GB  client %5.2f s  late %" PRIu64
           " failed %" PRIu64 "\n",
           name, bench->requests, (double)bench->bytes / 1e9, (double)bench->requests / wall_s,
           (double)bench->bytes / 1e9 / wall_s, cpu_s, cpu_s / wall_s,
           cpu_s / (double)bench->requests * 1e6, cpu_s / ((double)bench->bytes / 1e9), own_s,
           bench->late, bench->failed);
    fflush(stdout);
}

/* Every connection asks again as soon as it is answered. */
static void back_to_back(struct bench *bench, const char *name, enum what what, unsigned count,
                         int seconds)
{
    connect_all(bench, count);
    bench->live = false;
    bench->what = what;
    bench->requests = bench->bytes = bench->late = bench->failed = 0;
    double cpu = origin_cpu(bench);
    double own = own_cpu();
    int64_t start_us = now_us();
    for (unsigned i = 0; i < count; i++) {
        ask(bench, &bench->viewers[i], what);
    }
    while (now_us() - start_us < seconds * INT64_C(1000000)) {
        handle_events(bench, 100);
    }
    print_row(bench, name, (double)(now_us() - start_us) / 1e6, origin_cpu(bench) - cpu,
              own_cpu() - own);
    close_all(bench);
}

/* Live viewers, their phases spread over the segment. */
static void live(struct bench *bench, unsigned count, int seconds)
{
    connect_all(bench, count);
    bench->live = true;
    bench->requests = bench->bytes = bench->late = bench->failed = 0;
    int64_t start_us = now_us();
    for (unsigned i = 0; i < count; i++) {
        bench->viewers[i].next_us = start_us + (int64_t)i * SEGMENT_US / count;
    }
    double cpu = origin_cpu(bench);
    double own = own_cpu();
    unsigned turn = 0;
    while (now_us() - start_us < seconds * INT64_C(1000000)) {
        /* Viewers are in the order of their times, so the next one due is next in turn. */
        while (bench->viewers[turn].next_us <= now_us()) {
            struct viewer *viewer = &bench->viewers[turn];
            viewer->next_us += SEGMENT_US;
            if (viewer->busy) {
                bench->late++;
            } else {
                ask(bench, viewer, PLAYLIST);
            }
            turn = (turn + 1) % count;
        }
        handle_events(bench, 1);
    }
    print_row(bench, "live viewers", (double)(now_us() - start_us) / 1e6,
              origin_cpu(bench) - cpu, own_cpu() - own);
    close_all(bench);
}

static void idle(struct bench *bench, unsigned count)
{
    double before = origin_rss_kib(bench);
    connect_all(bench, count);
    /* The origin has accepted all once it answers the last. */
    ask(bench, &bench->viewers[count - 1], PLAYLIST);
    while (bench->viewers[count - 1].left != 0) {
        struct epoll_event event;
        if (epoll_wait(bench->epoll, &event, 1, 5000) != 1) {
            die("no answer");
        }
        on_head(bench, event.data.ptr);
    }
    double after = origin_rss_kib(bench);
    printf("%u idle connections: %.2f KiB each of the origin's memory\n", count,
           (after - before) / count);
    close_all(bench);
}

int main(int argc, char **argv)
{
    struct bench bench = {.shoal = argc > 1 ? argv[1] : "build/shoal"};
    unsigned viewers = argc > 2 ? (unsigned)atoi(argv[2]) : 10000;
    int seconds = argc > 3 ? atoi(argv[3]) : 20;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    start_origin(&bench, argc > 4 ? argv[4] : "2M");
    idle(&bench, viewers);
    back_to_back(&bench, "playlists, 100 connections", PLAYLIST, 100, 5);
    back_to_back(&bench, "playlists, all connections", PLAYLIST, viewers, 5);
    back_to_back(&bench, "segments, 100 connections", SEGMENT, 100, 5);
    live(&bench, viewers, seconds);
    printf("origin memory at the end: %.1f MiB\n", origin_rss_kib(&bench) / 1024);
    kill(bench.origin, SIGTERM);
    waitpid(bench.origin, NULL, 0);
    return 0;
}
