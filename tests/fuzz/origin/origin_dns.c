/* DNS queries: no answer passes its bound, and no name its room. */
#include "origin/dns.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dns_answer answer = {{127, 0, 0, 1}, 4};
    struct span query = span_of((const char *)data, size);
    uint8_t out[DNS_ANSWER_MAX];
    char name[256];
    struct span asked = dns_query_name(query, name);
    assert(asked.len <= 255);
    for (int fault = FAULT_SPECIAL_NONE; fault <= FAULT_DNS_SCOPELESS; fault++) {
        size_t len = dns_respond(query, &answer, (enum fault_special)fault, out);
        assert(len <= DNS_ANSWER_MAX);
        assert(len == 0 || (len <= size + 28 && out[0] == data[0] && out[1] == data[1]));
    }
    return 0;
}
