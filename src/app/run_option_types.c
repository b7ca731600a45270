#include "app/run_option_types.h"

#include "app/run_options.h"
#include "base/field.h"
#include "base/units.h"
#include "view/origin_ask.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int take_ramp(const struct option_value *value, struct err *err)
{
    struct run_options *options = value->target;
    struct span text = span_from_string(value->text);
    const char *why;
    options->ramp_us = -1;
    options->ramp_per_s = 0;
    if (span_find(text, '/') < text.len) {
        why = units_parse_rate(text, &options->ramp_per_s);
    } else {
        why = units_parse_duration(text, &options->ramp_us);
        if (why != NULL) {
            why = "is neither a rate nor a duration; write 500/s or 30s";
        }
    }
    return why == NULL ? 0 : option_refuse(value, why, err);
}

static int take_stage(const struct option_value *value, struct err *err)
{
    struct run_options *options = value->target;
    struct span target = span_from_string(value->text);
    struct span time = span_cut(&target, ':');
    struct plan_stage stage;
    uint64_t viewers;
    if (options->given_stage_count >= PLAN_STAGES_MAX - 1) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL, "more than %d stages",
                       PLAN_STAGES_MAX - 1);
    }
    const char *why = units_parse_duration(time, &stage.duration_us);
    if (why != NULL) {
        return err_refuse(err, option_what(value->option), time, why, "write 2m:5000");
    }
    if (!span_to_u64(target, &viewers) || viewers > PLAN_VIEWERS_MAX) {
        return err_set(err, ERR_USAGE, option_what(value->option), "write 2m:5000",
                       "'%s' names no number of viewers of 0 to %d", value->text,
                       PLAN_VIEWERS_MAX);
    }
    stage.target = (uint32_t)viewers;
    options->given_stages[options->given_stage_count++] = stage;
    return 0;
}

static int take_arrival(const struct option_value *value, struct err *err)
{
    enum plan_arrival *arrival = value->field;
    if (strcmp(value->text, "linear") == 0) {
        *arrival = PLAN_ARRIVAL_LINEAR;
    } else if (strcmp(value->text, "poisson") == 0) {
        *arrival = PLAN_ARRIVAL_POISSON;
    } else {
        return option_refuse(value, "is neither linear nor poisson", err);
    }
    return 0;
}

static void append_choice(char *text, size_t size, const char *name)
{
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s%s", len > 0 ? "|" : "", name);
}

static const char *engine_choices(void)
{
    static char text[128];
    text[0] = '\0';
    for (const struct engine_type *const *type = engine_types; *type != NULL; type++) {
        append_choice(text, sizeof text, (*type)->name);
    }
    return text;
}

static int take_engine(const struct option_value *value, struct err *err)
{
    for (const struct engine_type *const *type = engine_types; *type != NULL; type++) {
        if (strcmp(value->text, (*type)->name) == 0) {
            *(const struct engine_type **)value->field = *type;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, option_what(value->option), NULL, "'%s' is not one of %s",
                   value->text, engine_choices());
}

static const char *player_choices(void)
{
    static char text[256];
    text[0] = '\0';
    for (const struct player_profile *const *it = player_profiles; *it != NULL; it++) {
        append_choice(text, sizeof text, (*it)->name);
    }
    return text;
}

static int take_player(const struct option_value *value, struct err *err)
{
    const struct player_profile *profile = player_profile_find(span_from_string(value->text));
    if (profile == NULL) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "'%s' is not one of %s", value->text, player_choices());
    }
    *(const struct player_profile **)value->field = profile;
    return 0;
}

static int take_variant(const struct option_value *value, struct err *err)
{
    static const struct {
        const char *name;
        enum player_variant_rule rule;
    } rules[] = {
        {"first", PLAYER_VARIANT_FIRST},   {"highest", PLAYER_VARIANT_HIGHEST},
        {"lowest", PLAYER_VARIANT_LOWEST}, {"random", PLAYER_VARIANT_RANDOM},
        {"all", PLAYER_VARIANT_ALL},
    };
    struct run_options *options = value->target;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(value->text, rules[i].name) == 0) {
            options->variant = value->text;
            options->variant_rule = rules[i].rule;
            return 0;
        }
    }
    uint64_t index;
    if (!span_to_u64(span_from_string(value->text), &index) || index > 999) {
        return option_refuse(
            value,
            "is not one of first, highest, lowest, random, all, or a number of 0 to "
            "999",
            err);
    }
    options->variant = value->text;
    options->variant_rule = PLAYER_VARIANT_INDEX;
    options->variant_index = (uint32_t)index;
    return 0;
}

/* The wildcard, multicast and broadcast addresses can be bound, and then leave the choice of
 * the source to the system. */
