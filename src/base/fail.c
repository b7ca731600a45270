#include "base/fail.h"

#include <assert.h>

static const struct fail_info rows[FAIL_COUNT] = {
    [FAIL_NONE] = {"none", "none", "", FAIL_CLASS_NONE},
#define X(symbol, label, class, words, fault) \
    [FAIL_##symbol] = {#label, words, fault, FAIL_CLASS_##class},
#include "base/fail.def"
#undef X
};

const struct fail_info *fail_info(enum fail fail)
{
    assert(fail < FAIL_COUNT);
    return &rows[fail];
}
