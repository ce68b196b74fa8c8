#include "codec/text.h"

#include "base/limits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const char base64url_digits[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base64_digits[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[17] = "0123456789abcdef";

#define BAD 0x80

/* Value of a digit, or BAD. The two alphabets differ in the last two digits only. */
#define DIGIT(c)                                                                                   \
    (uint8_t)((c) >= 'A' && (c) <= 'Z'   ? (c) - 'A'                                               \
              : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26                                          \
              : (c) >= '0' && (c) <= '9' ? (c) - '0' + 52                                          \
                                         : BAD)
#define ROW8(n)                                                                                    \
    DIGIT(n), DIGIT((n) + 1), DIGIT((n) + 2), DIGIT((n) + 3), DIGIT((n) + 4), DIGIT((n) + 5),      \
        DIGIT((n) + 6), DIGIT((n) + 7)
#define ROW64(n)                                                                                   \
    ROW8(n), ROW8((n) + 8), ROW8((n) + 16), ROW8((n) + 24), ROW8((n) + 32), ROW8((n) + 40),        \
        ROW8((n) + 48), ROW8((n) + 56)

static const uint8_t common_values[256] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};

static void encode_groups(char *out, struct qf_slice bytes, const char *digits)
{
    const uint8_t *in = bytes.data;
    for (size_t i = 0; i + 3 <= bytes.size; i += 3, in += 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = digits[group >> 6 & 63];
        *out++ = digits[group & 63];
    }
    size_t rest = bytes.size % 3;
    if (rest == 0)
        return;
    uint32_t group = (uint32_t)in[0] << 16 | (rest == 2 ? (uint32_t)in[1] << 8 : 0);
    *out++ = digits[group >> 18];
    *out++ = digits[group >> 12 & 63];
    if (rest == 2)
        *out++ = digits[group >> 6 & 63];
}

void qf_base64url_encode(char *out, struct qf_slice bytes)
{
    encode_groups(out, bytes, base64url_digits);
}

void qf_base64_encode(char *out, struct qf_slice bytes)
{
    encode_groups(out, bytes, base64_digits);
    size_t end = QF_BASE64_SIZE(bytes.size);
    if (bytes.size % 3 != 0)
        out[end - 1] = '=';
    if (bytes.size % 3 == 1)
        out[end - 2] = '=';
}

void qf_hex_encode(char *out, struct qf_slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        *out++ = hex_digits[bytes.data[i] >> 4];
        *out++ = hex_digits[bytes.data[i] & 15];
    }
}

static inline uint32_t value_of(uint8_t c, char d62, char d63)
{
    if (c == (uint8_t)d62)
        return 62;
    if (c == (uint8_t)d63)
        return 63;
    return common_values[c];
}

static bool decode_groups(uint8_t *out, size_t *size, struct qf_slice text, char d62, char d63)
{
    const uint8_t *in = text.data;
    uint8_t *start = out;
    uint32_t bad = 0;
    *size = 0;
    size_t whole = text.size / 4;
    for (size_t i = 0; i < whole; i++, in += 4, out += 3) {
        uint32_t a = value_of(in[0], d62, d63);
        uint32_t b = value_of(in[1], d62, d63);
        uint32_t c = value_of(in[2], d62, d63);
        uint32_t d = value_of(in[3], d62, d63);
        bad |= a | b | c | d;
        uint32_t group = a << 18 | b << 12 | c << 6 | d;
        out[0] = (uint8_t)(group >> 16);
        out[1] = (uint8_t)(group >> 8);
        out[2] = (uint8_t)group;
    }
    size_t rest = text.size % 4;
    if (rest == 1)
        return false;
    if (rest >= 2) {
        uint32_t a = value_of(in[0], d62, d63);
        uint32_t b = value_of(in[1], d62, d63);
        uint32_t c = rest == 3 ? value_of(in[2], d62, d63) : 0;
        bad |= a | b | c;
        /* The bits that no byte takes must be zero, else several texts would mean the same. */
        if ((rest == 2 && (b & 15) != 0) || (rest == 3 && (c & 3) != 0))
            return false;
        *out++ = (uint8_t)(a << 2 | b >> 4);
        if (rest == 3)
            *out++ = (uint8_t)(b << 4 | c >> 2);
    }
    *size = (size_t)(out - start);
    return (bad & BAD) == 0;
}

#if defined(__x86_64__)
/* A mask of the bytes that lie between the two letters. Bytes from 0x80 on are
 * negative and so in no range. */
__attribute__((target("avx2"))) static inline __m256i within(__m256i bytes, char first, char last)
{
    return _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8((char)(first - 1))),
                            _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(last + 1)), bytes));
}

