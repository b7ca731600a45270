#include "app/options.h"

#include "base/field.h"
#include "base/units.h"
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int option_refuse(const struct option_value *value, const char *why, struct err *err)
{
    return err_refuse(err, option_what(value->option), span_from_string(value->text), why,
                      NULL);
}

static int take_flag(const struct option_value *value, struct err *err)
{
    (void)err;
    *(bool *)value->field = true;
    return 0;
}

static int take_text(const struct option_value *value, struct err *err)
{
    (void)err;
    *(const char **)value->field = value->text;
    return 0;
}

static int refuse_no_name(const struct option_value *value, struct err *err)
{
    return err_set(err, ERR_USAGE, option_what(value->option), "name a file", "an empty name");
}

static int take_input_file(const struct option_value *value, struct err *err)
{
    struct stat status;
    if (value->text[0] == '\0') {
        return refuse_no_name(value, err);
    }
    int fd = open(value->text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL, "cannot read '%s': %s",
                       value->text, strerror(errno));
    }
    bool is_folder = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
    close(fd);
    if (is_folder) {
        return err_set(err, ERR_USAGE, option_what(value->option), "name a file",
                       "'%s' is a folder", value->text);
    }
    *(const char **)value->field = value->text;
    return 0;
}

/* The folder that a path names a file in. */
static void folder_of(const char *path, char *dst, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        snprintf(dst, size, ".");
    } else if (slash == path) {
        snprintf(dst, size, "/");
    } else {
        snprintf(dst, size, "%.*s", (int)(slash - path), path);
    }
}

/* Asks before the run whether the file can be written, and leaves it as it is: a run of hours
 * must not find out at its end. */
static int take_output_file(const struct option_value *value, struct err *err)
{
    struct stat status;
    char folder[4096];
    folder_of(value->text, folder, sizeof folder);
    bool exists = stat(value->text, &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) {
        return err_set(err, ERR_USAGE, option_what(value->option), "name a file",
                       "'%s' is a folder", value->text);
    }
    if (value->text[0] == '\0') {
        return refuse_no_name(value, err);
    }
    if (strcmp(value->text, "-") == 0) {
        return err_set(err, ERR_USAGE, option_what(value->option), "name a file",
                       "is not written to standard output");
    }
    if (access(exists ? value->text : folder, exists ? W_OK : W_OK | X_OK) != 0) {
        return err_set(err, ERR_USAGE, option_what(value->option),
                       errno == ENOENT ? "make its folder first" : "name a file elsewhere",
                       "cannot write '%s': %s", value->text, strerror(errno));
    }
    *(const char **)value->field = value->text;
    return 0;
}

static int take_output(const struct option_value *value, struct err *err)
{
    if (strcmp(value->text, "-") == 0) {
        return take_text(value, err);
    }
    return take_output_file(value, err);
}

static int take_count(const struct option_value *value, struct err *err)
{
    uint64_t count;
    if (!span_to_u64(span_from_string(value->text), &count) ||
        count < (uint64_t)value->option->low || count > (uint64_t)value->option->high) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "'%s' is not a whole number of %lld to %lld", value->text,
                       (long long)value->option->low, (long long)value->option->high);
    }
    *(uint32_t *)value->field = (uint32_t)count;
    return 0;
}

static int take_seed(const struct option_value *value, struct err *err)
{
    if (!span_to_u64(span_from_string(value->text), (uint64_t *)value->field)) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "'%s' is not a whole number of 0 to 18446744073709551615", value->text);
    }
    return 0;
}

static int take_duration(const struct option_value *value, struct err *err)
{
    int64_t us;
    const char *why = units_parse_duration(span_from_string(value->text), &us);
    if (why != NULL) {
        return option_refuse(value, why, err);
    }
    if (us < value->option->low || us > value->option->high) {
        char low[UNITS_TEXT], high[UNITS_TEXT];
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "'%s' is out of range, %s to %s", value->text,
                       units_format_duration_exact(value->option->low, low),
                       units_format_duration_exact(value->option->high, high));
    }
    *(int64_t *)value->field = us;
    return 0;
}

static int take_bitrate(const struct option_value *value, struct err *err)
{
    uint64_t bps;
    const char *why = units_parse_bitrate(span_from_string(value->text), &bps);
    if (why != NULL) {
        return option_refuse(value, why, err);
    }
    if (bps < (uint64_t)value->option->low) {
        char low[UNITS_TEXT];
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "'%s' is too little, at least %s", value->text,
                       units_format_bitrate((double)value->option->low, low));
    }
    *(uint64_t *)value->field = bps;
    return 0;
}

