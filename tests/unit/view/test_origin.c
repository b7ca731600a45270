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

static void test_texts(void **state)
{
    static const struct {
        const char *text;
        struct origin_totals expected; /* -1 stands for not known */
    } cases[] = {
        {"", {-1, -1, -1, -1}},
        {"# only a comment\nunknown 5\n", {-1, -1, -1, -1}},
        {"node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 900\n"
         "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 10.5\n"
         "node_cpu_seconds_total{cpu=\"1\",mode=\"system\"} 2\n"
         "process_cpu_seconds_total 77\n"
         "node_network_transmit_bytes_total{device=\"eth0\"} 1e+09\n"
         "node_network_transmit_bytes_total{device=\"lo\"} 5\n"
         "node_netstat_Tcp_CurrEstab 12\n",
         {12.5, 1e9, -1, 12}},
        {"process_cpu_seconds_total 3.25 1700000000000\n", {3.25, -1, -1, -1}},
        {"nginx_connections_active 7\nnginx_http_requests_total 123\n", {-1, -1, 123, 7}},
        {"shoal_origin_open_connections 4\nshoal_origin_requests_total 9\n"
         "shoal_origin_body_bytes_total{kind=\"segment\"} 100\n"
         "shoal_origin_body_bytes_total{kind=\"playlist\"} 11",
         {-1, 111, 9, 4}},
        {"Active connections: 291 \nserver accepts handled requests\n"
         " 16630948 16630946 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n",
         {-1, -1, 31070465, 291}},
        {"Active connections: x\n", {-1, -1, -1, -1}},
        {"Active connections: 3", {-1, -1, -1, 3}},
        {"nginx_connections_active NaN\nnginx_connections_active\n"
         "nginx_connections_active{a=\"b\n{} 5\n 6\nnginx_http_requests_total +Inf\n",
         {-1, -1, -1, -1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct origin_totals found;
        const double *expected = (const double *)&cases[i].expected;
        origin_text_read(span_from_string(cases[i].text), &found);
        for (size_t f = 0; f < sizeof(found) / sizeof(double); f++) {
            assert_figure(((double *)&found)[f], expected[f] < 0 ? (double)NAN : expected[f]);
        }
    }
}

static void test_sum_of_what_is_known(void **state)
{
    const double unknown = (double)NAN;
    struct origin_figures sum;
    const struct origin_figures two[] = {
        {.cpu = 1.5, .bytes_per_s = unknown, .requests_per_s = unknown, .connections = 3},
        {.cpu = 0.5, .bytes_per_s = 10, .requests_per_s = unknown, .connections = unknown},
    };
    (void)state;
    origin_figures_sum(two, 2, &sum);
    assert_figure(sum.cpu, 2);
    assert_figure(sum.bytes_per_s, 10);
    assert_figure(sum.requests_per_s, unknown);
    assert_figure(sum.connections, 3);
    origin_figures_sum(two, 0, &sum);
    assert_figure(sum.cpu, unknown);
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
        cmocka_unit_test(test_sum_of_what_is_known),
        cmocka_unit_test(test_refuses_what_it_cannot_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
