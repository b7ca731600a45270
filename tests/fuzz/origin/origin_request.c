/* The request parser: whatever comes, its spans lie inside the bytes, its answer does not
 * depend on what follows the head, and no shorter part of a whole head is whole. */
#include "origin/request.h"

#include <assert.h>

static void assert_inside(struct span part, struct span whole)
{
    assert(part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of((const char *)data, size);
    struct request request;
    enum request_state state = request_parse(bytes, &request);
    const struct span parts[] = {request.method, request.path,       request.query,
                                 request.host,   request.user_agent, request.range_text};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_inside(parts[i], bytes);
    }
    if (state == REQUEST_REFUSED) {
        assert(request.status >= 400 && request.status < 600);
        return 0;
    }
    if (state == REQUEST_INCOMPLETE) {
        assert(size < REQUEST_HEAD_MAX);
        return 0;
    }
    assert(request.head_bytes <= size && request.head_bytes <= REQUEST_HEAD_MAX);
    assert(request.method.len > 0 && request.path.len > 0);
    assert(request.range != REQUEST_RANGE_WITHIN || request.range_first <= request.range_last);
    struct request again;
    assert(request_parse(span_of(bytes.ptr, request.head_bytes), &again) == REQUEST_COMPLETE);
    assert(again.head_bytes == request.head_bytes);
    assert(request_parse(span_of(bytes.ptr, request.head_bytes - 1), &again) !=
           REQUEST_COMPLETE);
    return 0;
}
