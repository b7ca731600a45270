/* A listening socket for the HTTP observer. */
#ifndef VIEW_WEB_LISTEN_H
#define VIEW_WEB_LISTEN_H

#include "base/err.h"
#include "view/web.h"

#include <stddef.h>

enum { WEB_URL_MAX = 80 };

/* Listens as the options say and writes the URL. Returns the descriptor, or -1 with *err
 * filled. */
int web_listen(const struct web_options *options, char url[WEB_URL_MAX], struct err *err);

#endif
