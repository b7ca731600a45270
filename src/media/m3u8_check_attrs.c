/* Strict checks of attribute lists: their syntax and the types of values (section 4.2). */
#include "media/m3u8_checker.h"
#include "media/m3u8_text.h"

/* The values of an enumerated string, separated by '|', or NULL when any will do. */
static const char *enum_values(enum m3u8_tag tag, unsigned at)
{
    switch (tag) {
    case M3U8_TAG_KEY:
    case M3U8_TAG_SESSION_KEY:
        return "NONE|AES-128|SAMPLE-AES|SAMPLE-AES-CTR|AES-256-GCM";
    case M3U8_TAG_PRELOAD_HINT:
        return "PART|MAP";
    case M3U8_TAG_MEDIA:
        return "AUDIO|VIDEO|SUBTITLES|CLOSED-CAPTIONS";
    case M3U8_TAG_SESSION_DATA:
        return "JSON|RAW";
    case M3U8_TAG_STREAM_INF:
    case M3U8_TAG_I_FRAME_STREAM_INF:
        return at == AT_STREAM_INF_HDCP_LEVEL ? "NONE|TYPE-0|TYPE-1" : "SDR|HLG|PQ";
    default:
        return NULL;
    }
}

static bool is_one_of(struct span value, const char *values)
{
    struct span rest = span_from_string(values);
    while (rest.len > 0) {
        if (span_equal(span_cut(&rest, '|'), value)) {
            return true;
        }
    }
    return false;
}

static bool all_in(struct span s, const char *set)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || strchr(set, s.ptr[i]) == NULL) {
            return false;
        }
    }
    return s.len > 0;
}

#define DIGITS "0123456789"

static bool is_float(struct span s)
{
    size_t dot = span_find(s, '.');
    bool one_dot = span_find(span_skip(s, dot + 1), '.') == span_skip(s, dot + 1).len;
    return all_in(s, DIGITS ".") && one_dot && s.len > (dot < s.len ? 1u : 0u);
}

static bool is_signed_float(struct span s)
{
    return is_float(s.len > 0 && s.ptr[0] == '-' ? span_skip(s, 1) : s);
}

static bool is_hex(struct span s)
{
    return (span_starts_with(s, SPAN("0x")) || span_starts_with(s, SPAN("0X"))) &&
           all_in(span_skip(s, 2), DIGITS "ABCDEFabcdef");
}

/* The section's set is [0..9] and [A..F]. Packagers write either case and every parser known
 * reads both, so this is told apart from a value that is no number. */
static bool is_upper_hex(struct span s)
{
    return all_in(span_skip(s, 2), DIGITS "ABCDEF");
}

static bool wants_quotes(unsigned type)
{
    return type == M3U8_ATTR_STRING || type == M3U8_ATTR_STRING_OR_EMPTY ||
           type == M3U8_ATTR_RANGE || type == M3U8_ATTR_DATE;
}

/* What a value of that type is called in a finding, or NULL when the value is of it. */
static const char *type_error(unsigned type, struct span value)
{
    uint64_t number;
    uint32_t width, height;
    struct m3u8_range range;
    bool has_offset;
    switch (type) {
    case M3U8_ATTR_INTEGER:
        return span_to_u64(value, &number) ? NULL : "a decimal integer";
    case M3U8_ATTR_HEX:
        return is_hex(value) ? NULL : "a hexadecimal sequence";
    case M3U8_ATTR_FLOAT:
        return is_float(value) ? NULL : "a decimal number that is not negative";
    case M3U8_ATTR_SIGNED_FLOAT:
        return is_signed_float(value) ? NULL : "a decimal number";
    case M3U8_ATTR_RESOLUTION:
        return m3u8_read_resolution(value, &width, &height) ? NULL : "a resolution WxH";
    case M3U8_ATTR_RANGE:
        return m3u8_read_range(value, &range, &has_offset) &&
                       span_find(value, ' ') == value.len &&
                       (value.len == 0 || value.ptr[value.len - 1] != '@')
                   ? NULL
                   : "a byte range n[@o]";
    default:
        return NULL;
    }
}

