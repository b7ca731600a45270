/* What a client makes of bodies: ranges, all framings and rhythms, the check of the first
 * bytes, limits, pacing. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void serve_text(struct server_connection *c)
{
    while (server_read(c) && server_print(c, c->server->user)) {
    }
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *response;
        uint64_t last;
        enum fail fail;
        bool kept;
    } cases[] = {
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nContent-Length: 4\r\n\r\nabcd", 5,
         FAIL_NONE, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-8/9\r\nContent-Length: 7\r\n\r\nabcdefg",
         UINT64_MAX, FAIL_NONE, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4\r\nabcd\r\n0\r\n\r\n",
         5, FAIL_NONE, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n0\r\n\r\n",
         5, FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/9\r\nContent-Length: 3\r\n\r\nabc", 5,
         FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 2-4/9\r\nContent-Length: 3\r\n\r\nabc", 5,
         FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 4\r\n\r\nabcd", 5,
         FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 206 P\r\nContent-Length: 4\r\n\r\nabcd", 5, FAIL_LENGTH_WRONG, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", 5, FAIL_RANGE_IGNORED, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabcd", 5, FAIL_RANGE_IGNORED, false},
        {"HTTP/1.1 416 R\r\nContent-Length: 0\r\n\r\n", 5, FAIL_STATUS_4XX, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_open(&f, serve_text, cases[i].response, NULL);
        struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/r")),
                                        .kind = METRIC_KIND_SEGMENT,
                                        .sink = FETCH_DRAIN,
                                        .has_range = true,
                                        .range_first = 2,
                                        .range_last = cases[i].last};
        rig_fetch(&f.rig, &f.trial, &request);
        if (f.trial.result.fail != cases[i].fail) {
            fail_msg("case %zu: %s", i, fail_info(f.trial.result.fail)->label);
        }
        assert_non_null(strstr(f.server.log[0], cases[i].last == UINT64_MAX
                                                    ? "\r\nRange: bytes=2-\r\n"
                                                    : "\r\nRange: bytes=2-5\r\n"));
        struct net_usage usage;
        net_worker_usage(f.rig.worker, &usage);
        assert_int_equal(usage.connections, cases[i].kept);
        fixture_close(&f);
    }
}

/* A body of `length` bytes that count up, in one of several framings and rhythms. */
struct plan {
    size_t length;
    bool chunked;
    size_t piece; /* bytes a write; chunks are of this size too */
};

static void serve_plan(struct server_connection *c)
{
    const struct plan *plan = c->server->user;
    char *body = malloc(plan->length + 1);
    for (size_t i = 0; i < plan->length; i++) {
        body[i] = (char)(i % 251);
    }
    while (server_read(c)) {
        char line[128];
        snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                 plan->length);
        bool ok = server_print(
            c, plan->chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" : line);
        for (size_t at = 0; ok && at < plan->length; at += plan->piece) {
            size_t n = plan->length - at < plan->piece ? plan->length - at : plan->piece;
            snprintf(line, sizeof(line), "%zx\r\n", n);
            ok = (!plan->chunked || server_print(c, line)) && server_write(c, body + at, n) &&
                 (!plan->chunked || server_print(c, "\r\n"));
        }
        if (!ok || (plan->chunked && !server_print(c, "0\r\n\r\n"))) {
            break;
        }
    }
    free(body);
}

static size_t checked_len;
static int checks;
static enum fail check_result;

static enum fail check_counting(struct fetch *fetch, struct span first)
{
    (void)fetch;
    checks++;
    checked_len = first.len;
    for (size_t i = 0; i < first.len; i++) {
        assert_int_equal((unsigned char)first.ptr[i], i % 251);
    }
    return check_result;
}

static void expect_drained(struct fixture *f, const struct plan *plan, enum fail fail)
{
    checks = 0;
    check_result = fail;
    struct fetch_request request = {.url = span_from_string(server_url(&f->server, "/")),
                                    .kind = METRIC_KIND_SEGMENT,
                                    .sink = FETCH_DRAIN,
                                    .check = check_counting};
    rig_fetch(&f->rig, &f->trial, &request);
    trial_expect(&f->trial, fail);
    assert_int_equal(f->trial.result.check_failed, fail != FAIL_NONE);
    assert_int_equal(rig_count(&f->rig, METRIC_FAILURES), 0);
    assert_int_equal(checks, 1);
    assert_int_equal(checked_len,
                     plan->length < FETCH_CHECK_BYTES ? plan->length : FETCH_CHECK_BYTES);
    assert_int_equal(f->trial.result.media_bytes, plan->length);
    assert_int_equal(f->trial.result.body_bytes, rig_count(&f->rig, METRIC_BODY_BYTES));
    if (!plan->chunked) {
        assert_int_equal(f->trial.result.body_bytes, plan->length);
    }
}

