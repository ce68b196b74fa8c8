/* Decimal arithmetic on values of kind number: IEEE 754-2008 decimal128, half-even, over decNumber.
 * Results that are not finite are refused (false), and *out is then null. `out` may be an input. */
#ifndef QF_FEEL_NUMBER_H
#define QF_FEEL_NUMBER_H

#include "feel/value.h"

enum qf_feel_rounding {
    QF_FEEL_ROUND_HALF_EVEN,
    QF_FEEL_ROUND_HALF_UP,
    QF_FEEL_ROUND_HALF_DOWN,
    QF_FEEL_ROUND_UP,   /* away from zero */
    QF_FEEL_ROUND_DOWN, /* towards zero */
    QF_FEEL_ROUND_FLOOR,
    QF_FEEL_ROUND_CEILING,
};

#define QF_FEEL_SCALE_MIN (-6111)
#define QF_FEEL_SCALE_MAX 6176

/* Digits, '.', optional exponent, leading sign; the whole text or false. */
bool qf_feel_number_parse(struct qf_feel_value *out, struct qf_slice text);
/* Appends plain digits, never an exponent. */
void qf_feel_number_write(struct qf_buf *buf, const struct qf_feel_value *n);

bool qf_feel_number_add(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b);
bool qf_feel_number_sub(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b);
bool qf_feel_number_mul(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b);
bool qf_feel_number_div(struct qf_feel_value *out, const struct qf_feel_value *a,
                        const struct qf_feel_value *b);
bool qf_feel_number_power(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b);
/* dividend - divisor * floor(dividend / divisor) */
bool qf_feel_number_modulo(struct qf_feel_value *out, const struct qf_feel_value *a,
                           const struct qf_feel_value *b);
bool qf_feel_number_sqrt(struct qf_feel_value *out, const struct qf_feel_value *n);
bool qf_feel_number_ln(struct qf_feel_value *out, const struct qf_feel_value *n);
bool qf_feel_number_exp(struct qf_feel_value *out, const struct qf_feel_value *n);
void qf_feel_number_negate(struct qf_feel_value *out, const struct qf_feel_value *n);

/* Rounds to `scale` digits after the point; one with fewer gets zeros, if 34 digits hold them. */
bool qf_feel_number_round(struct qf_feel_value *out, const struct qf_feel_value *n, int32_t scale,
                          enum qf_feel_rounding rounding);

int qf_feel_number_compare(const struct qf_feel_value *a, const struct qf_feel_value *b);
bool qf_feel_number_is_zero(const struct qf_feel_value *n);
bool qf_feel_number_is_negative(const struct qf_feel_value *n);
bool qf_feel_number_is_integer(const struct qf_feel_value *n);
/* Whether an integer is odd; false for one that is not an integer. */
bool qf_feel_number_is_odd(const struct qf_feel_value *n);
/* The integer part, towards zero; false when it does not fit. */
bool qf_feel_number_to_int(int64_t *out, const struct qf_feel_value *n);
/* Seconds and nanoseconds (below 1e9, adding) of a decimal count of seconds. */
bool qf_feel_number_to_seconds(int64_t *seconds, uint32_t *nanos, const struct qf_feel_value *n);
struct qf_feel_value qf_feel_number_from_seconds(int64_t seconds, uint32_t nanos);

#endif
