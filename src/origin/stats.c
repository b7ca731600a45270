#include "origin/stats.h"

#include <inttypes.h>
#include <sys/resource.h>

static const char *const kind_names[STREAM_RESOURCE_COUNT] = {
    [STREAM_RESOURCE_NONE] = "other",        [STREAM_RESOURCE_MULTIVARIANT] = "multivariant",
    [STREAM_RESOURCE_PLAYLIST] = "playlist", [STREAM_RESOURCE_SEGMENT] = "segment",
    [STREAM_RESOURCE_INIT] = "init",         [STREAM_RESOURCE_KEY] = "key",
    [STREAM_RESOURCE_FILE] = "file",
};

const char *stats_kind_name(enum stream_resource kind)
{
    return kind_names[kind];
}

/* The plain counters, for both formats. */
static const struct counter {
    const char *name, *help;
    size_t offset;
} counters[] = {
    {"connections", "connections accepted", offsetof(struct stats, connections)},
    {"tls_handshakes", "TLS handshakes completed", offsetof(struct stats, tls_handshakes)},
    {"requests", "request heads read", offsetof(struct stats, requests)},
    {"bad_requests", "requests that were not HTTP", offsetof(struct stats, bad_requests)},
    {"unanswered", "requests that got no status line", offsetof(struct stats, unanswered)},
    {"aborted", "responses whose client left early", offsetof(struct stats, aborted)},
    {"cut", "responses cut off by a fault", offsetof(struct stats, cut)},
    {"dns_queries", "DNS queries", offsetof(struct stats, dns_queries)},
};

#define COUNTERS (sizeof counters / sizeof counters[0])

static uint64_t counter_value(const struct stats *stats, const struct counter *counter)
{
    return *(const uint64_t *)(const void *)((const char *)stats + counter->offset);
}

static int put_json_string(struct buf *out, const char *text)
{
    int status = buf_append_string(out, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            status |= buf_append(out, "\\", 1);
        }
        status |= buf_append(out, (unsigned char)*text < 0x20 ? "?" : text, 1);
    }
    return status | buf_append_string(out, "\"");
}

static int put_json_kinds(struct buf *out, const char *name, const uint64_t *values)
{
    int status = buf_printf(out, ",\n \"%s\": {", name);
    for (unsigned i = 0; i < STREAM_RESOURCE_COUNT; i++) {
        status |=
            buf_printf(out, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", kind_names[i], values[i]);
    }
    return status | buf_append_string(out, "}");
}

int stats_write_json(const struct stats *stats, const struct fault_set *faults, struct buf *out)
{
    int status = buf_printf(out, "{\"open\": %" PRIu64, stats->open);
    for (size_t i = 0; i < COUNTERS; i++) {
        status |= buf_printf(out, ",\n \"%s\": %" PRIu64, counters[i].name,
                             counter_value(stats, &counters[i]));
    }
    status |= put_json_kinds(out, "requests_by_kind", stats->requests_by_kind);
    status |= put_json_kinds(out, "body_bytes_by_kind", stats->body_bytes_by_kind);
    status |= buf_append_string(out, ",\n \"responses_by_status\": {");
    const char *comma = "";
    for (unsigned i = 0; i < STATS_STATUS_MAX; i++) {
        if (stats->responses_by_status[i] > 0) {
            status |=
                buf_printf(out, "%s\"%u\": %" PRIu64, comma, i, stats->responses_by_status[i]);
            comma = ", ";
        }
    }
    status |= buf_append_string(out, "},\n \"faults\": [");
    for (unsigned i = 0; i < faults->count; i++) {
        const struct fault_rule *rule = &faults->rules[i];
        status |= buf_printf(out, "%s{\"kind\": \"%s\", \"rule\": ", i > 0 ? ", " : "",
                             rule->kind->name);
        status |= put_json_string(out, rule->text);
        status |= buf_printf(out, ", \"applied\": %" PRIu64 "}", rule->applied);
    }
    return status | buf_append_string(out, "]}\n");
}

static int put_family(struct buf *out, const char *name, const char *type, const char *help)
{
    return buf_printf(out, "# HELP shoal_origin_%s %s\n# TYPE shoal_origin_%s %s\n", name, help,
                      name, type);
}

static int put_kinds(struct buf *out, const char *name, const char *help,
                     const uint64_t *values)
{
    int status = put_family(out, name, "counter", help);
    for (unsigned i = 0; i < STREAM_RESOURCE_COUNT; i++) {
        status |= buf_printf(out, "shoal_origin_%s{kind=\"%s\"} %" PRIu64 "\n", name,
                             kind_names[i], values[i]);
    }
    return status;
}

/* What the whole process has spent, so that its load is seen beside its answers. */
static int put_cpu(struct buf *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return buf_printf(out,
                      "# HELP process_cpu_seconds_total CPU time of this process\n"
                      "# TYPE process_cpu_seconds_total counter\n"
                      "process_cpu_seconds_total %.6f\n",
                      seconds);
}

int stats_write_metrics(const struct stats *stats, const struct fault_set *faults,
                        struct buf *out)
{
    int status = put_cpu(out);
    status |= put_family(out, "open_connections", "gauge", "connections open");
    status |= buf_printf(out, "shoal_origin_open_connections %" PRIu64 "\n", stats->open);
    for (size_t i = 0; i < COUNTERS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_total", counters[i].name);
        status |= put_family(out, name, "counter", counters[i].help);
        status |= buf_printf(out, "shoal_origin_%s %" PRIu64 "\n", name,
                             counter_value(stats, &counters[i]));
    }
    status |= put_kinds(out, "requests_by_kind_total", "requests by what they name",
                        stats->requests_by_kind);
    status |= put_kinds(out, "body_bytes_total", "body bytes sent by what they are",
                        stats->body_bytes_by_kind);
    status |= put_family(out, "responses_total", "counter", "responses by status");
    for (unsigned i = 0; i < STATS_STATUS_MAX; i++) {
        if (stats->responses_by_status[i] > 0) {
            status |=
                buf_printf(out, "shoal_origin_responses_total{status=\"%u\"} %" PRIu64 "\n", i,
                           stats->responses_by_status[i]);
        }
    }
    status |= put_family(out, "faults_total", "counter", "faults applied by rule");
    for (unsigned i = 0; i < faults->count; i++) {
        status |=
            buf_printf(out, "shoal_origin_faults_total{rule=\"%u\",kind=\"%s\"} %" PRIu64 "\n",
                       i, faults->rules[i].kind->name, faults->rules[i].applied);
    }
    return status;
}