static bool is_source(const union net_address *address)
{
    if (address->family == AF_INET6) {
        const struct in6_addr *in6 = &address->in6.sin6_addr;
        return !IN6_IS_ADDR_UNSPECIFIED(in6) && !IN6_IS_ADDR_MULTICAST(in6);
    }
    in_addr_t host = ntohl(address->in.sin_addr.s_addr);
    return host != INADDR_ANY && !IN_MULTICAST(host) && host != INADDR_BROADCAST;
}

/* Whether this machine has the address. */
static int try_source(const struct option_value *value, const union net_address *address,
                      struct err *err)
{
    if (!is_source(address)) {
        return option_refuse(value, "names an address that no connection comes from", err);
    }
    int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "no socket for '%s': %s", value->text, strerror(errno));
    }
    socklen_t size = address->family == AF_INET ? sizeof address->in : sizeof address->in6;
    int status = bind(fd, &address->sa, size);
    int error = errno;
    close(fd);
    if (status != 0) {
        char text[NI_MAXHOST] = "?";
        getnameinfo(&address->sa, size, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        return err_set(err, ERR_USAGE, option_what(value->option),
                       "give it to an interface with ip address add", "%s: %s", text,
                       strerror(error));
    }
    return 0;
}

static int add_source(const struct option_value *value, const union net_address *address,
                      struct err *err)
{
    struct run_options *options = value->target;
    if (options->source_count >= RUN_OPTIONS_SOURCES_MAX) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "more than %d addresses", RUN_OPTIONS_SOURCES_MAX);
    }
    if (try_source(value, address, err) != 0) {
        return -1;
    }
    /* Room doubles at each power of two. */
    uint32_t count = options->source_count;
    if ((count & (count - 1)) == 0) {
        size_t room = count == 0 ? 1 : (size_t)count * 2;
        union net_address *sources = realloc(options->sources, room * sizeof *sources);
        if (sources == NULL) {
            abort();
        }
        options->sources = sources;
    }
    options->sources[options->source_count++] = *address;
    return 0;
}

/* The bytes of the address, most significant first. */
static unsigned char *address_bytes(union net_address *address)
{
    return address->family == AF_INET ? (unsigned char *)&address->in.sin_addr
                                      : address->in6.sin6_addr.s6_addr;
}

static void address_add_one(union net_address *address)
{
    unsigned char *bytes = address_bytes(address);
    int i = address->family == AF_INET ? 3 : 15;
    while (i >= 0 && ++bytes[i] == 0) {
        i--;
    }
}

/* Every host of ADDR/PREFIX: of an IPv4 network that has them, network and broadcast address
 * are left out. */
