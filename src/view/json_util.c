#include "view/json_util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *json_util_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *json = json_string(text);
    if (json != NULL) {
        return json;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        return json_null();
    }
    for (char *at = copy; *at != '\0'; at++) {
        *at = (unsigned char)*at < 128 ? *at : '?';
    }
    json = json_string(copy);
    free(copy);
    return json;
}

json_t *json_util_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_util_absent(const struct shoal_schema *schema)
{
    const struct shoal_schema_def *def = &schema->def;
    json_t *names = json_array();
    for (uint32_t i = 0; i < def->counter_count; i++) {
        if (def->counters[i].absent) {
            json_array_append_new(names, json_string(def->counters[i].name));
        }
    }
    for (uint32_t i = 0; i < def->histogram_count; i++) {
        if (def->histograms[i].absent) {
            json_array_append_new(names, json_string(def->histograms[i].name));
        }
    }
    for (uint32_t i = 0; i < def->derived_count; i++) {
        if (def->derived[i].absent) {
            json_array_append_new(names, json_string(def->derived[i].name));
        }
    }
    return names;
}
