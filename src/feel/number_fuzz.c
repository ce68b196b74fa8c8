/* Two decimals of any digits, exponent and sign through every operation on numbers: what comes out
 * is written and read back as the same number, is the same however the stack was used before, and
 * keeps the laws that rounding leaves. */
#include <stdio.h>

#include "feel/number.h"

#define NUMBER_SIZE 21 /* of the input: sign, exponent, digits two by two */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool number_of(struct qf_feel_value *out, const uint8_t in[NUMBER_SIZE])
{
    char text[64];
    size_t size = 0;
    /* Exponents beyond the range are given, too, and fold into it, underflow or are refused. */
    int exponent = (int16_t)(in[1] << 8 | in[2]) % ((in[0] & 2) != 0 ? 7000 : 60);
    size_t digits = 1 + in[3] % 34;
    text[size++] = (in[0] & 1) != 0 ? '-' : '+';
    for (size_t i = 0; i < digits; i++) {
        unsigned digit = in[4 + i / 2] >> (i % 2 * 4) & 15;
        text[size++] = (char)('0' + (digit < 10 ? digit : digit % 2 * 9));
    }
    size += (size_t)snprintf(text + size, sizeof text - size, "E%d", exponent);
    return qf_feel_number_parse(out, qf_slice_make(text, size));
}

static bool operate(struct qf_feel_value *out, unsigned op, const struct qf_feel_value *a,
                    const struct qf_feel_value *b, int32_t scale)
{
    switch (op) {
    case 0:
        return qf_feel_number_add(out, a, b);
    case 1:
        return qf_feel_number_sub(out, a, b);
    case 2:
        return qf_feel_number_mul(out, a, b);
    case 3:
        return qf_feel_number_div(out, a, b);
    case 4:
        return qf_feel_number_modulo(out, a, b);
    case 5:
        return qf_feel_number_power(out, a, b);
    case 6:
        return qf_feel_number_sqrt(out, a);
    case 7:
        return qf_feel_number_ln(out, a);
    case 8:
        return qf_feel_number_exp(out, a);
    case 9:
        qf_feel_number_negate(out, a);
        return true;
    default:
        return qf_feel_number_round(out, a, scale, (enum qf_feel_rounding)(op - 10));
    }
}

static bool same(const struct qf_feel_value *a, const struct qf_feel_value *b)
{
    struct qf_buf x = {0}, y = {0};
    qf_feel_number_write(&x, a);
    qf_feel_number_write(&y, b);
    bool equal = qf_slice_equal(qf_buf_slice(&x), qf_buf_slice(&y));
    qf_buf_deinit(&x);
    qf_buf_deinit(&y);
    return equal;
}

/* Leaves bytes where the next call has its variables. */
__attribute__((noinline)) static void dirty(uint8_t with)
{
    volatile uint8_t stack[4096];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = with;
}

static void check(const struct qf_feel_value *value)
{
    struct qf_buf text = {0};
    struct qf_feel_value again;
    int64_t integer;
    qf_feel_number_write(&text, value);
    /* The text of a number has no exponent and may be longer than what is taken as a literal. */
    if (qf_feel_number_parse(&again, qf_buf_slice(&text)))
        QF_ASSERT(qf_feel_number_compare(&again, value) == 0);
    QF_ASSERT(qf_feel_number_compare(value, value) == 0);
    if (qf_feel_number_to_int(&integer, value) && qf_feel_number_is_integer(value)) {
        again = qf_feel_int(integer);
        QF_ASSERT(qf_feel_number_compare(&again, value) == 0);
        QF_ASSERT(qf_feel_number_is_odd(value) == (integer % 2 != 0));
    }
    QF_ASSERT(!qf_feel_number_is_zero(value) || !qf_feel_number_is_negative(value));
    qf_buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_feel_value a, b, first, second;
    if (size < 2 * NUMBER_SIZE + 3 || !number_of(&a, data) || !number_of(&b, data + NUMBER_SIZE))
        return 0;
    data += 2 * (size_t)NUMBER_SIZE;
    unsigned op = data[0] % 17;
    int32_t scale = (int16_t)(data[1] << 8 | data[2]) % (QF_FEEL_SCALE_MAX + 1);
    if (scale < QF_FEEL_SCALE_MIN)
        scale = QF_FEEL_SCALE_MIN;
    check(&a);
    check(&b);
    QF_ASSERT(qf_feel_number_compare(&a, &b) == -qf_feel_number_compare(&b, &a));
    dirty(0xFF);
    bool done = operate(&first, op, &a, &b, scale);
    dirty(0x05);
    QF_ASSERT(operate(&second, op, &a, &b, scale) == done);
    if (!done)
        return 0;
    check(&first);
    QF_ASSERT(same(&first, &second));
    if (op == 0 || op == 2) {
        QF_ASSERT(operate(&second, op, &b, &a, scale));
        QF_ASSERT(qf_feel_number_compare(&first, &second) == 0);
    }
    if (op == 6)
        QF_ASSERT(!qf_feel_number_is_negative(&first));
    return 0;
}