static void expect_collected(struct fixture *f, const struct plan *plan)
{
    rig_get(&f->rig, &f->trial, server_url(&f->server, "/"));
    trial_expect(&f->trial, FAIL_NONE);
    assert_int_equal(f->trial.result.body.len, plan->length);
    for (size_t i = 0; i < plan->length; i++) {
        if ((unsigned char)f->trial.body[i] != i % 251) {
            fail_msg("byte %zu of %zu is wrong", i, plan->length);
        }
    }
}

static void test_bodies_and_checks(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 1023, 1024, 1025, 4096, 70000, 3000000};
    static const size_t pieces[] = {1, 100, 1000, 1500, 65536, 10000000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t j = 0; j < 2 * sizeof(pieces) / sizeof(pieces[0]); j++) {
            struct plan plan = {
                .length = lengths[i], .piece = pieces[j / 2], .chunked = j % 2 == 1};
            if (plan.length > 5000 && plan.piece < 1000) {
                continue;
            }
            struct fixture f;
            fixture_open(&f, serve_plan, &plan, NULL);
            expect_drained(&f, &plan, j % 3 == 0 ? FAIL_NOT_MEDIA : FAIL_NONE);
            expect_collected(&f, &plan);
            assert_int_equal(rig_count(&f.rig, METRIC_TCP_CONNECTS), 1);
            fixture_close(&f);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        for (int sink = 0; sink < 2; sink++) {
            struct plan plan = {.length = 5000, .piece = 5000, .chunked = chunked};
            struct fixture f;
            fixture_open(&f, serve_plan, &plan, NULL);
            struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/")),
                                            .kind = METRIC_KIND_KEY,
                                            .sink = sink == 0 ? FETCH_COLLECT : FETCH_DRAIN,
                                            .body_limit = 4999};
            rig_fetch(&f.rig, &f.trial, &request);
            trial_expect(&f.trial, FAIL_BODY_TOO_LARGE);
            request.body_limit = 5000;
            rig_fetch(&f.rig, &f.trial, &request);
            trial_expect(&f.trial, FAIL_NONE);
            fixture_close(&f);
        }
    }
}

static void test_pace(void **state)
{
    (void)state;
    struct plan plan = {.length = 400000, .piece = 400000};
    struct fixture f;
    struct net_client_options options = {.bytes_per_s = 1000000};
    fixture_open(&f, serve_plan, &plan, &options);
    for (int sink = 0; sink < 2; sink++) {
        struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/")),
                                        .kind = METRIC_KIND_SEGMENT,
                                        .sink = sink == 0 ? FETCH_DRAIN : FETCH_COLLECT};
        rig_fetch(&f.rig, &f.trial, &request);
        trial_expect(&f.trial, FAIL_NONE);
        /* 400 kB at 1 MB/s: 400 ms, less the last read that needs no waiting for (100 ms at
         * most), plus what a busy machine adds. */
        int64_t took_us = f.trial.result.phases.total_us;
        if (took_us < 280000 || took_us > 1500000) {
            fail_msg("took %lld us", (long long)took_us);
        }
    }
    fixture_close(&f);
}

/* Two downloads share a paced line: neither waits for the other to end. */
static void test_pace_is_shared(void **state)
{
    (void)state;
    struct plan plan = {.length = 300000, .piece = 300000};
    struct fixture f;
    struct net_client_options options = {.bytes_per_s = 1000000};
    fixture_open(&f, serve_plan, &plan, &options);
    struct trial other;
    trial_init(&other);
    struct fetch_request request = {.url = span_from_string(server_url(&f.server, "/")),
                                    .kind = METRIC_KIND_SEGMENT,
                                    .sink = FETCH_DRAIN};
    fetch_start(&f.rig.client, &f.trial.fetch, &request);
    fetch_start(&f.rig.client, &other.fetch, &request);
    rig_run_until(&f.rig, &f.trial.done);
    rig_run_until(&f.rig, &other.done);
    trial_expect(&f.trial, FAIL_NONE);
    trial_expect(&other, FAIL_NONE);
    /* Turn by turn in reads of 100 ms each, the first to end has seen two of the other's. */
    assert_in_range(f.trial.result.phases.total_us, 350000, 2500000);
    assert_in_range(other.result.phases.total_us, 350000, 2500000);
    trial_fini(&other);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),         cmocka_unit_test(test_bodies_and_checks),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_pace),
        cmocka_unit_test(test_pace_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
