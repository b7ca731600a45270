#include "view/origin_text.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

const char *const origin_kind_names[ORIGIN_KINDS] = {
    [ORIGIN_SHOAL] = "shoal origin",      [ORIGIN_NGINX] = "nginx exporter",
    [ORIGIN_STUB_STATUS] = "stub_status", [ORIGIN_PROCESS] = "process",
    [ORIGIN_MACHINE] = "node_exporter",
};

/* Samples that add up to a figure. The first listed metric that a text has counts. */
struct source {
    const char *metric;
    size_t offset; /* of the figure in struct origin_totals */
    enum origin_kind kind;
    const char *const *except; /* beginnings of label values that leave a sample out, or NULL */
};

/* Of node_cpu_seconds_total: the processor does nothing in these. */
static const char *const idle_modes[] = {"mode=\"idle\"", "mode=\"iowait\"", NULL};

/* Of node_network_*: what they carry stays inside the machine, or is counted once more by the
 * device below. */
static const char *const inner_devices[] = {
    "device=\"lo\"", "device=\"veth", "device=\"docker",  "device=\"br",  "device=\"virbr",
    "device=\"cni",  "device=\"cali", "device=\"flannel", "device=\"tap", "device=\"tun",
    "device=\"bond", "device=\"ifb",  "device=\"wg",      NULL,
};

#define FIGURE(name) offsetof(struct origin_totals, name)

static const struct source sources[] = {
    {"node_cpu_seconds_total", FIGURE(cpu_s), ORIGIN_MACHINE, idle_modes},
    {"process_cpu_seconds_total", FIGURE(cpu_s), ORIGIN_PROCESS, NULL},
    {"node_network_transmit_bytes_total", FIGURE(sent_bytes), ORIGIN_MACHINE, inner_devices},
    {"shoal_origin_body_bytes_total", FIGURE(sent_bytes), ORIGIN_SHOAL, NULL},
    {"nginx_http_requests_total", FIGURE(requests), ORIGIN_NGINX, NULL},
    {"shoal_origin_requests_total", FIGURE(requests), ORIGIN_SHOAL, NULL},
    {"nginx_connections_active", FIGURE(connections), ORIGIN_NGINX, NULL},
    {"shoal_origin_open_connections", FIGURE(connections), ORIGIN_SHOAL, NULL},
    {"node_netstat_Tcp_CurrEstab", FIGURE(connections), ORIGIN_MACHINE, NULL},
};

enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

struct sums {
    double value[SOURCES];
    double nginx_up; /* NAN: not said */
};

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

static bool is_left_out(const struct source *source, struct span labels)
{
    for (int i = 0; source->except != NULL && source->except[i] != NULL; i++) {
        if (contains(labels, span_from_string(source->except[i]))) {
            return true;
        }
    }
    return false;
}

/* A sample line: name, maybe labels in braces, value, maybe a time. */
static void read_sample(struct span line, struct sums *sums)
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
    if (span_equal(name, SPAN("nginx_up"))) {
        sums->nginx_up = value;
    }
    for (int i = 0; i < SOURCES; i++) {
        if (span_equal(name, span_from_string(sources[i].metric)) &&
            !is_left_out(&sources[i], labels)) {
            sums->value[i] = isnan(sums->value[i]) ? value : sums->value[i] + value;
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

/* The kind of the figures found; what only has a process is the least telling. */
static enum origin_kind kind_of(const struct sums *sums)
{
    enum origin_kind kind = isnan(sums->nginx_up) ? ORIGIN_PROCESS : ORIGIN_NGINX;
    for (int i = 0; i < SOURCES; i++) {
        if (!isnan(sums->value[i]) && sources[i].kind != ORIGIN_PROCESS) {
            kind = sources[i].kind;
        }
    }
    return kind;
}

void origin_text_read(struct span body, struct origin_totals *out)
{
    *out = (struct origin_totals){(double)NAN, (double)NAN,        (double)NAN,
                                  (double)NAN, ORIGIN_STUB_STATUS, false};
    if (span_starts_with(body, SPAN("Active connections:"))) {
        read_stub_status(body, out);
        return;
    }
    struct sums sums = {.nginx_up = (double)NAN};
    for (int i = 0; i < SOURCES; i++) {
        sums.value[i] = (double)NAN;
    }
    while (body.len > 0) {
        struct span line = span_cut(&body, '\n');
        if (line.len > 0 && line.ptr[0] != '#') {
            read_sample(line, &sums);
        }
    }
    out->kind = kind_of(&sums);
    out->down = sums.nginx_up == 0;
    for (int i = 0; i < SOURCES; i++) {
        double *figure = (double *)(void *)((char *)out + sources[i].offset);
        /* An exporter's own process is neither nginx nor the machine. */
        bool foreign = sources[i].kind == ORIGIN_PROCESS &&
                       (out->kind == ORIGIN_NGINX || out->kind == ORIGIN_MACHINE);
        *figure = isnan(*figure) && !foreign ? sums.value[i] : *figure;
    }
}
