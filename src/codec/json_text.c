#include "codec/json_text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define EACH(byte) (UINT64_MAX / 255 * (byte))
#define HAS_ZERO(word) (((word)-EACH(1)) & ~(word)&EACH(0x80))

static bool plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

const uint8_t *qf_json_skip_ascii(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const void *)at);
        /* As signed bytes, everything from 0x80 on is below a space too. */
        __m128i stop = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
            _mm_cmplt_epi8(bytes, space));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask != 0)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t quotes = word ^ EACH('"');
        uint64_t backslashes = word ^ EACH('\\');
        uint64_t controls = (word - EACH(0x20)) & EACH(0x80);
        if (((HAS_ZERO(quotes) | HAS_ZERO(backslashes)) | ((controls | word) & EACH(0x80))) != 0)
            break;
        at += 8;
    }
    while (at < end && plain(*at))
        at++;
    return at;
}

static bool continues(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t qf_json_utf8_size(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    if (left < 2 || !continues(at[1]) || at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    if (at[0] < 0xE0)
        return 2;
    if (left < 3 || !continues(at[2]))
        return 0;
    if (at[0] < 0xF0) {
        bool overlong = at[0] == 0xE0 && at[1] < 0xA0;
        bool surrogate = at[0] == 0xED && at[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    bool overlong = at[0] == 0xF0 && at[1] < 0x90;
    bool beyond = at[0] == 0xF4 && at[1] >= 0x90;
    return left < 4 || !continues(at[3]) || overlong || beyond ? 0 : 4;
}

int qf_json_key_compare(struct qf_slice a, struct qf_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    size_t at = 0;
    while (at < common && a.data[at] == b.data[at])
        at++;
    if (at == common)
        return (a.size > b.size) - (a.size < b.size);
    uint8_t x = a.data[at];
    uint8_t y = b.data[at];
    /* UTF-8 sorts by code point. UTF-16 differs in one thing: what needs two units (first byte F0
     * and on) begins with D800 to DBFF and so comes before U+E000 to U+FFFF (EE and EF). */
    if (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0))
        return x >= 0xF0 ? -1 : 1;
    return x < y ? -1 : 1;
}