static int add_network(const struct option_value *value, union net_address address,
                       uint64_t prefix, struct err *err)
{
    unsigned width = address.family == AF_INET ? 32 : 128;
    if (prefix > width || width - prefix > 16) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "'%s' names no network of /%u to /%u", value->text, width - 16, width);
    }
    unsigned char *bytes = address_bytes(&address);
    for (unsigned bit = (unsigned)prefix; bit < width; bit++) {
        bytes[bit / 8] &= (unsigned char)~(0x80u >> (bit % 8));
    }
    uint32_t hosts = UINT32_C(1) << (width - prefix);
    bool cut_ends = width == 32 && prefix < 31;
    for (uint32_t i = 0; i < hosts; i++, address_add_one(&address)) {
        if (cut_ends && (i == 0 || i == hosts - 1)) {
            continue;
        }
        if (add_source(value, &address, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int take_bind(const struct option_value *value, struct err *err)
{
    struct span rest = span_from_string(value->text);
    do {
        struct span prefix = span_trim(span_cut(&rest, ','));
        bool is_network = span_find(prefix, '/') < prefix.len;
        struct span host = span_cut(&prefix, '/');
        union net_address address;
        uint64_t bits;
        if (net_address_parse(host, 0, &address) != 0) {
            return option_refuse(value,
                                 "is not a list of addresses; write 10.0.0.5,10.0.1.0/28", err);
        }
        if (!is_network) {
            if (add_source(value, &address, err) != 0) {
                return -1;
            }
        } else if (!span_to_u64(prefix, &bits)) {
            return option_refuse(value, "has no number after the slash; write 10.0.1.0/28",
                                 err);
        } else if (add_network(value, address, bits, err) != 0) {
            return -1;
        }
    } while (rest.len > 0);
    return 0;
}

static int take_resolve(const struct option_value *value, struct err *err)
{
    static const char form[] = "is not HOST:PORT:ADDR; write example.com:443:10.0.0.5";
    struct run_options *options = value->target;
    struct span rest = span_from_string(value->text);
    struct net_override item = {.host = span_cut(&rest, ':')};
    struct span port = span_cut(&rest, ':');
    uint64_t number = 0;
    bool any_port = span_equal(port, SPAN("*"));
    if (item.host.len == 0 ||
        (!any_port && (!span_to_u64(port, &number) || number < 1 || number > 65535))) {
        return option_refuse(value, form, err);
    }
    if (rest.len >= 2 && rest.ptr[0] == '[' && rest.ptr[rest.len - 1] == ']') {
        rest = span_of(rest.ptr + 1, rest.len - 2);
    }
    item.port = (uint16_t)number;
    if (net_address_parse(rest, item.port, &item.address) != 0) {
        return option_refuse(value, form, err);
    }
    struct net_override *items =
        realloc(options->overrides, (options->override_count + 1) * sizeof *items);
    if (items == NULL) {
        abort();
    }
    items[options->override_count++] = item;
    options->overrides = items;
    return 0;
}

/* One name server: an address, maybe with a port; IPv6 with a port stands in brackets. */
static bool is_dns_server(struct span text)
{
    union net_address address;
    uint64_t port;
    if (net_address_parse(text, 53, &address) == 0) {
        return true;
    }
    if (text.len > 0 && text.ptr[0] == '[') {
        struct span rest = span_skip(text, 1);
        struct span host = span_cut(&rest, ']');
        if (net_address_parse(host, 53, &address) != 0) {
            return false;
        }
        return rest.len == 0 || (rest.ptr[0] == ':' && span_to_u64(span_skip(rest, 1), &port) &&
                                 port >= 1 && port <= 65535);
    }
    struct span rest = text;
    struct span host = span_cut(&rest, ':');
    return net_address_parse(host, 53, &address) == 0 && span_to_u64(rest, &port) &&
           port >= 1 && port <= 65535;
}

static int take_dns(const struct option_value *value, struct err *err)
{
    struct span rest = span_from_string(value->text);
    do {
        if (!is_dns_server(span_trim(span_cut(&rest, ',')))) {
            return option_refuse(value, "is not a list of name servers; write 10.0.0.1:53",
                                 err);
        }
    } while (rest.len > 0);
    *(const char **)value->field = value->text;
    return 0;
}

/* RFC 9110 section 5.6.2. */
static int take_user_agent(const struct option_value *value, struct err *err)
{
    struct span text = span_from_string(value->text);
    if (text.len == 0 || text.len > 1024 || field_has_control(text)) {
        return option_refuse(value, "is not a line of 1 to 1024 bytes", err);
    }
    *(const char **)value->field = value->text;
    return 0;
}

static int take_listen(const struct option_value *value, struct err *err)
{
    struct run_options *options = value->target;
    if (strcmp(value->text, "off") == 0) {
        options->listen = false;
        return 0;
    }
    options->listen = true;
    options->listen_port_exact = true;
    return option_read_endpoint(value, "127.0.0.1", &options->listen_address,
                                &options->listen_port, err);
}

static int take_threshold(const struct option_value *value, struct err *err)
{
    struct run_options *options = value->target;
    const unsigned most = sizeof options->thresholds / sizeof options->thresholds[0];
    if (options->threshold_count >= most) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "more than %u thresholds", most);
    }
    options->thresholds[options->threshold_count++] = value->text;
    return 0;
}

const struct option_type option_ramp = {.take = take_ramp};
const struct option_type option_stage = {.take = take_stage, .repeats = true};
const struct option_type option_arrival = {.take = take_arrival,
                                           .completion = OPTION_COMPLETE_CHOICES};
const struct option_type option_engine = {
    .take = take_engine, .choices = engine_choices, .completion = OPTION_COMPLETE_CHOICES};
const struct option_type option_player = {
    .take = take_player, .choices = player_choices, .completion = OPTION_COMPLETE_CHOICES};
const struct option_type option_variant = {.take = take_variant,
                                           .completion = OPTION_COMPLETE_CHOICES};
const struct option_type option_bind = {.take = take_bind, .repeats = true};
const struct option_type option_resolve = {.take = take_resolve, .repeats = true};
const struct option_type option_dns = {.take = take_dns};
const struct option_type option_user_agent = {.take = take_user_agent};
const struct option_type option_listen = {.take = take_listen};
static int take_origin_metrics(const struct option_value *value, struct err *err)
{
    struct run_options *options = value->target;
    const unsigned most = sizeof options->origin_urls / sizeof options->origin_urls[0];
    if (options->origin_count >= most) {
        return err_set(err, ERR_USAGE, option_what(value->option), NULL,
                       "more than %u exporters", most);
    }
    struct origin_address address;
    if (origin_address_parse(value->text, &address, err) < 0) {
        return -1;
    }
    options->origin_urls[options->origin_count++] = value->text;
    return 0;
}

const struct option_type option_origin_metrics = {.take = take_origin_metrics, .repeats = true};
const struct option_type option_threshold = {.take = take_threshold, .repeats = true};
