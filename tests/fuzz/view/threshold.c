/* Fuzzes thresholds: what parses is judged without harm, and parses again from the text kept.
 */
#include "view/threshold.h"
#include "stats/metrics.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)    \
    do {                    \
        if (!(condition)) { \
            abort();        \
        }                   \
    } while (0)

static const struct shoal_schema *schema_once(void)
{
    static const char *const names[] = {"720p", "360p"};
    static struct shoal_schema *schema;
    if (schema == NULL) {
        CHECK(metrics_schema_new(names, 2, NULL, 0, NULL, &schema) == 0);
    }
    return schema;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t zeros[METRIC_WORDS];
    const struct shoal_schema *schema = schema_once();
    struct threshold first, again;
    struct err err = {0};
    if (threshold_parse(schema, span_of((const char *)data, size), &first, &err) < 0) {
        CHECK(err.kind == ERR_USAGE && err.why[0] != '\0');
        return 0;
    }
    CHECK(threshold_parse(schema, span_from_string(first.text), &again, &err) == 0);
    CHECK(again.kind == first.kind && again.op == first.op && again.limit == first.limit);
    struct shoal_interval run = {schema, zeros, zeros, 1000000, true};
    struct threshold_result result;
    char text[64];
    threshold_evaluate(&first, &run, &result);
    CHECK(result.value == 0);
    threshold_format_value(&first, first.limit, text, sizeof(text));
    return 0;
}
