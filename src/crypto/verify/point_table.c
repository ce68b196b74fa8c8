#include "crypto/verify/point_table.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/status.h"

const struct qf_table_shape qf_key_shape = QF_TABLE_SHAPE(QF_KEY_BITS);
const struct qf_table_shape qf_generator_shape = QF_TABLE_SHAPE(QF_GENERATOR_BITS);

_Static_assert(QF_KEY_ROWS == 51 && QF_KEY_ENTRIES == 832, "50 rows of 16 entries, one of 32");
_Static_assert(QF_GENERATOR_ROWS == 32 && QF_GENERATOR_ENTRIES == 4096, "32 rows of 128 entries");
_Static_assert(QF_ROWS_MAX >= QF_GENERATOR_ROWS && QF_ROWS_MAX >= QF_KEY_ROWS, "room for digits");

static unsigned row_size(const struct qf_table_shape *shape, unsigned row)
{
    return row + 1 < shape->rows ? shape->row_size : shape->last_size;
}

static void from_affine(const struct qf_curve *curve, struct qf_jacobian *out,
                        const struct qf_affine *point)
{
    memcpy(out->x, point->x, sizeof out->x);
    memcpy(out->y, point->y, sizeof out->y);
    memcpy(out->z, curve->p_one, sizeof out->z);
}

static void to_affine(const struct qf_curve *curve, struct qf_affine *out,
                      const struct qf_jacobian *point, const uint64_t z_inverse[QF_LIMBS])
{
    uint64_t power[QF_LIMBS];
    curve->sqr(power, z_inverse);
    curve->mul(out->x, point->x, power);
    curve->mul(power, power, z_inverse);
    curve->mul(out->y, point->y, power);
}

/* Affine forms of points none of which is at infinity, with one inversion (Montgomery's trick):
 * products[i] = z_0·…·z_i; from the inverse of the last, each z's inverse backwards. */
static void all_to_affine(const struct qf_curve *curve, struct qf_affine *out,
                          struct qf_table_scratch *from, size_t count)
{
    memcpy(from[0].product, from[0].point.z, sizeof from[0].product);
    for (size_t i = 1; i < count; i++)
        curve->mul(from[i].product, from[i - 1].product, from[i].point.z);
    uint64_t inverse[QF_LIMBS];
    curve->inv(inverse, from[count - 1].product);
    for (size_t i = count - 1; i > 0; i--) {
        uint64_t z_inverse[QF_LIMBS];
        curve->mul(z_inverse, inverse, from[i - 1].product);
        curve->mul(inverse, inverse, from[i].point.z);
        to_affine(curve, &out[i], &from[i].point, z_inverse);
    }
    to_affine(curve, &out[0], &from[0].point, inverse);
}

void qf_table_build(const struct qf_curve *curve, const struct qf_table_shape *shape,
                    struct qf_affine *table, const struct qf_affine *point,
                    struct qf_table_scratch *scratch)
{
    struct qf_affine heads[QF_ROWS_MAX];
    from_affine(curve, &scratch[0].point, point);
    for (unsigned row = 1; row < shape->rows; row++) {
        scratch[row].point = scratch[row - 1].point;
        for (unsigned i = 0; i < shape->bits; i++)
            curve->jdouble(&scratch[row].point, &scratch[row].point);
    }
    all_to_affine(curve, heads, scratch, shape->rows);
    struct qf_table_scratch *at = scratch;
    for (unsigned row = 0; row < shape->rows; row++) {
        from_affine(curve, &at[0].point, &heads[row]);
        curve->jdouble(&at[1].point, &at[0].point);
        unsigned size = row_size(shape, row);
        for (unsigned k = 2; k < size; k++)
            curve->jmixadd(&at[k].point, &at[k - 1].point, &heads[row]);
        at += size;
    }
    all_to_affine(curve, table, scratch, qf_table_entries(shape));
}

static struct qf_affine *generators[QF_ALG_SM2_SM3 + 1];

