/* Decimal text to the nearest binary64 and back to the shortest decimal that reads as it, as
 * ECMAScript's Number::toString has it (RFC 8785 3.2.2.3), in integers alone: machine floats may
 * round differently from one computer to the next, and these bytes are signed.
 *
 * A number is 0.d1d2…dn × 10^point. Up to 15 digits it is its own shortest form, because binary64
 * keeps 15 apart; beyond that big integers decide, exactly. */
#include "codec/json_number.h"

/* Room for the longest number: sign, 17 digits, zeros up to 21 places or "0.00000", "e-324". */
#define NUMBER_SIZE_MAX 40

/* 768 digits decide every rounding of binary64; what follows them only says "and a little more". */
#define DIGITS_MAX 800
#define DIGITS_EXACT 15
#define DIGITS_SHORTEST_MAX 17
/* 0.d × 10^point: above the first all overflow, below the second all are zero. */
#define POINT_MAX 309
#define POINT_MIN (-323)
#define POINT_NORMAL_MIN (-306) /* from here on certainly not subnormal */
#define MANTISSA_BITS 53
#define EXPONENT_MIN (-1074) /* of the last bit of a subnormal */

struct decimal {
    uint8_t digits[DIGITS_MAX + 1]; /* 0 to 9; no leading and no trailing zeros */
    size_t count;                   /* 0: the number is zero */
    int64_t point;
    bool negative;
};

/* 2^1024 - 2^970: from here on binary64 rounds to infinity. */
static const char overflow_digits[] =
    "17976931348623158079372897140530341507993413271003782693617377898044496829276475"
    "09466490179775872070963302864166928879109465555478519404026306574886715058206819"
    "08902000708383676273854845817711531764475730270069855571366959622842914819860834"
    "936475292719074168444365510704342711559699508093042880177904174497792";

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static const uint8_t *read_exponent(const uint8_t *at, const uint8_t *end, int64_t *exponent)
{
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    int64_t value = 0;
    for (; at < end; at++)
        if (value < INT32_MAX)
            value = value * 10 + (*at - '0');
    *exponent = negative ? -value : value;
    return at;
}

static void add_digit(struct decimal *d, uint8_t digit)
{
    if (d->count < DIGITS_MAX)
        d->digits[d->count++] = digit;
    else if (digit != 0)
        d->digits[DIGITS_MAX] = 1;
}

static void decimal_read(struct decimal *d, struct qf_slice number)
{
    const uint8_t *at = number.data;
    const uint8_t *end = at + number.size;
    d->count = 0;
    d->point = 0;
    d->digits[DIGITS_MAX] = 0;
    d->negative = *at == '-';
    at += d->negative ? 1 : 0;
    bool fraction = false;
    for (; at < end && (is_digit(*at) || *at == '.'); at++) {
        if (*at == '.') {
            fraction = true;
        } else if (*at == '0' && d->count == 0) {
            d->point -= fraction ? 1 : 0; /* zeros in front */
        } else {
            add_digit(d, (uint8_t)(*at - '0'));
            d->point += fraction ? 0 : 1;
        }
    }
    int64_t exponent = 0;
    if (at < end)
        read_exponent(at + 1, end, &exponent);
    d->point += exponent;
    if (d->digits[DIGITS_MAX] != 0)
        d->count = DIGITS_MAX + 1;
    while (d->count > 0 && d->digits[d->count - 1] == 0)
        d->count--;
}

bool qf_json_number_valid(struct qf_slice text)
{
    struct decimal d;
    decimal_read(&d, text);
    if (d.count == 0 || d.point < POINT_MAX)
        return true;
    if (d.point > POINT_MAX)
        return false;
    for (size_t i = 0; i < sizeof overflow_digits - 1; i++) {
        int limit = overflow_digits[i] - '0';
        int digit = i < d.count ? d.digits[i] : 0;
        if (digit != limit)
            return digit < limit;
    }
    return false;
}

