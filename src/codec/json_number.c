#include "codec/json_number.h"

/* Natural numbers of up to 4,096 bits, least limb first. The largest that occurs: 400 digits times
 * 10^400, or 10^800 beside a significand of 64 bits and a shift of 1,138. */
#define LIMBS 128

struct big {
    uint32_t limb[LIMBS];
    size_t size; /* limbs in use; no leading zeros */
};

static void big_set(struct big *a, uint64_t value)
{
    a->limb[0] = (uint32_t)value;
    a->limb[1] = (uint32_t)(value >> 32);
    a->size = a->limb[1] != 0 ? 2 : a->limb[0] != 0;
}

static void big_mul_add(struct big *a, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (size_t i = 0; i < a->size; i++) {
        carry += (uint64_t)a->limb[i] * factor;
        a->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        QF_ASSERT(a->size < LIMBS);
        a->limb[a->size++] = (uint32_t)carry;
    }
}

static void big_mul_pow10(struct big *a, unsigned power)
{
    for (; power >= 9; power -= 9)
        big_mul_add(a, 1000000000u, 0);
    for (; power > 0; power--)
        big_mul_add(a, 10, 0);
}

static size_t big_bits(const struct big *a)
{
    if (a->size == 0)
        return 0;
    return 32 * a->size - (size_t)__builtin_clz(a->limb[a->size - 1]);
}

static void big_shift_left(struct big *a, size_t bits)
{
    size_t limbs = bits / 32;
    unsigned rest = (unsigned)(bits % 32);
    if (a->size == 0)
        return;
    QF_ASSERT(a->size + limbs + 1 <= LIMBS);
    a->limb[a->size] = 0;
    for (size_t i = a->size + 1; i-- > 0;) {
        uint64_t wide = (uint64_t)a->limb[i] << rest;
        if (i > 0 && rest > 0)
            wide |= a->limb[i - 1] >> (32 - rest);
        a->limb[i + limbs] = (uint32_t)wide;
    }
    for (size_t i = 0; i < limbs; i++)
        a->limb[i] = 0;
    a->size += limbs + 1;
    while (a->size > 0 && a->limb[a->size - 1] == 0)
        a->size--;
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    for (size_t i = a->size; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* a -= b; requires a >= b. */
static void big_sub(struct big *a, const struct big *b)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->size; i++) {
        uint64_t take = (i < b->size ? b->limb[i] : 0) + borrow;
        borrow = a->limb[i] < take;
        a->limb[i] = (uint32_t)(a->limb[i] - take);
    }
    while (a->size > 0 && a->limb[a->size - 1] == 0)
        a->size--;
}

/* A decimal: 0.d1d2d3… × 10^point, digits without leading or trailing zeros; none: zero. */
struct decimal {
    bool negative;
    char digits[QF_JSON_NUMBER_SIZE_MAX];
    size_t count;
    int point;
};

/* A finite binary64 value: significand × 2^exponent; significand below 2^53. */
struct binary {
    uint64_t significand;
    int exponent;
};

#define EXPONENT_MIN (-1074)
#define EXPONENT_MAX 971

static bool scan(struct decimal *out, struct qf_slice text)
{
    size_t i = 0;
    bool after_point = false;
    *out = (struct decimal){0};
    if (text.size > QF_JSON_NUMBER_SIZE_MAX)
        return false;
    if (text.data[i] == '-') {
        out->negative = true;
        i++;
    }
    for (; i < text.size && text.data[i] != 'e' && text.data[i] != 'E'; i++) {
        if (text.data[i] == '.') {
            after_point = true;
        } else if (text.data[i] == '0' && out->count == 0) {
            out->point -= after_point;
        } else {
            out->digits[out->count++] = (char)text.data[i];
            out->point += !after_point;
        }
    }
    if (i < text.size) {
        bool negative = text.data[++i] == '-';
        int exponent = 0;
        for (i += text.data[i] == '-' || text.data[i] == '+'; i < text.size; i++)
            exponent = exponent > 100000 ? exponent : exponent * 10 + (text.data[i] - '0');
        out->point += negative ? -exponent : exponent;
    }
    while (out->count > 0 && out->digits[out->count - 1] == '0')
        out->count--;
    return true;
}

