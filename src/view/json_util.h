/* Text that others wrote (URLs, header values, a command line) as JSON. */
#ifndef VIEW_JSON_UTIL_H
#define VIEW_JSON_UTIL_H

#include <jansson.h>

/* A new string; null for NULL. Where the text is not UTF-8 its bytes above 127 become '?'. */
json_t *json_util_text(const char *text);

/* A real number; null for what is not known (NAN). */
json_t *json_util_real(double value);

#endif
