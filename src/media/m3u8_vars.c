/* Variables: EXT-X-DEFINE and substitution (rfc8216bis sections 4.3 and 4.4.2.3). */
#include "media/m3u8_checker.h"
#include "media/m3u8_parser.h"

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_';
}

/* Finds the next reference "{$NAME}" in text from `from` on; its place, or text.len. */
static size_t find_reference(struct span text, size_t from, struct span *name)
{
    while (from < text.len) {
        const char *open = memchr(text.ptr + from, '{', text.len - from);
        if (open == NULL) {
            return text.len;
        }
        size_t at = (size_t)(open - text.ptr);
        size_t end = at + 2;
        while (end < text.len && is_name_byte(text.ptr[end])) {
            end++;
        }
        if (end < text.len && end > at + 2 && text.ptr[at + 1] == '$' && text.ptr[end] == '}') {
            *name = span_of(text.ptr + at + 2, end - at - 2);
            return at;
        }
        from = at + 1;
    }
    return text.len;
}

static const struct m3u8_define *find_define(const struct m3u8_define *defines, uint32_t count,
                                             struct span name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (span_equal(defines[i].name, name)) {
            return &defines[i];
        }
    }
    return NULL;
}

static const struct m3u8_define *own_define(const struct m3u8_parser *p, struct span name)
{
    const struct m3u8_array *array = &p->block->arrays[M3U8_DEFINES];
    return find_define((const struct m3u8_define *)(const void *)array->items, array->count,
                       name);
}

static void note(struct m3u8_parser *p, enum m3u8_rule rule, const char *attribute,
                 struct span name)
{
    if (p->check != NULL) {
        m3u8_note(p, rule, attribute, "\"%.*s\"", name.len > 60 ? 60 : (int)name.len, name.ptr);
    }
}

/* Breaks off with a rule broken. */
static void fail(struct m3u8_parser *p, enum m3u8_rule rule, const char *attribute,
                 struct span name)
{
    m3u8_stop(p, M3U8_INVALID);
    note(p, rule, attribute, name);
}

/* The length after substitution; stops the parsing when a name is not defined. */
static size_t expanded_length(struct m3u8_parser *p, struct span text, bool *any)
{
    size_t total = 0, from = 0;
    struct span name;
    for (;;) {
        size_t at = find_reference(text, from, &name);
        total += at - from;
        if (at == text.len) {
            return total;
        }
        const struct m3u8_define *define = own_define(p, name);
        if (define == NULL) {
            fail(p, M3U8_RULE_VARIABLE_UNDEFINED, NULL, name);
            return 0;
        }
        *any = true;
        total += define->value.len;
        from = at + name.len + 3;
    }
}

struct span m3u8_substitute(struct m3u8_parser *p, struct span text)
{
    bool any = false;
    size_t len = expanded_length(p, text, &any);
    if (!any || len == 0 || p->status != M3U8_OK) {
        return any && len == 0 && p->verdict == M3U8_OK ? span_of(text.ptr, 0) : text;
    }
    if (p->check != NULL) {
        m3u8_note_need(p, 8, NULL, "variable substitution");
    }
    char *dst = m3u8_keep(p, len);
    if (dst == NULL) {
        return text;
    }
    size_t from = 0, used = 0;
    struct span name;
    for (;;) {
        size_t at = find_reference(text, from, &name);
        memcpy(dst + used, text.ptr + from, at - from);
        used += at - from;
        if (at == text.len) {
            return span_of(dst, used);
        }
        struct span value = own_define(p, name)->value;
        if (value.len > 0) {
            memcpy(dst + used, value.ptr, value.len);
        }
        used += value.len;
        from = at + name.len + 3;
    }
}

/* A copy that lives as long as the playlist. */
static bool keep_copy(struct m3u8_parser *p, struct span text, struct span *out)
{
    char *dst = m3u8_keep(p, text.len);
    if (dst == NULL) {
        return false;
    }
    if (text.len > 0) {
        memcpy(dst, text.ptr, text.len);
    }
    *out = span_of(dst, text.len);
    return true;
}

