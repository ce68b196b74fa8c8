#include "feel/number.h"

#include <stdio.h>

#include <decQuad.h>
#include <decimal128.h>

/* decimal128 has 34 digits; exp, ln and power are computed with that many by decNumber. */
#define DIGITS 34
_Static_assert(sizeof(decQuad) == 2 * sizeof(uint64_t), "a value holds one decQuad");

static const enum rounding roundings[] = {
    [QF_FEEL_ROUND_HALF_EVEN] = DEC_ROUND_HALF_EVEN, [QF_FEEL_ROUND_HALF_UP] = DEC_ROUND_HALF_UP,
    [QF_FEEL_ROUND_HALF_DOWN] = DEC_ROUND_HALF_DOWN, [QF_FEEL_ROUND_UP] = DEC_ROUND_UP,
    [QF_FEEL_ROUND_DOWN] = DEC_ROUND_DOWN,           [QF_FEEL_ROUND_FLOOR] = DEC_ROUND_FLOOR,
    [QF_FEEL_ROUND_CEILING] = DEC_ROUND_CEILING,
};

static decContext quad_context(void)
{
    decContext context;
    decContextDefault(&context, DEC_INIT_DECQUAD);
    return context;
}

static void from_int(decQuad *out, int64_t value)
{
    uint8_t digits[DECQUAD_Pmax] = {0};
    uint64_t rest = value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
    for (int i = DECQUAD_Pmax - 1; rest > 0; i--) {
        digits[i] = (uint8_t)(rest % 10);
        rest /= 10;
    }
    decQuadFromBCD(out, 0, digits, value < 0 ? (int32_t)DECFLOAT_Sign : 0);
}

static void load(decQuad *out, const struct qf_feel_value *n)
{
    if (n->small)
        from_int(out, n->integer);
    else
        memcpy(out, n->quad, sizeof *out);
}

