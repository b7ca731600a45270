/* `shoal lint`: which rules of RFC 8216 and rfc8216bis a playlist breaks. Main thread. */
#ifndef APP_LINT_H
#define APP_LINT_H

#include "app/lint_fetch.h"
#include "app/lint_report.h"
#include "app/options.h"

#include <stdbool.h>
#include <stdint.h>

/* Runs the subcommand; argv[0] is "lint". Returns the exit status: 0 clean, 1 a must-rule is
 * broken (or a should-rule, with --strict), 2 usage, 3 unreadable, 130 interrupted while
 * following. */
int app_lint_main(int argc, char **argv);

/* Its options, for help, man page and completion. */
const struct option_command *app_lint_command(void);

/* What the options say. */
struct lint_options {
    const char *operand;
    const char *base; /* URL that a file is taken to come from; NULL: unknown */
    bool json, strict, segments;
    int64_t follow_us;      /* 0: each playlist is loaded once */
    uint32_t segment_limit; /* segments checked of each playlist */
    struct net_options net;
    const char *headers; /* lines of --header, or NULL */
    bool ignored[M3U8_RULE_COUNT];
};

/* Reads the playlist at a URL into an entry: loads, parses, reports. `multivariant` may be
 * NULL. */
void lint_load(struct lint_web *web, struct lint_entry *entry, struct span url,
               const struct m3u8 *multivariant);

/* Adds to the report what is wrong with how a playlist was answered; `asked` is the URL before
 * redirects. */
void lint_check_served(const struct lint_body *body, struct span asked,
                       struct m3u8_report *report);

/* Reloads the live playlists among the entries for that long, each by its own pace, and reports
 * on each load; findings are printed to `out` as they come, unless it is NULL. SIGINT ends it
 * early and sets results->interrupted. */
void lint_follow(struct lint_web *web, struct lint_results *results, int64_t duration_us,
                 FILE *out);

/* Asks the live playlists among the entries for what they offer in EXT-X-SERVER-CONTROL:
 * blocking reloads, which may take a few target durations, and delta updates. */
void lint_directives(struct lint_web *web, struct lint_results *results);

/* Fetches the segments of the media playlists among the entries and holds the playlists against
 * them. */
void lint_segments(struct lint_web *web, struct lint_results *results,
                   const struct lint_options *options);

#endif
