#include "net/cache_status.h"

#include <stdbool.h>

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static bool is_one_of(struct span word, const struct span *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal_nocase(word, words[i])) {
            return true;
        }
    }
    return false;
}

static bool ends_with(struct span word, struct span end)
{
    return word.len >= end.len && span_equal_nocase(span_skip(word, word.len - end.len), end);
}

/* A word up to what some append to it: "hit/4", "HIT:2", "miss;". */
static enum cache_status of_word(struct span word)
{
    const struct span hits[] = {SPAN("STALE"), SPAN("UPDATING"), SPAN("REVALIDATED")};
    const struct span misses[] = {SPAN("EXPIRED"), SPAN("BYPASS"), SPAN("DYNAMIC"),
                                  SPAN("PASS")};
    size_t len = 0;
    while (len < word.len && is_word_byte(word.ptr[len])) {
        len++;
    }
    word.len = len;
    if (ends_with(word, SPAN("HIT")) || is_one_of(word, hits, sizeof hits / sizeof hits[0])) {
        return CACHE_STATUS_HIT;
    }
    if (ends_with(word, SPAN("MISS")) ||
        is_one_of(word, misses, sizeof misses / sizeof misses[0])) {
        return CACHE_STATUS_MISS;
    }
    return CACHE_STATUS_SILENT;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Without spaces around it. */
static enum cache_status of_item(struct span item)
{
    struct span first = item;
    first.len = 0;
    while (first.len < item.len && !is_space(item.ptr[first.len])) {
        first.len++;
    }
    size_t last = item.len;
    while (last > 0 && !is_space(item.ptr[last - 1])) {
        last--;
    }
    enum cache_status status = of_word(first);
    return status != CACHE_STATUS_SILENT ? status : of_word(span_skip(item, last));
}

/* Empty items are none (RFC 9110 section 5.6.1). */
static struct span last_item(struct span list)
{
    struct span last = span_of(list.ptr, 0);
    while (list.len > 0) {
        struct span item = span_trim(span_cut(&list, ','));
        if (item.len > 0) {
            last = item;
        }
    }
    return last;
}

enum cache_status cache_status_of(struct span cf_cache_status, struct span x_cache,
                                  int64_t age_s)
{
    enum cache_status status = of_item(span_trim(cf_cache_status));
    if (status == CACHE_STATUS_SILENT) {
        status = of_item(last_item(x_cache));
    }
    if (status == CACHE_STATUS_SILENT && age_s > 0) {
        status = CACHE_STATUS_HIT;
    }
    return status;
}
