#include "view/csv.h"

int csv_write_head(struct buf *out)
{
    for (unsigned i = 0; i < SERIES_COUNT; i++) {
        if (buf_printf(out, "%s%s", i > 0 ? "," : "", series_name(i)) < 0) {
            return -1;
        }
    }
    return buf_append(out, "\n", 1);
}

int csv_write_row(const struct series_row *row, struct buf *out)
{
    for (unsigned i = 0; i < SERIES_COUNT; i++) {
        if (buf_printf(out, "%s%.12g", i > 0 ? "," : "", row->value[i]) < 0) {
            return -1;
        }
    }
    return buf_append(out, "\n", 1);
}