/* 32 letters become 24 bytes at a time, while 32 may be written: the last eight are written over
 * by what follows. Returns the letters that were taken; less than there are also when one is bad.
 */
__attribute__((target("avx2"))) static size_t decode_url_avx2(uint8_t *out, struct qf_slice text)
{
    const __m256i gather = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,
                                            2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
    size_t at = 0;
    for (; text.size - at >= 44; at += 32, out += 24) {
        __m256i in = _mm256_loadu_si256((const void *)(text.data + at));
        __m256i upper = within(in, 'A', 'Z');
        __m256i lower = within(in, 'a', 'z');
        __m256i digit = within(in, '0', '9');
        __m256i dash = _mm256_cmpeq_epi8(in, _mm256_set1_epi8('-'));
        __m256i line = _mm256_cmpeq_epi8(in, _mm256_set1_epi8('_'));
        __m256i known = _mm256_or_si256(_mm256_or_si256(upper, lower),
                                        _mm256_or_si256(_mm256_or_si256(digit, dash), line));
        if (_mm256_movemask_epi8(known) != -1)
            break;
        __m256i shift = _mm256_and_si256(upper, _mm256_set1_epi8(0 - 'A'));
        shift = _mm256_or_si256(shift, _mm256_and_si256(lower, _mm256_set1_epi8(26 - 'a')));
        shift = _mm256_or_si256(shift, _mm256_and_si256(digit, _mm256_set1_epi8(52 - '0')));
        shift = _mm256_or_si256(shift, _mm256_and_si256(dash, _mm256_set1_epi8(62 - '-')));
        shift = _mm256_or_si256(shift, _mm256_and_si256(line, _mm256_set1_epi8(63 - '_')));
        __m256i sextets = _mm256_add_epi8(in, shift);
        __m256i pairs = _mm256_maddubs_epi16(sextets, _mm256_set1_epi32(0x01400140));
        __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, gather), join);
        _mm256_storeu_si256((void *)out, bytes);
    }
    return at;
}
#endif

bool qf_base64url_decode(uint8_t *out, size_t *size, struct qf_slice text)
{
    size_t done = 0;
#if defined(__x86_64__)
    if (text.size >= 44 && __builtin_cpu_supports("avx2"))
        done = decode_url_avx2(out, text);
#endif
    if (done > 0)
        text = qf_slice_make(text.data + done, text.size - done);
    bool good = decode_groups(out + done / 4 * 3, size, text, '-', '_');
    *size += done / 4 * 3;
    return good;
}

bool qf_base64_decode(uint8_t *out, size_t *size, struct qf_slice text)
{
    if (text.size % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=')
        padding++;
    text.size -= padding;
    return decode_groups(out, size, text, '+', '/');
}

/* One more than the digit's value, 0 for what is no digit: a table, since nobody can foretell
 * whether the next digit of a hash is a letter. */
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};

bool qf_hex_decode(uint8_t *out, size_t *size, struct qf_slice text)
{
    if (text.size % 2 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 2) {
        unsigned high = hex_values[text.data[i]];
        unsigned low = hex_values[text.data[i + 1]];
        if (high == 0 || low == 0)
            return false;
        *out++ = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    *size = text.size / 2;
    return true;
}

static void put_encoded(struct qf_buf *buf, size_t size, struct qf_slice bytes,
                        void (*encode)(char *, struct qf_slice))
{
    uint8_t *place = size == 0 ? NULL : qf_buf_reserve(buf, size);
    if (place == NULL)
        return;
    encode((char *)place, bytes);
    qf_buf_grow(buf, size);
}

void qf_buf_put_base64url(struct qf_buf *buf, struct qf_slice bytes)
{
    put_encoded(buf, QF_BASE64URL_SIZE(bytes.size), bytes, qf_base64url_encode);
}

void qf_buf_put_base64(struct qf_buf *buf, struct qf_slice bytes)
{
    put_encoded(buf, QF_BASE64_SIZE(bytes.size), bytes, qf_base64_encode);
}

void qf_buf_put_hex(struct qf_buf *buf, struct qf_slice bytes)
{
    put_encoded(buf, 2 * bytes.size, bytes, qf_hex_encode);
}

bool qf_id_valid(struct qf_slice text)
{
    if (text.size == 0 || text.size > QF_ID_SIZE_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        /* The digits of base64 less + and /, and five marks. */
        if (common_values[c] == BAD && c != '.' && c != '_' && c != ':' && c != '/' && c != '-')
            return false;
    }
    return true;
}
