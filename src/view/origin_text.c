#include "view/origin_text.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Samples that add up to a figure. The first listed metric that a text has counts, so that an
 * exporter's own process is not taken for the machine. */
struct source {
    const char *metric;
    size_t offset;      /* of the figure in struct origin_totals */
    const char *except; /* label that leaves a sample out, or NULL */
};

#define FIGURE(name) offsetof(struct origin_totals, name)

static const struct source sources[] = {
    {"node_cpu_seconds_total", FIGURE(cpu_s), "mode=\"idle\""},
    {"process_cpu_seconds_total", FIGURE(cpu_s), NULL},
    {"node_network_transmit_bytes_total", FIGURE(sent_bytes), "device=\"lo\""},
    {"shoal_origin_body_bytes_total", FIGURE(sent_bytes), NULL},
    {"nginx_http_requests_total", FIGURE(requests), NULL},
    {"shoal_origin_requests_total", FIGURE(requests), NULL},
    {"nginx_connections_active", FIGURE(connections), NULL},
    {"shoal_origin_open_connections", FIGURE(connections), NULL},
    {"node_netstat_Tcp_CurrEstab", FIGURE(connections), NULL},
};

enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

static bool contains(struct span text, struct span part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (span_starts_with(span_skip(text, i), part)) {
            return true;
        }
    }
    return false;
}

static bool read_number(struct span text, double *out)
{
    char copy[64];
    char *end;
    text = span_trim(text);
    if (text.len == 0 || !span_to_string(text, copy, sizeof(copy))) {
        return false;
    }
    double value = strtod(copy, &end);
    if (end == copy || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

/* A sample line: name, maybe labels in braces, value, maybe a time. */
static void read_sample(struct span line, double sums[SOURCES])
{
    size_t name_len = 0;
    while (name_len < line.len && line.ptr[name_len] != '{' && line.ptr[name_len] != ' ') {
        name_len++;
    }
    struct span name = span_of(line.ptr, name_len);
    struct span rest = span_skip(line, name_len);
    struct span labels = {rest.ptr, 0};
    if (rest.len > 0 && rest.ptr[0] == '{') {
        labels = span_cut(&rest, '}');
    }
    rest = span_trim(rest);
    double value;
    if (!read_number(span_cut(&rest, ' '), &value)) {
        return;
    }
    for (int i = 0; i < SOURCES; i++) {
        if (span_equal(name, span_from_string(sources[i].metric)) &&
            (sources[i].except == NULL ||
             !contains(labels, span_from_string(sources[i].except)))) {
            sums[i] = isnan(sums[i]) ? value : sums[i] + value;
        }
    }
}

/* nginx's stub_status: "Active connections: 291", and below a line that starts with
 * "server accepts handled requests" the three totals. */
static void read_stub_status(struct span body, struct origin_totals *out)
{
    static const char head[] = "Active connections:";
    struct span rest = body;
    struct span line = span_cut(&rest, '\n');
    if (!read_number(span_skip(line, sizeof(head) - 1), &out->connections)) {
        return;
    }
    span_cut(&rest, '\n');
    line = span_trim(span_cut(&rest, '\n'));
    for (int i = 0; i < 2; i++) {
        span_cut(&line, ' ');
        line = span_trim(line);
    }
    read_number(line, &out->requests);
}

void origin_text_read(struct span body, struct origin_totals *out)
{
    *out = (struct origin_totals){(double)NAN, (double)NAN, (double)NAN, (double)NAN};
    if (span_starts_with(body, SPAN("Active connections:"))) {
        read_stub_status(body, out);
        return;
    }
    double sums[SOURCES];
    for (int i = 0; i < SOURCES; i++) {
        sums[i] = (double)NAN;
    }
    while (body.len > 0) {
        struct span line = span_cut(&body, '\n');
        if (line.len > 0 && line.ptr[0] != '#') {
            read_sample(line, sums);
        }
    }
    for (int i = 0; i < SOURCES; i++) {
        double *figure = (double *)(void *)((char *)out + sources[i].offset);
        *figure = isnan(*figure) ? sums[i] : *figure;
    }
}
