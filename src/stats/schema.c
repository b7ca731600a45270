#include "shoal/schema.h"

#include "shoal/histogram.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNTERS_MAX = 4096,
    VALUES_MAX = 65536,
    BITS_MAX = 10,
};

/* Everything that a schema points to lies in one allocation behind it. The layout is walked
 * twice: with memory NULL to measure it, then to fill it. */
struct arena {
    char *memory;
    size_t used;
};

static void *arena_take(struct arena *arena, size_t size, size_t align)
{
    arena->used = (arena->used + align - 1) / align * align;
    void *at = arena->memory == NULL ? NULL : arena->memory + arena->used;
    arena->used += size;
    return at;
}

static const char *arena_string(struct arena *arena, const char *string)
{
    if (string == NULL) {
        return NULL;
    }
    size_t size = strlen(string) + 1;
    char *copy = arena_take(arena, size, 1);
    if (copy != NULL) {
        memcpy(copy, string, size);
    }
    return copy;
}

static const char *const *arena_strings(struct arena *arena, const char *const *strings,
                                        uint32_t count)
{
    const char **copy = arena_take(arena, count * sizeof(*copy), _Alignof(char *));
    for (uint32_t i = 0; i < count; i++) {
        const char *string = arena_string(arena, strings[i]);
        if (copy != NULL) {
            copy[i] = string;
        }
    }
    return copy;
}

static uint32_t lay_counters(struct arena *arena, const struct shoal_schema_def *def,
                             struct shoal_schema *schema)
{
    uint32_t count = def->counter_count;
    struct shoal_counter_def *copy =
        arena_take(arena, count * sizeof(*copy), _Alignof(struct shoal_counter_def));
    struct shoal_counter_place *place =
        arena_take(arena, count * sizeof(*place), _Alignof(struct shoal_counter_place));
    uint32_t word = SHOAL_HEADER_WORDS + count;
    for (uint32_t i = 0; i < count; i++) {
        const struct shoal_counter_def *from = &def->counters[i];
        struct shoal_counter_def own = *from;
        own.name = arena_string(arena, from->name);
        own.unit = arena_string(arena, from->unit);
        own.help = arena_string(arena, from->help);
        own.label = arena_string(arena, from->label);
        own.values = arena_strings(arena, from->values, from->value_count);
        if (copy != NULL) {
            copy[i] = own;
            place[i].total = SHOAL_HEADER_WORDS + i;
            place[i].labels = from->value_count > 0 ? word : 0;
        }
        word += from->value_count;
    }
    schema->def.counters = copy;
    schema->counter = place;
    return word;
}

static uint32_t lay_histograms(struct arena *arena, const struct shoal_schema_def *def,
                               struct shoal_schema *schema, uint32_t word)
{
    uint32_t count = def->histogram_count;
    struct shoal_histogram_def *copy =
        arena_take(arena, count * sizeof(*copy), _Alignof(struct shoal_histogram_def));
    struct shoal_histogram_place *place =
        arena_take(arena, count * sizeof(*place), _Alignof(struct shoal_histogram_place));
    for (uint32_t i = 0; i < count; i++) {
        const struct shoal_histogram_def *from = &def->histograms[i];
        struct shoal_histogram_def own = *from;
        own.name = arena_string(arena, from->name);
        own.unit = arena_string(arena, from->unit);
        own.help = arena_string(arena, from->help);
        uint32_t buckets = shoal_bucket_of(from->max, from->bits) + 1;
        if (copy != NULL) {
            copy[i] = own;
            place[i] = (struct shoal_histogram_place){word, word + 1, buckets};
        }
        word += 1 + buckets;
    }
    schema->def.histograms = copy;
    schema->histogram = place;
    return word;
}

static bool any_term_is_absent(const struct shoal_schema_def *def, const uint16_t *terms)
{
    for (int i = 0; i < SHOAL_TERMS_MAX && terms[i] != 0; i++) {
        if (def->counters[terms[i] - 1].absent) {
            return true;
        }
    }
    return false;
}