static bool query_value(struct m3u8_parser *p, struct span name, struct span *out)
{
    struct span encoded;
    if (p->source->alone && p->playlist->url.len == 0) {
        *out = name;
        return true;
    }
    if (p->playlist->url.len == 0 || !url_query_find(&p->playlist->base, name, &encoded) ||
        encoded.len == 0) {
        fail(p, M3U8_RULE_DEFINE_QUERYPARAM_UNKNOWN, "QUERYPARAM", name);
        return false;
    }
    char *dst = m3u8_keep(p, encoded.len);
    int len = dst == NULL ? -1 : url_percent_decode(encoded, dst, encoded.len);
    *out = span_of(dst, len < 0 ? 0 : (size_t)len);
    return len >= 0;
}

static bool imported_value(struct m3u8_parser *p, struct span name, struct span *out)
{
    const struct m3u8 *from = p->source->multivariant;
    const struct m3u8_define *define =
        from == NULL ? NULL : find_define(from->defines, from->define_count, name);
    if (define == NULL && from == NULL && p->source->alone) {
        *out = name;
        return true;
    }
    if (define == NULL) {
        /* A multivariant playlist imports nothing: there the tag is only passed over. */
        p->import_failed = true;
        note(p, M3U8_RULE_DEFINE_IMPORT_UNKNOWN, "IMPORT", name);
        return false;
    }
    return keep_copy(p, define->value, out);
}

static bool name_is_good(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.ptr[i])) {
            return false;
        }
    }
    return name.len > 0;
}

/* Which of the three attributes names the variable; M3U8_ATTRS_MAX after a failure. */
static unsigned define_form(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    static const unsigned forms[] = {AT_DEFINE_NAME, AT_DEFINE_IMPORT, AT_DEFINE_QUERYPARAM};
    unsigned form = M3U8_ATTRS_MAX, count = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (m3u8_attrs_has(attrs, forms[i])) {
            form = forms[i];
            count++;
        }
    }
    if (count != 1) {
        fail(p, M3U8_RULE_DEFINE_ONE_OF, NULL, p->tag_value);
        return M3U8_ATTRS_MAX;
    }
    struct span name = attrs->value[form];
    if (form == AT_DEFINE_NAME && !m3u8_attrs_has(attrs, AT_DEFINE_VALUE)) {
        fail(p, M3U8_RULE_DEFINE_VALUE, "VALUE", name);
        return M3U8_ATTRS_MAX;
    }
    if (own_define(p, name) != NULL) {
        fail(p, M3U8_RULE_DEFINE_REPEATED, NULL, name);
        return M3U8_ATTRS_MAX;
    }
    return form;
}

/* What only a strict reader minds. */
static void check_define(struct m3u8_parser *p, unsigned form, struct span name)
{
    if (p->check == NULL) {
        return;
    }
    if (!name_is_good(name)) {
        m3u8_note(p, M3U8_RULE_DEFINE_NAME, NULL, "\"%.*s\"",
                  name.len > 60 ? 60 : (int)name.len, name.ptr);
    }
    if (form == AT_DEFINE_QUERYPARAM) {
        m3u8_note_need(p, 11, "QUERYPARAM", "QUERYPARAM");
    }
    if (form == AT_DEFINE_IMPORT && p->check->import_line == 0) {
        p->check->import_line = p->line;
    }
}

void m3u8_apply_define(struct m3u8_parser *p)
{
    struct m3u8_attrs attrs;
    m3u8_read_attrs(p, &attrs);
    if (attrs.ignore_tag || p->status != M3U8_OK) {
        p->playlist->ignored_tags++;
        return;
    }
    unsigned form = define_form(p, &attrs);
    if (form == M3U8_ATTRS_MAX) {
        return;
    }
    struct span name = attrs.value[form];
    struct span value = m3u8_attrs_get(&attrs, AT_DEFINE_VALUE);
    check_define(p, form, name);
    if ((form == AT_DEFINE_QUERYPARAM && !query_value(p, name, &value)) ||
        (form == AT_DEFINE_IMPORT && !imported_value(p, name, &value))) {
        return;
    }
    if (p->block->arrays[M3U8_DEFINES].count >= M3U8_DEFINES_MAX) {
        m3u8_stop(p, M3U8_TOO_LARGE);
        return;
    }
    struct m3u8_define *define = m3u8_push(p, M3U8_DEFINES, sizeof *define);
    if (define != NULL) {
        *define = (struct m3u8_define){name, value};
    }
}
