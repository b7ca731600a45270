#include "view/report_files.h"

#include "view/web_assets.h"

#include <string.h>

enum { JSON_LIMIT = 256 << 20 };

/* The report's page is web/report.html with these words replaced. */
struct part {
    const char *mark;
    const char *asset; /* NULL: the JSON report */
};

static const struct part parts[] = {
    {"{{style}}", "/app.css"},  {"{{chart}}", "/chart.js"},   {"{{format}}", "/format.js"},
    {"{{plots}}", "/plots.js"}, {"{{tables}}", "/tables.js"}, {"{{report}}", "report.js"},
    {"{{data}}", NULL},
};

/* JSON as the text of a script element: no '<' may open anything in it (HTML, 4.12.1.3). */
static int append_json(const struct report *report, struct buf *out)
{
    struct buf json;
    buf_init(&json, JSON_LIMIT);
    int failed = report_write_json(report, &json);
    struct span rest = buf_span(&json);
    while (failed == 0 && rest.len > 0) {
        struct span plain = span_cut(&rest, '<');
        bool cut = plain.ptr + plain.len < json.ptr + json.len;
        failed = buf_append_span(out, plain);
        if (failed == 0 && cut) {
            failed = buf_append_string(out, "\\u003c");
        }
    }
    buf_release(&json);
    return failed;
}

static int append_part(const struct report *report, const struct part *part, struct buf *out)
{
    if (part->asset == NULL) {
        return append_json(report, out);
    }
    const struct web_asset *asset = web_asset_find(part->asset);
    return asset == NULL ? -1 : buf_append(out, asset->bytes, asset->len);
}

static const struct part *find_part(struct span text)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (span_starts_with(text, span_from_string(parts[i].mark))) {
            return &parts[i];
        }
    }
    return NULL;
}

int report_write_html(const struct report *report, struct buf *out)
{
    const struct web_asset *page = web_asset_find("report.html");
    if (page == NULL) {
        return -1;
    }
    struct span rest = span_of(page->bytes, page->len);
    int failed = 0;
    while (failed == 0 && rest.len > 0) {
        size_t plain = span_find(rest, '{');
        failed = buf_append(out, rest.ptr, plain);
        rest = span_skip(rest, plain);
        const struct part *part = find_part(rest);
        if (failed == 0 && part != NULL) {
            failed = append_part(report, part, out);
            rest = span_skip(rest, strlen(part->mark));
        } else if (failed == 0 && rest.len > 0) {
            failed = buf_append(out, rest.ptr, 1);
            rest = span_skip(rest, 1);
        }
    }
    return failed;
}