static void lay_derived(struct arena *arena, const struct shoal_schema_def *def,
                        struct shoal_schema *schema)
{
    struct shoal_derived_def *copy = arena_take(arena, def->derived_count * sizeof(*copy),
                                                _Alignof(struct shoal_derived_def));
    for (uint32_t i = 0; i < def->derived_count; i++) {
        struct shoal_derived_def own = def->derived[i];
        own.absent = own.absent || any_term_is_absent(def, own.plus) ||
                     any_term_is_absent(def, own.minus) || any_term_is_absent(def, own.over);
        own.name = arena_string(arena, own.name);
        own.unit = arena_string(arena, own.unit);
        own.help = arena_string(arena, own.help);
        if (copy != NULL) {
            copy[i] = own;
        }
    }
    schema->def.derived = copy;
}

static struct shoal_schema *lay(struct arena *arena, const struct shoal_schema_def *def)
{
    struct shoal_schema scratch = {.def = *def};
    struct shoal_schema *schema =
        arena_take(arena, sizeof(*schema), _Alignof(struct shoal_schema));
    scratch.counter_words = lay_counters(arena, def, &scratch);
    scratch.full_words = lay_histograms(arena, def, &scratch, scratch.counter_words);
    lay_derived(arena, def, &scratch);
    if (schema != NULL) {
        *schema = scratch;
    }
    return schema;
}

static bool names_are_good(const char *const *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] == NULL || names[i][0] == '\0') {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(names[i], names[k]) == 0) {
                return false;
            }
        }
    }
    return true;
}

static bool terms_are_good(const uint16_t *terms, uint32_t counters)
{
    for (int i = 0; i < SHOAL_TERMS_MAX && terms[i] != 0; i++) {
        if (terms[i] > counters) {
            return false;
        }
    }
    return true;
}

static bool rows_are_good(const struct shoal_schema_def *def)
{
    for (uint32_t i = 0; i < def->counter_count; i++) {
        const struct shoal_counter_def *row = &def->counters[i];
        if (row->value_count > VALUES_MAX || (row->value_count > 0) != (row->label != NULL)) {
            return false;
        }
        if (row->value_count > 0 && row->values == NULL) {
            return false;
        }
    }
    for (uint32_t i = 0; i < def->histogram_count; i++) {
        const struct shoal_histogram_def *row = &def->histograms[i];
        if (row->bits < 1 || row->bits > BITS_MAX || row->max == 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < def->derived_count; i++) {
        const struct shoal_derived_def *row = &def->derived[i];
        if (!terms_are_good(row->plus, def->counter_count) ||
            !terms_are_good(row->minus, def->counter_count) ||
            !terms_are_good(row->over, def->counter_count)) {
            return false;
        }
    }
    return true;
}

/* 0, -EINVAL or -ENOMEM. */
static int check(const struct shoal_schema_def *def)
{
    if (def->counter_count > COUNTERS_MAX || def->histogram_count > COUNTERS_MAX ||
        def->derived_count > COUNTERS_MAX) {
        return -EINVAL;
    }
    uint32_t count = def->counter_count + def->histogram_count + def->derived_count;
    const char **names = calloc(count + 1, sizeof(*names));
    if (names == NULL) {
        return -ENOMEM;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < def->counter_count; i++) {
        names[n++] = def->counters[i].name;
    }
    for (uint32_t i = 0; i < def->histogram_count; i++) {
        names[n++] = def->histograms[i].name;
    }
    for (uint32_t i = 0; i < def->derived_count; i++) {
        names[n++] = def->derived[i].name;
    }
    bool good = names_are_good(names, n) && rows_are_good(def);
    free(names);
    return good ? 0 : -EINVAL;
}

int shoal_schema_new(const struct shoal_schema_def *def, struct shoal_schema **ret_schema)
{
    int error = check(def);
    if (error != 0) {
        return error;
    }
    struct arena measure = {0};
    lay(&measure, def);
    struct arena arena = {.memory = malloc(measure.used)};
    if (arena.memory == NULL) {
        return -ENOMEM;
    }
    *ret_schema = lay(&arena, def);
    return 0;
}

void shoal_schema_free(struct shoal_schema *schema)
{
    free(schema);
}

int shoal_schema_counter(const struct shoal_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->def.counter_count; i++) {
        if (strcmp(schema->def.counters[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int shoal_schema_histogram(const struct shoal_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->def.histogram_count; i++) {
        if (strcmp(schema->def.histograms[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int shoal_schema_derived(const struct shoal_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->def.derived_count; i++) {
        if (strcmp(schema->def.derived[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
