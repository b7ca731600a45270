/* Fuzzes what exporters say: figures are finite or not known, whatever the bytes are. */
#include "view/origin_text.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct origin_totals totals;
    origin_text_read(span_of((const char *)data, size), &totals);
    const double *figures = (const double *)&totals;
    for (size_t i = 0; i < sizeof(totals) / sizeof(double); i++) {
        if (isinf(figures[i]) && figures[i] < 0) {
            abort();
        }
    }
    return 0;
}
