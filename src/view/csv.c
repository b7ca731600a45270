#include "view/csv.h"

#include "view/report.h"

#include <math.h>
#include <stdbool.h>

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
        bool known = isfinite(row->value[i]);
        if (buf_append_string(out, i > 0 ? "," : "") < 0 ||
            (known && buf_printf(out, "%.12g", row->value[i]) < 0)) {
            return -1;
        }
    }
    return buf_append(out, "\n", 1);
}

int csv_write_report(const struct report *report, struct buf *out)
{
    int failed = csv_write_head(out);
    for (size_t i = 0; i < report->row_count && failed == 0; i++) {
        failed = csv_write_row(&report->rows[i], out);
    }
    return failed;
}