static void check_enum(struct m3u8_parser *p, const struct m3u8_attr_info *row, unsigned at,
                       struct span value)
{
    const char *values = row->type == M3U8_ATTR_YES      ? "YES"
                         : row->type == M3U8_ATTR_YES_NO ? "YES|NO"
                                                         : enum_values(p->tag, at);
    if (values != NULL && !is_one_of(value, values)) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_ENUM, row->name, "\"%.*s\" is none of %s",
                  value.len > 60 ? 60 : (int)value.len, value.ptr, values);
    }
}

static void check_value(struct m3u8_parser *p, const struct m3u8_attr_info *row, unsigned at,
                        struct span value, bool quoted)
{
    int shown = value.len > 60 ? 60 : (int)value.len;
    bool either = row->type == M3U8_ATTR_ANY || row->type == M3U8_ATTR_STRING_OR_NONE;
    if (!either && quoted != wants_quotes(row->type)) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_TYPE, row->name, "%.*s must %sbe quoted", shown,
                  value.ptr, quoted ? "not " : "");
        return;
    }
    if (quoted && value.len == 0 && row->type != M3U8_ATTR_STRING_OR_EMPTY) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_EMPTY, row->name, NULL);
        return;
    }
    if (row->type == M3U8_ATTR_STRING_OR_NONE && !quoted && !span_equal(value, SPAN("NONE"))) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_TYPE, row->name,
                  "%.*s is neither NONE nor a quoted string", shown, value.ptr);
        return;
    }
    if (m3u8_may_refer(value) && (quoted || row->type == M3U8_ATTR_HEX)) {
        return; /* The text is not the value. */
    }
    if (row->type == M3U8_ATTR_STRING &&
        span_ends_with(span_of(row->name, row->len), SPAN("URI"))) {
        m3u8_check_uri(p, value, row->name);
    }
    const char *wanted = type_error(row->type, value);
    if (wanted != NULL) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_TYPE, row->name, "\"%.*s\" is not %s", shown,
                  value.ptr, wanted);
    } else if (row->type == M3U8_ATTR_HEX && !is_upper_hex(value)) {
        m3u8_note(p, M3U8_RULE_HEX_CASE, row->name, "%.*s", shown, value.ptr);
    } else if (row->type == M3U8_ATTR_DATE) {
        m3u8_check_date(p, value, row->name);
    } else if (row->type == M3U8_ATTR_ENUM || row->type == M3U8_ATTR_YES ||
               row->type == M3U8_ATTR_YES_NO) {
        check_enum(p, row, at, value);
    }
}

/* One item of the list as a strict reader cuts it. */
struct item {
    struct span name, value;
    bool quoted;
};

/* Cuts the next item off *rest and tells of what is wrong with its form. Returns false when
 * there is nothing in it to look at. */
static bool strict_item(struct m3u8_parser *p, struct span *rest, struct item *item)
{
    size_t name = 0;
    *item = (struct item){0};
    while (name < rest->len && rest->ptr[name] != '=' && rest->ptr[name] != ',') {
        name++;
    }
    item->name = span_trim(span_of(rest->ptr, name));
    bool has_value = name < rest->len && rest->ptr[name] == '=';
    *rest = span_skip(*rest, name + 1);
    if (!has_value) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_SYNTAX, NULL, "\"%.*s\" has no value",
                  item->name.len > 60 ? 60 : (int)item->name.len, item->name.ptr);
        return false;
    }
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t')) {
        *rest = span_skip(*rest, 1);
    }
    item->quoted = rest->len > 0 && rest->ptr[0] == '"';
    if (item->quoted) {
        struct span inside = span_skip(*rest, 1);
        size_t close = span_find(inside, '"');
        item->value = span_of(inside.ptr, close);
        if (close == inside.len) {
            m3u8_note(p, M3U8_RULE_ATTRIBUTE_SYNTAX, NULL, "a quote is not closed");
        }
        *rest = span_skip(inside, close + 1);
        struct span stray = span_of(rest->ptr, span_find(*rest, ','));
        if (span_trim(stray).len > 0) {
            m3u8_note(p, M3U8_RULE_ATTRIBUTE_SYNTAX, NULL, "text after a closing quote");
        }
    } else {
        item->value = span_trim(span_of(rest->ptr, span_find(*rest, ',')));
        if (item->value.len == 0 || span_find(item->value, '"') < item->value.len) {
            m3u8_note(p, M3U8_RULE_ATTRIBUTE_SYNTAX, NULL, "%s",
                      item->value.len == 0 ? "an empty value" : "a quote inside a value");
        }
    }
    size_t comma = span_find(*rest, ',');
    bool more = comma < rest->len;
    *rest = span_skip(*rest, comma + 1);
    if (more && rest->len == 0) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_SYNTAX, NULL, "a comma at the end");
    }
    return true;
}

