#include "view/report_files.h"

#include "shoal/histogram.h"
#include "stats/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct tally {
    uint64_t total, below;
    double squares; /* of the distances from the mean */
};

static double milliseconds(double us)
{
    return us / 1000;
}

static int write_bucket(struct tally *tally, uint64_t records, double us, struct buf *out)
{
    tally->below += records;
    double share = (double)tally->below / (double)tally->total;
    if (tally->below == tally->total) {
        return buf_printf(out, "%12.3f %2.12f %10" PRIu64 "\n", milliseconds(us), share,
                          tally->below);
    }
    return buf_printf(out, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", milliseconds(us), share,
                      tally->below, 1 / (1 - share));
}

int report_write_hgrm(const struct report *report, uint32_t histogram, struct buf *out)
{
    const struct shoal_interval *run = &report->run;
    const struct shoal_histogram_place *place = &run->schema->histogram[histogram];
    uint32_t bits = run->schema->def.histograms[histogram].bits;
    struct shoal_summary summary;
    shoal_summarize(run, histogram, &summary);
    struct tally tally = {.total = summary.count};
    int failed = buf_printf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
                            "1/(1-Percentile)");
    for (uint32_t i = 0; i < place->bucket_count; i++) {
        uint64_t records = run->now[place->buckets + i] - run->base[place->buckets + i];
        double us = (double)shoal_bucket_middle(i, bits);
        if (records > 0) {
            tally.squares += (double)records * (us - summary.mean) * (us - summary.mean);
            failed |= write_bucket(&tally, records, us, out);
        }
    }
    double deviation = tally.total > 0 ? sqrt(tally.squares / (double)tally.total) : 0;
    failed |= buf_printf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
                         milliseconds(summary.mean), milliseconds(deviation));
    failed |= buf_printf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
                         milliseconds((double)summary.max), summary.count);
    return failed | buf_printf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n",
                               place->bucket_count >> bits, 1u << bits);
}

int report_save_hgrm(const struct report *report, const char *prefix, struct err *err)
{
    struct buf text;
    int failed = 0;
    buf_init(&text, 4 << 20);
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT && failed == 0; i++) {
        struct shoal_summary summary;
        char path[1024];
        shoal_summarize(&report->run, i, &summary);
        if (summary.count == 0) {
            continue;
        }
        const char *name = report->run.schema->def.histograms[i].name;
        text.len = 0;
        if (snprintf(path, sizeof(path), "%s-%s.hgrm", prefix, name) >= (int)sizeof(path) ||
            report_write_hgrm(report, i, &text) < 0) {
            failed = err_set(err, ERR_START, prefix, NULL, "the name or the text is too long");
        } else {
            failed = report_save(&text, path, err);
        }
    }
    buf_release(&text);
    return failed;
}
