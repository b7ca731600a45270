/* A schema says what is counted: counters, histograms and figures derived from them, and where
 * each lies in a block of 64-bit words. Lanes, snapshots and observers all use the same layout:
 *
 *     header | one word a counter | label values of labelled counters | histograms
 *     |<------------------ counter_words ---------------------------->|
 *     |<------------------------------- full_words -------------------------------->|
 *
 * Every word only grows. A gauge is two counters (opened, closed) and a derived figure.
 *
 * A row may be absent: it has its place, but no writer of this run can tell it, so that its 0
 * means nothing and no observer shows it.
 *
 * A schema is constant once made and may be read by any thread. */
#ifndef SHOAL_SCHEMA_H
#define SHOAL_SCHEMA_H

#include "shoal/api.h"

#include <stdbool.h>
#include <stdint.h>

/* The words of the header. In a lane's cut only TIME and FLAGS are filled. */
enum shoal_header {
    SHOAL_HEADER_TIME,        /* µs of the monotonic clock: mean time of the cuts summed */
    SHOAL_HEADER_START,       /* µs: when the sampler was made; time of the zero baseline */
    SHOAL_HEADER_FLAGS,       /* enum shoal_flag */
    SHOAL_HEADER_TICKS,       /* ticks of the sampler so far */
    SHOAL_HEADER_CUT_OLDEST,  /* µs: time of the oldest cut of an open lane in it */
    SHOAL_HEADER_CUT_NEWEST,  /* µs: and of the newest; the spread is the difference */
    SHOAL_HEADER_LANES_OPEN,  /* lanes opened and not yet closed */
    SHOAL_HEADER_STALE_LANES, /* of these, lanes whose last cut is seen and over a period old */
    SHOAL_HEADER_STALE_CUTS,  /* sum of STALE_LANES over all ticks */
    SHOAL_HEADER_STALE_MAX_US, /* the greatest age that a cut ever had at a tick */
    SHOAL_HEADER_LATE_MAX_US,  /* the longest that a tick ever came after its time */
    SHOAL_HEADER_WORDS = 16,   /* the rest is 0 */
};

enum shoal_flag {
    SHOAL_FLAG_CLOSED = 1, /* cut: the lane's last. Snapshot: all lanes closed, totals final */
};

/* One counter as declared. */
struct shoal_counter_def {
    const char *name;          /* stable: lower case, digits and '_' */
    const char *unit;          /* "1", "bytes", "us", … for people and exporters */
    const char *help;          /* one sentence without a full stop */
    const char *label;         /* name of its one label, or NULL */
    const char *const *values; /* value_count names; a NULL among them is a value not in use */
    uint32_t value_count;      /* 0 without a label */
    bool absent;               /* nobody counts it in this run */
};

/* One histogram as declared: log-linear, 2^bits buckets an octave, values 0 to max. A value is
 * known to within 2^-(bits+1) of itself: 0.8 % with 6 bits, 1.6 % with 5. Values below
 * 2^(bits+1) are exact. */
struct shoal_histogram_def {
    const char *name;
    const char *unit; /* "us" */
    const char *help;
    uint32_t bits; /* 1 to 10 */
    uint64_t max;  /* greater values are counted in the last bucket */
    bool absent;   /* nobody records into it in this run */
};

enum { SHOAL_TERMS_MAX = 6 };

/* How a derived figure is read from an interval. */
enum shoal_derived_kind {
    SHOAL_GAUGE, /* what holds now: formula over the totals of the newest snapshot */
    SHOAL_RATIO, /* formula over the interval's differences: over the run, over a window */
};

/* value = (sum of plus - sum of minus) / sum of over. Terms are counter numbers + 1, ended by
 * 0. Without `over` it is not divided; a ratio with nothing under the line is 0. */
struct shoal_derived_def {
    const char *name;
    const char *unit;
    const char *help;
    enum shoal_derived_kind kind;
    uint16_t plus[SHOAL_TERMS_MAX], minus[SHOAL_TERMS_MAX], over[SHOAL_TERMS_MAX];
    bool absent; /* by itself, or made so by shoal_schema_new: one of its terms is */
};

struct shoal_schema_def {
    const struct shoal_counter_def *counters;
    uint32_t counter_count;
    const struct shoal_histogram_def *histograms;
    uint32_t histogram_count;
    const struct shoal_derived_def *derived;
    uint32_t derived_count;
};

/* Where a counter lies. Word `total` holds what was added without a label value in a lane, and
 * the sum of that and of all label values in a snapshot. */
struct shoal_counter_place {
    uint32_t total;  /* SHOAL_HEADER_WORDS + its number */
    uint32_t labels; /* first of value_count words; 0 without a label */
};

/* Where a histogram lies: its sum, then its buckets. Its count is the sum of the buckets. */
struct shoal_histogram_place {
    uint32_t sum;
    uint32_t buckets; /* sum + 1 */
    uint32_t bucket_count;
};

struct shoal_schema {
    struct shoal_schema_def def;               /* own copies of everything, strings included */
    const struct shoal_counter_place *counter; /* def.counter_count of them */
    const struct shoal_histogram_place *histogram; /* def.histogram_count of them */
    uint32_t counter_words;                        /* header, counters, labels */
    uint32_t full_words;                           /* and histograms */
};

/* Makes a schema; *def and what it points to may go afterwards. Returns 0 and sets *ret_schema;
 * -EINVAL when a name is missing or used twice, a number is out of its range or a term names no
 * counter; -ENOMEM. */
SHOAL_API int shoal_schema_new(const struct shoal_schema_def *def,
                               struct shoal_schema **ret_schema);

/* NULL is a no-op. Nothing made from the schema may be in use any more. */
SHOAL_API void shoal_schema_free(struct shoal_schema *schema);

/* The number of the counter, histogram or derived figure of that name, or -1. */
SHOAL_API int shoal_schema_counter(const struct shoal_schema *schema, const char *name);
SHOAL_API int shoal_schema_histogram(const struct shoal_schema *schema, const char *name);
SHOAL_API int shoal_schema_derived(const struct shoal_schema *schema, const char *name);

#endif
