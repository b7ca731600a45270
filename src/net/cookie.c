#include "net/cookie.h"

#include <stdlib.h>
#include <string.h>

struct cookie {
    struct span name, value, domain, path; /* in `text` */
    int64_t expires_us;                    /* INT64_MAX: with the viewer's session */
    bool host_only;
    bool secure;
    char text[];
};

struct cookie_jar {
    struct cookie *cookies[COOKIES_MAX]; /* owned; oldest first, as section 5.4 sends them */
    uint32_t count;
    size_t bytes; /* of all texts */
    char *header; /* owned; the last header made */
    size_t header_capacity;
};

static size_t cookie_bytes(const struct cookie *cookie)
{
    return cookie->name.len + cookie->value.len + cookie->domain.len + cookie->path.len;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The delimiters of section 5.1.1. */
static bool is_date_delimiter(unsigned char c)
{
    return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
           (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

/* Reads min to max digits at the beginning of a token; more digits than that do not match.
 * Returns how many there were, or 0. */
static size_t take_digits(struct span token, size_t min, size_t max, int *out)
{
    size_t n = 0;
    int number = 0;
    while (n < token.len && is_digit(token.ptr[n]) && n <= max) {
        number = number * 10 + (token.ptr[n] - '0');
        n++;
    }
    if (n < min || n > max) {
        return 0;
    }
    *out = number;
    return n;
}

struct date {
    int hour, minute, second, day, month, year;
    bool has_time, has_day, has_month, has_year;
};

static bool take_time(struct span token, struct date *date)
{
    int parts[3];
    for (int i = 0; i < 3; i++) {
        size_t n = take_digits(token, 1, 2, &parts[i]);
        if (n == 0) {
            return false;
        }
        token = span_skip(token, n);
        if (i < 2) {
            if (token.len == 0 || token.ptr[0] != ':') {
                return false;
            }
            token = span_skip(token, 1);
        }
    }
    date->hour = parts[0];
    date->minute = parts[1];
    date->second = parts[2];
    return true;
}

static bool take_month(struct span token, struct date *date)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (token.len < 3) {
        return false;
    }
    for (int i = 0; i < 12; i++) {
        if (span_equal_nocase(span_of(token.ptr, 3), span_of(names + (size_t)i * 3, 3))) {
            date->month = i + 1;
            return true;
        }
    }
    return false;
}

/* Each token is the first of these that is still missing and that it matches. */
static void take_date_token(struct span token, struct date *date)
{
    if (!date->has_time && take_time(token, date)) {
        date->has_time = true;
    } else if (!date->has_day && take_digits(token, 1, 2, &date->day) > 0) {
        date->has_day = true;
    } else if (!date->has_month && take_month(token, date)) {
        date->has_month = true;
    } else if (!date->has_year && take_digits(token, 2, 4, &date->year) > 0) {
        date->has_year = true;
    }
}

/* Days since 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-compatible low-level date
 * algorithms"). */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2 ? 1 : 0);
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

bool cookie_date_parse(struct span text, int64_t *ret_wall_us)
{
    struct date date = {0};
    while (text.len > 0) {
        size_t n = 0;
        while (n < text.len && !is_date_delimiter((unsigned char)text.ptr[n])) {
            n++;
        }
        if (n > 0) {
            take_date_token(span_of(text.ptr, n), &date);
        }
        text = span_skip(text, n + 1);
    }
    if (!date.has_time || !date.has_day || !date.has_month || !date.has_year) {
        return false;
    }
    if (date.year >= 70 && date.year <= 99) {
        date.year += 1900;
    } else if (date.year >= 0 && date.year <= 69) {
        date.year += 2000;
    }
    if (date.day < 1 || date.day > 31 || date.year < 1601 || date.hour > 23 ||
        date.minute > 59 || date.second > 59) {
        return false;
    }
    int64_t days = days_from_civil(date.year, date.month, date.day);
    int64_t seconds = (int64_t)date.hour * 3600 + (int64_t)date.minute * 60 + date.second;
    *ret_wall_us = (days * 86400 + seconds) * 1000000;
    return true;
}

/* Section 5.2.2: a number of seconds, at most 400 days (as rfc6265bis bounds it). */
static bool parse_max_age(struct span value, int64_t wall_us, int64_t *ret_expires_us)
{
    const uint64_t longest_s = UINT64_C(400) * 86400;
    bool negative = value.len > 0 && value.ptr[0] == '-';
    struct span digits = negative ? span_skip(value, 1) : value;
    if (digits.len == 0) {
        return false;
    }
    uint64_t seconds = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.ptr[i])) {
            return false;
        }
        seconds = seconds * 10 + (uint64_t)(digits.ptr[i] - '0');
        seconds = seconds < longest_s ? seconds : longest_s;
    }
    *ret_expires_us =
        negative || seconds == 0 ? INT64_MIN : wall_us + (int64_t)seconds * 1000000;
    return true;
}