/* Integers with exponent 0 that fit 64 bits become small again, so that a number has one form. */
static bool to_small(int64_t *out, const decQuad *n)
{
    if (decQuadGetExponent(n) != 0)
        return false;
    uint8_t digits[DECQUAD_Pmax];
    bool negative = decQuadGetCoefficient(n, digits) != 0;
    uint64_t value = 0;
    for (int i = 0; i < DECQUAD_Pmax; i++) {
        if (value > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        value = value * 10 + digits[i];
    }
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool refuse(struct qf_feel_value *out)
{
    *out = qf_feel_null();
    return false;
}

static bool store(struct qf_feel_value *out, const decQuad *n)
{
    if (!decQuadIsFinite(n))
        return refuse(out);
    int64_t integer = 0;
    if (to_small(&integer, n)) {
        *out = qf_feel_int(integer);
        return true;
    }
    *out = (struct qf_feel_value){.kind = QF_FEEL_NUMBER};
    memcpy(out->quad, n, sizeof *n);
    return true;
}

bool qf_feel_number_parse(struct qf_feel_value *out, struct qf_slice text)
{
    char copy[128];
    *out = qf_feel_null();
    if (text.size == 0 || text.size >= sizeof copy)
        return false;
    bool digit = false;
    bool plain = true;
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        bool sign = (c == '-' || c == '+') &&
                    (i == 0 || text.data[i - 1] == 'e' || text.data[i - 1] == 'E');
        if (c >= '0' && c <= '9')
            digit = true;
        else if (c == '.' || c == 'e' || c == 'E')
            plain = false;
        else if (!sign)
            return false;
        copy[i] = c;
    }
    copy[text.size] = '\0';
    if (!digit)
        return false;
    if (plain && text.size <= 18) {
        int64_t value = 0;
        size_t at = copy[0] == '-' || copy[0] == '+' ? 1 : 0;
        for (; at < text.size; at++)
            value = value * 10 + (copy[at] - '0');
        *out = qf_feel_int(copy[0] == '-' ? -value : value);
        return true;
    }
    decContext context = quad_context();
    decQuad number;
    decQuadFromString(&number, copy, &context);
    return (context.status & DEC_Conversion_syntax) == 0 && store(out, &number);
}

void qf_feel_number_write(struct qf_buf *buf, const struct qf_feel_value *n)
{
    if (n->small) {
        qf_buf_put_int(buf, n->integer);
        return;
    }
    decQuad number;
    uint8_t digits[DECQUAD_Pmax];
    load(&number, n);
    int32_t exponent = decQuadGetExponent(&number);
    bool negative = decQuadGetCoefficient(&number, digits) != 0;
    int first = 0;
    while (first < DECQUAD_Pmax - 1 && digits[first] == 0)
        first++;
    if (negative && !decQuadIsZero(&number))
        qf_buf_put_byte(buf, '-');
    int32_t count = DECQUAD_Pmax - first;
    int32_t point = count + exponent; /* digits before the decimal point */
    if (decQuadIsZero(&number) && exponent > 0)
        point = 1;
    if (point <= 0) {
        qf_buf_put_text(buf, "0.");
        for (int32_t i = point; i < 0; i++)
            qf_buf_put_byte(buf, '0');
    }
    for (int32_t i = 0; i < count; i++) {
        if (i == point && i > 0)
            qf_buf_put_byte(buf, '.');
        qf_buf_put_byte(buf, (uint8_t)('0' + digits[first + i]));
    }
    for (int32_t i = count; i < point; i++)
        qf_buf_put_byte(buf, '0');
}

typedef decQuad *quad_op(decQuad *, const decQuad *, const decQuad *, decContext *);

static bool operate(struct qf_feel_value *out, const struct qf_feel_value *a,
                    const struct qf_feel_value *b, quad_op *op)
{
    decContext context = quad_context();
    decQuad x;
    decQuad y;
    decQuad result;
    load(&x, a);
    load(&y, b);
    op(&result, &x, &y, &context);
    if ((context.status & DEC_Underflow) != 0 && decQuadIsZero(&result))
        return refuse(out); /* it is not zero, but its scale is out of range */
    return store(out, &result);
}

bool qf_feel_number_add(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b)
{
    int64_t sum = 0;
    if (a->small && b->small && !__builtin_add_overflow(a->integer, b->integer, &sum)) {
        *out = qf_feel_int(sum);
        return true;
    }
    return operate(out, a, b, decQuadAdd);
}

bool qf_feel_number_sub(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b)
{
    int64_t difference = 0;
    if (a->small && b->small && !__builtin_sub_overflow(a->integer, b->integer, &difference)) {
        *out = qf_feel_int(difference);
        return true;
    }
    return operate(out, a, b, decQuadSubtract);
}

bool qf_feel_number_mul(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b)
{
    int64_t product = 0;
    if (a->small && b->small && !__builtin_mul_overflow(a->integer, b->integer, &product)) {
        *out = qf_feel_int(product);
        return true;
    }
    return operate(out, a, b, decQuadMultiply);
}

bool qf_feel_number_div(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b)
{
    if (a->small && b->small && b->integer != 0 && b->integer != -1 &&
        a->integer % b->integer == 0) {
        *out = qf_feel_int(a->integer / b->integer);
        return true;
    }
    return operate(out, a, b, decQuadDivide);
}

typedef decNumber *number_op(decNumber *, const decNumber *, const decNumber *, decContext *);
typedef decNumber *number_op1(decNumber *, const decNumber *, decContext *);

/* Over decNumber; the result is rounded once, to decimal128. */
static bool operate_long(struct qf_feel_value *out, const struct qf_feel_value *a,
                         const struct qf_feel_value *b, number_op *op, number_op1 *op1)
{
    decContext context;
    decContextDefault(&context, DEC_INIT_DECIMAL128);
    context.digits = DIGITS;
    decQuad quad;
    decNumber x;
    decNumber y;
    decNumber result;
    QF_ASSERT(op1 != NULL || b != NULL);
    load(&quad, a);
    decQuadToNumber(&quad, &x);
    if (op1 != NULL) {
        op1(&result, &x, &context);
    } else {
        load(&quad, b);
        decQuadToNumber(&quad, &y);
        op(&result, &x, &y, &context);
    }
    if (decNumberIsNaN(&result) || decNumberIsInfinite(&result))
        return refuse(out);
    decQuadFromNumber(&quad, &result, &context);
    if ((context.status & DEC_Underflow) != 0 && decQuadIsZero(&quad))
        return refuse(out);
    return store(out, &quad);
}

/* Integers are exact under multiplication; with them 10**5 is 100000 and not 1E+5. */
static bool power_small(struct qf_feel_value *out, int64_t base, int64_t exponent)
{
    int64_t result = 1;
    for (int64_t i = 0; i < exponent; i++)
        if (__builtin_mul_overflow(result, base, &result))
            return false;
    *out = qf_feel_int(result);
    return true;
}

bool qf_feel_number_power(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b)
{
    if (a->small && b->small && b->integer >= 0 && b->integer <= 64 &&
        power_small(out, a->integer, b->integer))
        return true;
    return operate_long(out, a, b, decNumberPower, NULL);
}

bool qf_feel_number_sqrt(struct qf_feel_value *out, const struct qf_feel_value *n)
{
    return operate_long(out, n, NULL, NULL, decNumberSquareRoot);
}

bool qf_feel_number_ln(struct qf_feel_value *out, const struct qf_feel_value *n)
{
    return operate_long(out, n, NULL, NULL, decNumberLn);
}

bool qf_feel_number_exp(struct qf_feel_value *out, const struct qf_feel_value *n)
{
    return operate_long(out, n, NULL, NULL, decNumberExp);
}

bool qf_feel_number_modulo(struct qf_feel_value *out, const struct qf_feel_value *a,
                           const struct qf_feel_value *b)
{
    if (qf_feel_number_is_zero(b)) {
        *out = qf_feel_null();
        return false;
    }
    struct qf_feel_value part;
    /* The remainder is exact where it is defined; it has the sign of the dividend. */
    if (!operate_long(&part, a, b, decNumberRemainder, NULL)) {
        if (!qf_feel_number_div(&part, a, b) ||
            !qf_feel_number_round(&part, &part, 0, QF_FEEL_ROUND_FLOOR) ||
            !qf_feel_number_mul(&part, &part, b))
            return false;
        return qf_feel_number_sub(out, a, &part);
    }
    if (!qf_feel_number_is_zero(&part) &&
        qf_feel_number_is_negative(&part) != qf_feel_number_is_negative(b))
        return qf_feel_number_add(out, &part, b);
    *out = part;
    return true;
}

void qf_feel_number_negate(struct qf_feel_value *out, const struct qf_feel_value *n)
{
    if (n->small && n->integer != INT64_MIN) {
        *out = qf_feel_int(-n->integer);
        return;
    }
    decContext context = quad_context();
    decQuad number;
    load(&number, n);
    decQuadMinus(&number, &number, &context);
    (void)store(out, &number);
}

/* Whether `zeros` more digits still fit behind those of a number. */
static bool widens(const decQuad *number, int32_t zeros)
{
    return zeros > 0 && (int32_t)decQuadDigits(number) + zeros <= DECQUAD_Pmax;
}

bool qf_feel_number_round(struct qf_feel_value *out, const struct qf_feel_value *n, int32_t scale,
                          enum qf_feel_rounding rounding)
{
    if (n->small && scale == 0) {
        *out = *n;
        return true;
    }
    decQuad number;
    load(&number, n);
    int32_t exponent = decQuadGetExponent(&number);
    if (exponent >= -scale && !widens(&number, exponent + scale)) {
        *out = *n; /* there is no room for the digits, which would be zeros */
        return true;
    }
    decContext context = quad_context();
    context.round = roundings[rounding];
    decQuad unit;
    decQuadZero(&unit);
    decQuadSetExponent(&unit, &context, -scale);
    decQuadQuantize(&number, &number, &unit, &context);
    if (scale < 0 && decQuadIsFinite(&number)) {
        /* 1E+3 and 1000 are the same; an integer is kept with exponent 0 where that fits. */
        decQuad one;
        decQuad whole;
        decQuadZero(&one);
        decContext exact = quad_context();
        decQuadQuantize(&whole, &number, &one, &exact);
        if (decQuadIsFinite(&whole))
            number = whole;
    }
    return store(out, &number);
}

int qf_feel_number_compare(const struct qf_feel_value *a, const struct qf_feel_value *b)
{
    if (a->small && b->small)
        return (a->integer > b->integer) - (a->integer < b->integer);
    decContext context = quad_context();
    decQuad x;
    decQuad y;
    decQuad order;
    load(&x, a);
    load(&y, b);
    decQuadCompare(&order, &x, &y, &context);
    return decQuadIsZero(&order) ? 0 : decQuadIsNegative(&order) ? -1 : 1;
}

bool qf_feel_number_is_zero(const struct qf_feel_value *n)
{
    if (n->small)
        return n->integer == 0;
    decQuad number;
    load(&number, n);
    return decQuadIsZero(&number);
}

bool qf_feel_number_is_negative(const struct qf_feel_value *n)
{
    if (n->small)
        return n->integer < 0;
    decQuad number;
    load(&number, n);
    return decQuadIsNegative(&number) && !decQuadIsZero(&number);
}

static void integer_part(decQuad *out, const struct qf_feel_value *n)
{
    decContext context = quad_context();
    decQuad number;
    load(&number, n);
    decQuadToIntegralValue(out, &number, &context, DEC_ROUND_DOWN);
}

bool qf_feel_number_is_integer(const struct qf_feel_value *n)
{
    if (n->small)
        return true;
    decContext context = quad_context();
    decQuad number;
    decQuad whole;
    decQuad order;
    load(&number, n);
    integer_part(&whole, n);
    decQuadCompare(&order, &number, &whole, &context);
    return decQuadIsZero(&order);
}

bool qf_feel_number_is_odd(const struct qf_feel_value *n)
{
    if (n->small)
        return n->integer % 2 != 0;
    if (!qf_feel_number_is_integer(n))
        return false;
    decQuad whole;
    integer_part(&whole, n);
    if (decQuadGetExponent(&whole) > 0)
        return false;
    uint8_t digits[DECQUAD_Pmax];
    decQuadGetCoefficient(&whole, digits);
    return digits[DECQUAD_Pmax - 1] % 2 != 0;
}

bool qf_feel_number_to_int(int64_t *out, const struct qf_feel_value *n)
{
    if (n->small) {
        *out = n->integer;
        return true;
    }
    decContext context = quad_context();
    decQuad whole;
    decQuad unit;
    integer_part(&whole, n);
    decQuadZero(&unit);
    decQuadQuantize(&whole, &whole, &unit, &context);
    return decQuadIsFinite(&whole) && to_small(out, &whole);
}

bool qf_feel_number_to_seconds(int64_t *seconds, uint32_t *nanos, const struct qf_feel_value *n)
{
    struct qf_feel_value whole;
    struct qf_feel_value part;
    struct qf_feel_value billion = qf_feel_int(1000000000);
    int64_t fraction = 0;
    if (!qf_feel_number_round(&whole, n, 0, QF_FEEL_ROUND_FLOOR) ||
        !qf_feel_number_to_int(seconds, &whole) || !qf_feel_number_sub(&part, n, &whole) ||
        !qf_feel_number_mul(&part, &part, &billion) || !qf_feel_number_to_int(&fraction, &part))
        return false;
    *nanos = (uint32_t)fraction;
    return true;
}

struct qf_feel_value qf_feel_number_from_seconds(int64_t seconds, uint32_t nanos)
{
    struct qf_feel_value result = qf_feel_int(seconds);
    if (nanos == 0)
        return result;
    struct qf_feel_value part;
    char text[16];
    int size = snprintf(text, sizeof text, "0.%09u", nanos);
    while (size > 0 && text[size - 1] == '0')
        size--;
    (void)qf_feel_number_parse(&part, qf_slice_make(text, (size_t)size));
    (void)qf_feel_number_add(&result, &result, &part);
    return result;
}
