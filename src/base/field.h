/* What names and values of HTTP fields may be made of: the same for responses that are read,
 * requests that are served and headers that a user gives.
 *
 * Pure functions, any thread. */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include "base/span.h"

#include <stdbool.h>

/* Whether it is a token (RFC 9110 section 5.6.2), as names of fields and methods are. */
bool field_is_name(struct span text);

/* Whether a control byte other than the tab is in it: those are in no field value (RFC 9110
 * section 5.5). */
bool field_has_control(struct span text);

#endif