static int take_size(const struct option_value *value, struct err *err)
{
    uint64_t bytes;
    const char *why = units_parse_size(span_from_string(value->text), &bytes);
    if (why != NULL) {
        return option_refuse(value, why, err);
    }
    if (bytes < (uint64_t)value->option->low || bytes > (uint64_t)value->option->high) {
        char low[UNITS_TEXT], high[UNITS_TEXT];
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "'%s' is out of range, %s to %s", value->text,
                       units_format_size((uint64_t)value->option->low, low),
                       units_format_size((uint64_t)value->option->high, high));
    }
    *(uint64_t *)value->field = bytes;
    return 0;
}

const struct option_type option_flag = {.take = take_flag, .is_flag = true};
const struct option_type option_text = {.take = take_text};
const struct option_type option_input_file = {.take = take_input_file,
                                              .completion = OPTION_COMPLETE_FILES};
const struct option_type option_output = {.take = take_output,
                                          .completion = OPTION_COMPLETE_FILES};
const struct option_type option_output_file = {.take = take_output_file,
                                               .completion = OPTION_COMPLETE_FILES};
const struct option_type option_count = {.take = take_count};
const struct option_type option_seed = {.take = take_seed};
const struct option_type option_duration = {.take = take_duration};
const struct option_type option_bitrate = {.take = take_bitrate};
const struct option_type option_size = {.take = take_size};

/* Splits at the last colon, the one that no bracket follows. */
static bool split_endpoint(struct span text, struct span *address, struct span *port)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != ']') {
        at--;
    }
    if (at == 0 || text.ptr[at - 1] != ':') {
        return false;
    }
    *port = span_skip(text, at);
    *address = span_of(text.ptr, at - 1);
    if (address->len >= 2 && address->ptr[0] == '[' && address->ptr[address->len - 1] == ']') {
        *address = span_of(address->ptr + 1, address->len - 2);
        return true;
    }
    return span_find(*address, ':') == address->len;
}

int option_read_endpoint(const struct option_value *value, const char *fallback_address,
                         const char **ret_address, uint16_t *ret_port, struct err *err)
{
    struct span address, port;
    uint64_t number;
    union net_address parsed;
    if (!split_endpoint(span_from_string(value->text), &address, &port) ||
        !span_to_u64(port, &number) || number > 65535) {
        return err_set(err, ERR_USAGE, option_what(value->option),
                       "write 127.0.0.1:8080 or [::1]:8080",
                       "'%s' is not an address and a port of 0 to 65535", value->text);
    }
    if (address.len == 0 && fallback_address != NULL) {
        address = span_from_string(fallback_address);
    } else if (span_equal(address, SPAN("localhost"))) {
        address = SPAN("127.0.0.1");
    }
    if (net_address_parse(address, 0, &parsed) != 0) {
        return err_set(err, ERR_USAGE, option_what(value->option),
                       "write 127.0.0.1:8080 or [::1]:8080",
                       "'%.*s' is not an IPv4 or IPv6 address", SPAN_ARGS(address));
    }
    *ret_address = option_memory_keep(value->memory, address);
    *ret_port = (uint16_t)number;
    return 0;
}

enum { HEADERS_MAX = 16384 }; /* bytes of all --header lines together */

static int take_header(const struct option_value *value, struct err *err)
{
    /* What frames a message is not for the user to say: the transport would disagree with the
     * server about where a message ends. */
    static const char *const own[] = {"Connection", "Content-Length", "Transfer-Encoding",
                                      "Range",      "Upgrade",        NULL};
    const char **lines = value->field;
    struct span rest = span_from_string(value->text);
    bool has_colon = span_find(rest, ':') < rest.len;
    struct span name = span_cut(&rest, ':');
    struct span text = span_trim(rest);
    if (!has_colon || !field_is_name(name) || field_has_control(text)) {
        return option_refuse(value, "is not a header line; write 'Name: value'", err);
    }
    for (size_t i = 0; own[i] != NULL; i++) {
        if (span_equal_nocase(name, span_from_string(own[i]))) {
            return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                           "%s is set by Shoal itself", own[i]);
        }
    }
    const char *before = *lines == NULL ? "" : *lines;
    static char joined[HEADERS_MAX + 1];
    int len = snprintf(joined, sizeof joined, "%s%.*s: %.*s\r\n", before, SPAN_ARGS(name),
                       SPAN_ARGS(text));
    if (len < 0 || len > HEADERS_MAX) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "more than %d bytes of headers", HEADERS_MAX);
    }
    *lines = option_memory_keep(value->memory, span_of(joined, (size_t)len));
    return 0;
}

const struct option_type option_header = {.take = take_header, .repeats = true};
