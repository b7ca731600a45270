#include "base/field.h"

static bool is_token_byte(unsigned char c)
{
    static const uint32_t set[8] = {
        0,
        0x03ff6cfa,
        0xc7fffffe,
        0x57ffffff,
    };
    return (set[c >> 5] >> (c & 31) & 1) != 0;
}

bool field_is_name(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_byte((unsigned char)text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

bool field_has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}
