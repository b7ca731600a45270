#include "view/origin_text.h"
#include "view/origin_watch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_figure(double found, double expected)
{
    if (!(isnan(found) && isnan(expected)) && found != expected) {
        fail_msg("found %g, expected %g", found, expected);
    }
}

#define NODE "node_cpu_seconds_total{cpu=\"0\",mode="
#define SENT "node_network_transmit_bytes_total{device="

static void test_texts(void **state)
{
    static const struct {
        const char *text;
        struct origin_totals expected; /* -1 stands for not known */
    } cases[] = {
        {"", {-1, -1, -1, -1, ORIGIN_PROCESS, false}},
        {"# only a comment\nunknown 5\n", {-1, -1, -1, -1, ORIGIN_PROCESS, false}},
        {NODE "\"idle\"} 900\n" NODE "\"iowait\"} 50\n" NODE "\"user\"} 10.5\n"
              "node_cpu_seconds_total{cpu=\"1\",mode=\"system\"} 2\n"
              "process_cpu_seconds_total 77\n" SENT "\"eth0\"} 1e+09\n" SENT "\"lo\"} 5\n" SENT
              "\"veth12ab\"} 6\n" SENT "\"docker0\"} 7\n" SENT "\"br-1\"} 8\n"
              "node_netstat_Tcp_CurrEstab 12\n",
         {12.5, 1e9, -1, 12, ORIGIN_MACHINE, false}},
        {"node_netstat_Tcp_CurrEstab 12\nprocess_cpu_seconds_total 77\n",
         {-1, -1, -1, 12, ORIGIN_MACHINE, false}},
        {"process_cpu_seconds_total 3.25 1700000000000\n",
         {3.25, -1, -1, -1, ORIGIN_PROCESS, false}},
        {"nginx_connections_active 7\nnginx_http_requests_total 123\nnginx_up 1\n"
         "process_cpu_seconds_total 3\n",
         {-1, -1, 123, 7, ORIGIN_NGINX, false}},
        {"nginx_up 0\nprocess_cpu_seconds_total 3\n", {-1, -1, -1, -1, ORIGIN_NGINX, true}},
        {"shoal_origin_open_connections 4\nshoal_origin_requests_total 9\n"
         "shoal_origin_body_bytes_total{kind=\"segment\"} 100\n"
         "process_cpu_seconds_total 1.5\n"
         "shoal_origin_body_bytes_total{kind=\"playlist\"} 11",
         {1.5, 111, 9, 4, ORIGIN_SHOAL, false}},
        {"Active connections: 291 \nserver accepts handled requests\n"
         " 16630948 16630946 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n",
         {-1, -1, 31070465, 291, ORIGIN_STUB_STATUS, false}},
        {"Active connections: x\n", {-1, -1, -1, -1, ORIGIN_STUB_STATUS, false}},
        {"Active connections: 3", {-1, -1, -1, 3, ORIGIN_STUB_STATUS, false}},
        {"nginx_connections_active NaN\nnginx_connections_active\n"
         "nginx_connections_active{a=\"b\n{} 5\n 6\nnginx_http_requests_total +Inf\n",
         {-1, -1, -1, -1, ORIGIN_PROCESS, false}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct origin_totals found;
        const struct origin_totals *expected = &cases[i].expected;
        origin_text_read(span_from_string(cases[i].text), &found);
        const double pairs[][2] = {{found.cpu_s, expected->cpu_s},
                                   {found.sent_bytes, expected->sent_bytes},
                                   {found.requests, expected->requests},
                                   {found.connections, expected->connections}};
        for (int f = 0; f < 4; f++) {
            assert_figure(pairs[f][0], pairs[f][1] < 0 ? (double)NAN : pairs[f][1]);
        }
        assert_int_equal(found.kind, expected->kind);
        assert_int_equal(found.down, expected->down);
    }
}

/* Of several kinds on one host one speaks for a figure; hosts add up. */
static void test_nothing_is_counted_twice(void **state)
{
    const double no = (double)NAN;
    double sums[ORIGIN_FIGURES];
    const struct origin_figures all[] = {
        {.host = 0, .kind = ORIGIN_MACHINE, .value = {1.5, 80, no, 30}},
        {.host = 0, .kind = ORIGIN_NGINX, .value = {no, no, 7, 20}},
        {.host = 0, .kind = ORIGIN_STUB_STATUS, .value = {no, no, 7, 21}},
        {.host = 0, .kind = ORIGIN_SHOAL, .value = {0.5, 90, no, no}},
        {.host = 4, .kind = ORIGIN_SHOAL, .value = {0.25, 10, no, 2}},
        {.host = 4, .kind = ORIGIN_SHOAL, .value = {0.25, no, no, 3}},
    };
    (void)state;
    origin_figures_sum(all, 6, sums);
    assert_figure(sums[ORIGIN_CPU], 2);
    assert_figure(sums[ORIGIN_BYTES], 100);
    assert_figure(sums[ORIGIN_REQUESTS], 7);
    assert_figure(sums[ORIGIN_CONNECTIONS], 25);
    origin_figures_sum(all, 0, sums);
    assert_figure(sums[ORIGIN_CPU], no);
}

static void test_refuses_what_it_cannot_ask(void **state)
{
    static const char *const urls[] = {"https://a/metrics", "a:9100", "http://", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct err err = {0};
        assert_null(origin_watch_new(&urls[i], 1, &err));
        assert_int_equal(err.kind, ERR_USAGE);
    }
    struct origin_figures figures[ORIGIN_SOURCES_MAX];
    assert_int_equal(origin_watch_read(NULL, figures), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_nothing_is_counted_twice),
        cmocka_unit_test(test_refuses_what_it_cannot_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
