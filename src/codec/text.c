#include "codec/text.h"

#include "base/limits.h"

static const char base64url_digits[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base64_digits[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[17] = "0123456789abcdef";

#define BAD 0x80

/* Value of a digit, or BAD. The two alphabets differ in the last two digits only. */
#define DIGIT(c)                                                                                   \
    ((c) >= 'A' && (c) <= 'Z'   ? (c) - 'A'                                                        \
     : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26                                                   \
     : (c) >= '0' && (c) <= '9' ? (c) - '0' + 52                                                   \
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

bool qf_base64url_decode(uint8_t *out, size_t *size, struct qf_slice text)
{
    return decode_groups(out, size, text, '-', '_');
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

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool qf_hex_decode(uint8_t *out, size_t *size, struct qf_slice text)
{
    if (text.size % 2 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_value(text.data[i]);
        int low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        *out++ = (uint8_t)(high << 4 | low);
    }
    *size = text.size / 2;
    return true;
}

void qf_buf_put_base64url(struct qf_buf *buf, struct qf_slice bytes)
{
    uint8_t *place = qf_buf_reserve(buf, QF_BASE64URL_SIZE(bytes.size));
    if (place == NULL)
        return;
    qf_base64url_encode((char *)place, bytes);
    qf_buf_grow(buf, QF_BASE64URL_SIZE(bytes.size));
}

void qf_buf_put_base64(struct qf_buf *buf, struct qf_slice bytes)
{
    uint8_t *place = qf_buf_reserve(buf, QF_BASE64_SIZE(bytes.size));
    if (place == NULL)
        return;
    qf_base64_encode((char *)place, bytes);
    qf_buf_grow(buf, QF_BASE64_SIZE(bytes.size));
}

void qf_buf_put_hex(struct qf_buf *buf, struct qf_slice bytes)
{
    uint8_t *place = qf_buf_reserve(buf, 2 * bytes.size);
    if (place == NULL)
        return;
    qf_hex_encode((char *)place, bytes);
    qf_buf_grow(buf, 2 * bytes.size);
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