static void check_unknown(struct m3u8_parser *p, const struct item *item)
{
    if (span_starts_with(item->name, SPAN("REQ-"))) {
        m3u8_note_need(p, 12, "REQ-", "an attribute whose name starts with REQ-");
    }
    bool extension = p->tag == M3U8_TAG_DATERANGE && span_starts_with(item->name, SPAN("X-"));
    if (extension && !item->quoted && !is_hex(item->value) && !is_signed_float(item->value)) {
        char name[32];
        (void)span_to_string(item->name, name, sizeof name);
        m3u8_note(p, M3U8_RULE_DATERANGE_X_TYPE, name, "\"%.*s\"",
                  item->value.len > 60 ? 60 : (int)item->value.len, item->value.ptr);
    }
}

/* The names seen so far in one list, so that repetitions are found; bounded. */
struct names {
    struct span seen[48];
    unsigned count;
};

static bool seen_before(struct names *names, struct span name)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (span_equal(names->seen[i], name)) {
            return true;
        }
    }
    if (names->count < sizeof names->seen / sizeof names->seen[0]) {
        names->seen[names->count++] = name;
    }
    return false;
}

static void check_item(struct m3u8_parser *p, struct names *names, const struct item *item)
{
    const struct m3u8_attr_list *list = &m3u8_attr_table[p->tag];
    char name[32];
    (void)span_to_string(item->name, name, sizeof name);
    if (!all_in(item->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_NAME, name, NULL);
        return;
    }
    if (seen_before(names, item->name)) {
        m3u8_note(p, M3U8_RULE_ATTRIBUTE_REPEATED, name, NULL);
        return;
    }
    for (unsigned at = 0; at < list->count; at++) {
        const struct m3u8_attr_info *row = &list->rows[at];
        if (span_equal(item->name, span_of(row->name, row->len))) {
            if (item->value.len > 0 || item->quoted) {
                check_value(p, row, at, item->value, item->quoted);
            }
            return;
        }
    }
    check_unknown(p, item);
}

void m3u8_check_attrs(struct m3u8_parser *p, const struct m3u8_attrs *attrs)
{
    const struct m3u8_attr_list *list = &m3u8_attr_table[p->tag];
    struct names names = {.count = 0};
    struct span rest = span_trim(p->tag_value);
    struct item item;
    while (rest.len > 0) {
        if (strict_item(p, &rest, &item)) {
            check_item(p, &names, &item);
        }
    }
    for (unsigned at = 0; at < list->count && p->tag_value.len > 0; at++) {
        if (list->rows[at].required && !m3u8_attrs_has(attrs, at)) {
            m3u8_note(p, M3U8_RULE_ATTRIBUTE_MISSING, list->rows[at].name, NULL);
        }
    }
    if (m3u8_tag_table[p->tag].where == M3U8_IN_MULTIVARIANT) {
        m3u8_check_multivariant_list(p, attrs);
    } else {
        m3u8_check_media_list(p, attrs);
    }
}
