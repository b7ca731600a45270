#include "media/m3u8_checker.h"
#include "media/m3u8_parser.h"

#define STRLEN(literal) (sizeof(literal) - 1)

#define ROW(name, type, required) {name, STRLEN(name), M3U8_ATTR_##type, required},

static const struct m3u8_attr_info all_rows[] = {
#define X(tag, symbol, name, type, required) ROW(name, type, required)
#include "media/m3u8_attrs.def"
#undef X
};

#define COUNT_ALL       (sizeof all_rows / sizeof all_rows[0])
#define LIST(tag, next) [M3U8_TAG_##tag] = {&all_rows[FIRST_##tag], (next)-FIRST_##tag}

/* In the order of the .def file: each list ends where the next begins. */
const struct m3u8_attr_list m3u8_attr_table[M3U8_TAG_COUNT] = {
    LIST(DEFINE, FIRST_START),
    LIST(START, FIRST_PART_INF),
    LIST(PART_INF, FIRST_SERVER_CONTROL),
    LIST(SERVER_CONTROL, FIRST_KEY),
    LIST(KEY, FIRST_MAP),
    LIST(MAP, FIRST_PART),
    LIST(PART, FIRST_DATERANGE),
    LIST(DATERANGE, FIRST_SKIP),
    LIST(SKIP, FIRST_PRELOAD_HINT),
    LIST(PRELOAD_HINT, FIRST_RENDITION_REPORT),
    LIST(RENDITION_REPORT, FIRST_MEDIA),
    LIST(MEDIA, FIRST_STREAM_INF),
    LIST(STREAM_INF, FIRST_I_FRAME_STREAM_INF),
    LIST(I_FRAME_STREAM_INF, FIRST_SESSION_DATA),
    LIST(SESSION_DATA, FIRST_SESSION_KEY),
    LIST(SESSION_KEY, FIRST_CONTENT_STEERING),
    LIST(CONTENT_STEERING, COUNT_ALL),
};
_Static_assert(FIRST_I_FRAME_STREAM_INF - FIRST_STREAM_INF <= M3U8_ATTRS_MAX, "fits the array");

/* One NAME=VALUE of a list. */
struct item {
    struct span name, value;
    bool quoted;
    bool closed; /* a quoted value had its second quote */
    bool has_value;
};

/* Takes the next item off *rest, lenient about spaces around it. */
static struct item next_item(struct span *rest)
{
    struct item item = {0};
    size_t name = 0;
    while (name < rest->len && rest->ptr[name] != '=' && rest->ptr[name] != ',') {
        name++;
    }
    item.name = span_trim(span_of(rest->ptr, name));
    if (name == rest->len || rest->ptr[name] == ',') {
        *rest = span_skip(*rest, name + 1);
        return item;
    }
    item.has_value = true;
    *rest = span_skip(*rest, name + 1);
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t')) {
        *rest = span_skip(*rest, 1);
    }
    if (rest->len > 0 && rest->ptr[0] == '"') {
        struct span inside = span_skip(*rest, 1);
        size_t close = span_find(inside, '"');
        item.quoted = true;
        item.closed = close < inside.len;
        item.value = span_of(inside.ptr, close);
        *rest = span_skip(inside, close + 1);
        /* What stands between the quote and the comma belongs to nothing. */
        (void)span_cut(rest, ',');
        return item;
    }
    item.value = span_trim(span_cut(rest, ','));
    return item;
}

static unsigned find_row(const struct m3u8_attr_list *list, struct span name)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (list->rows[i].len == name.len &&
            memcmp(list->rows[i].name, name.ptr, name.len) == 0) {
            return i;
        }
    }
    return M3U8_ATTRS_MAX;
}

static void unknown_attribute(struct m3u8_parser *p, struct m3u8_attrs *attrs, struct span name)
{
    if (p->tag == M3U8_TAG_DATERANGE && span_starts_with(name, SPAN("X-"))) {
        return;
    }
    p->playlist->unknown_attributes++;
    if (span_starts_with(name, SPAN("REQ-"))) {
        attrs->ignore_tag = true;
    }
}

void m3u8_read_attrs(struct m3u8_parser *p, struct m3u8_attrs *attrs)
{
    const struct m3u8_attr_list *list = &m3u8_attr_table[p->tag];
    struct span rest = p->tag_value;
    attrs->present = attrs->quoted = 0;
    attrs->ignore_tag = false;
    while (rest.len > 0) {
        struct item item = next_item(&rest);
        if (item.name.len == 0 || !item.has_value) {
            continue;
        }
        unsigned at = find_row(list, item.name);
        if (at == M3U8_ATTRS_MAX) {
            unknown_attribute(p, attrs, item.name);
            continue;
        }
        if (m3u8_attrs_has(attrs, at)) {
            continue; /* The first one counts. */
        }
        bool substitutes = item.quoted || list->rows[at].type == M3U8_ATTR_HEX;
        if (substitutes && m3u8_may_refer(item.value)) {
            item.value = m3u8_substitute(p, item.value);
        }
        attrs->value[at] = item.value;
        attrs->present |= 1u << at;
        attrs->quoted |= (item.quoted ? 1u : 0u) << at;
    }
    if (p->check != NULL) {
        m3u8_check_attrs(p, attrs);
    }
}