static bool has_control_byte(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static void take_attribute(struct span attribute, int64_t wall_us, bool *has_max_age,
                           struct cookie_parsed *out)
{
    struct span value = attribute;
    struct span name = span_trim(span_cut(&value, '='));
    value = span_trim(value);
    if (span_equal_nocase(name, SPAN("Max-Age"))) {
        if (parse_max_age(value, wall_us, &out->expires_us)) {
            out->has_expiry = *has_max_age = true;
        }
    } else if (span_equal_nocase(name, SPAN("Expires"))) {
        int64_t expires_us;
        /* Max-Age goes before Expires, wherever it stands (section 5.3, step 3). */
        if (!*has_max_age && cookie_date_parse(value, &expires_us)) {
            out->has_expiry = true;
            out->expires_us = expires_us;
        }
    } else if (span_equal_nocase(name, SPAN("Domain"))) {
        if (value.len > 0) {
            out->domain = value.ptr[0] == '.' ? span_skip(value, 1) : value;
        }
    } else if (span_equal_nocase(name, SPAN("Path"))) {
        out->path = value.len > 0 && value.ptr[0] == '/' ? value : span_of(NULL, 0);
    } else if (span_equal_nocase(name, SPAN("Secure"))) {
        out->secure = true;
    }
}

bool cookie_parse(struct span value, int64_t wall_us, struct cookie_parsed *out)
{
    *out = (struct cookie_parsed){0};
    struct span rest = value;
    struct span pair = span_cut(&rest, ';');
    size_t equals = span_find(pair, '=');
    if (equals == pair.len) {
        return false;
    }
    out->name = span_trim(span_of(pair.ptr, equals));
    out->value = span_trim(span_skip(pair, equals + 1));
    if (out->name.len == 0 || has_control_byte(value)) {
        return false;
    }
    bool has_max_age = false;
    while (rest.len > 0) {
        take_attribute(span_cut(&rest, ';'), wall_us, &has_max_age, out);
    }
    return true;
}

/* Section 5.1.3; `host` is in lower case. */
static bool domain_matches(struct span host, struct span domain, bool host_is_address)
{
    if (span_equal_nocase(host, domain)) {
        return true;
    }
    if (host_is_address || host.len <= domain.len + 1) {
        return false;
    }
    size_t prefix = host.len - domain.len;
    return host.ptr[prefix - 1] == '.' && span_equal_nocase(span_skip(host, prefix), domain);
}

static struct span path_of(struct span target)
{
    return span_of(target.ptr, span_find(target, '?'));
}

/* Section 5.1.4: up to the last slash, which itself stays behind. */
static struct span default_path(struct span target)
{
    struct span path = path_of(target);
    size_t last = 0;
    for (size_t i = 0; i < path.len; i++) {
        last = path.ptr[i] == '/' ? i : last;
    }
    return last == 0 ? SPAN("/") : span_of(path.ptr, last);
}

static bool path_matches(struct span target, struct span cookie_path)
{
    struct span path = path_of(target);
    if (path.len == 0) {
        path = SPAN("/");
    }
    if (!span_starts_with(path, cookie_path)) {
        return false;
    }
    return path.len == cookie_path.len || cookie_path.ptr[cookie_path.len - 1] == '/' ||
           path.ptr[cookie_path.len] == '/';
}

static void remove_cookie(struct cookie_jar *jar, uint32_t at)
{
    struct cookie *cookie = jar->cookies[at];
    jar->bytes -= cookie_bytes(cookie);
    jar->count--;
    for (uint32_t i = at; i < jar->count; i++) {
        jar->cookies[i] = jar->cookies[i + 1];
    }
    jar->cookies[jar->count] = NULL;
    free(cookie);
}

static void remove_expired(struct cookie_jar *jar, int64_t wall_us)
{
    for (uint32_t i = jar->count; i > 0; i--) {
        if (jar->cookies[i - 1]->expires_us <= wall_us) {
            remove_cookie(jar, i - 1);
        }
    }
}

/* The place of the cookie with the same name, domain and path, or jar->count. */
static uint32_t find_same(const struct cookie_jar *jar, const struct cookie *wanted)
{
    uint32_t at = 0;
    while (at < jar->count) {
        const struct cookie *cookie = jar->cookies[at];
        if (span_equal(cookie->name, wanted->name) &&
            span_equal_nocase(cookie->domain, wanted->domain) &&
            span_equal(cookie->path, wanted->path)) {
            break;
        }
        at++;
    }
    return at;
}

static struct span store(char **at, struct span s)
{
    struct span stored = span_of(*at, s.len);
    if (s.len > 0) {
        memcpy(*at, s.ptr, s.len);
    }
    *at += s.len;
    return stored;
}

static struct cookie *make_cookie(const struct cookie_parsed *parsed,
                                  const struct cookie_place *place)
{
    bool host_only = parsed->domain.len == 0;
    struct span domain = host_only ? place->host : parsed->domain;
    struct span path = parsed->path.len > 0 ? parsed->path : default_path(place->path);
    size_t bytes = parsed->name.len + parsed->value.len + domain.len + path.len;
    if (bytes > COOKIE_BYTES_MAX) {
        return NULL;
    }
    struct cookie *cookie = calloc(1, sizeof(*cookie) + bytes);
    if (cookie == NULL) {
        return NULL;
    }
    char *at = cookie->text;
    cookie->name = store(&at, parsed->name);
    cookie->value = store(&at, parsed->value);
    cookie->domain = store(&at, domain);
    cookie->path = store(&at, path);
    cookie->host_only = host_only;
    cookie->secure = parsed->secure;
    cookie->expires_us = parsed->has_expiry ? parsed->expires_us : INT64_MAX;
    return cookie;
}

/* Puts a new cookie in, in the place of the same one (section 5.3, step 11: it keeps its time
 * of creation). The oldest go for lack of room. Returns how many went. */
static uint32_t insert(struct cookie_jar *jar, struct cookie *cookie)
{
    uint32_t at = find_same(jar, cookie);
    uint32_t dropped = 0;
    if (at < jar->count) {
        jar->bytes += cookie_bytes(cookie) - cookie_bytes(jar->cookies[at]);
        free(jar->cookies[at]);
        jar->cookies[at] = cookie;
    } else {
        if (jar->count == COOKIES_MAX) {
            remove_cookie(jar, 0);
            dropped++;
        }
        at = jar->count++;
        jar->cookies[at] = cookie;
        jar->bytes += cookie_bytes(cookie);
    }
    while (jar->bytes > COOKIE_JAR_BYTES_MAX) {
        uint32_t oldest = jar->cookies[0] == cookie ? 1 : 0;
        remove_cookie(jar, oldest);
        dropped++;
    }
    return dropped;
}

uint32_t cookie_jar_set(struct cookie_jar **jar, struct span value,
                        const struct cookie_place *place, int64_t wall_us)
{
    struct cookie_parsed parsed;
    if (!cookie_parse(value, wall_us, &parsed)) {
        return 0;
    }
    if (parsed.domain.len > 0) {
        bool single_label = span_find(parsed.domain, '.') == parsed.domain.len;
        if (!domain_matches(place->host, parsed.domain, place->host_is_address) ||
            (single_label && !span_equal_nocase(place->host, parsed.domain))) {
            return 0;
        }
    }
    if (*jar == NULL) {
        *jar = calloc(1, sizeof(**jar));
    }
    struct cookie *cookie = *jar == NULL ? NULL : make_cookie(&parsed, place);
    if (cookie == NULL) {
        return 1;
    }
    remove_expired(*jar, wall_us);
    if (cookie->expires_us <= wall_us) {
        uint32_t same = find_same(*jar, cookie);
        if (same < (*jar)->count) {
            remove_cookie(*jar, same);
        }
        free(cookie);
        return 0;
    }
    return insert(*jar, cookie);
}

static bool cookie_goes_to(const struct cookie *cookie, const struct cookie_place *place,
                           int64_t wall_us)
{
    bool domain = cookie->host_only
                      ? span_equal_nocase(cookie->domain, place->host)
                      : domain_matches(place->host, cookie->domain, place->host_is_address);
    return domain && path_matches(place->path, cookie->path) &&
           (!cookie->secure || place->secure) && cookie->expires_us > wall_us;
}

struct span cookie_jar_header(struct cookie_jar *jar, const struct cookie_place *place,
                              int64_t wall_us)
{
    /* '=' and "; " for each. */
    size_t most = jar->bytes + (size_t)jar->count * 3;
    if (most > jar->header_capacity) {
        char *grown = realloc(jar->header, most);
        if (grown == NULL) {
            return span_of(NULL, 0);
        }
        jar->header = grown;
        jar->header_capacity = most;
    }
    const struct cookie *chosen[COOKIES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < jar->count; i++) {
        const struct cookie *cookie = jar->cookies[i];
        if (!cookie_goes_to(cookie, place, wall_us)) {
            continue;
        }
        /* Longer paths first, then older ones (section 5.4, step 2). */
        uint32_t at = count++;
        while (at > 0 && chosen[at - 1]->path.len < cookie->path.len) {
            chosen[at] = chosen[at - 1];
            at--;
        }
        chosen[at] = cookie;
    }
    char *end = jar->header;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            store(&end, SPAN("; "));
        }
        store(&end, chosen[i]->name);
        store(&end, SPAN("="));
        store(&end, chosen[i]->value);
    }
    return span_of(jar->header, (size_t)(end - jar->header));
}

uint64_t cookie_jar_bytes(const struct cookie_jar *jar)
{
    return jar == NULL ? 0
                       : sizeof(*jar) + jar->bytes + jar->count * sizeof(struct cookie) +
                             jar->header_capacity;
}

void cookie_jar_free(struct cookie_jar *jar)
{
    if (jar == NULL) {
        return;
    }
    while (jar->count > 0) {
        remove_cookie(jar, jar->count - 1);
    }
    free(jar->header);
    free(jar);
}
