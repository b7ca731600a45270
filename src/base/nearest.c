#include "base/nearest.h"

/* The distance of Levenshtein, two neighbours exchanged counting as one change; words longer
 * than the table are far from everything. */
static unsigned distance(struct span a, struct span b)
{
    enum { MOST = 40 };
    unsigned d[MOST + 1][MOST + 1];
    if (a.len > MOST || b.len > MOST) {
        return MOST;
    }
    for (size_t i = 0; i <= a.len; i++) {
        d[i][0] = (unsigned)i;
    }
    for (size_t j = 0; j <= b.len; j++) {
        d[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            unsigned best = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
                a.ptr[i - 2] == b.ptr[j - 1] && d[i - 2][j - 2] + 1 < best) {
                best = d[i - 2][j - 2] + 1;
            }
            d[i][j] = best;
        }
    }
    return d[a.len][b.len];
}

const char *nearest_word(struct span text, const char *const *words)
{
    const char *nearest = NULL;
    unsigned least = text.len < 4 ? 1 : text.len < 8 ? 2 : 3;
    for (; *words != NULL; words++) {
        unsigned far = distance(text, span_from_string(*words));
        if (far < least || (far == least && nearest == NULL)) {
            least = far;
            nearest = *words;
        }
    }
    return nearest;
}
