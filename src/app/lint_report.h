/* What `shoal lint` found, of several playlists, and how it is printed. Main thread. */
#ifndef APP_LINT_REPORT_H
#define APP_LINT_REPORT_H

#include "base/fail.h"
#include "media/m3u8.h"
#include "media/m3u8_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One playlist that was looked at. */
struct lint_entry {
    char *name;           /* owned; the file, or the URL */
    struct m3u8 *current; /* its newest load, one reference; NULL when it cannot be played */
    struct m3u8_report report;
    enum m3u8_status status;
    const char *unreadable; /* why it could not be read, a literal or of fail_info; else NULL */
    int http_status;        /* of the newest failed answer, or 0 */
    enum m3u8_role role;    /* what referred to it; meaningless in entry 0 */
    uint64_t sent_bytes;    /* of its first load, as it came over the wire */
    uint32_t loads;
    uint32_t large_segments; /* that were too large to be read */
    uint32_t failed_loads;   /* while it was followed */
    enum fail load_fail;     /* the last of these */
    uint32_t printed;        /* findings that lint_print_text has printed */
    bool told;               /* that it is unreadable */
};

struct lint_results {
    struct lint_entry *entries; /* owned; the first is what the user named */
    size_t count, capacity;
    struct m3u8_report together; /* rules of the set of playlists */
    uint32_t together_printed;   /* as printed of an entry */
    uint32_t left_out;           /* media playlists that were too many to be read */
    bool interrupted;            /* by the user, while following */
};

/* Zeroed results need lint_results_init. `ignored` says which rules are not told of, by enum
 * m3u8_rule; borrowed until fini, NULL: none. */
void lint_results_init(struct lint_results *results, const bool *ignored);
void lint_results_fini(struct lint_results *results);

/* Adds an entry with a copy of the name; its address is good until the next call. */
struct lint_entry *lint_results_add(struct lint_results *results, struct span name);

/* Sums over all entries. */
uint64_t lint_results_must(const struct lint_results *results);
uint64_t lint_results_should(const struct lint_results *results);
bool lint_results_unreadable(const struct lint_results *results);

/* "NAME:LINE: must: TAG: sentence: detail [rule]", a line for each finding that has not been
 * printed yet, in the order of the text. */
void lint_print_text(struct lint_results *results, FILE *out);

/* What was left out and which loads failed, at the very end. */
void lint_print_rest(const struct lint_results *results, FILE *out);

/* One JSON object; its form is described in docs/lint-rules.md. Returns 0, or -1 when memory or
 * the stream fails. */
int lint_print_json(const struct lint_results *results, int exit_status, FILE *out);

#endif
