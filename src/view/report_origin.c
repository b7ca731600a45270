#include "view/report_origin.h"

#include "view/format.h"
#include "view/json_util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool report_origin_summary(const struct report *report, unsigned number,
                           enum origin_figure figure, double *ret_mean, double *ret_max)
{
    double sum = 0, top = (double)NAN;
    size_t known = 0;
    for (size_t i = 0; i < report->row_count && report->origin_rows != NULL; i++) {
        double value = report->origin_rows[i].value[number][figure];
        if (isfinite(value)) {
            sum += value;
            top = isnan(top) || value > top ? value : top;
            known++;
        }
    }
    if (known == 0) {
        return false;
    }
    *ret_mean = sum / (double)known;
    *ret_max = top;
    return true;
}

static int write_exporter(const struct report *report, unsigned number, struct buf *out)
{
    static const struct {
        const char *words;
        char *(*format)(char *dst, size_t size, double value);
    } rows[ORIGIN_FIGURES] = {
        [ORIGIN_CPU] = {"cores", format_number},
        [ORIGIN_BYTES] = {"sends", format_bitrate},
        [ORIGIN_REQUESTS] = {"requests a second", format_number},
        [ORIGIN_CONNECTIONS] = {"connections", format_number},
    };
    const struct origin_figures *exporter = &report->origin[number];
    int failed = buf_printf(out, "  %s\n", exporter->url);
    if (exporter->failed > 0) {
        failed |= buf_printf(out, "    no figures %llu of %llu times%s%s\n",
                             (unsigned long long)exporter->failed,
                             (unsigned long long)exporter->asked,
                             exporter->ok ? "" : ", the last: ", exporter->why);
    }
    for (int f = 0; f < ORIGIN_FIGURES; f++) {
        char mean[FORMAT_MAX], top[FORMAT_MAX];
        double mean_value, top_value;
        if (report_origin_summary(report, number, f, &mean_value, &top_value)) {
            failed |= buf_printf(out, "    %-20s %14s %17s\n", rows[f].words,
                                 rows[f].format(mean, FORMAT_MAX, mean_value),
                                 rows[f].format(top, FORMAT_MAX, top_value));
        }
    }
    return failed;
}

int report_origin_write_text(const struct report *report, struct buf *out)
{
    int failed = 0;
    for (unsigned i = 0; i < report->origin_count; i++) {
        failed |= write_exporter(report, i, out);
    }
    return failed;
}

/* What an exporter said in the run: its figures over the rows of the timeline, null where it
 * was silent; what it never told is left out. */
static json_t *make_exporter(const struct report *report, unsigned number)
{
    const struct origin_figures *exporter = &report->origin[number];
    json_t *columns = json_object();
    for (int f = 0; f < ORIGIN_FIGURES; f++) {
        json_t *column = json_array();
        bool known = false;
        for (size_t i = 0; i < report->row_count; i++) {
            double value = report->origin_rows[i].value[number][f];
            known = known || isfinite(value);
            json_array_append_new(column, json_util_real(value));
        }
        if (known) {
            json_object_set_new(columns, origin_figure_names[f], column);
        } else {
            json_decref(column);
        }
    }
    return json_pack("{s:o, s:s, s:o, s:o, s:b, s:s, s:o}", "url",
                     json_util_text(exporter->url), "kind", origin_kind_names[exporter->kind],
                     "asked", json_integer((json_int_t)exporter->asked), "failed",
                     json_integer((json_int_t)exporter->failed), "ok", exporter->ok, "why",
                     exporter->why, "timeline", columns);
}

json_t *report_origin_to_json(const struct report *report)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < report->origin_count && report->origin_rows != NULL; i++) {
        json_array_append_new(list, make_exporter(report, i));
    }
    return list;
}

/* Text that is printed: "" where there is none. */
static const char *get_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static uint64_t get_count(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static enum origin_kind kind_of(const char *name)
{
    for (int kind = 0; kind < ORIGIN_KINDS; kind++) {
        if (strcmp(origin_kind_names[kind], name) == 0) {
            return (enum origin_kind)kind;
        }
    }
    return ORIGIN_PROCESS;
}

int report_origin_from_json(const json_t *root, struct report *out)
{
    const json_t *list = json_object_get(root, "origin");
    size_t count = json_array_size(list);
    out->origin_count = count < ORIGIN_SOURCES_MAX ? (unsigned)count : ORIGIN_SOURCES_MAX;
    if (count == 0) {
        return 0;
    }
    out->origin_rows = calloc(out->row_count + 1, sizeof(*out->origin_rows));
    if (out->origin_rows == NULL) {
        return -1;
    }
    for (unsigned i = 0; i < out->origin_count; i++) {
        const json_t *item = json_array_get(list, i);
        const json_t *timeline = json_object_get(item, "timeline");
        struct origin_figures *exporter = &out->origin[i];
        exporter->url = get_text(item, "url");
        exporter->kind = kind_of(get_text(item, "kind"));
        exporter->asked = get_count(item, "asked");
        exporter->failed = get_count(item, "failed");
        exporter->ok = json_is_true(json_object_get(item, "ok"));
        snprintf(exporter->why, sizeof(exporter->why), "%s", get_text(item, "why"));
        for (size_t at = 0; at < out->row_count * ORIGIN_FIGURES; at++) {
            size_t row = at / ORIGIN_FIGURES, figure = at % ORIGIN_FIGURES;
            const json_t *column = json_object_get(timeline, origin_figure_names[figure]);
            const json_t *value = json_array_get(column, row);
            out->origin_rows[row].value[i][figure] =
                json_is_number(value) ? json_number_value(value) : (double)NAN;
        }
    }
    return 0;
}
