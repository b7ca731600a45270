/* The failures of the service under test as values: counted in the statistics, never logged one
 * by one, never stopping the run. The list is fail.def. Pure, any thread. */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H

enum fail {
    FAIL_NONE,
#define X(symbol, label, class, words, fault) FAIL_##symbol,
#include "base/fail.def"
#undef X
    FAIL_COUNT,
};

enum fail_class {
    FAIL_CLASS_NONE,
    FAIL_CLASS_DNS,
    FAIL_CLASS_CONNECT,
    FAIL_CLASS_TLS,
    FAIL_CLASS_REQUEST,
    FAIL_CLASS_RESPONSE,
    FAIL_CLASS_BODY,
    FAIL_CLASS_CONTENT,
    FAIL_CLASS_STREAM,
    FAIL_CLASS_LOCAL,
};

struct fail_info {
    const char *label; /* in metrics, JSON and thresholds; stable */
    const char *words; /* for people */
    const char *fault; /* what provokes it, see fail.def */
    enum fail_class class;
};

/* The row of a failure; for FAIL_NONE one with the label "none". */
const struct fail_info *fail_info(enum fail fail);

#endif
