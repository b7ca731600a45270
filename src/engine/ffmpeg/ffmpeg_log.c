#include "engine/ffmpeg/ffmpeg_log.h"

#include "engine/ffmpeg/ffmpeg_prefix.h"

enum verdict {
    EVENT,
    IGNORED,
    UNKNOWN,
};

struct line {
    struct span text; /* what is still to be read */
    struct ffmpeg_prefix prefix;
    struct ffmpeg_log_event event;
};

void ffmpeg_log_init(struct ffmpeg_log *log,
                     void (*on_event)(void *user, const struct ffmpeg_log_event *event),
                     void *user)
{
    *log = (struct ffmpeg_log){.on_event = on_event, .user = user};
}

/* Takes a literal off the front of the text; false when something else stands there. */
#define EAT(text, literal) eat(text, literal, sizeof(literal) - 1)

static inline bool eat(struct span *text, const char *literal, size_t len)
{
    if (text->len < len || memcmp(text->ptr, literal, len) != 0) {
        return false;
    }
    *text = span_skip(*text, len);
    return true;
}

#define STARTS(text, literal) span_starts_with(text, SPAN(literal))

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads the decimal number in front; numbers beyond 64 bits stay at the greatest. */
static bool eat_number(struct span *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < text->len && is_digit(text->ptr[i]); i++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text->ptr[i] - '0'), &value)) {
            value = UINT64_MAX;
        }
    }
    if (i == 0) {
        return false;
    }
    *text = span_skip(*text, i);
    *out = value;
    return true;
}

/* Reads 'text in quotes' where what follows the closing quote is `after`: URLs may hold quotes
 * themselves, so the last fitting one closes. */
static bool eat_quoted(struct span *text, struct span after, struct span *out)
{
    if (text->len < after.len + 2 || text->ptr[0] != '\'') {
        return false;
    }
    for (size_t i = text->len - after.len; i-- > 1;) {
        if (text->ptr[i] == '\'' && memcmp(text->ptr + i + 1, after.ptr, after.len) == 0) {
            *out = span_of(text->ptr + 1, i - 1);
            *text = span_skip(*text, i + 1 + after.len);
            return true;
        }
    }
    return false;
}

/* The place of the words in the text, or its length. */
static size_t find(struct span text, struct span words)
{
    const char *at = text.len > 0 ? memmem(text.ptr, text.len, words.ptr, words.len) : NULL;
    return at == NULL ? text.len : (size_t)(at - text.ptr);
}

