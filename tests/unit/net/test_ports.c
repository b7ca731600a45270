/* Source ports and source addresses that are not there, in networks of the test's own:
 * namespaces whose range of ports is two, or without IPv6. Skipped where the kernel gives no
 * such namespace. */
#include "../skip.h"
#include "net/port_range.h"
#include "rig.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

static bool loopback_up(void)
{
    struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
    memcpy(request.ifr_name, "lo", 3);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return up;
}

static bool own_network(void)
{
    return (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) &&
           loopback_up();
}

static bool set_parameter(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool set = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    close(fd);
    return set;
}

static bool set_port_range(const char *range)
{
    return set_parameter("/proc/sys/net/ipv4/ip_local_port_range", range);
}

static void serve_nothing(struct server_connection *c)
{
    server_wait_close(c, 10000);
}

static void test_ports_spent(void **state)
{
    (void)state;
    if (!own_network() || !set_port_range("50000 50001")) {
        SKIP_TEST("no network namespace to be had");
    }
    struct server server;
    memset(&server, 0, sizeof(server));
    struct rig rig;
    /* The listener's own port must not come from the two. */
    assert_true(set_port_range("40000 40001"));
    server_start(&server, "127.0.0.1", serve_nothing, NULL, NULL);
    assert_true(set_port_range("50000 50001"));
    struct net_client_options options = {.connections = 8};
    struct net_options net_options = {.connections_per_client = 8};
    rig_open(&rig, &net_options, &options);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
    struct trial trials[3];
    for (int i = 0; i < 3; i++) {
        trial_init(&trials[i]);
        struct fetch_request request = {
            .url = span_from_string(url), .kind = METRIC_KIND_SEGMENT, .sink = FETCH_DRAIN};
        assert_int_equal(fetch_start(&rig.client, &trials[i].fetch, &request), FAIL_NONE);
    }
    rig_run_until(&rig, &trials[2].done);
    assert_int_equal(trials[2].result.fail, FAIL_PORTS_SPENT);
    assert_int_equal(rig_failures(&rig, FAIL_PORTS_SPENT), 1);
    for (int i = 0; i < 3; i++) {
        fetch_cancel(&trials[i].fetch);
        trial_fini(&trials[i]);
    }
    rig_close(&rig);
    server_stop(&server);
    server_free_log(&server);
}

/* The system gives one error for both: that a machine has no IPv6 is no lack of ports. */
static void test_no_source_address(void **state)
{
    (void)state;
    if (!own_network() || !set_parameter("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")) {
        SKIP_TEST("no network namespace to be had");
    }
    struct rig rig;
    rig_open(&rig, NULL, NULL);
    struct trial trial;
    trial_init(&trial);
    rig_get(&rig, &trial, "http://[::1]:8080/");
    assert_int_equal(trial.result.fail, FAIL_CONNECT_UNREACHABLE);
    assert_int_equal(rig_failures(&rig, FAIL_CONNECT_UNREACHABLE), 1);
    assert_int_equal(rig_failures(&rig, FAIL_PORTS_SPENT), 0);
    trial_fini(&trial);
    rig_close(&rig);
}

enum { WINDOWS = 4, PORTS = WINDOWS * PORT_WINDOW };

static int listen_at(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(listen(fd, 2 * PORTS), 0);
    return fd;
}

static uint32_t port_of(int fd)
{
    struct sockaddr_in own = {0};
    socklen_t size = sizeof(own);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
    return ntohs(own.sin_port);
}

/* Each connect takes from the next window, until all of them are full, and not before. */
static void test_windows_of_ports(void **state)
{
    (void)state;
    if (!own_network() || !set_port_range("50000 50511")) {
        SKIP_TEST("no network namespace to be had");
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(40000),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = listen_at(&address);
    struct port_range range;
    port_range_init_system(&range, 0);
    assert_int_equal(range.low, 50000);
    assert_int_equal(range.high, 50511);
    assert_int_equal(range.windows, WINDOWS);
    int fds[PORTS + 1];
    bool has_windows = true; /* Linux 6.3 */
    for (int i = 0; i <= PORTS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint32_t none = 0;
        has_windows &= setsockopt(fds[i], IPPROTO_IP, 51, &none, sizeof(none)) == 0;
        uint32_t window = range.turn % WINDOWS;
        int status =
            port_range_connect(&range, fds[i], (struct sockaddr *)&address, sizeof(address));
        if (i == PORTS) {
            assert_int_equal(status, -1);
            assert_int_equal(errno, EADDRNOTAVAIL);
        } else {
            assert_int_equal(status, 0);
            uint32_t port = port_of(fds[i]);
            assert_in_range(port, 50000, 50511);
            assert_true(!has_windows || (port - 50000) / PORT_WINDOW == window);
        }
    }
    for (int i = 0; i <= PORTS; i++) {
        close(fds[i]);
    }
    close(listener);
}

/* A range too small to be divided, and one that is none. */
static void test_ranges_without_windows(void **state)
{
    (void)state;
    struct port_range range;
    port_range_init(&range, 50000, 50000 + PORT_WINDOW, 3);
    assert_true(range.windows < 2);
    port_range_init(&range, 50001, 50000, 0);
    assert_int_equal(range.windows, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = listen_at(&address);
    address.sin_port = htons((uint16_t)port_of(listener));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        port_range_connect(&range, fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_without_windows),
        cmocka_unit_test(test_windows_of_ports),
        cmocka_unit_test(test_ports_spent),
        cmocka_unit_test(test_no_source_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
