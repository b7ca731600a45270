/* Faults by rule: `--fault
 * 'KIND[=ARG][,path=GLOB][,p=0.1][,after=N][,count=N][,from=T][,to=T]'`. A rule applies to
 * requests (or connections, or DNS queries) of its scope; which of them is decided by its
 * conditions, and by a generator of its own where p is given, so that one seed gives one run.
 * The kinds are one const table, fault_kinds.
 *
 * A rule only notes in a struct fault_plan what shall go wrong; the layer concerned does it.
 * One thread. */
#ifndef ORIGIN_FAULT_H
#define ORIGIN_FAULT_H

#include "base/err.h"
#include "base/rng.h"
#include "base/span.h"
#include "origin/stream.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How a request is answered at all. */
enum fault_answer {
    FAULT_ANSWER_NORMAL,
    FAULT_ANSWER_CLOSE,          /* the connection is closed */
    FAULT_ANSWER_RESET,          /* the connection is reset */
    FAULT_ANSWER_GARBAGE,        /* bytes that are not HTTP */
    FAULT_ANSWER_ENDLESS_HEADER, /* header lines without end */
};

/* What the body is instead. */
enum fault_body {
    FAULT_BODY_NORMAL,
    FAULT_BODY_HTML,        /* an error page with status 200 */
    FAULT_BODY_ENDLESS,     /* the right bytes, then more without end */
    FAULT_BODY_PADDED,      /* the right bytes, then more up to body_bytes, all announced */
    FAULT_BODY_SHORT_KEY,   /* 15 bytes */
    FAULT_BODY_BAD_GZIP,    /* said to be gzip and broken */
    FAULT_BODY_BAD_CHUNK,   /* chunked, with a length that is not one */
    FAULT_BODY_WRONG_RANGE, /* another range than asked for, of another length */
};

enum fault_cut { FAULT_CUT_NONE, FAULT_CUT_CLOSE, FAULT_CUT_RESET };

/* Location of a redirect. */
enum fault_redirect {
    FAULT_REDIRECT_NONE,
    FAULT_REDIRECT_LOOP,    /* to the same URL */
    FAULT_REDIRECT_INVALID, /* no Location field */
    FAULT_REDIRECT_FOLDER,  /* to the same path below another folder, which is served */
};

/* What shall go wrong with one request; all zero is nothing. */
struct fault_plan {
    int64_t latency_us;     /* before the response */
    int64_t hold_until_us;  /* no response before this monotonic time; INT64_MAX: never */
    uint64_t bandwidth_bps; /* of the body; 0: no bound */
    uint64_t cut_after;     /* body bytes before the cut; UINT64_MAX: half of them */
    int64_t stale_since_us; /* the playlist is as of then; 0: as of now */
    unsigned publish_every; /* segments appear in groups of so many; 0: one by one */
    int status;             /* 0: as it is */
    unsigned defects;       /* of enum playlist_defect */
    uint64_t variation;     /* how often the rule that asked for the defects applied */
    enum fault_answer answer;
    enum fault_body body;
    enum fault_cut cut;
    enum fault_redirect redirect;
    struct span folder;   /* of FAULT_REDIRECT_FOLDER; borrowed from the rule */
    struct span cookie;   /* sent as Set-Cookie; borrowed from the rule */
    struct span encoding; /* sent as Content-Encoding; borrowed */
    uint64_t body_bytes;  /* of FAULT_BODY_PADDED */
    bool cut_anywhere;    /* cut_after counts from the first byte of the head */
    bool short_length;    /* the length announced is half of the body's */
    bool ignore_range;
    bool chunked;     /* chunked framing in place of a length */
    bool until_close; /* no length; the end of the connection ends the body */
};

/* What a rule looks at. */
enum fault_scope {
    FAULT_SCOPE_REQUEST,  /* any request */
    FAULT_SCOPE_PLAYLIST, /* requests of playlists */
    FAULT_SCOPE_MEDIA,    /* requests of segments and init sections */
    FAULT_SCOPE_KEY,      /* requests of keys */
    FAULT_SCOPE_TLS,      /* TLS connections */
    FAULT_SCOPE_LISTENER, /* the listening sockets, by time only */
    FAULT_SCOPE_DNS,      /* DNS queries; path is the name asked for */
};

