/* The table of faults and what each notes in the plan of a request. */
#include "origin/fault.h"
#include "origin/playlist.h"

static void plan_latency(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->latency_us += rule->number;
}

static void plan_bandwidth(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->bandwidth_bps = (uint64_t)rule->number;
}

static void plan_slow_drip(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->bandwidth_bps = 16; /* two bytes a second */
}

static void plan_freeze(const struct fault_rule *rule, struct fault_plan *plan)
{
    /* fault_plan_request turns an end on the origin's clock into a time. */
    plan->hold_until_us = rule->to_us;
}

static void plan_close(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->answer = FAULT_ANSWER_CLOSE;
}

static void plan_reset(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->answer = FAULT_ANSWER_RESET;
}

static void plan_garbage(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->answer = FAULT_ANSWER_GARBAGE;
}

static void plan_endless_header(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->answer = FAULT_ANSWER_ENDLESS_HEADER;
}

static void plan_status(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->status = (int)rule->number;
}

static void plan_redirect(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->redirect = FAULT_REDIRECT_FOLDER;
    plan->folder = rule->argument;
}

static void plan_redirect_loop(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->redirect = FAULT_REDIRECT_LOOP;
}

static void plan_redirect_invalid(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->redirect = FAULT_REDIRECT_INVALID;
}

static void plan_cookie(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->cookie = rule->argument;
}

static void plan_chunked(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->chunked = true;
}

static void plan_until_close(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->until_close = true;
}

static void plan_ignore_range(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->ignore_range = true;
}

static void plan_unknown_encoding(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->encoding = SPAN("x-unknown");
}

/* Where a cut comes: at the byte named, else in the middle. */
static uint64_t cut_place(const struct fault_rule *rule)
{
    return rule->argument.len > 0 ? (uint64_t)rule->number : UINT64_MAX;
}

static void plan_reset_in_body(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->cut = FAULT_CUT_RESET;
    plan->cut_after = cut_place(rule);
}

static void plan_truncate(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->cut = FAULT_CUT_CLOSE;
    plan->cut_after = cut_place(rule);
}

static void plan_endless_body(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->body = FAULT_BODY_ENDLESS;
}

static void plan_padded(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->body = FAULT_BODY_PADDED;
    plan->body_bytes = (uint64_t)rule->number;
}

static void plan_reset_at(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->cut = FAULT_CUT_RESET;
    plan->cut_after = (uint64_t)rule->number;
    plan->cut_anywhere = true;
}

static void plan_short_length(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->short_length = true;
}

static void plan_bad_chunk(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->body = FAULT_BODY_BAD_CHUNK;
}

static void plan_bad_gzip(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->body = FAULT_BODY_BAD_GZIP;
}

static void plan_html(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->body = FAULT_BODY_HTML;
}

static void plan_wrong_range(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->body = FAULT_BODY_WRONG_RANGE;
}

static void plan_short_key(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->body = FAULT_BODY_SHORT_KEY;
}

static void plan_stale(const struct fault_rule *rule, struct fault_plan *plan)
{
    plan->stale_since_us = rule->first_applied_us;
}

static void plan_late(const struct fault_rule *rule, struct fault_plan *plan)
{
    (void)rule;
    plan->publish_every = 2;
}

static void add_defect(const struct fault_rule *rule, struct fault_plan *plan, unsigned defect)
{
    plan->defects |= defect;
    plan->variation = rule->applied;
}

static void plan_invalid(const struct fault_rule *rule, struct fault_plan *plan)
{
    add_defect(rule, plan, PLAYLIST_INVALID);
}

static void plan_sequence(const struct fault_rule *rule, struct fault_plan *plan)
{
    add_defect(rule, plan, PLAYLIST_SEQUENCE_REGRESS);
}

static void plan_discontinuity(const struct fault_rule *rule, struct fault_plan *plan)
{
    add_defect(rule, plan, PLAYLIST_DISCONTINUITY_REGRESS);
}

static void plan_target(const struct fault_rule *rule, struct fault_plan *plan)
{
    add_defect(rule, plan, PLAYLIST_TARGET_CHANGE);
}

static void plan_extinf(const struct fault_rule *rule, struct fault_plan *plan)
{
    add_defect(rule, plan, PLAYLIST_LONG_EXTINF);
}