/* Rounds numerator / denominator × 2^-shift… to the nearest binary64, ties to even; false:
 * infinite. */
static bool round_quotient(struct binary *out, struct big *numerator, struct big *denominator)
{
    /* Scale so that the quotient has 53 bits (fewer where the exponent is least). */
    int exponent = (int)big_bits(numerator) - (int)big_bits(denominator) - 53;
    if (exponent < EXPONENT_MIN)
        exponent = EXPONENT_MIN;
    if (exponent > 0)
        big_shift_left(denominator, (size_t)exponent);
    else
        big_shift_left(numerator, (size_t)-exponent);
    uint64_t quotient = 0;
    struct big part = *denominator;
    big_shift_left(&part, 54);
    for (int bit = 54; bit >= 0; bit--) {
        quotient <<= 1;
        if (big_compare(numerator, &part) >= 0) {
            big_sub(numerator, &part);
            quotient |= 1;
        }
        /* part >>= 1 */
        for (size_t i = 0; i < part.size; i++)
            part.limb[i] = part.limb[i] >> 1 | (i + 1 < part.size ? part.limb[i + 1] << 31 : 0);
        while (part.size > 0 && part.limb[part.size - 1] == 0)
            part.size--;
    }
    if (quotient >> 53 != 0) { /* one bit more than wanted: halve, keeping what is lost */
        bool odd = (quotient & 1) != 0;
        if (odd) {
            struct big whole = *denominator;
            /* remainder of the halved division: denominator + remainder, against 2 × denominator */
            uint64_t carry = 0;
            for (size_t i = 0; i < whole.size || i < numerator->size; i++) {
                carry += (i < whole.size ? whole.limb[i] : 0ull) +
                         (i < numerator->size ? numerator->limb[i] : 0ull);
                numerator->limb[i] = (uint32_t)carry;
                carry >>= 32;
                if (i >= numerator->size)
                    numerator->size = i + 1;
            }
            if (carry > 0)
                numerator->limb[numerator->size++] = (uint32_t)carry;
        }
        quotient >>= 1;
        exponent++;
        big_shift_left(denominator, 1);
    }
    big_shift_left(numerator, 1);
    int half = big_compare(numerator, denominator);
    quotient += half > 0 || (half == 0 && (quotient & 1) != 0);
    if (quotient == (uint64_t)1 << 53) {
        quotient >>= 1;
        exponent++;
    }
    *out = (struct binary){quotient, exponent};
    return exponent <= EXPONENT_MAX;
}

static bool to_binary(struct binary *out, const struct decimal *decimal)
{
    *out = (struct binary){0};
    if (decimal->count == 0 || decimal->point < -330)
        return true;
    if (decimal->point > 310)
        return false;
    struct big numerator;
    struct big denominator;
    big_set(&numerator, 0);
    for (size_t i = 0; i < decimal->count; i++)
        big_mul_add(&numerator, 10, (uint32_t)(decimal->digits[i] - '0'));
    if (numerator.size == 0)
        return true;
    big_set(&denominator, 1);
    int power = decimal->point - (int)decimal->count;
    if (power >= 0)
        big_mul_pow10(&numerator, (unsigned)power);
    else
        big_mul_pow10(&denominator, (unsigned)-power);
    return round_quotient(out, &numerator, &denominator);
}

static bool same(const struct binary *a, const struct binary *b)
{
    return a->significand == b->significand && (a->significand == 0 || a->exponent == b->exponent);
}