static void build_generator(enum qf_sig_alg alg)
{
    const struct qf_curve *curve = qf_curve_of(alg, qf_arith_best());
    struct qf_affine *table = NULL;
    QF_ASSERT(posix_memalign((void **)&table, 4096, QF_GENERATOR_ENTRIES * sizeof *table) == 0);
    struct qf_table_scratch *scratch = calloc(QF_GENERATOR_ENTRIES, sizeof *scratch);
    QF_ASSERT(scratch != NULL);
    qf_table_build(curve, &qf_generator_shape, table, &curve->g, scratch);
    free(scratch);
    generators[alg] = table;
}

static void build_p256(void)
{
    build_generator(QF_ALG_ES256);
}

static void build_sm2(void)
{
    build_generator(QF_ALG_SM2_SM3);
}

const struct qf_affine *qf_table_generator(enum qf_sig_alg alg)
{
    static pthread_once_t p256_once = PTHREAD_ONCE_INIT;
    static pthread_once_t sm2_once = PTHREAD_ONCE_INIT;
    if (alg == QF_ALG_ES256)
        QF_ASSERT(pthread_once(&p256_once, build_p256) == 0);
    else
        QF_ASSERT(pthread_once(&sm2_once, build_sm2) == 0);
    return generators[alg];
}

static unsigned bits_at(const uint64_t v[QF_LIMBS], unsigned at, unsigned count)
{
    QF_ASSERT(at < 256 && count < 32);
    unsigned limb = at / 64;
    unsigned shift = at % 64;
    uint64_t bits = v[limb] >> shift;
    if (shift + count > 64 && limb + 1 < QF_LIMBS)
        bits |= v[limb + 1] << (64 - shift);
    return (unsigned)(bits & ((1U << count) - 1));
}

void qf_table_digits_plain(const struct qf_table_shape *shape, struct qf_digits *out,
                           const uint64_t v[QF_LIMBS], bool negative)
{
    int sign = negative ? -1 : 1;
    unsigned carry = 0;
    unsigned last = shape->rows - 1;
    for (unsigned row = 0; row < last; row++) {
        unsigned digit = bits_at(v, row * shape->bits, shape->bits) + carry;
        carry = digit > shape->row_size;
        int signed_digit = (int)digit - (int)(carry << shape->bits);
        out->of[row] = (int16_t)(sign * signed_digit);
    }
    unsigned top = bits_at(v, last * shape->bits, 255 - last * shape->bits) + carry;
    QF_ASSERT(top <= shape->last_size);
    out->of[last] = (int16_t)(sign * (int)top);
}

void qf_table_digits(const struct qf_curve *curve, const struct qf_table_shape *shape,
                     struct qf_digits *out, const uint64_t u[QF_LIMBS])
{
    uint64_t v[QF_LIMBS];
    bool negative = qf_number_less(curve->n_half, u);
    if (negative)
        (void)qf_number_sub(v, curve->n, u);
    else
        memcpy(v, u, sizeof v);
    qf_table_digits_plain(shape, out, v, negative);
}

static const struct qf_affine *entry_of(const struct qf_table_shape *shape,
                                        const struct qf_affine *table, unsigned row, int digit)
{
    unsigned size = (unsigned)(digit < 0 ? -digit : digit);
    return &table[row * shape->row_size + size - 1];
}

void qf_table_prefetch(const struct qf_table_shape *shape, const struct qf_affine *table,
                       const struct qf_digits *digits)
{
    for (unsigned row = 0; row < shape->rows; row++)
        if (digits->of[row] != 0)
            __builtin_prefetch(entry_of(shape, table, row, digits->of[row]));
}

void qf_table_sum(const struct qf_curve *curve, const struct qf_table_shape *shape,
                  struct qf_jacobian *out, const struct qf_affine *table,
                  const struct qf_digits *digits)
{
    bool empty = true;
    memset(out, 0, sizeof *out);
    for (unsigned row = 0; row < shape->rows; row++) {
        int digit = digits->of[row];
        if (digit == 0)
            continue;
        const struct qf_affine *entry = entry_of(shape, table, row, digit);
        struct qf_affine term;
        memcpy(term.x, entry->x, sizeof term.x);
        curve->optneg(term.y, digit < 0, entry->y);
        if (empty)
            from_affine(curve, out, &term);
        else
            curve->jmixadd(out, out, &term);
        empty = false;
    }
}
