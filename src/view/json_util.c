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