/* ---- big integers ---- */

/* The largest are 10^(DIGITS_MAX+1-POINT_MIN), under 2^3740, and a shift by the size of another. */
#define LIMBS_MAX 160

struct big {
    uint32_t limbs[LIMBS_MAX]; /* least significant first */
    size_t count;              /* without leading zeros */
};

static void big_set(struct big *a, uint64_t value)
{
    a->count = 0;
    for (; value > 0; value >>= 32)
        a->limbs[a->count++] = (uint32_t)value;
}

static void big_multiply_add(struct big *a, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (size_t i = 0; i < a->count; i++) {
        carry += (uint64_t)a->limbs[i] * factor;
        a->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        QF_ASSERT(a->count < LIMBS_MAX);
        a->limbs[a->count++] = (uint32_t)carry;
    }
}

static void big_multiply_pow10(struct big *a, int64_t power)
{
    QF_ASSERT(power >= 0);
    for (; power >= 9; power -= 9)
        big_multiply_add(a, 1000000000, 0);
    for (; power > 0; power--)
        big_multiply_add(a, 10, 0);
}

static void big_shift_left(struct big *a, int64_t bits)
{
    QF_ASSERT(bits >= 0);
    if (a->count == 0)
        return;
    size_t whole = (size_t)bits / 32;
    unsigned part = (unsigned)bits % 32;
    QF_ASSERT(a->count + whole + 1 <= LIMBS_MAX);
    a->limbs[a->count] = 0;
    for (size_t i = a->count + 1; i-- > 0;) {
        uint64_t pair = (uint64_t)a->limbs[i] << 32 | (i > 0 ? a->limbs[i - 1] : 0);
        a->limbs[i + whole] = (uint32_t)(pair << part >> 32);
    }
    memset(a->limbs, 0, whole * sizeof a->limbs[0]);
    a->count += whole + 1;
    if (a->limbs[a->count - 1] == 0)
        a->count--;
}

static int64_t big_bits(const struct big *a)
{
    return a->count == 0 ? 0 : (int64_t)a->count * 32 - __builtin_clz(a->limbs[a->count - 1]);
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = a->count; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* a - b, which must not be negative. */
static void big_subtract(struct big *a, const struct big *b)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->count; i++) {
        uint64_t take = borrow + (i < b->count ? b->limbs[i] : 0);
        borrow = a->limbs[i] < take;
        a->limbs[i] = (uint32_t)(a->limbs[i] - take);
    }
    QF_ASSERT(borrow == 0);
    while (a->count > 0 && a->limbs[a->count - 1] == 0)
        a->count--;
}

static void big_add(struct big *a, const struct big *b)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < a->count || i < b->count; i++) {
        carry += (i < a->count ? (uint64_t)a->limbs[i] : 0) + (i < b->count ? b->limbs[i] : 0);
        QF_ASSERT(i < LIMBS_MAX);
        a->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    a->count = a->count > b->count ? a->count : b->count;
    if (carry > 0) {
        QF_ASSERT(a->count < LIMBS_MAX);
        a->limbs[a->count++] = (uint32_t)carry;
    }
}

/* ---- decimal to binary64 ---- */

struct binary {
    uint64_t mantissa; /* below 2^53; value = mantissa × 2^exponent */
    int exponent;      /* from EXPONENT_MIN on */
};

/* The next `bits` bits of n/d, which is below 2, into a mantissa; n becomes what is left. */
static uint64_t divide_bits(struct big *n, const struct big *d, int64_t bits)
{
    uint64_t quotient = 0;
    for (int64_t i = 0; i < bits; i++) {
        quotient <<= 1;
        if (big_compare(n, d) >= 0) {
            big_subtract(n, d);
            quotient |= 1;
        }
        big_shift_left(n, 1);
    }
    return quotient;
}