/* The first `count` decimal digits of the exact value, rounded half to even, into `out`. */
static void exact_digits(struct decimal *out, const struct binary *value, size_t count)
{
    struct big numerator;
    struct big denominator;
    big_set(&numerator, value->significand);
    big_set(&denominator, 1);
    if (value->exponent >= 0)
        big_shift_left(&numerator, (size_t)value->exponent);
    else
        big_shift_left(&denominator, (size_t)-value->exponent);
    out->point = 0;
    while (big_compare(&numerator, &denominator) >= 0) {
        big_mul_add(&denominator, 10, 0);
        out->point++;
    }
    for (;;) { /* numerator / denominator in [1/10, 1) */
        struct big ten = numerator;
        big_mul_add(&ten, 10, 0);
        if (big_compare(&ten, &denominator) >= 0)
            break;
        numerator = ten;
        out->point--;
    }
    out->count = 0;
    for (size_t i = 0; i < count; i++) {
        big_mul_add(&numerator, 10, 0);
        char digit = '0';
        while (big_compare(&numerator, &denominator) >= 0) {
            big_sub(&numerator, &denominator);
            digit++;
        }
        out->digits[out->count++] = digit;
    }
    big_mul_add(&numerator, 2, 0);
    int half = big_compare(&numerator, &denominator);
    if (half > 0 || (half == 0 && (out->digits[out->count - 1] & 1) != 0)) {
        size_t i = out->count;
        while (i > 0 && out->digits[i - 1] == '9')
            out->digits[--i] = '0';
        if (i > 0) {
            out->digits[i - 1]++;
        } else {
            out->digits[0] = '1';
            out->point++;
        }
    }
    while (out->count > 0 && out->digits[out->count - 1] == '0')
        out->count--;
}

bool qf_json_number_valid(struct qf_slice text)
{
    struct decimal decimal;
    struct binary value;
    return scan(&decimal, text) && to_binary(&value, &decimal);
}

static void put_zeros(struct qf_buf *buf, int count)
{
    for (int i = 0; i < count; i++)
        qf_buf_put_byte(buf, '0');
}

/* ECMA-262 Number::toString, steps for radix 10. */
static void write_decimal(struct qf_buf *buf, const struct decimal *d)
{
    int count = (int)d->count;
    int n = d->point;
    if (d->negative)
        qf_buf_put_byte(buf, '-');
    if (n > 0 && n <= 21 && count <= n) {
        qf_buf_put(buf, d->digits, d->count);
        put_zeros(buf, n - count);
    } else if (n > 0 && n <= 21) {
        qf_buf_put(buf, d->digits, (size_t)n);
        qf_buf_put_byte(buf, '.');
        qf_buf_put(buf, d->digits + n, d->count - (size_t)n);
    } else if (n > -6 && n <= 0) {
        qf_buf_put_text(buf, "0.");
        put_zeros(buf, -n);
        qf_buf_put(buf, d->digits, d->count);
    } else {
        qf_buf_put(buf, d->digits, 1);
        if (count > 1) {
            qf_buf_put_byte(buf, '.');
            qf_buf_put(buf, d->digits + 1, d->count - 1);
        }
        qf_buf_put_text(buf, n - 1 < 0 ? "e" : "e+");
        qf_buf_put_int(buf, n - 1);
    }
}

void qf_json_number_write(struct qf_buf *buf, struct qf_slice text)
{
    struct decimal decimal;
    struct binary value;
    bool valid = scan(&decimal, text) && to_binary(&value, &decimal);
    QF_ASSERT(valid);
    if (value.significand == 0) {
        qf_buf_put_byte(buf, '0');
        return;
    }
    struct decimal shortest = {.negative = decimal.negative};
    for (size_t count = 1; count <= 17; count++) {
        struct binary back;
        exact_digits(&shortest, &value, count);
        if (to_binary(&back, &shortest) && same(&back, &value))
            break;
    }
    write_decimal(buf, &shortest);
}
