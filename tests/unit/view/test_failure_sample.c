#include "view/failure_sample.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_order_room_and_rate(void **state)
{
    struct failure_queue *queue = failure_queue_new(1, 4, 3);
    struct failure_sample sample = {.fail = FAIL_STATUS_5XX}, out;
    unsigned taken = 0;
    (void)state;
    assert_non_null(queue);
    assert_false(failure_queue_pop(queue, &out));
    for (uint32_t i = 0; i < 10; i++) { /* ten in one second, three wanted */
        if (failure_queue_wants(queue, 0, 1000 + i)) {
            sample.viewer = i;
            failure_queue_push(queue, 0, &sample);
            taken++;
        }
    }
    assert_int_equal(taken, 3);
    assert_int_equal(failure_queue_dropped(queue), 7);
    assert_true(failure_queue_wants(queue, 0, 1001000)); /* the next second */
    failure_queue_push(queue, 0, &sample);
    assert_false(failure_queue_wants(queue, 0, 1001001)); /* full */
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(failure_queue_pop(queue, &out));
        assert_int_equal(out.viewer, i);
    }
    assert_true(failure_queue_wants(queue, 0, 1001002));
    failure_queue_free(queue);
}

static void test_every_writer_gets_its_turn(void **state)
{
    struct failure_queue *queue = failure_queue_new(3, 8, 100);
    struct failure_sample sample = {0}, out;
    unsigned seen[3] = {0};
    (void)state;
    for (unsigned writer = 0; writer < 3; writer++) {
        for (int i = 0; i < 4; i++) {
            sample.viewer = writer;
            assert_true(failure_queue_wants(queue, writer, 0));
            failure_queue_push(queue, writer, &sample);
        }
    }
    for (int i = 0; i < 6; i++) {
        assert_true(failure_queue_pop(queue, &out));
        seen[out.viewer]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(seen[i], 2);
    }
    failure_queue_free(queue);
}

enum { WRITERS = 4, EACH = 20000 };

struct writer {
    struct failure_queue *queue;
    unsigned number, pushed;
    pthread_t thread;
};

static void *write_samples(void *arg)
{
    struct writer *writer = arg;
    for (int i = 0; i < EACH; i++) {
        if (failure_queue_wants(writer->queue, writer->number, i)) {
            struct failure_sample sample = {.at_us = i, .viewer = writer->number};
            memset(sample.url, 'a' + i % 26, sizeof(sample.url) - 1);
            failure_queue_push(writer->queue, writer->number, &sample);
            writer->pushed++;
        }
    }
    return NULL;
}

/* Whole, in order, none lost and none twice. */
static void check_sample(const struct failure_sample *sample, int64_t last_us[WRITERS])
{
    assert_true(sample->viewer < WRITERS && sample->at_us > last_us[sample->viewer]);
    last_us[sample->viewer] = sample->at_us;
    for (size_t i = 0; i < sizeof(sample->url) - 1; i++) {
        assert_int_equal(sample->url[i], 'a' + sample->at_us % 26);
    }
}

static void test_threads(void **state)
{
    struct failure_queue *queue = failure_queue_new(WRITERS, 16, EACH);
    struct writer writers[WRITERS];
    struct failure_sample sample;
    int64_t last_us[WRITERS];
    uint64_t popped = 0, pushed = 0;
    (void)state;
    for (unsigned i = 0; i < WRITERS; i++) {
        last_us[i] = -1;
        writers[i] = (struct writer){.queue = queue, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_samples, &writers[i]),
                         0);
    }
    while (popped + failure_queue_dropped(queue) < (uint64_t)WRITERS * EACH) {
        if (failure_queue_pop(queue, &sample)) {
            check_sample(&sample, last_us);
            popped++;
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        pushed += writers[i].pushed;
    }
    assert_int_equal(popped, pushed);
    assert_false(failure_queue_pop(queue, &sample));
    failure_queue_free(queue);
}

static void test_urls_are_cut_and_cleaned(void **state)
{
    struct failure_sample sample;
    char text[400];
    (void)state;
    failure_sample_set_url(&sample, SPAN("http://a/b\r\nc d\xff"));
    assert_string_equal(sample.url, "http://a/b??c?d?");
    memset(text, 'x', sizeof(text));
    failure_sample_set_url(&sample, span_of(text, 255));
    assert_int_equal(strlen(sample.url), 255);
    failure_sample_set_url(&sample, span_of(text, 256));
    assert_int_equal(strlen(sample.url), 255);
    assert_string_equal(sample.url + 252, "...");
    failure_sample_set_url(&sample, span_of(NULL, 0));
    assert_string_equal(sample.url, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_room_and_rate),
        cmocka_unit_test(test_every_writer_gets_its_turn),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_urls_are_cut_and_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
