#include "origin/fault.h"

#include "base/units.h"

#include <stdlib.h>

void fault_set_init(struct fault_set *set, uint64_t seed, int64_t start_us)
{
    *set = (struct fault_set){.seed = seed, .start_us = start_us};
}

void fault_set_fini(struct fault_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        free(set->rules[i].text);
    }
    set->count = 0;
}

bool fault_glob(struct span glob, struct span name)
{
    size_t g = 0;
    size_t n = 0;
    size_t star = SIZE_MAX; /* after the last '*' */
    size_t resume = 0;      /* where that '*' ended so far */
    while (n < name.len) {
        if (g < glob.len && glob.ptr[g] == '*') {
            star = ++g;
            resume = n;
        } else if (g < glob.len && (glob.ptr[g] == '?' || glob.ptr[g] == name.ptr[n])) {
            g++;
            n++;
        } else if (star != SIZE_MAX) {
            g = star;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.ptr[g] == '*') {
        g++;
    }
    return g == glob.len;
}

static const struct fault_kind *find_kind(struct span name)
{
    for (const struct fault_kind *kind = fault_kinds; kind->name != NULL; kind++) {
        if (span_equal(name, span_from_string(kind->name))) {
            return kind;
        }
    }
    return NULL;
}

/* Reads the argument by its sort into rule->number. Returns NULL or what is wrong. */
static const char *parse_argument(struct fault_rule *rule, bool given)
{
    uint64_t number = 0;
    const char *wrong = NULL;
    switch (rule->kind->argument) {
    case FAULT_ARGUMENT_NONE:
        return given ? "takes no argument" : NULL;
    case FAULT_ARGUMENT_STATUS:
        if (!span_to_u64(rule->argument, &number) || number < 200 || number > 599) {
            return "has no status from 200 to 599";
        }
        break;
    case FAULT_ARGUMENT_DURATION:
        return units_parse_duration(rule->argument, &rule->number);
    case FAULT_ARGUMENT_BITRATE:
        wrong = units_parse_bitrate(rule->argument, &number);
        wrong = wrong == NULL && number == 0 ? "needs a rate above 0" : wrong;
        break;
    case FAULT_ARGUMENT_BYTES:
        if (given && !span_to_u64(rule->argument, &number)) {
            wrong = units_parse_size(rule->argument, &number);
        }
        break;
    case FAULT_ARGUMENT_TEXT:
        wrong = rule->argument.len == 0 ? "needs an argument" : NULL;
        break;
    }
    rule->number = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    return wrong;
}

static const char *parse_condition(struct fault_rule *rule, struct span name, struct span value)
{
    if (span_equal(name, SPAN("path"))) {
        rule->glob = value;
        return value.len > 0 ? NULL : "is empty";
    }
    if (span_equal(name, SPAN("p"))) {
        const char *wrong = units_parse_number(value, &rule->probability);
        return wrong == NULL && rule->probability > 1 ? "is above 1" : wrong;
    }
    if (span_equal(name, SPAN("after"))) {
        return span_to_u64(value, &rule->after) ? NULL : "is not a whole number";
    }
    if (span_equal(name, SPAN("count"))) {
        return span_to_u64(value, &rule->count) ? NULL : "is not a whole number";
    }
    if (span_equal(name, SPAN("from"))) {
        return units_parse_duration(value, &rule->from_us);
    }
    if (span_equal(name, SPAN("to"))) {
        return units_parse_duration(value, &rule->to_us);
    }
    return "is no condition; there are path=GLOB, p=0.1, after=N, count=N, from=10s, to=13s";
}

static int parse_rule(struct fault_rule *rule, struct err *err)
{
    struct span rest = span_from_string(rule->text);
    struct span argument = span_cut(&rest, ',');
    bool given = span_find(argument, '=') < argument.len;
    struct span name = span_cut(&argument, '=');
    rule->argument = argument;
    rule->kind = find_kind(name);
    if (rule->kind == NULL) {
        return err_set(err, ERR_USAGE, "--fault", "see shoal origin --help for the list",
                       "'%.*s' is no fault", SPAN_ARGS(name));
    }
    const char *wrong = parse_argument(rule, given);
    if (wrong != NULL) {
        return err_refuse(err, "--fault", span_from_string(rule->text), wrong,
                          rule->kind->help);
    }
    while (rest.len > 0) {
        struct span pair = span_cut(&rest, ',');
        struct span value = pair;
        struct span condition = span_cut(&value, '=');
        wrong = parse_condition(rule, condition, value);
        if (wrong != NULL) {
            return err_refuse(err, "--fault", pair, wrong, NULL);
        }
    }
    if (rule->from_us >= rule->to_us) {
        return err_set(err, ERR_USAGE, "--fault",
                       "let to= come after from=", "%s ends before it begins", rule->text);
    }
    return 0;
}

int fault_set_add(struct fault_set *set, struct span text, struct err *err)
{
    if (set->count == FAULT_RULES_MAX) {
        return err_set(err, ERR_USAGE, "--fault", NULL, "more than %d rules", FAULT_RULES_MAX);
    }
    struct fault_rule *rule = &set->rules[set->count];
    *rule = (struct fault_rule){.probability = 1, .to_us = INT64_MAX};
    rule->rng = rng_make(set->seed, set->count);
    rule->text = strndup(text.ptr, text.len);
    if (rule->text == NULL) {
        return err_set(err, ERR_MACHINE, "--fault", NULL, "out of memory");
    }
    if (parse_rule(rule, err) != 0) {
        free(rule->text);
        return -1;
    }
    set->count++;
    return 0;
}

/* Whether the rule hits this one, which is of its scope; counts it. */
static bool hits(struct fault_rule *rule, struct span name, int64_t age_us)
{
    if (age_us < rule->from_us || age_us >= rule->to_us ||
        (rule->glob.len > 0 && !fault_glob(rule->glob, name))) {
        return false;
    }
    rule->matched++;
    if (rule->matched <= rule->after || (rule->count > 0 && rule->applied >= rule->count)) {
        return false;
    }
    /* The generator is asked each time, so that one rule's draws do not depend on another's. */
    if (rule->probability < 1 && rng_unit(&rule->rng) >= rule->probability) {
        return false;
    }
    rule->applied++;
    return true;
}

static bool in_scope(enum fault_scope scope, enum stream_resource resource)
{
    switch (scope) {
    case FAULT_SCOPE_REQUEST:
        return true;
    case FAULT_SCOPE_PLAYLIST:
        return resource == STREAM_RESOURCE_PLAYLIST || resource == STREAM_RESOURCE_MULTIVARIANT;
    case FAULT_SCOPE_MEDIA:
        return resource == STREAM_RESOURCE_SEGMENT || resource == STREAM_RESOURCE_INIT ||
               resource == STREAM_RESOURCE_FILE;
    case FAULT_SCOPE_KEY:
        return resource == STREAM_RESOURCE_KEY;
    case FAULT_SCOPE_TLS:
    case FAULT_SCOPE_LISTENER:
    case FAULT_SCOPE_DNS:
        break;
    }
    return false;
}

void fault_plan_request(struct fault_set *set, struct span path, enum stream_resource resource,
                        int64_t now_us, struct fault_plan *out)
{
    /* The origin's own pages tell the truth whatever happens. */
    if (span_starts_with(path, SPAN("/_origin/"))) {
        return;
    }
    int64_t age_us = now_us - set->start_us;
    for (unsigned i = 0; i < set->count; i++) {
        struct fault_rule *rule = &set->rules[i];
        if (rule->kind->apply == NULL || !in_scope(rule->kind->scope, resource)) {
            continue;
        }
        /* A redirect to a folder is not repeated below that folder. */
        if (rule->kind->argument == FAULT_ARGUMENT_TEXT &&
            span_starts_with(path, rule->argument)) {
            continue;
        }
        if (hits(rule, path, age_us)) {
            if (rule->applied == 1) {
                rule->first_applied_us = now_us;
            }
            rule->kind->apply(rule, out);
        }
    }
    if (out->hold_until_us > 0 && out->hold_until_us < INT64_MAX) {
        out->hold_until_us += set->start_us;
    }
}

enum fault_special fault_plan_special(struct fault_set *set, enum fault_scope scope,
                                      struct span name, int64_t now_us)
{
    for (unsigned i = 0; i < set->count; i++) {
        struct fault_rule *rule = &set->rules[i];
        if (rule->kind->scope == scope && hits(rule, name, now_us - set->start_us)) {
            return rule->kind->special;
        }
    }
    return FAULT_SPECIAL_NONE;
}

/* The first listener rule that holds now, or NULL. */
static const struct fault_rule *listener_rule(const struct fault_set *set, int64_t now_us)
{
    int64_t age_us = now_us - set->start_us;
    for (unsigned i = 0; i < set->count; i++) {
        const struct fault_rule *rule = &set->rules[i];
        if (rule->kind->scope == FAULT_SCOPE_LISTENER && age_us >= rule->from_us &&
            age_us < rule->to_us) {
            return rule;
        }
    }
    return NULL;
}

enum fault_special fault_listener_state(const struct fault_set *set, int64_t now_us)
{
    const struct fault_rule *rule = listener_rule(set, now_us);
    return rule != NULL ? rule->kind->special : FAULT_SPECIAL_NONE;
}

void fault_count_listener(struct fault_set *set, int64_t now_us)
{
    const struct fault_rule *rule = listener_rule(set, now_us);
    if (rule != NULL) {
        set->rules[rule - set->rules].applied++;
    }
}

int64_t fault_listener_change_us(const struct fault_set *set, int64_t now_us)
{
    int64_t age_us = now_us - set->start_us;
    int64_t next_us = INT64_MAX;
    for (unsigned i = 0; i < set->count; i++) {
        const struct fault_rule *rule = &set->rules[i];
        if (rule->kind->scope != FAULT_SCOPE_LISTENER) {
            continue;
        }
        if (rule->from_us > age_us && rule->from_us < next_us) {
            next_us = rule->from_us;
        }
        if (rule->to_us > age_us && rule->to_us < next_us) {
            next_us = rule->to_us;
        }
    }
    return next_us == INT64_MAX ? next_us : next_us + set->start_us;
}

void fault_print_help(FILE *out)
{
    for (const struct fault_kind *kind = fault_kinds; kind->name != NULL; kind++) {
        fprintf(out, "  %-22s %s\n", kind->name, kind->help);
    }
}
