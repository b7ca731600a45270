/* The files of the page and of the HTML report, embedded in the program at build time from
 * web/ and from Chart.js. Constant. */
#ifndef VIEW_WEB_ASSETS_H
#define VIEW_WEB_ASSETS_H

#include <stddef.h>

struct web_asset {
    const char *path; /* "/app.js" */
    const char *type; /* Content-Type */
    const char *bytes;
    size_t len;
};

/* The file served at a path ("/" is the page), or NULL. */
const struct web_asset *web_asset_find(const char *path);

#endif