/* Nearest, ties to even. The decimal is not zero, fits, and is not below POINT_MIN. */
static struct binary binary_of(const struct decimal *decimal)
{
    struct big n;
    struct big d;
    big_set(&n, 0);
    big_set(&d, 1);
    for (size_t i = 0; i < decimal->count; i++) {
        if (n.count == 0)
            big_set(&n, decimal->digits[i]);
        else
            big_multiply_add(&n, 10, decimal->digits[i]);
    }
    int64_t power = decimal->point - (int64_t)decimal->count;
    if (power >= 0)
        big_multiply_pow10(&n, power);
    else
        big_multiply_pow10(&d, -power);
    /* Shift so that 1 <= n/d < 2; then the value is n/d × 2^top. */
    int64_t top = big_bits(&n) - big_bits(&d);
    if (top >= 0)
        big_shift_left(&d, top);
    else
        big_shift_left(&n, -top);
    if (big_compare(&n, &d) < 0) {
        big_shift_left(&n, 1);
        top--;
    }
    int64_t exponent = top - (MANTISSA_BITS - 1);
    if (exponent < EXPONENT_MIN)
        exponent = EXPONENT_MIN;
    int64_t bits = top - exponent + 1;
    if (bits < 0)
        return (struct binary){0, EXPONENT_MIN}; /* under half of the smallest */
    uint64_t mantissa = divide_bits(&n, &d, bits);
    /* n/d is now what is left, doubled: the half lies at 1. With no bits it has not been doubled,
     * and n/d in [1, 2) already says half of the smallest or more. */
    int half = big_compare(&n, &d);
    if (half > 0 || (half == 0 && (mantissa & 1) != 0))
        mantissa++;
    if (mantissa == (uint64_t)1 << MANTISSA_BITS) {
        mantissa >>= 1;
        exponent++;
    }
    return (struct binary){mantissa, (int)exponent};
}

/* ---- binary64 to the shortest decimal ---- */

/* Steele and White's free-format algorithm (dragon4): value = r/s; low/s and high/s are half the
 * distance to its neighbours. */
struct dragon {
    struct big r;
    struct big s;
    struct big low;
    struct big high;
    bool even; /* the ends of the interval round to the value as well */
};

static void dragon_init(struct dragon *g, struct binary value)
{
    bool closer_below =
        value.mantissa == (uint64_t)1 << (MANTISSA_BITS - 1) && value.exponent > EXPONENT_MIN;
    int64_t up = value.exponent > 0 ? value.exponent : 0;
    int64_t down = value.exponent < 0 ? -(int64_t)value.exponent : 0;
    int64_t extra = closer_below ? 2 : 1;
    g->even = (value.mantissa & 1) == 0;
    big_set(&g->r, value.mantissa);
    big_shift_left(&g->r, up + extra);
    big_set(&g->s, 1);
    big_shift_left(&g->s, down + extra);
    big_set(&g->low, 1);
    big_shift_left(&g->low, up);
    g->high = g->low;
    if (closer_below)
        big_shift_left(&g->high, 1);
}

/* Whether r + high reaches s: the value, or what rounds to it, is 1 or more. */
static bool dragon_reaches(const struct dragon *g)
{
    struct big sum = g->r;
    big_add(&sum, &g->high);
    int order = big_compare(&sum, &g->s);
    return order > 0 || (order == 0 && g->even);
}

static void dragon_times10(struct dragon *g)
{
    big_multiply_add(&g->r, 10, 0);
    big_multiply_add(&g->low, 10, 0);
    big_multiply_add(&g->high, 10, 0);
}

/* Brings the value into [0.1, 1); returns the place of the point. */
static int64_t dragon_scale(struct dragon *g, int64_t guess)
{
    if (guess >= 0) {
        big_multiply_pow10(&g->s, guess);
    } else {
        big_multiply_pow10(&g->r, -guess);
        big_multiply_pow10(&g->low, -guess);
        big_multiply_pow10(&g->high, -guess);
    }
    int64_t point = guess;
    while (dragon_reaches(g)) {
        big_multiply_add(&g->s, 10, 0);
        point++;
    }
    for (;;) {
        struct dragon next = *g;
        dragon_times10(&next);
        if (dragon_reaches(&next))
            return point;
        *g = next;
        point--;
    }
}

