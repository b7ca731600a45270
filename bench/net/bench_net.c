/* CPU per request and per gigabyte of one way to make a load:
 *
 *     bench_net bare|shoal get|drain ADDR PORT PATH CONNECTIONS SECONDS [tls]
 *
 * prints one line of JSON. run.py sets the server up and puts the ways beside each other. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    if (argc < 8) {
        fprintf(stderr, "bench_net bare|shoal get|drain ADDR PORT PATH CONNECTIONS SECONDS\n");
        return 2;
    }
    struct load_options options = {
        .path = argv[5],
        .connections = (uint32_t)strtoul(argv[6], NULL, 10),
        .drain = strcmp(argv[2], "drain") == 0,
        .tls = argc > 8 && strcmp(argv[8], "tls") == 0,
        .warm_up_us = 500000,
        .measure_us = (int64_t)(strtod(argv[7], NULL) * 1e6),
    };
    uint16_t port = (uint16_t)strtoul(argv[4], NULL, 10);
    if (net_address_parse(span_from_string(argv[3]), port, &options.address) != 0) {
        fprintf(stderr, "%s is no address\n", argv[3]);
        return 2;
    }
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct load_result result = {0};
    bool bare = strcmp(argv[1], "bare") == 0;
    if ((bare ? load_bare : load_shoal)(&options, &result) != 0) {
        return 1;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double requests = (double)result.requests;
    double gigabytes = (double)result.body_bytes * 1e-9;
    printf("{\"how\": \"%s\", \"sink\": \"%s\", \"connections\": %u, \"requests\": %llu, "
           "\"failures\": %llu, \"cpu_share\": %.3f, \"cpu_us_per_request\": %.3f, "
           "\"cpu_s_per_gb\": %.4f, \"gb_per_s\": %.3f, \"max_rss_kib\": %ld}\n",
           argv[1], argv[2], options.connections, (unsigned long long)result.requests,
           (unsigned long long)result.failures, (double)result.cpu_us / (double)result.wall_us,
           (double)result.cpu_us / requests, (double)result.cpu_us * 1e-6 / gigabytes,
           gigabytes / ((double)result.wall_us * 1e-6), usage.ru_maxrss);
    return result.failures == 0 ? 0 : 1;
}
