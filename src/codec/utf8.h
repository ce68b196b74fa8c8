/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef QF_CODEC_UTF8_H
#define QF_CODEC_UTF8_H

#include "base/slice.h"

/* Size of the well-formed sequence at `data` (1 to 4), or 0. Requires data < end. */
static inline size_t qf_utf8_size(const uint8_t *data, const uint8_t *end)
{
    uint8_t c = data[0];
    size_t left = (size_t)(end - data);
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    if (c < 0xE0)
        return left >= 2 && (data[1] & 0xC0) == 0x80 ? 2 : 0;
    if (c < 0xF0) {
        if (left < 3 || (data[1] & 0xC0) != 0x80 || (data[2] & 0xC0) != 0x80)
            return 0;
        return (c == 0xE0 && data[1] < 0xA0) || (c == 0xED && data[1] > 0x9F) ? 0 : 3;
    }
    if (left < 4 || (data[1] & 0xC0) != 0x80 || (data[2] & 0xC0) != 0x80 ||
        (data[3] & 0xC0) != 0x80)
        return 0;
    return (c == 0xF0 && data[1] < 0x90) || (c == 0xF4 && data[1] > 0x8F) ? 0 : 4;
}

/* Writes the code point (valid, no surrogate) and returns its size. */
static inline size_t qf_utf8_put(uint8_t out[4], uint32_t code_point)
{
    if (code_point < 0x80) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (uint8_t)(0xC0 | code_point >> 6);
        out[1] = (uint8_t)(0x80 | (code_point & 63));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (uint8_t)(0xE0 | code_point >> 12);
        out[1] = (uint8_t)(0x80 | (code_point >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (code_point & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | code_point >> 18);
    out[1] = (uint8_t)(0x80 | (code_point >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (code_point >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (code_point & 63));
    return 4;
}

/* Order of RFC 8785: by UTF-16 code units. It is the order of the bytes, but for code points above
 * U+FFFF, whose surrogates sort before U+E000 to U+FFFF. */
static inline int qf_utf16_compare(struct qf_slice a, struct qf_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    for (size_t i = 0; i < common; i++) {
        uint8_t x = a.data[i];
        uint8_t y = b.data[i];
        if (x == y)
            continue;
        if (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0))
            return x >= 0xF0 ? -1 : 1;
        return x < y ? -1 : 1;
    }
    return (a.size > b.size) - (a.size < b.size);
}

#endif