static void dragon_digits(struct dragon *g, struct decimal *out)
{
    out->count = 0;
    for (;;) {
        dragon_times10(g);
        uint8_t digit = 0;
        while (big_compare(&g->r, &g->s) >= 0) {
            big_subtract(&g->r, &g->s);
            digit++;
        }
        int below = big_compare(&g->r, &g->low);
        bool low = below < 0 || (below == 0 && g->even);
        bool high = dragon_reaches(g);
        if (low || high) {
            big_shift_left(&g->r, 1);
            int half = big_compare(&g->r, &g->s);
            bool up = low && high ? half > 0 || (half == 0 && (digit & 1) != 0) : high;
            digit = (uint8_t)(digit + (up ? 1 : 0));
        }
        QF_ASSERT(digit <= 9 && out->count < DIGITS_SHORTEST_MAX);
        out->digits[out->count++] = digit;
        if (low || high)
            return;
    }
}

static void shorten(struct decimal *d)
{
    if (d->count == 0)
        return;
    if (d->point < POINT_MIN) {
        d->count = 0;
        return;
    }
    if (d->count <= DIGITS_EXACT && d->point >= POINT_NORMAL_MIN)
        return;
    struct binary value = binary_of(d);
    if (value.mantissa == 0) {
        d->count = 0;
        return;
    }
    struct dragon g;
    dragon_init(&g, value);
    d->point = dragon_scale(&g, d->point);
    dragon_digits(&g, d);
}

/* ---- the form of Number::toString (ECMA-262 6.1.6.1.20) ---- */

static size_t put_digits(char *out, const struct decimal *d, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        out[i - from] = (char)('0' + (i < d->count ? d->digits[i] : 0));
    return to - from;
}

static size_t put_exponent(char *out, int64_t exponent)
{
    uint64_t rest = (uint64_t)(exponent < 0 ? -exponent : exponent);
    size_t size = 0;
    out[size++] = 'e';
    out[size++] = exponent < 0 ? '-' : '+';
    if (rest >= 100)
        out[size++] = (char)('0' + rest / 100);
    if (rest >= 10)
        out[size++] = (char)('0' + rest / 10 % 10);
    out[size++] = (char)('0' + rest % 10);
    return size;
}

static size_t format(char out[NUMBER_SIZE_MAX], struct qf_slice number)
{
    struct decimal d;
    decimal_read(&d, number);
    shorten(&d);
    size_t size = 0;
    if (d.count == 0) {
        out[0] = '0';
        return 1;
    }
    if (d.negative)
        out[size++] = '-';
    if (d.point > 0 && d.point <= 21) {
        size_t whole = (size_t)d.point;
        size += put_digits(out + size, &d, 0, whole);
        if (d.count > whole) {
            out[size++] = '.';
            size += put_digits(out + size, &d, whole, d.count);
        }
        return size;
    }
    if (d.point > -6 && d.point <= 0) {
        out[size++] = '0';
        out[size++] = '.';
        for (int64_t i = d.point; i < 0; i++)
            out[size++] = '0';
        return size + put_digits(out + size, &d, 0, d.count);
    }
    size += put_digits(out + size, &d, 0, 1);
    if (d.count > 1) {
        out[size++] = '.';
        size += put_digits(out + size, &d, 1, d.count);
    }
    return size + put_exponent(out + size, d.point - 1);
}

void qf_json_number_write(struct qf_buf *buf, struct qf_slice text)
{
    char number[NUMBER_SIZE_MAX];
    qf_buf_put(buf, number, format(number, text));
}