static void plan_uri(const struct fault_rule *rule, struct fault_plan *plan)
{
    add_defect(rule, plan, PLAYLIST_URI_CHANGE);
}

static void plan_range_beyond(const struct fault_rule *rule, struct fault_plan *plan)
{
    add_defect(rule, plan, PLAYLIST_RANGE_BEYOND);
}

#define REQUEST_KIND(name, argument, apply, help)                            \
    {                                                                        \
        name, help, FAULT_SCOPE_REQUEST, argument, FAULT_SPECIAL_NONE, apply \
    }
#define PLAYLIST_KIND(name, apply, help)                                                 \
    {                                                                                    \
        name, help, FAULT_SCOPE_PLAYLIST, FAULT_ARGUMENT_NONE, FAULT_SPECIAL_NONE, apply \
    }
#define SPECIAL_KIND(name, scope, special, help)              \
    {                                                         \
        name, help, scope, FAULT_ARGUMENT_NONE, special, NULL \
    }

const struct fault_kind fault_kinds[] = {
    REQUEST_KIND("latency", FAULT_ARGUMENT_DURATION, plan_latency,
                 "answers come so much later: latency=200ms"),
    REQUEST_KIND("bandwidth", FAULT_ARGUMENT_BITRATE, plan_bandwidth,
                 "bodies come at this rate: bandwidth=1M"),
    REQUEST_KIND("slow_drip", FAULT_ARGUMENT_NONE, plan_slow_drip,
                 "bodies come at two bytes a second"),
    REQUEST_KIND("freeze", FAULT_ARGUMENT_NONE, plan_freeze,
                 "no answer before the end (to=) of the rule"),
    REQUEST_KIND("close_before_response", FAULT_ARGUMENT_NONE, plan_close,
                 "the connection is closed in place of an answer"),
    REQUEST_KIND("reset_before_response", FAULT_ARGUMENT_NONE, plan_reset,
                 "the connection is reset in place of an answer"),
    REQUEST_KIND("garbage_response", FAULT_ARGUMENT_NONE, plan_garbage,
                 "the answer is not HTTP"),
    REQUEST_KIND("endless_header", FAULT_ARGUMENT_NONE, plan_endless_header,
                 "the answer's header has no end"),
    REQUEST_KIND("status", FAULT_ARGUMENT_STATUS, plan_status,
                 "the answer has this status: status=503"),
    REQUEST_KIND("redirect", FAULT_ARGUMENT_TEXT, plan_redirect,
                 "to the same path below a folder: redirect=/moved"),
    REQUEST_KIND("redirect_loop", FAULT_ARGUMENT_NONE, plan_redirect_loop,
                 "a redirect to the same URL"),
    REQUEST_KIND("redirect_invalid", FAULT_ARGUMENT_NONE, plan_redirect_invalid,
                 "a redirect without a location"),
    REQUEST_KIND("cookie", FAULT_ARGUMENT_TEXT, plan_cookie,
                 "a Set-Cookie field: cookie=id=7; Path=/"),
    REQUEST_KIND("chunked", FAULT_ARGUMENT_NONE, plan_chunked,
                 "chunked framing in place of a length (no fault)"),
    REQUEST_KIND("until_close", FAULT_ARGUMENT_NONE, plan_until_close,
                 "the end of the connection ends the body (no fault)"),
    REQUEST_KIND("ignore_range", FAULT_ARGUMENT_NONE, plan_ignore_range,
                 "ranges are not honoured: 200 and the whole"),
    REQUEST_KIND("wrong_range", FAULT_ARGUMENT_NONE, plan_wrong_range,
                 "half of the range asked for"),
    REQUEST_KIND("unknown_encoding", FAULT_ARGUMENT_NONE, plan_unknown_encoding,
                 "a content encoding that nobody asked for"),
    REQUEST_KIND("reset_in_body", FAULT_ARGUMENT_BYTES, plan_reset_in_body,
                 "a reset amid the body, or after so many bytes"),
    REQUEST_KIND("truncate", FAULT_ARGUMENT_BYTES, plan_truncate,
                 "the body ends in the middle, or after so many bytes"),
    REQUEST_KIND("endless_body", FAULT_ARGUMENT_NONE, plan_endless_body,
                 "the body goes on without an end"),
    REQUEST_KIND("reset_at", FAULT_ARGUMENT_BYTES, plan_reset_at,
                 "a reset after so many bytes with the head: reset_at=100"),
    REQUEST_KIND("padded", FAULT_ARGUMENT_BYTES, plan_padded,
                 "the body is filled up to this size: padded=100MB"),
    REQUEST_KIND("short_length", FAULT_ARGUMENT_NONE, plan_short_length,
                 "the length announced is half of the body's"),
    REQUEST_KIND("bad_chunk", FAULT_ARGUMENT_NONE, plan_bad_chunk,
                 "chunked framing with a length that is none"),
    REQUEST_KIND("bad_gzip", FAULT_ARGUMENT_NONE, plan_bad_gzip,
                 "a body said to be gzip that cannot be unpacked"),
    PLAYLIST_KIND("not_playlist", plan_html, "an HTML page with status 200"),
    PLAYLIST_KIND("invalid_playlist", plan_invalid, "a playlist that cannot be played"),
    {"not_media", "an HTML page with status 200 in place of media", FAULT_SCOPE_MEDIA,
     FAULT_ARGUMENT_NONE, FAULT_SPECIAL_NONE, plan_html},
    {"bad_key", "a key of 15 bytes", FAULT_SCOPE_KEY, FAULT_ARGUMENT_NONE, FAULT_SPECIAL_NONE,
     plan_short_key},
    PLAYLIST_KIND("stale_playlist", plan_stale, "playlists stay as they are when it begins"),
    PLAYLIST_KIND("late_segment", plan_late,
                  "segments appear two at a time, the first of them late"),
    PLAYLIST_KIND("sequence_regress", plan_sequence,
                  "every second playlist is one of a window ago"),
    PLAYLIST_KIND("discontinuity_regress", plan_discontinuity,
                  "the discontinuity sequence goes up and down"),
    PLAYLIST_KIND("target_change", plan_target, "the target duration changes each time"),
    PLAYLIST_KIND("long_extinf", plan_extinf,
                  "segments are said to last more than the target duration"),
    PLAYLIST_KIND("uri_change", plan_uri, "the URI of a segment changes each time"),
    PLAYLIST_KIND("range_beyond", plan_range_beyond,
                  "byte ranges lie outside of their resource"),
    SPECIAL_KIND("refuse", FAULT_SCOPE_LISTENER, FAULT_LISTENER_REFUSE,
                 "connections are refused"),
    SPECIAL_KIND("blackhole", FAULT_SCOPE_LISTENER, FAULT_LISTENER_BLACKHOLE,
                 "connecting is not answered"),
    SPECIAL_KIND("tls_wrong_name", FAULT_SCOPE_TLS, FAULT_TLS_WRONG_NAME,
                 "the certificate names another host"),
    SPECIAL_KIND("tls_garbage", FAULT_SCOPE_TLS, FAULT_TLS_GARBAGE,
                 "the handshake is answered by what is not TLS"),
    SPECIAL_KIND("tls_silent", FAULT_SCOPE_TLS, FAULT_TLS_SILENT,
                 "the handshake is not answered"),
    SPECIAL_KIND("dns_not_found", FAULT_SCOPE_DNS, FAULT_DNS_NOT_FOUND, "no such name"),
    SPECIAL_KIND("dns_servfail", FAULT_SCOPE_DNS, FAULT_DNS_SERVFAIL,
                 "the name server says that it failed"),
    SPECIAL_KIND("dns_silent", FAULT_SCOPE_DNS, FAULT_DNS_SILENT,
                 "the name server does not answer"),
    SPECIAL_KIND("dns_unroutable", FAULT_SCOPE_DNS, FAULT_DNS_UNROUTABLE,
                 "names resolve to an address that is not reached"),
    SPECIAL_KIND("dns_scopeless", FAULT_SCOPE_DNS, FAULT_DNS_SCOPELESS,
                 "names resolve to a link-local address, no interface"),
    {NULL, NULL, FAULT_SCOPE_REQUEST, FAULT_ARGUMENT_NONE, FAULT_SPECIAL_NONE, NULL},
};