/* What a TLS connection meets instead of a handshake; a DNS query instead of an answer; what
 * happens to the listeners. The kinds of these scopes carry one of these values. */
enum fault_special {
    FAULT_SPECIAL_NONE,
    FAULT_TLS_WRONG_NAME,
    FAULT_TLS_GARBAGE,
    FAULT_TLS_SILENT,
    FAULT_LISTENER_REFUSE,
    FAULT_LISTENER_BLACKHOLE,
    FAULT_DNS_NOT_FOUND,
    FAULT_DNS_SERVFAIL,
    FAULT_DNS_SILENT,
    FAULT_DNS_UNROUTABLE,
    FAULT_DNS_SCOPELESS,
};

enum fault_argument {
    FAULT_ARGUMENT_NONE,
    FAULT_ARGUMENT_STATUS,
    FAULT_ARGUMENT_DURATION,
    FAULT_ARGUMENT_BITRATE,
    FAULT_ARGUMENT_BYTES, /* may be left out */
    FAULT_ARGUMENT_TEXT,
};

struct fault_rule;

struct fault_kind {
    const char *name;
    const char *help;
    enum fault_scope scope;
    enum fault_argument argument;
    enum fault_special special;
    /* Notes the fault; for the request scopes only. */
    void (*apply)(const struct fault_rule *rule, struct fault_plan *plan);
};

/* The table, ended by a row without name. */
extern const struct fault_kind fault_kinds[];

struct fault_rule {
    const struct fault_kind *kind;
    char *text;             /* owned; the rule as written */
    struct span argument;   /* borrowed from text */
    int64_t number;         /* the argument read: status, µs, bit/s or bytes */
    struct span glob;       /* of the path; empty: any */
    double probability;     /* 1: always */
    uint64_t after;         /* the first so many that match are spared */
    uint64_t count;         /* at most so many are hit; 0: any number */
    int64_t from_us, to_us; /* since the start of the origin; to_us INT64_MAX: for ever */
    struct rng rng;
    uint64_t matched, applied;
    int64_t first_applied_us; /* monotonic; valid once applied */
};

#define FAULT_RULES_MAX 32

struct fault_set {
    struct fault_rule rules[FAULT_RULES_MAX];
    unsigned count;
    int64_t start_us; /* monotonic; what from and to count from */
    uint64_t seed;
};

void fault_set_init(struct fault_set *set, uint64_t seed, int64_t start_us);
void fault_set_fini(struct fault_set *set);

/* Adds the rule of the text. Returns 0, or -1 with err filled. */
int fault_set_add(struct fault_set *set, struct span text, struct err *err);

/* What a request for `path`, which names `resource`, shall suffer. */
void fault_plan_request(struct fault_set *set, struct span path, enum stream_resource resource,
                        int64_t now_us, struct fault_plan *out);

/* What a connection (FAULT_SCOPE_TLS) or a query (FAULT_SCOPE_DNS, for `name`) shall suffer. */
enum fault_special fault_plan_special(struct fault_set *set, enum fault_scope scope,
                                      struct span name, int64_t now_us);

/* What the listeners shall do at this time, without counting it. */
enum fault_special fault_listener_state(const struct fault_set *set, int64_t now_us);

/* Counts the rule that fault_listener_state() goes by. */
void fault_count_listener(struct fault_set *set, int64_t now_us);

/* The next time at which fault_listener_state() changes; INT64_MAX when never. */
int64_t fault_listener_change_us(const struct fault_set *set, int64_t now_us);

/* Whether name matches the glob: '*' any bytes, '?' one byte. */
bool fault_glob(struct span glob, struct span name);

/* Writes the table for people, a line a kind. */
void fault_print_help(FILE *out);

#endif