enum fail ffmpeg_log_fail_of(struct span words, bool connecting, enum fail other)
{
    static const struct {
        struct span words;
        enum fail connecting, requesting;
    } table[] = {
        {{"Connection refused", 18}, FAIL_CONNECT_REFUSED, FAIL_CONNECT_REFUSED},
        {{"timed out", 9}, FAIL_CONNECT_TIMEOUT, FAIL_FIRST_BYTE_TIMEOUT},
        {{"unreachable", 11}, FAIL_CONNECT_UNREACHABLE, FAIL_CONNECT_UNREACHABLE},
        {{"No route to host", 16}, FAIL_CONNECT_UNREACHABLE, FAIL_CONNECT_UNREACHABLE},
        {{"reset by peer", 13}, FAIL_CONNECT_FAILED, FAIL_RESET_BEFORE_RESPONSE},
        {{"Broken pipe", 11}, FAIL_CONNECT_FAILED, FAIL_RESET_BEFORE_RESPONSE},
        {{"End of file", 11}, FAIL_CONNECT_FAILED, FAIL_CLOSED_BEFORE_RESPONSE},
        {{"Too many open files", 19}, FAIL_DESCRIPTORS_SPENT, FAIL_DESCRIPTORS_SPENT},
        {{"Cannot assign requested address", 31}, FAIL_PORTS_SPENT, FAIL_PORTS_SPENT},
        {{"Name or service not known", 25}, FAIL_DNS_NOT_FOUND, FAIL_DNS_NOT_FOUND},
        {{"No address associated", 21}, FAIL_DNS_NOT_FOUND, FAIL_DNS_NOT_FOUND},
        {{"Temporary failure in name", 25}, FAIL_DNS_FAILED, FAIL_DNS_FAILED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (find(words, table[i].words) < words.len) {
            return connecting ? table[i].connecting : table[i].requesting;
        }
    }
    return other;
}

/* "A port P" with an IPv4 or IPv6 address; leaves the text after the port. */
static bool eat_address(struct line *line)
{
    size_t at = find(line->text, SPAN(" port "));
    uint64_t port = 0;
    struct span rest = span_skip(line->text, at + 6);
    if (at == line->text.len || !eat_number(&rest, &port) || port > 65535) {
        return false;
    }
    line->event.address = span_of(line->text.ptr, at);
    line->event.port = (uint16_t)port;
    line->text = rest;
    return true;
}

static enum verdict event(struct line *line, enum ffmpeg_log_type type)
{
    line->event.type = type;
    return EVENT;
}

static enum verdict read_tcp(struct line *line)
{
    struct span *text = &line->text;
    if (STARTS(*text, "Address ") || STARTS(*text, "Original list") ||
        STARTS(*text, "Interleaved list") || STARTS(*text, "Setting default whitelist")) {
        return IGNORED;
    }
    if (EAT(text, "Starting connection attempt to ")) {
        return eat_address(line) ? event(line, FFMPEG_LOG_TCP_START) : UNKNOWN;
    }
    if (EAT(text, "Successfully connected to ")) {
        return eat_address(line) ? event(line, FFMPEG_LOG_TCP_CONNECTED) : UNKNOWN;
    }
    if (EAT(text, "Connection attempt to ")) {
        if (!eat_address(line) || !EAT(text, " failed: ")) {
            return UNKNOWN;
        }
        line->event.fail = ffmpeg_log_fail_of(*text, true, FAIL_CONNECT_FAILED);
        return event(line, FFMPEG_LOG_TCP_FAILED);
    }
    if (EAT(text, "Connection to ")) {
        size_t at = find(*text, SPAN(" failed"));
        if (at == text->len) {
            return UNKNOWN;
        }
        line->event.fail = ffmpeg_log_fail_of(span_skip(*text, at), true, FAIL_CONNECT_FAILED);
        return event(line, FFMPEG_LOG_TCP_GIVEN_UP);
    }
    if (EAT(text, "Failed to resolve hostname ")) {
        line->event.fail = ffmpeg_log_fail_of(*text, true, FAIL_DNS_FAILED);
        return event(line, FFMPEG_LOG_DNS_FAILED);
    }
    return UNKNOWN;
}

/* What TLS libraries say is theirs; that a line of this context is a warning or an error is all
 * that counts, and whether it is about a certificate. */
static enum verdict read_tls(struct line *line, bool is_error)
{
    if (!is_error) {
        return IGNORED;
    }
    bool certificate = find(line->text, SPAN("ertificate")) < line->text.len;
    line->event.fail = certificate ? FAIL_TLS_CERTIFICATE : FAIL_TLS_FAILED;
    return event(line, FFMPEG_LOG_TLS_FAILED);
}

/* The value of header `name` (given in lower case, with its colon), if the line is that one. */
static bool eat_header(struct span *text, struct span name)
{
    if (text->len < name.len || !span_equal_nocase(span_of(text->ptr, name.len), name)) {
        return false;
    }
    *text = span_trim(span_skip(*text, name.len));
    return true;
}

/* What the caches on the way say, see net/cache_status.h. */
static enum verdict read_cache_header(struct line *line, struct span header)
{
    if (eat_header(&header, SPAN("cf-cache-status:"))) {
        line->event.url = header;
        return event(line, FFMPEG_LOG_CF_CACHE_STATUS);
    }
    if (eat_header(&header, SPAN("x-cache:"))) {
        line->event.url = header;
        return event(line, FFMPEG_LOG_X_CACHE);
    }
    if (eat_header(&header, SPAN("age:")) && eat_number(&header, &line->event.number)) {
        return event(line, FFMPEG_LOG_AGE);
    }
    return IGNORED;
}

static enum verdict read_response_header(struct line *line)
{
    struct span header = line->text;
    if (header.len > 0 && header.ptr[header.len - 1] == '\'') {
        header.len--;
    }
    if (header.len == 0) {
        return event(line, FFMPEG_LOG_HEAD_END);
    }
    char first = (char)(header.ptr[0] | 32);
    if (first != 'c' && first != 'x' && first != 'a') {
        return IGNORED;
    }
    if (eat_header(&header, SPAN("content-length:"))) {
        return eat_number(&header, &line->event.number) ? event(line, FFMPEG_LOG_CONTENT_LENGTH)
                                                        : IGNORED;
    }
    if (eat_header(&header, SPAN("connection:")) && span_equal_nocase(header, SPAN("close"))) {
        return event(line, FFMPEG_LOG_RESPONSE_CLOSE);
    }
    return read_cache_header(line, header);
}

static enum verdict read_http_error(struct line *line)
{
    struct span *text = &line->text;
    if (EAT(text, "HTTP error ")) {
        return eat_number(text, &line->event.number) ? event(line, FFMPEG_LOG_HTTP_ERROR)
                                                     : UNKNOWN;
    }
    if (EAT(text, "Stream ends prematurely at ")) {
        if (!eat_number(text, &line->event.number) || !EAT(text, ", should be ") ||
            !eat_number(text, &line->event.other)) {
            return UNKNOWN;
        }
        return event(line, FFMPEG_LOG_BODY_CUT);
    }
    if (EAT(text, "Will reconnect at ")) {
        if (!eat_number(text, &line->event.number)) {
            return UNKNOWN;
        }
        if (EAT(text, " in ")) {
            eat_number(text, &line->event.other);
        }
        return event(line, FFMPEG_LOG_RECONNECT);
    }
    return UNKNOWN;
}

static enum verdict read_http(struct ffmpeg_log *log, struct line *line)
{
    static const struct span chatter[] = {
        {"Setting default whitelist", 25},
        {"Chunked encoding data size", 26},
        {"No trailing CRLF found", 22},
        {"Statistics:", 11},
        {"Latency:", 8},
        {"Metadata update for", 19},
        {"Cannot reuse HTTP connection", 28},
    };
    struct span *text = &line->text;
    if (EAT(text, "header='")) {
        return read_response_header(line);
    }
    if (EAT(text, "http_code=")) {
        return eat_number(text, &line->event.number) ? event(line, FFMPEG_LOG_STATUS) : UNKNOWN;
    }
    if (EAT(text, "request: ")) {
        struct span rest = *text;
        span_cut(&rest, ' ');
        line->event.url = span_cut(&rest, ' ');
        log->in_request = true;
        return event(line, FFMPEG_LOG_REQUEST);
    }
    if (EAT(text, "Opening ")) {
        line->event.reused = true;
        return eat_quoted(text, SPAN(" for reading"), &line->event.url)
                   ? event(line, FFMPEG_LOG_OPEN)
                   : UNKNOWN;
    }
    if (EAT(text, "Chunked encoding data size: ")) {
        return eat_number(text, &line->event.number) ? event(line, FFMPEG_LOG_CHUNK) : IGNORED;
    }
    if (STARTS(*text, "Last chunk received")) {
        return event(line, FFMPEG_LOG_LAST_CHUNK);
    }
    for (size_t i = 0; i < sizeof chatter / sizeof chatter[0]; i++) {
        if (span_starts_with(*text, chatter[i])) {
            return IGNORED;
        }
    }
    return read_http_error(line);
}

/* "N of playlist K", where both are wanted. */
static bool eat_segment_of_playlist(struct line *line)
{
    uint64_t playlist = 0;
    if (!eat_number(&line->text, &line->event.number) || !EAT(&line->text, " of playlist ") ||
        !eat_number(&line->text, &playlist) || playlist > INT32_MAX) {
        return false;
    }
    line->event.playlist = (int32_t)playlist;
    return true;
}

static bool eat_playlist(struct line *line)
{
    uint64_t playlist = 0;
    if (!eat_number(&line->text, &playlist) || playlist > INT32_MAX) {
        return false;
    }
    line->event.playlist = (int32_t)playlist;
    return true;
}

static enum verdict read_hls_request(struct line *line)
{
    struct span *text = &line->text;
    uint64_t offset = 0;
    if (!eat_quoted(text, SPAN(", offset "), &line->event.url) || !eat_number(text, &offset) ||
        !EAT(text, ", playlist ") || !eat_playlist(line)) {
        return UNKNOWN;
    }
    line->event.number = offset;
    return event(line, FFMPEG_LOG_HLS_REQUEST);
}

static enum verdict read_keepalive(struct line *line)
{
    if (!eat_quoted(&line->text, SPAN(" with error: "), &line->event.url)) {
        return UNKNOWN;
    }
    line->event.fail = ffmpeg_log_fail_of(line->text, false, FAIL_CLOSED_BEFORE_RESPONSE);
    return event(line, FFMPEG_LOG_KEEPALIVE_FAILED);
}

/* The lines that begin with "Failed to ". */
static enum verdict read_hls_failed(struct line *line)
{
    struct span *text = &line->text;
    /* 5.1 says "open next segment" for the prefetched one in some builds. */
    if (EAT(text, "open segment ") || EAT(text, "open next segment ")) {
        return eat_segment_of_playlist(line) ? event(line, FFMPEG_LOG_SEGMENT_FAILED) : UNKNOWN;
    }
    if (EAT(text, "reload playlist ")) {
        return eat_playlist(line) ? event(line, FFMPEG_LOG_PLAYLIST_FAILED) : UNKNOWN;
    }
    if (EAT(text, "open an initialization section in playlist ")) {
        return eat_playlist(line) ? event(line, FFMPEG_LOG_INIT_FAILED) : UNKNOWN;
    }
    return UNKNOWN;
}

static enum verdict read_sequence(struct line *line, enum ffmpeg_log_type type)
{
    struct span *text = &line->text;
    if (!eat_number(text, &line->event.number)) {
        return UNKNOWN;
    }
    EAT(text, " ");
    return EAT(text, "-> ") && eat_number(text, &line->event.other) ? event(line, type)
                                                                    : UNKNOWN;
}

static enum verdict read_segment_skipped(struct line *line)
{
    if (!eat_segment_of_playlist(line) || !STARTS(line->text, " failed too many times")) {
        return UNKNOWN;
    }
    return event(line, FFMPEG_LOG_SEGMENT_SKIPPED);
}

/* What the demuxer says when something is amiss, or when a playlist is left. */
static enum verdict read_format_rare(struct line *line)
{
    struct span *text = &line->text;
    if (EAT(text, "Failed to ")) {
        return read_hls_failed(line);
    }
    if (EAT(text, "keepalive request failed for ")) {
        return read_keepalive(line);
    }
    if (EAT(text, "Media sequence changed unexpectedly: ")) {
        return read_sequence(line, FFMPEG_LOG_SEQUENCE_BACK);
    }
    if (EAT(text, "Segment ")) {
        return read_segment_skipped(line);
    }
    if (EAT(text, "skipping ")) {
        return eat_number(text, &line->event.number) ? event(line, FFMPEG_LOG_SEGMENTS_EXPIRED)
                                                     : UNKNOWN;
    }
    if (EAT(text, "No longer receiving playlist ")) {
        return eat_playlist(line) ? event(line, FFMPEG_LOG_PLAYLIST_LEFT) : UNKNOWN;
    }
    if (STARTS(*text, "parse_playlist error") || STARTS(*text, "Empty playlist")) {
        return event(line, FFMPEG_LOG_PLAYLIST_FAILED);
    }
    if (EAT(text, "Unable to open key file ") || EAT(text, "Unable to read key file ")) {
        line->event.url = *text;
        return event(line, FFMPEG_LOG_KEY_FAILED);
    }
    if (STARTS(*text, "Error opening input")) {
        return event(line, FFMPEG_LOG_INPUT_FAILED);
    }
    return UNKNOWN;
}

/* What the demuxer says that is of no interest. */
static bool is_format_chatter(struct span text)
{
    static const struct span chatter[] = {
        {"Before avformat_find", 20},
        {"After avformat_find", 19},
        {"All info found", 14},
        {"Setting default white", 21},
        {"Packet corrupt", 14},
        {"stream ", 7},
        {"Now receiving", 13},
        {"max_analyze_duration", 20},
        {"Stripped ", 9},
        {"first_dts", 9},
        {"Probe buffer size", 17},
        {"Program ", 8},
        {"Stream #", 8},
        {"Can't support", 13},
        {"Could not find codec", 20},
        {"Consider increasing", 19},
        {"DTS ", 4},
        {"Invalid timestamps", 18},
        {"HLS ID3", 7},
        {"nal_unit_type", 13},
        {"Error when loading first", 24},

        {"rfps", 4},
        {"Cannot get correct #EXTINF", 26},
        {"starting with packet", 20},
        {"Starting thread", 15},
        {"Terminating", 11},
        {"EOF while reading", 17},
        {"Input file #", 12},
        {"Input stream #", 14},
        {"  Input stream #", 16},
        {"  Total:", 8},
        {"interrupted", 11},
        {"Starting new cluster", 20},
        {"demuxer injecting", 17},
        {"Non-monotonous DTS", 18},
        {"Empty segment", 13},
        {"Segment size of zero", 20},
        {"Setting avg frame rate", 22},
        {"Decoding VUI", 12},
    };
    for (size_t i = 0; i < sizeof chatter / sizeof chatter[0]; i++) {
        if (span_starts_with(text, chatter[i])) {
            return true;
        }
    }
    return false;
}

static enum verdict read_format(struct line *line)
{
    struct span *text = &line->text;
    if (EAT(text, "HLS request for url ")) {
        return read_hls_request(line);
    }
    if (EAT(text, "Opening ")) {
        if (text->len > 0 && text->ptr[0] != '\'') {
            return IGNORED; /* "Opening an input file", as 7 and later say it here */
        }
        return eat_quoted(text, SPAN(" for reading"), &line->event.url)
                   ? event(line, FFMPEG_LOG_OPEN)
                   : UNKNOWN;
    }
    if (STARTS(*text, "Skip ('")) {
        return event(line, FFMPEG_LOG_PLAYLIST_TAG);
    }
    if (EAT(text, "Media sequence change (")) {
        return read_sequence(line, FFMPEG_LOG_SEQUENCE);
    }
    if (STARTS(*text, "Format ")) {
        return IGNORED;
    }
    if (EAT(text, "Downloading an initialization section of size ")) {
        return eat_number(text, &line->event.number) ? event(line, FFMPEG_LOG_INIT_SECTION)
                                                     : UNKNOWN;
    }
    return is_format_chatter(*text) ? IGNORED : read_format_rare(line);
}

static enum verdict read_io(struct line *line)
{
    if (EAT(&line->text, "Statistics: ") && eat_number(&line->text, &line->event.number) &&
        STARTS(line->text, " bytes read")) {
        return event(line, FFMPEG_LOG_BYTES_READ);
    }
    return IGNORED;
}

/* "  Duration: 00:00:05.00, start: …"; live streams have "N/A". */
static enum verdict read_duration(struct line *line)
{
    struct span *text = &line->text;
    uint64_t hours = 0;
    uint64_t minutes = 0;
    uint64_t seconds = 0;
    uint64_t hundredths = 0;
    if (!eat_number(text, &hours) || !EAT(text, ":") || !eat_number(text, &minutes) ||
        !EAT(text, ":") || !eat_number(text, &seconds) || !EAT(text, ".") ||
        !eat_number(text, &hundredths) || hours > 100000 || minutes > 59 || seconds > 60 ||
        hundredths > 99) {
        return IGNORED;
    }
    line->event.number = ((hours * 60 + minutes) * 60 + seconds) * 1000000 + hundredths * 10000;
    return event(line, FFMPEG_LOG_DURATION);
}

/* The ffmpeg program itself, which has no context. */
static enum verdict read_program(struct line *line)
{
    struct span *text = &line->text;
    if (EAT(text, "  Duration: ")) {
        return read_duration(line);
    }
    if (STARTS(*text, "Output #0")) {
        return event(line, FFMPEG_LOG_PLAYING);
    }
    if (EAT(text, "Exiting normally, received signal ")) {
        return eat_number(text, &line->event.number) ? event(line, FFMPEG_LOG_SIGNALLED)
                                                     : IGNORED;
    }
    if (STARTS(*text, "Error opening input")) {
        return event(line, FFMPEG_LOG_INPUT_FAILED);
    }
    return IGNORED;
}

/* The header lines of a request, which have no prefix. The first line that has one ends them.
 */
static enum verdict read_request_header(struct line *line)
{
    struct span header = line->text;
    if (eat_header(&header, SPAN("connection:")) && span_equal_nocase(header, SPAN("close"))) {
        return event(line, FFMPEG_LOG_REQUEST_CLOSE);
    }
    return IGNORED;
}

static enum verdict read_line(struct ffmpeg_log *log, struct line *line)
{
    struct span whole = line->text;
    bool has_prefix = ffmpeg_prefix_eat(&line->text, &line->prefix);
    line->event.context = line->prefix.context;
    line->event.stamp_ms = line->prefix.stamp_ms;
    if (log->in_request && !has_prefix) {
        return read_request_header(line);
    }
    if (has_prefix) {
        log->in_request = false;
    }
    switch (line->prefix.source) {
    case FFMPEG_SOURCE_HTTP:
        return read_http(log, line);
    case FFMPEG_SOURCE_TCP:
        return read_tcp(line);
    case FFMPEG_SOURCE_FORMAT: {
        enum verdict verdict = read_format(line);
        return verdict == UNKNOWN && line->prefix.is_trace ? IGNORED : verdict;
    }
    case FFMPEG_SOURCE_IO:
        return read_io(line);
    case FFMPEG_SOURCE_TLS: {
        struct span prefix = span_of(whole.ptr, (size_t)(line->text.ptr - whole.ptr));
        bool error = find(prefix, SPAN("[error]")) < prefix.len ||
                     find(prefix, SPAN("[warning]")) < prefix.len ||
                     find(prefix, SPAN("[fatal]")) < prefix.len;
        return read_tls(line, error);
    }
    case FFMPEG_SOURCE_OTHER:
        return IGNORED;
    case FFMPEG_SOURCE_NONE:
        break;
    }
    enum verdict verdict = read_program(line);
    return verdict == IGNORED && !has_prefix ? UNKNOWN : verdict;
}

static void take_line(struct ffmpeg_log *log, const char *ptr, size_t len)
{
    if (len == 0) {
        return;
    }
    log->lines++;
    if (len > FFMPEG_LOG_LINE_MAX) {
        len = FFMPEG_LOG_LINE_MAX;
        log->cut++;
    }
    struct line line = {.text = {ptr, len}};
    line.event.playlist = -1;
    switch (read_line(log, &line)) {
    case EVENT:
        log->events++;
        log->on_event(log->user, &line.event);
        break;
    case IGNORED:
        log->ignored++;
        break;
    case UNKNOWN:
        log->unknown++;
        break;
    }
}

/* Keeps the start of a line that goes on in the next bytes. One byte more than the bound is
 * never stored: `len` beyond it only says that the line was too long. */
static void keep(struct ffmpeg_log *log, const char *ptr, size_t len)
{
    size_t room =
        FFMPEG_LOG_LINE_MAX - (log->len < FFMPEG_LOG_LINE_MAX ? log->len : FFMPEG_LOG_LINE_MAX);
    size_t part = len < room ? len : room;
    if (part > 0) {
        memcpy(log->line + log->len, ptr, part);
    }
    log->len += (uint32_t)part;
    if (part < len) {
        log->len = FFMPEG_LOG_LINE_MAX + 1;
    }
}

static void end_line(struct ffmpeg_log *log, const char *ptr, size_t len)
{
    if (log->len == 0) {
        take_line(log, ptr, len);
        return;
    }
    keep(log, ptr, len);
    size_t whole = log->len;
    log->len = 0;
    take_line(log, log->line, whole);
}

void ffmpeg_log_feed(struct ffmpeg_log *log, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end == NULL ? len : (size_t)(end - bytes);
        /* Status lines end in CR alone, and what follows them is a line of its own. */
        const char *rest = bytes;
        const char *cr = NULL;
        while ((cr = memchr(rest, '\r', part - (size_t)(rest - bytes))) != NULL) {
            end_line(log, rest, (size_t)(cr - rest));
            rest = cr + 1;
        }
        size_t tail = part - (size_t)(rest - bytes);
        if (end == NULL) {
            keep(log, rest, tail);
            return;
        }
        end_line(log, rest, tail);
        bytes = end + 1;
        len -= part + 1;
    }
}

bool ffmpeg_log_finish(struct ffmpeg_log *log)
{
    bool had = log->len > 0;
    if (had) {
        log->lines++;
        log->unknown++;
        log->cut++;
    }
    log->len = 0;
    return had;
}
